"""Every private name of asyncio that interlace relies on, and nothing else.

`tests/backends/test_inside.py` fails on the day one of them vanishes.
"""

from __future__ import annotations

import asyncio
from asyncio import base_events, constants, futures, selector_events, tasks
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from concurrent.futures import Future as JobFuture
from contextlib import AsyncExitStack, ExitStack, contextmanager
from contextvars import Context
from types import CodeType, FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from interlace.model.source import is_user_file, place_of
from interlace.model.trace import Place

if TYPE_CHECKING:

    class BaseLoop(asyncio.BaseEventLoop):
        """What the loop uses of its base class besides the public names."""

        _asyncgens: Any
        _clock_resolution: float
        _closed: bool
        _debug: bool
        _default_executor: Executor | None
        _exception_handler: Any
        _executor_shutdown_called: bool
        _stopping: bool
        _task_factory: Any
        _thread_id: int | None

        def _check_callback(self, callback: object, method: str) -> None: ...
        def _check_closed(self) -> None: ...
        def _check_default_executor(self) -> None: ...
        def _check_thread(self) -> None: ...

    class SocketFunctions(asyncio.BaseEventLoop):
        """What asyncio's selector loop does with socket objects, by four functions that watch descriptors."""

        def _ensure_fd_no_transport(self, fd: Any) -> None: ...

else:
    BaseLoop = asyncio.BaseEventLoop
    _WATCHES = ("_ensure_fd_no_transport", "add_reader", "add_writer", "remove_reader", "remove_writer")
    SocketFunctions = type(
        "SocketFunctions",
        (asyncio.BaseEventLoop,),
        {
            name: function
            for name, function in vars(selector_events.BaseSelectorEventLoop).items()
            if name in _WATCHES or name.startswith(("sock_", "_sock_"))
        },
    )

WAKE_SLEEPER: Any = futures._set_result_unless_cancelled  # type: ignore[attr-defined]
"""What `asyncio.sleep` arms its timer with: how a sleep is told from a timeout."""

WAKE_SLEEPER_NAME: str = WAKE_SLEEPER.__qualname__

SLEEP_CODE: Any = asyncio.sleep.__code__
"""What makes the future of a sleep."""


running_loop = asyncio._get_running_loop
"""Returns the event loop that runs in this thread; None if none does."""


def read_pipe(loop: Any, pipe: Any, protocol: Any, waiter: Any, extra: Any) -> asyncio.ReadTransport:
    """Returns asyncio's transport for the end of a pipe that is read."""
    from asyncio import unix_events

    return unix_events._UnixReadPipeTransport(loop, pipe, protocol, waiter, extra)  # type: ignore[attr-defined,no-any-return]


def write_pipe(loop: Any, pipe: Any, protocol: Any, waiter: Any, extra: Any) -> asyncio.WriteTransport:
    """Returns asyncio's transport for the end of a pipe that is written."""
    from asyncio import unix_events

    return unix_events._UnixWritePipeTransport(loop, pipe, protocol, waiter, extra)  # type: ignore[attr-defined,no-any-return]


@contextmanager
def unlooped() -> Iterator[None]:
    """Does what the system does for a loop, as if no loop ran: who looks for blocking calls has no part in that."""
    loop = running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


def forget(task: asyncio.Task[Any]) -> None:
    """Keeps a task that will never be done from complaining about that."""
    task._log_destroy_pending = False  # type: ignore[attr-defined]


def bury(task: asyncio.Task[Any]) -> None:
    """Has a task be neither woken nor known any more, nor complain that it will never be done."""
    forget(task)
    waiter: Any = waits_for(task)
    callbacks: list[tuple[Any, Context]] = list(getattr(waiter, "_callbacks", None) or [])
    for callback, _ in callbacks:
        if getattr(callback, "__self__", None) is task:
            waiter.remove_done_callback(callback)
    for unregister in ("_unregister_task", "_unregister_eager_task"):
        getattr(tasks, unregister, _ignore)(task)


def _ignore(task: asyncio.Task[Any]) -> None:
    pass


