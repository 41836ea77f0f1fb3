"""Who gets a datagram: the ports that datagram sockets are bound to, broadcasts and multicast groups."""

from __future__ import annotations

import errno
import os
from functools import partial
from typing import TYPE_CHECKING

from interlace.sim.network.datagram import Datagram, Mailbox, is_group, shaped
from interlace.sim.network.host import Host, family_of, is_loopback, is_wildcard
from interlace.sim.network.link import Packet

if TYPE_CHECKING:
    from interlace.sim.network.network import Network
    from interlace.sim.world import World

_EVERYONE = ("255.255.255.255", "10.0.255.255")
_OWN_BROADCAST = "127.255.255.255"


class Post:
    """Brings datagrams from socket to socket.

    Args:
        world: the world it is part of.
        network: its network.
    """

    __slots__ = ("_network", "_number", "_world")

    def __init__(self, world: World, network: Network) -> None:
        self._world = world
        self._network = network
        self._number = 0

    def open(self, *, six: bool = False) -> Mailbox:
        """Returns a new datagram socket on the host that the running code is on; it has no port yet.

        Args:
            six: whether it is to speak IPv6.
        """
        nowhere = shaped("::" if six else "0.0.0.0", 0)
        host = self._network.here
        return Mailbox(self._world, self, host, f"{host.name} udp", nowhere, six)

    # -- addresses -------------------------------------------------------------------------------

    def bind(self, box: Mailbox, address: str, port: int) -> None:
        """Gives a socket a port; see `Mailbox.bind`."""
        host = box.host
        if not (host.owns(address) or is_group(address) or _is_broadcast(address)):
            raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        chosen = port or host.free_port(host.boxes)
        for other in host.boxes.get(chosen, ()):
            same = other.six == box.six and (
                other.address[0] == address or is_wildcard(address) or is_wildcard(other.address[0])
            )
            if same and not (box.shared and other.shared) and not (box.reused and other.reused):
                raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
        host.boxes.setdefault(chosen, []).append(box)
        box.address = shaped(address, chosen)
        box.is_bound = True
        host.announce(chosen)
        shown = address if is_loopback(address) else host.name
        box.actor = self._network.numbered(f"{shown}:{port} udp" if port else f"{host.name} udp")

    def release(self, box: Mailbox) -> None:
        """Gives a port back."""
        boxes = box.host.boxes
        others = boxes.get(box.address[1], [])
        if box in others:
            others.remove(box)
            if not others:
                del boxes[box.address[1]]

    def source_for(self, box: Mailbox, ip: str) -> str:
        """Returns the address that a socket sends from to another address.

        Raises:
            OSError: no host has that address (ENETUNREACH), or everyone has and the socket has not said that it
                may send to everyone (EACCES).
        """
        if family_of(ip) != family_of(box.address[0]):
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        if _is_broadcast(ip) and not box.broadcasts:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        if is_loopback(ip):
            return "::1" if box.six else "127.0.0.1"
        if not (_is_broadcast(ip) or is_group(ip)):
            self._network.route(ip)
        return box.host.address

    def own(self, ip: str) -> str:
        """Returns the address that is meant: a wildcard stands for the host itself, as Linux has it."""
        if is_wildcard(ip):
            return "::1" if ip == "::" else "127.0.0.1"
        return ip

    def targets(self, box: Mailbox, ip: str) -> list[Host]:
        """Returns the hosts that get what a socket sends to an address."""
        if is_loopback(ip):
            return [box.host]
        if ip in _EVERYONE:
            return list(self._network.hosts)
        if is_group(ip):
            return [
                host
                for host in self._network.hosts
                if _members(host, ip) and (host is not box.host or box.hears_itself)
            ]
        return [self._network.route(ip)]

    # -- bringing --------------------------------------------------------------------------------

    def number(self) -> int:
        """Returns the number of a new datagram."""
        self._number += 1
        return self._number

    def bring(self, host: Host, datagram: Datagram) -> None:
        """Has a datagram arrive at a host, at its time."""
        boxes = self._find(host, datagram)
        if boxes:
            for box in boxes:
                box.take_in(datagram)
        elif datagram.time <= self._world.clock.ns:
            self.arrive(host, datagram)
        else:
            arrive = partial(self.arrive, host, datagram)
            self._world.flight.at(datagram.time, datagram.sender.actor, datagram.what, arrive, datagram.cause)

    def arrive(self, host: Host, datagram: Datagram) -> None:
        """Hands a datagram that has arrived to who is there now; if that is nobody, its sender is told."""
        if host.is_silent:
            return
        boxes = self._find(host, datagram)
        for box in boxes:
            box.take_in(datagram._replace(time=self._world.clock.ns))
        sender = datagram.sender
        if boxes or sender.closed or sender.remote is None or datagram.target != sender.remote:
            return
        wire = self._network.link(host, sender.host)
        if wire.is_blocked:
            return
        world = self._world
        what = f"{datagram.what} refused"
        delays = wire.link.fates(Packet(host.name, sender.host.name, what, 0))
        time = world.clock.ns + world.delay(what, delays)
        refusal = Datagram(
            time, self.number(), what, None, datagram.target, datagram.source, world.step, sender
        )
        sender.take_in(refusal)

    def _find(self, host: Host, datagram: Datagram) -> list[Mailbox]:
        """Returns the sockets that a datagram is for, as Linux finds them."""
        ip, port = datagram.target[:2]
        bound = [box for box in host.boxes.get(port, ()) if box.six == (":" in ip)]
        bound = [box for box in bound if box.remote is None or box.remote == datagram.source]
        if _is_broadcast(ip):
            return [box for box in bound if is_wildcard(box.address[0]) or box.address[0] == ip]
        if is_group(ip):
            fitting = [box for box in bound if is_wildcard(box.address[0]) or box.address[0] == ip]
            return fitting if _members(host, ip) else []
        ranked: dict[int, list[Mailbox]] = {}
        for box in bound:
            exact = box.address[0] == ip or (is_wildcard(ip) and is_loopback(box.address[0]))
            if exact or is_wildcard(box.address[0]):
                ranked.setdefault(2 * (box.remote is not None) + exact, []).append(box)
        if not ranked:
            return []
        best = ranked[max(ranked)]
        if not all(box.shared for box in best):
            return best[-1:]
        return [
            best[datagram.source[1] % len(best)]
        ]  # Linux spreads them over those that share a port by a hash


def _members(host: Host, group: str) -> bool:
    """Tells whether a host is in a group: then all its sockets at the port get it (IP_MULTICAST_ALL)."""
    return any(group in box.groups for boxes in host.boxes.values() for box in boxes)


def _is_broadcast(ip: str) -> bool:
    return ip in _EVERYONE or ip == _OWN_BROADCAST
