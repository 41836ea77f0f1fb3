"""How fast programs run and are explored, as ratios to stock asyncio measured in the same run.

In seconds of CPU time: none of these programs waits for anything real, and a machine that is busy
with other work then does not show.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine, Iterator
from time import process_time
from typing import Any

from rich.table import Table

import interlace
from benchmarks.options import Options

Main = Callable[[], Coroutine[Any, Any, Any]]

_APPLICATION = ("aiohttp", "httpx", "redis.asyncio", "hypothesis", "pytest")
"""What an application of middling size has imported; a full heap makes collections dear."""


async def nothing() -> None:
    pass


async def lost_update() -> None:
    """Three tasks, three updates each."""
    count = 0

    async def add() -> None:
        nonlocal count
        for _ in range(3):
            seen = count
            await asyncio.sleep(0)
            count = seen + 1

    await asyncio.gather(add(), add(), add())


async def ring() -> None:
    """A hundred tasks hand an event round, ten times."""
    events = [asyncio.Event() for _ in range(100)]

    async def member(number: int) -> None:
        for _ in range(10):
            await events[number].wait()
            events[number].clear()
            events[(number + 1) % 100].set()

    tasks = [asyncio.create_task(member(number)) for number in range(100)]
    events[0].set()
    await asyncio.gather(*tasks)


def _seconds(run: Callable[[], object], count: int) -> float:
    begun = process_time()
    for _ in range(count):
        run()
    return (process_time() - begun) / count


def _ratios(main: Main, schedules: int, rounds: int, order: Any) -> Iterator[float]:
    """Returns, for each round, schedules a second explored over runs a second on the stock loop."""
    for _ in range(rounds):
        stock = _seconds(lambda: asyncio.run(main()), schedules)
        begun = process_time()
        result = interlace.explore(main, schedules=schedules, order=order, stop_on_failure=False)
        yield stock / ((process_time() - begun) / result.runs)


def tables(options: Options) -> Iterator[Table]:
    """Returns the table, without and with an application's imports."""
    rounds = max(options.rounds, 3)
    table = Table(title="speed of exploration over that of bare asyncio.run of the same program")
    for column in ("program", "order", "imports", "median", "worst", "best", "target"):
        table.add_column(column)
    programs: list[tuple[Main, int, str]] = [(nothing, 200, ""), (lost_update, 200, "1/3"), (ring, 20, "1/2")]
    for imports in ("none", "an application's"):
        if imports != "none":
            for name in _APPLICATION:
                try:
                    importlib.import_module(name)
                except ImportError:
                    pass
        for main, schedules, target in programs:
            for order in ("realistic", "any"):
                ratios = sorted(_ratios(main, schedules, rounds, order))
                figures = (ratios[len(ratios) // 2], ratios[0], ratios[-1])
                table.add_row(main.__name__, order, imports, *(f"{ratio:.2f}" for ratio in figures), target)
    yield table
