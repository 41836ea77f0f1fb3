"""Executor jobs: real threads, in lockstep with the loop.

A job runs at once, and the loop stands still until it is done, or until it is seen to wait for
something (it may well wait for the loop). A step of the loop that lets a job go on is followed by
nothing until that job waits again or has ended: of the loop and its jobs one is at work at a time.
A job's completion arrives like any other operation in flight, after a virtual time that is explored.
A thread that is merely busy is not a deadlock.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import Callable, Sequence
from contextvars import Context
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack
from weakref import WeakKeyDictionary

from interlace.backends.aio import elders, inside, standing
from interlace.backends.aio.blocked import Sentry
from interlace.backends.aio.handles import Handle
from interlace.backends.aio.jobs import Job, Work
from interlace.backends.aio.stillness import OUTSIDE_FILES, STILL, dozes, stillness, stillness_at_work
from interlace.backends.aio.waiting import Waiter, wait_in_step, wait_in_thread, warn_of_blocking
from interlace.backends.clocks import ALIVE, CLOCKS, wait_really
from interlace.sim.clock import nanoseconds
from interlace.sim.flight import DELAYS

if TYPE_CHECKING:
    from interlace.backends.aio.actors import Names
    from interlace.sim.files import Files
    from interlace.sim.world import World

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_POLL = 0.001
_IDLE_POLL = 0.02

_PATIENCE = 2.0
"""Real seconds for which an idle loop waits for a thread that it did not start."""

_DOZING = 10.0
"""Real seconds after which a job that sleeps, or waits for something real, is no longer waited for."""

_STRANGER = 1 << 30
"""Stands behind the numbers of all jobs where letters of one moment are put in order."""


class _Post(threading.Condition):
    """A condition whose waits are real, whatever clock is shown."""

    wait = wait_really


class Threads(inside.BaseLoop):
    """The part of the loop that deals with threads."""

    world: World
    names: Names
    cancellations: int
    _inbox: list[tuple[int, asyncio.Handle]]
    _post: threading.Condition
    _jobs: list[Job]
    _submitted: int
    _elders: set[threading.Thread]
    _loners: set[threading.Thread]
    _seen: int
    _sentry: Sentry
    _lanes: WeakKeyDictionary[threading.Thread, str]
    sleepers: dict[Waiter, int]

    strict = True
    """Whether a filter that makes errors of warnings goes for `BlockingCallWarning` as well."""

    def _init_threads(self) -> None:
        self._inbox = []
        self._post = _Post()
        self._jobs = []
        self._submitted = 0
        self._elders = set(threading.enumerate())
        self._loners = set()
        self._seen = CLOCKS.started
        self._sentry = Sentry(self)
        self._lanes = WeakKeyDictionary()
        self.sleepers = {}

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: Unpack[Ts], context: Context | None = None
    ) -> asyncio.Handle:
        """Schedules a callback from any thread; from the loop's own it is `call_soon`.

        When a thread that the program has started itself gets to it is explored.
        """
        self._sentry.begin()  # whoever asks the loop for something may be waited for by it
        running = self._thread_id
        if running == threading.get_ident() or (running is None and not self._inbox):
            return self.call_soon(callback, *args, context=context)
        if running is not None and self._job_number() == _STRANGER:
            self._check_closed()
            Waiter().hold(self)
            if self.is_closed():  # as if it had called just before that
                return Handle(callback, args, self, context, -1, None)
        return self.post_letter(callback, *args, context=context)

    def post_letter(
        self, callback: Callable[[Unpack[Ts]], object], *args: Unpack[Ts], context: Context | None = None
    ) -> asyncio.Handle:
        """Schedules a callback from any other thread, which goes on at once."""
        self._check_closed()
        self._sentry.begin()
        number = self._job_number()
        if number == _STRANGER:
            # Threads are started one after the other, and the system numbers them as they come.
            number += threading.get_native_id()
        handle = Handle(callback, args, self, context, -1, None)
        self._send(number, handle)
        return handle

    def _job_number(self) -> int:
        # A thread of a pool serves one job after another, and the last one may not be off the list yet.
        thread = threading.current_thread()
        return next((job.number for job in reversed(self._jobs) if job.thread is thread), _STRANGER)

    def _send(self, number: int, handle: asyncio.Handle) -> None:
        with self._post:
            self._inbox.append((number, handle))
            self._post.notify_all()

    def lane_of(self, thread: threading.Thread) -> str:
        """Returns the lane of what a thread of the program's own does."""
        if thread not in self._lanes:
            self._lanes[thread] = self.names.unique(f"thread {standing.task_of(thread)}")
        return self._lanes[thread]

    def note_blocked(self, error: BaseException) -> None:
        """Notes an error in the background, for the sentry."""
        context = {"message": "a step held the event loop up", "exception": error}
        # Not with `call_soon_threadsafe`, which would put the sentry on the list of threads.
        self._send(_STRANGER, Handle(self.call_exception_handler, (context,), self, None, -1, None))

    def sleep(self, seconds: float) -> None:
        """Does what `time.sleep` is to do in this world: time passes, and in the loop's own thread nothing else happens."""
        self.hold(
            seconds, f"time.sleep({seconds:g})",
            f"await asyncio.sleep({seconds:g}), or call what sleeps with asyncio.to_thread",
        )  # fmt: skip

    def hold(self, seconds: float, what: str, remedy: str) -> None:
        """Lets time pass for the calling thread; in the loop's own nothing else happens, and a warning says what to do."""
        if self._thread_id not in (None, threading.get_ident()):
            Waiter().wait(self, seconds)
        else:
            self.pass_time(seconds, what, remedy)

    @property
    def files(self) -> Files | None:
        """What the test says about real files; None: nothing."""
        return self.world.files

    def in_lockstep(self) -> bool:
        """Tells whether the calling thread is the loop's own, or has one of its jobs."""
        if self._thread_id in (None, threading.get_ident()):
            return True
        thread = threading.current_thread()
        return any(job.thread is thread for job in self._jobs)

    def wait(self, condition: threading.Condition, seconds: float) -> bool:
        """Does what `Condition.wait` with a limit is to do in this world; returns whether it was notified."""
        if self._thread_id in (None, threading.get_ident()):
            return wait_in_step(self, condition, seconds)
        return wait_in_thread(self, condition, seconds)

    def pass_time(self, seconds: float, what: str, remedy: str) -> None:
        """Lets time pass in the middle of a step, and warns of what took it."""
        clock = self.world.clock
        clock.ns = clock.when(clock.here_ns + nanoseconds(seconds))
        if self._thread_id is not None:
            warn_of_blocking(self, what, remedy)

    def _write_to_self(self) -> None:
        with self._post:
            self._post.notify_all()

    def _take_inbox(self) -> list[asyncio.Handle]:
        """Empties the inbox: the letters of one job in order, those of several by number, not by luck."""
        with self._post:
            letters, self._inbox = self._inbox, []
        letters.sort(key=itemgetter(0))
        return [handle for _, handle in letters]

    def run_in_executor(
        self, executor: concurrent.futures.Executor | None, func: Callable[[Unpack[Ts]], T], *args: Unpack[Ts]
    ) -> asyncio.Future[T]:
        """Runs a function in a thread, in lockstep; the result arrives after an explored time."""
        return self._run_job(executor, func, args, DELAYS)

    def _run_job(
        self,
        executor: concurrent.futures.Executor | None,
        func: Callable[[Unpack[Ts]], T],
        args: tuple[Unpack[Ts]],
        delays: Sequence[int],
    ) -> asyncio.Future[T]:
        """Does the same; its result arrives after one of these times, in ns."""
        self._check_closed()
        if self._debug:
            self._check_callback(func, "run_in_executor")
        if executor is None:
            executor = self._default_pool()
        future: asyncio.Future[T] = self.create_future()
        self._submitted += 1
        function = standing.unwrapped(func)
        lane = self.names.unique(f"job {getattr(function, '__qualname__', type(function).__name__)}")
        job = Job(self._submitted, lane)

        self._jobs.append(job)  # before it can write a letter, which goes by its number
        try:
            if isinstance(executor, concurrent.futures.ThreadPoolExecutor):
                job.pool = executor
            result = executor.submit(Work(job, func, args))
        except BaseException:
            self._jobs.remove(job)
            raise
        job.future = result

        def deliver() -> None:
            inside.copy_result(result, future)

        def complete() -> None:
            self._jobs.remove(job)
            if result.cancelled():
                future.cancel()
            else:
                self.world.flight.post(lane, f"{lane} done", deliver, delays)

        def finished(_: object) -> None:
            # By letter even from the loop's own thread: a job may be over before anybody asks to be told.
            with self._post:
                if not self.is_closed():
                    self._inbox.append((job.number, Handle(complete, (), self, None, -1, None)))
                job.landed = True
                self._post.notify_all()

        future.add_done_callback(lambda done: result.cancel() if done.cancelled() else None)
        result.add_done_callback(finished)
        self._await_others(idle=False)
        return future

    def claim(self, threads: set[threading.Thread], *, ours: bool) -> None:
        """Takes threads that are older than the run for its own from now on, or new ones for some that are not."""
        if ours:
            self._elders -= threads
            self._seen = -1
        else:
            self._elders |= threads

    def _default_pool(self) -> concurrent.futures.Executor:
        self._check_default_executor()
        if self._default_executor is None:
            self._default_executor = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="asyncio")
        return self._default_executor

    def _await_others(self, *, idle: bool = True) -> None:
        """Stands still until every other thread waits for something, or has ended.

        Args:
            idle: whether the loop has nothing else to do, so that what a thread waits for no longer
                than some real time may be over before the loop goes on.
        """
        still = 0
        waited = 0.0
        pause = _POLL / 32
        started = CLOCKS.started
        with self._post:
            while True:
                strangers = self._strangers() - self._loners
                if not self._jobs and not strangers:
                    # The workers of a pool of the program's own may be given work at any time.
                    if not standing.pool_threads().difference(self._elders, self._own_crew()):
                        self._seen = started
                    break
                self._sentry.begin()
                least = min(
                    *(self._job_stillness(job, timed=not idle) for job in self._jobs),
                    *(stillness(thread, OUTSIDE_FILES, timed=not idle) for thread in strangers),
                    STILL,
                    STILL,
                )
                still = still + least if least else 0
                if still >= STILL:
                    break
                waited += pause
                if waited > _PATIENCE:
                    self._loners |= strangers
                # Most threads go on for some microseconds only; one that seems to wait is given time to prove it.
                pause = _POLL if least else min(2 * pause, _POLL)
                self._let_dozers_go(pause)
                self._post.wait(pause)

    def _let_dozers_go(self, pause: float) -> None:
        """Stops waiting for jobs that have long been dozing: what they wait for may never come otherwise."""
        for job in self._jobs:
            if job.loose or job.future.done():
                continue
            # What has not begun anywhere may have been given to another process, or to nobody.
            if job.pool is None if job.thread is None else dozes(job.thread):
                job.dozed += pause
                if job.dozed > _DOZING:
                    job.loose = True
                    message = (
                        f"{job.name} sleeps in real time, or waits for something real, and was left alone after "
                        f"{_DOZING:g} s: from there on this run need not be the same again. Let it wait for a "
                        "threading.Event, or for the loop"
                    )
                    self.call_exception_handler({"message": message})

    def _job_stillness(self, job: Job, *, timed: bool = False) -> int:
        """Is `stillness` for a job; one that has no thread yet may stand behind others that wait."""
        if job.loose:
            return STILL
        if job.future.done():
            return STILL if job.landed else 0
        if job.thread is not None:
            return stillness(job.thread, timed=timed)
        if job.pool is None:
            # Some executors have their jobs done by a thread which waits for the loop meanwhile.
            at_work = [other.thread for other in self._jobs if other.thread and not other.future.done()]
            return min((stillness(thread, timed=timed) for thread in at_work), default=0)
        return min((stillness_at_work(thread, timed=timed) for thread in standing.crew(job.pool)), default=0)

    def _await_threads(self) -> bool:
        """Waits, in real time, for a thread to write to the idle loop; False if none will."""
        quiet = 0.0
        with self._post:
            while not self._inbox:
                asked = elders.at_work(self._elders)
                if not self._jobs and not asked and not self._strangers():
                    return False
                self._sentry.begin()
                busy = not all(map(self._job_stillness, self._jobs))
                self._post.wait(_IDLE_POLL)
                quiet = 0.0 if busy else quiet + _IDLE_POLL
                if quiet > _PATIENCE:
                    elders.SILENT.update(asked)
                    return False
        return True

    def _strangers(self) -> set[threading.Thread]:
        """Returns live threads that the program started by itself; those of pools only while they are at work."""
        found = set(ALIVE.values())  # in one go, as the list may change
        found -= self._elders
        found -= self._own_crew()
        found.difference_update(job.thread for job in self._jobs)
        if found and (pooled := found & standing.pool_threads()):
            frames = sys._current_frames()
            found -= standing.off_duty({one: frames[one.ident] for one in pooled if one.ident in frames})
        return found

    def _own_crew(self) -> set[threading.Thread]:
        """Returns the workers of the loop's own pool, which have no jobs but those of the loop."""
        pool = self._default_executor
        return standing.crew(pool) if isinstance(pool, concurrent.futures.ThreadPoolExecutor) else set()

    def others_wait(self) -> bool:
        """Tells whether all other threads of the program, and those of its jobs, seem to wait."""
        return all(map(self._job_stillness, self._jobs)) and all(
            stillness(thread, OUTSIDE_FILES) for thread in self._strangers()
        )

    def threads_at_work(self) -> set[threading.Thread]:
        """Returns the threads that the program has, and those of its jobs."""
        jobs = [job.thread for job in self._jobs if job.thread is not None and not job.future.done()]
        return self._strangers().union(jobs)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Ends the default executor; in lockstep its jobs are done already, or will never be."""
        self._executor_shutdown_called = True
        if self._default_executor is not None:
            idle = all(job.future.done() for job in self._jobs)
            self._default_executor.shutdown(wait=idle)
