"""Executor jobs: real threads, in lockstep with the loop.

A job runs at once, and the loop stands still until it is done, or until it is seen to wait for
something (it may well wait for the loop). Its completion then arrives like any other operation in
flight, after a virtual time that is explored. A thread that is merely busy is not a deadlock.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import selectors
import socket
import sys
import threading
from collections.abc import Callable
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, Unpack

from interlace.backends.aio import inside
from interlace.backends.aio.handles import Handle
from interlace.sim.flight import DELAYS

if TYPE_CHECKING:
    from interlace.backends.aio.actors import Names
    from interlace.sim.world import World

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_POLL = 0.001
_STILL = 5
"""A thread that seems to wait at this many polls in a row is waiting."""

_IDLE_POLL = 0.02

_PATIENCE = 2.0
"""Real seconds for which an idle loop waits for a thread that it did not start."""


def _stillness(thread: threading.Thread) -> int:
    """Tells whether a thread waits: 0 no, `_STILL` for certain, 1 if it seems so now."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return 0
    if inside.waits_for_certain(frame):
        return _STILL
    return int(frame.f_code.co_filename in _WAITING_FILES or inside.calls_a_lock(frame))


def _stranger_stillness(thread: threading.Thread) -> int:
    """Is `_stillness` for a thread that the program started by itself: it may serve real sockets."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is not None and frame.f_code.co_filename in _OUTSIDE_FILES:
        return 1
    return _stillness(thread)


_WAITING_FILES = (threading.__file__, queue.__file__)
_OUTSIDE_FILES = (selectors.__file__, socket.__file__)


class Threads(inside.BaseLoop):
    """The part of the loop that deals with threads."""

    world: World
    names: Names
    _inbox: list[asyncio.Handle]
    _post: threading.Condition
    _jobs: dict[concurrent.futures.Future[Any], list[threading.Thread]]
    _elders: set[threading.Thread]
    _loners: set[threading.Thread]
    _crowd: int

    def _init_threads(self) -> None:
        self._inbox = []
        self._post = threading.Condition()
        self._jobs = {}
        self._elders = set(threading.enumerate())
        self._loners = set()
        self._crowd = len(self._elders)

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: Unpack[Ts], context: Context | None = None
    ) -> asyncio.Handle:
        """Schedules a callback from any thread; from the loop's own it is `call_soon`."""
        if self._thread_id in (None, threading.get_ident()):
            return self.call_soon(callback, *args, context=context)
        self._check_closed()
        handle = Handle(callback, args, self, context, -1, None)
        with self._post:
            self._inbox.append(handle)
            self._post.notify_all()
        return handle

    def _write_to_self(self) -> None:
        with self._post:
            self._post.notify_all()

    def _take_inbox(self) -> list[asyncio.Handle]:
        with self._post:
            letters, self._inbox = self._inbox, []
        return letters

    def run_in_executor(
        self, executor: concurrent.futures.Executor | None, func: Callable[[Unpack[Ts]], T], *args: Unpack[Ts]
    ) -> asyncio.Future[T]:
        """Runs a function in a thread, in lockstep; the result arrives after an explored time."""
        self._check_closed()
        if self._debug:
            self._check_callback(func, "run_in_executor")
        if executor is None:
            executor = self._default_pool()
        future: asyncio.Future[T] = self.create_future()
        started: list[threading.Thread] = []

        def work() -> T:
            started.append(threading.current_thread())
            return func(*args)

        in_thread = isinstance(executor, concurrent.futures.ThreadPoolExecutor)

        function = inside.unwrapped(func)
        lane = self.names.unique(f"job {getattr(function, '__qualname__', type(function).__name__)}")
        job = executor.submit(work) if in_thread else executor.submit(func, *args)
        self._jobs[job] = started

        def finished(_: object) -> None:
            with self._post:
                self._post.notify_all()

        job.add_done_callback(finished)
        future.add_done_callback(lambda done: job.cancel() if done.cancelled() else None)
        self._await_job(job)

        def deliver() -> None:
            inside.copy_result(job, future)

        def complete() -> None:
            self._jobs.pop(job, None)
            if job.cancelled():
                future.cancel()
            else:
                self.world.flight.post(lane, f"{lane} done", deliver, DELAYS)

        if job.done():
            complete()
        else:
            job.add_done_callback(lambda _: None if self.is_closed() else self.call_soon_threadsafe(complete))
        return future

    def _default_pool(self) -> concurrent.futures.Executor:
        self._check_default_executor()
        if self._default_executor is None:
            self._default_executor = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="asyncio")
        return self._default_executor

    def _await_job(self, job: concurrent.futures.Future[Any]) -> None:
        """Stands still until a new job is done, has written to the loop, or waits for something."""
        still = 0
        with self._post:
            while not (job.done() or self._inbox) and still < _STILL:
                self._post.wait(_POLL)
                stillness = self._job_stillness(job)
                still = still + stillness if stillness else 0

    def _await_others(self) -> None:
        """Stands still until some thread has written to the loop or all of them wait for something."""
        still = 0
        polls = 0
        with self._post:
            while not self._inbox:
                strangers = self._strangers() - self._loners
                if not self._jobs and not strangers:
                    self._crowd = threading.active_count()
                    break
                stillness = min((*map(self._job_stillness, self._jobs), *map(_stranger_stillness, strangers)))
                still = still + stillness if stillness else 0
                if still >= _STILL:
                    break
                polls += 1
                if polls * _POLL > _PATIENCE:
                    self._loners |= strangers
                self._post.wait(_POLL)

    def _job_stillness(self, job: concurrent.futures.Future[Any]) -> int:
        """Is `_stillness` for a job; one that has no thread yet may stand behind jobs that wait."""
        if job.done():
            return 0
        started = self._jobs[job]
        if started:
            return _stillness(started[0])
        others = [threads[0] for other, threads in self._jobs.items() if threads and not other.done()]
        return min(map(_stillness, others), default=0)

    def _await_threads(self) -> bool:
        """Waits, in real time, for a thread to write to the idle loop; False if none will."""
        quiet = 0.0
        with self._post:
            while not self._inbox:
                if not self._jobs and not self._strangers():
                    return False
                busy = any(not self._job_stillness(job) for job in self._jobs)
                self._post.wait(_IDLE_POLL)
                quiet = 0.0 if busy else quiet + _IDLE_POLL
                if quiet > _PATIENCE:
                    return False
        return True

    def _strangers(self) -> set[threading.Thread]:
        """Returns live threads that the program started by itself, outside of any pool."""
        known = self._elders | inside.pool_threads()
        return {thread for thread in threading.enumerate() if thread not in known}

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Ends the default executor; in lockstep its jobs are done already, or will never be."""
        self._executor_shutdown_called = True
        if self._default_executor is not None:
            idle = all(job.done() for job in self._jobs)
            self._default_executor.shutdown(wait=idle)
