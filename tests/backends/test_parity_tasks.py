"""Tasks, gather, wait and their kin do on our loop what they do on the stock one, in the same order."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
from collections.abc import Callable
from typing import Any

import pytest

Log = list[Any]
VAR: contextvars.ContextVar[str] = contextvars.ContextVar("VAR", default="unset")


async def _steps(log: Log, name: str, count: int, error: BaseException | None = None) -> str:
    try:
        for number in range(count):
            log.append((name, number))
            await asyncio.sleep(0)
    except asyncio.CancelledError as cancelled:
        log.append((name, "cancelled", cancelled.args))
        raise
    finally:
        log.append((name, "end"))
    if error is not None:
        raise error
    return name


async def start_order(log: Log) -> None:
    tasks = [asyncio.create_task(_steps(log, name, 2)) for name in "abc"]
    log.append("made")
    for task in tasks:
        await task


async def fairness_of_bare_yields(log: Log) -> None:
    await asyncio.gather(*(_steps(log, str(number), number) for number in (5, 1, 3, 2)))


async def sleep_returns_its_result(log: Log) -> Any:
    return [await asyncio.sleep(0, "a"), await asyncio.sleep(-1, "b"), await asyncio.sleep(0.001, "c")]


async def sleepers_wake_by_deadline(log: Log) -> None:
    async def sleeper(ms: int) -> None:
        await asyncio.sleep(ms / 1000)
        log.append(ms)

    await asyncio.gather(*(sleeper(ms) for ms in (6, 2, 4)))


async def await_a_task_twice(log: Log) -> Any:
    task = asyncio.create_task(_steps(log, "a", 1))
    return await task, await task, task.done(), task.cancelled(), task.cancel()


async def results_before_the_end(log: Log) -> None:
    task = asyncio.create_task(_steps(log, "a", 1))
    for ask in (task.result, task.exception):
        try:
            ask()
        except asyncio.InvalidStateError as error:
            log.append(error)
    await task
    log.append(task.exception())
    for change in (task.set_result, task.set_exception):
        try:
            change(None)
        except RuntimeError as error:
            log.append(error)


async def a_bad_yield(log: Log) -> None:
    class Odd:
        def __await__(self) -> Any:
            yield 42

    for _ in range(2):
        try:
            await asyncio.create_task(_await(Odd()))
        except RuntimeError as error:
            log.append(error)


async def _await(awaitable: Any) -> Any:
    return await awaitable


async def a_task_awaits_itself(log: Log) -> None:
    async def selfish() -> None:
        task = asyncio.current_task()
        assert task is not None
        await task

    try:
        await asyncio.create_task(selfish())
    except RuntimeError as error:
        log.append(type(error))


async def names_of_tasks(log: Log) -> None:
    named = asyncio.create_task(_steps(log, "a", 1), name="ann")
    number = asyncio.create_task(_steps(log, "b", 1), name=7)  # type: ignore[arg-type]
    plain = asyncio.create_task(_steps(log, "c", 1))
    log.extend(task.get_name() for task in (named, number, plain))
    plain.set_name(8)
    log.append(plain.get_name())
    await asyncio.gather(named, number, plain)


async def who_am_i(log: Log) -> Any:
    me = asyncio.current_task()
    assert me is not None
    asyncio.get_running_loop().call_soon(lambda: log.append(asyncio.current_task()))

    async def child() -> None:
        log.append((asyncio.current_task() is task, len(asyncio.all_tasks())))

    task = asyncio.create_task(child())
    log.append((asyncio.current_task() is me, len(asyncio.all_tasks())))
    await task
    return len(asyncio.all_tasks()), me.get_coro() is not None


async def ensure_future_of_all_kinds(log: Log) -> Any:
    class Thing:
        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            return "thing"

    future = asyncio.get_running_loop().create_future()
    future.set_result("future")
    log.append(asyncio.ensure_future(future) is future)
    try:
        asyncio.ensure_future(3)  # type: ignore[arg-type]
    except TypeError as error:
        log.append(error)
    return [await asyncio.ensure_future(each) for each in (_steps(log, "coro", 1), Thing(), future)]


async def not_coroutines(log: Log) -> None:
    log.append([asyncio.iscoroutine(3), asyncio.iscoroutinefunction(_steps), asyncio.isfuture(3)])
    for make in (lambda: asyncio.create_task(3), lambda: asyncio.wait_for(3, 1)):  # type: ignore[arg-type]
        try:
            await make()
        except TypeError as error:
            log.append(error)


async def gather_keeps_its_order(log: Log) -> Any:
    return await asyncio.gather(_steps(log, "a", 3), _steps(log, "b", 1), _steps(log, "c", 2))


async def gather_raises_the_first_error(log: Log) -> None:
    slow = asyncio.create_task(_steps(log, "slow", 5))
    try:
        await asyncio.gather(slow, _steps(log, "a", 1, ValueError("a")), _steps(log, "b", 0, KeyError("b")))
    except (ValueError, KeyError) as error:
        log.append(error)
    log.append(slow.done())
    await slow


async def gather_returns_exceptions(log: Log) -> Any:
    jobs = (_steps(log, "a", 1, ValueError("a")), _steps(log, "b", 2), _steps(log, "c", 0, OSError(5, "c")))
    return await asyncio.gather(*jobs, return_exceptions=True)


async def gather_of_a_cancelled_child(log: Log) -> Any:
    child = asyncio.create_task(_steps(log, "child", 9))
    asyncio.get_running_loop().call_soon(child.cancel, "why")
    log.append(await asyncio.gather(child, _steps(log, "b", 2), return_exceptions=True))
    again = asyncio.create_task(_steps(log, "again", 9))
    asyncio.get_running_loop().call_soon(again.cancel)
    return await asyncio.gather(again)


async def gather_cancelled_from_outside(log: Log) -> None:
    together = asyncio.gather(_steps(log, "a", 9), _steps(log, "b", 9))
    await asyncio.sleep(0)
    log.append(together.cancel("stop"))
    try:
        await together
    except asyncio.CancelledError as error:
        log.append(error)


async def gather_of_nothing_and_of_one_thing_twice(log: Log) -> Any:
    task = asyncio.create_task(_steps(log, "a", 1))
    return await asyncio.gather(), await asyncio.gather(task, task)


async def wait_for_the_first(log: Log) -> Any:
    tasks = [asyncio.create_task(_steps(log, name, count)) for name, count in (("a", 3), ("b", 1))]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    log.append(([task in done for task in tasks], len(pending)))
    return len((await asyncio.wait(tasks))[0])


async def wait_for_the_first_error(log: Log) -> Any:
    jobs = (_steps(log, "a", 9), _steps(log, "b", 1), _steps(log, "c", 2, ValueError("c")))
    tasks = [asyncio.create_task(job) for job in jobs]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    log.append([task in done for task in tasks])
    await asyncio.wait(pending)
    return tasks[2].exception()


async def wait_with_a_timeout(log: Log) -> None:
    stuck = asyncio.create_task(asyncio.Event().wait())
    quick = asyncio.create_task(_steps(log, "quick", 1))
    done, pending = await asyncio.wait([stuck, quick], timeout=0.002)
    log.append((quick in done, stuck in pending, stuck.cancelled()))
    stuck.cancel()


async def wait_misused(log: Log) -> None:
    coroutine = _steps(log, "a", 1)
    for things in ([], [coroutine], asyncio.create_task(_steps(log, "b", 1))):
        try:
            await asyncio.wait(things)
        except (TypeError, ValueError) as error:
            log.append(error)
    coroutine.close()


async def as_completed_in_order(log: Log) -> None:
    jobs = [asyncio.create_task(_steps(log, str(count), count)) for count in (4, 1, 2)]
    for earliest in asyncio.as_completed(jobs):
        log.append(("got", await earliest))


async def as_completed_with_a_timeout(log: Log) -> None:
    jobs = [asyncio.create_task(asyncio.Event().wait()), asyncio.create_task(_steps(log, "a", 1))]
    try:
        for earliest in asyncio.as_completed(jobs, timeout=0.05):
            log.append(await earliest)
    except TimeoutError as error:
        log.append(error)
    jobs[0].cancel()


async def a_shield_holds(log: Log) -> Any:
    inner = asyncio.create_task(_steps(log, "inner", 4))
    outer = asyncio.create_task(_await(asyncio.shield(inner)))
    await asyncio.sleep(0)
    outer.cancel()
    log.append(await asyncio.gather(outer, return_exceptions=True))
    return await inner, outer.cancelled()


async def a_shield_passes_errors_on(log: Log) -> None:
    inner = asyncio.create_task(_steps(log, "inner", 1, ValueError("inner")))
    await asyncio.shield(inner)


async def a_custom_base_exception_in_a_task(log: Log) -> None:
    class Stop(BaseException):
        pass

    task = asyncio.create_task(_steps(log, "a", 1, Stop("now")))
    try:
        await task
    except Stop as error:
        log.append(error)
    await asyncio.create_task(_steps(log, "b", 1, Stop("again")))


async def system_exit_in_a_task(log: Log) -> None:
    tasks = [
        asyncio.create_task(_steps(log, "a", 1, SystemExit(3))),
        asyncio.create_task(_steps(log, "b", 9)),
    ]
    await asyncio.get_running_loop().create_future()
    log.append(tasks)


async def stop_iteration_in_a_future(log: Log) -> None:
    future = asyncio.get_running_loop().create_future()
    try:
        future.set_exception(StopIteration())
    except TypeError as error:
        log.append(error)
    else:
        try:
            await future
        except RuntimeError as error:
            log.append(error)


async def contexts_of_tasks(log: Log) -> Any:
    async def change(value: str) -> None:
        log.append(VAR.get())
        VAR.set(value)
        await asyncio.sleep(0)
        log.append(VAR.get())

    VAR.set("outer")
    context = contextvars.copy_context()
    await asyncio.gather(change("a"), change("b"), asyncio.create_task(change("c"), context=context))
    return VAR.get(), context[VAR]


async def a_custom_task_factory(log: Log) -> Any:
    class Mine(asyncio.Task[Any]):
        pass

    def make(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Mine:
        log.append(("made", sorted(key for key, value in options.items() if value is not None)))
        return Mine(coro, loop=loop, **options)

    loop = asyncio.get_running_loop()
    loop.set_task_factory(make)
    log.append(loop.get_task_factory() is make)
    task = asyncio.create_task(_steps(log, "a", 2), name="ann")
    log.append((type(task).__name__, task.get_name()))
    result = await asyncio.gather(task, _steps(log, "b", 1))
    loop.set_task_factory(None)
    log.append(isinstance(asyncio.create_task(_steps(log, "c", 1)), Mine))
    return result


if sys.version_info >= (3, 12):

    async def eager_tasks(log: Log) -> Any:
        async def immediate() -> str:
            log.append(("immediate", asyncio.current_task() is not main, VAR.get()))
            return "at once"

        main = asyncio.current_task()
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        first = asyncio.create_task(immediate(), name="ann")
        log.append((first.done(), first.get_name()))
        second = asyncio.create_task(_steps(log, "second", 2))
        third = asyncio.create_task(_steps(log, "third", 0, ValueError("third")))
        log.append((second.done(), third.done()))
        async with asyncio.TaskGroup() as group:
            group.create_task(_steps(log, "fourth", 1))
            group.create_task(immediate())
        return await asyncio.gather(first, second, third, return_exceptions=True)

    async def eager_tasks_of_a_subclass(log: Log) -> Any:
        class Mine(asyncio.Task[Any]):
            pass

        factory = asyncio.create_eager_task_factory(Mine)
        asyncio.get_running_loop().set_task_factory(factory)
        task = asyncio.create_task(_steps(log, "a", 1), context=contextvars.copy_context())
        log.append((type(task).__name__, task.done()))
        return await task

    async def an_eager_task_that_is_cancelled(log: Log) -> None:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        task = asyncio.create_task(_steps(log, "a", 5))
        log.append(task.cancel("early"))
        await task


PROGRAMS = [
    thing for name, thing in list(globals().items()) if inspect.iscoroutinefunction(thing) and name[0] != "_"
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_parity(program: Any, same: Callable[[Any], None]) -> None:
    same(program)
