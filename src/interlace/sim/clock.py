"""The virtual clock: whole nanoseconds since the run began, and what a test can do with them.

Only the backend moves it. What needs the backend goes through the `Hand` that it puts in.
"""

from __future__ import annotations

import datetime as dt
import math
import zoneinfo
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from interlace.errors import UsageError
from interlace.model.start import EPOCH, Start, length_of, since_epoch

if TYPE_CHECKING:
    from interlace.sim.hostclock import HostClock

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


def nanoseconds(seconds: float) -> int:
    """Turns seconds into whole nanoseconds, rounded, so that ten times 0.1 is exactly 1."""
    return round(seconds * SECOND)


class Wake(NamedTuple):
    """A timer that is armed.

    Args:
        at: virtual seconds since the run began.
        who: the task that it wakes, or else the one that armed it, as the user would call it.
        where: the line that waits for it, as `file:line in function`; "" if none does.
        what: what it calls: "sleep", or the name of the callback.
    """

    at: float
    who: str
    where: str
    what: str


class Hand(Protocol):
    """What moves time by hand; a backend puts one in."""

    def advance(self, until: int) -> Coroutine[Any, Any, None]:
        """Lets time go on to a moment in ns and no further, until nothing is left to do then."""
        ...

    def settle(self) -> Coroutine[Any, Any, None]:
        """Waits, without any time, until everybody else waits for something."""
        ...

    def timers(self) -> list[Wake]:
        """Returns the timers that are armed, the next one first."""
        ...


class Clock:
    """Virtual time of one run.

    Args:
        start: when and where it begins.

    Attributes:
        ns: nanoseconds since the run began.
        start: when and where the run began.
        hand: put in by the backend.
        goal: the moment in ns that time is being advanced to; None if it is not.
        pauses: how many blocks of `paused` are open.
        local: returns the clocks of the host that the running code is on; None while all are exact.
    """

    __slots__ = ("goal", "hand", "local", "ns", "pauses", "start")

    def __init__(self, start: Start | None = None) -> None:
        self.ns = 0
        self.start = start or Start()
        self.hand: Hand | None = None
        self.goal: int | None = None
        self.local: Callable[[], HostClock] | None = None
        self.pauses = 0

    # -- reading ---------------------------------------------------------------------------------

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the run began."""
        return self.ns / SECOND

    @property
    def wall_ns(self) -> int:
        """Virtual nanoseconds since 1970-01-01T00:00:00Z."""
        return self.start.ns + self.ns

    def now(self) -> dt.datetime:
        """Returns the virtual date and time, in the time zone of the run."""
        return date_of(self.wall_ns, self.start.zone)

    @property
    def here_ns(self) -> int:
        """What a monotonic clock shows to the running code, in nanoseconds: see `Host.clock`."""
        return self.ns if self.local is None else self.local().ns

    @property
    def here_wall_ns(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z as the running code is shown: see `Host.clock`."""
        return self.wall_ns if self.local is None else self.local().wall_ns

    def when(self, ns: int) -> int:
        """Returns the virtual time in ns at which `here_ns` is this much."""
        return ns if self.local is None else self.local().when(ns)

    @property
    def timers(self) -> list[Wake]:
        """Who will be woken when, and from where: the timers that are armed, the next one first."""
        return self._in_run().timers()

    @property
    def fence(self) -> int | None:
        """The moment in ns that time must not jump beyond by itself; None: it may go anywhere."""
        if self.goal is not None:
            return self.goal
        return self.ns if self.pauses else None

    # -- by hand ---------------------------------------------------------------------------------

    def advance(self, seconds: float | dt.timedelta) -> Coroutine[Any, Any, None]:
        """Lets time go on, to be awaited: everything that is due until then happens in its order.

        It returns at exactly that moment, when everybody waits for something later.

        Args:
            seconds: virtual seconds from now, or a timedelta; not negative.

        Raises:
            UsageError: not a length of time, a negative one, or time is being advanced already.
        """
        length = length_of(seconds) if isinstance(seconds, dt.timedelta) else _checked(seconds, "advance")
        if length < 0:
            raise UsageError(
                f"clock.advance({seconds!r}): time does not go back; give a number of seconds from 0 up"
            )
        return self._in_run().advance(self.ns + length)

    def advance_to(self, when: float | dt.datetime) -> Coroutine[Any, Any, None]:
        """Lets time go on to a moment, to be awaited; see `advance`.

        Args:
            when: virtual seconds since the run began, or a date and time with its offset; not past.

        Raises:
            UsageError: not a moment, a past one, one without an offset, or time is being advanced already.
        """
        if isinstance(when, dt.datetime):
            until = since_epoch(when, "the time to advance to") - self.start.ns
        else:
            until = _checked(when, "advance_to")
        if until < self.ns:
            raise UsageError(
                f"clock.advance_to({when!r}) is past: it is {self.elapsed:g} s after the run began, "
                f"{self.now().isoformat()}, and time does not go back"
            )
        return self._in_run().advance(until)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within the block time does not jump by itself: it goes on where it is advanced, and only so far."""
        self.pauses += 1
        try:
            yield
        finally:
            self.pauses -= 1

    def settle(self) -> Coroutine[Any, Any, None]:
        """Waits, to be awaited, until every other task waits for something; no time passes.

        As `synctest.Wait` of Go: what they wait for is later time, or something that nobody does now.
        """
        return self._in_run().settle()

    def _in_run(self) -> Hand:
        if self.hand is None:
            raise UsageError("this clock is that of no run: use world.clock inside of a test or a program")
        return self.hand


def date_of(wall_ns: int, zone: str) -> dt.datetime:
    """Returns a date and time, given nanoseconds since 1970-01-01T00:00:00Z and the name of a zone."""
    passed = dt.timedelta(microseconds=wall_ns // 1000)
    return (EPOCH + passed).astimezone(zoneinfo.ZoneInfo(zone))


def _checked(seconds: Any, method: str) -> int:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        raise UsageError(f"clock.{method}({seconds!r}): give a number of seconds")
    return nanoseconds(seconds)