def unretrieved(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[Any]]:
    """Returns the tasks of a loop that have failed and that nobody has asked for their exception."""
    found: list[asyncio.Task[Any]] = [
        task
        for task in list(_known_tasks())
        if getattr(task, "_log_traceback", False) and task.get_loop() is loop
    ]
    return sorted(found, key=lambda task: task.get_name())


def traceback_of(task: Any) -> TracebackType | None:
    """Returns the traceback of the exception of a failed task, without asking for it; it grows when that is raised."""
    found: TracebackType | None = task._exception.__traceback__
    return found


def is_only_task(task: asyncio.Task[Any]) -> bool:
    """Tells whether this is sure to be the only task of all loops, done ones included; takes little time."""
    return len(known := _known_tasks()) == 1 and task in known and not getattr(tasks, "_eager_tasks", None)


def _known_tasks() -> Any:
    known = getattr(tasks, "_scheduled_tasks", None)
    return tasks._all_tasks if known is None else known  # type: ignore[attr-defined]


def child_errors(group: object) -> list[BaseException]:
    """Returns the errors of the children of a task group, of asyncio or of anyio; none if it is not one."""
    if type(group).__name__ != "TaskGroup":
        return []
    for name in ("_errors", "_exceptions"):
        errors = getattr(group, name, None)
        if isinstance(errors, list):
            return [error for error in errors if isinstance(error, BaseException)]
    return []


def entered(stack: AsyncExitStack[Any] | ExitStack) -> list[Any]:
    """Returns the context managers that an exit stack has entered."""
    callbacks = stack._exit_callbacks  # type: ignore[union-attr]
    return [owner for _, leave in callbacks if (owner := getattr(leave, "__self__", None)) is not None]


# -- a loop that goes on within a callback ---------------------------------------------------------


def can_iterate(loop: asyncio.AbstractEventLoop) -> bool:
    """Tells whether a running loop can make iterations within a callback of its own."""
    return hasattr(loop, "_run_once") and hasattr(loop, "_ready")


@contextmanager
def iterating(loop: asyncio.AbstractEventLoop) -> Iterator[Callable[[], None]]:
    """Gives what makes one iteration within a callback, and leaves the loop as that callback expects it."""
    ready: Any = loop._ready  # type: ignore[attr-defined]
    expected = len(ready)
    try:
        yield loop._run_once  # type: ignore[attr-defined]
    finally:
        # The iteration that the callback is part of goes on to take as many handles as it has counted. Not
        # before: while one is ready, virtual time stands still.
        while len(ready) < expected:
            handle = asyncio.Handle(_nothing, (), loop)
            handle.cancel()
            ready.append(handle)


def _nothing() -> None:
    pass


@contextmanager
def outside_of(loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any] | None) -> Iterator[None]:
    """Lets other tasks make their steps in the middle of a step of this one."""
    if task is None:
        yield
        return
    tasks._leave_task(loop, task)
    try:
        yield
    finally:
        tasks._enter_task(loop, task)


# -- the event loop that asyncio.get_event_loop() returns ------------------------------------------


class Current(NamedTuple):
    """What `asyncio.get_event_loop()` goes by outside of a running loop.

    Args:
        policy: the event loop policy.
        loop: the loop that was set; None: none.
        was_set: whether anybody has ever set one, since only then none is made.
    """

    policy: Any
    loop: asyncio.AbstractEventLoop | None
    was_set: bool


def current() -> Current:
    """Returns what is current now, without a warning and without making a loop."""
    policy: Any = asyncio.get_event_loop_policy()
    local = getattr(policy, "_local", None)
    return Current(policy, getattr(local, "_loop", None), getattr(local, "_set_called", False))


def restore(before: Current) -> None:
    """Makes current what was current before."""
    if asyncio.get_event_loop_policy() is not before.policy:
        asyncio.set_event_loop_policy(before.policy)
    local = getattr(before.policy, "_local", None)
    if local is None:
        before.policy.set_event_loop(before.loop)
        return
    local._loop = before.loop
    local._set_called = before.was_set


def copy_result(job: JobFuture[Any], future: asyncio.Future[Any]) -> None:
    """Gives a loop's future the result of a finished job, unless it is done already."""
    if not future.done():
        futures._copy_future_state(job, future)  # type: ignore[attr-defined]


