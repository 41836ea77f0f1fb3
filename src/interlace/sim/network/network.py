"""One simulated network: which hosts there are, who listens where, how a connection comes about."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.sim.network.certificates import Authority
from interlace.sim.network.dial import Dial
from interlace.sim.network.host import (
    LOOPBACK,
    Host,
    Listener,
    family_of,
    is_loopback,
    is_wildcard,
)
from interlace.sim.network.life import Programs, current_host
from interlace.sim.network.links import Links
from interlace.sim.network.local import Names
from interlace.sim.network.post import Post
from interlace.sim.network.spoiling import Spoiling
from interlace.sim.network.stream import End, pair
from interlace.sim.network.wire import Wire

if TYPE_CHECKING:
    from interlace.sim.network.link import Link
    from interlace.sim.world import World

DEFAULT_HOST = "local"
"""The name of the host that code runs on where nothing else was said."""

_HOSTS_PER_NET = 250


class Network:
    """The network of one world.

    Args:
        world: the world it is part of.

    Attributes:
        announce: set by the backend; told of the authority for certificates as soon as there is one.
        links: what a test says about the links between hosts.
        names_of_sockets: the files and abstract names that Unix sockets have.
        post: brings datagrams.
        programs: put in by the backend.
        spoiling: what a test says about faults of services and links.
    """

    __slots__ = (
        "_authority",
        "_by_address",
        "_counts",
        "_hosts",
        "_wires",
        "_world",
        "announce",
        "links",
        "names_of_sockets",
        "post",
        "programs",
        "spoiling",
    )

    def __init__(self, world: World) -> None:
        self._world = world
        self._hosts: dict[str, Host] = {}
        self._by_address: dict[str, Host] = {}
        self._wires: dict[tuple[str, str], Wire] = {}
        self.programs: Programs | None = None
        self.links = Links(self)
        self.spoiling = Spoiling(world, self)
        self.post = Post(world, self)
        self.names_of_sockets = Names(self)
        self._counts: dict[str, int] = {}
        self._authority: Authority | None = None
        self.announce: Callable[[Authority], None] = lambda authority: None

    @property
    def known_authority(self) -> Authority | None:
        """The authority for certificates, if anybody has asked for it."""
        return self._authority

    @property
    def authority(self) -> Authority:
        """Who signs the certificates of hosts; clients in this world trust it."""
        if self._authority is None:
            self._authority = Authority()
            self.announce(self._authority)
        return self._authority

    # -- hosts -----------------------------------------------------------------------------------

    def host(self, name: str) -> Host:
        """Returns the host of this name; it is made, with an address of its own, if it is new."""
        key = name.lower().rstrip(".")
        host = self._hosts.get(key)
        if host is None:
            if not self._hosts and key != DEFAULT_HOST:
                self.host(DEFAULT_HOST)  # first, so that its address is always the same
            number = len(self._hosts)
            address = f"10.0.{number // _HOSTS_PER_NET}.{number % _HOSTS_PER_NET + 1}"
            host = self._hosts[key] = self._by_address[address] = Host(self, name, address, self._world)
        return host

    def find(self, name: str) -> Host | None:
        """Returns the host of this name, else the one that stands for all names below a domain; None if there is none."""
        key = name.lower().rstrip(".")
        if key == DEFAULT_HOST:
            return self.host(DEFAULT_HOST)
        found = self._hosts.get(key)
        while found is None and "." in key:
            key = key.partition(".")[2]
            found = self._hosts.get(f"*.{key}")  # the nearest domain counts
        return found

    def at(self, address: str) -> Host | None:
        """Returns the host that has this IP address; None if there is none."""
        if address not in self._by_address and not self._hosts:
            self.host(DEFAULT_HOST)
        return self._by_address.get(address)

    @property
    def here(self) -> Host:
        """The host that the running code is on."""
        stay = current_host.get()
        if stay is None or stay.host.network is not self:  # a host of another run says nothing here
            return self.host(DEFAULT_HOST)
        return stay.host

    @property
    def hosts(self) -> tuple[Host, ...]:
        """All hosts, in the order in which they were made."""
        return tuple(self._hosts.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all hosts, in the order in which they were made."""
        return tuple(host.name for host in self._hosts.values())

    # -- links -----------------------------------------------------------------------------------

    def set_link(self, source: str, target: str, link: Link) -> None:
        """Says how packets travel from one host to another; `link` may be set per direction."""
        self.link(self.host(source), self.host(target)).link = link

    def link(self, source: Host, target: Host) -> Wire:
        """Returns what packets meet on their way from one host to another."""
        wire = self._wires.get((source.name, target.name))
        if wire is None:
            wire = self._wires[source.name, target.name] = Wire(self._world, source, target)
            self.links.apply(wire)
        return wire

    @property
    def wires(self) -> tuple[Wire, ...]:
        """All that `link` has ever been asked for, in that order."""
        return tuple(self._wires.values())

    # -- connections -----------------------------------------------------------------------------

    def bind(self, address: str, port: int, *, shared: bool = False, alias: str = "") -> Listener:
        """Reserves a port on the host that the address belongs to; see `Host.bind`.

        Raises:
            OSError: the port is taken, or no host has the address.
        """
        owner = None if is_loopback(address) or is_wildcard(address) else self.at(address)
        return (owner or self.here).bind(address, port, shared=shared, alias=alias)

    def connect(
        self, address: tuple[Any, ...], done: Callable[[int], None], *, local: tuple[Any, ...] | None = None
    ) -> End:
        """Starts a connection from the host that the running code is on.

        Args:
            address: IP address and port, as in a socket address.
            done: called as a step of the client's end with 0 once connected, else with the errno.
            local: the address and port to connect from; None or port 0: a free one.

        Returns: the client's end.

        Raises:
            OSError: no host has this address (ENETUNREACH).
        """
        ip, port = address[:2]
        if is_wildcard(ip):
            ip = "::1" if ip == "::" else LOOPBACK  # as Linux does
        source = self.here
        target = self.route(ip)
        listener = target.listener(ip, port)
        label = listener.label if listener else f"{ip if is_loopback(ip) else target.name}:{port}"
        name = self.numbered(f"{source.name}→{label}")
        if local is None:
            local = (ip if is_loopback(ip) else source.address, 0)
        local = _address(local[0], local[1] or source.free_port())
        remote = _address(ip, port)
        client = End(self._world, source, f"{name} client", local, remote, "reply")
        server = End(self._world, target, f"{name} server", remote, local, "request")
        pair(client, server, self.link(source, target), self.link(target, source))
        Dial(self._world, client, server, partial(_answering, target, ip, port), done).ask()
        return client

    def route(self, ip: str) -> Host:
        """Returns the host that an address belongs to, as seen from the running code.

        Raises:
            OSError: no host has this address (ENETUNREACH).
        """
        target = self.here if is_loopback(ip) else self.at(ip)
        if target is None:
            raise self._unreachable(ip)
        return target

    def numbered(self, name: str) -> str:
        """Returns a name with an ordinal, so that equal operations have different names."""
        self._counts[name] = number = self._counts.get(name, 0) + 1
        return f"{name}#{number}"

    def _unreachable(self, ip: str) -> OSError:
        error = OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        error.add_note(
            f"{ip} is the address of no host of the simulated network. Connect by name, and make the host "
            f"first: world.network.host(name). A real service is let in by world.passthrough('name:port', "
            "to='ADDRESS:PORT')."
        )
        return error


def _answering(target: Host, ip: str, port: int) -> Listener | None:
    """Returns who accepts a connection to this address; None if it is refused."""
    listener = target.listener(ip, port)
    if listener is None or listener.is_there is None or listener.is_there():
        return listener
    return None


def _address(ip: str, port: int) -> tuple[Any, ...]:
    """Shapes a socket address."""
    return (ip, port) if family_of(ip).name == "AF_INET" else (ip, port, 0, 0)
