"""Threads that are older than a run, and work for it.

A pool that a module keeps outlives the run in which its workers were started: to the next one they are strangers,
until it gives them something to do.
"""

from __future__ import annotations

import sys
import threading
import weakref
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from interlace.backends.aio import standing
from interlace.backends.aio.stillness import OUTSIDE_FILES, stillness
from interlace.backends.clocks import CLOCKS

_submit_really = ThreadPoolExecutor.submit


def submit(self: ThreadPoolExecutor, /, *args: Any, **options: Any) -> Future[Any]:
    """Is `ThreadPoolExecutor.submit` while a clock is shown: idle workers belong to the run that asks them."""
    loop: Any = CLOCKS.world_of()  # nothing else is shown with a clock
    if loop is not None:
        strangers = CLOCKS.strangers_here()
        workers = strangers & standing.crew(self)
        if workers:
            frames = sys._current_frames()
            idle = standing.off_duty({one: frames[one.ident] for one in workers if one.ident in frames})
            strangers -= idle
            loop.claim(idle, ours=True)
    return _submit_really(self, *args, **options)


class Pools:
    """Has pools know which run they work for."""

    def replace(self) -> None:
        """Puts `submit` in place of that of pools."""
        ThreadPoolExecutor.submit = submit  # type: ignore[method-assign,assignment]

    def restore(self) -> None:
        """Undoes that."""
        ThreadPoolExecutor.submit = _submit_really  # type: ignore[method-assign]


POOLS = Pools()

SILENT: weakref.WeakSet[threading.Thread] = weakref.WeakSet()
"""Threads that were waited for in vain: they are at something else, and will be in the next run."""


def at_work(threads: set[threading.Thread]) -> set[threading.Thread]:
    """Returns those of some threads that are at work, and may yet have something to tell the loop.

    One that waits has not been asked for anything. What those of a test runner do is not about the program.
    """
    frames = sys._current_frames()
    here = threading.get_ident()
    return {
        one
        for one in threads.difference(SILENT)
        if one.ident in frames
        and one.ident != here
        and not stillness(one, OUTSIDE_FILES)
        and not CLOCKS.keeps_real_time(frames[one.ident])
    }
