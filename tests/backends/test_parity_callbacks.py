"""Callbacks, timers, futures and async generators behave on our loop as on the stock one."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

Log = list[Any]
VAR: contextvars.ContextVar[str] = contextvars.ContextVar("VAR", default="unset")


def _note_errors(log: Log) -> None:
    def handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        log.append((context["message"].partition("<")[0], context.get("exception"), sorted(context)))

    asyncio.get_running_loop().set_exception_handler(handler)


async def call_soon_is_first_in_first_out(log: Log) -> None:
    loop = asyncio.get_running_loop()
    for number in range(3):
        loop.call_soon(log.append, number)
    loop.call_soon(lambda: loop.call_soon(log.append, "nested"))
    loop.call_soon(log.append, "last")
    await asyncio.sleep(0)
    log.append("body")
    await asyncio.sleep(0)


async def handles_can_be_cancelled(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    soon = loop.call_soon(log.append, "never")
    later = loop.call_later(0.001, log.append, "never")
    first = loop.call_soon(lambda: second.cancel())
    second = loop.call_soon(log.append, "never")
    soon.cancel()
    later.cancel()
    soon.cancel()
    await asyncio.sleep(0.002)
    return [handle.cancelled() for handle in (soon, later, first, second)]


async def timers_go_by_deadline(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    now = loop.time()
    for ms in (6, 2, 4):
        loop.call_at(now + ms / 1000, log.append, ms)
    handle = loop.call_at(now + 0.004, log.append, "4 again")
    loop.call_later(0, log.append, "zero")
    loop.call_at(now - 5, log.append, "past")
    loop.call_soon(log.append, "soon")
    await asyncio.sleep(0.008)
    return handle.when() == now + 0.004, handle.cancelled(), isinstance(handle, asyncio.TimerHandle)


async def a_timer_cancelled_by_one_before_it(log: Log) -> None:
    loop = asyncio.get_running_loop()
    when = loop.time() + 0.002
    second = loop.call_at(when + 0.002, log.append, "never")
    loop.call_at(when, second.cancel)
    loop.call_at(when + 0.004, log.append, "end")
    await asyncio.sleep(0.008)


async def timers_compare_and_check_their_arguments(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    early, late = loop.call_later(5, print), loop.call_later(9, print)
    for call in (loop.call_later, loop.call_at):
        try:
            call(None, print)  # type: ignore[arg-type]
        except TypeError as error:
            log.append(error)
    result = early < late, early == early, early != late, hash(early) == hash(early)
    early.cancel()
    late.cancel()
    return result


async def contexts_of_callbacks(log: Log) -> None:
    loop = asyncio.get_running_loop()
    VAR.set("outer")
    other = contextvars.copy_context()
    other.run(VAR.set, "other")
    loop.call_soon(lambda: log.append(VAR.get()))
    loop.call_soon(lambda: log.append(VAR.get()), context=other)
    loop.call_later(0, lambda: log.append(VAR.get()), context=other)
    future = loop.create_future()
    future.add_done_callback(lambda _: log.append(VAR.get()), context=other)
    future.add_done_callback(lambda _: log.append(VAR.get()))
    VAR.set("changed")
    future.set_result(None)
    await asyncio.sleep(0.002)


async def done_callbacks_in_order(log: Log) -> Any:
    future = asyncio.get_running_loop().create_future()
    for number in range(3):
        future.add_done_callback(lambda _, number=number: log.append(number))

    def twice(_: object) -> None:
        log.append("twice")

    future.add_done_callback(twice)
    future.add_done_callback(twice)
    future.add_done_callback(log.append)
    removed = future.remove_done_callback(log.append), future.remove_done_callback(twice)
    future.set_result("done")
    future.add_done_callback(twice)
    log.append("set")
    await asyncio.sleep(0)
    return removed


async def an_error_in_a_callback(log: Log) -> None:
    _note_errors(log)
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(log.append, "goes on")
    loop.call_later(0, int, "x")
    await asyncio.sleep(0.002)


async def an_error_in_the_error_handler(log: Log) -> None:
    def handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        log.append(context["message"])
        if len(log) == 1:
            raise SystemExit(2)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(handler)
    log.clear()
    loop.call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)


async def error_handlers_are_checked(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    log.append(loop.get_exception_handler())
    loop.set_exception_handler(print)
    log.append(loop.get_exception_handler() is print)
    loop.set_exception_handler(None)
    loop.set_exception_handler(3)  # type: ignore[arg-type]


async def an_error_nobody_asked_for(log: Log) -> None:
    _note_errors(log)

    async def fail() -> None:
        raise ValueError("unseen")

    task = asyncio.create_task(fail())
    future = asyncio.get_running_loop().create_future()
    future.set_exception(KeyError("unseen too"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
    del future
    gc.collect()


async def system_exit_in_a_callback(log: Log) -> None:
    loop = asyncio.get_running_loop()

    def leave() -> None:
        log.append("leave")
        raise SystemExit(4)

    loop.call_soon(leave)
    loop.call_soon(log.append, "still queued")
    await loop.create_future()


async def a_callback_of_a_bound_method(log: Log) -> None:
    class Counter:
        def __init__(self) -> None:
            self.count = 0

        def add(self, number: int) -> None:
            self.count += number
            log.append(self.count)

    counter = Counter()
    loop = asyncio.get_running_loop()
    for number in (1, 2):
        loop.call_soon(counter.add, number)
    await asyncio.sleep(0)


async def futures_change_once(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    for ask in (future.result, future.exception):
        try:
            ask()
        except asyncio.InvalidStateError as error:
            log.append(error)
    future.set_result(1)
    for change in (lambda: future.set_result(2), lambda: future.set_exception(ValueError)):
        try:
            change()
        except asyncio.InvalidStateError as error:
            log.append(str(error).partition(":")[0])
    cancelled = loop.create_future()
    log.append((cancelled.cancel("why"), cancelled.cancel(), future.cancel(), future.get_loop() is loop))
    await cancelled


async def a_subclass_of_future(log: Log) -> Any:
    class Loud(asyncio.Future[Any]):
        def set_result(self, result: Any) -> None:
            log.append(("set", result))
            super().set_result(result)

    future = Loud()
    asyncio.get_running_loop().call_soon(future.set_result, 1)
    return await future, await asyncio.wait_for(asyncio.shield(future), 1)


async def futures_of_another_loop(log: Log) -> None:
    other = asyncio.new_event_loop()
    try:
        future = other.create_future()
        try:
            await asyncio.gather(asyncio.get_running_loop().create_future(), future)
        except ValueError as error:
            log.append(error)
        try:
            await future
        except RuntimeError as error:
            log.append(type(error))
    finally:
        other.close()


async def another_loop_cannot_run_inside(log: Log) -> None:
    loop = asyncio.get_running_loop()
    other = asyncio.new_event_loop()
    try:
        for attempt in (other.run_forever, lambda: loop.run_until_complete(loop.create_future())):
            try:
                attempt()
            except RuntimeError as error:
                log.append(error)
    finally:
        other.close()
    try:
        loop.close()
    except RuntimeError as error:
        log.append(error)
    coroutine = asyncio.sleep(0)
    try:
        asyncio.run(coroutine)
    except RuntimeError as error:
        log.append(error)
    coroutine.close()


async def questions_to_the_loop(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    log.append((loop.is_running(), loop.is_closed(), loop.get_debug(), asyncio.get_event_loop() is loop))
    before = loop.time()
    await asyncio.sleep(0.002)
    return loop.time() - before >= 0.0015


async def debug_mode(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 60
    for call in (lambda: loop.call_soon(_async), lambda: loop.call_later(1, 3)):  # type: ignore[arg-type]
        try:
            call()
        except TypeError as error:
            log.append(str(error).partition("<")[0])
    loop.call_soon(log.append, "soon")
    await asyncio.sleep(0)
    loop.set_debug(False)
    return loop.get_debug()


async def _async() -> None:
    pass


async def _numbers(log: Log, count: int) -> AsyncIterator[int]:
    try:
        for number in range(count):
            try:
                yield number
            except KeyError as error:
                log.append(error)
    except (asyncio.CancelledError, GeneratorExit) as error:
        log.append(type(error).__name__)
        raise
    finally:
        await asyncio.sleep(0)
        log.append("finally")


async def a_generator_closed(log: Log) -> None:
    generator: Any = _numbers(log, 5)
    log.append(await anext(generator))
    log.append(await generator.athrow(KeyError("in")))
    await generator.aclose()
    try:
        await anext(generator)
    except StopAsyncIteration:
        log.append("stopped")


async def a_generator_left_by_a_break(log: Log) -> None:
    async for number in _numbers(log, 5):
        log.append(number)
        break
    log.append("left")
    for _ in range(3):
        await asyncio.sleep(0)
        log.append("step")


async def a_generator_left_open(log: Log) -> None:
    loop = asyncio.get_running_loop()
    loop.kept = _numbers(log, 5)  # type: ignore[attr-defined]
    log.append(await anext(loop.kept))  # type: ignore[attr-defined]


async def generators_shut_down_by_hand(log: Log) -> None:
    generator: Any = _numbers(log, 5)
    log.append(await anext(generator))
    await asyncio.get_running_loop().shutdown_asyncgens()
    log.append("shut down")


async def a_generator_under_cancellation(log: Log) -> Any:
    async def walk() -> None:
        async for number in _numbers(log, 5):
            log.append(number)
            await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(walk())
    await asyncio.sleep(0)
    task.cancel()
    return await asyncio.gather(task, return_exceptions=True)


async def a_comprehension_and_a_context_manager(log: Log) -> Any:
    @asynccontextmanager
    async def room(name: str) -> AsyncIterator[str]:
        log.append(("in", name))
        try:
            yield name
        finally:
            await asyncio.sleep(0)
            log.append(("out", name))

    async with room("a") as first, room("b") as second:
        return first, second, [number async for number in _numbers(log, 3)]


PROGRAMS = [
    thing for name, thing in list(globals().items()) if inspect.iscoroutinefunction(thing) and name[0] != "_"
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_parity(program: Any, same: Callable[[Any], None]) -> None:
    same(program)
