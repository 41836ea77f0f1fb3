"""Libraries between threads and the loop: janus, asgiref, anyio's worker threads and blocking portals."""

import asyncio
import threading

import anyio
import anyio.from_thread
import anyio.to_thread
import janus
from anyio.from_thread import BlockingPortal
from asgiref.local import Local
from asgiref.sync import async_to_sync, sync_to_async
from place import alone


@alone
async def with_janus() -> None:
    queue: janus.Queue[int] = janus.Queue(maxsize=2)

    def produce() -> None:
        for number in range(5):
            queue.sync_q.put(number)

    producing = asyncio.create_task(asyncio.to_thread(produce))
    assert [await queue.async_q.get() for _ in range(5)] == [0, 1, 2, 3, 4]
    await producing

    def consume() -> list[int]:
        return [queue.sync_q.get() for _ in range(3)]

    consuming = asyncio.create_task(asyncio.to_thread(consume))
    for number in range(3):
        await queue.async_q.put(number)
    assert await consuming == [0, 1, 2]
    await queue.aclose()


@alone
async def with_asgiref() -> None:
    seen = Local()
    seen.word = "outside"

    async def inner(word: str) -> str:
        await asyncio.sleep(1)
        return f"{word} {seen.word}"

    def sync(word: str) -> str:
        return async_to_sync(inner)(word) + "!"

    outer = sync_to_async(sync, thread_sensitive=True)
    assert await asyncio.gather(outer("a"), outer("b")) == ["a outside!", "b outside!"]
    assert await sync_to_async(threading.get_ident, thread_sensitive=False)() != threading.get_ident()


@alone
async def with_anyio() -> None:
    results: list[int] = []

    def work(number: int) -> int:
        anyio.from_thread.run(anyio.sleep, 0.1)
        anyio.from_thread.run_sync(results.append, number)
        anyio.from_thread.check_cancelled()
        return number * 2

    async def one(number: int) -> None:
        assert await anyio.to_thread.run_sync(work, number, limiter=limiter) == number * 2

    limiter = anyio.CapacityLimiter(2)
    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(one, number)
    assert sorted(results) == [0, 1, 2, 3]


@alone
async def with_a_portal() -> None:
    async with BlockingPortal() as portal:

        def work() -> int:
            with portal.wrap_async_context_manager(anyio.move_on_after(3600)):
                return portal.call(double, 21)

        async def double(number: int) -> int:
            await anyio.sleep(1)
            return number * 2

        assert await asyncio.to_thread(portal.start_task_soon, double, 1) is not None
        assert await asyncio.to_thread(portal.call, double, 21) == 42
        assert await asyncio.gather(asyncio.to_thread(portal.call, double, 1), double(2)) == [2, 4]
