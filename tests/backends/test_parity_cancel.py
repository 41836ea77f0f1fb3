"""Cancellation, timeouts and task groups do on our loop what they do on the stock one, in the same order."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest

Log = list[Any]


async def _forever(log: Log, name: str, *, cleanup: int = 0) -> None:
    log.append((name, "start"))
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError as error:
        log.append((name, "cancelled", error.args))
        for _ in range(cleanup):
            await asyncio.sleep(0)
        log.append((name, "clean"))
        raise


async def _fail(log: Log, name: str, *, after: int = 0) -> None:
    for _ in range(after):
        await asyncio.sleep(0)
    log.append((name, "fails"))
    raise ValueError(name)


async def _yields(log: Log, name: str, count: int) -> str:
    for _ in range(count):
        await asyncio.sleep(0)
    log.append(name)
    return name


async def a_cancel_message(log: Log) -> None:
    task = asyncio.create_task(_forever(log, "a"))
    await asyncio.sleep(0)
    task.cancel("because")
    await task


async def cancel_before_the_start(log: Log) -> Any:
    task = asyncio.create_task(_forever(log, "a"))
    log.append((task.cancel(), task.cancelled()))
    log.append(await asyncio.gather(task, return_exceptions=True))
    return task.cancelled(), task.cancel()


async def cancel_counts(log: Log) -> Any:
    task = asyncio.create_task(_forever(log, "a", cleanup=2))
    await asyncio.sleep(0)
    log.append(
        [task.cancel("one"), task.cancel("two"), task.cancelling(), task.uncancel(), task.cancelling()]
    )
    await asyncio.gather(task, return_exceptions=True)
    return task.cancelling(), task.uncancel(), task.uncancel()


async def cancel_during_the_cleanup(log: Log) -> Any:
    task = asyncio.create_task(_forever(log, "a", cleanup=5))
    await asyncio.sleep(0)
    task.cancel("one")
    await asyncio.sleep(0)
    task.cancel("two")
    return await asyncio.gather(task, return_exceptions=True)


async def a_swallowed_cancellation(log: Log) -> Any:
    async def stubborn() -> str:
        while True:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError as error:
                log.append(error.args)
                if error.args == ("three",):
                    return "gave in"

    task = asyncio.create_task(stubborn())
    for word in ("one", "two", "three"):
        await asyncio.sleep(0)
        task.cancel(word)
    return await task, task.cancelled(), task.cancelling()


async def a_chain_of_waiters(log: Log) -> Any:
    async def outer(inner: asyncio.Task[Any], name: str) -> None:
        try:
            await inner
        except asyncio.CancelledError as error:
            log.append((name, error.args, inner.cancelled()))
            raise

    first = asyncio.create_task(_forever(log, "first"))
    second = asyncio.create_task(outer(first, "second"))
    third = asyncio.create_task(outer(second, "third"))
    await asyncio.sleep(0)
    third.cancel("down")
    await asyncio.gather(third, return_exceptions=True)
    return [task.cancelled() for task in (first, second, third)]


async def a_task_cancels_itself(log: Log) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel("me")
    log.append("still here")
    await asyncio.sleep(0)
    log.append("never")


async def cancel_after_the_wake_up_is_queued(log: Log) -> Any:
    future = asyncio.get_running_loop().create_future()

    async def waiter() -> Any:
        try:
            return await future
        except asyncio.CancelledError:
            log.append(("lost", future.result()))
            raise

    task = asyncio.create_task(waiter())
    await asyncio.sleep(0)
    future.set_result("reply")
    task.cancel()
    return await asyncio.gather(task, return_exceptions=True)


async def wait_for_in_time(log: Log) -> Any:
    return await asyncio.wait_for(_yields(log, "a", 3), 5), await asyncio.wait_for(_yields(log, "b", 1), None)


async def wait_for_too_long(log: Log) -> None:
    await asyncio.wait_for(_forever(log, "a", cleanup=2), 0.002)


async def wait_for_no_time_at_all(log: Log) -> Any:
    done = asyncio.get_running_loop().create_future()
    done.set_result("done")
    for seconds in (0, -1):
        log.append(await asyncio.wait_for(done, seconds))
        try:
            await asyncio.wait_for(_yields(log, "a", 1), seconds)
        except TimeoutError as error:
            log.append(error)


async def wait_for_passes_errors_on(log: Log) -> None:
    await asyncio.wait_for(_fail(log, "a", after=1), 5)


async def wait_for_cancelled_from_outside(log: Log) -> Any:
    task = asyncio.create_task(asyncio.wait_for(_forever(log, "a", cleanup=1), 5))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel("outside")
    return await asyncio.gather(task, return_exceptions=True)


async def wait_for_one_who_will_not_stop(log: Log) -> Any:
    async def stubborn() -> str:
        try:
            await _forever(log, "a")
        except asyncio.CancelledError:
            return "late"
        return "never"

    return await asyncio.wait_for(stubborn(), 0.002)


async def a_timeout_that_fires(log: Log) -> Any:
    try:
        async with asyncio.timeout(0.002) as limit:
            await _forever(log, "a")
    except TimeoutError as error:
        log.append((error, limit.expired()))
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def a_timeout_in_the_past(log: Log) -> None:
    for delay in (0, -1):
        try:
            async with asyncio.timeout(delay):
                log.append("inside")
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                log.append("never")
        except TimeoutError as error:
            log.append(error)


async def a_timeout_nobody_waits_under(log: Log) -> Any:
    async with asyncio.timeout(0) as limit:
        log.append("no await")
    return limit.expired()


async def a_timeout_put_off(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        log.append(limit.when())
        limit.reschedule(loop.time() + 60)
        await _yields(log, "a", 2)
        limit.reschedule(None)
    try:
        limit.reschedule(loop.time())
    except RuntimeError as error:
        log.append(error)
    try:
        async with limit:
            pass
    except RuntimeError as error:
        log.append(error)
    try:
        async with asyncio.timeout_at(loop.time() + 60) as other:
            other.reschedule(loop.time() - 1)
            await _forever(log, "b")
    except TimeoutError:
        log.append(other.expired())


async def nested_timeouts(log: Log) -> None:
    for outer, inner in ((0.002, 60), (60, 0.002)):
        try:
            async with asyncio.timeout(outer) as first:
                try:
                    async with asyncio.timeout(inner) as second:
                        await _forever(log, "a")
                except TimeoutError:
                    log.append("inner")
                log.append("between")
        except TimeoutError:
            log.append("outer")
        log.append((first.expired(), second.expired()))


async def a_timeout_and_a_cancellation(log: Log) -> Any:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await _forever(log, "a")

    task = asyncio.create_task(limited())
    await asyncio.sleep(0)
    task.cancel("outside")
    return await asyncio.gather(task, return_exceptions=True)


async def an_error_in_a_timeout(log: Log) -> None:
    async with asyncio.timeout(0.002):
        try:
            await _forever(log, "a")
        finally:
            raise KeyError("instead")


async def a_group_that_succeeds(log: Log) -> Any:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_yields(log, name, count)) for name, count in (("a", 3), ("b", 1))]
        log.append("body")
    return [task.result() for task in tasks]


async def a_group_with_a_failing_child(log: Log) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_forever(log, "a", cleanup=2))
        group.create_task(_fail(log, "b", after=2))
        await _forever(log, "body")


async def a_group_with_two_failing_children(log: Log) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_fail(log, "a", after=2))
        group.create_task(_fail(log, "b", after=2))
        group.create_task(_forever(log, "c", cleanup=1))


async def a_group_with_a_failing_body(log: Log) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_forever(log, "a"))
        await asyncio.sleep(0)
        raise KeyError("body")


async def a_group_inside_a_group(log: Log) -> None:
    try:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(_forever(log, "outer", cleanup=1))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(_fail(log, "inner", after=1))
                await _forever(log, "body")
    except* ValueError as group:
        log.append(group)


async def a_group_that_is_cancelled(log: Log) -> Any:
    async def owner() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(_forever(log, "a", cleanup=1))
            group.create_task(_yields(log, "b", 9))

    task = asyncio.create_task(owner())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel("outside")
    return await asyncio.gather(task, return_exceptions=True)


async def a_group_cancelled_whose_child_fails(log: Log) -> Any:
    async def child() -> None:
        try:
            await _forever(log, "a")
        finally:
            raise ValueError("in cleanup")

    async def owner() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(child())

    task = asyncio.create_task(owner())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    return await asyncio.gather(task, return_exceptions=True), task.cancelling()


async def a_group_whose_child_is_cancelled(log: Log) -> Any:
    async with asyncio.TaskGroup() as group:
        child = group.create_task(_forever(log, "a"))
        group.create_task(_yields(log, "b", 3))
        await asyncio.sleep(0)
        child.cancel()
    return child.cancelled()


async def a_child_that_starts_another(log: Log) -> None:
    async with asyncio.TaskGroup() as group:

        async def parent() -> None:
            group.create_task(_yields(log, "grandchild", 2))
            log.append("parent")

        group.create_task(parent())


async def a_group_used_at_the_wrong_time(log: Log) -> None:
    group = asyncio.TaskGroup()
    for moment in ("before", "after"):
        coroutine = _yields(log, moment, 1)
        try:
            group.create_task(coroutine)
        except RuntimeError as error:
            log.append(type(error))
        coroutine.close()
        if moment == "before":
            async with group:
                pass


async def a_base_exception_in_a_group(log: Log) -> None:
    class Stop(BaseException):
        pass

    async def child() -> None:
        raise Stop("child")

    async with asyncio.TaskGroup() as group:
        group.create_task(child())
        group.create_task(_forever(log, "a"))


async def except_star_over_several(log: Log) -> None:
    async def fail(error: Exception) -> None:
        raise error

    try:
        async with asyncio.TaskGroup() as group:
            for error in (ValueError(1), KeyError(2), ValueError(3)):
                group.create_task(fail(error))
    except* ValueError as errors:
        log.append(errors)
    except* KeyError as errors:
        log.append(errors)


PROGRAMS = [
    thing for name, thing in list(globals().items()) if inspect.iscoroutinefunction(thing) and name[0] != "_"
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_parity(program: Any, same: Callable[[Any], None]) -> None:
    same(program)
