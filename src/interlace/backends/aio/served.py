"""Fakes that listen on a host: protocols, `(reader, writer)` functions, and conversations without a loop.

What a `(reader, writer)` function runs in is a task of the host, named after the connection.
"""

from __future__ import annotations

import asyncio
import errno
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.backends.aio.connections import security_of
from interlace.backends.aio.conversing import Conversing, check_call
from interlace.backends.aio.serveddatagrams import listen_for_datagrams
from interlace.backends.aio.servers import Server
from interlace.errors import UsageError
from interlace.sim.network.life import Stay, current_host

if TYPE_CHECKING:
    from interlace.backends.aio.loop import Loop
    from interlace.sim.network.host import Host, Listener
    from interlace.sim.network.life import Served
    from interlace.sim.network.link import Line


def listen(loop: Loop, service: Served) -> None:
    """Has a fake listen on its host.

    Raises:
        UsageError: a handler that cannot work, or somebody listens there already.
    """
    host = service.host
    if service.datagrams:
        with _on(host):
            listen_for_datagrams(loop, service)
        return
    factory = _factory(loop, service)
    try:
        listener = host.bind(service.address, service.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise UsageError(
            f"somebody listens at {service.where} already; have each fake and server of a host listen at "
            "a port of its own"
        ) from None
    if service.line is not None:
        listener.is_there = partial(_set_line, listener, service.line)
    server = Server(loop, [listener], factory, None, security_of(service.security, None, None))
    with _on(host):
        server.listen()


@contextmanager
def _on(host: Host) -> Iterator[None]:
    token = current_host.set(Stay(host, host.life))
    try:
        yield
    finally:
        current_host.reset(token)


def _set_line(listener: Listener, line: Line) -> bool:
    network = listener.host.network
    network.set_link(listener.host.name, network.here.name, line)
    return True


def _factory(loop: Loop, service: Served) -> Callable[[], asyncio.BaseProtocol]:
    """Returns what makes the protocol of each connection.

    Raises:
        UsageError: a handler that cannot work.
    """
    handler: Any = service.handler
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        check_call(service, "for each connection", ("reader", "writer"))
        return lambda: _Streams(loop, handler)
    check_call(service, "for each connection", ())

    def make() -> asyncio.BaseProtocol:
        try:
            made = handler()
            if isinstance(made, (asyncio.Protocol, asyncio.BufferedProtocol)):
                return made
            if callable(getattr(made, "receive", None)):
                return Conversing(loop, made)
            if inspect.iscoroutine(made):
                made.close()
            raise UsageError(
                f"{service.shown} has made {made!r} for a connection to {service.where}: that must be an "
                "asyncio.Protocol, or have a method receive(data); for datagrams there is world.udp(...)"
            )
        except Exception as error:
            loop.world.complaints.append(error)
            raise

    return make


class _Streams(asyncio.StreamReaderProtocol):
    """Runs a `(reader, writer)` function for a connection."""

    def __init__(self, loop: Loop, handler: Callable[..., Any]) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except Exception as error:
                gone = reader.at_eof() or reader.exception() is not None or writer.is_closing()
                writer.close()
                if not (gone and isinstance(error, (ConnectionError, asyncio.IncompleteReadError))):
                    loop.world.complaints.append(error)

        talk.__qualname__ = talk.__name__ = getattr(handler, "__qualname__", type(handler).__name__)
        super().__init__(asyncio.StreamReader(loop=loop), talk, loop=loop)
