"""Faults as choices: planted bugs are found and made small, correct programs pass, a token leads to the same run."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

import interlace

Program = Callable[[interlace.World], Any]

SEEDS = range(5)


def a_shop(world: interlace.World, *, idempotent: bool) -> dict[str, int]:
    """A fake bank; returns what was paid, by the key of the order."""
    paid: dict[str, int] = {}

    def pay(call: Any) -> Any:
        key = call.json["order"]
        if not (idempotent and key in paid):
            paid[key] = paid.get(key, 0) + call.json["sum"]
        return {"ok": True}

    world.http("http://bank", latency="1ms..50ms").post("/pay").reply(pay)
    return paid


async def pay(session: aiohttp.ClientSession) -> None:
    for attempt in range(3):
        try:
            async with session.post("http://bank/pay", json={"order": "A1", "sum": 30}) as answer:
                answer.raise_for_status()
                await answer.json()
                return
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(attempt)
    raise RuntimeError("cannot pay")


def paying(*, idempotent: bool = False, total: float | None = 30, **asked: Any) -> Program:
    async def program(world: interlace.World) -> None:
        paid = a_shop(world, idempotent=idempotent)
        with world.faults("bank", **(asked or {"reset": True, "hang": True})):
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=total)) as session:
                await pay(session)
        assert paid == {"A1": 30}

    return program


def caching(*, careful: bool, **asked: Any) -> Program:
    """A price is read from a cache, or else from where it comes from, which is told of each time."""

    async def program(world: interlace.World) -> None:
        cache = world.redis("redis://cache:6379", latency="1ms..5ms")
        unwell = (redis.asyncio.ConnectionError, redis.asyncio.TimeoutError) if careful else ()

        async def price(client: Any) -> bytes:
            try:
                found = await client.get("tea")
            except unwell:
                found = None
            return found or b"3"

        client = redis.asyncio.Redis(
            host="cache", port=6379, socket_timeout=5, socket_connect_timeout=5, retry=Retry(NoBackoff(), 0)
        )
        with world.faults(cache, **asked):
            assert await price(client) == b"3"
            assert await price(client) == b"3"
        await client.aclose()

    return program


BUGS: dict[str, tuple[Program, str, str]] = {
    "paid twice after a reset": (paying(reset=True), "AssertionError", "must meet a reset of its connection"),
    "paid twice after a hang": (paying(hang=True), "AssertionError", "must hang for ever"),
    "no timeout": (paying(idempotent=True, total=None, hang=True), "Hung", "must hang for ever"),
    "paid twice, many faults": (
        paying(reset=True, hang=True, empty=True, malformed=True, partial=True, refuse=True, latency="1min"),
        "AssertionError",
        "local→bank:80#1 reply 1 must",
    ),
    "a cache that is not there": (caching(careful=False, refuse=True), "ConnectionError", "must be refused"),
    "a cache that talks nonsense": (
        caching(careful=False, malformed=True),
        "InvalidResponse",
        "must be replaced by garbage",
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found_and_made_small(name: str, seed: int) -> None:
    program, error, told = BUGS[name]
    assert not interlace.run(program).failed
    result = interlace.explore(program, schedules=20, seed=seed)
    failure = result.failure
    assert failure is not None, result.report()
    assert failure.type == error
    assert len(failure.constraints) == 1, failure.constraints
    assert told in failure.constraints[0]
    assert failure.smallest.injected == failure.constraints
    assert failure.label == "real"
    assert told in " ".join(result.report(width=1000).split())
    again = interlace.replay(program, failure.token)
    assert again.trace_hash == failure.smallest.trace_hash


ALL = {
    "latency": "20s",
    "bandwidth": "100B/s",
    "slow_close": True,
    "hang": True,
    "reset": True,
    "slicer": 7,
    "limit_data": 30,
    "malformed": True,
    "empty": True,
    "partial": True,
    "refuse": True,
    "unreachable": True,
}
RIGHT: dict[str, Program] = {
    "pays once": paying(idempotent=True, **ALL),
    "pays once, two faults": paying(idempotent=True, at_most=2, **ALL),
    "goes without a cache": caching(careful=True, **{**ALL, "malformed": False}),
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", RIGHT)
def test_a_program_that_handles_them_passes(name: str, seed: int) -> None:
    result = interlace.explore(RIGHT[name], schedules=60, seed=seed)
    assert result.verdict.status == "passed", result.report()


def test_no_more_faults_than_that() -> None:
    def trying(times: int, most: int) -> Program:
        async def program(world: interlace.World) -> None:
            world.http("http://bank").get("/").text("yes")
            world.faults("bank", empty=True, at_most=most)
            async with httpx.AsyncClient(timeout=None) as client:
                for attempt in range(times):
                    try:
                        assert (await client.get("http://bank/")).text == "yes"
                        return
                    except httpx.TransportError:
                        await asyncio.sleep(attempt)
            raise RuntimeError("gives up")

        return program

    for times, most, status in ((1, 1, "failed"), (2, 1, "passed"), (2, 2, "failed"), (3, 2, "passed")):
        result = interlace.explore(trying(times, most), schedules=60)
        assert result.verdict.status == status, (times, most)
        assert result.failure is None or len(result.failure.constraints) == times


def test_they_end_with_the_block() -> None:
    async def program(world: interlace.World) -> None:
        paid = a_shop(world, idempotent=False)
        faults = world.faults("bank", reset=True)
        faults.heal()
        async with aiohttp.ClientSession() as session:
            await pay(session)
        assert paid == {"A1": 30}

    result = interlace.explore(program, schedules=40)
    assert result.verdict.status == "passed"
    assert not any(point.kind == "fault" for point in result.plain.points)


def test_a_link_and_several_services() -> None:
    async def program(world: interlace.World, *services: Any) -> None:
        for name in ("one", "two"):
            world.http(f"http://{name}").get("/").text("yes")
        world.faults(*services, reset=True)
        async with httpx.AsyncClient(timeout=None) as client:
            for name in ("one", "two"):
                await client.get(f"http://{name}/")

    for services, places in (
        (("one",), {"local→one:80#1"}),
        (("one", "two:80"), {"local→one:80#1", "local→two:80#1"}),
        ((("local", "two"),), {"local→two:80#1"}),
        (("two:81",), set()),
    ):

        async def asking(world: interlace.World, services: Any = services) -> None:
            await program(world, *services)

        points = [point for point in interlace.run(asking).points if point.kind == "fault"]
        assert {point.subject.partition(" ")[0] for point in points} == places


# -- --explore-faults=net ------------------------------------------------------------------------


def asking(limit: float | None) -> Program:
    async def program(world: interlace.World) -> None:
        world.http("http://api", latency="1ms..50ms").get("/").text("yes")
        async with httpx.AsyncClient(timeout=limit) as client:
            for attempt in range(3):
                try:
                    assert (await client.get("http://api/")).text == "yes"
                    return
                except httpx.TransportError:
                    await asyncio.sleep(attempt)

    return program


def test_net_on_all_links() -> None:
    careful = interlace.explore(asking(70), schedules=50, faults=["net"])
    assert careful.verdict.status == "passed", careful.report()
    careless = interlace.explore(asking(None), schedules=50, faults=["net"])
    assert careless.failure is not None
    assert careless.failure.type == "Hung"
    assert "must hang" in careless.failure.constraints[0]
    assert "local→api:80#1" in str(careless.failure.error)
    assert interlace.explore(asking(None), schedules=25, faults=["net:latency"]).verdict.status == "passed"
    late = interlace.explore(asking(8), schedules=25, faults=["net:latency", "at_most=3"])
    assert late.verdict.status == "passed"


# -- the same run again --------------------------------------------------------------------------

SCRIPT = """
import sys
sys.path[:0] = [{folder!r}, {support!r}]
import interlace
from test_faults_explored import RIGHT
for name, program in RIGHT.items():
    for seed in range(4):
        outcome = interlace.run(program, seed=seed)
        print(outcome.token, outcome.trace_hash, outcome.injected)
"""


def test_the_same_token_leads_to_the_same_trace_in_another_process() -> None:
    folder = Path(__file__).parent
    script = SCRIPT.format(folder=str(folder), support=str(folder.parent / "support"))
    told = []
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        told.append(done.stdout)
    assert told[0] == told[1]
    assert "must" in told[0]
