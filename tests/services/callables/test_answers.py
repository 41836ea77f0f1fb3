"""What a test says that fakes answer, how long it takes, and what is recorded of calls."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from far_shop import InMemory, UserRepo, fetch

import interlace

Passes = Callable[..., interlace.Outcome]


def test_values_errors_sequences_and_functions(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo)
        user = {"name": "ann"}
        repo.get.returns(user)
        assert await repo.get(1) is user
        problem = KeyError(1)
        repo.get.raises(problem)
        with pytest.raises(KeyError) as caught:
            await repo.get(1)
        assert caught.value is problem
        repo.get.sequence(TimeoutError, {"n": 1}, ValueError("x"), {"n": 2})
        told: list[Any] = []
        for _ in range(5):
            try:
                told.append(await repo.get(1))
            except Exception as error:
                told.append(repr(error))
        assert told == ["TimeoutError()", {"n": 1}, "ValueError('x')", {"n": 2}, {"n": 2}]
        repo.get.does(lambda number: {"id": number})
        assert await repo.get(number=3) == {"id": 3}

        async def later(number: int, *, fresh: bool = False) -> dict[str, Any]:
            await asyncio.sleep(5)
            return {"fresh": fresh}

        repo.get.does(later, latency="0s")
        before = world.clock.elapsed
        assert await repo.get(3, fresh=True) == {"fresh": True}
        assert world.clock.elapsed - before == 5
        repo.count.sequence(1, IndexError)
        assert repo.count() == 1
        with pytest.raises(IndexError):
            repo.count()

    passes(program)


def test_answers_for_so_many_calls_come_in_the_order_in_which_they_were_said(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        fake = world.fake(fetch)
        fake.raises(TimeoutError, times=2).returns(b"then", times=1).returns(b"rest")
        told = []
        for _ in range(5):
            try:
                told.append(await fake("u"))
            except TimeoutError:
                told.append(b"timeout")
        assert told == [b"timeout", b"timeout", b"then", b"rest", b"rest"]

    passes(program)


def test_the_items_of_an_iterator(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo, latency="2s")
        repo.all.returns(["a", interlace.after("10s"), "b"])
        times = [(name, world.clock.elapsed) async for name in repo.all(limit=2)]
        assert times == [("a", 2), ("b", 14)]
        assert world.clock.elapsed == 16
        repo.all.returns(["a", KeyError("x")])
        with pytest.raises(KeyError):
            [name async for name in repo.all()]
        repo.all.raises(TimeoutError)
        with pytest.raises(TimeoutError):
            await anext(repo.all())
        repo.all.does(lambda limit=10: iter("xyz"[:limit]))
        assert [name async for name in repo.all(2)] == ["x", "y"]
        assert repo.all.calls[-1].arguments == {"limit": 2}

    passes(program)


def test_an_iterator_that_is_left_early_closes_that_of_the_implementation(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        inner = InMemory()
        inner.users = {1: {"name": "ann"}, 2: {"name": "bob"}}
        names = world.fake(UserRepo, inner).all()
        assert await anext(names) == "ann"
        await names.aclose()
        assert inner.events == ["closed"]

    passes(program)


def test_a_session_that_fails_when_it_is_left_is_rolled_back() -> None:
    seen: set[tuple[str, ...]] = set()

    async def program(world: interlace.World) -> None:
        inner = InMemory()
        repo = world.fake(UserRepo, inner, fail={"transaction": [ConnectionError]})
        try:
            async with repo.transaction():
                inner.events.append("work")
        except ConnectionError:
            inner.events.append("told")
        seen.add(tuple(inner.events))

    assert interlace.explore(program, schedules=60).verdict.status == "passed"
    assert seen == {
        ("begin", "work", "commit"),
        ("told",),
        ("begin", "work", "rollback ConnectionError", "told"),
    }


def test_latency_is_that_of_the_answer_else_of_the_method_else_of_the_rest(passes: Passes) -> None:
    async def took(world: interlace.World, awaitable: Any) -> float:
        before = world.clock.elapsed
        await awaitable
        return world.clock.elapsed - before

    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo, latency={"get": "2s..3s", "*": 1})
        repo.get.returns({}, times=1).returns({}, latency="7s")
        repo.connect.returns(repo)
        assert await took(world, repo.save(1, {})) == 1
        assert await took(world, repo.get(1)) == 2
        assert await took(world, repo.get(1)) == 7
        assert await took(world, repo.connect("u")) == 1
        other = world.fake(UserRepo, latency={"save": "1s"})
        other.get.raises(KeyError)
        assert await took(world, other.save(1, {})) == 1
        with pytest.raises(KeyError):
            await took(world, other.get(1))

    passes(program)


def test_half_of_the_latency_passes_before_the_call_takes_effect(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        inner = InMemory()
        repo = world.fake(UserRepo, inner, latency="4s")
        task = asyncio.create_task(repo.save(1, {}))
        await asyncio.sleep(1.9)
        assert not inner.users
        await asyncio.sleep(0.2)
        assert inner.users
        assert not task.done()
        await task
        assert world.clock.elapsed == 4
        assert repo.save.calls[0].time == 0

    passes(program)


@pytest.mark.parametrize("latency", [None, "1ms..50ms", ["1ms", "20ms..50ms"]])
def test_latency_is_explored_within_what_was_said(latency: Any) -> None:
    seen: set[float] = set()

    async def program(world: interlace.World) -> None:
        await world.fake(UserRepo, latency=latency).save(1, {})
        seen.add(world.clock.elapsed)

    assert interlace.explore(program, schedules=60).verdict.status == "passed"
    low, high = (0, 0.1) if latency is None else (0.001, 0.05)
    assert min(seen) == low
    assert max(seen) <= high
    assert len(seen) > 5


def test_what_is_recorded_of_a_call(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo, InMemory(), latency="1s")

        async def work() -> None:
            await repo.save(1, user={"name": object()})

        with world.host("billing").here():
            await asyncio.create_task(work(), name="worker")
        coroutine = repo.save(2, {})
        assert len(repo.save.calls) == 1  # nobody has awaited it
        coroutine.close()
        (call,) = repo.save.calls
        assert (call.name, call.args, list(call.kwargs)) == ("UserRepo.save", (1,), ["user"])
        assert call.arguments["number"] == 1
        assert (call.time, call.task, call.host) == (0, "program/work", "billing")
        assert repr(call) == "<Call UserRepo.save(number=1, user={'name': <object object>}) at 0 s>"
        repo.count()
        assert [one.name for one in repo.calls] == ["UserRepo.save", "UserRepo.count"]

    passes(program)


def test_a_cancelled_call_is_over_at_once(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo, latency="10s")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await repo.save(1, {})
        assert world.clock.elapsed == 1

    passes(program)
