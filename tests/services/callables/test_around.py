"""Fakes amid what else a run may have: cancellations, crashes, threads, other loops, tasks that are left over."""

import asyncio
from collections.abc import Callable
from typing import Any
from unittest import mock

import far_shop as shop
import pytest
from far_shop import InMemory, UserRepo

import interlace

Passes = Callable[..., interlace.Outcome]


async def rename(repo: Any, busy: set[int], number: int) -> None:
    busy.add(number)
    try:
        async with repo.transaction():
            user = await repo.get(number)
            await repo.save(number, {**user, "name": "bob"})
        async for _ in repo.all():
            pass
    finally:
        busy.discard(number)


@pytest.mark.parametrize("order", ["realistic", "batch", "any"])
@pytest.mark.parametrize("faults", [(), ("cancel",), ("slow",)])
def test_what_cleans_up_passes_whatever_is_injected(order: Any, faults: tuple[str, ...]) -> None:
    async def program(world: interlace.World) -> None:
        inner = InMemory()
        inner.users = {number: {"name": "ann"} for number in range(3)}
        repo = world.fake(UserRepo, inner, fail=[TimeoutError, OSError("cut")], at_most=2)
        busy: set[int] = set()
        tasks = [asyncio.create_task(rename(repo, busy, number)) for number in range(3)]
        await asyncio.wait(tasks)
        assert not busy
        begun = inner.events.count("begin")
        ended = sum(event == "commit" or event.startswith("rollback") for event in inner.events)
        assert begun == ended
        for task in tasks:
            if not task.cancelled():
                assert task.exception() is None or isinstance(task.exception(), OSError)

    result = interlace.explore(program, schedules=60, order=order, faults=faults)
    assert result.verdict.status == "passed", result.report()


class Door:
    def __init__(self) -> None:
        self.inside = 0

    async def __aenter__(self) -> "Door":
        self.inside += 1
        return self

    async def __aexit__(self, *error: object) -> None:
        self.inside -= 1


@pytest.mark.parametrize("order", ["realistic", "any"])
def test_who_is_cancelled_at_a_door_is_not_inside(order: Any) -> None:
    async def program(world: interlace.World) -> None:
        inner = Door()
        door = world.fake(Door, inner)

        async def visit() -> None:
            async with door:
                await asyncio.sleep(0.01)

        await asyncio.wait([asyncio.create_task(visit()) for _ in range(2)])
        assert inner.inside == 0

    result = interlace.explore(program, schedules=60, order=order, faults=["cancel"])
    assert result.verdict.status == "passed", result.report()


def test_a_host_that_crashes_during_a_call() -> None:
    async def program(world: interlace.World) -> None:
        inner = InMemory()
        repo = world.fake(UserRepo, inner, latency="10s")
        host = world.host("shop")
        ended: list[str] = []

        async def save() -> None:
            try:
                await repo.save(1, {})
            finally:
                ended.append("saved")

        host.start(save)
        await asyncio.sleep(7)
        host.crash()
        await asyncio.sleep(10)
        assert (list(inner.users), ended) == ([1], [])

    assert interlace.explore(program, schedules=10).verdict.status == "passed"


def test_plain_calls_from_threads(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo, fail={"count": [OSError]})
        repo.count.sequence(1, 2)
        counts = await asyncio.gather(
            *(asyncio.to_thread(repo.count) for _ in range(2)), return_exceptions=True
        )
        assert sorted(count for count in counts if isinstance(count, int)) in ([1], [1, 2])
        assert len(repo.count.calls) == 2

    passes(program)
    assert interlace.explore(program, schedules=30).verdict.status == "passed"


def test_other_loops_within_a_run(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo, InMemory())
        one = interlace.AsyncMock(return_value=3, latency="1h")

        def elsewhere() -> int:
            return asyncio.run(one())  # type: ignore[no-any-return]

        def wrong() -> None:
            asyncio.run(repo.save(1, {}))

        assert await asyncio.to_thread(elsewhere) == 3
        with pytest.raises(interlace.UsageError, match="was called outside of its run"):
            await asyncio.to_thread(wrong)

    passes(program)


def test_calls_that_are_left_over(passes: Passes) -> None:
    kept: list[InMemory] = []

    async def program(world: interlace.World) -> None:
        inner = InMemory()
        kept.append(inner)
        repo = world.fake(UserRepo, inner, latency="1h")

        async def hold() -> None:
            async with repo.transaction():
                await asyncio.sleep(10**6)

        tasks.append(asyncio.create_task(hold()))
        names = repo.all()
        tasks.append(asyncio.create_task(anext(names)))
        await asyncio.sleep(2 * 3600)

    tasks: list[Any] = []
    passes(program)
    assert kept[0].events == ["begin", "closed", "rollback CancelledError"]


def test_the_stock_patch_with_our_mock_begins_anew_in_each_schedule() -> None:
    @mock.patch("far_shop.fetch", new_callable=interlace.AsyncMock)
    async def program(fetch: Any) -> None:
        fetch.side_effect = [b"1", b"22"]
        assert [await shop.size_of("u"), await shop.size_of("v")] == [1, 2]
        assert fetch.await_args_list == [mock.call("u"), mock.call("v")]

    @mock.patch("far_shop.limit", 3)
    @mock.patch("far_shop.fetch", new_callable=interlace.AsyncMock)
    async def with_world(world: interlace.World, fetch: Any) -> None:
        fetch.return_value = b"1"
        assert await shop.size_of("u") == 1

    for one in (program, with_world):
        result = interlace.explore(one, schedules=20)
        assert result.verdict.status == "passed", result.report()
        assert result.plain.points


def test_a_timeout_around_a_call_is_not_used_up(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo)
        for _ in range(5):
            async with asyncio.timeout(0.5):
                await repo.save(1, {})

    assert interlace.explore(program, schedules=100).verdict.status == "passed"
