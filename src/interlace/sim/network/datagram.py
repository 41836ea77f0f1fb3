"""Datagram sockets, as the operating system would show them to a program.

A mailbox is a non-blocking UDP socket without a descriptor: `send`, `receive`, `connect`, `close`, and two
watchers for "can be read" and "can be written", as the end of a connection has (stream.py). Each datagram has
a delay that was asked for; those from one socket to another keep their order. None is lost, arrives twice or
is overtaken unless that was declared of a link or asked for as a fault.

What is refused, and how, follows Linux (udp(7), ip(7), net/ipv4/udp.c): only a connected socket is told that
nobody is there, on its next call.
"""

from __future__ import annotations

import errno
import heapq
import os
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from interlace.sim.network.host import Host, is_wildcard
from interlace.sim.network.link import Packet
from interlace.sim.network.wire import DATAGRAM_TROUBLES, OVERTAKEN, Wire

if TYPE_CHECKING:
    from interlace.sim.network.post import Post
    from interlace.sim.world import World

Address = tuple[Any, ...]

MAX_SIZE = 65507
"""The bytes that one datagram can carry over IPv4; 20 more over IPv6, whose header is not counted in."""

_SEND_ROOM = 208 * 1024
"""Bytes that wait in the sending host for a link that is not wide enough, before a socket blocks."""

_ROOM = 4 * 1024 * 1024
"""Bytes that wait for a program that does not read; what comes then is dropped, as by every system."""


class Datagram(NamedTuple):
    """A datagram on its way; sorted by when it arrives, then by when it was sent.

    Args:
        time: when it arrives, in nanoseconds.
        number: the how-manieth of its world it is.
        what: its name, stable from run to run.
        data: what it carries; None: the answer of a host that nobody is there.
        source: the address that it comes from.
        target: the address that it was sent to.
        cause: the step that sent it.
        sender: the socket that it comes from.
    """

    time: int
    number: int
    what: str
    data: bytes | None
    source: Address
    target: Address
    cause: int
    sender: Mailbox


