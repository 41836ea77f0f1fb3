"""Operations in flight: what has started and has not completed, one FIFO per lane.

A lane is whatever keeps its own order: one direction of one connection, one executor job. How long
an operation takes is a choice; the order of completions follows from the durations, so every order
that is tried has durations that explain it (rule a and b of docs/explanation/orders.md).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from interlace.sim.clock import MILLISECOND, SECOND

if TYPE_CHECKING:
    from interlace.sim.world import World

DELAYS = (0, *(ms * MILLISECOND // 10 for ms in (1, 10, 30, 100, 300, 600, 1000)))
"""How long a message or an executor job may take unless declared otherwise, in ns: mixed scales."""

SLOW_DELAYS = (SECOND, 10 * SECOND, 60 * SECOND, 600 * SECOND)
"""What the fault `slow` adds to that."""


class Arrival(NamedTuple):
    """A completion on its way: sorted by time, then by when it started."""

    time: int
    number: int
    lane: str
    what: str
    deliver: Callable[[], None]
    cause: int


class Flight:
    """All operations in flight of one world.

    Attributes:
        arrivals: a heap of them; always the same list.
    """

    __slots__ = ("_last", "_number", "_world", "arrivals")

    def __init__(self, world: World) -> None:
        self._world = world
        self.arrivals: list[Arrival] = []
        self._last: dict[str, int] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self.arrivals)

    @property
    def next_time(self) -> int | None:
        """When the next operation completes, in nanoseconds; None if nothing is in flight."""
        return self.arrivals[0].time if self.arrivals else None

    @property
    def next_times(self) -> list[int]:
        """When the next two operations complete that do so at different times, or fewer, in nanoseconds."""
        return sorted({arrival.time for arrival in self.arrivals[:3]})[:2]

    def post(self, lane: str, what: str, deliver: Callable[[], None], delays: Sequence[int]) -> int:
        """Starts an operation and returns the virtual time at which it completes.

        Args:
            lane: the name of the FIFO it belongs to; also the actor of the step that delivers it.
            what: the name of the operation, stable from run to run.
            deliver: called as a step of its own when the operation completes.
            delays: how long it may take, in nanoseconds; the first is boring.
        """
        world = self._world
        time = world.clock.ns + world.delay(what, delays)
        last = self._last.get(lane, 0)
        if time < last:
            time = last
        self._last[lane] = time
        self._number += 1
        heapq.heappush(self.arrivals, Arrival(time, self._number, lane, what, deliver, world.step))
        return time

    def at(self, time: int, lane: str, what: str, deliver: Callable[[], None], cause: int) -> int:
        """Puts in a completion whose time is known already, and returns its number: nothing is asked.

        For lanes that keep their own FIFO (the inbox of one end of a connection) and for readiness
        that the next poll reports because something has been there all along.

        Args:
            time: when it completes, in nanoseconds; not before now.
            lane: the actor of the step that delivers it.
            what: the name of the operation, stable from run to run.
            deliver: called as a step of its own then.
            cause: the number of the step that started the operation.
        """
        self._number += 1
        heapq.heappush(self.arrivals, Arrival(time, self._number, lane, what, deliver, cause))
        return self._number

    def drop(self, unwanted: Callable[[Arrival], bool]) -> None:
        """Takes out what will not complete any more: it is rarely needed, and looks at all there is."""
        self.arrivals[:] = [arrival for arrival in self.arrivals if not unwanted(arrival)]
        heapq.heapify(self.arrivals)

    def admit(self) -> list[Arrival]:
        """Takes out what has completed by now, in the order in which one poll would report it."""
        heap = self.arrivals
        now = self._world.clock.ns
        due: list[Arrival] = []
        while heap and heap[0].time <= now:
            due.append(heapq.heappop(heap))
        if len(due) > 1:
            due = self._arrange(due)
        return due

    def _arrange(self, due: list[Arrival]) -> list[Arrival]:
        """Asks in which order the lanes of one poll batch come; a lane keeps its own order."""
        arranged: list[Arrival] = []
        while due:
            heads: dict[str, Arrival] = {}
            for arrival in due:
                heads.setdefault(arrival.lane, arrival)
            if len(heads) == 1:
                arranged.extend(due)
                break
            lanes = tuple(heads)
            chosen = heads[lanes[self._world.choose("arrival", lanes[0], lanes)]]
            due.remove(chosen)
            arranged.append(chosen)
        return arranged
