"""Runs that do not end: polling without a pause, a standstill behind a heartbeat, too many steps, too much virtual time."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.backends.aio.actors import LOOP, Task
from interlace.backends.aio.stuck import describe, name_of, tell_hangs
from interlace.errors import Runaway, Standstill
from interlace.model.source import show_place
from interlace.model.statements import Sources
from interlace.sim.clock import SECOND

if TYPE_CHECKING:
    from interlace.backends.aio.loop import Loop
    from interlace.model.trace import Place

_SHARE = 64
"""A standstill is told after so much of the steps that a run may take, counted in jumps of time."""

_USUAL = 1_000_000
"""How many steps a run is thought to take at most that may take any number."""

_LOOKS = 6
"""In how many stretches that part is looked at."""

_LONG_ENOUGH = 600 * SECOND
"""Whoever polls for something for less than this, in virtual ns, is not said to stand still."""

_RECENT = 10_000
"""How many of the last steps tell who is busiest."""

_BUSIEST = 3

_TURNS = 1_000
"""After how many iterations at one moment it is asked whether tasks only poll, where steps are recorded."""

_TURNS_UNSEEN = 10_000
"""After how many iterations at one moment they are thought to poll where steps are not."""

_TURN = 10_000
"""How long an iteration that only polls takes, in virtual ns: about as long as on the stock loop."""


class Pace:
    """Watches how a run goes on; the loop tells it of every so many jumps of time.

    Args:
        loop: the loop.
        max_steps: the run is stopped after this many steps; 0: never.
        max_ns: the run is stopped at this virtual time in ns; 0: never.

    Attributes:
        stretch: after how many jumps of time it is to be told.
        turns: after how many iterations `turn` is to be called.
    """

    __slots__ = (
        "_actors",
        "_armed",
        "_began",
        "_events",
        "_looks",
        "_loop",
        "_max_ns",
        "_max_steps",
        "_moment",
        "_seen",
        "_waiting",
        "stretch",
        "turns",
    )

    def __init__(self, loop: Loop, max_steps: int, max_ns: int) -> None:
        self._loop = loop
        self._max_steps = max_steps
        self._max_ns = max_ns
        self.stretch = max((max_steps or _USUAL) // _SHARE // _LOOKS, 1)
        self._seen = 0
        self._armed = 0
        self._looks = 0
        self._began = 0
        self._actors: set[str] = set()
        self._waiting: set[Any] = set()
        self.turns = _TURNS if loop._records else _TURNS_UNSEEN
        self._moment = 0
        self._events = 0

    # -- polling ---------------------------------------------------------------------------------

    def turn(self) -> None:
        """Lets time pass where for so many iterations all that was done was to ask again.

        A loop around `sleep(0)` waits for what comes in time; on the stock loop its turns take time.
        """
        loop = self._loop
        world = loop.world
        clock = world.clock
        moment, self._moment = self._moment, clock.ns
        since, self._events = self._events, len(world.events)
        if moment != clock.ns or not loop._ready or not self._only_polls(since):
            return
        target = clock.ns + self.turns * _TURN
        if loop._timers and (timer := loop._next_timer()) is not None:
            target = min(target, timer.deadline)
        if loop._in_flight:
            target = min(target, loop._in_flight[0].time)
        loop._jump(target if clock.fence is None else min(target, clock.fence))
        self._moment = clock.ns

    def _only_polls(self, since: int) -> bool:
        """Tells whether, from this step on, each actor was only called by itself."""
        events = self._loop.world.events
        for number in range(since, len(events)):
            _, actor, _, cause = events[number]
            while cause >= 0 and events[cause][1] == LOOP:
                cause = events[cause][3]  # a timer without a delay
            if actor != LOOP and (cause < 0 or events[cause][1] != actor):
                return False
        return True

    # -- standing still --------------------------------------------------------------------------

    def look(self) -> None:
        """Looks at what has happened since the last time.

        Raises:
            Standstill: the test waits for what nobody who still runs has brought about for long.
        """
        loop = self._loop
        events = loop.world.events
        actors = {actor for _, actor, _, _ in events[self._seen :]}
        tasks = {_path(loop, task): task for task in asyncio.all_tasks(loop)}
        waiting = {task for path, task in tasks.items() if path not in actors}
        kinds = set(map(_kind, actors))
        goes_on = (
            loop.main not in waiting
            or waiting != self._waiting
            or kinds != self._actors
            or any(label != "step" and actor != LOOP for _, actor, label, _ in events[self._seen :])
            or bool(loop.world.flight.arrivals or loop._jobs)
            or any(number <= self._armed for _, number, timer in loop._timers if not timer._cancelled)
        )
        if goes_on:
            self._looks, self._began = 0, loop.world.clock.ns
        self._looks += 1
        self._seen, self._armed = len(events), loop._armed
        self._actors, self._waiting = kinds, waiting
        passed = loop.world.clock.ns - self._began
        if self._looks > _LOOKS and passed >= _LONG_ENOUGH:
            stuck = tuple(describe(task) for task in sorted(waiting, key=hash) if isinstance(task, Task))
            raise Standstill((*stuck, *tell_hangs(loop)), self._busiest(), passed / SECOND)

    # -- too much --------------------------------------------------------------------------------

    def stop_at_steps(self) -> None:
        """Stops a run that has taken too many steps."""
        clock = self._loop.world.clock
        raise Runaway(
            f"the run was stopped after {self._max_steps:,} steps, {clock.elapsed:g} virtual seconds after it began: "
            "is there a loop that never ends? Raise max_steps if the program is that long",
            self._busiest(),
        )

    def stop_at_time(self) -> None:
        """Stops a run that has taken too much virtual time."""
        raise Runaway(
            f"the run was stopped before it went on to more than {self._max_ns / SECOND:g} virtual seconds after "
            "it began: is there a loop that never ends? Raise max_time if the program takes that long",
            self._busiest(),
        )

    def _busiest(self) -> tuple[str, ...]:
        """Returns one line for each of the tasks that made the most of the last steps, and the loop it is in."""
        loop = self._loop
        recent = loop.world.events[-_RECENT:]
        tasks = {_path(loop, task): task for task in asyncio.all_tasks(loop)}
        lines: list[str] = []
        for actor, count in Counter(actor for _, actor, _, _ in recent).most_common():
            task = tasks.get(actor)
            if task is None or len(lines) == _BUSIEST:
                continue
            times = [time for time, one, _, _ in recent if one == actor]
            gaps = {after - before for before, after in pairwise(times)}
            often = f", one every {gaps.pop() / SECOND:g} s" if len(gaps) == 1 and 0 not in gaps else ""
            place = inside.user_wait(task)
            where = f" at {show_place(place)} in {place.function}" if place else ""
            lines.append(
                f"{name_of(task)}: {count:,} of the last {len(recent):,} steps{often}{where}{_loop_at(place)}"
            )
        return tuple(lines)


@lru_cache(maxsize=4096)
def _kind(actor: str) -> str:
    """Returns the path of an actor without the numbers that tell it from others made in the same place."""
    return re.sub(r"#\d+", "", actor)


def _path(loop: Loop, task: asyncio.Task[Any]) -> str:
    return task.path if isinstance(task, Task) else loop.names.foreign(task)


def _loop_at(place: Place | None) -> str:
    """Returns the lines of source of the loop around a place, below each other; "" if there is none."""
    if place is None:
        return ""
    lines = Sources().loop_around(place)
    return "".join(f"\n      {number:>5}  {text}" for number, text in lines)
