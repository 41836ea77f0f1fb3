"""Debug mode: callbacks that hold up the loop are told of, as `BaseEventLoop._run_once` does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interlace.backends.aio import inside
from interlace.backends.clocks import CLOCKS
from interlace.sim.clock import SECOND

if TYPE_CHECKING:
    from interlace.backends.aio.loop import Loop


def run_timed(loop: Loop, count: int) -> None:
    """Runs as many callbacks of a loop as were ready, and logs those that took `loop.slow_callback_duration`.

    Only what moves virtual time takes time, such as `time.sleep` or waiting for a thread.
    """
    clock, ready = loop.world.clock, loop._ready
    for _ in range(count):
        handle = ready.popleft()
        if handle._cancelled:
            continue
        before = clock.ns
        if loop._records:
            loop._run_handle(handle)
        else:
            handle._run()
            if loop._jobs or CLOCKS.started != loop._seen:
                loop._await_others(idle=False)
        if (seconds := (clock.ns - before) / SECOND) >= loop.slow_callback_duration:
            inside.tell_of_slow(handle, seconds)
    handle = None  # see Loop._run_handle
