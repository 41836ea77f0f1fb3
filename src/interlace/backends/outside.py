"""Real services outside of the world, which a name of the simulated network stands for.

What a program sends there goes out through a real socket, and virtual time stands still until the service
has answered and is quiet again. What it has said in that time is one message, however it came in pieces, and
takes a virtual time that is explored. Services are asked one at a time, in the order in which requests arrive,
so what one client has done is done before the next is heard.

Knows sockets and no event loop. The real time is not read: waits are counted.
"""

from __future__ import annotations

import _socket
import errno
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interlace.backends.bridge import Bridge
from interlace.errors import UsageError
from interlace.sim.latency import parse_latency
from interlace.sim.network.host import LOOPBACK
from interlace.sim.network.link import Line
from interlace.sim.network.network import DEFAULT_HOST
from interlace.sim.network.service import check_name, is_local, split_address

if TYPE_CHECKING:
    from interlace.sim.network.host import Host
    from interlace.sim.network.stream import End
    from interlace.sim.world import World

_getaddrinfo = _socket.getaddrinfo
"""Asks the operating system, also while code of a run is told of the simulated network."""

QUIET = 0.005
"""Real seconds after which a service that has begun to answer has said what it has to say."""

PATIENCE = 10.0
"""Real seconds for which virtual time stands still unless told, while a service has not answered at all."""

HASTE = 0.5
"""Is `PATIENCE` once the outcome is taken."""

_GREETING = 4
"""So many times `QUIET` is waited for a service to speak first."""

_MOST_HELD = 64


class Service:
    """A real service, and the name that stands for it.

    Args:
        outside: all services of the world.
        name: host and port in the simulated network.
        family: of the real address.
        address: the real address.
        shown: the real address in words.
        patience: real seconds for which virtual time stands still while it has not answered.
        owner: the host of that name.
        line: how its answers travel; None: as the links between hosts say.
    """

    def __init__(
        self,
        outside: Outside,
        name: str,
        family: int,
        address: Any,
        shown: str,
        patience: float,
        owner: Host,
        line: Line | None,
    ) -> None:
        self._outside = outside
        self._owner = owner
        self._line = line
        self.name = name
        self._family = family
        self._address = address
        self.shown = shown
        self.patience = patience
        self._made: deque[socket.socket] = deque()

    def is_there(self) -> bool:
        """Tells whether a connection is accepted, and has one ready for `accept`."""
        if self._line is not None:
            network = self._owner.network
            network.set_link(self._owner.name, network.here.name, self._line)
        try:
            sock = self.dial()
        except OSError:
            return False
        sock.setblocking(False)
        self._made.append(sock)
        return True

    def dial(self) -> socket.socket:
        """Returns a real connection, still blocking.

        Raises:
            OSError: there is none to be had.
        """
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.patience)
            sock.connect(self._address)
            if self._family != getattr(socket, "AF_UNIX", None):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            sock.close()
            raise
        return sock

    def accept(self, end: End) -> None:
        """Joins the server's end of a simulated connection with a real one."""
        self._outside.join(Bridge(self, end, self._made.popleft()))

    def close(self) -> None:
        """Closes the connections that nobody has taken."""
        while self._made:
            self._made.popleft().close()


