"""The part of the loop that makes connections and servers in the simulated network.

The order in which things happen, the errors and their wording follow the stock loop (CPython, Lib/
asyncio/base_events.py and selector_events.py).
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from itertools import zip_longest
from typing import IO, TYPE_CHECKING, Any, TypeVar

from interlace.backends.aio import inside
from interlace.backends.aio.datagrams import Datagrams
from interlace.backends.aio.ownsocket import OwnSocket
from interlace.backends.aio.pouring import pour_file
from interlace.backends.aio.servers import Server
from interlace.backends.aio.sockets import Sockets
from interlace.backends.aio.tls import Upgrades, secured
from interlace.backends.aio.transports import StreamTransport

if TYPE_CHECKING:
    from interlace.sim.network.dns import AddressInfo
    from interlace.sim.network.host import Listener
    from interlace.sim.network.stream import End

P = TypeVar("P", bound=asyncio.BaseProtocol)


class Connections(Upgrades, Datagrams, Sockets):
    """Connections and servers of the loop."""

    async def create_connection(
        self,
        protocol_factory: Callable[[], P],
        host: str | bytes | None = None,
        port: int | str | None = None,
        *,
        ssl: Any = None,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        sock: socket.socket | None = None,
        local_addr: tuple[Any, ...] | None = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        happy_eyeballs_delay: float | None = None,
        interleave: int | None = None,
        all_errors: bool = False,
    ) -> tuple[asyncio.Transport, P]:
        """Connects to a server of the simulated network; arguments and errors as in asyncio.

        Raises:
            OSError: nobody listens there, or there is no such host.
            ssl.SSLError: the handshake fails.
            NotSimulated: `sock` is really connected.
        """
        if server_hostname is not None and not ssl:
            raise ValueError("server_hostname is only meaningful with ssl")
        if server_hostname is None and ssl:
            if not host:
                raise ValueError("You must set server_hostname when using ssl without a host")
            server_hostname = host.decode("ascii") if isinstance(host, bytes) else host
        security = security_of(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if host is not None or port is not None:
            if sock is not None:
                raise ValueError("host/port and sock can not be specified at the same time")
            if happy_eyeballs_delay is not None and interleave is None:
                interleave = 1
            wanted = {"family": family, "proto": proto, "flags": flags}
            infos = await self._resolve((host, port), **wanted)
            locals_ = None if local_addr is None else await self._resolve(local_addr, **wanted)
            if interleave:
                infos = _interleave(infos, interleave)
            end = await self._connect_first(infos, locals_, happy_eyeballs_delay, all_errors)
        else:
            if sock is None:
                raise ValueError("host and port was not specified and no sock specified")
            if sock.type != socket.SOCK_STREAM:
                raise ValueError(f"A Stream Socket was expected, got {sock!r}")
            end = self._end_of(sock, "loop.create_connection(sock=...)")
        if security is not None:
            security["hostname"] = server_hostname
        return await self._open_transport(end, protocol_factory, sock, security)

    async def connect_accepted_socket(
        self,
        protocol_factory: Callable[[], P],
        sock: socket.socket,
        *,
        ssl: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> tuple[asyncio.Transport, P]:
        """Makes a transport of a socket object that stands for a simulated connection.

        Raises:
            ssl.SSLError: the handshake fails.
            NotSimulated: the socket stands for nothing simulated.
        """
        security = security_of(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if security is not None:
            security.update(server_side=True, hostname="")
        if sock.type != socket.SOCK_STREAM:
            raise ValueError(f"A Stream Socket was expected, got {sock!r}")
        end = self._end_of(sock, "loop.connect_accepted_socket")
        return await self._open_transport(end, protocol_factory, sock, security)

    async def _open_transport(
        self,
        end: End,
        protocol_factory: Callable[[], P],
        handle: socket.socket | None,
        security: dict[str, Any] | None,
    ) -> tuple[asyncio.Transport, P]:
        try:
            protocol = protocol_factory()
        except BaseException:
            end.close()
            raise
        waiter: asyncio.Future[None] = self.create_future()
        transport: asyncio.Transport
        about = self._describe(end, handle)
        if security is None:
            transport = plain = StreamTransport(self, end, protocol, about, waiter=waiter, handle=handle)
        else:
            over = secured(self, end.actor, protocol, waiter=waiter, **security)
            plain = StreamTransport(self, end, over, about, handle=handle)
            transport = inside.plain_side(over)
        if isinstance(handle, OwnSocket):
            self._take_over(handle.fileno(), plain)
        try:
            await waiter
        except BaseException:
            transport.close()
            raise
        return transport, protocol

    def _describe(self, end: End, handle: socket.socket | None = None) -> dict[str, Any]:
        """Returns what `get_extra_info` knows of a connection."""
        return {"socket": self._show(end, handle), "sockname": end.local, "peername": end.remote}

    async def _connect_first(
        self,
        infos: Sequence[AddressInfo],
        locals_: Sequence[AddressInfo] | None,
        stagger: float | None,
        all_errors: bool,
    ) -> End:
        """Connects to the first address that answers."""
        errors: list[OSError] = []
        if stagger is None:
            for info in infos:
                try:
                    return await self._connect_address(info, locals_, errors)
                except OSError:
                    continue
        else:
            end = await _race(
                [partial(self._connect_address, info, locals_, errors) for info in infos], stagger, self
            )
            if end is not None:
                return end
        try:
            if all_errors:
                raise ExceptionGroup("create_connection failed", errors)
            if all(str(error) == str(errors[0]) for error in errors):
                raise errors[0]
            raise OSError(f"Multiple exceptions: {', '.join(map(str, errors))}")
        finally:
            errors = []

    async def _connect_address(
        self, info: AddressInfo, locals_: Sequence[AddressInfo] | None, errors: list[OSError]
    ) -> End:
        """Connects to one address; an error is also added to `errors`."""
        try:
            local = None if locals_ is None else self._choose_local(info, locals_)
            return await self._dial(info[4], local)
        except OSError as error:
            errors.append(error)
            raise

    def _choose_local(self, info: AddressInfo, locals_: Sequence[AddressInfo]) -> tuple[Any, ...]:
        """Returns the first address to connect from that fits."""
        family = info[0]
        failure: OSError | None = None
        for local_family, _, _, _, address in locals_:
            if local_family != family:
                continue
            here = self._world.network.here
            try:
                if address[1]:
                    here.bind(address[0], address[1]).close()  # nobody else may have it
                elif not here.owns(address[0]):
                    raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
                return address
            except OSError as error:
                failure = _bind_error(address, error)
        raise failure or OSError(f"no matching local address with {family=} found")

    # -- servers ---------------------------------------------------------------------------------

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | Sequence[str] | None = None,
        port: int | str | None = None,
        *,
        family: int = socket.AF_UNSPEC,
        flags: int = socket.AI_PASSIVE,
        sock: socket.socket | None = None,
        backlog: int = 100,
        ssl: Any = None,
        reuse_address: bool | None = None,
        reuse_port: bool | None = None,
        keep_alive: bool | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
    ) -> Server:
        """Makes a server in the simulated network; arguments and errors as in asyncio.

        A socket given as `sock` lends its address and nothing else: nobody can really connect.

        Raises:
            OSError: the address is taken, or no host has it.
        """
        if isinstance(ssl, bool):
            raise TypeError("ssl argument must be an SSLContext or None")
        security = security_of(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if host is not None or port is not None:
            if sock is not None:
                raise ValueError("host/port and sock can not be specified at the same time")
            hosts: Iterable[str | None]
            if host == "":
                hosts = [None]
            elif isinstance(host, str) or not isinstance(host, Iterable):
                hosts = [host]
            else:
                hosts = host
            # the stock loop asks in tasks of their own
            asked: list[Awaitable[list[AddressInfo]]] = [
                self._resolve((each, port), family=family, flags=flags) for each in hosts
            ]
            addresses = {info[4]: None for infos in await asyncio.gather(*asked) for info in infos}
            listeners = self._bind(list(addresses), bool(reuse_port))
        else:
            if sock is None:
                raise ValueError("Neither host/port nor sock were specified")
            if sock.type != socket.SOCK_STREAM:
                raise ValueError(f"A Stream Socket was expected, got {sock!r}")
            listeners = [self._listener_of(sock, "loop.create_server(sock=...)")]
        server = Server(self, listeners, protocol_factory, sock, security)
        for option, wanted in (
            (socket.SO_REUSEADDR, sock is None and reuse_address is not False and os.name == "posix"),
            (getattr(socket, "SO_REUSEPORT", 0), sock is None and reuse_port),
            (socket.SO_KEEPALIVE, sock is None and keep_alive),
        ):
            for listening in server.sockets if wanted else ():
                listening.setsockopt(socket.SOL_SOCKET, option, 1)
        if start_serving:
            server.listen()
            await asyncio.sleep(0)
        return server

    def _bind(self, addresses: list[tuple[Any, ...]], shared: bool) -> list[Listener]:
        """Binds all these addresses or none."""
        bound: list[Listener] = []
        try:
            for address in addresses:
                try:
                    bound.append(self._world.network.bind(address[0], address[1], shared=shared))
                except OSError as error:
                    if error.errno == errno.EADDRNOTAVAIL and sys.version_info >= (3, 13):
                        continue
                    raise _bind_error(address, error) from None
            if not bound:
                raise OSError(f"could not bind on any address out of {addresses!r}")
        except OSError:
            for listener in bound:
                listener.close()
            raise
        return bound

    # -- files -----------------------------------------------------------------------------------

    async def sendfile(
        self,
        transport: asyncio.WriteTransport,
        file: IO[bytes],
        offset: int = 0,
        count: int | None = None,
        *,
        fallback: bool = True,
    ) -> int:
        """Sends a file through a transport; returns how many bytes.

        Raises:
            RuntimeError: the transport is closing, or it is none of this loop.
            ValueError: the file is not opened as binary, or `offset` or `count` make no sense.
            asyncio.SendfileNotAvailableError: it is no file of the file system, and `fallback` is off.
        """
        if transport.is_closing():
            raise RuntimeError("Transport is closing")
        if inside.can_only_be_written(transport):
            return await inside.send_written(self, transport, file, offset, count, fallback=fallback)
        if not isinstance(transport, StreamTransport):
            raise RuntimeError(f"sendfile is not supported for transport {transport!r}")
        return await pour_file(transport, file, offset, count, fallback=fallback)


def security_of(
    context: Any, handshake_timeout: float | None, shutdown_timeout: float | None
) -> dict[str, Any] | None:
    """Returns what `secured` is to be given; None without TLS."""
    if context:
        return {
            "context": context,
            "handshake_timeout": handshake_timeout,
            "shutdown_timeout": shutdown_timeout,
        }
    for name, value in (
        ("ssl_handshake_timeout", handshake_timeout),
        ("ssl_shutdown_timeout", shutdown_timeout),
    ):
        if value is not None:
            raise ValueError(f"{name} is only meaningful with ssl")
    return None


def _bind_error(address: tuple[Any, ...], error: OSError) -> OSError:
    """Words an error of binding as the running Python does."""
    text = str(error) if sys.version_info >= (3, 13) else error.strerror or ""
    return OSError(error.errno, f"error while attempting to bind on address {address!r}: {text.lower()}")


def _interleave(infos: Sequence[AddressInfo], first: int) -> list[AddressInfo]:
    """Mixes the families of addresses; the first family leads with `first` addresses."""
    families: dict[int, list[AddressInfo]] = {}
    for info in infos:
        families.setdefault(info[0], []).append(info)
    lists = list(families.values())
    mixed = lists[0][: first - 1]
    del lists[0][: first - 1]
    mixed.extend(info for row in zip_longest(*lists) for info in row if info is not None)
    return mixed


async def _race(
    tries: list[Callable[[], Awaitable[End]]], stagger: float, loop: asyncio.AbstractEventLoop
) -> End | None:
    """Starts one try after the other, `stagger` seconds apart; returns what the first success gives."""
    from asyncio import staggered

    winner: End | None
    winner, _, _ = await staggered.staggered_race(tries, stagger, loop=loop)
    return winner
