"""The socket object that transports hand out, names, and how the loop connects to an address."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from interlace.backends.aio.descriptors import Descriptors
from interlace.backends.aio.ownsocket import OwnSocket
from interlace.backends.aio.refused import refuse
from interlace.backends.aio.transports import settle
from interlace.sim.flight import DELAYS
from interlace.sim.network import dns
from interlace.sim.network.host import family_of

if TYPE_CHECKING:
    from interlace.sim.network.stream import End

_DEFAULTS = {
    (socket.SOL_SOCKET, socket.SO_TYPE): int(socket.SOCK_STREAM),
    (socket.SOL_SOCKET, socket.SO_RCVBUF): 131072,
    (socket.SOL_SOCKET, socket.SO_SNDBUF): 131072,
    (socket.IPPROTO_TCP, socket.TCP_NODELAY): 1,  # the stock loop sets it on every connection
    (socket.IPPROTO_TCP, socket.TCP_MAXSEG): 32741,
}


class SimulatedSocket:
    """What `get_extra_info("socket")` and `Server.sockets` give: shows, and never does, anything.

    Options that are set are remembered. Like asyncio's own transport sockets it cannot block.

    Args:
        local: its socket address.
        remote: the address of the other end; None for a listening socket.
        fileno: returns a descriptor that polls as this socket would; -1 once it is closed.
    """

    def __init__(self, local: Any, remote: Any, fileno: Callable[[], int] = lambda: -1) -> None:
        self.family = family_of(local[0]) if isinstance(local, tuple) else socket.AF_UNIX
        self.type = socket.SOCK_STREAM
        self.proto = int(socket.IPPROTO_TCP) if isinstance(local, tuple) else 0
        self._local = local
        self._remote = remote
        self._fileno = fileno
        self._options: dict[tuple[int, int], Any] = {}

    def __repr__(self) -> str:
        remote = f", raddr={self._remote}" if self._remote else ""
        kind = f"{self.family!s}, {self.type!s}, proto={self.proto}"
        return f"<simulated socket {kind}, laddr={self._local}{remote}>"

    def fileno(self) -> int:
        """Returns a descriptor that can be polled; -1 once it is closed.

        Connection pools poll idle connections to see whether the server has hung up.
        """
        return self._fileno()

    def getsockname(self) -> Any:
        """Returns its own address."""
        return self._local

    def getpeername(self) -> Any:
        """Returns the address of the other end.

        Raises:
            OSError: it listens (ENOTCONN).
        """
        if self._remote is None:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return self._remote

    def setsockopt(self, level: int, option: int, value: Any, optlen: int | None = None) -> None:
        """Remembers an option."""
        self._options[level, option] = optlen if value is None else value

    def getsockopt(self, level: int, option: int, buflen: int = 0) -> Any:
        """Returns what was set, or a default; as bytes if `buflen` is given."""
        value = self._options.get((level, option), _DEFAULTS.get((level, option), 0))
        if not buflen or isinstance(value, bytes):
            return value
        return int(value).to_bytes(4, "little").ljust(buflen, b"\0")[:buflen]

    def share_options(self, options: dict[tuple[int, int], Any]) -> None:
        """Has the options that were set be those of another socket object."""
        self._options = options

    def gettimeout(self) -> float:
        """Returns 0: it does not block."""
        return 0

    def settimeout(self, value: float | None) -> None:
        """Accepts 0 only.

        Raises:
            ValueError: any other timeout.
        """
        if value != 0:
            raise ValueError("settimeout(): only 0 timeout is allowed on transport sockets")

    def setblocking(self, flag: bool) -> None:
        """Accepts False only.

        Raises:
            ValueError: the socket should block.
        """
        if flag:
            raise ValueError("setblocking(): transport sockets cannot be blocking")

    def getblocking(self) -> bool:
        """Returns False."""
        return False

    def get_inheritable(self) -> bool:
        """Returns False."""
        return False

    def shutdown(self, how: int) -> NoReturn:
        """Raises NotSimulated."""
        refuse("shutdown() of a transport's socket", "Use transport.write_eof or transport.close")

    def dup(self) -> NoReturn:
        """Raises NotSimulated."""
        refuse("dup() of a transport's socket", "There is no real socket behind a simulated connection")


class Sockets(Descriptors):
    """The part of the loop that resolves names and connects to addresses."""

    _quiet = -1

    def _call_as(self, actor: str, callback: Callable[..., object], *args: Any) -> asyncio.Handle:
        raise NotImplementedError

    def close(self) -> None:
        """Closes the loop."""
        super().close()
        if self._quiet != -1:
            socket.close(self._quiet)
            self._quiet = -1

    # -- names -----------------------------------------------------------------------------------

    async def getaddrinfo(  # type: ignore[override]
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002
        proto: int = 0,
        flags: int = 0,
    ) -> list[dns.AddressInfo]:
        """Resolves a name in the simulated network, see `interlace.sim.network.dns`."""
        return await self._asked(  # type: ignore[no-any-return]
            f"lookup of {host.decode() if isinstance(host, bytes) else host}",
            lambda: dns.look_up(
                self._world.network, host, port, family=family, kind=type, proto=proto, flags=flags
            ),
        )

    async def getnameinfo(self, sockaddr: tuple[Any, ...], flags: int = 0) -> tuple[str, str]:
        """Finds the name of an address of the simulated network."""
        return await self._asked(  # type: ignore[no-any-return]
            f"lookup of {sockaddr[0]}", partial(dns.name, self._world.network, sockaddr, flags)
        )

    async def _asked(self, what: str, answer: Callable[[], Any]) -> Any:
        """Gives an answer after a delay that is explored, as a resolver would."""
        name = self._world.network.numbered(what)
        waiter: asyncio.Future[None] = self.create_future()
        self._world.flight.post(name, name, partial(settle, waiter), DELAYS)
        await waiter
        return answer()

    async def _resolve(
        self,
        address: tuple[Any, ...],
        *,
        family: int = 0,
        kind: int = socket.SOCK_STREAM,
        proto: int = 0,
        flags: int = 0,
    ) -> list[dns.AddressInfo]:
        """Resolves an address; one that is written as numbers takes no time."""
        host, port = address[:2]
        if isinstance(host, bytes):
            host = host.decode("idna")
        numeric = isinstance(port, int) or port is None or (isinstance(port, str) and port.isdigit())
        if host and numeric and dns.is_literal(host) and family in (0, family_of(host)):
            return dns.look_up(self._world.network, host, port, family=family, kind=kind, proto=proto)
        found = await self.getaddrinfo(host, port, family=family, type=kind, proto=proto, flags=flags)
        if not found:
            raise OSError("getaddrinfo() returned empty list")
        return found

    # -- connecting ------------------------------------------------------------------------------

    async def _dial(self, address: tuple[Any, ...], local: tuple[Any, ...] | None = None) -> End:
        """Connects to an address."""
        waiter: asyncio.Future[None] = self.create_future()

        def done(code: int) -> None:
            if waiter.done():
                return
            if code:
                waiter.set_exception(OSError(code, f"Connect call failed {address}"))
            else:
                waiter.set_result(None)

        end = self._world.network.connect(address, done, local=local)
        try:
            await waiter
        except BaseException:
            end.close()
            raise
        return end

    def _show(self, end: End, made: socket.socket | None = None) -> SimulatedSocket:
        """Returns the socket object for an end; one that the program has made has the same options."""
        if not isinstance(made, OwnSocket):
            return SimulatedSocket(end.local, end.remote, partial(self._number_of_end, end))
        shown = SimulatedSocket(end.local, end.remote, made.fileno)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shown.share_options(made.options)
        return shown

    def _quiet_descriptor(self) -> int:
        """Returns a descriptor that never becomes readable; -1 once the loop is closed."""
        if self._quiet == -1 and not self.is_closed():
            # an unbound UDP socket is never readable; poll() calls an unconnected TCP socket so
            self._quiet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM).detach()
        return self._quiet
