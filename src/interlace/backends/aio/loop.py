"""The simulated event loop: asyncio's own base loop with its one step replaced.

The order of an iteration is that of `BaseEventLoop._run_once` (CPython, Lib/asyncio/base_events.py):
completions of the poll first, then timers that are due, then exactly the callbacks that were ready.
What may vary of that is asked of the world; nothing else may. The real time is never read.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Context
from functools import partial
from typing import Any, TypeVarTuple, Unpack
from weakref import WeakSet

from interlace.backends.aio import inside
from interlace.backends.aio.actors import LOOP, Future, Names, Task, run_permuted
from interlace.backends.aio.byhand import ByHand
from interlace.backends.aio.companions import COMPANIONS
from interlace.backends.aio.handles import Handle, Timer, report
from interlace.backends.aio.pipes import Pipes
from interlace.backends.aio.programs import Programs, belongs_to_the_dead
from interlace.backends.aio.runaway import Pace
from interlace.backends.aio.slow import run_timed
from interlace.backends.aio.stuck import deadlock, describe_waiting
from interlace.backends.aio.threads import Threads
from interlace.backends.aio.timers import Timers
from interlace.backends.aio.tls import Trust
from interlace.backends.aio.waiting import let_go
from interlace.backends.clocks import ALIVE, CLOCKS
from interlace.errors import Unanswered
from interlace.sim.world import STALL_BOUND, World

Ts = TypeVarTuple("Ts")

CLOCKS.accompany(*COMPANIONS)


class Loop(Pipes, Timers, Threads, inside.BaseLoop):  # pyright: ignore[reportIncompatibleMethodOverride]
    """A loop that lives in a world.

    Args:
        world: where its time, its network and its answers come from.
        records: whether steps are written to the trace of the world.
        max_steps: the run is stopped with `Runaway` after this many steps; 0: never.
        max_ns: the run is stopped with `Runaway` at this virtual time in ns; 0: never.

    Attributes:
        main: the task that the run ends with; None where that is not known.
        cancellations: how many callbacks were cancelled so far.
        has_graves: whether a host has crashed on which something ran.
        programs: what runs on the hosts.
        connections_secured: the protocols that speak TLS and are still there.
        endings: exceptions that end the run wherever a signal raises them, between two steps as well.
    """

    # What every step looks at. CPython is quick with attributes in slots, and slow with those of an object
    # that has more than thirty in its dictionary, as a loop has.
    __slots__ = (
        *("_armed", "_by_hand", "_cancelled_timers", "_closed", "_debug", "_in_flight"),
        *("_inbox", "_jobs", "_jumps", "_last_moment", "_max_steps", "_pace"),
        *("_ready", "_records", "_rested", "_seen", "_stopping", "_timeouts", "_timers"),
        *("actor", "after_step", "before_step", "cancellations", "has_graves", "world"),
    )

    def __init__(self, world: World, *, records: bool = True, max_steps: int = 0, max_ns: int = 0) -> None:
        super().__init__()
        self.world = world
        self._world = world
        self.names = Names()
        self.actor = ""
        self.before_step: Callable[[Any], None] | None = None
        self.after_step: Callable[[Any], None] | None = None
        self.background: list[dict[str, Any]] = []
        self.endings: tuple[type[BaseException], ...] = ()
        self._records = records
        self.main: asyncio.Task[Any] | None = None
        self._max_steps = max_steps
        self._pace = Pace(self, max_steps, max_ns)
        self._rested = self._pace.turns
        self._ready: deque[Any] = deque()
        self._in_flight = world.flight.arrivals
        self.cancellations = 0
        self.has_graves = False
        self.programs = Programs(self)
        self._by_hand = world.clock.hand = ByHand(self)
        self._eager = False
        self.connections_secured: WeakSet[Any] = WeakSet()
        self._trust = Trust()
        world.network.announce = partial(self._trust.begin, self)
        self._init_descriptors()
        self._init_timers(max_ns)
        self._init_threads()

    # -- scheduling ------------------------------------------------------------------------------

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: Unpack[Ts], context: Context | None = None
    ) -> asyncio.Handle:
        """Schedules a callback for the next iteration, first in, first out."""
        if self._closed:
            raise RuntimeError("Event loop is closed")
        if self._debug:
            self._check_thread()
            self._check_callback(callback, "call_soon")
        handle = Handle(callback, args, self, context, self.world.step, None)
        self._ready.append(handle)
        return handle

    def _call_as(self, actor: str, callback: Callable[..., object], *args: Any) -> asyncio.Handle:
        """Schedules a callback that belongs to this actor."""
        handle = Handle(callback, args, self, None, self.world.step, actor)
        self._ready.append(handle)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        """Makes a future whose place in a set repeats from run to run; else a stock one."""
        # A stock one is awaited faster; that of asyncio.sleep() does not get into anybody's set.
        if sys._getframe(1).f_code is inside.SLEEP_CODE:
            return asyncio.Future(loop=self)
        return Future(loop=self)

    def create_task(
        self, coro: Any, *, name: object = None, context: Context | None = None, **options: Any
    ) -> Any:
        """Makes a task whose path repeats from run to run; else as the stock loop does."""
        if self._closed:
            raise RuntimeError("Event loop is closed")
        factory = self._task_factory
        if factory is None or self._eager:
            if self._eager:
                options.setdefault("eager_start", True)
            return Task(coro, loop=self, name=None if name is None else str(name), context=context, **options)
        if context is not None:
            options["context"] = context
        task = factory(self, coro, **options)
        if name is not None:
            task.set_name(name)
        return task

    def set_task_factory(self, factory: Any) -> None:
        """Sets the task factory; asyncio's eager one makes our own tasks, eagerly."""
        super().set_task_factory(factory)
        self._eager = factory is not None and factory is getattr(asyncio, "eager_task_factory", None)

    def identify(self, handle: Any) -> None:
        """Finds out which actor a handle belongs to, and what its step is called."""
        callback = handle._callback
        if handle.actor is not None:
            handle.label = getattr(callback, "__qualname__", "") or type(callback).__name__
            return
        owner = getattr(callback, "__self__", None)
        if type(owner) is Task:
            handle.actor, handle.label = owner.path, "step"
        elif isinstance(owner, asyncio.Task):
            handle.actor, handle.label = self.names.foreign(owner), "step"
        else:
            handle.actor = LOOP
            handle.label = getattr(callback, "__qualname__", None) or type(callback).__name__

    # -- running ---------------------------------------------------------------------------------

    def run_forever(self) -> None:
        """Runs until `stop` is called; meanwhile all clocks of the process show virtual time."""
        if len(ALIVE) != len(self._elders):
            self._seen = -1  # somebody has begun since the loop was made, or has ended
        with self.showing():
            try:
                super().run_forever()
            finally:
                if self.sleepers:
                    let_go(self, held=True)

    def showing(self) -> AbstractContextManager[None]:
        """Returns within what all clocks of the process show virtual time although the loop does not run."""
        return CLOCKS.show(self.world.clock, self)

    # -- the step --------------------------------------------------------------------------------

    def _run_once(self) -> None:
        """Runs one iteration."""
        world = self.world
        ready = self._ready
        in_flight = self._in_flight
        timers = self._timers
        world.iteration += 1
        if world.iteration > self._rested:
            self._rested += self._pace.turns
            self._pace.turn()
        if world.outside is not None and not (ready or self._stopping or self._inbox):
            self._hear_outside()
        if in_flight:
            self._admit()
        elif timers:
            asks = world.asks
            now = world.clock.ns
            deadline, _, timer = timers[0]
            if (
                not ready
                and now < deadline <= self._last_moment
                and deadline <= world.limit
                and not (timer._cancelled or self._stopping or self._inbox or self._jobs)
                and not (world.clock.pauses or self._by_hand.awaited)
                and CLOCKS.started == self._seen
                and (not self._records or (self._jumps + 1) % self._pace.stretch)
            ):
                # What most iterations of most programs do, and what `_admit` does then, without a call.
                world.clock.ns = deadline
                self._jumps += 1
                due: list[Timer] = []
                if len(timers) > 1 and timers[1][0] <= deadline:
                    self._pop_due(due)
                else:
                    timer._scheduled = False
                    del timers[0]
                    due.append(timer)
                if asks and timers and timers[0][0] <= deadline + STALL_BOUND:
                    self._stall(due)
                ready.extend(due if len(due) == 1 or not asks else self._break_ties(due))
            elif not ready or deadline <= now:
                self._admit()
            elif asks and deadline <= now + STALL_BOUND:
                due = []
                self._stall(due)
                if due:
                    ready.extend(due if len(due) == 1 else self._break_ties(due))
        if self._inbox:
            self._drain()
        if not ready:
            if self._stopping:
                return
            if not self._timers and not in_flight:
                self._idle()
        count = len(ready)
        if count > 1 and world.order != "realistic" and world.asks:
            run_permuted(self, count)
        elif self._debug:
            run_timed(self, count)
        elif self._records:
            for _ in range(count):
                handle = ready.popleft()
                if not handle._cancelled:
                    self._run_handle(handle)
        else:
            for _ in range(count):
                handle = ready.popleft()
                if not handle._cancelled:
                    try:
                        handle._context.run(handle._callback, *handle._args)  # Handle._run, without the call
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:
                        report(handle, error)
                    if self._jobs or CLOCKS.started != self._seen:
                        self._await_others(idle=False)
        handle = None  # see _run_handle

    def _run_handle(self, handle: Any) -> None:
        """Runs one callback as a step: it is recorded, and it is known who is at work."""
        if self.has_graves and belongs_to_the_dead(handle):
            return
        world = self.world
        actor, label, owner = handle.actor, handle.label, None
        if not label:
            owner = getattr(handle._callback, "__self__", None)
            if type(owner) is Task and actor is None:  # most are, and this is the hot line
                actor, label = owner.path, "step"
            elif actor is None and handle._callback is inside.WAKE_SLEEPER:
                actor, label = LOOP, inside.WAKE_SLEEPER_NAME
            else:
                self.identify(handle)
                actor, label = handle.actor, handle.label
        events = world.events
        world.step = step = len(events)
        events.append((world.clock.ns, actor, label, handle.cause))
        self.actor = actor
        if self._max_steps and step >= self._max_steps:
            self._pace.stop_at_steps()
        if self.before_step is not None:
            self.before_step(handle)
        try:
            handle._context.run(handle._callback, *handle._args)  # Handle._run, without the call
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            report(handle, error)
        if self._jobs or CLOCKS.started != self._seen:
            self._await_others(idle=False)
        if self.after_step is not None:
            self.after_step(handle)
        handle = owner = (
            None  # a traceback may keep this frame alive: it must not keep the task alive as well
        )

    def _idle(self) -> None:
        """Has somebody go on although there is nothing to do, now or later."""
        if self._by_hand.awaited:
            if self._jobs or CLOCKS.started != self._seen:
                self._await_others()
            if self._inbox:
                self._drain()
                return
            if self._by_hand.serve(None):
                return
        outside = self.world.outside
        if outside is not None:
            silent = outside.await_any()
            if self._in_flight:
                return
            if silent is not None and not self._jobs:
                service = f"{silent.service.name} ({silent.service.shown})"
                raise Unanswered(service, silent.sent, describe_waiting(self))
        if not self._await_threads():
            raise deadlock(self)
        self._drain()

    def _hear_outside(self) -> None:
        """Has real services answer before time moves on."""
        now = self.world.clock.ns
        if self._in_flight and self._in_flight[0].time <= now:
            return
        if self._timers and (timer := self._next_timer()) is not None and timer.deadline <= now:
            return
        outside = self.world.outside
        outside.report = self._report_silence
        outside.settle()

    def _report_silence(self, message: str) -> None:
        self.call_exception_handler({"message": message})

    def _drain(self) -> None:
        self._ready.extend(self._take_inbox())

    def _admit(self) -> None:
        """Moves time on if nothing is ready, then takes in what has completed and what is due."""
        world = self.world
        clock = world.clock
        ready = self._ready
        if not ready and (self._jobs or CLOCKS.started != self._seen):
            self._await_others()  # time must not move on while a thread is still at work
        arrival = self._in_flight[0].time if self._in_flight else None
        if not ready and not self._stopping and not self._inbox:
            target: int | None = None
            if self._timers and (timer := self._next_timer()) is not None:
                target = timer.deadline
            if arrival is not None and (target is None or arrival < target):
                target = arrival
            if clock.pauses or self._by_hand.awaited:
                if not self._by_hand.serve(target):
                    self._jump(target, clock.fence)
            elif target is not None and target > clock.ns:
                self._jump(target)
        due: list[Timer] = []
        timers = self._timers
        if timers:
            if timers[0][0] <= clock.ns:
                self._pop_due(due)
            if world.asks:
                self._stall(due)
        if arrival is not None and arrival <= clock.ns:
            for landed in world.flight.admit():
                handle = Handle(landed.deliver, (), self, None, landed.cause, landed.lane)
                handle.label = landed.what
                ready.append(handle)
        if len(due) > 1 and world.asks:
            due = self._break_ties(due)
        ready.extend(due)

    # -- the end ---------------------------------------------------------------------------------

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Notes what went wrong in the background, then does as the stock loop does."""
        error = context.get("exception")
        if isinstance(error, self.endings):
            raise error
        self.background.append(context)
        if self._exception_handler is not None or not self._records:
            super().call_exception_handler(context)

    def close(self) -> None:
        """Closes the loop and forgets its timers."""
        self._sentry.end()
        if self.world.outside is not None:
            self.world.outside.close()
        let_go(self)
        self._trust.end()
        if self._records:  # a run may end at any moment: what it has left open was nobody's to close
            for one in self.connections_secured:
                inside.let_go_of(one)
        super().close()
        self._timers.clear()
