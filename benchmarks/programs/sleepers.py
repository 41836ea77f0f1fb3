"""Many tasks that sleep, run once on the virtual clock of one package, in a process of its own.

python sleepers.py RUNNER KIND TASKS SLEEPS

Prints the CPU seconds that this took, as JSON. It is run as a script, by a Python that may know nothing
of interlace but the package that is timed, which it imports before it looks at the clock.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import Awaitable, Callable
from time import process_time
from typing import Any

LENGTHS: dict[str, Callable[[random.Random], float]] = {
    "all differ": lambda drawn: drawn.uniform(0.001, 1),
    "whole milliseconds": lambda drawn: drawn.randint(1, 100) / 1000,
}
"""What the lengths of the sleeps are drawn from. Of whole milliseconds many end at one moment."""

Main = Callable[[], Awaitable[float]]


def program(
    kind: str, tasks: int, sleeps: int, sleep: Callable[[float], Awaitable[None]]
) -> tuple[Callable[[int], Awaitable[None]], float]:
    """Returns what each task does, and when the last one is done."""
    draw = LENGTHS[kind]
    drawn = random.Random(1)
    lengths = [[draw(drawn) for _ in range(sleeps)] for _ in range(tasks)]

    async def sleeper(number: int) -> None:
        for length in lengths[number]:
            await sleep(length)

    return sleeper, max(map(sum, lengths))


def on_asyncio(kind: str, tasks: int, sleeps: int, run: Callable[[Main], None]) -> float:
    """Times the program in asyncio, with what runs a coroutine function."""
    sleeper, until = program(kind, tasks, sleeps, asyncio.sleep)
    ended: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.gather(*(sleeper(number) for number in range(tasks)))
        ended.append(loop.time() - begun)

    begun = process_time()
    run(main)
    seconds = process_time() - begun
    assert abs(ended[0] - until) < 1, f"it took {ended[0]} virtual seconds, not {until}"
    return seconds


def with_runner(new_event_loop: Callable[[], asyncio.AbstractEventLoop]) -> Callable[[Main], None]:
    def run(main: Main) -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(main())  # type: ignore[arg-type]

    return run


def interlace_runner(*size: Any) -> float:
    from interlace import new_event_loop

    return on_asyncio(*size, with_runner(new_event_loop))


def interlace_run(*size: Any) -> float:
    from interlace import run as run_interlace

    def run(main: Any) -> None:
        outcome = run_interlace(main)
        assert outcome.error is None, outcome.error

    return on_asyncio(*size, run)


def looptime(*size: Any) -> float:
    import looptime

    def new_event_loop() -> Any:
        return looptime.new_event_loop(start=0)

    return on_asyncio(*size, with_runner(new_event_loop))


def async_solipsism(*size: Any) -> float:
    import async_solipsism

    return on_asyncio(*size, with_runner(async_solipsism.EventLoop))


def aiotools(*size: Any) -> float:
    from aiotools import VirtualClock

    def run(main: Any) -> None:
        async def patched() -> None:
            with VirtualClock().patch_loop():
                await main()

        asyncio.run(patched())

    return on_asyncio(*size, run)


def simloop(*size: Any) -> float:
    from simloop import SimLoop

    def run(main: Any) -> None:
        loop = SimLoop()  # which refuses what asyncio.Runner does at the end
        loop.run_until_complete(main())
        loop.close()

    return on_asyncio(*size, run)


def simloom(*size: Any) -> float:
    import simloom

    return on_asyncio(*size, lambda main: simloom.run(main, seed=0))


def seedloop(*size: Any) -> float:
    import seedloop

    return on_asyncio(*size, lambda main: seedloop.replay(lambda world: main(), seed=0))


def trio(kind: str, tasks: int, sleeps: int) -> float:
    import trio
    from trio.testing import MockClock

    sleeper, until = program(kind, tasks, sleeps, trio.sleep)

    async def main() -> float:
        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(tasks):
                nursery.start_soon(sleeper, number)
        return trio.current_time() - begun

    begun = process_time()
    took = trio.run(main, clock=MockClock(autojump_threshold=0))
    seconds = process_time() - begun
    assert abs(took - until) < 1, f"it took {took} virtual seconds, not {until}"
    return seconds


if __name__ == "__main__":
    name, kind, tasks, sleeps = sys.argv[1:]
    print(json.dumps(globals()[name](kind, int(tasks), int(sleeps))))
