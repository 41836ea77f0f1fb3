"""Timers in virtual time: a sorted list of deadlines in whole nanoseconds, and what may vary of their order.

A timer never fires early. It fires late where the loop is held up, which is asked of the world; two
timers of one deadline fire in either order if they were armed at different moments.
"""

from __future__ import annotations

import asyncio
from bisect import bisect, insort
from collections import deque
from collections.abc import Callable
from contextvars import Context
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVarTuple, Unpack

from interlace.backends.aio import inside
from interlace.backends.aio.actors import LOOP
from interlace.backends.aio.handles import Timer
from interlace.backends.aio.stuck import describe_waiting, stacks
from interlace.backends.aio.timeouts import Timeouts
from interlace.errors import Deadlock, TimedOut, UsageError
from interlace.model.choice import show_ns
from interlace.model.source import is_user_file
from interlace.sim.clock import MILLISECOND, SECOND, nanoseconds
from interlace.sim.world import GENEROUS, NEVER, STALL_BOUND

if TYPE_CHECKING:
    from interlace.backends.aio.runaway import Pace
    from interlace.sim.world import World

Ts = TypeVarTuple("Ts")

_PURGE = 100
"""Cancelled timers are swept out of the list when more than this many are half of it."""

_NEAR = 16
"""How many timers that are due soon after a new one are looked at."""

_FAR = 1e9
"""Seconds: beyond this nothing is near."""

_PAST = MILLISECOND // 10
"""How far behind another timer one fires that is armed late, in ns."""


