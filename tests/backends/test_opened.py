"""What a suspended async generator has open is found, whether or not there is a variable for it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import pytest

from interlace.backends.aio import inside
from interlace.backends.aio.opened import cancelled_by
from interlace.backends.aio.stock import OpenLoop


async def fail() -> None:
    raise ConnectionError("down")


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
        yield


async def group_of_asyncio() -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
        yield


async def group_of_anyio() -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        group.start_soon(fail)
        yield


async def nested() -> AsyncIterator[None]:
    async with serving():
        yield


async def stacked() -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(serving())
        yield


async def timeout() -> AsyncIterator[None]:
    async with asyncio.timeout(0):
        yield


async def scope() -> AsyncIterator[None]:
    with anyio.CancelScope() as scope:
        scope.cancel()
        yield


async def innocent() -> AsyncIterator[None]:
    async with asyncio.timeout(3600), asyncio.TaskGroup():
        yield


def looked_at(opening: Callable[[], AsyncIterator[None]]) -> tuple[BaseException | None, str]:
    async def main() -> tuple[BaseException | None, str]:
        generator = opening()
        await anext(generator)
        with contextlib.suppress(asyncio.CancelledError):
            for _ in range(5):
                await asyncio.sleep(0)
        found = cancelled_by(generator)
        with contextlib.suppress(BaseException):
            await anext(generator)
        return found

    with asyncio.Runner() as runner:
        return runner.run(main())


@pytest.mark.parametrize("opening", [group_of_asyncio, group_of_anyio, nested, stacked])
def test_a_child_of_a_task_group_is_found(opening: Any) -> None:
    error, what = looked_at(opening)
    assert (type(error), str(error), what) == (ConnectionError, "down", "a child of the task group")


def test_a_timeout_that_is_up_is_found() -> None:
    error, what = looked_at(timeout)
    assert (type(error), what) == (TimeoutError, "the timeout")


def test_a_cancel_scope_that_was_cancelled_is_found() -> None:
    assert looked_at(scope) == (None, "the cancel scope")


def test_what_is_merely_open_is_not_to_blame() -> None:
    assert looked_at(innocent) == (None, "")


async def gathered(task: asyncio.Task[None]) -> None:
    await asyncio.gather(task, return_exceptions=True)


async def looked_into(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])
    assert str(task.exception()) == "down"


async def awaited(task: asyncio.Task[None]) -> None:
    with pytest.raises(ConnectionError):
        await task


async def cancelled(task: asyncio.Task[None]) -> None:
    assert not task.cancel()
    assert inside.unretrieved(task.get_loop()) == []  # asyncio counts it as asked for


async def waited(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])


async def left_alone(task: asyncio.Task[None]) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (gathered, 0),
        (looked_into, 0),
        (awaited, 0),
        (cancelled, 1),
        (waited, 1),
        (left_alone, 1),
    ],
)
def test_a_failed_task_that_nobody_asks_is_told_from_one_that_somebody_does(end: Any, told: int) -> None:
    tasks: list[asyncio.Task[None]] = []

    async def main() -> None:
        tasks.append(asyncio.create_task(fail()))
        await asyncio.sleep(0)

    opened = OpenLoop()
    opened.call(main())
    opened.suspect()
    opened.call(end(tasks[0]))
    failures = opened.take_failures(unretrieved=True)
    assert [str(error) for error in failures] == ["down"] * told
    opened.close()


def test_a_profiler_that_is_at_work_is_left_alone() -> None:
    tasks: list[asyncio.Task[None]] = []

    async def main() -> None:
        tasks.append(asyncio.create_task(fail()))
        await asyncio.sleep(0)

    def profiler(*_: object) -> None:
        pass

    opened = OpenLoop()
    opened.call(main())
    opened.suspect()
    sys.setprofile(profiler)
    try:
        opened.call(awaited(tasks[0]))
        assert sys.getprofile() is profiler
    finally:
        sys.setprofile(None)
    assert opened.take_failures(unretrieved=True) == []
    opened.close()
