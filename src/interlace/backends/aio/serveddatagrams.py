"""Fakes that are sent datagrams: protocols, and objects that say what is answered to each."""

from __future__ import annotations

import asyncio
import errno
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.backends.aio.conversing import check_call, moves_of
from interlace.backends.aio.datagrams import DatagramTransport
from interlace.backends.aio.datagramsocket import DatagramSocket
from interlace.errors import UsageError
from interlace.sim.network.service import After

if TYPE_CHECKING:
    from interlace.backends.aio.loop import Loop
    from interlace.sim.network.life import Served


def listen_for_datagrams(loop: Loop, service: Served) -> None:
    """Has a fake be sent datagrams; the code that calls this is on its host.

    Raises:
        UsageError: a handler that cannot work.
        OSError: the port is taken (EADDRINUSE).
    """
    handler, where = service.handler, service.where
    if inspect.iscoroutinefunction(handler):
        raise UsageError(
            f"{service.shown} cannot serve {where}: datagrams have no reader and no writer; give what makes an "
            "asyncio.DatagramProtocol or an object with receive(data)"
        )
    check_call(service, "for all datagrams", ())
    made = handler()
    if not isinstance(made, asyncio.DatagramProtocol):
        if not callable(getattr(made, "receive", None)):
            raise UsageError(
                f"{service.shown} has made {made!r} to serve {where}: that must be an "
                "asyncio.DatagramProtocol, or have a method receive(data); for connections there is "
                "world.tcp(...)"
            )
        made = Answering(loop, made, where)
    box = loop.world.network.post.open(six=False)
    try:
        box.bind(service.address, service.port)
    except OSError as error:
        box.close()
        if error.errno != errno.EADDRINUSE:
            raise
        raise UsageError(
            f"somebody is sent datagrams at {where} already; give each fake and socket of a host a port of its own"
        ) from None
    shown = DatagramSocket(box, loop._quiet_descriptor)
    extra = {"socket": shown, "sockname": box.address, "peername": None}
    DatagramTransport(loop, box, made, None, extra, waiter=loop.create_future())
    service.host.announce(service.port)


class Answering(asyncio.DatagramProtocol):
    """Has each datagram answered by what `receive` says.

    Args:
        loop: the loop.
        service: has a method `receive(data)`; returns bytes, None, or an iterable of bytes and `After`.
        where: what it is called in stories.
    """

    _transport: Any

    def __init__(self, loop: Loop, service: Any, where: str) -> None:
        self._loop = loop
        self._service = service
        self._where = where

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answers one datagram."""
        with self._reporting():
            self._go_on(moves_of(self._service.receive(data)), addr)

    def _go_on(self, moves: Any, addr: Any) -> None:
        with self._reporting():
            for move in moves:
                if isinstance(move, After):
                    name = self._loop.names.unique(f"{self._where} {move.what}")
                    resume = partial(self._go_on, moves, addr)
                    # a lane of its own: answers to different datagrams may overtake each other
                    self._loop.world.flight.post(name, name, resume, move.delays)
                    return
                if not isinstance(move, (bytes, bytearray, memoryview)):
                    kind = type(self._service).__qualname__
                    raise UsageError(
                        f"{kind}.receive has given {move!r}: give bytes, or interlace.after(...)"
                    )
                if not self._transport.is_closing():
                    self._transport.sendto(move, addr)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._loop.world.complaints.append(error)
