"""What goes wrong in the place of an answer, as real clients see it."""

from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import pytest

import interlace
from interlace import fault

SEEN: dict[str, tuple[Any, type[Exception], type[Exception]]] = {
    "reset": (fault.reset(), aiohttp.ClientOSError, httpx.ReadError),
    "empty": (fault.empty(), aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    "malformed": (fault.malformed(), aiohttp.ClientResponseError, httpx.RemoteProtocolError),
    "hang": (fault.hang(), aiohttp.SocketTimeoutError, httpx.ReadTimeout),
}


@pytest.mark.parametrize("module", ["httpx", "httpx2"])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", SEEN)
def test_what_clients_see(name: str, scheme: str, module: str) -> None:
    library: Any = pytest.importorskip(module)
    what, seen_by_aiohttp, seen_by_httpx = SEEN[name]

    async def program(world: interlace.World) -> None:
        url = f"{scheme}://api/pay"
        route = world.http(f"{scheme}://api").post("/pay").sequence(what, what, {"ok": 1}, latency="1s")
        limit = aiohttp.ClientTimeout(sock_read=4)
        async with aiohttp.ClientSession(timeout=limit) as session, library.AsyncClient() as client:
            with pytest.raises(seen_by_aiohttp) as caught:
                await session.post(url)
            assert type(caught.value) is seen_by_aiohttp
            with pytest.raises(library.TransportError) as other:
                await client.post(url)
            assert type(other.value) is getattr(library, seen_by_httpx.__name__)
            async with session.post(url) as answer:
                assert await answer.json() == {"ok": 1}
            assert (await client.post(url)).json() == {"ok": 1}
        assert len(route.calls) == 4
        assert route.calls[1].time == (4 if name == "hang" else 1)

    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background


def test_a_client_without_a_limit_hangs_and_that_is_told() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").get("/").reply(fault.hang())
        async with httpx.AsyncClient(timeout=None) as client:
            await client.get("http://api/")

    assert isinstance(interlace.run(program).error, interlace.Deadlock)


def test_under_many_schedules(client: Callable[[], Any]) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api", latency="1ms..1s")
        route = api.get("/").sequence(503, fault.reset(), fault.empty(), {"ok": 1})
        async with client() as ask:
            while True:
                try:
                    answer = await ask("GET", "http://api/")
                except (OSError, aiohttp.ClientError):
                    continue
                if answer.status == 200:
                    break
        # aiohttp asks a second time by itself where a connection that it has kept breaks
        assert len(route.calls) >= 4

    assert interlace.explore(program, schedules=60).verdict.status == "passed"
