"""Runs one program on a fresh simulated loop, and takes the outcome before anything is torn down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from contextvars import Context
from typing import Any

from interlace.backends.aio import inside
from interlace.backends.aio.actors import Task
from interlace.backends.aio.background import (
    Suspects,
    failure_in,
    pending_tasks,
    suspects_of,
    unretrieved_failures,
    watched,
)
from interlace.backends.aio.cancelling import Canceller
from interlace.backends.aio.host import Host
from interlace.backends.aio.interrupted import revive
from interlace.backends.aio.loop import Loop
from interlace.backends.aio.watching import Watcher
from interlace.backends.files import CALLS
from interlace.errors import Deadlock, InterlaceError, UsageError
from interlace.model.asserts import asserted_values
from interlace.model.outcome import Ending, innermost
from interlace.sim.clock import nanoseconds
from interlace.sim.world import NEVER, World

_TEARDOWN_ROUNDS = 3
"""How often a task that swallows its cancellation is cancelled again before it is left alone."""

_TEARDOWN_STEPS = 20_000

MAX_STEPS = 1_000_000
"""How many steps a run may take unless told."""

MAX_TIME = 10 * 366 * 86_400.0
"""How many virtual seconds a run may take unless told."""


class Running:
    """One run in a world: its loop is open, and its outcome is taken before anything is torn down.

    Args:
        world: where it takes place.
        max_steps: it is stopped with `Runaway` after this many steps; 0: never.
        max_ns: it is stopped with `Runaway` at this virtual time in ns; 0: never.

    Attributes:
        loop: the loop.
        name: what the task of `call` is called in stories and traces.

    Raises:
        UsageError: another event loop is running in this thread.
    """

    def __init__(self, world: World, *, max_steps: int = 0, max_ns: int = 0) -> None:
        if inside.running_loop() is not None:
            raise UsageError(
                "interlace was called inside of a running event loop: call it from a function that is not async, "
                "or in a thread of its own with 'await asyncio.to_thread(interlace.run, main)'"
            )
        self.world = world
        self.name = "test"
        self.loop = Loop(world, max_steps=max_steps, max_ns=max_ns)
        self._host: Host | None = None
        self._watcher = Watcher(self.loop) if world.passages is not None else nullcontext()
        self._ending: Ending | None = None
        self._told = 0
        self._suspects: Suspects | None = None
        self._interrupted: list[asyncio.Task[Any]] = []  # the tasks that there were then
        self._is_well = True

    def main(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine to its end, as a task of its own, and returns its result or raises its error."""
        task = self.loop.create_task(coroutine)
        self._watch(task)
        try:
            with self._watcher:
                return self.loop.run_until_complete(task)
        except BaseException:
            self._is_well = False
            raise

    def call(
        self,
        coroutine: Coroutine[Any, Any, Any],
        context: Context | None = None,
        timeout: float = 0,
    ) -> Any:
        """Runs a coroutine to its end, in the one task that all calls share.

        Args:
            coroutine: what to run.
            context: the context to run it in; None: that of the task.
            timeout: virtual seconds that it may take; 0: any number.

        Raises:
            TimedOut: it took longer.
        """
        __tracebackhide__ = True
        if self._host is None:
            self._host = Host(self.loop, Task, name=self.name, context=context)
        host, world = self._host, self.world
        if inside.running_loop() is self.loop:
            return host.call(coroutine, context)
        if timeout:
            world.limit = world.clock.ns + nanoseconds(timeout)
            self.loop.spare(world.limit)
        try:
            with self._watcher, watched(self._suspects):
                return host.call(coroutine, context, self._watch)
        except BaseException:
            self._is_well = False
            if host.busy:
                self._interrupted = list(asyncio.all_tasks(self.loop))
            raise
        finally:
            world.limit = NEVER

    def _watch(self, task: Task) -> None:
        self.loop.main = task
        if self.world.faults.cancel:
            Canceller(self.loop, task)
        if self.world.faults.crash:
            self.loop.programs.explore_crashes()

    def take_failures(self, *, unretrieved: bool = False) -> list[BaseException]:
        """Returns what went wrong in the background since the last call; see `OpenLoop.take_failures`."""
        contexts, self._told = self.loop.background[self._told :], len(self.loop.background)
        failures = [error for context in contexts if (error := failure_in(context)) is not None]
        if unretrieved:
            suspects, self._suspects = self._suspects, None
            failures += suspects.failures() if suspects is not None else []
            failures += unretrieved_failures(inside.unretrieved(self.loop))
        return failures

    def suspect(self) -> None:
        """Remembers the tasks that have failed and that nobody has asked; see `OpenLoop.suspect`."""
        self._suspects = suspects_of(inside.unretrieved(self.loop))

    def pending(self) -> list[str]:
        """Returns one line for each task that is not done, other than that of `call`."""
        own = self._host.task if self._host is not None else None
        return pending_tasks(self.loop, [own])

    def finish(self) -> BaseException | None:
        """Runs what is to be run when the program has ended well, and returns what has gone wrong with that.

        After a failure it is not run: it would only lengthen the story. What is left is cancelled then.
        """
        endings, self.world.endings = self.world.endings, []
        if not endings or not self._is_well:
            return None
        try:
            if self._host is not None:
                self.call(_run_all(endings))
            else:
                with self._watcher:
                    self.loop.run_until_complete(_run_all(endings))
        except asyncio.CancelledError:  # an injected cancellation was for it by name
            return None
        except Exception as error:
            error.add_note("interlace: raised after the test, while what it has served was shut down")
            return error
        return None

    def take(self, value: Any, error: BaseException | None) -> Ending:
        """Takes the outcome: from now on nothing is asked and nothing is recorded. Once taken, it stays."""
        if self._ending is None:
            if error is None:
                error = self.finish()
            error = self.world.review(error)
            interrupted = error is not None and self.world.cancelled and _only_cancelled(error)
            background = tuple(_word(context) for context in self.loop.background)
            ending = Ending(value, None if interrupted else error, interrupted, background)
            if isinstance(self._watcher, Watcher):
                # The objects in the assertion may change as soon as more of the program is run.
                asserted = asserted_values(innermost(ending.error).__traceback__) if ending.error else ()
                ending = ending._replace(names=self._watcher.names, asserted=asserted)
            self._ending = ending
            self.world.close()
        return self._ending

    def close(self) -> None:
        """Ends what the program left running."""
        self.world.close()
        if self.world.outside is not None:
            self.world.outside.hasten()
        try:
            if not self.loop.is_closed():
                if self._host is not None:
                    self._host.abandon()
                _tear_down(self.loop, self._interrupted)
        finally:
            while self.world.undoing:
                self.world.undoing.pop()()
            if self.world.files is not None:
                CALLS.end(self.world.files)


