"""Scheduled callbacks that know which step scheduled them and whose they are."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.model.source import is_own_file

if TYPE_CHECKING:
    from interlace.backends.aio.threads import Threads
    from interlace.backends.aio.timers import Timers


def _of_others(stack: Any) -> Any:
    """Takes interlace's own frames off the end of where a handle was made: debug mode shows that place."""
    with inside.unlooped():
        while stack and is_own_file(stack[-1].filename):
            del stack[-1]
    return stack


class Handle(asyncio.Handle):
    """A callback in the ready queue.

    Attributes:
        cause: the number of the step that scheduled it; -1 if none did.
        actor: whose callback it is; None until `Loop.identify`, where it follows from the callback.
        label: what the step is called in the trace; "" until then, where nobody named it.
    """

    _loop: Threads
    _source_traceback: Any

    __slots__ = ("actor", "cause", "label")

    def __init__(
        self, callback: Any, args: Any, loop: Threads, context: Any, cause: int, actor: str | None
    ) -> None:
        if loop._debug:
            super().__init__(callback, args, loop, context)
            self._source_traceback = _of_others(self._source_traceback)
        else:
            # What the line above does, with fewer calls: one handle is made for each step.
            self._context = copy_context() if context is None else context
            self._loop = loop
            self._callback = callback
            self._args = args
            self._cancelled = False
            self._repr = self._source_traceback = None
        self.cause = cause
        self.actor = actor
        self.label = ""

    def cancel(self) -> None:
        """Cancels the callback, and has the loop know."""
        self._loop.cancellations += 1
        super().cancel()


class _Raises:
    """Stands in for the context of a handle whose callback has raised already, for the length of one call."""

    def __init__(self, handle: Any, error: BaseException) -> None:
        self._handle = handle
        self._error = error
        self._context = handle._context

    def run(self, *_: object) -> None:
        self._handle._context = self._context
        raise self._error


def report(handle: Any, error: BaseException) -> None:
    """Tells the loop of an exception in a callback as `asyncio.Handle._run` does, which then calls it itself."""
    handle._context = _Raises(handle, error)
    handle._run()


class Timer(asyncio.TimerHandle):
    """A callback in the sorted list of timers.

    Attributes:
        cause: as in `Handle`; `actor` and `label` likewise.
        armed: the virtual time in ns at which it was armed.
        deadline: the virtual time in ns at which it is due.
        by: the path of the actor that armed it.
    """

    _args: Any
    _callback: Any
    _cancelled: bool
    _loop: Timers
    _scheduled: bool
    _source_traceback: Any
    _when: float

    __slots__ = ("actor", "armed", "by", "cause", "deadline", "label")

    def __init__(
        self,
        when: float,
        callback: Any,
        args: Any,
        loop: Timers,
        context: Any,
        deadline: int,
        armed: int,
        cause: int,
    ) -> None:
        if loop._debug:
            super().__init__(when, callback, args, loop, context)
            self._source_traceback = _of_others(self._source_traceback)
        else:
            self._context = copy_context() if context is None else context
            self._loop = loop
            self._callback = callback
            self._args = args
            self._cancelled = False
            self._repr = self._source_traceback = None
            self._when = when
        self._scheduled = True
        self.cause = cause
        self.actor: str | None = None
        self.label = ""
        self.by = loop.actor
        self.deadline = deadline
        self.armed = armed

    def cancel(self) -> None:
        """Cancels the callback, and has the loop know; every sleep does so at its end."""
        if not self._cancelled:
            loop = self._loop
            loop.cancellations += 1
            if loop._debug:
                super().cancel()
                return
            if self._scheduled:
                loop._timer_handle_cancelled(self)
            self._cancelled = True
            self._callback = self._args = None
