"""What a request takes behind each kind of fake web API, and against a server on the loopback interface.

python asking.py ROUNDS REQUESTS

Prints, as JSON, seconds of CPU time and of wall time for each round, by the name of what is measured. It is run as a script, by a Python
that has the packages that are compared. All take turns in one process; the server is a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine
from time import perf_counter, process_time
from typing import Any

import interlace

URL = "http://api.example.com"
USER = {"id": 42, "name": "Alice", "tags": ["a", "b", "c"]}

Program = Callable[[str, int], Coroutine[Any, Any, None]]


async def by_aiohttp(url: str, count: int) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        for number in range(count):
            async with session.get(f"{url}/users/{number}") as answer:
                assert (await answer.json())["id"] == 42


async def by_httpx(url: str, count: int) -> None:
    import httpx

    async with httpx.AsyncClient() as client:
        for number in range(count):
            assert (await client.get(f"{url}/users/{number}")).json()["id"] == 42


def in_world(program: Program) -> Callable[[int], object]:
    async def main(world: interlace.World, count: int) -> None:
        world.http(URL, latency="1ms..50ms").get("/users/{id}").json(USER)
        await program(URL, count)

    def run(count: int) -> None:
        async def counted(world: interlace.World) -> None:
            await main(world, count)

        outcome = interlace.run(counted)
        if outcome.error is not None:
            raise outcome.error

    return run


def with_aioresponses(count: int) -> None:
    import re

    from aioresponses import aioresponses

    async def main() -> None:
        with aioresponses() as mocked:
            mocked.get(re.compile(rf"{URL}/users/\d+"), payload=USER, repeat=True)
            await by_aiohttp(URL, count)

    asyncio.run(main())


def with_respx(count: int) -> None:
    import httpx
    import respx

    async def main() -> None:
        async with respx.mock(base_url=URL) as mocked:
            mocked.get(path__regex=r"/users/\d+").mock(return_value=httpx.Response(200, json=USER))
            await by_httpx(URL, count)

    asyncio.run(main())


def serve() -> None:
    """Serves until it is killed, and prints the port."""
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(USER)

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/users/{id}", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())


def main(rounds: int, count: int) -> None:
    server = subprocess.Popen([sys.executable, __file__, "serve"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        measured: dict[str, Callable[[int], object]] = {
            "world.http, aiohttp": in_world(by_aiohttp),
            "world.http, httpx": in_world(by_httpx),
            "aioresponses, aiohttp": with_aioresponses,
            "respx, httpx": with_respx,
            "a loopback server, aiohttp": lambda count: asyncio.run(by_aiohttp(url, count)),
            "a loopback server, httpx": lambda count: asyncio.run(by_httpx(url, count)),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in measured}
        for run in measured.values():
            run(max(count // 10, 1))
        for _ in range(rounds):
            for name, run in measured.items():
                gc.collect()
                cpu, wall = process_time(), perf_counter()
                run(count)
                taken[name].append((process_time() - cpu, perf_counter() - wall))
    finally:
        server.kill()
        server.wait()
    print(json.dumps(taken))


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        main(*map(int, sys.argv[1:]))
