"""A loop that an exception has left in the middle, as one that a signal raises does: what it had begun is ended.

Where it hits `BaseEventLoop._run_once` between taking a step from the queue and running it, or a task that
schedules its next step, that step is lost. Nothing will ever wake such a task, and nothing refers to it.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import Any

from interlace.backends.aio import inside
from interlace.backends.aio.host import Steps

Tasks = list[asyncio.Task[Any]]


def is_ending(error: BaseException | None) -> bool:
    """Tells whether an exception is meant to end more than the callback which it is raised in."""
    return error is not None and not isinstance(error, (Exception, asyncio.CancelledError, GeneratorExit))


def revive(loop: asyncio.AbstractEventLoop, cancelled: Tasks) -> Tasks:
    """Returns the tasks to wait for in the place of tasks that were cancelled: what the lost ones ran goes on in others.

    Args:
        loop: their loop, which does not run.
        cancelled: the tasks.
    """
    lost = inside.stranded(loop, cancelled)
    found = [task for task in cancelled if task not in lost]
    for task in lost:
        inside.forget(task)
        coroutine: Any = task.get_coro()
        if getattr(coroutine, "cr_frame", None) is not None:
            found.append(loop.create_task(_rest(coroutine), name=task.get_name()))
    return found


async def _rest(coroutine: Any) -> Any:
    return await Steps(copy_context(), coroutine, asyncio.CancelledError())


async def wait(tasks: Tasks, seconds: float) -> None:
    """Waits until tasks are done, or for so many seconds: what would have woken them can be lost as well."""
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)
    for task in tasks:
        inside.forget(task)
