"""Every private name of the standard library's threads and thread pools that interlace relies on.

How a thread that runs something else is seen to wait, and how it is woken. The names of asyncio itself stand in
inside.py, and the same tests are for both.
"""

from __future__ import annotations

import dis
import functools
import queue
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, _base
from concurrent.futures import thread as _pools
from contextvars import Context
from types import CodeType, FrameType
from typing import Any

from interlace.backends.clocks import wait_really

_CONDITION_WAIT = wait_really.__code__
_CONDITION_ENTER = threading.Condition.__enter__.__code__
_THREAD_RUN = threading.Thread.run.__code__
_BRIEF = (threading.__file__, queue.__file__, _pools.__file__, _base.__file__)


def pool_threads() -> set[Any]:
    """Returns the worker threads of all thread pools of this process."""
    return set(_pools._threads_queues)


def crew(pool: ThreadPoolExecutor) -> set[threading.Thread]:
    """Returns the worker threads of one thread pool."""
    return set(pool._threads)


def is_idle_worker(frame: FrameType) -> bool:
    """Tells whether the thread whose innermost frame this is serves a thread pool and is between two jobs."""
    return frame.f_code is _pools._worker.__code__


def off_duty(workers: Mapping[Any, FrameType]) -> set[Any]:
    """Returns the worker threads that have no job, and none to come.

    Args:
        workers: threads out of `pool_threads`, with the innermost frame of each.
    """
    idle: dict[int, list[Any]] = {}
    pools: dict[int, Any] = {}
    for thread, frame in workers.items():
        jobs = _pools._threads_queues.get(thread)
        if is_idle_worker(frame) and "work_item" not in frame.f_locals and (jobs is None or jobs.empty()):
            pool = frame.f_locals["executor_reference"]()
            pools[id(pool)] = pool
            idle.setdefault(id(pool), []).append(thread)
    found: set[Any] = set()
    for key, threads in idle.items():
        # From CPython 3.13 on a queue hands a job over before the worker has woken up: then it is in neither,
        # but the pool counts one idle worker less.
        if pools[key] is None or pools[key]._idle_semaphore._value >= len(threads):
            found.update(threads)
    return found


def waits_to_be_notified(frame: FrameType) -> tuple[bool, bool] | None:
    """Tells how the thread whose innermost frame this is waits for a `Condition`; None if it does not.

    Returns:
        Whether nobody has notified it yet, and whether it would wait for ever.
    """
    if frame.f_code is not _CONDITION_WAIT:
        return None
    names = frame.f_locals
    waiter = names.get("waiter")
    # Once notified it is locked again, by the thread that goes on: but then it is off the list.
    unheard = waiter is not None and waiter.locked() and waiter in names["self"]._waiters
    return unheard, names.get("timeout") is None


def waits_for_ever(frame: FrameType) -> bool:
    """Tells whether the thread whose innermost frame this is waits for another thread, without a limit."""
    waits = waits_to_be_notified(frame)
    if waits is not None:
        return waits == (True, True)
    limit = frame.f_locals.get("timeout")
    limited = isinstance(limit, (int, float)) and limit >= 0
    return calls_a_lock(frame) and not limited and not takes_brief_lock(frame)


def task_of(thread: threading.Thread) -> str:
    """Returns what a running thread is about, by a name that repeats from run to run, as `Thread.name` does not."""
    function = unwrapped(getattr(thread, "_target", None))
    return str(getattr(function or type(thread), "__qualname__", type(function).__qualname__))


def raise_in(thread: int, frame: FrameType, error: type[BaseException]) -> bool:
    """Raises an error in a thread that waits to be notified, at the place where it waits.

    Args:
        thread: the identity of the thread.
        frame: its innermost frame.
        error: the class of the error, which is called with no arguments.

    Returns:
        Whether the thread waits for a `Condition`: nothing else can be left before its time.
    """
    if frame.f_code is not _CONDITION_WAIT:
        return False
    import ctypes  # for the one function of the C API that Python has no other name for

    condition: threading.Condition = frame.f_locals["self"]
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
    with condition:
        condition.notify_all()  # those that are woken for nothing look, and wait on
    return True


def takes_brief_lock(frame: FrameType, *files: str) -> bool:
    """Tells whether a thread takes a lock that is never held for longer than a moment.

    Those are the locks within the standard library's conditions, queues and pools. A busy machine may
    leave a thread standing there for long, and still it waits for nobody.

    Args:
        frame: the innermost frame of the thread.
        files: further files with such locks.
    """
    taker: FrameType | None = frame
    if frame.f_code is _CONDITION_ENTER:
        taker = frame.f_back
    elif _called(frame)[1] != "__enter__":
        return False
    return taker is not None and taker.f_code.co_filename in (*_BRIEF, *files)


def calls_a_lock(frame: FrameType) -> bool:
    """Tells whether the thread whose innermost frame this is has called a lock, or joins another thread."""
    kind, name = _called(frame)
    return kind == "method" and (
        name in _LOCK_CALLS or (name == "join" and frame.f_code.co_filename == threading.__file__)
    )


def calls_sleep(frame: FrameType) -> bool:
    """Tells whether the thread whose innermost frame this is has called `time.sleep`."""
    return _called(frame)[1] == "sleep"


def _called(frame: FrameType) -> tuple[str, str]:
    """Returns the kind and the name of what a frame has called that waits in C, without a frame of its own."""
    kind, name = _call_at(frame.f_code, frame.f_lasti)
    if kind == "arguments":  # only the call of an executor job, or of a thread's target, looks like that
        names = frame.f_locals
        function = names["self"]._target if frame.f_code is _THREAD_RUN else names.get("func")
        return "method", getattr(unwrapped(function), "__name__", "")
    return kind, name


@functools.lru_cache(maxsize=256)
def _call_at(code: CodeType, at: int) -> tuple[str, str]:
    """Returns the kind and the name of what the instruction at an offset calls.

    It is told by the name that was loaded where the called expression begins.
    """
    begin: tuple[int | None, int | None] | None = None
    for instruction in reversed([found for found in dis.get_instructions(code) if found.offset <= at]):
        place = instruction.positions
        if place is None:
            break
        if begin is None:
            if instruction.opname in ("CACHE", "NOP"):
                continue
            if instruction.opname in ("BEFORE_WITH", "LOAD_SPECIAL"):
                return "method", "__enter__"
            if instruction.opname == "CALL_FUNCTION_EX":
                return "arguments", ""
            if not instruction.opname.startswith("CALL"):
                break
            begin = place.lineno, place.col_offset
        elif instruction.opname in _LOADS and (place.lineno, place.col_offset) == begin:
            return _LOADS[instruction.opname], str(instruction.argval)
    return "", ""


_LOCK_CALLS = ("acquire", "get", "__enter__")
_LOADS = {"LOAD_METHOD": "method", "LOAD_ATTR": "method", "LOAD_GLOBAL": "function"}


def unwrapped(function: Any) -> Any:
    """Returns the function that an executor job is about, without what `to_thread` wraps it in."""
    while isinstance(function, functools.partial):
        inner = function.func
        if isinstance(getattr(inner, "__self__", None), Context) and function.args:
            inner = function.args[0]
        function = inner
    return function
