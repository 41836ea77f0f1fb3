"""A tape takes time, so it shows the races of a program; the same token leads to the same run everywhere."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

import interlace
from interlace.services.tapes.player import around

pytestmark = [
    pytest.mark.usefixtures("leftovers_collected"),
    pytest.mark.filterwarnings(
        # runs that fail leave their connections open
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
]

Program = Callable[[interlace.World], Any]

TAPE = "interlace tape 1\npeer http://rates\nrecorded 29 November 2026\n" + "".join(
    f"\nexchange\n> GET /{name} HTTP/1.1\nafter {delay}ms\n"
    f'< HTTP/1.1 200 OK\n< Content-Type: application/json\n< Content-Length: 9\n<\n< {{"n": {n}}}\n'
    for name, delay, n in (("a", 40, 1), ("b", 25.5, 2), ("c", 30, 3))
)
TAPE += "\nend\n"


def program(client: str, locked: bool, file: str | Path) -> Program:
    async def with_aiohttp(names: str, one: Any) -> None:
        async with aiohttp.ClientSession() as session:

            async def fetch(name: str) -> Any:
                async with session.get(f"http://rates/{name}") as answer:
                    return await answer.json()

            await asyncio.gather(*(one(number, name, fetch) for number, name in enumerate(names)))

    async def with_httpx(names: str, one: Any) -> None:
        async with httpx.AsyncClient(timeout=60) as session:

            async def fetch(name: str) -> Any:
                return (await session.get(f"http://rates/{name}")).json()

            await asyncio.gather(*(one(number, name, fetch) for number, name in enumerate(names)))

    async def main(world: interlace.World) -> None:
        """Adds up what it fetches, and loses some of it if it does so too early."""
        world.tape("http://rates", file)
        total = {"n": 0}
        lock = asyncio.Lock()

        async def add(name: str, fetch: Any) -> None:
            before = total["n"]
            total["n"] = before + (await fetch(name))["n"]

        async def one(number: int, name: str, fetch: Any) -> None:
            await asyncio.sleep(number * 0.045)
            if locked:
                async with lock:
                    await add(name, fetch)
            else:
                await add(name, fetch)

        await (with_aiohttp if client == "aiohttp" else with_httpx)("abc", one)
        assert total["n"] == 6

    return main


@pytest.fixture
def rates(tape: Path) -> Path:
    tape.write_text(TAPE)
    return tape


@pytest.mark.parametrize("client", ["aiohttp", "httpx"])
def test_a_lost_update_is_found_on_a_tape(client: str, rates: Path) -> None:
    assert not interlace.run(program(client, False, rates)).failed
    for seed in range(3):
        explored = interlace.explore(program(client, False, rates), schedules=10, seed=seed)
        assert explored.verdict.status == "failed", seed
        assert isinstance(explored.failures[0].error, AssertionError)


@pytest.mark.parametrize(("client", "schedules"), [("aiohttp", 60), ("httpx", 20)])
def test_its_locked_twin_passes(client: str, schedules: int, rates: Path) -> None:
    explored = interlace.explore(program(client, True, rates), schedules=schedules)
    assert explored.verdict.status == "passed", explored.report()


@pytest.mark.parametrize("order", ["batch", "any"])
def test_its_locked_twin_passes_in_any_order(order: Any, rates: Path) -> None:
    explored = interlace.explore(program("aiohttp", True, rates), schedules=15, order=order)
    assert explored.verdict.status == "passed", explored.report()


def test_clients_that_try_again_survive_what_is_injected(rates: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.tape("http://rates", rates)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            for _ in range(20):
                try:
                    async with session.get("http://rates/a") as answer:
                        assert await answer.json() == {"n": 1}
                        return
                except (aiohttp.ClientError, TimeoutError):
                    await asyncio.sleep(30)
        raise RuntimeError("never answered")

    explored = interlace.explore(main, schedules=40, faults=["net"])
    assert explored.verdict.status == "passed", explored.report()


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import interlace
from test_explored import program
for client in ("aiohttp", "httpx"):
    outcome = interlace.run(program(client, False, {file!r}), seed=7)
    print(client, outcome.token, outcome.trace_hash)
"""


def test_the_same_token_leads_to_the_same_trace_in_another_process(rates: Path) -> None:
    file = str(rates)
    here = {client: interlace.run(program(client, False, file), seed=7) for client in ("aiohttp", "httpx")}
    told = "".join(f"{client} {outcome.token} {outcome.trace_hash}\n" for client, outcome in here.items())
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(folder=os.path.dirname(__file__), file=file)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == told
    for client, outcome in here.items():
        again = interlace.replay(program(client, False, file), outcome.token)
        assert again.trace_hash == outcome.trace_hash


@pytest.mark.parametrize("latency", [None, ["50ms", "5ms"]])
def test_the_plain_run_takes_what_was_observed_whatever_else_is_in_flight(latency: Any, rates: Path) -> None:
    took: dict[str, float] = {}

    async def main(world: interlace.World) -> None:
        world.tape("http://rates", rates, latency=latency)
        async with aiohttp.ClientSession() as session:

            async def fetch(name: str) -> None:
                begun = world.clock.elapsed
                async with session.get(f"http://rates/{name}"):
                    took[name] = round(world.clock.elapsed - begun, 4)

            await asyncio.gather(*map(fetch, "abc"))

    outcome = interlace.run(main)
    assert outcome.error is None
    assert took == ({"a": 0.04, "b": 0.0255, "c": 0.03} if latency is None else dict.fromkeys("abc", 0.05))


def test_answers_take_from_half_to_double_of_what_was_observed() -> None:
    first, *others = around(100_000_000)
    assert first == 100_000_000
    assert (min(others), max(others)) == (50_000_000, 200_000_000)
