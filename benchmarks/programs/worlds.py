"""Programs with connections, for which a world is made and dropped again: nothing of it may stay behind."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import interlace

Program = Callable[[interlace.World], Coroutine[Any, Any, Any]]

_CLIENT = ssl.create_default_context()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()


async def _ask(host: str, port: int, **options: Any) -> asyncio.StreamWriter:
    reader, writer = await asyncio.open_connection(host, port, **options)
    writer.write(b"hello\n")
    assert await reader.readline() == b"hello\n"
    return writer


async def closed(world: interlace.World) -> None:
    """All is closed in order."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 0)
    for writer in [await _ask("127.0.0.1", server.sockets[0].getsockname()[1]) for _ in range(3)]:
        writer.close()
        await writer.wait_closed()
    server.close()
    await server.wait_closed()


async def left_open(world: interlace.World) -> None:
    """Nothing is closed, bytes are on their way, and somebody reads still."""
    with world.host("server").here():
        await asyncio.start_server(_echo, None, 80)
    writer = await _ask("server", 80)
    reader, other = await asyncio.open_connection("server", 80)
    other.write(bytes(1_000_000))
    asyncio.get_running_loop().create_task(reader.read())
    writer.transport.get_extra_info("socket").fileno()
    await asyncio.sleep(0.01)


async def aborted(world: interlace.World) -> None:
    """Both sides abort, and one finds nobody."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 80)
    (await _ask("127.0.0.1", 80)).transport.abort()
    server.close()
    try:
        await asyncio.open_connection("127.0.0.1", 80)
    except ConnectionRefusedError:
        pass


async def secured(world: interlace.World) -> None:
    """The same over TLS, one connection left open."""
    host = world.host("server")
    with host.here():
        await asyncio.start_server(_echo, None, 443, ssl=host.tls())
    writer = await _ask("server", 443, ssl=_CLIENT)
    await _ask("server", 443, ssl=_CLIENT)
    writer.close()


async def threaded(world: interlace.World) -> None:
    """Connections of which threads take part."""
    server = await asyncio.start_server(_echo, "127.0.0.1", 80)
    writer = await _ask("127.0.0.1", 80)
    await asyncio.to_thread(len, "in a thread")
    writer.close()
    server.close()


async def failed(world: interlace.World) -> None:
    """A test that fails with a connection open."""
    await asyncio.start_server(_echo, "127.0.0.1", 80)
    await _ask("127.0.0.1", 80)
    raise AssertionError("on purpose")


PROGRAMS: dict[str, Program] = {
    program.__name__: program for program in (closed, left_open, aborted, secured, threaded, failed)
}


def run_once(program: Program, number: int) -> None:
    """Makes a world, runs a program in it, every other time under a random schedule, and drops it."""
    outcome = interlace.run(program, seed=number if number % 2 else None)
    assert (outcome.error is not None) == (program is failed), outcome.error
