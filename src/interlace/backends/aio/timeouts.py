"""Generous timeouts: how much of them explored delays may use up.

A correct program must not fail because nobody declared the network fast. So of every timeout that is
longer than `GENEROUS`, explored delays use at most three quarters: whatever completes before half of
it is over is free, later delays may add up to a quarter more. A program that needs at most a quarter
of its timeouts in the plain run therefore never runs into one of them. The fault `slow` lifts that.

A timer counts as a timeout unless it wakes an `asyncio.sleep`, which may be overtaken at will.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interlace.backends.aio.inside import WAKE_SLEEPER
from interlace.sim.world import GENEROUS

if TYPE_CHECKING:
    from interlace.backends.aio.handles import Timer
    from interlace.sim.world import World


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that holds until the end, with the attributes of a timer."""

    armed: int
    deadline: int
    _scheduled: bool = True
    _cancelled: bool = False


class Timeouts:
    """The generous timeouts that are armed in one loop.

    Args:
        world: the world of the loop.

    Attributes:
        young: those that delays may not reach half of.
        old: those whose half is over. Where both are empty, delays may be as long as they like.
    """

    __slots__ = ("_world", "old", "young")

    def __init__(self, world: World) -> None:
        self._world = world
        self.young: list[tuple[int, int, Timer | Limit]] = []
        self.old: list[tuple[int, Timer | Limit]] = []

    def add(self, number: int, timer: Timer, callback: Any) -> None:
        """Takes note of a timer that was just armed, if it is a generous timeout.

        Args:
            number: the how-manieth timer of the loop it is.
            timer: the timer.
            callback: what it calls.
        """
        length = timer.deadline - timer.armed
        if length > GENEROUS and callback is not WAKE_SLEEPER:
            heapq.heappush(self.young, (timer.armed + length // 2, number, timer))

    def add_limit(self, armed: int, deadline: int) -> None:
        """Takes note of the moment in ns at which the whole program is stopped.

        Args:
            armed: the virtual time in ns at which that was set.
            deadline: that moment.
        """
        heapq.heappush(self.young, (armed + (deadline - armed) // 2, 0, Limit(armed, deadline)))

    def horizon(self) -> int | None:
        """Returns the time in ns that a delay starting now must not reach; None: it may be any."""
        if not self.young and not self.old:
            return None
        now = self._world.clock.ns
        spent = self._world.spent
        young = self.young
        while young and (young[0][0] <= now or not _armed(young[0][2])):
            timer = heapq.heappop(young)[2]
            if _armed(timer):
                self.old.append((spent, timer))
        limit = young[0][0] if young else None
        if self.old:
            self.old = [entry for entry in self.old if _armed(entry[1])]
            for before, timer in self.old:
                left = now + (timer.deadline - timer.armed) // 4 - (spent - before)
                if limit is None or left < limit:
                    limit = left
        return limit


def _armed(timer: Timer | Limit) -> bool:
    return timer._scheduled and not timer._cancelled
