"""One executor job: what is known of it, and what its executor is given to call."""

from __future__ import annotations

import concurrent.futures
import functools
import threading
from collections.abc import Callable
from typing import Any

from interlace.sim.network.life import current_host


class Job:
    """An executor job that has not been heard to be over.

    Attributes:
        number: the how-manieth of its loop it is.
        name: its lane.
        future: that of its pool.
        pool: the pool of threads that it was given to; None where it is of another kind.
        thread: who runs it; None before it starts, and where that is another process.
        landed: whether the loop has a letter that says that it is over.
        dozed: for how many real seconds it was seen to doze.
        loose: whether it is no longer waited for.
    """

    __slots__ = ("dozed", "future", "landed", "loose", "name", "number", "pool", "thread")

    def __init__(self, number: int, name: str) -> None:
        self.number = number
        self.name = name
        self.dozed = 0.0
        self.loose = False
        self.future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self.pool: concurrent.futures.ThreadPoolExecutor | None = None
        self.thread: threading.Thread | None = None
        self.landed = False


class Work:
    """What an executor is given to call: a function that notes the thread it is called in.

    It is called on the host that has submitted it. In another process it is the function alone.
    """

    def __init__(self, job: Job, func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._job = job
        self._stay = current_host.get()
        self._func = func
        self._args = args

    def __call__(self) -> Any:
        self._job.thread = threading.current_thread()
        func, args = self._func, self._args
        if self._stay is None:
            return func(*args)  # see standing.calls_a_lock, which looks for this name
        token = current_host.set(self._stay)
        try:
            return func(*args)
        finally:
            current_host.reset(token)

    def __reduce__(self) -> tuple[Any, ...]:
        return functools.partial, (self._func, *self._args)