def waits_for(task: asyncio.Task[Any]) -> asyncio.Future[Any] | None:
    """Returns the future that a suspended task waits for; None after a bare yield."""
    return getattr(task, "_fut_waiter", None)


def stranded(loop: asyncio.AbstractEventLoop, suspended: list[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """Returns the tasks that wait for nothing and that the loop has no step of: it was interrupted before one.

    An exception that a signal raises can hit `BaseEventLoop._run_once` between taking a handle and running it.
    """
    ready = getattr(loop, "_ready", None)
    if ready is None:
        return []
    about = [getattr(handle._callback, "__self__", None) for handle in ready]
    return [
        task
        for task in suspended
        if not task.done()
        and ((waiter := waits_for(task)) is None or waiter.done())
        and not any(task is one for one in about)
    ]


def woken_by(timer: Any, waiting: Mapping[Any, asyncio.Task[Any]]) -> tuple[asyncio.Task[Any] | None, str]:
    """Returns the task that a timer is for, None where that is unknown, and what the timer is called.

    Args:
        timer: the timer.
        waiting: suspended tasks, by the future that each waits for.
    """
    callback = timer._callback
    arguments = tuple(timer._args)
    if callback is WAKE_SLEEPER:
        return waiting.get(arguments[0]), "sleep"
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Timeout):
        return getattr(owner, "_task", None), "timeout"
    name = getattr(callback, "__qualname__", None) or type(callback).__qualname__
    return next(
        (waiting[one] for one in arguments if isinstance(one, asyncio.Future) and one in waiting), None
    ), name


def context_of(handle: asyncio.Handle) -> Context:
    """Returns the context that a handle calls its callback in."""
    found: Context = handle._context  # type: ignore[attr-defined]
    return found


def plain_side(security: Any) -> asyncio.Transport:
    """Returns the transport that the program is given of a connection secured by `SSLProtocol`."""
    transport: asyncio.Transport = security._app_transport
    return transport


def let_go_of(security: Any) -> None:
    """Has the transport of `plain_side` not complain that nobody has closed it."""
    if security._app_transport is not None:
        security._app_transport._closed = True


def can_only_be_written(transport: asyncio.BaseTransport) -> bool:
    """Tells whether files go through a transport by being read and written, as they do through TLS."""
    mode = getattr(transport, "_sendfile_compatible", None)
    return mode is constants._SendfileMode.FALLBACK


async def send_written(
    loop: Any, transport: asyncio.WriteTransport, file: Any, offset: int, count: int | None, *, fallback: bool
) -> int:
    """Sends a file through such a transport, as the stock loop does."""
    if not fallback:
        raise RuntimeError(
            f"fallback is disabled and native sendfile is not supported for transport {transport!r}"
        )
    sent: int = await loop._sendfile_fallback(transport, file, offset, count)
    return sent


def tell_of_slow(handle: asyncio.Handle, seconds: float) -> None:
    """Logs that a callback took long, in the words of the stock loop."""
    logger, shown = base_events.logger, base_events._format_handle(handle)  # type: ignore[attr-defined]
    logger.warning("Executing %s took %.3f seconds", shown, seconds)


def is_cancelled(handle: asyncio.Handle) -> bool:
    """Tells whether a handle was cancelled, at the price of an attribute."""
    return handle._cancelled


def frames(task: asyncio.Task[Any]) -> list[tuple[CodeType, Place]]:
    """Returns where a suspended task stands, the outermost coroutine first."""
    found: list[tuple[CodeType, Place]] = []
    awaitable: Any = task.get_coro()
    while awaitable is not None:
        for prefix in ("cr", "gi", "ag"):
            frame: FrameType | None = getattr(awaitable, prefix + "_frame", None)
            if frame is not None:
                found.append((frame.f_code, place_of(frame)))
                break
        following = None
        for attribute in ("cr_await", "gi_yieldfrom", "ag_await"):
            following = getattr(awaitable, attribute, None)
            if following is not None:
                break
        awaitable = following
    return found


def user_wait(task: asyncio.Task[Any]) -> Place | None:
    """Returns the innermost line of the user's own code at which a task is suspended."""
    for _, place in reversed(frames(task)):
        if is_user_file(place.file):
            return place
    return None
