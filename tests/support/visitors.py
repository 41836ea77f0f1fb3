"""Ten tasks that each do the same a little later than the one before, and one that asks until it is answered."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

APART = 0.01
"""Seconds between two tasks: in the plain run none overlaps another."""


async def ten(add: Callable[[], Awaitable[object]], *, locked: bool = False) -> None:
    """Has ten tasks do something, with or without a lock around all of it."""
    lock = asyncio.Lock()

    async def one(number: int) -> None:
        await asyncio.sleep(number * APART)
        if locked:
            async with lock:
                await add()
        else:
            await add()

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(one(number))


async def ask_until_answered(url: str, expected: bytes) -> None:
    """Has two tasks ask a web API again and again; one that is cancelled need not have an answer."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:

        async def one() -> bytes:
            for _ in range(20):
                try:
                    async with session.get(url) as answer:
                        answer.raise_for_status()
                        return await answer.read()
                except (aiohttp.ClientError, TimeoutError):
                    await asyncio.sleep(30)
            raise RuntimeError("never answered")

        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(one()) for _ in range(2)]
        await asyncio.wait(tasks)
        assert all(task.cancelled() or task.result() == expected for task in tasks)
