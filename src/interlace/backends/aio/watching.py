"""Which of the user's own lines each step runs: recorded for the few runs that a story is told of.

Uses `sys.settrace`, which costs 15 to 35 times the plain speed and is the same on all Pythons; a
tracer that was installed before (a debugger, coverage) is put back afterwards.
"""

from __future__ import annotations

import sys
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.backends.aio.actors import Task
from interlace.backends.aio.stuck import told_name_of
from interlace.model.source import is_user_file, place_of
from interlace.model.trace import Passage, Place

if TYPE_CHECKING:
    from interlace.backends.aio.loop import Loop

_RESUMED = 0x20 | 0x80 | 0x200  # generator, coroutine, async generator: their frames are entered again


class Watcher:
    """Records the user's lines of every step of one loop, into `World.passages`.

    Attributes:
        names: what the user would call each task that made a step, by its path.
    """

    def __init__(self, loop: Loop) -> None:
        self.names: dict[str, str] = {}
        self._loop = loop
        self._lines: list[Place] = []
        self._chained: tuple[Any, Any] | None = None

    def __enter__(self) -> Watcher:
        if self._chained is None:
            self._chained = self._loop.before_step, self._loop.after_step
            self._loop.before_step, self._loop.after_step = self._before, self._after
        self._tracer = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        sys.settrace(self._tracer)

    def _before(self, handle: Any) -> None:
        if self._chained and self._chained[0]:
            self._chained[0](handle)
        self._lines = []

    def _after(self, handle: Any) -> None:
        lines, self._lines = self._lines, []
        world = self._loop.world
        owner = getattr(handle._callback, "__self__", None)
        if isinstance(owner, Task):
            self.names[owner.path] = told_name_of(owner)
        if lines and world.passages is not None:
            waits = inside.user_wait(owner) if isinstance(owner, Task) and not owner.done() else None
            world.passages.append(Passage(world.step, world.clock.ns, self._loop.actor, tuple(lines), waits))
        if self._chained and self._chained[1]:
            self._chained[1](handle)

    def _trace(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if not is_user_file(code.co_filename):
            return None
        # A frame that is entered again stands at its await; the line event for it is long past.
        if event == "call" and code.co_flags & _RESUMED and frame.f_lineno != code.co_firstlineno:
            self._note(place_of(frame))
        return self._trace_lines

    def _trace_lines(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            self._note(place_of(frame))
        return self._trace_lines

    def _note(self, place: Place) -> None:
        if not self._lines or self._lines[-1] != place:
            self._lines.append(place)
