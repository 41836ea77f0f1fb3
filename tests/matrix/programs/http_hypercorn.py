"""httpx with hypercorn: HTTP/1.1, and HTTP/2 over TLS; a plain ASGI application."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import httpx
from hypercorn.asyncio import serve
from hypercorn.config import Config, Sockets
from place import Place, everywhere


class Kept(Config):
    """A configuration with the certificate of the host, that tells which sockets it has made."""

    def __init__(self, place: Place) -> None:
        self.tls = place.tls
        self.bind = [f"{place.host}:{place.port}"]
        self.accesslog = self.errorlog = None
        self.made: Sockets | None = None

    @property
    def ssl_enabled(self) -> bool:
        return self.tls is not None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        if self.tls is not None:
            self.tls.set_alpn_protocols(self.alpn_protocols)
        return self.tls

    def create_sockets(self) -> Sockets:
        self.made = super().create_sockets()
        return self.made

    @property
    def port(self) -> int:
        assert self.made is not None
        (made,) = self.made.secure_sockets or self.made.insecure_sockets
        return int(made.getsockname()[1])


class Shop:
    """An ASGI application: counts what is posted, and answers everybody else in pieces."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                message = await receive()
                self.seen.append(message["type"])
                await send({"type": f"{message['type']}.complete"})
        elif scope["method"] == "POST":
            size, more = 0, True
            while more:
                message = await receive()
                size += len(message.get("body", b""))
                more = message.get("more_body", False)
            await self.answer(send, f"{size} by HTTP/{scope['http_version']}".encode())
        else:
            await self.answer(send, b"0 ", b"1 ", b"2 ")

    async def answer(self, send: Any, *pieces: bytes) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in pieces:
            await asyncio.sleep(0.01)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@everywhere(tls=True)
async def client_and_server(place: Place) -> None:
    config, app, stop = Kept(place), Shop(), asyncio.Event()
    with place.here():
        serving = asyncio.create_task(serve(app, config, shutdown_trigger=stop.wait))
    while config.made is None:
        await asyncio.sleep(0.01)
    for http2, version in ((False, "1.1"), (True, "2" if place.tls else "1.1")):
        async with httpx.AsyncClient(
            base_url=place.url("http", config.port), trust_env=False, http2=http2
        ) as client:
            reply = await client.post("/", content=bytes(100_000))
            assert reply.text == f"100000 by HTTP/{version}"
            replies = await asyncio.gather(*(client.get("/") for _ in range(3)))
            assert [reply.text for reply in replies] == ["0 1 2 "] * 3
    stop.set()
    await serving
    assert app.seen == ["lifespan.startup", "lifespan.shutdown"]
