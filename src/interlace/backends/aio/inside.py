"""Every private name of asyncio that interlace relies on, and nothing else.

`tests/backends/test_inside.py` fails on the day one of them vanishes.
"""

from __future__ import annotations

import asyncio
from asyncio import futures
from concurrent.futures import Future as JobFuture
from concurrent.futures import thread as _pools
from types import CodeType, FrameType
from typing import Any

from interlace.model.source import is_user_file, place_of
from interlace.model.trace import Place

WAKE_SLEEPER: Any = futures._set_result_unless_cancelled  # type: ignore[attr-defined]
"""What `asyncio.sleep` arms its timer with: how a sleep is told from a timeout."""


def pool_threads() -> set[Any]:
    """Returns the worker threads of all thread pools of this process."""
    return set(_pools._threads_queues)  # type: ignore[attr-defined]


def copy_result(job: JobFuture[Any], future: asyncio.Future[Any]) -> None:
    """Gives a loop's future the result of a finished job, unless it is done already."""
    if not future.done():
        futures._copy_future_state(job, future)  # type: ignore[attr-defined]


def waits_for(task: asyncio.Task[Any]) -> asyncio.Future[Any] | None:
    """Returns the future that a suspended task waits for; None after a bare yield."""
    return getattr(task, "_fut_waiter", None)


def is_cancelled(handle: asyncio.Handle) -> bool:
    """Tells whether a handle was cancelled, at the price of an attribute."""
    return handle._cancelled


def frames(task: asyncio.Task[Any]) -> list[tuple[CodeType, Place]]:
    """Returns where a suspended task stands, the outermost coroutine first."""
    found: list[tuple[CodeType, Place]] = []
    awaitable: Any = task.get_coro()
    while awaitable is not None:
        for prefix in ("cr", "gi", "ag"):
            frame: FrameType | None = getattr(awaitable, prefix + "_frame", None)
            if frame is not None:
                found.append((frame.f_code, place_of(frame)))
                break
        following = None
        for attribute in ("cr_await", "gi_yieldfrom", "ag_await"):
            following = getattr(awaitable, attribute, None)
            if following is not None:
                break
        awaitable = following
    return found


def user_wait(task: asyncio.Task[Any]) -> Place | None:
    """Returns the innermost line of the user's own code at which a task is suspended."""
    for _, place in reversed(frames(task)):
        if is_user_file(place.file):
            return place
    return None