class Asyncio:
    """The asyncio backend.

    Args:
        max_steps: a run is stopped with `Runaway` after this many steps; 0: never.
        max_time: a run is stopped with `Runaway` after this many virtual seconds; 0: never.

    Raises:
        UsageError: one of these is no such number.
    """

    def __init__(self, *, max_steps: int = MAX_STEPS, max_time: float = MAX_TIME) -> None:
        if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 0:
            raise UsageError(f"max_steps is {max_steps!r}: give a whole number of steps; 0: any number")
        if isinstance(max_time, bool) or not isinstance(max_time, (int, float)) or not 0 <= max_time < 1e11:
            raise UsageError(f"max_time is {max_time!r}: give a number of virtual seconds; 0: any number")
        self._max_steps = max_steps
        self._max_ns = nanoseconds(max_time)

    def open(self, world: World) -> Running:
        """Opens a loop in a world."""
        return Running(world, max_steps=self._max_steps, max_ns=self._max_ns)


async def suspend(world: World, what: str, delays: Sequence[int]) -> None:
    """Suspends the calling task for a virtual time that is explored."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, Loop):
        raise InterlaceError(
            "world.latency() works inside a simulated run only: use interlace.run or the marker"
        )
    future = loop.create_future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    name = loop.names.unique(what)
    world.flight.post(name, name, wake, delays)
    await future


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Returns a simulated loop in a world of its own: first in first out, virtual time, no questions.

    Meant as the `loop_factory` of `asyncio.Runner`.
    """
    return Loop(World(), records=False)


async def _run_all(endings: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    for ending in endings:
        await ending()


def _only_cancelled(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only_cancelled(part) for part in error.exceptions)
    return isinstance(error, asyncio.CancelledError)


def _word(context: dict[str, Any]) -> str:
    error = context.get("exception")
    message = str(context.get("message", "an error in the background"))
    return f"{message}: {type(error).__name__}: {error}" if error is not None else message


def _tear_down(loop: Loop, interrupted: Sequence[asyncio.Task[Any]]) -> None:
    """Ends what the program left running, as `asyncio.Runner.close` does, but never hangs on it.

    Args:
        loop: its loop.
        interrupted: the tasks that there were when an exception left the loop in the middle.
    """
    loop.set_exception_handler(lambda loop, context: None)
    loop._max_steps = loop.world.step + _TEARDOWN_STEPS
    tasks: list[asyncio.Task[Any]] = []
    try:
        for _ in range(_TEARDOWN_ROUNDS):
            tasks = list(asyncio.all_tasks(loop))
            if not tasks:
                break
            tasks.sort(key=lambda task: hash(task) if isinstance(task, Task) else 0)
            for task in tasks:
                _cancel(task)
            if interrupted:
                tasks = revive(loop, tasks)
            _try(loop, _gather(tasks))
        if loop._ready:  # whoever was to be told that a task is done is told, whatever order the run had
            _try(loop, _gather([]))
        if loop._asyncgens:
            _try(loop, loop.shutdown_asyncgens())
        if loop._default_executor is not None:
            _try(loop, loop.shutdown_default_executor())
    finally:
        for task in asyncio.all_tasks(loop) if tasks else ():
            inside.forget(task)
        loop.close()
        with CALLS.burying(loop.world.files):
            loop.programs.end()


def _cancel(task: asyncio.Task[Any]) -> None:
    try:
        task.cancel()
    except RecursionError:  # tasks that await each other in a circle pass it on for ever
        pass


async def _gather(tasks: list[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


def _try(loop: Loop, awaitable: Coroutine[Any, Any, Any]) -> None:
    try:
        loop.run_until_complete(awaitable)
    except (Deadlock, InterlaceError, asyncio.CancelledError):
        pass
