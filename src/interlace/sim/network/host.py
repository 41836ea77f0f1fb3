"""A host of the simulated network: its name, its addresses, its ports.

Code runs on a host: the one in `current_host`, which tasks inherit like every context variable. Where
nothing is set it is the default host of the network.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from interlace.sim.hostclock import HostClock
from interlace.sim.network.certificates import Authority

if TYPE_CHECKING:
    from interlace.sim.clock import Clock
    from interlace.sim.network.datagram import Mailbox
    from interlace.sim.network.network import Network
    from interlace.sim.network.stream import End

current_host: ContextVar[Host | None] = ContextVar("interlace_current_host", default=None)
"""The host that the running code is on; None stands for the default host."""

FIRST_EPHEMERAL = 61000
"""Ports that nobody chose are handed out from here upwards, the same in every run. The range lies above
the one that Linux picks from, so that really bound sockets (`create_server(sock=...)`) do not clash."""

LAST_PORT = 65535

LOOPBACK = "127.0.0.1"


def is_loopback(address: str) -> bool:
    """Tells whether an address names the host itself, as seen from that host."""
    return address.startswith("127.") or address == "::1"


def is_wildcard(address: str) -> bool:
    """Tells whether an address stands for all addresses of a host."""
    return address in ("0.0.0.0", "::")


def family_of(address: str) -> socket.AddressFamily:
    """Returns the family of an IP address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Listener:
    """A bound address of a host, and who is told of connections to it.

    Args:
        host: the host it belongs to.
        address: the IP address it is bound to; may be a wildcard.
        port: the port it is bound to.
        label: how connections to it are named, without the name of the client.
        shared: whether others that also say so may bind to the same address.

    Attributes:
        accept: called with the server's end of every new connection, as a step of that end; None
            while nobody listens, and connections are refused.
        backlog: the connections that nobody has accepted yet: when each arrives, and how it is
            accepted.
    """

    __slots__ = ("accept", "address", "backlog", "host", "label", "port", "shared")

    def __init__(self, host: Host, address: str, port: int, label: str, shared: bool) -> None:
        self.host = host
        self.address = address
        self.port = port
        self.label = label
        self.shared = shared
        self.accept: Callable[[End], None] | None = None
        self.backlog: list[tuple[int, Callable[[], None]]] = []

    def accept_arrived(self, clock: Clock) -> None:
        """Accepts every connection that has arrived by now, as one `accept` loop does."""
        arrived = [one for one in self.backlog if one[0] <= clock.ns]
        if arrived:
            self.backlog = [one for one in self.backlog if one[0] > clock.ns]
            arrived.sort(key=_arrival)
            for _, accept in arrived:
                accept()

    def close(self) -> None:
        """Gives the port back; connections that nobody has accepted yet are reset."""
        self.accept = None
        self.host.release(self)


class Host:
    """One host. Made by `Network.host`.

    Args:
        network: the network it is part of.
        name: its host name.
        address: its IPv4 address.
        clock: the virtual time of the run.

    Attributes:
        clock: its clocks: `clock.skew` and `clock.drift` make them wrong.
        ends: the ends of connections that are open on it, by their names.
        boxes: the datagram sockets that are bound on it, by their ports.
        is_silent: whether it is down and answers nothing at all.
    """

    __slots__ = ("_bound", "_next_port", "address", "boxes", "clock", "ends", "is_silent", "name", "network")

    def __init__(self, network: Network, name: str, address: str, clock: Clock) -> None:
        self.network = network
        self.clock = HostClock(clock, lambda: network.here.clock)
        self.name = name
        self.address = address
        self._bound: dict[int, list[Listener]] = {}
        self.ends: dict[str, End] = {}
        self.boxes: dict[int, list[Mailbox]] = {}
        self.is_silent = False
        self._next_port = FIRST_EPHEMERAL

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.address}>"

    @contextmanager
    def here(self) -> Iterator[Host]:
        """Makes the code inside the `with` block, and the tasks that it starts, run on this host."""
        token = current_host.set(self)
        try:
            yield self
        finally:
            current_host.reset(token)

    def tls(self, *names: str, trusted: bool = True) -> ssl.SSLContext:
        """Returns a context for a TLS server on this host.

        Its certificate is for the name and the address of the host, for localhost and 127.0.0.1.

        Args:
            names: further host names and addresses that it is for; `*.example.com` is one too.
            trusted: whether clients in this world trust it although nobody has told them to.

        Raises:
            UsageError: trustme is not installed.
        """
        authority = self.network.authority if trusted else Authority("a stranger")
        own = dict.fromkeys((self.name, self.address, "localhost", LOOPBACK, *names))
        return authority.context(*own)

    def owns(self, address: str) -> bool:
        """Tells whether one may bind to this address here."""
        return address == self.address or is_loopback(address) or is_wildcard(address)

    def free_port(self, taken: Container[int] | None = None) -> int:
        """Returns a port that nobody uses, the same one in every run.

        Args:
            taken: the ports that are used; None: those of connections.

        Raises:
            OSError: every port is taken (EADDRINUSE).
        """
        for _ in range(LAST_PORT - FIRST_EPHEMERAL + 1):
            port = self._next_port
            self._next_port = port + 1 if port < LAST_PORT else FIRST_EPHEMERAL
            if port not in (self._bound if taken is None else taken):
                return port
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))

    def bind(self, address: str, port: int, *, shared: bool = False, alias: str = "") -> Listener:
        """Reserves a port. Nobody can connect until `Listener.accept` is set.

        Args:
            address: an IP address of this host, a loopback address or a wildcard.
            port: 0 picks a free one.
            shared: as SO_REUSEPORT.
            alias: stands for the port in the names of connections, where its number differs from
                run to run.

        Raises:
            OSError: the port is taken (EADDRINUSE), or the address is not of this host
                (EADDRNOTAVAIL).
        """
        if not self.owns(address):
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        if port == 0:
            port = self.free_port()
        for other in self._bound.get(port, ()):
            if _clash(other.address, address) and not (shared and other.shared):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        shown = address if is_loopback(address) else self.name
        listener = Listener(self, address, port, f"{shown}:{alias or port}", shared)
        self._bound.setdefault(port, []).append(listener)
        return listener

    def release(self, listener: Listener) -> None:
        """Gives a port back; see `Listener.close`."""
        others = self._bound.get(listener.port, [])
        if listener in others:
            others.remove(listener)
        if not others:
            self._bound.pop(listener.port, None)

    def listener(self, address: str, port: int) -> Listener | None:
        """Returns who listens at this address; None if a connection is refused."""
        wildcard = None
        for listener in self._bound.get(port, ()):
            if listener.accept is None:
                continue
            if listener.address == address:
                return listener
            if is_wildcard(listener.address) and family_of(listener.address) == family_of(address):
                wildcard = wildcard or listener
        return wildcard


def _arrival(waiting: tuple[int, Callable[[], None]]) -> int:
    return waiting[0]


def _clash(one: str, other: str) -> bool:
    """Tells whether two bound addresses overlap."""
    if family_of(one) != family_of(other):
        return False
    return one == other or is_wildcard(one) or is_wildcard(other)
