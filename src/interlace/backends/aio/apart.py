"""Functions that run in a thread of their own, in lockstep: what blocks in there holds nobody else up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

_AT_ONCE = (0,)


async def in_thread(func: Callable[[], T]) -> T:
    """Runs a function in a new thread, and returns its result or raises its error.

    It takes what it sleeps and waits, and no virtual time besides.

    Args:
        func: the function; its `__qualname__` names the job.
    """
    loop: Any = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(1)
    try:
        done: asyncio.Future[T] = loop._run_job(pool, func, (), _AT_ONCE)
    finally:
        pool.shutdown(wait=False)  # the thread ends with the function
    return await done
