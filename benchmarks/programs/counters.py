"""A counter behind a service, and ten tasks that each read it and write it back: an update is lost if two overlap.

python counters.py SEEDS SCHEDULES

Prints, as JSON, in how many of so many seeds a search through so many schedules loses an update behind each fake. It is run
as a script, by a Python that has the packages that are compared.
"""

from __future__ import annotations

import asyncio
import json
import sys
import unittest.mock
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple

import interlace

TASKS = 10
APART = 0.01
"""Seconds between two tasks: in a run in which nothing is slow none overlaps another."""


class Counter(NamedTuple):
    """What the code under test is given.

    Args:
        read: returns the number.
        write: keeps another one.
    """

    read: Callable[[], Awaitable[int]]
    write: Callable[[int], Awaitable[object]]


Behind = Callable[[interlace.World], AbstractAsyncContextManager[Counter]]
"""Puts a counter behind a fake."""

ASIDE: dict[str, Behind] = {}
"""Fakes that stand in the place of a client, or are called by it directly."""

IN_THE_WORLD: dict[str, Behind] = {}
"""Fakes of interlace."""

URL = "http://counters/n"


def aside(name: str) -> Callable[[Any], Behind]:
    return lambda function: ASIDE.setdefault(name, asynccontextmanager(function))


def in_the_world(name: str) -> Callable[[Any], Behind]:
    return lambda function: IN_THE_WORLD.setdefault(name, asynccontextmanager(function))


class Repository:
    """What a mock or a fake stands for."""

    def __init__(self) -> None:
        self.n = 0

    async def read(self) -> int:
        return self.n

    async def write(self, n: int) -> None:
        self.n = n


def app(kept: Repository) -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def read(request: Request) -> JSONResponse:
        return JSONResponse({"n": kept.n})

    async def write(request: Request) -> JSONResponse:
        kept.n = (await request.json())["n"]
        return JSONResponse({})

    return Starlette(routes=[Route("/n", read), Route("/n", write, methods=["PUT"])])


@asynccontextmanager
async def by_httpx(**options: Any) -> AsyncIterator[Counter]:
    import httpx

    async with httpx.AsyncClient(**options) as client:

        async def read() -> int:
            return int((await client.get(URL)).json()["n"])

        async def write(n: int) -> None:
            (await client.put(URL, json={"n": n})).raise_for_status()

        yield Counter(read, write)


@asynccontextmanager
async def by_aiohttp() -> AsyncIterator[Counter]:
    import aiohttp

    async with aiohttp.ClientSession() as session:

        async def read() -> int:
            async with session.get(URL) as answer:
                return int((await answer.json())["n"])

        async def write(n: int) -> None:
            async with session.put(URL, json={"n": n}) as answer:
                answer.raise_for_status()

        yield Counter(read, write)


def by_redis(client: Any) -> Counter:
    async def read() -> int:
        return int(await client.get("n") or 0)

    return Counter(read, lambda n: client.set("n", n))


# -- without time ----------------------------------------------------------------------------------


@aside("AsyncMock(spec=...)")
async def _(world: interlace.World) -> AsyncIterator[Counter]:
    kept = Repository()
    mock = unittest.mock.AsyncMock(spec=Repository)
    mock.read.side_effect = lambda: kept.n
    mock.write.side_effect = lambda n: setattr(kept, "n", n)
    yield Counter(mock.read, mock.write)


@aside("respx, with httpx")
async def _(world: interlace.World) -> AsyncIterator[Counter]:
    import httpx
    import respx

    kept = Repository()

    def write(request: httpx.Request) -> httpx.Response:
        kept.n = json.loads(request.content)["n"]
        return httpx.Response(200)

    with respx.mock() as mock:
        mock.get(URL).mock(side_effect=lambda request: httpx.Response(200, json={"n": kept.n}))
        mock.put(URL).mock(side_effect=write)
        async with by_httpx() as counter:
            yield counter


