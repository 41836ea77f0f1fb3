"""One task that runs coroutines for callers that are not async, one after another, on any event loop.

pytest sets fixtures up, calls the test and tears fixtures down from code that is not async. A host makes
all of that one task of one loop: cancel scopes, task groups and timeouts that a fixture opens hold across
its `yield`. Between two jobs the loop stands still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any

from interlace.backends.aio import inside
from interlace.backends.aio.nested import run_nested
from interlace.backends.aio.spares import waiting_handles


class Host:
    """A task that waits for jobs.

    Args:
        loop: the loop it lives on, which does not run yet.
        kind: the class of its task.
        name: what the task is called in stories and traces.
        context: the context of its task; None: a copy of the one at its first job.
        at_hand: whether the task stays among what the loop does next while it waits for a job. That is
            cheaper than a future, but an iteration which is not for the task would show it at work.
        run: runs the loop until it is stopped; None: its `run_forever`.
    """

    is_at_hand = False
    """Whether a step of the task is among what the loop does next although there is no job."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        kind: type[asyncio.Task[Any]] = asyncio.Task,
        *,
        name: str = "test",
        context: Context | None = None,
        at_hand: bool = False,
        run: Callable[[], None] | None = None,
    ) -> None:
        self.loop = loop
        self._run = run or loop.run_forever
        self._at_hand = at_hand
        self.context = context
        self.task: asyncio.Task[Any] | None = None
        self._kind = kind
        self._name = name
        self._job: Coroutine[Any, Any, Any] | None = None
        self._idle: asyncio.Future[None] | None = None
        self._value: Any = None
        self._error: BaseException | None = None
        self._owed = False
        self._is_early = False
        self._serves: list[bool] = []

    @property
    def busy(self) -> bool:
        """Whether a job has begun and not ended: it runs, or its loop was stopped in the middle of it."""
        return self._job is not None

    def call(
        self,
        coroutine: Coroutine[Any, Any, Any],
        context: Context | None = None,
        started: Callable[[Any], None] | None = None,
    ) -> Any:
        """Runs a coroutine to its end and returns its result, or raises its error.

        Inside of a job it does so as well: the loop then runs on within the caller.

        Args:
            coroutine: the job.
            context: the context to run it in, where that is not the one of the host.
            started: called with the task if one is made for this.

        Raises:
            RuntimeError: the loop was stopped before the job was over.
        """
        __tracebackhide__ = True
        if context is not None and context is not self.context:
            coroutine = _within(context, coroutine)
        if inside.running_loop() is self.loop:
            return run_nested(self.loop, coroutine)
        self.post(coroutine, started=started)
        self._run()
        return self.result()

    def post(
        self,
        coroutine: Coroutine[Any, Any, Any],
        context: Context | None = None,
        started: Callable[[Any], None] | None = None,
    ) -> None:
        """Gives the task a job that begins when the loop runs next; see `call`."""
        if context is not None and context is not self.context:
            coroutine = _within(context, coroutine)
        if self._job is not None or self.task is None or self.task.done():
            if self._job is not None:
                self.cancel()  # it was interrupted: it is not to go on beside what comes now
            self.abandon()
            self._start(coroutine)
            if started is not None:
                started(self.task)
        else:
            self._job = coroutine
            # What was handed to the loop before this job is to be begun before it.
            self._is_early = self.is_at_hand and waiting_handles(self.loop) != 1
            if self._idle is not None and not self._idle.done():
                self._idle.set_result(None)

    def result(self) -> Any:
        """Returns the result of the last job, or raises its error.

        Raises:
            RuntimeError: the loop was stopped before the job was over.
        """
        __tracebackhide__ = True
        if self._job is not None:
            raise RuntimeError("the event loop was stopped before this was over, with loop.stop()")
        value, error = self._value, self._error
        self._value = self._error = None
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback holds this frame
        return value

    def abandon(self) -> None:
        """Lets go of the task, wherever it stands."""
        task, self.task = self.task, None
        self._job = self._idle = None
        self._serves.clear()
        if task is not None and not task.done():
            inside.forget(task)

    def cancel(self) -> None:
        """Cancels what the current job waits for."""
        if self.task is not None:
            self.task.cancel()

    def forgive(self) -> None:
        """Takes back what `cancel` leaves on the task, so that it does not count for the next job."""
        if self.task is not None:
            self.task.uncancel()

    def _start(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._job = coroutine
        self._serves = [True]  # empty once the task is abandoned, which then ends when it is cancelled
        serving: Any = self._serve(self._serves)
        serving.__qualname__ = self._name
        self.task = self._kind(serving, loop=self.loop, context=self.context)

    async def _serve(self, serves: list[bool]) -> None:
        job: Any = self._job
        while job is not None:
            try:
                self._value = await job
            except BaseException as error:
                if not serves:
                    raise
                # KeyboardInterrupt too: it is raised where the job was asked for, and the host lives on.
                self._error = error
            if not serves:
                return
            self._job = job = None
            self.loop.stop()
            if self._at_hand:
                self.is_at_hand = True
                try:
                    await _NEXT_ITERATION
                    if self._is_early:
                        self._is_early = False
                        await _NEXT_ITERATION
                except asyncio.CancelledError:
                    self._owed = True
                finally:
                    self.is_at_hand = False
            while serves and not self.busy:
                self._idle = self.loop.create_future()
                try:
                    await self._idle
                except asyncio.CancelledError:
                    # A task group of a fixture has lost a child in between: this is for the next job.
                    self._owed = True
            if not serves:
                return
            job = self._job
            if self._owed and self.task is not None:
                self._owed = False
                self.task.cancel()
                self.task.uncancel()


class _NextIteration:
    """Waits for nothing but the next iteration of the loop."""

    def __await__(self) -> Generator[None, None, None]:
        yield


_NEXT_ITERATION = _NextIteration()


class Steps:
    """Steps a coroutine in another context than that of the task it runs in.

    Args:
        context: the context.
        coroutine: the coroutine.
        error: what is thrown into it at first; None: nothing, it is stepped as usual.
    """

    def __init__(
        self, context: Context, coroutine: Coroutine[Any, Any, Any], error: BaseException | None = None
    ) -> None:
        self._context = context
        self._coroutine = coroutine
        self._error = error

    def __await__(self) -> Generator[Any, Any, Any]:
        run, coroutine = self._context.run, self._coroutine
        step: Any = coroutine.send if self._error is None else coroutine.throw
        given: Any = self._error
        while True:
            try:
                awaited = run(step, given)
            except StopIteration as done:
                return done.value
            try:
                given = yield awaited
                step = coroutine.send
            except GeneratorExit:
                run(coroutine.close)
                raise
            except BaseException as error:
                step, given = coroutine.throw, error


async def _within(context: Context, coroutine: Coroutine[Any, Any, Any]) -> Any:
    return await Steps(context, coroutine)
