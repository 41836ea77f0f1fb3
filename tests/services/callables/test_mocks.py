"""`interlace.AsyncMock` is the stock one, but for the time that its calls take in a run."""

import asyncio
import importlib.util
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from far_shop import UserRepo, fetch
from visitors import ten

import interlace
from interlace import UsageError

Passes = Callable[..., interlace.Outcome]
Program = Callable[..., Any]


# -- parity ----------------------------------------------------------------------------------------


def told(action: Callable[[], Any]) -> str:
    try:
        return repr(action())
    except (AssertionError, AttributeError, TypeError) as error:
        return f"{type(error).__name__}: {error}"


ASSERTIONS: dict[str, tuple[Any, ...]] = {
    "assert_awaited": (),
    "assert_awaited_once": (),
    "assert_awaited_with": (1,),
    "assert_awaited_once_with": (1,),
    "assert_any_await": (2,),
    "assert_has_awaits": ([mock.call(1), mock.call(2)],),
    "assert_not_awaited": (),
    "assert_called": (),
    "assert_called_once": (),
    "assert_called_with": (2,),
    "assert_called_once_with": (3,),
    "assert_any_call": (1,),
    "assert_has_calls": ([mock.call(2)],),
    "assert_not_called": (),
    "assert_nothing": (),
}


async def uses(kind: Any) -> list[str]:
    """What one can ask of a mock, told by the kind of mock it is."""
    notes: list[str] = []
    for awaited in ((), (1,), (1, 2)):
        one = kind(return_value=7)
        notes += [repr(await one(number)) for number in awaited]
        notes += [told(lambda: getattr(one, name)(*args)) for name, args in ASSERTIONS.items()]
        notes += [repr((one.await_count, one.await_args, one.await_args_list, one.call_args_list))]
        one.reset_mock()
        notes += [repr((one.await_count, one.await_args, one.call_count, one.mock_calls))]

    async def later(number: int) -> int:
        return number * 2

    async def default(number: int) -> Any:
        return mock.DEFAULT

    for effect in (
        KeyError("x"),
        ValueError,
        [1, KeyError("y"), 2],
        later,
        default,
        lambda number: number + 1,
    ):
        one = kind(side_effect=effect, return_value="kept")
        for number in range(4):
            try:
                notes.append(repr(await one(number)))
            except BaseException as error:
                notes.append(repr(error))
    wrapped = kind(wraps=later)
    notes.append(repr(await wrapped(4)))
    repo = kind(spec=UserRepo)
    repo.get.return_value = {"name": "ann"}
    notes += [repr(await repo.get(1, fresh=True)), repr(repo.get.await_args.kwargs), repr(repo.mock_calls)]
    notes += [told(lambda: repo.gett), told(lambda: setattr(kind(spec_set=UserRepo), "x", 1))]
    repo.count.return_value = 3
    notes += [
        repr(repo.count()),
        repr(inspect.iscoroutinefunction(repo.get)),
        repr(isinstance(repo, UserRepo)),
    ]
    async with kind() as entered:
        notes.append(type(entered).__name__)
    one = kind()
    one.__aiter__.return_value = [1, 2]
    notes.append(repr([item async for item in one]))
    one = kind(name="n", **{"method.return_value": 5})
    notes += [repr(await one.method()), repr(one.method_calls)]
    mock.seal(one)
    notes.append(told(lambda: one.other))
    return notes


def test_everywhere_it_is_what_the_stock_one_is(passes: Passes) -> None:
    expected = asyncio.run(uses(mock.AsyncMock))
    assert len(expected) > 90
    assert asyncio.run(uses(interlace.AsyncMock)) == expected

    async def program() -> None:
        assert await uses(interlace.AsyncMock) == expected

    passes(program)
    assert interlace.explore(program, schedules=30).verdict.status == "passed"


def test_classes(passes: Passes) -> None:
    one = interlace.AsyncMock(spec=UserRepo)
    assert isinstance(one, mock.AsyncMock)
    assert isinstance(one.get, interlace.AsyncMock)
    assert isinstance(one.count, interlace.MagicMock)
    assert isinstance(interlace.MagicMock(spec=UserRepo).get, interlace.AsyncMock)
    session = interlace.MagicMock()
    assert isinstance(session.get.return_value.__aenter__, interlace.AsyncMock)
    assert "AsyncMock" in repr(one)


