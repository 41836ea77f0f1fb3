"""In which order fakes were asked, and whether two answers overlapped."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
import pytest

import interlace
from interlace import OutOfOrder, UsageError, in_order


async def ask(*paths: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path in paths:
            async with session.get(f"http://api{path}") as answer:
                await answer.read()


def passes(program: Callable[..., Any]) -> interlace.Outcome:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    return outcome


@pytest.mark.parametrize("latency", [0, "10ms..1s", None])
def test_one_after_the_other(latency: Any) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api", latency=latency)
        a, b = api.get("/a").json(1), api.get("/b").json(2)
        await ask("/a", "/a")
        await ask("/b")
        in_order(a, b)
        in_order(a.calls[0], a.calls[1], b)
        in_order(*api.calls)
        in_order(a, b, overlapping=True)
        assert not a.calls[0].overlaps(a.calls[1])
        with pytest.raises(OutOfOrder):
            in_order(b, a)
        with pytest.raises(OutOfOrder):
            in_order(b, a, overlapping=True)

    passes(program)
    assert interlace.explore(program, schedules=20).verdict.status == "passed"


def test_at_the_same_time() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        a, b = api.get("/a").json(1, latency="2s"), api.get("/b").json(2, latency="1s")
        first = asyncio.create_task(ask("/a"))
        await asyncio.sleep(0.5)
        await asyncio.gather(first, ask("/b"))
        assert (a.calls[0].time, a.calls[0].end) == (0, 2)
        assert (b.calls[0].time, b.calls[0].end) == (0.5, 1.5)
        assert a.calls[0].overlaps(b.calls[0])
        assert b.calls[0].overlaps(a.calls[0])
        in_order(a, b, overlapping=True)
        with pytest.raises(OutOfOrder) as caught:
            in_order(a, b)
        assert isinstance(caught.value, AssertionError)
        assert str(caught.value) == (
            "out of order: <Call GET /b at 0.5 s> (GET /b) was asked before <Call GET /a at 0 s> (GET /a) was done, at 2 s. "
            "In the order in which they were made\n"
            "  <Call GET /a at 0 s>, done at 2 s\n"
            "  <Call GET /b at 0.5 s>, done at 1.5 s"
        )

    passes(program)


def test_at_the_same_time_without_any_latency() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")

        async def slow(call: Any) -> int:
            await asyncio.sleep(0)
            return 200

        a = api.get("/a").reply(slow)
        b = api.get("/b").reply(slow)
        await asyncio.gather(ask("/a"), ask("/b"))
        seen.append(a.calls[0].overlaps(b.calls[0]))

    seen: list[bool] = []
    interlace.explore(program, schedules=30)
    assert True in seen


def test_what_is_not_done_yet() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        a, b = api.get("/a").reply(interlace.fault.hang()), api.get("/b").json(2)
        hanging = asyncio.create_task(ask("/a"))
        await asyncio.sleep(1)
        assert a.calls[0].end is None
        await ask("/b")
        with pytest.raises(OutOfOrder, match="which it is not yet"):
            in_order(a, b)
        hanging.cancel()
        await asyncio.sleep(1)
        assert a.calls[0].end == 1
        with pytest.raises(OutOfOrder, match="was done, at 1 s"):
            in_order(a, b)

    passes(program)


def test_with_other_fakes() -> None:
    class Repo(Protocol):
        async def save(self, name: str) -> None: ...

    async def program(world: interlace.World) -> None:
        api = world.http("http://api", latency="1s")
        login = api.get("/login").json(1)
        repo = world.fake(Repo)
        await ask("/login")
        await repo.save("x")
        in_order(login, repo.save)
        with pytest.raises(OutOfOrder):
            in_order(repo.save, login)

    passes(program)


def test_bad_input() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        a, b = api.get("/a").optional(), api.get("/b").optional()
        await ask("/a")
        with pytest.raises(OutOfOrder, match="GET /b was never asked"):
            in_order(a, b)
        with pytest.raises(UsageError, match="at least two"):
            in_order(a)
        with pytest.raises(UsageError, match="3, which has no calls"):
            in_order(a, 3)

    passes(program)
