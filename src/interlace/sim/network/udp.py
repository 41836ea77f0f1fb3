"""Datagram sockets as a program's own code has them: a `Socket` with a mailbox, and no connection.

States and errors are those of Linux (udp(7), net/ipv4/udp.c, net/core/datagram.c).
"""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from interlace.sim.network.sockets import Socket, fail

if TYPE_CHECKING:
    from interlace.sim.network.datagram import Mailbox
    from interlace.sim.network.network import Network
    from interlace.sim.world import World

_MEMBERSHIPS = (socket.IP_ADD_MEMBERSHIP, socket.IP_DROP_MEMBERSHIP)


class UdpSocket(Socket):
    """A datagram socket without a descriptor, on the host that the running code is on.

    Args:
        network: the network it is part of.
        world: where its time comes from.
        family: of its addresses.

    Attributes:
        box: what sends and receives for it.
    """

    kind = socket.SOCK_DGRAM

    def __init__(self, network: Network, world: World, family: socket.AddressFamily) -> None:
        super().__init__(network, world, family)
        self.box: Mailbox = network.post.open(six=family == socket.AF_INET6)
        self.box.fallen = self._fall
        self._mute = False

    # -- addresses -------------------------------------------------------------------------------

    @property
    def name(self) -> Any:
        """Its own address, as `socket.getsockname` gives it."""
        return self.box.address

    @property
    def peer(self) -> Any:
        """The address that it is connected to.

        Raises:
            OSError: it is not connected (ENOTCONN).
        """
        if self.box.remote is None:
            fail(errno.ENOTCONN)
        return self.box.remote

    def bind(self, address: Any) -> None:
        """Binds it to an IP address and a port; see `Mailbox.bind`."""
        self._up().bind(address[0], address[1])

    def connect(self, address: Any) -> None:
        """Has it send to one address, and receive from it only; that takes no time."""
        self._up().connect(address)

    def _up(self) -> Mailbox:
        if self.box.closed:
            fail(errno.ENETDOWN)  # its host has crashed
        self.box.shared = self.shares
        return self.box

    def _fall(self) -> None:
        """Ends with its host: who comes from elsewhere finds it broken."""
        if not self.closed:
            self._arm()

    # -- datagrams -------------------------------------------------------------------------------

    def send(self, data: bytes | memoryview, address: Any = None) -> int:
        """Sends one datagram; returns how many bytes it carries.

        Args:
            data: what it carries.
            address: where to; None: where the socket is connected to.

        Raises:
            BlockingIOError: the link is not wide enough for more.
            OSError: what `Mailbox.send` raises; there is no port 0 (EINVAL); this direction was ended (EPIPE).
        """
        box = self._up()
        if self._mute:
            fail(errno.EPIPE)
        if address is not None and not address[1]:
            fail(errno.EINVAL)
        if not box.send(bytes(data), address):
            fail(errno.EAGAIN)
        return len(data)

    def receive_from(self, limit: int, *, peek: bool = False) -> tuple[bytes, Any]:
        """Returns the next datagram, cut off after `limit` bytes, and where it comes from.

        Args:
            limit: how many bytes at most; what does not fit is lost.
            peek: whether it is left where it is.

        Raises:
            BlockingIOError: there is none yet.
            ConnectionRefusedError: nobody was there when the connected socket last sent; raised once.
        """
        found = self._up().receive(peek=peek)
        if found is None:
            fail(errno.EAGAIN)
        data, source = found
        self.cut = len(data) > limit
        return data[:limit], source

    def receive(self, limit: int, *, peek: bool = False) -> bytes:
        """Returns the next datagram, cut off after `limit` bytes."""
        return self.receive_from(limit, peek=peek)[0]

    # -- what it is not --------------------------------------------------------------------------

    def listen(self, backlog: int) -> NoReturn:
        """Raises EOPNOTSUPP: there are no connections."""
        fail(errno.EOPNOTSUPP)

    def accept(self) -> NoReturn:
        """Raises EOPNOTSUPP: there are no connections."""
        fail(errno.EOPNOTSUPP)

    def shut(self, how: int) -> None:
        """Ends one direction or both.

        Raises:
            OSError: it is not connected (ENOTCONN).
        """
        if self.box.remote is None:
            fail(errno.ENOTCONN)
        self._deaf |= how != socket.SHUT_WR
        self.ended = self._deaf
        self._mute |= how != socket.SHUT_RD
        self.watch_read(self._reader)

    def close(self) -> None:
        """Gives its port back."""
        self.closed = True
        self._reader = self._writer = None
        self.box.close()

    # -- who waits for it ------------------------------------------------------------------------

    @property
    def events(self) -> int:
        """What poll(2) reports of it."""
        box = self.box
        if box.closed:
            return select.POLLERR | select.POLLIN | select.POLLOUT
        found = select.POLLOUT if box.writable else 0
        if box.waiting or self._deaf:
            found |= select.POLLIN
        if self._deaf and self._mute:
            found |= select.POLLHUP
        return found | (select.POLLERR if box.error else 0)

    def take_error(self) -> int:
        """Returns what has gone wrong, as SO_ERROR, once; 0 for nothing."""
        error, self.box.error = self.box.error, 0
        return error

    def watch_read(self, reader: Callable[[], object] | None) -> None:
        """Sets what is called, as a step, whenever it is readable; None for nothing."""
        self._reader = reader
        if self._deaf or self.box.closed:
            if reader is not None:
                self._arm()
        else:
            self.box.watch_read(None if reader is None else self._read)

    def watch_write(self, writer: Callable[[], object] | None) -> None:
        """Sets what is called, as a step, whenever it is writable; None for nothing."""
        self._writer = writer
        if self.box.closed:
            if writer is not None:
                self._arm()
        else:
            self.box.watch_write(None if writer is None else self._write)

    def _arm(self) -> None:
        self._actor = self.box.actor
        super()._arm()


def apply_option(box: Mailbox, level: int, option: int, value: int | bytes) -> None:
    """Has an option of a datagram socket take effect: SO_BROADCAST, SO_REUSEADDR, and those for groups.

    Raises:
        OSError: a group that is none (EINVAL), or that it is not in (EADDRNOTAVAIL).
    """
    is_set = bool(value if isinstance(value, int) else any(value))
    if (level, option) == (socket.SOL_SOCKET, socket.SO_BROADCAST):
        box.broadcasts = is_set
    elif (level, option) == (socket.SOL_SOCKET, socket.SO_REUSEADDR):
        box.reused = is_set
    elif (level, option) == (socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP):
        box.hears_itself = is_set
    elif level == socket.IPPROTO_IP and option in _MEMBERSHIPS:
        request = b"" if isinstance(value, int) else value
        change_membership(box, request, joins=option == socket.IP_ADD_MEMBERSHIP)


def change_membership(box: Mailbox, request: bytes, *, joins: bool) -> None:
    """Has a socket join or leave the multicast group that a `struct ip_mreq` names; see ip(7).

    Raises:
        OSError: no group (EINVAL), in it already (EADDRINUSE), or not in it (EADDRNOTAVAIL).
    """
    if len(request) < 8 or not 224 <= request[0] <= 239:
        fail(errno.EINVAL)
    group = socket.inet_ntoa(request[:4])
    if joins == (group in box.groups):
        fail(errno.EADDRINUSE if joins else errno.EADDRNOTAVAIL)
    if joins:
        box.groups[group] = None
    else:
        del box.groups[group]