def test_under_trio_it_is_the_stock_one() -> None:
    trio = pytest.importorskip("trio")
    one = interlace.AsyncMock(return_value=3)
    assert trio.run(one, 1) == 3
    one.assert_awaited_once_with(1)


PARITY = Path(__file__).with_name("of_cpython.py")


@pytest.mark.slow
@pytest.mark.skipif(
    not any(map(importlib.util.find_spec, ("test", "unittest.test"))),
    reason="this Python comes without its tests",
)
@pytest.mark.parametrize("loop", ["stock", "interlace"])
def test_the_tests_of_cpython_pass(loop: str) -> None:
    done = subprocess.run(
        [sys.executable, PARITY, "interlace", loop], capture_output=True, text=True, check=True, timeout=120
    )
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["run"] > 300
    assert result["failed"] == []


# -- time ------------------------------------------------------------------------------------------


def test_calls_take_the_latency_that_was_said(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = interlace.AsyncMock(spec=UserRepo, latency="4s")
        await repo.save(1, {})
        assert world.clock.elapsed == 4
        repo.get.side_effect = KeyError
        with pytest.raises(KeyError):
            await repo.get(1)
        assert world.clock.elapsed == 8
        async with repo:
            assert world.clock.elapsed == 12

    passes(program)


def test_latency_is_explored_and_named() -> None:
    names: set[str] = set()
    seen: set[float] = set()

    async def program(world: interlace.World) -> None:
        repo, other = interlace.AsyncMock(spec=UserRepo), interlace.AsyncMock()
        await repo.save(1, {})
        await other.any.thing()
        seen.add(world.clock.elapsed)

    for seed in range(30):
        outcome = interlace.run(program, seed=seed)
        names.update(point.subject for point in outcome.points if point.kind == "delay")
    assert names == {
        *("UserRepo.save request", "UserRepo.save latency"),
        *("mock.any.thing request", "mock.any.thing latency"),
    }
    assert max(seen) <= 0.2
    assert len(seen) > 5


@pytest.mark.parametrize("latency", [-1, "-5ms", "soon", [], True])
def test_a_latency_that_cannot_be(latency: Any) -> None:
    for kind in (interlace.AsyncMock, interlace.MagicMock):
        with pytest.raises(UsageError, match="latency"):
            kind(latency=latency)


def adding(make: Callable[..., Any], locked: bool) -> Program:
    async def program() -> None:
        numbers = {"n": 0}
        repo = make(spec=["get", "put"])
        repo.get.side_effect = lambda: numbers["n"]
        repo.put.side_effect = lambda n: numbers.update(n=n)

        async def add() -> None:
            n = await repo.get()
            await repo.put(n + 1)

        await ten(add, locked=locked)
        assert numbers["n"] == 10
        assert repo.put.await_count == 10

    return program


def test_a_lost_update_is_found_on_every_seed() -> None:
    def made(spec: Any) -> Any:
        repo = interlace.AsyncMock()
        repo.get, repo.put = interlace.AsyncMock(), interlace.AsyncMock(latency="1ms..50ms")
        return repo

    assert not interlace.run(adding(made, False)).failed
    for seed in range(3):
        assert interlace.explore(adding(made, False), schedules=10, seed=seed).verdict.status == "failed"
    assert interlace.explore(adding(made, True), schedules=50).verdict.status == "passed"


def test_a_stock_mock_hides_it() -> None:
    def made(spec: Any) -> Any:
        repo = mock.AsyncMock()
        repo.get, repo.put = mock.AsyncMock(), mock.AsyncMock()
        return repo

    assert interlace.explore(adding(made, False), schedules=50).verdict.status == "passed"


def test_an_await_counts_from_its_beginning() -> None:
    async def program() -> None:
        one = interlace.AsyncMock(spec=fetch)
        task = asyncio.create_task(one("u"))
        await asyncio.sleep(0)
        one.assert_awaited_once_with("u")
        await task

    assert interlace.explore(program, schedules=30).verdict.status == "passed"