class Timers(inside.BaseLoop):
    """The part of the loop that deals with time."""

    world: World
    actor: str
    cancellations: int
    _timers: list[tuple[int, int, Timer]]
    _armed: int
    _cancelled_timers: int
    _timeouts: Timeouts
    _spared: int
    _pace: Pace
    _records: bool

    def _init_timers(self, max_ns: int) -> None:
        self._timers = []
        self._armed = 0
        self._cancelled_timers = 0
        self._timeouts = Timeouts(self.world)
        self._spared = 0
        self._jumps = 0
        self._last_moment = max_ns or NEVER
        self._clock_resolution = 1e-9
        self.world.horizon = self._timeouts.horizon

    def time(self) -> float:
        """Returns the virtual time in seconds since the run began."""
        clock = self.world.clock
        return (clock.ns if clock.local is None else clock.here_ns) / SECOND

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: Unpack[Ts],
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedules a callback `delay` virtual seconds from now."""
        if delay is None:
            raise TypeError("delay must not be None")
        world = self.world
        clock = world.clock
        when = (clock.ns if clock.local is None else clock.here_ns) / SECOND + delay
        if world.asks and self._timers and when < _FAR and self._take_time(nanoseconds(when)):
            when = self.time() + delay
        return self._arm(when, callback, args, context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: Unpack[Ts],
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedules a callback at a virtual time in seconds."""
        if when is None:
            raise TypeError("when cannot be None")
        return self._arm(when, callback, args, context)

    def _arm(
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> Timer:
        if self._closed:
            raise RuntimeError("Event loop is closed")
        if self._debug:
            self._check_thread()
            self._check_callback(callback, "call_at")
        world = self.world
        clock = world.clock
        try:
            deadline = round(when * SECOND)  # nanoseconds(), without the call
            if clock.local is not None:
                deadline = clock.when(deadline)
        except (OverflowError, ValueError):
            if when != when:
                raise UsageError(f"a timer cannot be set to {when!r}: give a number of seconds") from None
            deadline = 2**63 if when > 0 else 0
        now = clock.ns
        if deadline <= now and when > self.time():
            # Who finds that a timer of this moment has fired too early, by less than clocks show, and arms it
            # again for what is left would go on doing so: time stood still.
            deadline = now + 1
        timer = Timer(when, callback, args, self, context, deadline, now, world.step)
        self._armed = number = self._armed + 1
        insort(self._timers, (deadline, number, timer))
        if deadline - now > GENEROUS and world.asks:
            self._timeouts.add(number, timer, callback)
        return timer

    def _timer_handle_cancelled(self, handle: Any) -> None:
        if handle._scheduled:
            self._cancelled_timers += 1
            if self._cancelled_timers > _PURGE and self._cancelled_timers * 2 > len(self._timers):
                self._timers = [entry for entry in self._timers if not entry[2]._cancelled]
                self._cancelled_timers = 0

    def spare(self, limit: int) -> None:
        """Takes note that the program may run until `World.limit`, as of a timeout that is armed now."""
        self._spared = self.world.clock.ns
        if self.world.asks:
            self._timeouts.add_limit(self._spared, limit)

    # -- passing ---------------------------------------------------------------------------------

    def _jump(self, target: int | None, fence: int | None = None) -> None:
        """Moves time on to the moment at which something happens next."""
        world = self.world
        if target is None or target <= world.clock.ns:
            return
        if fence is not None and target > fence:
            raise Deadlock(
                (
                    *describe_waiting(self),
                    "(time is paused: 'await clock.advance(...)' in one of them, or leave the block of clock.paused())",
                )
            )
        if target > world.limit:
            world.clock.ns = world.limit
            raise TimedOut((world.limit - self._spared) / SECOND, stacks(self))
        if target > self._last_moment:
            self._pace.stop_at_time()
        world.clock.ns = target
        self._jumps += 1
        if self._records and not self._jumps % self._pace.stretch:
            self._pace.look()

    def _next_timer(self) -> Timer | None:
        """Returns the timer that is due next, having swept out cancelled ones before it."""
        timers = self._timers
        if timers and not timers[0][2]._cancelled:
            return timers[0][2]
        swept = 0
        for _, _, timer in timers:
            if not timer._cancelled:
                break
            timer._scheduled = False
            swept += 1
        if swept:
            del timers[:swept]
            self._cancelled_timers -= swept
        return timers[0][2] if timers else None

    def _pop_due(self, due: list[Timer]) -> None:
        timers = self._timers
        now = self.world.clock.ns
        alone = len(timers) == 1 or timers[1][0] > now
        count = 1 if alone else bisect(timers, (now, self._armed + 1))
        for _, _, timer in timers[:count]:
            timer._scheduled = False
            if timer._cancelled:
                self._cancelled_timers -= 1
            else:
                due.append(timer)
        del timers[:count]

    def _latest_moment(self, longest: int) -> int:
        """Returns the moment in ns until which the loop may be held up."""
        world = self.world
        latest = world.clock.ns + longest
        fence = world.clock.fence
        if fence is not None and fence < latest:
            latest = fence
        if not world.faults.slow:
            horizon = world.horizon()
            if horizon is not None and horizon <= latest:
                latest = horizon - 1
        return latest

    def _stall(self, due: list[Timer]) -> None:
        """Asks whether the loop is held up until further timers are due as well."""
        world = self.world
        clock = world.clock
        timeouts = self._timeouts
        bound = clock.ns + STALL_BOUND
        while self._timers:
            deadline, _, timer = self._timers[0]
            if deadline > bound:
                return
            if timer._cancelled:
                self._next_timer()
                continue
            if (
                timeouts.young or timeouts.old or clock.pauses or clock.goal is not None
            ) and deadline > self._latest_moment(STALL_BOUND):
                return
            held = deadline - clock.ns
            if world.plain is not None:  # as `choose_late` does, without a call: this is asked most often
                world.plain.append(("stall", timer.by or LOOP, _stalls, held, world.step))
                return
            if not world.choose("stall", timer.by or LOOP, _stalls(held)):
                return
            world.spent += held
            clock.ns = deadline
            self._pop_due(due)

    def _take_time(self, when: int) -> bool:
        """Asks whether the step that arms a timer has taken so long that a timer due later fires first.

        That may be any timer that another step has armed before, unless it is a timeout: a timer armed
        in the same step goes on being due in the order of the delays.

        Args:
            when: what the clock shows when the timer is due if the step takes no time, in ns.

        Returns:
            Whether the step has taken time.
        """
        world = self.world
        clock = world.clock
        timeouts = self._timeouts
        begin = when if clock.local is None else clock.when(when)
        timers = self._timers
        place = bisect(timers, (begin, self._armed + 1))
        for entry in range(place, min(place + _NEAR, len(timers))):
            deadline, _, timer = timers[entry]
            if deadline > begin + STALL_BOUND:
                break
            if (
                not timer._cancelled
                and timer.cause != world.step
                and (timer._callback is inside.WAKE_SLEEPER or _is_users(timer))
            ):
                taken = deadline - begin + _PAST
                if (
                    timeouts.young or timeouts.old or clock.pauses or clock.goal is not None
                ) and clock.ns + taken > self._latest_moment(STALL_BOUND + _PAST):
                    break
                if world.choose_late("step", self.actor or LOOP, _durations, taken):
                    world.spent += taken
                    clock.ns += taken
                    return True
                break
        return False

    def _break_ties(self, due: list[Timer]) -> list[Timer]:
        """Asks which of several timers with one deadline, armed at different moments, fires first.

        Timers armed at one moment keep the order in which they were armed: the one armed earlier
        with a delay that is not larger fires first on every loop.
        """
        arranged: list[Timer] = []
        for _, group in groupby(due, key=attrgetter("deadline")):
            waiting = {armed: deque(timers) for armed, timers in groupby(group, key=attrgetter("armed"))}
            heads = {armed: timers[0].by for armed, timers in waiting.items()}
            while len(waiting) > 1:
                options = tuple(heads.items())
                choice = self.world.choose_late("tie", "timers", _names, options)
                armed = options[choice][0]
                timers = waiting[armed]
                arranged.append(timers.popleft())
                if timers:
                    heads[armed] = timers[0].by
                else:
                    del waiting[armed], heads[armed]
            for timers in waiting.values():
                arranged.extend(timers)
        return arranged


def _is_users(timer: Timer) -> bool:
    """Tells whether a timer that wakes no sleep calls a function of the user's own."""
    code = getattr(timer._callback, "__code__", None)
    return code is not None and is_user_file(code.co_filename)


def _stalls(held: int) -> tuple[str, ...]:
    return "on time", f"held up for {show_ns(held)}"


def _durations(taken: int) -> tuple[str, ...]:
    return "no time", show_ns(taken)


def _names(heads: tuple[tuple[int, str], ...]) -> tuple[str, ...]:
    return tuple(f"{by or LOOP} armed at {show_ns(armed)}" for armed, by in heads)
