"""Waits with a limit, `threading.Condition.wait(timeout)` and all that stands on it, in virtual time.

A thread of the program waits until it is notified or until the loop's time has passed that moment. In a
step of the loop nobody but other threads can notify: once they all wait, the time is up, and it passes.
"""

from __future__ import annotations

import threading
import warnings
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from interlace.backends.clocks import wait_really
from interlace.errors import BlockingCallWarning
from interlace.sim.clock import nanoseconds
from interlace.sim.flight import DELAYS
from interlace.sim.network.life import current_host

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from interlace.backends.aio.threads import Threads

_SLICE = 0.001
_SLICES = 10
"""Others that are seen to wait at so many looks in a row, these real seconds apart, are waiting."""


class Waiter:
    """A thread that waits in virtual time; it stands in a condition's list of waiters, or in none.

    Attributes:
        notified: whether it was notified.
        over: whether the wait is over, for that reason or because the time is up.
        held: whether it waits only since that is explored, and not because it is to wait.
    """

    __slots__ = ("_woken", "held", "notified", "over")

    def __init__(self) -> None:
        self.notified = False
        self.over = False
        self.held = False
        self._woken = threading.Event()

    def release(self) -> None:
        """Is what `Condition.notify` calls."""
        self.notified = True
        self.expire()

    def expire(self) -> None:
        """Ends the wait."""
        self.over = True
        self._woken.set()

    def wait(self, loop: Threads, seconds: float) -> None:
        """Waits until it is notified, at most for some virtual seconds."""
        timers: list[asyncio.TimerHandle] = []

        def disarm() -> None:
            for timer in timers:
                timer.cancel()

        self._stand(loop, nanoseconds(seconds), lambda: timers.append(loop.call_later(seconds, self.expire)))
        if self.notified and not loop.is_closed():
            loop.post_letter(disarm)

    def hold(self, loop: Threads) -> None:
        """Waits for a time that is explored, as if what the thread has done since it woke up had taken it."""
        self.held = True
        thread = threading.current_thread()

        def arm() -> None:
            lane = loop.lane_of(thread)
            loop.world.flight.post(lane, f"{lane} done", self.expire, DELAYS)

        self._stand(loop, 0, arm)

    def _stand(self, loop: Threads, ns: int, arm: Callable[[], object]) -> None:
        """Waits for what is armed in a step of the loop, or until a step that holds the loop up needs this thread."""
        loop.sleepers[self] = loop.world.clock.ns + ns
        try:
            loop.post_letter(lambda: self.over or arm())
            # A loop that stops lets go only of those that it finds here.
            if loop._thread_id is not None or not self.held:
                self._woken.wait()
        finally:
            del loop.sleepers[self]
        stay = current_host.get()
        if loop.is_closed() and stay is not None and stay.is_over:
            raise SystemExit  # the thread of a crashed host must not go on now that nothing holds its hands


def let_go(loop: Threads, *, held: bool = False) -> None:
    """Has all threads go on that wait in virtual time, since none passes any more.

    Args:
        loop: the loop, which no longer runs.
        held: whether it may run again, so that only those go on that need not wait.
    """
    for waiter in tuple(loop.sleepers):
        if waiter.held or not held:
            waiter.expire()


def wait_in_thread(loop: Threads, condition: threading.Condition, seconds: float) -> bool:
    """Waits in a thread of the program until it is notified, at most for some virtual seconds.

    Returns:
        Whether it was notified.
    """
    waiter = Waiter()
    inner: Any = condition
    inner._waiters.append(waiter)
    saved = inner._release_save()
    try:
        waiter.wait(loop, seconds)
    finally:
        inner._acquire_restore(saved)
        if not waiter.notified and waiter in inner._waiters:
            inner._waiters.remove(waiter)
    return waiter.notified


def pass_over(loop: Threads) -> bool:
    """Lets the next of the threads that wait in virtual time go on, although a step holds up the loop.

    The step waits for other threads, and these wait for time: so time passes in the middle of the step.

    Returns:
        Whether there was one.
    """
    sleepers = sorted(loop.sleepers.items(), key=itemgetter(1))
    if not sleepers:
        return False
    waiter, until = sleepers[0]
    clock = loop.world.clock
    clock.ns = max(clock.ns, until)
    waiter.expire()
    return True


def wait_in_step(loop: Threads, condition: threading.Condition, seconds: float) -> bool:
    """Waits in the loop's own thread: for other threads as long as they go on, then the time has passed."""
    quiet = 0
    while quiet < _SLICES and loop.threads_at_work():
        if wait_really(condition, _SLICE):
            return True
        quiet = quiet + 1 if loop.others_wait() else 0
    loop.pass_time(seconds, f"a wait of {seconds:g} s for another thread", "hand it to asyncio.to_thread")
    return False


def warn_of_blocking(loop: Threads, what: str, remedy: str) -> None:
    """Warns that a step has held up the loop, at the nearest line of the user's own code.

    A test that never asked for a world is not to fail for it, whatever the filters of its suite say.
    """
    from interlace.model.source import user_call_site

    place = user_call_site()
    text = f"{what} holds up the loop, and all tasks with it: {remedy}"
    try:
        if place is None:
            warnings.warn(text, BlockingCallWarning, stacklevel=2)
        else:
            warnings.warn_explicit(text, BlockingCallWarning, place.file, place.line)
    except BlockingCallWarning:
        if loop.strict:
            raise
