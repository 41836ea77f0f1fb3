"""anyio's own sockets: a TCP listener and clients, with and without TLS; UDP; a Unix socket."""

from __future__ import annotations

import tempfile

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener
from place import Place, alone, everywhere

BODY = b"tea and milk " * 5000


@everywhere(tls=True)
async def streams(place: Place) -> None:
    async def shout(stream: anyio.abc.ByteStream) -> None:
        async with stream:
            async for piece in stream:
                await stream.send(piece.upper())

    async def talk(body: bytes) -> None:
        stream: anyio.abc.ByteStream
        if place.tls:
            stream = await anyio.connect_tcp(place.name, port, tls=True)
        else:
            stream = await anyio.connect_tcp(place.name, port)
        async with stream, anyio.create_task_group() as writing:
            writing.start_soon(stream.send, body)
            assert await BufferedByteReceiveStream(stream).receive_exactly(len(body)) == body.upper()

    with place.here():
        listener: anyio.abc.Listener[anyio.abc.ByteStream] = await anyio.create_tcp_listener(
            local_host=place.host, local_port=place.port
        )
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        if place.tls:
            listener = TLSListener(listener, place.tls)
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, shout)
            with place.world.host("local").here():
                async with anyio.create_task_group() as talking:
                    talking.start_soon(talk, BODY)
                    talking.start_soon(talk, b"short")
            group.cancel_scope.cancel()
    await listener.aclose()


@everywhere(tls=False)
async def datagrams(place: Place) -> None:
    async def shout(server: anyio.abc.UDPSocket) -> None:
        async for body, sender in server:
            await server.sendto(body.upper(), *sender)

    with place.here():
        server = await anyio.create_udp_socket(local_host=place.host, local_port=place.port)
    port = server.extra(anyio.abc.SocketAttribute.local_port)
    async with server, anyio.create_task_group() as group:
        group.start_soon(shout, server)
        async with await anyio.create_connected_udp_socket(place.name, port) as one:
            for word in (b"tea", b"milk"):
                await one.send(word)
                assert await one.receive() == word.upper()
        group.cancel_scope.cancel()


@alone
async def unix_streams() -> None:
    async def shout(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            async for piece in stream:
                await stream.send(piece.upper())

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/server"
        listener = await anyio.create_unix_listener(path)

        async def talk(body: bytes) -> None:
            async with await anyio.connect_unix(path) as stream:
                async with anyio.create_task_group() as writing:
                    writing.start_soon(stream.send, body)
                    assert await BufferedByteReceiveStream(stream).receive_exactly(len(body)) == body.upper()

        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, shout)
            async with anyio.create_task_group() as talking:
                talking.start_soon(talk, BODY)
                talking.start_soon(talk, b"short")
            group.cancel_scope.cancel()
