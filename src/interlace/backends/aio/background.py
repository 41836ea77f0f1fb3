"""What goes wrong beside the task that is looked at: in callbacks, in tasks that nobody asks, left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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


def late_failures(suspects: list[inside.Suspect], loop: asyncio.AbstractEventLoop) -> list[BaseException]:
    """Returns the exceptions of failed tasks that nobody has awaited until the end.

    Args:
        suspects: the tasks that had failed when what is looked at was over.
        loop: the loop, whose other failed tasks are looked at as well.
    """
    return _unawaited_failures(suspects) + _unretrieved_failures(loop)


def _unretrieved_failures(loop: asyncio.AbstractEventLoop) -> list[BaseException]:
    """Returns the exceptions of failed tasks that are still there and that nobody has asked."""
    failures: list[BaseException] = []
    for task in inside.unretrieved(loop):
        error = inside.retrieve(task)
        if error is not None:
            error.add_note(f"interlace: nobody has awaited the task {task.get_name()} that raised this")
            failures.append(error)
    return failures


def _unawaited_failures(suspects: list[inside.Suspect]) -> list[BaseException]:
    """Returns the exceptions of failed tasks that nobody has awaited since they were suspected.

    To cancel a task that has failed already, as fixtures do in their teardown, keeps asyncio from complaining
    about it; it is not to have awaited it.
    """
    failures: list[BaseException] = []
    for suspect in suspects:
        if inside.was_awaited(suspect):
            continue
        error = inside.retrieve(suspect.task)
        if error is not None:
            error.add_note(
                f"interlace: nobody has awaited the task {suspect.task.get_name()} that raised this during the test"
            )
            failures.append(error)
    return failures


def pending_tasks(loop: asyncio.AbstractEventLoop, own: Sequence[asyncio.Task[Any] | None]) -> list[str]:
    """Returns one line for each task that is not done, other than these."""
    if loop.is_closed():
        return []
    others = [task for task in asyncio.all_tasks(loop) if task not in own]
    return [describe(task) for task in sorted(others, key=lambda task: task.get_name())]
