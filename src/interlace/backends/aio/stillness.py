"""Whether another thread works or waits, as far as that shows from outside.

What a thread has called last is seen in its innermost frame. A thread that has called a lock may have got it
a moment ago and not have come back yet: there the operating system knows more, where it can be asked.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys
import threading
import weakref

from interlace.backends.aio import standing

STILL = 10
"""A thread that seems to wait at this many looks in a row is waiting."""

_HERE = os.path.dirname(__file__)

OUTSIDE_FILES = (selectors.__file__, socket.__file__, os.path.join(_HERE, "polls.py"))
"""Where a thread that serves real sockets waits: a thread of the program's own may do so."""

_POST_OFFICE = os.path.join(_HERE, "threads.py")
"""Where threads take the lock of a loop's inbox."""

_FUTEX_CALLS = {"x86_64": b"202", "aarch64": b"98", "riscv64": b"98", "ppc64le": b"221", "s390x": b"238"}
_FUTEX = _FUTEX_CALLS.get(os.uname().machine) if sys.platform == "linux" else None
"""The number of the system call futex(2), in which locks wait."""

_SEMAPHORE = (b"0x189", b"0x89")
"""Its operation where a semaphore or a condition waits: FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, with either clock.

A mutex of C code, which is never held for long, waits with FUTEX_WAIT, as does the one within the interpreter's lock.
"""

_NO_LIMIT = b"0x0"


def stillness(thread: threading.Thread, outside: tuple[str, ...] = (), *, timed: bool = False) -> int:
    """Tells whether a thread waits: 0 no, `STILL` for certain, 1 if it seems so now.

    Args:
        thread: the thread.
        outside: the files in which a thread waits for something real.
        timed: whether one that is to wait for some time only counts as well.
    """
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None or standing.takes_brief_lock(frame, _POST_OFFICE):
        return 0
    waits = standing.waits_to_be_notified(frame)
    if waits is not None:
        unheard, for_ever = waits
        return 0 if not unheard else STILL if for_ever or timed else 1
    if frame.f_code.co_filename in outside:
        return STILL if timed else 1
    if not standing.calls_a_lock(frame):
        return 0
    at = frame.f_lasti
    asleep = _is_asleep(thread)
    if asleep is None:
        return 1
    # While the system was asked the thread may have gone on, to a lock that it waits for but briefly.
    is_there = sys._current_frames().get(thread.ident or 0) is frame and frame.f_lasti == at
    return STILL if asleep and is_there else 0


def stillness_at_work(thread: threading.Thread, *, timed: bool) -> int:
    """Is `stillness` for a worker of a pool in which a job stands; 0 if it is about to take the next one."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None or standing.is_idle_worker(frame):
        return 0
    return stillness(thread, timed=timed)


def dozes(thread: threading.Thread) -> bool:
    """Tells whether a thread neither works nor waits for anything that the loop could give it."""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and (frame.f_code.co_filename in OUTSIDE_FILES or standing.calls_sleep(frame))


def _is_asleep(thread: threading.Thread) -> bool | None:
    """Tells whether a thread that has called a lock is asleep until somebody wakes it; None if that cannot be told.

    Linux says in which system call a thread stands (proc_pid_syscall(5)). A lock waits in futex(2), without a
    limit if it was given none. A thread that has its lock and wants to go on waits for the interpreter's
    lock, and that is always asked for with a limit (CPython, Python/ceval_gil.c, `take_gil`).
    """
    if _FUTEX is None:
        return None
    try:
        call, stat = _asked.get(thread) or _ask(thread)
        words = os.pread(call, 256, 0).split()
        if words[:1] == [b"running"]:
            return False
        if len(words) < 5 or words[0] != _FUTEX or words[2] not in _SEMAPHORE or words[4] != _NO_LIMIT:
            return None
        # One that is about to be woken on another processor still shows the call, but is not said to sleep.
        told = os.pread(stat, 512, 0)
    except OSError:  # it has ended, or the system keeps it for itself
        return None
    return told[told.rindex(b")") + 2 :][:1] == b"S"


_asked: weakref.WeakKeyDictionary[threading.Thread, tuple[int, int]] = weakref.WeakKeyDictionary()


def _ask(thread: threading.Thread) -> tuple[int, int]:
    """Opens what the system says of a thread: its system call (proc_pid_syscall(5)) and its state (proc_pid_stat(5))."""
    opened: list[int] = []
    for name in ("syscall", "stat"):
        opened.append(os.open(f"/proc/self/task/{thread.native_id}/{name}", os.O_RDONLY | os.O_CLOEXEC))
        weakref.finalize(thread, os.close, opened[-1]).atexit = False
    call, stat = _asked[thread] = opened[0], opened[1]
    return call, stat
