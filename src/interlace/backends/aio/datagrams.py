"""Datagram endpoints of the loop, and their transport: asyncio's side of `sim.network.datagram.Mailbox`.

The order in which things happen, the errors and their wording follow the stock loop (CPython, Lib/asyncio/
base_events.py and selector_events.py; parity is held by tests/network/test_parity_datagrams.py).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from interlace.backends.aio.datagramsocket import DatagramSocket
from interlace.backends.aio.flow import FlowControl, Steps
from interlace.backends.aio.ownsocket import OwnSocket
from interlace.backends.aio.refused import refuse
from interlace.backends.aio.sockets import Sockets
from interlace.backends.aio.transports import settle
from interlace.sim.network import dns
from interlace.sim.network.host import family_of
from interlace.sim.network.udp import UdpSocket

if TYPE_CHECKING:
    from interlace.sim.network.datagram import Mailbox

P = TypeVar("P", bound=asyncio.BaseProtocol)
Address = tuple[Any, ...]

_logger = logging.getLogger("asyncio")

_SILENT_WRITES = 5
_HEADER = 8 if sys.version_info >= (3, 13) else 0
"""What the stock transport counts for each datagram that it buffers, besides its bytes."""


class DatagramTransport(FlowControl, asyncio.DatagramTransport):
    """A simulated datagram endpoint.

    Args:
        loop: the loop it belongs to.
        box: its socket.
        protocol: whose callbacks are called.
        address: where it sends to, and nowhere else; None: anywhere.
        extra: what `get_extra_info` answers.
        waiter: given a result once the protocol has been told of the transport.
        handle: a socket object of the program that stands for the same; closed together with it.
    """

    def __init__(
        self,
        loop: Steps,
        box: Mailbox,
        protocol: asyncio.DatagramProtocol,
        address: Address | None,
        extra: dict[str, Any],
        *,
        waiter: asyncio.Future[None],
        handle: Any = None,
    ) -> None:
        super().__init__(loop, extra)
        self._box = box
        self._handle = handle
        self._protocol = protocol
        self._address = address
        self._buffer: deque[tuple[bytes, Any]] = deque()
        box.fallen = self._fall
        loop._call_as(box.actor, protocol.connection_made, self)
        # reading starts only when connection_made() has been called
        loop._call_as(box.actor, self._start_reading)
        loop._call_as(box.actor, settle, waiter)

    def __repr__(self) -> str:
        state = "closed" if self._loop is None else "closing" if self._closing else "open"
        return f"<{type(self).__name__} {self._box.actor} {state} bufsize={self._buffered}>"

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Sets whose callbacks are called from now on."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Returns whose callbacks are called; None once the endpoint is gone."""
        return self._protocol  # type: ignore[no-any-return]

    def is_closing(self) -> bool:
        """Tells whether the transport is closing or closed."""
        return self._closing

    # -- reading ---------------------------------------------------------------------------------

    def _start_reading(self) -> None:
        if not self._closing:
            self._box.watch_read(partial(copy_context().run, self._read))

    def _read(self) -> None:
        if self._losses:
            return
        try:
            got = self._box.receive()
        except OSError as error:
            self._protocol.error_received(error)
            return
        if got is not None:
            self._protocol.datagram_received(*got)

    # -- writing ---------------------------------------------------------------------------------

    def sendto(self, data: bytes | bytearray | memoryview[Any], addr: Any = None) -> None:
        """Sends one datagram; what a narrow link does not take now is buffered.

        Args:
            data: what it carries; nothing at all is sent from Python 3.13 on only.
            addr: where to; None: where the endpoint is connected to.

        Raises:
            TypeError: `data` is not bytes-like.
            ValueError: the endpoint sends to another address only.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if not data and sys.version_info < (3, 13):
            return
        if self._address:
            if addr not in (None, self._address):
                raise ValueError(f"Invalid address: must be None or {self._address}")
            addr = self._address
        if self._losses and self._address:
            if self._losses >= _SILENT_WRITES:
                _logger.warning("socket.send() raised exception.")
            self._losses += 1
            return
        if not self._buffer:
            if self._send(bytes(data), addr) is not False:
                return
            self._box.watch_write(partial(copy_context().run, self._flush))
        self._buffer.append((bytes(data), addr))
        self._buffered += len(data) + _HEADER
        self._pause_protocol()

    def _send(self, data: bytes, addr: Any) -> bool | None:
        """Sends one datagram; returns False where the socket would block, and None where that has failed."""
        try:
            if self._box.closed:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return self._box.send(data, None if self._box.remote else self._place(addr))
        except OSError as error:
            self._protocol.error_received(error)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._report(error, "Fatal write error on datagram transport")
            self._close_now(error)
        return None

    def _place(self, addr: Any) -> Address:
        """Looks a name up at once, as a socket does in C."""
        if not isinstance(addr, tuple):
            raise TypeError(f"sendto(): {self._family.name} address must be tuple, not {type(addr).__name__}")
        if dns.is_literal(addr[0]):
            return addr
        found = dns.look_up(
            self._box.host.network, addr[0], addr[1], family=self._family, kind=socket.SOCK_DGRAM
        )
        return found[0][4]

    @property
    def _family(self) -> socket.AddressFamily:
        return family_of(self._box.address[0])

    def _flush(self) -> None:
        """Sends from the buffer what fits now."""
        buffer = self._buffer
        while buffer:
            data, addr = buffer.popleft()
            self._buffered -= len(data) + _HEADER
            sent = self._send(data, addr)
            if sent is None:
                return
            if not sent:
                buffer.appendleft((data, addr))
                self._buffered += len(data) + _HEADER
                break
        self._resume_protocol()
        if not buffer and self._loop is not None:
            self._box.watch_write(None)
            if self._closing:
                self._lose(None)

    # -- the end ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Closes the endpoint after what is buffered has been sent."""
        if self._closing:
            return
        self._closing = True
        self._box.watch_read(None)
        if not self._buffer:
            self._losses += 1
            self._loop._call_as(self._box.actor, self._lose, None)

    def abort(self) -> None:
        """Closes the endpoint at once; what is buffered is lost."""
        self._close_now(None)

    def _close_now(self, error: BaseException | None) -> None:
        if self._losses:
            return
        self._buffer.clear()
        self._buffered = 0
        self._box.watch_write(None)
        self._closing = True
        self._box.watch_read(None)
        self._losses += 1
        self._loop._call_as(self._box.actor, self._lose, error)

    def _lose(self, error: BaseException | None) -> None:
        """Tells the protocol that the endpoint is gone and lets go of everything."""
        if self._loop is None:
            return
        try:
            self._protocol.connection_lost(error)
        finally:
            self._box.close()
            if self._handle is not None:
                self._handle.close()
            self._protocol = self._loop = None