class Outside:
    """All real services that a world has to do with.

    Args:
        world: the world.
        report: told, in words, when virtual time went on although a service had not answered.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._services: list[Service] = []
        self._bridges: list[Bridge] = []
        self._silent: list[Bridge] = []
        self._asked: deque[Bridge] = deque()
        self._hastens = False
        self.report: Callable[[str], None] = lambda message: None

    # -- what is declared ------------------------------------------------------------------------

    def admit(self, name: str, to: str | None, latency: Any, patience: float) -> None:
        """Lets a name of the simulated network stand for a real service; see `World.passthrough`."""
        host, port = split_address(name, "the name of the service")
        family, address, shown = target(to or name)
        check_patience(patience)
        network = self._world.network
        local = is_local(host)
        check_name(f"passthrough({name!r})", host, f"passthrough('service:{port}', to={name!r})")
        line = None if latency is None else Line(parse_latency(latency))
        if line is not None and local:
            raise UsageError(
                f"passthrough({name!r}, latency={latency!r}): what is on the same host has no latency of its own; "
                f"give the service a name, such as passthrough('service:{port}', to={to or name!r})"
            )
        owner = network.host(DEFAULT_HOST if local else host)
        service = Service(self, name, family, address, shown, patience, owner, line)
        listener = owner.bind(LOOPBACK if local else "0.0.0.0", port)
        listener.accept = service.accept
        listener.is_there = service.is_there
        self._services.append(service)

    def join(self, bridge: Bridge) -> None:
        """Begins to carry what goes over a connection."""
        self._bridges.append(bridge)
        self._asked.append(bridge)
        bridge.cause = self._world.step

        def arrived() -> None:
            bridge.take(self._world.step)
            if bridge not in self._asked:
                self._asked.append(bridge)
            if bridge in self._silent:
                self._silent.remove(bridge)

        bridge.end.watch_read(arrived)

    # -- what is carried -------------------------------------------------------------------------

    def settle(self) -> None:
        """Carries what has been sent, and stands still until it is answered; called before time moves on."""
        for _ in range(len(self._asked)):
            bridge = self._asked.popleft()
            if not bridge.is_open:
                continue
            if bridge.end.is_expecting and not bridge.is_left and bridge.held < _MOST_HELD:
                # What it would say to a part of a message depends on how fast it is: it is heard at the end.
                bridge.held += 1
                bridge.send()
                self._asked.append(bridge)
                continue
            limit = QUIET * _GREETING if bridge.held == _MOST_HELD else self._limit_of(bridge)
            bridge.held = 0
            self._carry(bridge, limit)
        self._look(0)
        self._bridges = [one for one in self._bridges if one.is_open]

    def await_any(self) -> Bridge | None:
        """Waits for any service to say something, when nothing else can go on.

        Returns:
            None if one did, or if none owes an answer; else the one that has owed it for longest.
        """
        self._silent = [one for one in self._silent if one.is_open and not one.is_left]
        if not self._bridges:
            return None
        patience = max(map(self._limit_of, self._bridges))
        for _ in range(round(patience / QUIET)):
            if self._look(QUIET):
                return None
        return self._silent[0] if self._silent else None

    def _limit_of(self, bridge: Bridge) -> float:
        return min(bridge.service.patience, HASTE) if self._hastens else bridge.service.patience

    def _carry(self, bridge: Bridge, limit: float) -> None:
        """Exchanges what is to be exchanged with one service, for no longer than it is silent for `limit`."""
        silent = 0.0
        heard = bridge.exchange()
        with selectors.DefaultSelector() as poll:
            registered = 0
            while bridge.is_open and (limit or heard):
                if bridge.has_hung_up or (bridge.is_left and not bridge.owes):
                    break
                wanted = bridge.waits_for
                if not wanted:
                    break
                if registered != wanted:
                    if registered:
                        poll.unregister(bridge.sock)
                    poll.register(bridge.sock, wanted)
                    registered = wanted
                if poll.select(QUIET):
                    said = bridge.exchange()
                    heard = heard or said
                    silent = 0.0 if said else silent
                    continue
                if heard:
                    break
                silent += QUIET
                if silent >= limit or (
                    not bridge.sent and not bridge.is_left and silent >= QUIET * _GREETING
                ):
                    break
        self._deliver(bridge)
        if bridge.is_left:
            bridge.close()
        elif limit and bridge.is_open and bridge.owes and bridge.sent:
            if bridge not in self._silent:
                self._silent.append(bridge)
            service = bridge.service
            self.report(
                f"{service.name} ({service.shown}) has not answered within {limit:g} s of real time, and virtual "
                "time went on. If it is only slow, give passthrough() more patience=; if it waits for another "
                "client, or sends no answer to this, less"
            )

    def _deliver(self, bridge: Bridge) -> None:
        """Puts what a service has said on its way, as caused by the step that asked."""
        world = self._world
        step, world.step = world.step, bridge.cause
        try:
            bridge.give()
        finally:
            world.step = step

    def _look(self, wait: float) -> bool:
        """Takes what any service says by itself; returns whether there was something."""
        found = [
            one
            for one in self._bridges
            if one.is_open and not one.has_hung_up and one.waits_for and one not in self._asked
        ]
        if not found:
            return False
        with selectors.DefaultSelector() as poll:
            for one in found:
                poll.register(one.sock, one.waits_for)
            ready = {key.fileobj for key, _ in poll.select(wait)}
        for one in found:
            if one.sock in ready:
                self._carry(one, 0.0)
                if one in self._silent and not one.owes:
                    self._silent.remove(one)
        return bool(ready)

    # -- the end ---------------------------------------------------------------------------------

    def hasten(self) -> None:
        """Waits no longer than needs be from now on: the outcome is taken."""
        self._hastens = True

    def close(self) -> None:
        """Closes all real connections."""
        for bridge in self._bridges:
            bridge.close()
        for service in self._services:
            service.close()
        self._bridges, self._silent = [], []
        self._asked.clear()


def outside_of(world: World) -> Outside:
    """Returns the real services of a world."""
    if world.outside is None:
        world.outside = Outside(world)
    found: Outside = world.outside
    return found


def check_patience(patience: object) -> None:
    """Checks a number of real seconds.

    Raises:
        UsageError: it is none.
    """
    if isinstance(patience, bool) or not isinstance(patience, (int, float)) or not 0 < patience < 1e6:
        raise UsageError(f"patience is {patience!r}: give the real seconds that the service may take")


def target(to: str) -> tuple[int, Any, str]:
    """Returns the family of a real address, the address, and how it is shown.

    Raises:
        UsageError: it is none, or its host is not known.
    """
    path = to.removeprefix("unix:") if isinstance(to, str) else ""
    if path.startswith("/"):
        if not hasattr(socket, "AF_UNIX"):
            raise UsageError(f"to={to!r}: there are no Unix sockets here; give host and port")
        return socket.AF_UNIX, path, path
    host, port = split_address(to, "real address")
    try:
        family, _, _, _, address = _getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    except OSError as error:
        raise UsageError(
            f"to={to!r}: this machine knows no host {host!r} ({error.strerror or os.strerror(errno.ENOENT)}); give "
            "an address where the service really is, such as '127.0.0.1:5432'"
        ) from None
    return family, address, to
