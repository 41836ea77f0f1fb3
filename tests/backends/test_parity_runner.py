"""`asyncio.Runner`, and loops run by hand, work with our loop as with the stock one."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

import interlace

Log = list[Any]
Factory = Callable[[], asyncio.AbstractEventLoop] | None
VAR: contextvars.ContextVar[str] = contextvars.ContextVar("VAR", default="unset")


async def _value(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


async def _raise(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def _loop(factory: Factory) -> asyncio.AbstractEventLoop:
    return (factory or asyncio.new_event_loop)()


def a_runner_runs_twice(log: Log, factory: Factory) -> Any:
    with asyncio.Runner(loop_factory=factory) as runner:
        loop = runner.get_loop()
        log.append((loop.is_running(), loop.is_closed(), runner.get_loop() is loop))
        return runner.run(_value(1)), runner.run(_value(2)), loop.is_closed()


def a_runner_keeps_its_context(log: Log, factory: Factory) -> Any:
    async def change(value: str) -> str:
        before = VAR.get()
        VAR.set(value)
        return before

    with asyncio.Runner(loop_factory=factory) as runner:
        log.append([runner.run(change("one")), runner.run(change("two"))])
        log.append(runner.run(change("three"), context=contextvars.copy_context()))
        return runner.run(change("four")), VAR.get()


def a_runner_goes_on_after_an_error(log: Log, factory: Factory) -> Any:
    with asyncio.Runner(loop_factory=factory) as runner:
        try:
            runner.run(_raise(ValueError(1)))
        except ValueError as error:
            log.append(error)
        return runner.run(_value("next"))


def a_runner_cancels_what_is_left(log: Log, factory: Factory) -> Any:
    async def left(name: str) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            log.append((name, "cleaned"))

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            log.append("generator closed")

    async def main() -> str:
        loop = asyncio.get_running_loop()
        loop.kept = numbers(), [asyncio.create_task(left("task"))]  # type: ignore[attr-defined]
        await anext(loop.kept[0])  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        return "value"

    with asyncio.Runner(loop_factory=factory) as runner:
        log.append(runner.run(main()))
    return "closed"


def a_runner_reports_errors_of_what_is_left(log: Log, factory: Factory) -> Any:
    async def left() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            raise KeyError("while cleaning")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: log.append((context["message"], context["exception"])))
        loop.kept = asyncio.create_task(left())  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def a_runner_in_debug_mode(log: Log, factory: Factory) -> Any:
    async def main() -> Any:
        asyncio.get_running_loop().call_later(0, log.append, "later")
        await asyncio.sleep(0.001)
        return asyncio.get_running_loop().get_debug(), await asyncio.gather(_value(1), _value(2))

    with asyncio.Runner(debug=True, loop_factory=factory) as runner:
        runner.get_loop().slow_callback_duration = 60
        return runner.run(main())


def a_runner_given_no_coroutine(log: Log, factory: Factory) -> Any:
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(3)  # type: ignore[arg-type]


def a_runner_that_is_closed(log: Log, factory: Factory) -> Any:
    runner = asyncio.Runner(loop_factory=factory)
    runner.close()
    with runner:
        log.append("inside")
    runner.get_loop()


def a_runner_inside_a_running_loop(log: Log, factory: Factory) -> Any:
    async def main() -> None:
        inner = _value(1)
        try:
            asyncio.Runner(loop_factory=factory).run(inner)
        finally:
            inner.close()

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def a_loop_run_by_hand(log: Log, factory: Factory) -> Any:
    loop = _loop(factory)
    try:
        log.append(loop.run_until_complete(_value(1)))
        future = loop.create_future()
        loop.call_soon(future.set_result, 2)
        log.append(loop.run_until_complete(future))
        loop.call_soon(log.append, "a")
        loop.call_soon(loop.stop)
        loop.call_soon(log.append, "same iteration")
        loop.call_soon(lambda: loop.call_soon(log.append, "next iteration"))
        loop.run_forever()
        log.append("stopped")
        loop.stop()
        loop.run_forever()
        log.append("stopped again")
        return loop.is_running(), loop.is_closed()
    finally:
        loop.close()


def a_loop_stopped_before_its_future_is_done(log: Log, factory: Factory) -> Any:
    loop = _loop(factory)
    try:
        future = loop.create_future()
        loop.call_soon(loop.stop)
        loop.run_until_complete(future)
    finally:
        loop.close()


def a_loop_that_is_closed(log: Log, factory: Factory) -> Any:
    loop = _loop(factory)
    loop.close()
    loop.close()
    log.append((loop.is_closed(), loop.is_running()))
    coroutine = _value(1)
    for use in (
        lambda: loop.call_soon(print),
        lambda: loop.call_later(1, print),
        lambda: loop.call_at(1, print),
        lambda: loop.call_soon_threadsafe(print),
        lambda: loop.run_in_executor(None, print),
        lambda: loop.create_task(coroutine),
        lambda: loop.run_until_complete(loop.create_future()),
        loop.run_forever,
    ):
        try:
            use()
        except RuntimeError as error:
            log.append(error)
    coroutine.close()


def an_exit_from_a_task(log: Log, factory: Factory) -> Any:
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_raise(SystemExit(7)))


def an_interrupt_from_a_callback(log: Log, factory: Factory) -> Any:
    class Stop(BaseException):
        pass

    loop = _loop(factory)
    try:
        loop.set_exception_handler(lambda _, context: log.append(type(context["exception"]).__name__))

        def stop() -> None:
            raise Stop

        loop.call_soon(stop)
        loop.call_soon(log.append, "goes on")
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
    finally:
        loop.close()


def threadsafe_calls_before_the_start(log: Log, factory: Factory) -> Any:
    loop = _loop(factory)
    try:
        loop.call_soon(log.append, "soon")
        loop.call_soon_threadsafe(log.append, "from anywhere")
        loop.call_later(0.001, loop.stop)
        loop.run_forever()
    finally:
        loop.close()


def tasks_made_before_the_start(log: Log, factory: Factory) -> Any:
    loop = _loop(factory)
    try:
        tasks = [loop.create_task(_value(number), name=f"t{number}") for number in range(3)]
        return [loop.run_until_complete(task) for task in tasks], [task.get_name() for task in tasks]
    finally:
        loop.close()


if sys.version_info >= (3, 12):

    def run_with_a_loop_factory(log: Log, factory: Factory) -> Any:
        return asyncio.run(_value(3), loop_factory=factory, debug=False)


PROGRAMS = [
    thing
    for name, thing in list(globals().items())
    if inspect.isfunction(thing) and thing.__module__ == __name__ and name[0] != "_"
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_parity(program: Any, same_bare: Callable[[Any], None]) -> None:
    same_bare(program)


def test_runner_gives_our_loop() -> None:
    async def main() -> str:
        await asyncio.sleep(3600)
        return type(asyncio.get_running_loop()).__module__

    with asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
        assert runner.run(main()) == "interlace.backends.aio.loop"
        assert runner.get_loop().time() == 3600
