"""Every private name of asyncio that interlace relies on, and nothing else.

`tests/backends/test_inside.py` fails on the day one of them vanishes.
"""

from __future__ import annotations

import asyncio
import dis
import functools
import threading
from asyncio import futures
from concurrent.futures import Executor
from concurrent.futures import Future as JobFuture
from concurrent.futures import thread as _pools
from contextvars import Context
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

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

else:
    BaseLoop = asyncio.BaseEventLoop

WAKE_SLEEPER: Any = futures._set_result_unless_cancelled  # type: ignore[attr-defined]
"""What `asyncio.sleep` arms its timer with: how a sleep is told from a timeout."""


running_loop = asyncio._get_running_loop
"""Returns the event loop that runs in this thread; None if none does."""

_CONDITION_WAIT = threading.Condition.wait.__code__


def pool_threads() -> set[Any]:
    """Returns the worker threads of all thread pools of this process."""
    return set(_pools._threads_queues)


def waits_for_certain(frame: FrameType) -> bool:
    """Tells whether the thread whose innermost frame this is waits for a `Condition` until it is notified."""
    if frame.f_code is not _CONDITION_WAIT:
        return False
    waiter = frame.f_locals.get("waiter")
    return waiter is not None and waiter.locked() and frame.f_locals.get("timeout") is None


def calls_a_lock(frame: FrameType) -> bool:
    """Tells whether the thread whose innermost frame this is has called a lock or a `SimpleQueue`.

    These wait in C and leave no frame of their own: what the current instruction calls is told by
    the attribute that was loaded where the called expression begins.
    """
    called = ""
    begin: tuple[int | None, int | None] | None = None
    for instruction in reversed(
        [found for found in dis.get_instructions(frame.f_code) if found.offset <= frame.f_lasti]
    ):
        place = instruction.positions
        if place is None:
            return False
        if begin is None:
            if instruction.opname in ("CACHE", "NOP"):
                continue
            if instruction.opname in ("BEFORE_WITH", "LOAD_SPECIAL"):
                return True
            if instruction.opname == "CALL_FUNCTION_EX":
                return getattr(unwrapped(frame.f_locals.get("func")), "__name__", "") in _LOCK_CALLS
            if not instruction.opname.startswith("CALL"):
                return False
            begin = place.lineno, place.col_offset
        elif instruction.opname in ("LOAD_METHOD", "LOAD_ATTR") and (place.lineno, place.col_offset) == begin:
            called = instruction.argval
            break
    return called in _LOCK_CALLS


_LOCK_CALLS = ("acquire", "get", "__enter__")


def unwrapped(function: Any) -> Any:
    """Returns the function that an executor job is about, without what `to_thread` wraps it in."""
    while isinstance(function, functools.partial):
        inner = function.func
        if isinstance(getattr(inner, "__self__", None), Context) and function.args:
            inner = function.args[0]
        function = inner
    return function


def copy_result(job: JobFuture[Any], future: asyncio.Future[Any]) -> None:
    """Gives a loop's future the result of a finished job, unless it is done already."""
    if not future.done():
        futures._copy_future_state(job, future)  # type: ignore[attr-defined]


def waits_for(task: asyncio.Task[Any]) -> asyncio.Future[Any] | None:
    """Returns the future that a suspended task waits for; None after a bare yield."""
    return getattr(task, "_fut_waiter", None)


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
