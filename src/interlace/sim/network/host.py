"""A host of the simulated network: its name, its addresses, its ports.

Code runs on a host: the one in `current_host`, which tasks inherit like every context variable. Where
nothing is set it is the default host of the network.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Container, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from interlace.errors import UsageError
from interlace.sim.disk import Disk
from interlace.sim.hostclock import HostClock
from interlace.sim.network.certificates import Authority
from interlace.sim.network.life import Program, Served, Stay, crash, current_host, restart, running

if TYPE_CHECKING:
    from interlace.sim.clock import Clock
    from interlace.sim.mirror import Mirror
    from interlace.sim.network.datagram import Mailbox
    from interlace.sim.network.network import Network
    from interlace.sim.network.stream import End
    from interlace.sim.world import World

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
        backlog: the connections that nobody has accepted yet: when each arrives, and how it is
            accepted.
        is_there: asked at each connection whether it is accepted; None: it is.
    """

    __slots__ = ("_accept", "address", "backlog", "host", "is_there", "label", "port", "shared")

    def __init__(self, host: Host, address: str, port: int, label: str, shared: bool) -> None:
        self.host = host
        self.address = address
        self.port = port
        self.label = label
        self.shared = shared
        self._accept: Callable[[End], None] | None = None
        self.backlog: list[tuple[int, Callable[[], None]]] = []
        self.is_there: Callable[[], bool] | None = None

    @property
    def accept(self) -> Callable[[End], None] | None:
        """What is called with the server's end of every new connection, as a step of that end.

        None while nobody listens, and connections are refused.
        """
        return self._accept

    @accept.setter
    def accept(self, accept: Callable[[End], None] | None) -> None:
        self._accept = accept
        if accept is not None:
            self.host.announce(self.port)

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
        world: the world of the run.

    Attributes:
        clock: its clocks: `clock.skew` and `clock.drift` make them wrong.
        ends: the ends of connections that are open on it, by their names.
        boxes: the datagram sockets that are bound on it, by their ports.
        is_up: whether it runs: it has not crashed, or is back.
        is_silent: whether it is down and answers nothing at all.
        life: how often it has crashed.
        programs: what `restart` starts anew.
        served: the fakes that listen on it, again after `restart`.
        waiting: what is called when somebody next listens at a port.
        disk: its files: they outlive a crash, if they were synced.
        mirror: the real files that code on it has changed, where a crash leaves traces in them; else None.
    """

    __slots__ = (
        *("_bound", "_next_port", "address", "boxes", "clock", "disk", "ends", "is_silent"),
        *("is_up", "life", "mirror", "name", "network", "programs", "served", "waiting"),
    )

    def __init__(self, network: Network, name: str, address: str, world: World) -> None:
        self.network = network
        self.clock = HostClock(world.clock, lambda: network.here.clock)
        self.disk = Disk(world, name)
        self.mirror: Mirror | None = None
        self.is_up = True
        self.life = 0
        self.programs: list[tuple[Program, tuple[Any, ...]]] = []
        self.served: list[Served] = []
        self.waiting: dict[int, list[Callable[[], None]]] = {}
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
        """Makes the code inside the `with` block, and the tasks that it starts, run on this host.

        A crash ends the tasks, but not the code of the block itself: it is only visiting.
        """
        token = current_host.set(Stay(self, -1))
        try:
            yield self
        finally:
            current_host.reset(token)

    # -- programs --------------------------------------------------------------------------------

    def start(self, program: Program, *args: Any) -> None:
        """Starts a program on this host; `restart` will start it anew.

        What it raises is reported as the event loop reports the error of a task that nobody awaits.

        Args:
            program: a coroutine function; what it opens, and the tasks that it makes, are on this host.
            args: what it is given, each time.

        Raises:
            UsageError: not a coroutine function, or the host is down.
        """
        running(self).start(self, program, args)
        self.programs.append((program, args))

    def run(self, program: Program, *args: Any) -> Awaitable[Any]:
        """Runs a coroutine function on this host; to be awaited for its result.

        Args:
            program: a coroutine function.
            args: what it is given.

        Raises:
            UsageError: not a coroutine function, or the host is down.
            HostCrashed: the host has crashed meanwhile.
        """
        return running(self).run(self, program, args)

    def listens(self, port: int) -> Awaitable[None]:
        """Waits, to be awaited, until somebody listens at a port of this host, or has bound it for datagrams."""
        if self.network.programs is None:
            raise UsageError(f"host {self.name!r} belongs to no run: use world.host(...) inside of a test")
        return self.network.programs.wait(self, port)

    def crash(self, *, silent: bool = False) -> None:
        """Has this host crash: nothing that runs on it goes on, not even a `finally`; its disk keeps what was synced.

        Args:
            silent: whether its peers see nothing, as when the power fails; else they find their connections
                reset, and new ones refused.

        Raises:
            UsageError: it is down already, or what calls this runs on it.
        """
        crash(self, silent=silent)

    def restart(self) -> None:
        """Has this host come back, and starts anew what `start` has started; one that is up crashes first."""
        restart(self)

    # -- ports -----------------------------------------------------------------------------------

    def tls(self, *names: str, trusted: bool = True) -> ssl.SSLContext:
        """Returns a context for a TLS server on this host.

        Its certificate is for the name and the address of the host, for localhost and 127.0.0.1. A host that stands for
        all names below a domain has one for each name that it is asked for by.

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

    def is_listening(self, port: int) -> bool:
        """Tells whether somebody listens at a port, or has bound it for datagrams."""
        return port in self.boxes or any(one.accept is not None for one in self._bound.get(port, ()))

    def announce(self, port: int) -> None:
        """Tells those who wait for it that somebody listens at a port."""
        for heard in self.waiting.pop(port, ()):
            heard()

    def close_ports(self) -> None:
        """Has nobody listen any more, as after a crash."""
        for listeners in self._bound.values():
            for listener in listeners:
                listener.accept = None
        self._bound.clear()

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
