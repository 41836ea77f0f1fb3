"""Several tasks that run jobs on one loop at the same time, each with what goes wrong in its own background.

Whose a task is, is noted when it is made: by the context variable of whoever makes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextvars import Context, ContextVar
from typing import Any

from interlace.backends.aio import inside
from interlace.backends.aio.background import Suspects, suspects_of, unretrieved_failures, watched
from interlace.backends.aio.host import Host
from interlace.backends.aio.stock import Limit, OpenLoop
from interlace.errors import TimedOut

_OWNER: ContextVar[Share | None] = ContextVar("_OWNER", default=None)
_NOTED = "_interlace_owner"
"""The attribute of a task that says whose it is."""


class Share:
    """One of several tasks on a loop that is open, each with jobs of its own; see `run_together`.

    Args:
        opened: the loop.
        name: what the task is called.
        context: the context of the task; what is made in it, or in a copy of it, belongs to this share.

    Attributes:
        loop: the same loop without its surroundings.
        seconds: how long its last job has taken together with others.
        failures: exceptions in the background of this share that nobody would get to see.
    """

    def __init__(self, opened: OpenLoop, name: str, context: Context) -> None:
        self.opened = opened
        self.loop = opened.loop
        self.host = Host(opened.loop, name=name, context=context, at_hand=True, run=opened.run)
        self.seconds = 0.0
        self.failures: list[BaseException] = []
        self._suspects: Suspects | None = None
        context.run(_OWNER.set, self)
        opened.shares.append(self)
        if opened.loop.get_task_factory() is None:
            opened.loop.set_task_factory(_make_task)

    def call(
        self, coroutine: Coroutine[Any, Any, Any], context: Context | None = None, timeout: float = 0
    ) -> Any:
        """Does what `OpenLoop.call` does, in the task of this share."""
        __tracebackhide__ = True
        with watched(self._suspects):
            if not timeout:
                return self.host.call(coroutine, context)
            with Limit(self.opened.loop, self.host, timeout):
                return self.host.call(coroutine, context)

    def make_current(self) -> None:
        """Makes its loop the current one."""
        self.opened.make_current()

    def is_to_blame(self, context: dict[str, Any]) -> bool:
        """Tells whether what a loop's exception handler was called for belongs to this share."""
        task = context.get("task") or context.get("future")
        if task is not None:
            return _owner_of(task) is self
        handle = context.get("handle")
        owner = _OWNER.get() if handle is None else inside.context_of(handle).get(_OWNER)
        return owner is self

    def take_failures(self, *, unretrieved: bool = False) -> list[BaseException]:
        """Returns what went wrong in the background of this share since the last call; see `OpenLoop.take_failures`."""
        failures, self.failures = self.failures, []
        if unretrieved:
            suspects, self._suspects = self._suspects, None
            failures += suspects.failures() if suspects is not None else []
            failures += unretrieved_failures(self._failed())
        return failures

    def suspect(self) -> None:
        """Does what `OpenLoop.suspect` does, for the tasks of this share."""
        self._suspects = suspects_of(self._failed())

    def _failed(self) -> list[asyncio.Task[Any]]:
        return [task for task in inside.unretrieved(self.loop) if _owner_of(task) is self]

    def close(self) -> None:
        """Ends the task of this share, where it is not in the middle of something."""
        if self.host.busy:
            return
        self.opened.drop(self)
        if not self.opened.shares and self.loop.get_task_factory() is _make_task:
            self.loop.set_task_factory(None)


def _make_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **named: Any) -> asyncio.Task[Any]:
    """Makes a task as asyncio does, and notes whose it is."""
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **named)
    setattr(task, _NOTED, _OWNER.get())
    return task


def _owner_of(task: Any) -> Share | None:
    owner: Share | None = getattr(task, _NOTED, None)
    return owner


def run_together(jobs: Sequence[tuple[Share, Coroutine[Any, Any, Any], float]]) -> list[BaseException | None]:
    """Runs one job of each of several shares of a loop at once, and returns their errors.

    Args:
        jobs: for each the share, the coroutine and the seconds that it may take; 0: any number.
    """
    if not jobs:
        return []
    loop = jobs[0][0].opened.loop
    begun = loop.time()

    async def timed(share: Share, coroutine: Coroutine[Any, Any, Any]) -> None:
        try:
            await coroutine
        finally:
            share.seconds = loop.time() - begun

    limits = [Limit(loop, share.host, seconds) if seconds else None for share, _, seconds in jobs]
    for (share, coroutine, _), limit in zip(jobs, limits, strict=True):
        share.host.post(timed(share, coroutine))
        if limit is not None:
            limit.__enter__()
    while any(
        share.host.busy and not (limit and limit.is_over)
        for (share, *_), limit in zip(jobs, limits, strict=True)
    ):
        jobs[0][0].opened.run()
    errors: list[BaseException | None] = []
    for (share, *_), limit in zip(jobs, limits, strict=True):
        error: BaseException | None = None
        try:
            share.host.result()
        except BaseException as raised:
            error = raised
        if limit is not None:
            try:
                limit.__exit__(None if error is None else type(error), error, None)
            except TimedOut as late:
                error = late
        errors.append(error)
    return errors
