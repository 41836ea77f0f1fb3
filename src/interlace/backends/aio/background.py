"""What goes wrong beside the task that is looked at: in callbacks, in tasks that nobody asks, left behind."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Any

from interlace.backends.aio import inside
from interlace.backends.aio.stuck import describe


def failure_in(context: dict[str, Any]) -> BaseException | None:
    """Returns the exception that a loop's exception handler was called for, with a note; None if it has none."""
    error: BaseException | None = context.get("exception")
    if error is None:
        return None
    task = context.get("task") or context.get("future")
    whose = f" (task {task.get_name()})" if isinstance(task, asyncio.Task) else ""
    message = str(context.get("message", "an exception in the background"))
    error.add_note(f"interlace: {message.partition(chr(10))[0]}{whose}")
    return error


class Suspects:
    """The tasks that had failed when what is looked at was over, and that nobody had asked for their exception.

    Somebody may yet do so, to tear things down. To cancel a task that has failed already, as fixtures do as well,
    keeps asyncio from complaining about it; it is not to have asked.

    Args:
        tasks: the failed tasks that nobody has asked.
    """

    def __init__(self, tasks: Sequence[asyncio.Task[Any]]) -> None:
        self._found = [(task, inside.traceback_of(task)) for task in tasks]
        self._asked: set[asyncio.Task[Any]] = set()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Notes within the block which of them are asked: asyncio itself does not tell that from being cancelled."""
        if sys.getprofile() is not None:  # a profiler is at work
            yield
            return
        tasks = [task for task, _ in self._found]

        def look(frame: FrameType, event: str, called: Any) -> None:
            if event == "c_call" and called.__name__ == "exception" and called.__self__ in tasks:
                self._asked.add(called.__self__)

        sys.setprofile(look)
        try:
            yield
        finally:
            sys.setprofile(None)

    def failures(self) -> list[BaseException]:
        """Returns the exceptions that nobody has asked for until now."""
        found: list[BaseException] = []
        for task, traceback in self._found:
            # Where it was raised again, its traceback is longer.
            if task not in self._asked and inside.traceback_of(task) is traceback:
                found += _taken(
                    task, f"nobody has awaited the task {task.get_name()} that raised this during the test"
                )
        return found


def suspects_of(failed: Sequence[asyncio.Task[Any]]) -> Suspects | None:
    """Returns the suspects among failed tasks; None if there are none, as nearly always."""
    return Suspects(failed) if failed else None


def watched(suspects: Suspects | None) -> AbstractContextManager[None]:
    """Notes within the block which suspects are asked, if there are any."""
    return _NOBODY if suspects is None else suspects.watched()


_NOBODY = nullcontext()


def unretrieved_failures(tasks: Sequence[asyncio.Task[Any]]) -> list[BaseException]:
    """Returns the exceptions of failed tasks that are still there and that nobody has asked."""
    return [
        error
        for task in tasks
        for error in _taken(task, f"nobody has awaited the task {task.get_name()} that raised this")
    ]


def _taken(task: asyncio.Task[Any], note: str) -> list[BaseException]:
    """Asks a failed task for its exception, so that it has nothing to complain about, and adds a note to that."""
    error = task.exception()
    if error is None:
        return []
    error.add_note(f"interlace: {note}")
    return [error]


def pending_tasks(loop: asyncio.AbstractEventLoop, own: Sequence[asyncio.Task[Any] | None]) -> list[str]:
    """Returns one line for each task that is not done, other than these."""
    if loop.is_closed():
        return []
    others = [task for task in asyncio.all_tasks(loop) if task not in own]
    return [describe(task) for task in sorted(others, key=lambda task: task.get_name())]
