"""What a command takes behind a fake Redis on the simulated network, as a part of what it takes elsewhere.

The same client, redis.asyncio, asks fakeredis' own server over the loopback interface, and fakeredis' client without
any wire. All take turns in one process.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import perf_counter, process_time
from typing import Any, NamedTuple

import fakeredis
import redis.asyncio
from rich.table import Table

import interlace
from benchmarks.options import Options

_COMMANDS = 600

Work = Callable[[Any, int], Awaitable[None]]


async def one_by_one(ask: Any, count: int) -> None:
    for number in range(count // 2):
        await ask.set("tea", number)
        await ask.get("tea")


async def ten_tasks(ask: Any, count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(one_by_one(ask, count // 10))


async def pipelines(ask: Any, count: int) -> None:
    for _ in range(count // 20):
        async with ask.pipeline(transaction=False) as many:
            for number in range(20):
                many.hset("teas", str(number), number)
            await many.execute()


WORKS: tuple[Work, ...] = (one_by_one, ten_tasks, pipelines)


class Taken(NamedTuple):
    """What one timing has taken, in seconds."""

    cpu: float
    wall: float


def _timed(run: Callable[[], object]) -> Taken:
    gc.collect()
    cpu, wall = process_time(), perf_counter()
    run()
    return Taken(process_time() - cpu, perf_counter() - wall)


@contextmanager
def _served() -> Iterator[int]:
    server = fakeredis.TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def in_world(work: Work, count: int) -> Taken:
    """Asks a fake on the simulated network."""

    async def program(world: interlace.World) -> None:
        world.redis("redis://cache", latency="0.2ms..3ms")
        async with redis.asyncio.Redis.from_url("redis://cache") as ask:
            await work(ask, count)

    def run() -> None:
        outcome = interlace.run(program)
        if outcome.error is not None:
            raise outcome.error

    return _timed(run)


def over_loopback(work: Work, count: int) -> Taken:
    """Asks fakeredis' server over the loopback interface."""
    with _served() as port:

        async def program() -> None:
            async with redis.asyncio.Redis(port=port) as ask:
                await work(ask, count)

        return _timed(lambda: asyncio.run(program()))


def without_wire(work: Work, count: int) -> Taken:
    """Asks fakeredis' client, which has no wire."""

    async def program() -> None:
        async with fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer()) as ask:
            await work(ask, count)

    return _timed(lambda: asyncio.run(program()))


def tables(options: Options) -> Iterator[Table]:
    """Returns the table."""
    count = max(_COMMANDS // options.scale, 20)
    table = Table(title="a command through world.redis, over the same elsewhere")
    for column in (
        "work",
        "elsewhere",
        "µs through world.redis",
        "CPU: median",
        "worst",
        "wall: median",
        "worst",
        "bar",
    ):
        table.add_column(column)
    for work in WORKS:
        if options.only not in work.__name__:
            continue
        in_world(work, count)
        rounds = [
            (in_world(work, count), over_loopback(work, count), without_wire(work, count))
            for _ in range(options.rounds)
        ]
        ours = statistics.median(here.cpu for here, _, _ in rounds) / count * 1e6
        for column, (name, bar) in enumerate((("TcpFakeServer", "1.00"), ("FakeAsyncRedis", "")), 1):
            cpu = [one[0].cpu / one[column].cpu for one in rounds]
            wall = [one[0].wall / one[column].wall for one in rounds]
            shown = [
                f"{part:.2f}"
                for part in (statistics.median(cpu), max(cpu), statistics.median(wall), max(wall))
            ]
            table.add_row(work.__name__, name, f"{ours:.0f}", *shown, bar)
    yield table
