"""Cancellation, cleanup, reconnecting, timers: who is still there when something happens."""

from __future__ import annotations

import asyncio

from benchmarks.programs.updates import SLOW
from interlace import World


async def swallowed_cancel(world: World, *, fixed: bool) -> None:
    """Python 3.11: `wait_for` eats a cancellation that comes together with what it waits for."""
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def work() -> None:
        while True:
            try:
                if fixed:
                    async with asyncio.timeout(0.2):
                        await queue.get()
                else:
                    await asyncio.wait_for(queue.get(), 0.2)
            except TimeoutError:
                pass

    async def produce() -> None:
        await world.latency(SLOW)
        queue.put_nowait(1)

    async def stop() -> None:
        await asyncio.sleep(0.01)
        await world.latency(SLOW)
        worker.cancel()

    worker = asyncio.create_task(work())
    await asyncio.gather(produce(), stop())
    done, _ = await asyncio.wait([worker], timeout=1)
    assert done, "the worker goes on after it was cancelled"


async def lost_item(world: World, *, fixed: bool) -> None:
    """A message is taken from the queue, and its handler cancelled before it is written down."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    stored: list[int] = []

    async def consume() -> None:
        while True:
            item = await queue.get()
            try:
                await world.latency(SLOW)
            except asyncio.CancelledError:
                if fixed:
                    queue.put_nowait(item)
                raise
            stored.append(item)

    consumer = asyncio.create_task(consume())
    for item in range(3):
        queue.put_nowait(item)
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.04)
    consumer.cancel()
    await asyncio.wait([consumer])
    assert len(stored) + queue.qsize() == 3, f"stored {stored}, {queue.qsize()} left in the queue"


async def cleanup_in_group(world: World, *, fixed: bool) -> None:
    """A sibling fails while a task still connects, and the task's cleanup fails in turn."""

    async def fail() -> None:
        await asyncio.sleep(0.02)
        raise ValueError("bad input")

    async def serve() -> None:
        connection: asyncio.Event | None = None
        try:
            await world.latency(SLOW)
            connection = asyncio.Event()
            await asyncio.sleep(1)
        finally:
            if connection is not None or not fixed:
                connection.set()  # type: ignore[union-attr]

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(serve())
            group.create_task(fail())
    except* ValueError:
        pass


class Client:
    """Asks over a connection that it replaces after a timeout."""

    def __init__(self, world: World, *, fixed: bool) -> None:
        self._world = world
        self._fixed = fixed
        self._connection = 0
        self._pending: asyncio.Future[str] | None = None
        self._replies: set[asyncio.Task[None]] = set()

    async def ask(self, question: str) -> str:
        for _ in range(3):
            self._pending = asyncio.get_running_loop().create_future()
            reply = asyncio.create_task(self._reply(question, self._connection))
            self._replies.add(reply)
            try:
                async with asyncio.timeout(0.03):
                    return await self._pending
            except TimeoutError:
                self._connection += 1
        return f"re: {question}"

    async def _reply(self, question: str, connection: int) -> None:
        await self._world.latency(SLOW)
        if self._fixed and connection != self._connection:
            return
        if self._pending is not None and not self._pending.done():
            self._pending.set_result(f"re: {question}")

    async def close(self) -> None:
        await asyncio.gather(*self._replies)


async def stale_reply(world: World, *, fixed: bool) -> None:
    """The reply that came too late on the old connection is taken for one to the next question."""
    client = Client(world, fixed=fixed)
    for question in ("name", "age"):
        answer = await client.ask(question)
        assert answer == f"re: {question}", f"asked for {question}, told {answer!r}"
    await client.close()


async def use_after_close(world: World, *, fixed: bool) -> None:
    """The database is closed when all known requests have ended, and one more is on its way."""
    closed = False
    requests: set[asyncio.Task[None]] = set()

    async def handle() -> None:
        await world.latency(SLOW)
        assert not closed, "handled after the database was closed"

    async def accept() -> None:
        for _ in range(2):
            await world.latency("1ms..40ms")
            requests.add(asyncio.create_task(handle()))

    accepting = asyncio.create_task(accept())
    await asyncio.sleep(0.05)
    if fixed:
        await accepting
    await asyncio.gather(*requests)
    closed = True
    await accepting
    await asyncio.gather(*requests)


async def timer_tie(world: World, *, fixed: bool) -> None:
    """A heartbeat and a deadline that fall on one moment, but were armed at different ones."""
    alive = False
    beat = asyncio.Event()

    async def heart() -> None:
        nonlocal alive
        await asyncio.sleep(0.02)
        alive = True
        beat.set()

    async def watch() -> None:
        await asyncio.sleep(0.005)
        await asyncio.sleep(0.015)
        if fixed:
            await beat.wait()
        assert alive, "declared dead at the very moment of its heartbeat"

    await asyncio.gather(heart(), watch())


async def close_timers(world: World, *, fixed: bool) -> None:
    """Two timers 10 ms apart: a loop that is held up finds both due at once."""
    written = False
    saved = asyncio.Event()

    async def write() -> None:
        nonlocal written
        await asyncio.sleep(0.02)
        await asyncio.sleep(0)
        written = True
        saved.set()

    async def read() -> None:
        await asyncio.sleep(0.03)
        if fixed:
            await saved.wait()
        assert written, "read before it was written, 10 ms after the write was due"

    await asyncio.gather(write(), read())
