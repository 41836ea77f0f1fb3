"""websockets: its own client and server, with compression, pings and a close."""

import asyncio

import pytest
import websockets
from place import Place, everywhere
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve


@everywhere(tls=True)
async def client_and_server(place: Place) -> None:
    async def shout(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message.upper())

    with place.here():
        server = await serve(shout, place.host, place.port, ssl=place.tls)
    port = next(iter(server.sockets)).getsockname()[1]

    async def talk(words: list[str]) -> None:
        async with connect(place.url("ws", port), proxy=None) as connection:
            for word in words:
                await connection.send(word)
                assert await connection.recv() == word.upper()
            await (await connection.ping())

    await asyncio.gather(talk(["one", "two"]), talk(["x" * 100_000]))
    async with connect(place.url("ws", port), proxy=None) as connection:
        server.close(code=1001)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await connection.recv()
        assert closed.value.rcvd.code == 1001
    await server.wait_closed()
