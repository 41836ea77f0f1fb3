"""Real clients and servers, unmodified, plainly and under random schedules."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from interlace.sim.world import World

pytestmark = pytest.mark.filterwarnings(
    # a schedule may end the test before the other side has seen the end of the connection
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

MEGABYTE = 1 << 20

PROGRAMS: dict[str, Callable[[World], Any]] = {}


def program(function: Callable[[World], Any]) -> Callable[[World], Any]:
    PROGRAMS[function.__name__] = function
    return function


def make_app() -> Any:
    from aiohttp import web

    async def greet(request: web.Request) -> web.Response:
        return web.json_response({"name": request.match_info["name"], "peer": request.remote})

    async def upload(request: web.Request) -> web.Response:
        total = 0
        async for chunk in request.content.iter_chunked(10_000):
            total += len(chunk)
        return web.Response(text=str(total))

    async def download(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(16):
            await response.write(bytes(MEGABYTE // 16))
        await response.write_eof()
        return response

    async def websocket(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    app = web.Application()
    app.router.add_get("/greet/{name}", greet)
    app.router.add_post("/upload", upload)
    app.router.add_get("/download", download)
    app.router.add_get("/websocket", websocket)
    return app


@program
async def aiohttp_on_port_0(world: World) -> None:
    import aiohttp
    from aiohttp import web

    runner = web.AppRunner(make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession(f"http://localhost:{port}") as session:
        for number in range(3):
            async with session.get(f"/greet/{number}") as response:
                assert await response.json() == {"name": str(number), "peer": "127.0.0.1"}

        async def pieces() -> Any:
            for _ in range(16):
                yield bytes(MEGABYTE // 16)

        async with session.post("/upload", data=pieces()) as response:
            assert await response.text() == str(MEGABYTE)
        async with session.post("/upload", data=bytes(MEGABYTE)) as response:
            assert await response.text() == str(MEGABYTE)
        async with session.get("/download") as response:
            assert len(await response.read()) == MEGABYTE
        async with session.ws_connect("/websocket") as socket:
            for word in ("one", "two"):
                await socket.send_str(word)
                assert (await socket.receive()).data == word.upper()
    await runner.cleanup()


@program
async def aiohttp_at_a_host_name(world: World) -> None:
    import aiohttp
    from aiohttp import web

    runner = web.AppRunner(make_app())
    with world.network.host("billing").here():
        await runner.setup()
        await web.TCPSite(runner, None, 80).start()
    async with aiohttp.ClientSession() as session:
        answers = await asyncio.gather(*(greet(session, f"http://billing/greet/{name}") for name in "abc"))
        assert [answer["name"] for answer in answers] == ["a", "b", "c"]
        assert {answer["peer"] for answer in answers} == {"10.0.0.1"}
    await runner.cleanup()


async def greet(session: Any, url: str) -> Any:
    async with session.get(url) as response:
        return await response.json()


@program
async def aiohttp_keeps_connections_alive(world: World) -> None:
    import aiohttp
    from aiohttp import web

    runner = web.AppRunner(make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 8080).start()
    made = 0

    async def count(*args: object) -> None:
        nonlocal made
        made += 1

    tracing = aiohttp.TraceConfig()
    tracing.on_connection_create_end.append(count)
    async with aiohttp.ClientSession("http://127.0.0.1:8080", trace_configs=[tracing]) as session:
        for _ in range(5):
            await greet(session, "/greet/x")
            await asyncio.sleep(0.5)
    assert made == 1
    await runner.cleanup()


@program
async def aiohttp_test_utils(world: World) -> None:
    from aiohttp.test_utils import TestClient, TestServer

    async with TestClient(TestServer(make_app())) as client:
        response = await client.get("/greet/me")
        assert (await response.json())["name"] == "me"


class Cache:
    """As much of a Redis server as the client below needs."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                words = []
                for _ in range(int(line[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                writer.write(self.answer(words))
                await writer.drain()
        finally:
            writer.close()

    def answer(self, words: list[bytes]) -> bytes:
        match [words[0].upper(), *words[1:]]:
            case [b"SET", key, value]:
                self.values[key] = value
            case [b"GET", key]:
                value = self.values.get(key)
                return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
            case [b"INCRBY", key, number]:
                self.values[key] = b"%d" % (int(self.values.get(key, b"0")) + int(number))
                return b":%s\r\n" % self.values[key]
        return b"+OK\r\n"


@program
async def redis_client(world: World) -> None:
    from redis import asyncio as redis

    with world.network.host("cache").here():
        server = await asyncio.start_server(Cache().talk, None, 6379)
    client = redis.Redis(host="cache", protocol=2)
    await client.set("a", "1")
    assert await client.get("a") == b"1"
    await asyncio.gather(*(client.incr("n") for _ in range(5)))
    assert await client.get("n") == b"5"
    async with client.pipeline(transaction=False) as pipeline:
        assert await pipeline.set("x", 1).get("x").execute() == [True, b"1"]
    await client.aclose()
    server.close()


@program
async def httpx_and_uvicorn(world: World) -> None:
    import httpx
    import uvicorn

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": scope["path"].encode()})

    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=8000, log_config=None, lifespan="off", loop="asyncio")
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url="http://127.0.0.1:8000", trust_env=False) as client:
        for number in range(3):
            assert (await client.get(f"/{number}")).text == f"/{number}"
            await asyncio.sleep(1)
    server.should_exit = True
    await serving


@program
async def asyncio_streams(world: World) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(shout, "localhost", 7)

    async def talk(number: int) -> None:
        reader, writer = await asyncio.open_connection("localhost", 7)
        for line in range(3):
            writer.write(f"line {line} of {number}\n".encode())
            assert await reader.readline() == f"LINE {line} OF {number}\n".encode()
        writer.close()
        await writer.wait_closed()

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(talk(number))
    server.close()


LIBRARIES = {"aiohttp": "aiohttp", "redis": "redis", "httpx": "uvicorn", "asyncio": "asyncio"}


@pytest.mark.parametrize("name", PROGRAMS)
class TestClients:
    @pytest.fixture(autouse=True)
    def _needs(self, name: str) -> None:
        pytest.importorskip(LIBRARIES[name.partition("_")[0]])

    def test_plainly(self, name: str, plainly: Any) -> None:
        plainly(PROGRAMS[name])

    def test_under_random_schedules(self, name: str, drawn: Any) -> None:
        drawn(PROGRAMS[name])

    def test_again_and_again(
        self, name: str, drawn: Any, replayed: Any, request: pytest.FixtureRequest
    ) -> None:
        """The answers alone decide what happens."""
        for world in drawn(PROGRAMS[name], schedules=3):
            again = replayed(PROGRAMS[name], world)
            assert again.answers == world.answers
            assert again.trace.hash == world.trace.hash


def test_an_idle_connection_that_the_server_closed_is_not_used_again(plainly: Any) -> None:
    """The pool of httpx polls the descriptor of a connection before it uses it again."""
    httpx = pytest.importorskip("httpx")

    async def main(world: World) -> None:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await asyncio.sleep(1)
            writer.close()

        await asyncio.start_server(once, "127.0.0.1", 80)
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(3):
                assert (await client.get("http://127.0.0.1/")).text == "ok"
                await asyncio.sleep(2)

    plainly(main)
