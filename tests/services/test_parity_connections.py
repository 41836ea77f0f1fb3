"""What a fake web API makes of many requests on one connection, and of files, is what a server of aiohttp makes of it."""

import asyncio
import io
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from aiohttp import web

import interlace


class Stream(io.BytesIO):
    """Bytes from which one response after the other is read."""

    def close(self) -> None:
        pass

    def makefile(self, mode: str) -> "Stream":
        return self


GET, HEAD = b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", b"HEAD /%s HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n%s"
LAST = b"GET /%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CHUNKED = (
    b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n"
)
EXPECT = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"

SAID: dict[str, list[bytes]] = {
    "three at once": [GET % b"slow" + GET % b"a" + GET % b"b"],
    "three in turn": [GET % b"a", GET % b"slow", GET % b"b"],
    "bodies between": [GET % b"a" + POST % b"abc" + GET % b"b" + POST % b"def"],
    "a body in pieces": [(POST % b"abc")[:-2], b"b", b"c" + GET % b"a"],
    "byte by byte": [bytes([byte]) for byte in POST % b"abc" + GET % b"a"],
    "the rest of a request comes later": [
        (GET % b"a")[:9],
        (GET % b"a")[9:] + (GET % b"b")[:3],
        (GET % b"b")[3:],
    ],
    "closed after the last": [GET % b"a" + LAST % b"b"],
    "chunked": [CHUNKED + GET % b"a", CHUNKED],
    "asks before it sends": [EXPECT, b"abc", GET % b"a"],
    "head among others": [HEAD % b"a" + GET % b"a" + HEAD % b"slow" + GET % b"b"],
    "without a body": [GET % b"204" + GET % b"304" + GET % b"a"],
    "an error stays": [GET % b"503" + GET % b"a"],
    "1.0": [b"GET /a HTTP/1.0\r\n\r\n"],
    "1.0 that is kept": [b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"],
    "a redirect": [GET % b"307" + GET % b"a"],
    "chunks": [GET % b"stream" + GET % b"a"],
    "a query": [GET % b"query?a=1&b=%20x" + GET % b"a"],
    "the whole URL": [b"GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n"],
    "empty lines before": [b"\r\n" + GET % b"a", b"\r\n", GET % b"b"],
}

FAKED_OTHERWISE = {
    # A fake closes what a client of HTTP/1.0 has asked, as RFC 9112 allows; h11 knows no keep-alive of 1.0.
    "1.0 that is kept",
}


def fake(world: interlace.World) -> None:
    api = world.http("http://fake")
    api.get("/a").text("a").optional()
    api.get("/b").text("bb").optional()
    api.get("/slow").text("slow", latency="2s").optional()
    api.head("/a").text("a").optional()
    api.head("/slow").text("slow", latency="2s").optional()
    api.post("/echo").reply(lambda call: call.text).optional()
    api.get("/204").status(204).optional()
    api.get("/304").status(304).optional()
    api.get("/503").text("no", 503).optional()
    api.get("/307").redirect("/a", 307, headers={"Content-Type": "text/plain"}).optional()
    api.get("/stream").stream([b"one", b"two"], media_type="text/plain").optional()
    api.get("/query").reply(lambda call: call.query["a"] + call.query["b"]).optional()


async def real(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.path.strip("/")
        if name == "slow":
            await asyncio.sleep(2)
        if name == "echo":
            return web.Response(text=await request.text())
        if name in ("204", "304", "503"):
            return web.Response(status=int(name), text="no" if name == "503" else None)
        if name == "307":
            return web.Response(status=307, headers={"Location": "/a", "Content-Type": "text/plain"})
        if name == "query":
            return web.Response(text=request.query["a"] + request.query["b"])
        if name == "file":
            return web.FileResponse(tmp_path / "tea.txt")
        if name == "stream":
            response = web.StreamResponse(headers={"Content-Type": "text/plain"})
            await response.prepare(request)
            await response.write(b"one")
            await response.write(b"two")
            await response.write_eof()
            return response
        return web.Response(text={"a": "a", "b": "bb", "slow": "slow"}[name])

    app = web.Application()
    app.router.add_route("*", "/{name}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "real", 80).start()
    await asyncio.Event().wait()


async def hear(host: str, said: list[bytes]) -> tuple[list[Any], bool]:
    """Returns status, framing and body of each response, and whether the connection is kept."""
    reader, writer = await asyncio.open_connection(host, 80)
    received, is_kept = bytearray(), False

    async def read() -> None:
        nonlocal is_kept
        try:
            async with asyncio.timeout(30):
                while part := await reader.read(10_000):
                    received.extend(part)
        except TimeoutError:
            is_kept = True

    reading = asyncio.create_task(read())
    for piece in said:
        writer.write(piece)
        await asyncio.sleep(0.5)
    await reading
    writer.close()
    requests = [line for line in b"".join(said).split(b"\r\n") if b" HTTP/1" in line]
    stream, responses = Stream(bytes(received)), []
    for request in requests:
        if stream.tell() == len(received):
            break
        if received[stream.tell() :].startswith(b"HTTP/1.1 100 Continue\r\n\r\n"):
            stream.seek(25, io.SEEK_CUR)
            responses.append(100)
        response = HTTPResponse(stream, method=request.partition(b" ")[0].decode())  # type: ignore[arg-type]
        response.begin()
        fields = {name.lower(): value for name, value in response.getheaders()}
        framing = {
            name: fields.get(name) for name in ("content-type", "location", "transfer-encoding", "connection")
        }
        if request.startswith(b"GET"):  # with HEAD aiohttp leaves it out
            framing["content-length"] = fields.get("content-length")
        responses.append((response.status, framing, response.read()))
    assert stream.tell() == len(received)
    return responses, is_kept


@pytest.mark.parametrize("name", SAID)
def test_the_same_as_aiohttp(name: str, tmp_path: Path) -> None:
    async def program(world: interlace.World) -> None:
        fake(world)
        host = world.host("real")
        host.start(real, tmp_path)
        await host.listens(80)
        theirs, ours = await hear("real", SAID[name]), await hear("fake", SAID[name])
        assert theirs[0], "there is something to compare"
        if name in FAKED_OTHERWISE:
            assert theirs != ours
            assert ours[0][0][1]["connection"] == "close"
            return
        if "1.0" in name:  # said by the fake, since its answer is of 1.1
            assert ours[0][0][1].pop("connection") == "close"
            theirs[0][0][1].pop("connection")
        assert theirs == ours

    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error


ASKED: dict[str, dict[str, str]] = {
    "all": {},
    "the beginning": {"Range": "bytes=0-9"},
    "the middle": {"Range": "bytes=10-19"},
    "the end": {"Range": "bytes=-7"},
    "from there": {"Range": "bytes=90-"},
    "more than there is": {"Range": "bytes=90-1000"},
    "beyond": {"Range": "bytes=1000-"},
    "with another tag": {"If-None-Match": '"other"'},
    "with any tag": {"If-None-Match": "*"},
}


@pytest.mark.parametrize("name", ASKED)
def test_files_as_aiohttp_sends_them(name: str, tmp_path: Path) -> None:
    (tmp_path / "tea.txt").write_bytes(bytes(range(48, 58)) * 10)

    async def program(world: interlace.World) -> None:
        route = world.http("http://fake").get("/file").file(tmp_path / "tea.txt")
        assert route
        host = world.host("real")
        host.start(real, tmp_path)
        await host.listens(80)
        answers = []
        async with httpx.AsyncClient() as client:
            for server in ("real", "fake"):
                answer = await client.get(f"http://{server}/file", headers=ASKED[name])
                fields = ["content-range", "accept-ranges"]
                if answer.content:
                    fields += ["content-type", "content-length"]
                answers.append(
                    (
                        answer.status_code,
                        answer.content,
                        {field: answer.headers.get(field) for field in fields},
                    )
                )
                if answer.status_code == 200:
                    again = await client.get(
                        f"http://{server}/file", headers={"If-None-Match": answer.headers["etag"]}
                    )
                    answers[-1] += (again.status_code, again.content)
        assert answers[0] == answers[1]

    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error


@pytest.mark.parametrize("server", ["real", "fake"])
def test_connections_are_used_again(server: str, tmp_path: Path) -> None:
    """So often do clients connect for ten requests, five at a time: the same for both."""

    async def program(world: interlace.World) -> None:
        fake(world)
        host = world.host("real")
        host.start(real, tmp_path)
        await host.listens(80)
        made: list[Any] = []

        async def note(*args: Any) -> None:
            made.append(args)

        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(note)
        async with aiohttp.ClientSession(trace_configs=[trace]) as session:

            async def one() -> None:
                async with session.get(f"http://{server}/slow") as answer:
                    assert await answer.text() == "slow"

            for _ in range(2):
                await asyncio.gather(*(one() for _ in range(5)))
        assert len(made) == 5

    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