class Mailbox:
    """A UDP socket. Made by `Post.open`.

    Args:
        post: brings its datagrams to others.
        host: the host it is on.
        actor: its name in traces.
        address: the address it is bound to; None: none yet.
        six: whether it speaks IPv6.

    Attributes:
        remote: the address it is connected to; None: none.
        shared: whether others that also say so may bind to the same address, as SO_REUSEPORT.
        reused: likewise, as SO_REUSEADDR: the last of them gets what is for all.
        error: the number of what has gone wrong, of which nobody was told yet; 0 for nothing.
        broadcasts: whether it may send to everyone, as SO_BROADCAST.
        groups: the multicast groups it has joined, by address.
        hears_itself: whether what it sends to a group reaches its own host, as IP_MULTICAST_LOOP.
        closed: whether the program has closed it.
        is_bound: whether it has a port.
        fallen: called when the host has crashed; set by what the backend has made of it.
    """

    def __init__(self, world: World, post: Post, host: Host, actor: str, address: Address, six: bool) -> None:
        self._world = world
        self._post = post
        self.host = host
        self.actor = actor
        self.address: Address = address
        self.six = six
        self.remote: Address | None = None
        self.shared = False
        self.reused = False
        self.broadcasts = False
        self.groups: dict[str, None] = {}
        self.hears_itself = True
        self.closed = False
        self.is_bound = False
        self.fallen: Callable[[], None] | None = None
        self._inbox: list[Datagram] = []
        self._buffer: deque[Datagram] = deque()
        self._unread = 0
        self.error = 0
        self._leaving = 0
        self._count = 0
        self._last: dict[str, int] = {}
        self._armed: set[int] = set()
        self._reader: Callable[[], object] | None = None
        self._writer: Callable[[], object] | None = None

    # -- what a program can do -------------------------------------------------------------------

    @property
    def readable(self) -> bool:
        """Whether `receive` would give something, or raise."""
        self._absorb()
        return bool(self._buffer) or self.error != 0

    @property
    def waiting(self) -> int:
        """How many datagrams have arrived and are not read yet."""
        self._absorb()
        return len(self._buffer)

    @property
    def writable(self) -> bool:
        """Whether `send` would take something, or raise."""
        return self.error != 0 or self._leaving < _SEND_ROOM

    def bind(self, address: str, port: int) -> None:
        """Gives the socket a port.

        Args:
            address: an IP address of its host, a loopback address, a wildcard or a multicast group.
            port: 0 picks a free one.

        Raises:
            OSError: it has one already (EINVAL), the port is taken (EADDRINUSE), or the address is not of this
                host (EADDRNOTAVAIL).
        """
        if self.is_bound:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._post.bind(self, address, port)

    def connect(self, address: Address) -> None:
        """Has the socket send to one address, and receive from it only.

        Raises:
            OSError: no host has this address (ENETUNREACH), or everyone has and that is not allowed (EACCES).
        """
        ip, port = self._post.own(address[0]), address[1]
        local = self._post.source_for(self, ip)
        if not self.is_bound:
            self._post.bind(self, local, 0)
        elif is_wildcard(self.address[0]):
            self.address = shaped(local, self.address[1])
        self.remote = shaped(ip, port)

    def send(self, data: bytes, address: Address | None = None) -> bool:
        """Sends one datagram; returns False where a socket would block.

        Args:
            data: what it carries.
            address: where to; None: where the socket is connected to.

        Raises:
            ConnectionRefusedError: nobody was there when the connected socket last sent.
            OSError: too many bytes (EMSGSIZE), no address (EDESTADDRREQ), no host has it (ENETUNREACH), or
                everyone has and that is not allowed (EACCES).
        """
        self._absorb()
        if self.error:
            raise self._take_error()
        if address is None:
            address = self.remote
        if address is None:
            raise OSError(errno.EDESTADDRREQ, os.strerror(errno.EDESTADDRREQ))
        if len(data) > MAX_SIZE + (20 if self.six else 0):
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        if self._leaving >= _SEND_ROOM:
            return False
        ip, port = self._post.own(address[0]), address[1]
        local = self._post.source_for(self, ip)
        if not self.is_bound:
            self._post.bind(self, "::" if self.six else "0.0.0.0", 0)
        source = shaped(local if is_wildcard(self.address[0]) else self.address[0], self.address[1])
        self._count += 1
        name = f"{self.actor} datagram {self._count}"
        targets = self._post.targets(self, ip)
        for number, host in enumerate(targets):
            what = name if len(targets) == 1 else f"{name} to {host.name}"
            self._send_to(host, what, bytes(data), source, shaped(ip, port), first=not number)
        return True

    def receive(self, *, peek: bool = False) -> tuple[bytes, Address] | None:
        """Returns the next datagram and where it comes from; None where a socket would block.

        Args:
            peek: whether it is left where it is.

        Raises:
            ConnectionRefusedError: nobody was there when the connected socket last sent; raised once.
        """
        self._absorb()
        if self.error:
            raise self._take_error()
        if not self._buffer:
            return None
        datagram = self._buffer[0]
        data = datagram.data or b""
        if not peek:
            self._buffer.popleft()
            self._unread -= len(data)
        return data, datagram.source

    def close(self) -> None:
        """Gives the port back; what is not read yet is gone."""
        if not self.closed:
            self._absorb()
            self.closed = True
            self._reader = self._writer = None
            self._buffer.clear()
            self._post.release(self)

    def fall(self) -> None:
        """Ends with its host."""
        self.close()
        fallen, self.fallen = self.fallen, None
        if fallen is not None:
            fallen()

    def watch_read(self, reader: Callable[[], object] | None) -> None:
        """Sets what is called, as a step of this socket, whenever it is readable; None for nothing."""
        self._reader = reader
        if reader is not None and self.readable:
            self._arm(self._world.clock.ns, f"{self.actor} readable", self._world.step)

    def watch_write(self, writer: Callable[[], object] | None) -> None:
        """Sets what is called, as a step of this socket, whenever it is writable; None for nothing."""
        self._writer = writer
        if writer is not None and self.writable:
            self._arm(self._world.clock.ns, f"{self.actor} writable", self._world.step)

    # -- what travels ----------------------------------------------------------------------------

    def _send_to(
        self, host: Host, what: str, data: bytes, source: Address, target: Address, *, first: bool
    ) -> None:
        """Sends a datagram to one host."""
        world = self._world
        wire = self.host.network.link(self.host, host)
        packet = Packet(self.host.name, host.name, what, len(data))
        trouble = None if wire.is_plain or wire.is_blocked else wire.trouble(packet, DATAGRAM_TROUBLES)
        kind = "" if trouble is None else trouble.kind
        leaves = self._leave(wire, what, len(data), first=first)
        if wire.is_blocked or kind == "loss":
            return
        for _ in range(2 if kind == "duplicate" else 1):
            time = leaves + world.delay(what, wire.link.fates(packet))
            flow = f"{host.name} {target[1]}"
            if kind == "reorder":
                time += OVERTAKEN
            else:
                time = self._last[flow] = max(time, self._last.get(flow, 0))
            datagram = Datagram(time, self._post.number(), what, data, source, target, world.step, self)
            self._post.bring(host, datagram)

    def _leave(self, wire: Wire, what: str, size: int, *, first: bool) -> int:
        """Returns when so many bytes have left the host, in ns; until then they keep the socket from sending."""
        leaves = wire.leaves(size)
        if wire.rate and first:
            self._leaving += size
            left = partial(self._left, size)
            self._world.flight.at(leaves, self.actor, f"{what} has left", left, self._world.step)
        return leaves

    def _left(self, size: int) -> None:
        self._leaving -= size
        if self._writer is not None and self.writable:
            self._writer()

    def take_in(self, datagram: Datagram) -> None:
        """Has a datagram arrive here, at its time."""
        heapq.heappush(self._inbox, datagram)
        self._arm(datagram.time, datagram.what, datagram.cause)

    def _arm(self, time: int, what: str, cause: int) -> None:
        """Sees to it that this socket has a step at that time."""
        if time not in self._armed:
            self._armed.add(time)
            self._world.flight.at(time, self.actor, what, partial(self._poll, time), cause)

    def _poll(self, time: int) -> None:
        """The step of this socket: takes in what has arrived and tells the watchers."""
        self._armed.discard(time)
        self._absorb()
        if self._reader is not None and len(self._buffer) > 1:
            # One datagram is read for each report, and the next poll reports this socket before those that
            # what is read now writes to.
            self._arm(self._world.clock.ns, f"{self.actor} readable", self._world.step)
        if self._reader is not None and self.readable:
            self._reader()
        if self._writer is not None and self.writable:
            self._writer()
        if (self._reader is not None and self.readable) or (self._writer is not None and self.writable):
            self._arm(self._world.clock.ns, f"{self.actor} readable", self._world.step)

    def _absorb(self) -> None:
        """Takes in what has arrived by now."""
        now = self._world.clock.ns
        inbox = self._inbox
        while inbox and inbox[0].time <= now:
            datagram = heapq.heappop(inbox)
            if datagram.data is None:
                if self.remote is not None and self.remote == datagram.source:
                    self.error = errno.ECONNREFUSED
            elif self.closed:
                self._post.arrive(self.host, datagram)
            elif self._unread + len(datagram.data) <= _ROOM:
                self._buffer.append(datagram)
                self._unread += len(datagram.data)

    def _take_error(self) -> OSError:
        code, self.error = self.error, 0
        return OSError(code, os.strerror(code))


def shaped(ip: str, port: int) -> Address:
    """Shapes a socket address."""
    return (ip, port, 0, 0) if ":" in ip else (ip, port)


def is_group(address: str) -> bool:
    """Tells whether an address is one of a multicast group."""
    return 224 <= int(address.partition(".")[0]) <= 239 if ":" not in address else address.startswith("ff")
