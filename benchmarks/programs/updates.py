"""State that is read before an await and written after it."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

from interlace import World

SLOW = "1ms..50ms"


async def lost_update(
    world: World, *, fixed: bool, tasks: int = 2, rounds: int = 1, noise: int = 0, apart: float = 0.01
) -> None:
    """Customers pay one after another, and a slow one overwrites what the next one paid."""
    total = 0
    lock = asyncio.Lock() if fixed else nullcontext()

    async def pay(number: int) -> None:
        nonlocal total
        await asyncio.sleep(number * apart)
        for _ in range(rounds):
            async with lock:
                seen = total
                await world.latency(SLOW)
                total = seen + 1

    async def look() -> None:
        for _ in range(3):
            await world.latency(SLOW)

    await asyncio.gather(*map(pay, range(tasks)), *(look() for _ in range(noise)))
    assert total == tasks * rounds, f"{tasks * rounds} payments, {total} counted"


async def late_lost_update(world: World, *, fixed: bool) -> None:
    """The same, once, at the end of a long and harmless program."""
    for _ in range(3):
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(world.latency(SLOW))
    await lost_update(world, fixed=fixed)


async def cache_stampede(world: World, *, fixed: bool) -> None:
    """A second request for a page comes while the first is still being loaded: it is loaded twice."""
    pages: dict[str, Any] = {}
    loads = 0

    async def load() -> str:
        nonlocal loads
        loads += 1
        await world.latency(SLOW)
        return "page"

    async def get(at: float) -> str:
        await asyncio.sleep(at)
        if fixed:
            if "home" not in pages:
                pages["home"] = asyncio.ensure_future(load())
            return await pages["home"]
        if "home" not in pages:
            pages["home"] = await load()
        return pages["home"]

    await asyncio.gather(get(0), get(0.02), get(0.06))
    assert loads == 1, f"loaded {loads} times"


async def double_checked_init(world: World, *, fixed: bool) -> None:
    """The flag is set before what it stands for is there, and the quick check looks at the flag."""
    lock = asyncio.Lock()
    ready = False
    settings: dict[str, int] | None = None

    async def get() -> int:
        nonlocal ready, settings
        if not ready:
            async with lock:
                if not ready:
                    ready = not fixed
                    await world.latency(SLOW)
                    settings = {"limit": 3}
                    ready = True
        assert settings is not None, "used before it was loaded"
        return settings["limit"]

    async def request(at: float) -> None:
        await asyncio.sleep(at)
        assert await get() == 3

    await asyncio.gather(*(request(at) for at in (0, 0.01, 0.02)))


async def read_write_read(world: World, *, fixed: bool) -> None:
    """One request reads a balance twice and expects the same; another changes it in between."""
    balance = 10

    async def report() -> None:
        await world.latency(SLOW)
        first = balance
        await world.latency(SLOW)
        second = first if fixed else balance
        assert first == second, f"read {first}, then {second}"

    async def change() -> None:
        nonlocal balance
        await asyncio.sleep(0.02)
        await world.latency(SLOW)
        balance += 1

    await asyncio.gather(report(), change())


async def check_then_act(world: World, *, fixed: bool) -> None:
    """Two handlers see that a session is there, and both end it."""
    sessions = {"ann": 1}

    async def log_out(at: float) -> None:
        await asyncio.sleep(at)
        if "ann" in sessions:
            await world.latency(SLOW)
            if fixed:
                sessions.pop("ann", None)
            else:
                del sessions["ann"]

    await asyncio.gather(log_out(0), log_out(0.03))
    assert not sessions


async def lazy_pool(world: World, *, fixed: bool) -> None:
    """A pool counts its connections when they are made, not when they are asked for."""
    limit = 2
    opened = 0
    pending = 0
    free: list[str] = []

    async def acquire() -> str:
        nonlocal opened, pending
        while not free and opened + pending >= limit:
            await asyncio.sleep(0.005)
        if free:
            return free.pop()
        pending += 1 if fixed else 0
        await world.latency(SLOW)
        pending -= 1 if fixed else 0
        opened += 1
        assert opened <= limit, f"{opened} connections, {limit} allowed"
        return "connection"

    async def use(at: float) -> None:
        await asyncio.sleep(at)
        connection = await acquire()
        await world.latency("1ms..5ms")
        free.append(connection)

    await asyncio.gather(*(use(at) for at in (0, 0.0, 0.01, 0.02)))


async def overtaken_search(world: World, *, fixed: bool) -> None:
    """The answer to an older search comes last and replaces that to the newest."""
    shown = ""
    newest = 0

    async def search(number: int, text: str) -> None:
        nonlocal shown, newest
        await asyncio.sleep(number * 0.03)
        newest = number
        await world.latency(SLOW)
        if not fixed or number == newest:
            shown = text

    await asyncio.gather(*(search(number, text) for number, text in enumerate(("a", "as", "asy"))))
    assert shown == "asy", f"searched for 'asy', shown {shown!r}"
