"""A fake that takes time shows the races that an instant one hides; the same token leads to the same run."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import pytest
from elsewhere import check_repeats
from visitors import ask_until_answered, ten

import interlace

Program = Callable[[interlace.World], Any]


def counter(world: interlace.World) -> dict[str, int]:
    """A fake web API that keeps a number."""
    kept = {"n": 0}
    api = world.http("http://counters", latency="1ms..50ms")
    api.get("/n").reply(lambda call: {"n": kept["n"]})
    api.put("/n").reply(lambda call: kept.update(call.json) or 204)
    return kept


def with_aiohttp(locked: bool) -> Program:
    async def program(world: interlace.World) -> None:
        kept = counter(world)
        async with aiohttp.ClientSession() as session:

            async def add() -> None:
                async with session.get("http://counters/n") as answer:
                    n = (await answer.json())["n"]
                async with session.put("http://counters/n", json={"n": n + 1}):
                    pass

            await ten(add, locked=locked)
        assert kept["n"] == 10

    return program


def with_httpx(locked: bool) -> Program:
    async def program(world: interlace.World) -> None:
        kept = counter(world)
        async with httpx.AsyncClient(timeout=60) as client:

            async def add() -> None:
                n = (await client.get("http://counters/n")).json()["n"]
                await client.put("http://counters/n", json={"n": n + 1})

            await ten(add, locked=locked)
        assert kept["n"] == 10

    return program


PROGRAMS = {"aiohttp": with_aiohttp, "httpx": with_httpx}


@pytest.mark.slow
@pytest.mark.parametrize(("client", "seeds"), [("aiohttp", 6), ("httpx", 2)])
def test_a_lost_update_is_found_on_every_seed(client: str, seeds: int) -> None:
    assert not interlace.run(PROGRAMS[client](False)).failed
    for seed in range(seeds):
        result = interlace.explore(PROGRAMS[client](False), schedules=10, seed=seed)
        assert result.verdict.status == "failed", seed


@pytest.mark.slow
@pytest.mark.parametrize(("client", "seeds"), [("aiohttp", 1), ("httpx", 1)])
def test_its_locked_twin_passes(client: str, seeds: int) -> None:
    for seed in range(seeds):
        result = interlace.explore(PROGRAMS[client](True), schedules=100, seed=seed)
        assert result.verdict.status == "passed", result.report()


@pytest.mark.parametrize("order", ["batch", "any"])
@pytest.mark.parametrize("client", PROGRAMS)
def test_its_locked_twin_passes_in_any_order(client: str, order: Any) -> None:
    result = interlace.explore(PROGRAMS[client](True), schedules=10, order=order)
    assert result.verdict.status == "passed", result.report()


@pytest.mark.parametrize("fault", ["net", "crash:api", "cancel"])
def test_a_client_that_tries_again_survives_what_is_injected(fault: str) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api", latency="1ms..50ms")

        async def answer(call: Any) -> bytes:
            await asyncio.sleep(0.001)
            return b"x" * 1000

        api.get("/x").reply(answer)
        await ask_until_answered("http://api/x", b"x" * 1000)

    result = interlace.explore(program, schedules=40, faults=[fault])
    assert result.verdict.status == "passed", result.report()


REPEATED = {client: make(False) for client, make in PROGRAMS.items()}


def test_the_same_token_leads_to_the_same_trace_in_another_process() -> None:
    check_repeats(REPEATED, __file__, "REPEATED")
