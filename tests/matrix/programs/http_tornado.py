"""tornado on asyncio: its own HTTP client and server, a websocket, and raw streams."""

from __future__ import annotations

import asyncio
from typing import Any

from place import Place, everywhere
from tornado import httpserver, iostream, netutil, tcpclient, tcpserver, web, websocket
from tornado.httpclient import AsyncHTTPClient, HTTPRequest


class Greet(web.RequestHandler):
    async def post(self, who: str) -> None:
        await asyncio.sleep(0.01)
        self.write({"hello": who, "got": len(self.request.body)})


class Shout(websocket.WebSocketHandler):
    async def on_message(self, message: str | bytes) -> None:
        assert isinstance(message, str)
        await self.write_message(message.upper())


@everywhere(tls=True)
async def client_and_server(place: Place) -> None:
    with place.here():
        server = httpserver.HTTPServer(
            web.Application([(r"/greet/(\w+)", Greet), ("/shout", Shout)]), ssl_options=place.tls
        )
        sockets = netutil.bind_sockets(place.port, place.host)
        server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    client = AsyncHTTPClient(force_instance=True)

    async def visit(who: str) -> None:
        request = HTTPRequest(
            f"{place.url('http', port)}/greet/{who}", method="POST", body=bytes(100_000), **_secured(place)
        )
        reply = await client.fetch(request)
        assert reply.body == b'{"hello": "%s", "got": 100000}' % who.encode()

    await asyncio.gather(visit("ann"), visit("bob"))
    request = HTTPRequest(f"{place.url('ws', port)}/shout", **_secured(place))
    connection = await websocket.websocket_connect(request)
    await connection.write_message("tea")
    assert await connection.read_message() == "TEA"
    connection.close()
    assert await connection.read_message() is None
    client.close()
    server.stop()
    await server.close_all_connections()


@everywhere(tls=True)
async def streams(place: Place) -> None:
    class Echo(tcpserver.TCPServer):
        async def handle_stream(self, stream: iostream.IOStream, address: Any) -> None:
            try:
                while True:
                    await stream.write((await stream.read_until(b"\n")).upper())
            except iostream.StreamClosedError:
                pass

    with place.here():
        server = Echo(ssl_options=place.tls)
        sockets = netutil.bind_sockets(place.port, place.host)
        server.add_sockets(sockets)
    client = tcpclient.TCPClient()
    stream = await client.connect(place.name, sockets[0].getsockname()[1], ssl_options=place.client_tls)
    for word in (b"tea\n", b"milk" * 20_000 + b"\n"):
        await stream.write(word)
        assert await stream.read_until(b"\n") == word.upper()
    stream.close()
    client.close()
    server.stop()


def _secured(place: Place) -> dict[str, Any]:
    return {"ssl_options": place.client_tls} if place.tls else {}
