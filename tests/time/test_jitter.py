"""A step may take time and a timer may fire late, never early: what can swap, and what cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import interlace
from interlace.model.verdict import deviations_of

Program = Callable[[interlace.World], Coroutine[Any, Any, None]]


async def behind_awaits_of_unknown_duration(world: interlace.World) -> None:
    log: list[str] = []

    async def nap(name: str, seconds: float) -> None:
        await world.latency("1ms..50ms")
        await asyncio.sleep(seconds)
        log.append(name)

    await asyncio.gather(nap("short", 0.02), nap("long", 0.03))
    assert log == ["short", "long"]


async def armed_one_step_apart(world: interlace.World) -> None:
    log: list[str] = []

    async def nap(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        log.append(name)

    await asyncio.gather(nap("long", 0.03), nap("short", 0.02))
    assert log == ["short", "long"]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "program", [behind_awaits_of_unknown_duration, armed_one_step_apart], ids=lambda one: one.__name__
)
def test_two_timers_10_ms_apart_can_swap(program: Program, seed: int) -> None:
    result = interlace.explore(program, seed=seed, schedules=100)
    assert result.failure is not None
    assert result.failure.label == "real"


def test_a_step_that_takes_its_time_is_told() -> None:
    result = interlace.explore(armed_one_step_apart)
    assert result.failure is not None
    (deviation,) = deviations_of(result.failure.smallest)
    assert deviation.kind == "step"
    assert deviation.option == "10.1 ms"
    assert result.failure.constraints[0].startswith("nap#2 must take 10.1 ms before it sets its timer (")
    assert "nap#2 takes 10.1 ms before it sets its timer" in result.report()


async def in_one_step(world: interlace.World) -> None:
    log: list[int] = []
    loop = asyncio.get_running_loop()
    for number, seconds in enumerate((0.01, 0.01, 0.02, 0.025, 0.06)):
        loop.call_later(seconds, lambda number=number: log.append(number))
    await world.latency("100ms..200ms")
    await asyncio.sleep(0.2)
    assert log == [0, 1, 2, 3, 4]


async def in_one_step_the_later_one_first(world: interlace.World) -> None:
    log: list[int] = []
    loop = asyncio.get_running_loop()
    loop.call_later(0.02, lambda: log.append(1))
    loop.call_later(0.01, lambda: log.append(0))
    await world.latency("100ms..200ms")
    assert log == [0, 1]


async def the_earlier_one_with_the_smaller_delay(world: interlace.World) -> None:
    """Rule b: a timer that is armed earlier with a delay that is not larger always fires first."""
    log: list[str] = []

    async def nap(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        log.append(name)

    first = asyncio.create_task(nap("first", 0.02))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = asyncio.create_task(nap("second", 0.02))
    third = asyncio.create_task(nap("third", 0.021))
    await asyncio.gather(first, second, third)
    assert log.index("first") < log.index("second")
    assert log.index("first") < log.index("third")


async def further_apart_than_a_step_takes(world: interlace.World) -> None:
    log: list[str] = []

    async def nap(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        log.append(name)

    await asyncio.gather(nap("long", 0.09), nap("short", 0.02))
    assert log == ["short", "long"]


async def a_timeout_that_leaves_some_room(world: interlace.World) -> None:
    """One that is longer than 0.1 s is not meant to fire, see the explanation of generous timeouts."""
    async with asyncio.timeout(0.12):
        await asyncio.sleep(0.02)
        await asyncio.wait_for(asyncio.sleep(0.03), 0.15)


async def never_early(world: interlace.World) -> None:
    loop = asyncio.get_running_loop()

    async def nap(seconds: float) -> None:
        for _ in range(4):
            begin = loop.time()
            await asyncio.sleep(seconds)
            assert loop.time() >= begin + seconds - 1e-9

    await asyncio.gather(*(nap(seconds) for seconds in (0.01, 0.013, 0.02, 0.034)))


async def paused(world: interlace.World) -> None:
    log: list[str] = []

    async def nap(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        log.append(name)

    tasks = [asyncio.create_task(nap(*one)) for one in (("long", 0.03), ("short", 0.02))]
    with world.clock.paused():
        await world.clock.settle()
        assert world.clock.elapsed == 0
        await world.clock.advance(0.02)
        assert log == ["short"]
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "program",
    [
        in_one_step,
        in_one_step_the_later_one_first,
        the_earlier_one_with_the_smaller_delay,
        further_apart_than_a_step_takes,
        a_timeout_that_leaves_some_room,
        never_early,
        paused,
    ],
    ids=lambda one: one.__name__,
)
def test_what_no_real_loop_does_does_not_happen(program: Program, seed: int) -> None:
    result = interlace.explore(program, seed=seed, schedules=300)
    assert result.failure is None, result.report()


def test_a_step_is_not_said_to_take_so_long_that_a_timeout_is_over() -> None:
    async def main() -> None:
        async with asyncio.timeout(0.03):
            await asyncio.sleep(0)
            await asyncio.sleep(0.02)

    assert "step" not in {point.kind for point in interlace.run(main).points}
    assert "step" in {point.kind for point in interlace.run(armed_one_step_apart).points}


def test_ablation_without_steps_that_take_time_it_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from interlace.backends.aio.timers import Timers

    monkeypatch.setattr(Timers, "_take_time", lambda self, when: False)
    assert interlace.explore(armed_one_step_apart).failure is None
