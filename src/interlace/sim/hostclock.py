"""The clocks of one host: they may be wrong, and run fast or slow, as those of real machines do.

What code on the host reads, and what its timers go by, follows from these; the virtual time of the
run, which the test moves and the story tells, does not.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interlace.errors import UsageError
from interlace.sim.clock import SECOND, date_of, nanoseconds

if TYPE_CHECKING:
    from interlace.sim.clock import Clock


class HostClock:
    """The clocks of one host. Exact until told otherwise.

    Args:
        clock: the virtual time of the run.
        here: returns the clocks of the host that the running code is on.
    """

    __slots__ = ("_clock", "_drift", "_here", "_since", "_skew", "_then")

    def __init__(self, clock: Clock, here: Callable[[], HostClock]) -> None:
        self._clock = clock
        self._here = here
        self._skew = 0
        self._drift = 0.0
        self._since = 0  # the virtual time since which it has drifted so
        self._then = 0  # what it showed then

    @property
    def skew(self) -> float:
        """By how many seconds the host's date and time is ahead; may be set at any time, also below 0.

        As after a wrong setting, or a correction: timers and the monotonic clock do not notice.
        """
        return self._skew / SECOND

    @skew.setter
    def skew(self, seconds: float) -> None:
        self._skew = nanoseconds(_number(seconds, "skew", "seconds, such as 2.5 or -3"))
        self._clock.local = self._here

    @property
    def drift(self) -> float:
        """By how many seconds the host's clocks gain in each second; may be set at any time.

        1e-4 is bad for a real machine. Everything on the host goes by it: its timers too.
        """
        return self._drift

    @drift.setter
    def drift(self, rate: float) -> None:
        if not -0.5 <= _number(rate, "drift", "seconds gained in each second, such as 1e-4") <= 1:
            raise UsageError(f"drift is {rate!r}: give seconds gained in each second, from -0.5 to 1")
        self._then, self._since, self._drift = self.ns, self._clock.ns, float(rate)
        self._clock.local = self._here

    @property
    def ns(self) -> int:
        """What the host's monotonic clock shows, in nanoseconds: 0 when the run began."""
        passed = self._clock.ns - self._since
        return self._then + passed + (round(passed * self._drift) if self._drift else 0)

    @property
    def wall_ns(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z as the host has it."""
        return self._clock.start.ns + self.ns + self._skew

    def now(self) -> dt.datetime:
        """Returns the date and time as the host has it, in the time zone of the run."""
        return date_of(self.wall_ns, self._clock.start.zone)

    def when(self, ns: int) -> int:
        """Returns the virtual time in ns at which the host's monotonic clock shows this much."""
        if not self._drift:
            return self._since + ns - self._then
        return self._since + math.ceil((ns - self._then) / (1 + self._drift))


def _number(value: Any, what: str, wanted: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise UsageError(f"{what} is {value!r}: give {wanted}")
    return value
