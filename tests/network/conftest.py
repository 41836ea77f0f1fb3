"""Runs programs in a simulated world: plainly, or under schedules that are drawn at random."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interlace.backends.aio.run import Asyncio
from interlace.engine.run import drive
from interlace.model.choice import ChoicePoint, Order
from interlace.sim.world import World

Program = Callable[[World], Awaitable[Any]]


class Drawn:
    """Answers every question at random; `only` limits that to some kinds of questions."""

    def __init__(self, seed: int, only: tuple[str, ...] = ()) -> None:
        self.only = only
        self.start(seed)

    def start(self, seed: int) -> None:
        self.random = random.Random(seed)

    def choose(self, point: ChoicePoint) -> int:
        if self.only and point.kind not in self.only:
            return 0
        return self.random.randrange(len(point.options))


class Replayed:
    """Gives the recorded answers again."""

    def __init__(self, answers: list[int]) -> None:
        self.answers = answers

    def start(self, seed: int) -> None: ...

    def choose(self, point: ChoicePoint) -> int:
        return self.answers[point.step]


def run_in(program: Program, world: World) -> Any:
    ending = drive(Asyncio().open(world), lambda running: running.main(program(world)))  # type: ignore[arg-type]
    if ending.error is not None:
        raise ending.error
    assert not ending.background, ending.background
    return ending.value


@pytest.fixture
def plainly() -> Callable[[Program], Any]:
    """Runs a program without any question."""
    return lambda program: run_in(program, World())


@pytest.fixture
def drawn() -> Callable[..., list[World]]:
    """Runs a program under many random schedules; returns the worlds."""

    def run(
        program: Program, schedules: int = 50, only: tuple[str, ...] = (), order: Order = "realistic"
    ) -> list[World]:
        worlds = []
        for seed in range(schedules):
            world = World(Drawn(seed, only), order=order)
            run_in(program, world)
            worlds.append(world)
        return worlds

    return run


@pytest.fixture
def replayed() -> Callable[[Program, World], World]:
    """Runs a program again with the answers of an earlier run."""

    def run(program: Program, earlier: World) -> World:
        world = World(Replayed(earlier.answers))
        run_in(program, world)
        return world

    return run
