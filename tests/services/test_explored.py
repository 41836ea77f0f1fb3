"""A fake that takes time shows the races that an instant one hides; the same token leads to the same run."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import pytest

import interlace

APART = 0.01
"""Seconds between two tasks: in the plain run none overlaps another."""

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
        lock = asyncio.Lock()

        async def add(session: aiohttp.ClientSession) -> None:
            async with session.get("http://counters/n") as answer:
                n = (await answer.json())["n"]
            async with session.put("http://counters/n", json={"n": n + 1}):
                pass

        async def one(number: int, session: aiohttp.ClientSession) -> None:
            await asyncio.sleep(number * APART)
            if locked:
                async with lock:
                    await add(session)
            else:
                await add(session)

        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(one(number, session))
        assert kept["n"] == 10

    return program


def with_httpx(locked: bool) -> Program:
    async def program(world: interlace.World) -> None:
        kept = counter(world)
        lock = asyncio.Lock()

        async def add(client: httpx.AsyncClient) -> None:
            n = (await client.get("http://counters/n")).json()["n"]
            await client.put("http://counters/n", json={"n": n + 1})

        async def one(number: int, client: httpx.AsyncClient) -> None:
            await asyncio.sleep(number * APART)
            if locked:
                async with lock:
                    await add(client)
            else:
                await add(client)

        async with httpx.AsyncClient(timeout=60) as client, asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(one(number, client))
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
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:

            async def one() -> bytes:
                for _ in range(20):
                    try:
                        async with session.get("http://api/x") as answer:
                            return await answer.read()
                    except (aiohttp.ClientError, TimeoutError):
                        await asyncio.sleep(30)
                raise RuntimeError("never answered")

            tasks = [asyncio.create_task(one()) for _ in range(2)]
            await asyncio.wait(tasks)
            assert all(task.cancelled() or task.result() == b"x" * 1000 for task in tasks)

    result = interlace.explore(program, schedules=40, faults=[fault])
    assert result.verdict.status == "passed", result.report()


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import interlace
from test_explored import PROGRAMS
for client in PROGRAMS:
    outcome = interlace.run(PROGRAMS[client](False), seed=7)
    print(client, outcome.token, outcome.trace_hash)
"""


def test_the_same_token_leads_to_the_same_trace_in_another_process() -> None:
    here = [(client, interlace.run(PROGRAMS[client](False), seed=7)) for client in PROGRAMS]
    told = "".join(f"{client} {outcome.token} {outcome.trace_hash}\n" for client, outcome in here)
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(folder=os.path.dirname(__file__))],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == told
    for client, outcome in here:
        again = interlace.replay(PROGRAMS[client](False), outcome.token)
        assert again.trace_hash == outcome.trace_hash
