"""Locks, notifications and queues on which somebody waits for ever, or not long enough."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from benchmarks.programs.updates import SLOW
from interlace import World


async def abba(world: World, *, fixed: bool) -> None:
    """Two transfers lock the same two accounts in opposite orders."""
    ann, bob = asyncio.Lock(), asyncio.Lock()

    async def transfer(at: float, first: asyncio.Lock, second: asyncio.Lock) -> None:
        await asyncio.sleep(at)
        async with first:
            await world.latency(SLOW)
            async with second:
                await world.latency(SLOW)

    await asyncio.gather(transfer(0, ann, bob), transfer(0.02, *((ann, bob) if fixed else (bob, ann))))


async def dining(world: World, *, fixed: bool, seats: int) -> None:
    """Philosophers sit down one after another; each takes the left fork, then the right one."""
    forks = [asyncio.Lock() for _ in range(seats)]

    async def dine(seat: int) -> None:
        await asyncio.sleep(seat * 0.005)
        pair = [seat, (seat + 1) % seats]
        if fixed:
            pair.sort()
        async with forks[pair[0]]:
            await world.latency(SLOW)
            async with forks[pair[1]]:
                await world.latency("1ms..2ms")

    await asyncio.gather(*map(dine, range(seats)))


async def missed_notification(world: World, *, fixed: bool) -> None:
    """A waiter looks at the state, does something slow, and only then waits to be told of changes."""
    done = False
    changed = asyncio.Condition()

    async def finish() -> None:
        nonlocal done
        await asyncio.sleep(0.02)
        async with changed:
            done = True
            changed.notify_all()

    async def wait() -> None:
        if not done:
            await world.latency(SLOW)
            async with changed:
                if fixed:
                    await changed.wait_for(lambda: done)
                else:
                    await changed.wait()

    await asyncio.gather(wait(), finish())


async def early_finish(world: World, *, fixed: bool) -> None:
    """The consumer stops as soon as the producer is done, though the last item may still be queued."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    finished = asyncio.Event()
    seen: list[int] = []

    async def produce() -> None:
        for item in range(4):
            await asyncio.sleep(0.02)
            queue.put_nowait(item)
        await asyncio.sleep(0.02)
        finished.set()

    async def consume() -> None:
        while not finished.is_set() or (fixed and not queue.empty()):
            with suppress(TimeoutError):
                item = await asyncio.wait_for(queue.get(), 0.03)
                await world.latency(SLOW)
                seen.append(item)

    await asyncio.gather(produce(), consume())
    assert seen == [0, 1, 2, 3], f"handled {seen}"


async def batch_never_flushed(world: World, *, fixed: bool) -> None:
    """Writers wait for the batch that holds their row, and a row that comes during a flush is forgotten."""
    rows: list[asyncio.Future[None]] = []
    flushing = False

    async def flush() -> None:
        nonlocal flushing
        flushing = True
        while rows:
            batch = rows[:]
            await world.latency(SLOW)
            for row in batch:
                row.set_result(None)
            if fixed:
                del rows[: len(batch)]
            else:
                rows.clear()
        flushing = False

    async def write(at: float) -> None:
        await asyncio.sleep(at)
        row: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        rows.append(row)
        if not flushing:
            await flush()
        await row

    await asyncio.gather(*(write(at) for at in (0, 0.02, 0.05)))


class Permits:
    """A semaphore as people write it; the broken one forgets a permit if a woken waiter is cancelled."""

    def __init__(self, count: int, *, fixed: bool) -> None:
        self._free = count
        self._waiters: list[asyncio.Future[None]] = []
        self._fixed = fixed

    async def acquire(self) -> None:
        if self._free:
            self._free -= 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if self._fixed and waiter.done() and not waiter.cancelled():
                self.release()
            raise

    def release(self) -> None:
        while self._waiters:
            waiter = self._waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1


async def lost_permit(world: World, *, fixed: bool) -> None:
    """Three jobs share one permit; one of them is cancelled (that is the fault)."""
    permits = Permits(1, fixed=fixed)

    async def job() -> None:
        await permits.acquire()
        try:
            await world.latency(SLOW)
        finally:
            permits.release()

    jobs = [asyncio.create_task(job()) for _ in range(3)]
    await asyncio.wait(jobs)
    await permits.acquire()
