"""A loop that is open: any asyncio event loop, driven from code that is not async, and watched.

What nobody would notice otherwise is kept: exceptions in callbacks and in tasks that nobody asks, tasks
that are left behind. Knows nothing of tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextvars import Context
from types import TracebackType
from typing import TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.backends.aio.background import (
    Suspects,
    failure_in,
    pending_tasks,
    suspects_of,
    unretrieved_failures,
    watched,
)
from interlace.backends.aio.host import Host
from interlace.backends.aio.interrupted import is_ending, revive, wait
from interlace.backends.aio.spares import Spares, waiting_handles
from interlace.backends.aio.stuck import stacks
from interlace.errors import TimedOut, UsageError

if TYPE_CHECKING:
    from interlace.backends.aio.together import Share

LoopFactory = Callable[[], asyncio.AbstractEventLoop]

_GRACE = 1.0
"""Seconds that a coroutine has to end after it was cancelled for being too slow."""

_PATIENCE = 10.0
"""Seconds that cancelled tasks have to end on a loop which was interrupted, and may have lost what wakes them."""

current_loop = inside.current
restore_loop = inside.restore


def get_policy() -> Any:
    """Returns the event loop policy."""
    return asyncio.get_event_loop_policy()


def set_policy(policy: Any) -> None:
    """Sets the event loop policy."""
    asyncio.set_event_loop_policy(policy)


def is_loop(value: object) -> bool:
    """Tells whether something is an event loop."""
    return isinstance(value, asyncio.AbstractEventLoop)


def replaces(factory: Any) -> bool:
    """Tells whether a loop factory makes a loop of somebody's own, which no other loop can stand in for."""
    module = getattr(factory, "__module__", None) or ""
    return factory is not None and module.partition(".")[0] not in (
        "asyncio",
        "uvloop",
        "winloop",
        "interlace",
    )


def loop_is_running() -> bool:
    """Tells whether an event loop runs in this thread."""
    return inside.running_loop() is not None


