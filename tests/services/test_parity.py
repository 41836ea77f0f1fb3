"""A fake web API frames its answers, and keeps its connections, as a server of aiohttp does."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

import interlace
from interlace import reply

FRAMING = ("content-length", "transfer-encoding", "connection", "location", "content-type", "x-own")


def answers() -> dict[str, tuple[Any, Any]]:
    """What the fake answers, and what makes the same answer in aiohttp."""
    own = {"X-Own": "yes"}

    async def streamed(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain", **own})
        if request.version >= (1, 1):
            response.enable_chunked_encoding()
        await response.prepare(request)
        for chunk in (b"one", b"two") if request.method != "HEAD" else ():
            await response.write(chunk)
        await response.write_eof()
        return response

    plain = "text/plain; charset=utf-8"
    return {
        "text": (reply.text("hé", headers=own), lambda r: web.Response(text="hé", headers=own)),
        "bytes": (
            reply.content(b"\0\1", 201, headers=own),
            lambda r: web.Response(body=b"\0\1", status=201, headers=own),
        ),
        "empty text": (reply.text(""), lambda r: web.Response(text="")),
        "no content": (reply.status(204, headers=own), lambda r: web.Response(status=204, headers=own)),
        "not modified": (reply.status(304, headers=own), lambda r: web.Response(status=304, headers=own)),
        "error": (reply.text("no", 503), lambda r: web.Response(text="no", status=503, content_type=None)),
        "redirect": (
            reply.redirect("/there", 307, headers={"Content-Type": plain}),
            lambda r: web.Response(status=307, headers={"Location": "/there", "Content-Type": plain}),
        ),
        "own status": (reply.text("x", 299), lambda r: web.Response(text="x", status=299, reason="")),
        "stream": (reply.stream([b"one", b"two"], media_type="text/plain", headers=own), streamed),
    }


async def ask(host: str, sent: bytes) -> tuple[bytes, dict[str, str], bytes, bool]:
    """Returns the status line, the headers of the framing, the body, and whether the connection stays."""
    reader, writer = await asyncio.open_connection(host, 80)
    writer.write(sent)
    received, is_kept = b"", False
    try:
        async with asyncio.timeout(5):
            while part := await reader.read(10_000):
                received += part
    except TimeoutError:
        is_kept = True
    writer.close()
    head, _, body = received.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    pairs = [field.decode().split(": ", 1) for field in fields]
    return line, {name.lower(): value for name, value in pairs if name.lower() in FRAMING}, body, is_kept


@pytest.mark.parametrize("version", ["1.1", "1.0", "1.1 close"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("name", answers())
def test_the_same_as_aiohttp(name: str, method: str, version: str) -> None:
    fake, handler = answers()[name]

    async def program(world: interlace.World) -> None:
        world.http("http://fake").route("*", "/x").reply(fake)

        async def serve() -> None:
            async def answer(request: web.Request) -> Any:
                await request.read()
                made = handler(request)
                return await made if asyncio.iscoroutine(made) else made

            app = web.Application()
            app.router.add_route("*", "/x", answer)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "real", 80).start()
            await asyncio.Event().wait()

        real = world.host("real")
        real.start(serve)
        await real.listens(80)
        number, _, close = version.partition(" ")
        sent = f"{method} /x HTTP/{number}\r\nHost: a\r\n" + ("Connection: close\r\n" if close else "")
        sent += "Content-Length: 3\r\n\r\nabc" if method == "POST" else "\r\n"
        theirs, ours = await ask("real", sent.encode()), await ask("fake", sent.encode())
        # aiohttp repeats the version of the request; a server may always name its own (RFC 9110, section 2.5)
        assert theirs[0].partition(b" ")[2] == ours[0].partition(b" ")[2]
        assert theirs[2:] == ours[2:]
        if number == "1.0":  # closed as well, and said so, since the answer is of 1.1
            assert ours[1].pop("connection") == "close"
        if method != "HEAD":  # of those aiohttp leaves some out that it sends with GET
            assert theirs[1] == ours[1]

    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