class Datagrams(Sockets):
    """The part of the loop that makes datagram endpoints."""

    async def create_datagram_endpoint(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], P],
        local_addr: tuple[str, int] | str | None = None,
        remote_addr: tuple[str, int] | str | None = None,
        *,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        reuse_port: bool | None = None,
        allow_broadcast: bool | None = None,
        sock: socket.socket | None = None,
    ) -> tuple[asyncio.DatagramTransport, P]:
        """Makes a datagram endpoint in the simulated network; arguments and errors as in asyncio.

        Raises:
            OSError: the address is taken, or no host has it.
            NotSimulated: Unix sockets, or a socket that is not simulated.
        """
        if sock is not None:
            options = {
                "local_addr": local_addr,
                "remote_addr": remote_addr,
                "family": family,
                "proto": proto,
                "flags": flags,
                "reuse_port": reuse_port,
                "allow_broadcast": allow_broadcast,
            }
            box, remote = self._box_of(sock, options), None
        elif not (local_addr or remote_addr):
            if family == 0:
                raise ValueError("unexpected address family")
            self._check_family(family)
            box, remote = self._open_box(family, None, None, reuse_port, allow_broadcast), None
        else:
            self._check_family(family)
            infos: dict[int, list[Address | None]] = {}
            for place, address in enumerate((local_addr, remote_addr)):
                if address is None:
                    continue
                if not (isinstance(address, tuple) and len(address) == 2):
                    raise TypeError("2-tuple is expected")
                wanted = {"family": family, "proto": proto, "flags": flags}
                for info in await self._resolve(address, kind=socket.SOCK_DGRAM, **wanted):
                    infos.setdefault(info[0], [None, None])[place] = info[4]
            pairs: list[tuple[int, Address | None, Address | None]] = [
                (found, pair[0], pair[1])
                for found, pair in infos.items()
                if not ((local_addr and pair[0] is None) or (remote_addr and pair[1] is None))
            ]
            if not pairs:
                raise ValueError("can not get address information")
            box, remote = self._open_first(pairs, reuse_port, allow_broadcast)
        protocol: Any = protocol_factory()
        waiter: asyncio.Future[None] = self.create_future()
        shown = DatagramSocket(box, self._quiet_descriptor if sock is None else sock.fileno)
        if isinstance(sock, OwnSocket):
            shown.share_options(sock.options)
        if reuse_port:
            shown.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        extra = {
            "socket": shown,
            "sockname": box.address,
            "peername": box.remote,
        }
        transport = DatagramTransport(self, box, protocol, remote, extra, waiter=waiter, handle=sock)
        if isinstance(sock, OwnSocket):
            self._take_over(sock.fileno(), transport)
        try:
            await waiter
        except BaseException:
            transport.close()
            raise
        return transport, protocol

    def _open_first(
        self,
        pairs: list[tuple[int, Address | None, Address | None]],
        shared: bool | None,
        broadcasts: bool | None,
    ) -> tuple[Mailbox, Address | None]:
        """Opens a socket for the first pair of a local and a remote address that can be had."""
        failure: OSError | None = None
        for family, local, remote in pairs:
            try:
                return self._open_box(family, local, remote, shared, broadcasts), remote
            except OSError as error:
                failure = failure or error
        assert failure is not None
        raise failure

    def _open_box(
        self,
        family: int,
        local: Address | None,
        remote: Address | None,
        shared: bool | None,
        broadcasts: bool | None,
    ) -> Mailbox:
        box = self._world.network.post.open(six=family == socket.AF_INET6)
        box.shared = bool(shared)
        box.broadcasts = bool(broadcasts)
        try:
            if local is not None:
                box.bind(*local[:2])
            if remote is not None and not broadcasts:
                box.connect(remote)
        except OSError:
            box.close()
            raise
        return box

    def _box_of(self, sock: socket.socket, options: dict[str, Any]) -> Mailbox:
        """Returns the socket that a socket object of the program stands for."""
        stream = sock.type == socket.SOCK_STREAM
        if stream or (sys.version_info < (3, 13) and sock.type != socket.SOCK_DGRAM):
            kind = "datagram socket" if sys.version_info >= (3, 13) else "UDP Socket"
            raise ValueError(f"A {kind} was expected, got {sock!r}")
        given = ", ".join(f"{name}={value}" for name, value in options.items() if value)
        if given:
            raise ValueError(
                f"socket modifier keyword arguments can not be used when sock is specified. ({given})"
            )
        if not (isinstance(sock, OwnSocket) and isinstance(sock._plug, UdpSocket)):
            refuse(
                "loop.create_datagram_endpoint(sock=...) with a socket that was made outside of the run",
                "Let code of the run make it, or asyncio: give local_addr or remote_addr",
            )
        sock.setblocking(False)
        return sock._plug.box

    def _check_family(self, family: int) -> None:
        if family not in (0, socket.AF_INET, socket.AF_INET6):
            refuse(
                f"loop.create_datagram_endpoint with {family!r}", "Only UDP over IPv4 and IPv6 is simulated"
            )
