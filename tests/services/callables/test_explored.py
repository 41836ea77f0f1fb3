"""A fake that takes time shows the races that an instant one hides; the same token leads to the same run."""

import asyncio
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock

import pytest
from elsewhere import check_repeats
from far_shop import InMemory, UserRepo
from visitors import ten

import interlace

Program = Callable[[interlace.World], Any]


class Counters:
    """Numbers, far away."""

    def __init__(self) -> None:
        self.n: dict[str, int] = {}

    async def get(self, name: str) -> int:
        return self.n.get(name, 0)

    async def put(self, name: str, n: int) -> None:
        self.n[name] = n


def mocked(world: interlace.World, kept: Counters) -> Any:
    repo = AsyncMock(spec=Counters)
    repo.get.side_effect, repo.put.side_effect = kept.get, kept.put
    return repo


def implemented(world: interlace.World, kept: Counters) -> Any:
    return world.fake(Counters, kept)


def scripted(world: interlace.World, kept: Counters) -> Any:
    repo = world.fake(Counters, latency="1ms..50ms")
    repo.get.does(lambda name: kept.n.get(name, 0))
    repo.put.does(lambda name, n: kept.n.update({name: n}))
    return repo


def adding(make: Callable[[interlace.World, Counters], Any], locked: bool) -> Program:
    async def program(world: interlace.World) -> None:
        kept = Counters()
        repo = make(world, kept)

        async def add() -> None:
            n = await repo.get("n")
            await repo.put("n", n + 1)

        await ten(add, locked=locked)
        assert kept.n["n"] == 10

    return program


@pytest.mark.parametrize("make", [implemented, scripted])
def test_a_lost_update_is_found_on_every_seed(make: Any) -> None:
    assert not interlace.run(adding(make, False)).failed
    for seed in range(3):
        result = interlace.explore(adding(make, False), schedules=10, seed=seed)
        assert result.verdict.status == "failed", seed
        assert result.failure is not None
        assert result.failure.label == "real"


def test_an_instant_mock_hides_it() -> None:
    result = interlace.explore(adding(mocked, False), schedules=50)
    assert result.verdict.status == "passed"


@pytest.mark.parametrize("make", [implemented, scripted])
@pytest.mark.parametrize("order", ["realistic", "batch", "any"])
def test_its_locked_twin_passes(make: Any, order: Any) -> None:
    result = interlace.explore(adding(make, True), schedules=50, order=order)
    assert result.verdict.status == "passed", result.report()


# -- orders that need a part of the way ------------------------------------------------------------


def test_a_write_that_is_overtaken_is_found() -> None:
    async def program(world: interlace.World) -> None:
        kept = Counters()
        repo = world.fake(Counters, kept)
        first = asyncio.create_task(repo.put("n", 1))
        await asyncio.sleep(0.02)
        await asyncio.gather(first, repo.put("n", 2))
        assert kept.n["n"] == 2

    assert interlace.explore(program, schedules=60).verdict.status == "failed"


def test_an_answer_that_is_out_of_date_is_found() -> None:
    async def program(world: interlace.World) -> None:
        kept = Counters()
        repo = world.fake(Counters, kept)
        shown = 0

        async def refresh() -> None:
            nonlocal shown
            shown = await repo.get("n")

        first = asyncio.create_task(refresh())
        await asyncio.sleep(0.02)
        kept.n["n"] = 1
        await asyncio.gather(first, refresh())
        assert shown == 1

    assert interlace.explore(program, schedules=60).verdict.status == "failed"


# -- failures --------------------------------------------------------------------------------------


def saving(cleans_up: bool, runs: list[int] | None = None) -> Program:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo, InMemory(), fail={"save": [TimeoutError, ConnectionError("cut")]})
        busy: set[int] = set()

        async def rename(number: int) -> None:
            busy.add(number)
            if cleans_up:
                try:
                    await repo.save(number, {"name": "bob"})
                finally:
                    busy.discard(number)
            else:
                await repo.save(number, {"name": "bob"})
                busy.discard(number)

        results = await asyncio.gather(*(rename(number) for number in range(3)), return_exceptions=True)
        failed = [result for result in results if result is not None]
        assert len(failed) <= 1
        if runs is not None:
            runs.append(len(failed))
        assert not busy

    return program


def test_a_missing_clean_up_is_found_and_told() -> None:
    assert not interlace.run(saving(False)).failed
    result = interlace.explore(saving(False), schedules=50)
    assert result.failure is not None
    assert result.failure.label == "real"
    assert any(
        line.startswith("UserRepo.save (call ") and "must raise" in line
        for line in result.failure.constraints
    )
    assert interlace.replay(saving(False), result.failure.token).failed


def test_what_cleans_up_passes_and_failures_are_bounded() -> None:
    runs: list[int] = []
    result = interlace.explore(saving(True, runs), schedules=100)
    assert result.verdict.status == "passed", result.report()
    assert set(runs) == {0, 1}


def test_more_failures_where_they_are_asked_for() -> None:
    most = 0

    async def program(world: interlace.World) -> None:
        nonlocal most
        repo = world.fake(UserRepo, fail=[TimeoutError], at_most=2)
        repo.get.returns({})
        results = await asyncio.gather(*(repo.get(number) for number in range(10)), return_exceptions=True)
        failed = sum(isinstance(result, TimeoutError) for result in results)
        assert failed <= 2
        most = max(most, failed)
        repo.close()

    assert interlace.explore(program, schedules=200).verdict.status == "passed"
    assert most == 2


def test_an_error_of_a_plain_method_is_explored_as_well() -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo, fail={"count": [OSError]})
        repo.count.returns(3)
        assert repo.count() == 3

    assert not interlace.run(program).failed
    result = interlace.explore(program, schedules=30)
    assert result.failure is not None
    assert result.failure.constraints == ("UserRepo.count (call 1) must raise OSError",)


# -- the same again --------------------------------------------------------------------------------

PROGRAMS: dict[str, Program] = {
    "implemented": adding(implemented, False),
    "scripted": adding(scripted, False),
    "failing": saving(False),
}


def test_the_same_token_leads_to_the_same_trace_in_another_process() -> None:
    check_repeats(PROGRAMS, __file__)
