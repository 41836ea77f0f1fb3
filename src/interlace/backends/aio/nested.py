"""Runs a coroutine to its end from plain code that an event loop itself has called.

`request.getfixturevalue("an_async_fixture")` in an async test asks for it: a call that is not async, in
the middle of a step of a task. The loop goes on within that step; the coroutine is driven in the same
task, so that what it opens belongs to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from interlace.backends.aio import inside
from interlace.errors import UsageError


def run_nested(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Drives a coroutine while its loop is in the middle of a callback.

    Raises:
        UsageError: a loop that cannot go on within a callback, such as that of uvloop.
    """
    if not inside.can_iterate(loop):
        coroutine.close()
        raise UsageError(
            f"an async fixture was asked for with getfixturevalue() while {type(loop).__name__} was running, and that "
            "loop cannot run on within a callback: name the fixture in the arguments of the test"
        )
    task = asyncio.current_task(loop)
    whose = getattr(loop, "actor", None)
    error: BaseException | None = None
    while True:
        try:
            awaited = coroutine.send(None) if error is None else coroutine.throw(error)
        except StopIteration as done:
            return done.value
        error = None
        try:
            _iterate(loop, task, awaited)
        except BaseException as raised:
            error = raised
        if whose is not None:
            loop.actor = whose  # type: ignore[attr-defined]


def _iterate(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any] | None, awaited: Any) -> None:
    """Runs the loop until what was awaited is done; after a bare yield, for one iteration."""
    with inside.outside_of(loop, task), inside.iterating(loop) as iterate:
        if awaited is None:
            # With nothing to do, the loop would wait until something happens.
            loop.call_soon(_nothing)
            iterate()
            return
        awaited._asyncio_future_blocking = False
        while not awaited.done():
            iterate()


def _nothing() -> None:
    pass