class OpenLoop:
    """An event loop with a host task, and a record of what goes wrong beside it.

    Args:
        factory: makes the loop; None: as asyncio does it.
        debug: whether the loop is in debug mode; None: as asyncio has it.
        name: what the host task is called.
        context: the context of the host task.
        lent: whether somebody else closes the loop.
        spares: what is left of earlier loops that asyncio has made; None: nothing is to be kept of them.
        logs: whether what goes wrong beside it is logged as well, as asyncio does it.

    Attributes:
        loop: the event loop.
        shares: further tasks that run jobs on it.
        failures: exceptions that nobody would get to see, since they were asked for last.
        generators: async generators that are suspended on it, by name; kept by who runs them.
        told: errors of theirs that were raised already; kept likewise.

    Raises:
        UsageError: what the factory returned is no event loop.
    """

    def __init__(
        self,
        factory: LoopFactory | None = None,
        *,
        debug: bool | None = None,
        name: str = "test",
        context: Context | None = None,
        lent: bool = False,
        spares: Spares | None = None,
        logs: bool = False,
    ) -> None:
        self._lent = lent
        self._spares = spares if factory is None else None
        self._factory = factory or (asyncio.new_event_loop if spares is None else spares.open)
        self._debug = debug
        self._name = name
        self._context = context
        self._logs = logs
        self._reports = True
        self._interrupted: list[asyncio.Task[Any]] = []  # the tasks that there were then
        self._interruption: BaseException | None = None
        self.failures: list[BaseException] = []
        self.shares: list[Share] = []
        self._suspects: Suspects | None = None
        self.generators: list[tuple[str, AsyncGenerator[Any, None]]] = []
        self.told: list[BaseException] = []
        self._open()

    def _open(self) -> None:
        loop = self._factory()
        if not isinstance(loop, asyncio.AbstractEventLoop):
            raise UsageError(
                f"the loop factory {getattr(self._factory, '__qualname__', self._factory)!r} returned "
                f"{loop!r}, which is no event loop: return one, such as asyncio.new_event_loop() does"
            )
        if self._debug is not None:
            loop.set_debug(self._debug)
        loop.set_exception_handler(self._note)
        self.loop = loop
        self.host = Host(loop, name=self._name, context=self._context, at_hand=True, run=self.run)

    # -- running ---------------------------------------------------------------------------------

    def call(
        self, coroutine: Coroutine[Any, Any, Any], context: Context | None = None, timeout: float = 0
    ) -> Any:
        """Runs a coroutine to its end in the host task.

        Args:
            coroutine: what to run.
            context: the context to run it in; None: that of the host task.
            timeout: real seconds that it may take; 0: any number.

        Raises:
            TimedOut: it took longer.
        """
        __tracebackhide__ = True
        self.reopen()
        with watched(self._suspects):
            if not timeout:
                return self.host.call(coroutine, context)
            with Limit(self.loop, self.host, timeout):
                return self.host.call(coroutine, context)

    def run(self) -> None:
        """Runs the loop until it is stopped; raises what a signal has raised in between, also within a callback."""
        __tracebackhide__ = True
        try:
            self.loop.run_forever()
        except BaseException:
            self._interrupted = list(asyncio.all_tasks(self.loop))
            raise
        if self._interruption is not None:
            error, self._interruption = self._interruption, None
            raise error

    def make_current(self) -> None:
        """Makes it the loop that `asyncio.get_event_loop()` returns outside of a running loop."""
        self.reopen()
        asyncio.set_event_loop(self.loop)

    def reopen(self) -> None:
        """Opens another loop if somebody has closed this one before anything ran on it, or since."""
        if self.loop.is_closed():
            self.host.abandon()
            self._open()

    # -- what nobody would notice ----------------------------------------------------------------

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "handle" in context and is_ending(error := context.get("exception")):
            # A signal has raised it, as that of pytest-timeout does, between two steps; asyncio only reports it.
            self._interruption = error
            self._interrupted = list(asyncio.all_tasks(loop))
            loop.stop()
            return
        error = failure_in(context) if self._reports else None
        if error is not None:
            blamed = next((share for share in self.shares if share.is_to_blame(context)), self)
            blamed.failures.append(error)
        if error is None or self._logs:
            loop.default_exception_handler(context)

    def take_failures(self, *, unretrieved: bool = False) -> list[BaseException]:
        """Returns what went wrong in the background since the last call.

        Args:
            unretrieved: whether the exceptions of tasks that are still referred to are among it;
                before everything is torn down somebody may yet ask for them.
        """
        failures, self.failures = self.failures, []
        if unretrieved:
            suspects, self._suspects = self._suspects, None
            failures += suspects.failures() if suspects is not None else []
            if not self._is_alone():
                failures += unretrieved_failures(inside.unretrieved(self.loop))
        return failures

    def suspect(self) -> None:
        """Remembers the tasks that have failed and that nobody has asked: the test is over, its fixtures are not."""
        self._suspects = None if self._is_alone() else suspects_of(inside.unretrieved(self.loop))

    def _is_alone(self) -> bool:
        """Tells whether the task of the host is sure to be the only one."""
        task = self.host.task
        return task is not None and inside.is_only_task(task)

    def drop(self, share: Share) -> None:
        """Lets a share go."""
        self.shares.remove(share)
        task = share.host.task
        share.host.abandon()
        if task is not None and not task.done() and not self.loop.is_closed():
            task.cancel()  # it ends with the next step of the loop

    def pending(self) -> list[str]:
        """Returns one line for each task that is not done, other than the host."""
        return pending_tasks(self.loop, [self.host.task, *(share.host.task for share in self.shares)])

    # -- the end ---------------------------------------------------------------------------------

    def end(self) -> tuple[list[BaseException], list[str]]:
        """Closes the loop; returns what went wrong beside it, and a line for each task that was not done."""
        if self._suspects is None and self._is_alone():
            failures, pending = self.take_failures(), []
            self.close(alone=True)
        else:
            failures, pending = self.take_failures(unretrieved=True), self.pending()
            self.close()
        return failures, pending

    def close(self, *, alone: bool = False) -> None:
        """Ends what is left and closes the loop; warns where that fails.

        Args:
            alone: whether the task of the host is known to be the only one.
        """
        loop = self.loop
        if loop.is_closed():
            self.host.abandon()
            warnings.warn(
                f"the event loop of {self._name} was closed by the test or by a fixture: interlace closes it; "
                "leave out loop.close()",
                RuntimeWarning,
                stacklevel=2,
            )
            return
        self._reports = False
        try:
            self._leave_empty(loop, alone=alone)
        except Exception as error:
            warnings.warn(
                f"closing the event loop of {self._name} failed: {type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )
        finally:
            self._give_back(loop)

    def _leave_empty(self, loop: asyncio.AbstractEventLoop, *, alone: bool) -> None:
        hosts = [self.host, *(share.host for share in self.shares)]
        idle = [host.task for host in hosts if not host.busy]
        tasks = [] if alone and idle else [task for task in asyncio.all_tasks(loop) if task not in idle]
        for host in hosts:
            host.abandon()
        if tasks:
            self._cancel(tasks)
        # An async generator that was let go of is to be closed by a task which has not been made yet.
        if (waiting_handles(loop) or 0) > sum(host.is_at_hand for host in hosts):
            loop.run_until_complete(asyncio.sleep(0))
            if late := asyncio.all_tasks(loop):
                self._cancel(list(late))
        # Neither is called in vain; but who has put another one in its place wants it to be called.
        if getattr(loop, "_asyncgens", True) or "shutdown_asyncgens" in getattr(loop, "__dict__", ()):
            loop.run_until_complete(loop.shutdown_asyncgens())
        if getattr(loop, "_default_executor", True) is not None:
            loop.run_until_complete(loop.shutdown_default_executor())

    def _give_back(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._lent:
            return
        # Nothing is to stay alive in a circle.
        loop.set_exception_handler(None)
        if self._spares is None:
            loop.close()
            return
        self.loop = self._spares.ended
        for host in (self.host, *(share.host for share in self.shares)):
            host.loop = self.loop
        self._spares.close(loop, held=2)  # here, and in close()

    def _cancel(self, tasks: list[asyncio.Task[Any]]) -> None:
        for task in tasks:
            task.cancel()
        if self._interrupted:
            tasks = revive(self.loop, tasks)
            self.loop.run_until_complete(wait(tasks, _PATIENCE))
        else:
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for task in tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                self.loop.call_exception_handler(
                    {"message": "a task failed when it was cancelled", "exception": error, "task": task}
                )


class Limit:
    """Cancels what a host does when it has taken too long, and raises `TimedOut` in its place.

    Args:
        loop: the loop of the host.
        host: the host.
        seconds: real seconds that it may take.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, host: Host, seconds: float) -> None:
        self._loop = loop
        self._host = host
        self._seconds = seconds
        self._stacks = ""

    def __enter__(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._expire)

    @property
    def is_over(self) -> bool:
        """Whether even the time to end after the cancellation is over."""
        return bool(self._stacks) and self._loop.time() >= self._timer.when()

    def _expire(self) -> None:
        self._stacks = stacks(self._loop)
        self._host.cancel()
        # It may swallow the cancellation.
        self._timer = self._loop.call_later(_GRACE, self._loop.stop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if not self._loop.is_closed():
            self._timer.cancel()
        if not self._stacks:
            return
        self._host.forgive()
        # A coroutine that has swallowed the cancellation has taken too long as well.
        if not isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise TimedOut(self._seconds, self._stacks) from error


@contextlib.contextmanager
def current_is(opened: OpenLoop) -> Iterator[None]:
    """Makes a loop the current one for the length of a block."""
    before = inside.current()
    opened.make_current()
    try:
        yield
    finally:
        inside.restore(before)
