"""What an application behind the wire shows, and one that is called directly hides; the same token, the same run."""

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import pytest
from elsewhere import check_repeats
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from visitors import ask_until_answered, ten

import interlace

Program = Callable[[interlace.World], Any]


class Counter:
    """An application that keeps a number."""

    def __init__(self) -> None:
        self.number = 0
        self.app = Starlette(
            routes=[Route("/n", self._tell, methods=["GET"]), Route("/n", self._take, methods=["PUT"])]
        )

    async def _tell(self, request: Request) -> Response:
        return JSONResponse({"n": self.number})

    async def _take(self, request: Request) -> Response:
        self.number = (await request.json())["n"]
        return Response(status_code=204)


async def add_with_httpx(client: httpx.AsyncClient) -> None:
    number = (await client.get("http://counters/n")).json()["n"]
    await client.put("http://counters/n", json={"n": number + 1})


def with_aiohttp(locked: bool) -> Program:
    async def program(world: interlace.World) -> None:
        counter = Counter()
        world.asgi("http://counters", counter.app, latency="1ms..50ms")
        async with aiohttp.ClientSession() as session:

            async def add() -> None:
                async with session.get("http://counters/n") as answer:
                    number = (await answer.json())["n"]
                async with session.put("http://counters/n", json={"n": number + 1}):
                    pass

            await ten(add, locked=locked)
        assert counter.number == 10

    return program


def with_httpx(locked: bool) -> Program:
    async def program(world: interlace.World) -> None:
        counter = Counter()
        world.asgi("http://counters", counter.app, latency="1ms..50ms")
        async with httpx.AsyncClient(timeout=60, verify=False) as client:
            await ten(lambda: add_with_httpx(client), locked=locked)
        assert counter.number == 10

    return program


async def called_directly() -> None:
    counter = Counter()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(counter.app)) as client:
        await ten(lambda: add_with_httpx(client))
    assert counter.number == 10


PROGRAMS = {"aiohttp": with_aiohttp, "httpx": with_httpx}


@pytest.mark.slow
@pytest.mark.parametrize(("client", "seeds"), [("aiohttp", 4), ("httpx", 2)])
def test_a_lost_update_is_found_on_every_seed(client: str, seeds: int) -> None:
    assert not interlace.run(PROGRAMS[client](False)).failed
    for seed in range(seeds):
        result = interlace.explore(PROGRAMS[client](False), schedules=10, seed=seed)
        assert result.verdict.status == "failed", seed


def test_called_directly_it_stays_hidden() -> None:
    for seed in range(3):
        assert interlace.explore(called_directly, schedules=10, seed=seed).verdict.status == "passed"


@pytest.mark.slow
@pytest.mark.parametrize("client", PROGRAMS)
def test_its_locked_twin_passes(client: str) -> None:
    result = interlace.explore(PROGRAMS[client](True), schedules=50)
    assert result.verdict.status == "passed", result.report()


@pytest.mark.parametrize("order", ["batch", "any"])
def test_its_locked_twin_passes_in_any_order(order: Any) -> None:
    result = interlace.explore(with_aiohttp(True), schedules=10, order=order)
    assert result.verdict.status == "passed", result.report()


# -- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["net", "crash:api", "cancel"])
def test_a_client_that_tries_again_survives_what_is_injected(fault: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.001)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * 1000})

    async def program(world: interlace.World) -> None:
        world.asgi("http://api", app, lifespan=False, latency="1ms..50ms")
        await ask_until_answered("http://api/x", b"x" * 1000)

    result = interlace.explore(program, schedules=40, faults=[fault])
    assert result.verdict.status == "passed", result.report()


def test_requests_are_cancelled_by_name_only() -> None:
    cancelled: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            cancelled.append(scope["path"])
            raise
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def program(world: interlace.World) -> None:
        world.asgi("http://api", app, lifespan=False)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            for path in ("/a/1", "/a/2"):
                try:
                    async with session.get(f"http://api{path}") as answer:
                        assert answer.status in (200, 500)
                except TimeoutError:  # it was cancelled before it began: uvicorn answers nothing then
                    assert path == "/a/2"

    assert interlace.explore(program, schedules=10, faults=["cancel"]).verdict.status == "passed"
    assert cancelled == []
    assert interlace.explore(program, schedules=10, faults=["cancel:GET /a/2"]).verdict.status == "passed"
    assert {*cancelled} == {"/a/2"}


# -- the same run again --------------------------------------------------------------------------

REPEATED = {client: make(False) for client, make in PROGRAMS.items()}


def test_the_same_token_leads_to_the_same_trace_in_another_process() -> None:
    check_repeats(REPEATED, __file__, "REPEATED")


def test_nothing_is_left_of_a_run() -> None:
    async def program(world: interlace.World) -> None:
        counter = Counter()
        world.asgi("https://counters", counter.app)
        async with httpx.AsyncClient() as client:
            await client.get("https://counters/n")

    def objects() -> int:
        gc.collect()
        return sum(
            type(one).__name__ in ("AsgiApp", "HttpProtocol", "Loop", "Life") for one in gc.get_objects()
        )

    before = objects()
    for _ in range(3):
        assert not interlace.run(program).failed
    assert objects() <= before
