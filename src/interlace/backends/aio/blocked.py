"""Ends a standstill: a step of the program waits for a thread, and that thread waits for the loop.

While a step blocks, the loop can do nothing about it, so a second thread looks now and then. It is begun with
the first thing that other threads have to do with a loop, and it knows nothing of tasks or of virtual time.
"""

from __future__ import annotations

import _thread
import sys
import threading
import weakref
from types import FrameType
from typing import TYPE_CHECKING

from interlace.backends.aio import standing
from interlace.backends.aio.waiting import pass_over
from interlace.errors import LoopBlocked
from interlace.model.source import is_user_file, place_of, show_place

if TYPE_CHECKING:
    from interlace.backends.aio.threads import Threads

_LOOK = 0.1
"""Real seconds between two looks."""

_SHORT = 0.005
"""Between two looks from the first time on that time had to pass for a thread: the same is likely to come again."""

_LOOKS = 10
"""When nothing at all has moved at so many looks in a row, nothing will."""

_FEW_LOOKS = 2
"""At so many, time may pass for a thread that waits for it."""


class Sentry:
    """Looks after one loop, from a thread that no list of threads knows of.

    Args:
        loop: the loop, which must not be kept alive by this.
    """

    def __init__(self, loop: Threads) -> None:
        self._loop = weakref.ref(loop)
        self._over: _thread.LockType | None = None

    def begin(self) -> None:
        """Begins to look, if that has not begun yet."""
        if self._over is None:
            over = self._over = _thread.allocate_lock()
            over.acquire()
            _thread.start_new_thread(self._watch, (over,))

    def end(self) -> None:
        """Looks no more."""
        if self._over is not None and self._over.locked():
            self._over.release()

    def _watch(self, over: _thread.LockType) -> None:
        before: object = None
        still = 0
        pause = _LOOK
        while not over.acquire(timeout=pause):
            loop = self._loop()
            if loop is None:
                return
            found = _standing(loop)
            now = {ident: (id(frame), frame.f_lasti) for ident, frame in found.items()}
            still = still + 1 if found and now == before else 0
            before = now
            if still >= _FEW_LOOKS and pass_over(loop):
                still = 0
                pause = _SHORT
            elif still * pause >= _LOOKS * _LOOK:
                still = 0
                _end(loop, found)
            found = loop = None  # type: ignore[assignment]  # neither is kept alive until the next look


def _standing(loop: Threads) -> dict[int, FrameType]:
    """Returns the frames of the loop's thread and those that it may wait for; none if one of them can go on."""
    own = loop._thread_id
    frame = sys._current_frames().get(own or 0)
    if own is None or frame is None or not standing.waits_for_ever(frame):
        return {}
    try:
        others = {thread.ident or 0 for thread in loop.threads_at_work()} - {own}
    except RuntimeError:  # a list has changed meanwhile: something goes on
        return {}
    frames = sys._current_frames()
    found = {ident: frames[ident] for ident in (own, *others) if ident in frames}
    return found if own in found and all(map(standing.waits_for_ever, found.values())) else {}


def _end(loop: Threads, found: dict[int, FrameType]) -> None:
    """Raises an error in the step that blocks, or else in the threads that it may wait for."""
    own = loop._thread_id or 0
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    lines = (
        f"the loop{_where(found[own])}",
        *(
            f"the thread {names.get(ident, ident)}{_where(frame)}"
            for ident, frame in found.items()
            if ident != own
        ),
    )

    class Blocked(LoopBlocked):
        def __init__(self) -> None:
            super().__init__(lines)

    Blocked.__name__ = Blocked.__qualname__ = LoopBlocked.__qualname__
    Blocked.__module__ = LoopBlocked.__module__
    if standing.raise_in(own, found[own], Blocked):
        return
    raised = [standing.raise_in(ident, frame, Blocked) for ident, frame in found.items() if ident != own]
    # The step joins them: when they end, it goes on as if nothing had been, and so the loop is told.
    if any(raised):
        loop.note_blocked(LoopBlocked(lines))


def _where(frame: FrameType) -> str:
    """Says where in the user's code a thread waits."""
    at: FrameType | None = frame
    while at is not None and not is_user_file(at.f_code.co_filename):
        at = at.f_back
    if at is None:
        code = (frame.f_back or frame).f_code
        return f" waits in {getattr(code, 'co_qualname', code.co_name)}"
    return f" waits at {show_place(place_of(at))} in {at.f_code.co_name}"
