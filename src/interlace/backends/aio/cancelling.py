"""Injected cancellation: one `Task.cancel()` per run, at any await of a task that may be cancelled.

There are two moments at each await. While the task is suspended, `cancel()` cancels what it waits
for. Once what it waits for is done and its wake-up is already queued, `cancel()` can only leave a
note, and the task gets its result taken away at the next step: the window in which a lock, a
permit, a message or a reply is lost. And there is the moment before a task has begun, when `cancel()`
keeps all of it from running.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from interlace.backends.aio import inside
from interlace.backends.aio.actors import Task
from interlace.backends.aio.stuck import name_of
from interlace.model.deviation import BEGINS
from interlace.model.source import show_place

if TYPE_CHECKING:
    from interlace.backends.aio.loop import Loop

_OPTIONS = ("go on", "cancel")


class Canceller:
    """Asks at every await of one run whether its task is cancelled there.

    Args:
        loop: the loop of the run.
        main: the task of the test itself, which is never cancelled.
    """

    def __init__(self, loop: Loop, main: Task) -> None:
        self._world = loop.world
        self._main = main
        loop.before_step = self._before
        loop.after_step = self._after

    def _asks(self, task: object) -> TypeGuard[Task]:
        if not isinstance(task, Task) or task is self._main or self._world.cancelled or task.done():
            return False
        if task.spared:
            return False
        # What a fake does on its host is not the program under test.
        made_by_test = task.made_by_test and not (task.stay is not None and task.stay.host.served)
        return self._world.faults.may_cancel(name_of(task), made_by_test=made_by_test)

    def _before(self, handle: Any) -> None:
        task = getattr(handle._callback, "__self__", None)
        if not self._asks(task):
            return
        if not task.cancelling():
            if task.steps:
                self._ask(task, "wakes", "at the moment when what it waits for is done already,")
            else:
                self._ask(task, BEGINS, "before it begins,")
        task.steps += 1

    def _after(self, handle: Any) -> None:
        task = getattr(handle._callback, "__self__", None)
        if self._asks(task) and inside.waits_for(task) is not None and not task.cancelling():
            self._ask(task, "waits", "while it waits")

    def _ask(self, task: Task, moment: str, words: str) -> None:
        place = inside.user_wait(task)
        where = f"{place.function}:{moment}" if place and moment != BEGINS else moment
        if self._world.choose("cancel", f"{task.path} {where} {task.steps}", _OPTIONS):
            at = f" at {show_place(place)} in {place.function}" if place else ""
            self._world.tell(f"{name_of(task)} must be cancelled {words}{at}")
            self._world.cancelled = True
            task.cancel()
