"""aiojobs, async-lru and aiocache: tasks, and what is kept in memory."""

import asyncio

import aiocache
import aiojobs
from async_lru import alru_cache
from place import alone


@alone
async def with_aiojobs() -> None:
    done: list[int] = []

    async def work(number: int) -> None:
        await asyncio.sleep(number)
        done.append(number)

    async with aiojobs.Scheduler(limit=2) as scheduler:
        jobs = [await scheduler.spawn(work(number)) for number in (3, 1, 2)]
        await jobs[2].wait(timeout=60)
        await jobs[0].wait()
        slow = await scheduler.spawn(work(1000))
        await asyncio.sleep(1)
        await slow.close()
    assert sorted(done) == [1, 2, 3]


@alone
async def with_async_lru() -> None:
    calls: list[str] = []

    @alru_cache(maxsize=2, ttl=60)
    async def fetch(name: str) -> str:
        calls.append(name)
        await asyncio.sleep(0.5)
        return name.upper()

    assert await asyncio.gather(fetch("a"), fetch("a"), fetch("b")) == ["A", "A", "B"]
    assert sorted(calls) == ["a", "b"]
    await asyncio.sleep(120)
    assert await fetch("a") == "A"
    assert calls[2:] == ["a"]
    await fetch.cache_close()


@alone
async def with_aiocache() -> None:
    cache = aiocache.SimpleMemoryCache(namespace="own")
    assert await cache.add("key", 1)
    assert await cache.increment("key", 2) == 3
    assert await cache.multi_get(["key", "other"]) == [3, None]
    async with aiocache.lock.RedLock(cache, "key", lease=10):
        await asyncio.sleep(1)
    await cache.clear()
    assert not await cache.exists("key")
