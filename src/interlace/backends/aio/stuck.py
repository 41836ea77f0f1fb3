"""Who waits for what, and where: the text of a deadlock."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.backends.aio.actors import Task
from interlace.errors import Deadlock, Hung
from interlace.model.source import is_user_file, show_place

if TYPE_CHECKING:
    from interlace.backends.aio.loop import Loop


def describe_waiting(loop: asyncio.AbstractEventLoop) -> tuple[str, ...]:
    """Returns one line per task that is not done, in the order in which they were made."""
    return tuple(map(describe, _in_order(loop)))


def deadlock(loop: Loop) -> Deadlock:
    """Returns what is wrong where nothing can go on."""
    hangs = loop.world.network.spoiling.hangs
    return Hung(hangs, describe_waiting(loop)) if hangs else Deadlock(describe_waiting(loop))


def tell_hangs(loop: Loop) -> tuple[str, ...]:
    """Returns a line about the connections that hang because a fault has it so; none if there is none."""
    hangs = loop.world.network.spoiling.hangs
    if not hangs:
        return ()
    return (f"(a fault has {', '.join(hangs)} hang: give what waits for an answer a timeout)",)


def _in_order(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[Any]]:
    """Returns the tasks that are not done, in the order in which they were made where that is known."""
    return sorted(
        asyncio.all_tasks(loop), key=lambda task: (hash(task) if isinstance(task, Task) else 0, name_of(task))
    )


def describe(task: asyncio.Task[Any]) -> str:
    """Words one suspended task: its name, what it waits for, and the user's own line."""
    stack = inside.frames(task)
    where = waits_at(task)
    awaited = inside.waits_for(task)
    what = ""
    if isinstance(awaited, asyncio.Task):
        what = f"the end of {told_name_of(awaited)}"
    elif stack:
        code, innermost = stack[-1]
        what = getattr(code, "co_qualname", code.co_name) if not is_user_file(innermost.file) else "a future"
    return f"{told_name_of(task)} waits for {what or 'nothing'}{f' at {where}' if where else ''}"


def waits_at(task: asyncio.Task[Any] | None) -> str:
    """Returns the user's own line at which a task is suspended, as `file:line in function`; "" if it is not."""
    place = inside.user_wait(task) if task is not None else None
    return f"{show_place(place)} in {place.function}" if place else ""


def name_of(task: asyncio.Task[Any]) -> str:
    """Returns the name a user would know a task by: the one given, else that of its coroutine."""
    name = task.get_name()
    if name.startswith("Task-") and name[5:].isdigit():
        path = task.path if isinstance(task, Task) else getattr(task.get_coro(), "__qualname__", name)
        return path.rpartition("/")[2].rpartition("<locals>.")[2] or path
    return name


def told_name_of(task: asyncio.Task[Any]) -> str:
    """Returns the same, and the host that the task runs on."""
    stay = task.stay if isinstance(task, Task) else None
    return f"{name_of(task)} on {stay.host.name}" if stay is not None else name_of(task)


def stacks(loop: asyncio.AbstractEventLoop) -> str:
    """Returns where every task of a loop stands: a line for each task, then one for each of its frames."""
    lines: list[str] = []
    for task in _in_order(loop):
        lines.append(describe(task))
        own = [place for _, place in inside.frames(task) if is_user_file(place.file)]
        lines += [f"    {show_place(place)} in {place.function}" for place in own]
    return "\n".join(lines)
