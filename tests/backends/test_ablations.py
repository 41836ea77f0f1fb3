"""Switch one safeguard off, and a correct program must fail: so each of them is needed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import interlace
from interlace.backends.aio.timeouts import Timeouts
from interlace.engine import run as engine_run
from interlace.sim import flight as flight_module
from interlace.sim.world import World
from interlace.strategies.uniform import Walk


async def generous(world: interlace.World) -> None:
    async with asyncio.timeout(0.2):
        for _ in range(4):
            await world.latency("0ms..90ms")


def test_generous_timeouts_are_left_alone() -> None:
    assert interlace.explore(generous).failure is None


def test_the_fault_slow_does_not_leave_them_alone() -> None:
    failure = interlace.explore(generous, faults=["slow"]).failure
    assert failure is not None
    assert failure.type == "TimeoutError"


def test_ablation_without_the_horizon_they_fire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Timeouts, "horizon", lambda self: None)
    failure = interlace.explore(generous).failure
    assert failure is not None
    assert failure.type == "TimeoutError"


def letters_in_one_lane() -> list[list[int]]:
    found = []
    for seed in range(30):
        strategy = Walk()
        strategy.start(seed)
        world = World(strategy)
        got: list[int] = []
        for number in range(4):
            world.flight.post(
                "lane", f"letter {number}", lambda number=number: got.append(number), (0, 5, 10)
            )
        while world.flight:
            world.clock.ns = world.flight.next_time or 0
            for landed in world.flight.admit():
                landed.deliver()
        found.append(got)
    return found


def test_a_lane_keeps_its_order() -> None:
    assert all(got == [0, 1, 2, 3] for got in letters_in_one_lane())


def test_ablation_a_lane_that_forgets_its_last_letter_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(dict[str, int]):
        def get(self, key: str, default: Any = None) -> Any:
            return default

    stock = flight_module.Flight.__init__

    def forget(self: flight_module.Flight, world: World) -> None:
        stock(self, world)
        self._last = Forgetful()

    monkeypatch.setattr(flight_module.Flight, "__init__", forget)
    assert any(got != [0, 1, 2, 3] for got in letters_in_one_lane())


async def timers_of_one_moment(world: interlace.World) -> None:
    loop = asyncio.get_running_loop()
    got: list[int] = []
    for number in range(3):
        loop.call_later(0.02, got.append, number)
    await asyncio.sleep(0.05)
    assert got == [0, 1, 2]


def test_timers_armed_at_one_moment_keep_their_order() -> None:
    result = interlace.explore(timers_of_one_moment)
    assert result.failure is None


def test_ablation_without_the_moment_of_arming_they_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from interlace.backends.aio import handles

    stock = handles.Timer.__init__
    armed = iter(range(1_000_000))

    def init(self: Any, *arguments: Any) -> None:
        stock(self, *arguments)
        self.armed = next(armed)

    monkeypatch.setattr(handles.Timer, "__init__", init)
    assert interlace.explore(timers_of_one_moment).failure is not None


async def dice(world: interlace.World) -> list[int]:
    import random

    await world.latency("1ms..5ms")
    return [random.randrange(1_000_000) for _ in range(3)]


def test_random_numbers_repeat() -> None:
    assert len({tuple(interlace.run(dice).value) for _ in range(3)}) == 1


def test_ablation_without_a_seed_they_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext

    monkeypatch.setattr(engine_run, "seeded", lambda seed: nullcontext())
    assert len({tuple(interlace.run(dice).value) for _ in range(3)}) == 3
