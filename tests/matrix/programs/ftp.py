"""aioftp: its own client and server; a data connection for each transfer; plain and over TLS from the first byte."""

import asyncio
import pathlib

import aioftp
from place import Place, everywhere


@everywhere(tls=True)
async def client_and_server(place: Place) -> None:
    server = aioftp.Server(path_io_factory=aioftp.MemoryPathIO, ssl=place.tls)
    with place.here():
        await server.start(place.host, place.port)

    async def visit(name: str, body: bytes) -> None:
        async with aioftp.Client.context(place.name, server.server_port, ssl=place.client_tls) as client:
            async with client.upload_stream(name) as stream:
                await stream.write(body)
            async with client.download_stream(name) as stream:
                assert await stream.read() == body
            assert await client.exists(name)

    await asyncio.gather(visit("one.txt", b"tea" * 10_000), visit("two.txt", b"milk"))
    async with aioftp.Client.context(place.name, server.server_port, ssl=place.client_tls) as client:
        names = sorted(str(path) for path, _ in await client.list())
        assert names == ["one.txt", "two.txt"]
        await client.remove(pathlib.PurePosixPath("one.txt"))
        assert not await client.exists("one.txt")
    await server.close()