@aside("aioresponses, with aiohttp")
async def _(world: interlace.World) -> AsyncIterator[Counter]:
    from aioresponses import CallbackResult, aioresponses

    kept = Repository()

    def write(url: object, json: Any = None, **_: object) -> CallbackResult:
        kept.n = json["n"]
        return CallbackResult()

    with aioresponses() as mock:
        mock.get(URL, callback=lambda url, **_: CallbackResult(payload={"n": kept.n}), repeat=True)
        mock.put(URL, callback=write, repeat=True)
        async with by_aiohttp() as counter:
            yield counter


@aside("fakeredis, called directly")
async def _(world: interlace.World) -> AsyncIterator[Counter]:
    import fakeredis

    async with fakeredis.FakeAsyncRedis() as client:
        yield by_redis(client)


@aside("httpx.ASGITransport")
async def _(world: interlace.World) -> AsyncIterator[Counter]:
    import httpx

    async with by_httpx(transport=httpx.ASGITransport(app(Repository()))) as counter:
        yield counter


# -- in virtual time -------------------------------------------------------------------------------


@in_the_world("world.fake")
async def _(world: interlace.World) -> AsyncIterator[Counter]:
    fake = world.fake(Repository, Repository())
    yield Counter(fake.read, fake.write)


def _serve(world: interlace.World) -> None:
    kept = Repository()
    api = world.http("http://counters", latency="1ms..50ms")
    api.get("/n").reply(lambda call: {"n": kept.n})
    api.put("/n").reply(lambda call: setattr(kept, "n", call.json["n"]) or 204)


@in_the_world("world.http, with httpx")
async def _(world: interlace.World) -> AsyncIterator[Counter]:
    _serve(world)
    async with by_httpx(timeout=60) as counter:
        yield counter


@in_the_world("world.http, with aiohttp")
async def _(world: interlace.World) -> AsyncIterator[Counter]:
    _serve(world)
    async with by_aiohttp() as counter:
        yield counter


@in_the_world("world.redis")
async def _(world: interlace.World) -> AsyncIterator[Counter]:
    from redis.asyncio import Redis

    world.redis("redis://cache:6379")
    async with Redis(host="cache") as client:
        yield by_redis(client)


@in_the_world("world.asgi, with httpx")
async def _(world: interlace.World) -> AsyncIterator[Counter]:
    world.asgi("http://counters", app(Repository()), latency="1ms..50ms")
    async with by_httpx(timeout=60) as counter:
        yield counter


# -- the same test behind each -----------------------------------------------------------------------


def program(behind: Behind, *, locked: bool = False) -> Callable[[interlace.World], Awaitable[None]]:
    """Returns the test: ten tasks, and a number that has to be ten."""

    async def test(world: interlace.World) -> None:
        async with behind(world) as counter:
            lock = asyncio.Lock()

            async def add() -> None:
                await counter.write(await counter.read() + 1)

            async def one(number: int) -> None:
                await asyncio.sleep(number * APART)
                if locked:
                    async with lock:
                        await add()
                else:
                    await add()

            async with asyncio.TaskGroup() as group:
                for number in range(TASKS):
                    group.create_task(one(number))
            assert await counter.read() == TASKS

    return test


def found(behind: Behind, seeds: int, schedules: int, *, locked: bool = False) -> int:
    """Returns on how many seeds a search finds that an update is lost; the plain run has to pass."""
    test = program(behind, locked=locked)
    plain = interlace.run(test)
    if plain.error is not None:
        raise plain.error
    count = 0
    for seed in range(seeds):
        verdict = interlace.explore(test, schedules=schedules, seed=seed).verdict
        count += verdict.status == "failed"
    return count


def main(seeds: int, schedules: int) -> None:
    lines: dict[str, tuple[int, int]] = {}
    for name, behind in (ASIDE | IN_THE_WORLD).items():
        print(name, file=sys.stderr, flush=True)
        lines[name] = found(behind, seeds, schedules), found(behind, 1, 5 * schedules, locked=True)
    print(json.dumps(lines))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
