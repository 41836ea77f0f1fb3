"""Sockets as a program's own code has them: bound, listening, connecting, connected, and never blocking.

A `Socket` is what the operating system keeps behind a descriptor. Once connected it is an `End` of a connection
and not much more; before that it has states of its own, and answers as Linux does (net/ipv4/af_inet.c, tcp.c).
What would have to wait raises BlockingIOError.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from interlace.sim.network.host import is_loopback, is_wildcard
from interlace.sim.network.life import settled_context
from interlace.sim.network.watched import Watched

if TYPE_CHECKING:
    from interlace.sim.network.host import Listener
    from interlace.sim.network.network import Network
    from interlace.sim.network.stream import End
    from interlace.sim.world import World


def fail(code: int) -> NoReturn:
    """Raises the OSError of this number, as the operating system words it.

    Raises:
        OSError: always.
    """
    raise OSError(code, os.strerror(code))


class Socket(Watched):
    """A stream socket without a descriptor.

    Args:
        network: the network it is part of.
        world: where its time comes from.
        family: of its addresses.
        end: the end of a connection that is there already; None for a fresh socket.

    Attributes:
        end: the end of its connection; None while there is none.
        listener: the address that it is bound to; None while it is not.
        shares: whether others that also say so may bind to the same address.
        resets: whether closing it resets its connection.
        closed: whether it is closed.
        limits: whether only so many connections may wait for it to accept them.
        kind: SOCK_STREAM or SOCK_DGRAM.
        cut: whether the datagram that was received last was cut off.
        ended: whether who waits for a datagram is given none, instead of waiting: reading was shut.
        unready_read: the number of the error when it is read without being connected; `unready_write` likewise.
        listens: whether it accepts connections.
        connects: whether it has begun to connect, and does not know yet how that goes.
    """

    kind = socket.SOCK_STREAM
    cut = False
    ended = False
    unready_read = errno.ENOTCONN
    unready_write = errno.EPIPE

    def __init__(
        self, network: Network, world: World, family: socket.AddressFamily, end: End | None = None
    ) -> None:
        self._network = network
        self._world = world
        self.family = family
        self.end = end
        self.listener: Listener | None = None
        self.shares = False
        self.resets = False
        self.closed = False
        self.limits = True
        self._queue: deque[End] = deque()
        self._backlog = 0
        self.listens = False
        self.connects = False
        self._untold = False  # Linux says once that it is connected to who asks it to connect
        self._error = 0
        self._failed = False
        self._deaf = False
        self._accepting = False
        self._armed = False
        self._actor = ""
        self._reader: Callable[[], object] | None = None
        self._writer: Callable[[], object] | None = None
        if end is not None:
            end.fallen = self._fall

    # -- addresses -------------------------------------------------------------------------------

    @property
    def name(self) -> Any:
        """Its own address, as `socket.getsockname` gives it."""
        if self.end is not None:
            return self.end.local
        if self.listener is not None:
            return self._shape(self.listener.address, self.listener.port)
        return self._shape("::" if self.family == socket.AF_INET6 else "0.0.0.0", 0)

    @property
    def peer(self) -> Any:
        """The address of the other end.

        Raises:
            OSError: it is not connected (ENOTCONN).
        """
        if self.end is None or self.connects:
            fail(errno.ENOTCONN)
        return self.end.remote

    def _shape(self, address: str, port: int) -> Any:
        return (address, port, 0, 0) if self.family == socket.AF_INET6 else (address, port)

    def bind(self, address: Any) -> None:
        """Binds it to an IP address and a port; port 0 picks a free one.

        Raises:
            OSError: it is bound already (EINVAL), the port is taken (EADDRINUSE), or the address is of no host
                (EADDRNOTAVAIL).
        """
        if self.listener is not None or self.end is not None:
            fail(errno.EINVAL)
        self.listener = self._network.bind(address[0], address[1], shared=self.shares)

    # -- connections -----------------------------------------------------------------------------

    def connect(self, address: Any) -> None:
        """Starts a connection, or tells how it went.

        Raises:
            BlockingIOError: it has begun to connect (EINPROGRESS), or is still at it (EALREADY).
            OSError: it is connected (EISCONN), or that has failed.
        """
        if self._untold:
            self._untold = False
            return
        self._check_unconnected()
        local = None
        if self.listener is not None:
            own = self.listener.address
            if is_wildcard(own):
                own = address[0] if is_loopback(address[0]) else self._network.here.address
            local = (own, self.listener.port)
        self._failed = False
        self.connects = True
        try:
            self.end = self._network.connect(address, self._settle, local=local)
        except BaseException:
            self.connects = False
            raise
        self.end.fallen = self._fall
        fail(errno.EINPROGRESS)

    def _check_unconnected(self) -> None:
        """Raises what connecting raises where it begins nothing."""
        if self.connects:
            fail(errno.EALREADY)
        if self.listens or self.end is not None:
            fail(errno.EISCONN)
        if self._error:
            self._failed = False
            fail(self.take_error())
        if self._failed:
            self._failed = False
            fail(errno.ECONNABORTED)  # the reason was asked for, with SO_ERROR

    def _settle(self, code: int) -> None:
        """Notes how a connection came about; a step of its end."""
        self.connects = False
        if self.closed or self.end is None:
            return
        self._untold = not code
        if code:
            self._break(code)
        self._tell()

    def _break(self, code: int) -> None:
        self._error = code
        self._failed = True
        if self.end is not None:
            self._actor = self.end.actor
        self.end = None

    def _fall(self) -> None:
        """Ends with its host: who has come from elsewhere finds it broken."""
        if not self.closed:
            self.connects = False
            self._break(errno.ECONNRESET)
            self._arm()

    def listen(self, backlog: int) -> None:
        """Accepts connections from now on; binds it to a free port if it is not bound.

        Raises:
            OSError: it is connected (EINVAL).
        """
        if self.end is not None or self.connects:
            fail(errno.EINVAL)
        if self.listener is None:
            self.bind(self.name)
        assert self.listener is not None
        self._backlog = max(backlog, 0)
        if not self.listens:
            self.listens = True
            self._actor = f"{self.listener.label} listener"
            accept: Callable[[End], None] = partial(settled_context().run, self._arrive)  # type: ignore[call-arg]
            self.listener.accept = accept

    def _arrive(self, end: End) -> None:
        self._queue.append(end)
        if self._accepting:
            self._arm()  # who is just accepting is not called in the middle of it
        else:
            self._tell()

    def accept(self) -> Socket:
        """Returns the next connection, as a socket.

        Raises:
            BlockingIOError: there is none yet.
            OSError: it does not listen (EINVAL).
        """
        if not self.listens or self.listener is None:
            fail(errno.EINVAL)
        if not self._queue:
            self._accepting = True
            try:
                self.listener.accept_arrived(self._world.clock)
            finally:
                self._accepting = False
        if not self._queue:
            fail(errno.EAGAIN)
        return type(self)(self._network, self._world, self.family, self._queue.popleft())

    def hand_over(self) -> list[End]:
        """Gives the connections that nobody has accepted to who accepts from now on."""
        waiting = list(self._queue)
        self._queue.clear()
        self.listens = True
        self.limits = False
        return waiting

    # -- bytes -----------------------------------------------------------------------------------

    def send(self, data: bytes | memoryview, address: Any = None) -> int:
        """Sends as many of these bytes as fit, and returns how many.

        Args:
            data: the bytes.
            address: does not count for a stream.

        Raises:
            BlockingIOError: none fit.
            OSError: it is not connected (EPIPE), or the other end has reset the connection.
        """
        if self.end is None:
            if self._error:
                fail(self.take_error())
            fail(self.unready_write)
        if self.connects:
            fail(errno.EAGAIN)
        sent = self.end.send(data) if len(data) or not self.end.writable else 0
        if len(data) and not sent:
            fail(errno.EAGAIN)
        return sent

    def receive_from(self, limit: int, *, peek: bool = False) -> tuple[bytes, Any]:
        """Is `receive`, and names the sender, which a stream does not do."""
        return self.receive(limit, peek=peek), None

    def receive(self, limit: int, *, peek: bool = False) -> bytes:
        """Returns up to `limit` bytes; b"" at the end of the stream.

        Args:
            limit: how many bytes at most.
            peek: whether they are left where they are.

        Raises:
            BlockingIOError: there are none yet.
            OSError: it is not connected (ENOTCONN), or the other end has reset the connection.
        """
        if self.end is None:
            if self._error:
                fail(self.take_error())
            if self._failed:
                return b""
            fail(self.unready_read)
        if self.connects:
            fail(errno.EAGAIN)
        if not limit:
            return b""
        self.end.catch_up()
        data = self.end.peek(limit) if peek else self.end.receive(limit)
        if data is None:
            if not self._deaf:
                fail(errno.EAGAIN)
            return b""
        return data

    def shut(self, how: int) -> None:
        """Ends one direction or both; a socket that listens does so no more.

        Raises:
            OSError: it is not connected (ENOTCONN).
        """
        if self.listens and how != socket.SHUT_WR and self.listener is not None:
            self.listener.accept = None
            self.listens = False
            self._drop_queue()
            return
        if self.end is None or self.connects:
            fail(errno.ENOTCONN)
        if how != socket.SHUT_WR:
            self._deaf = True
            self.watch_read(self._reader)
        if how != socket.SHUT_RD:
            self.end.shut()

    def close(self) -> None:
        """Closes it, and with it its connection, or the port that it has."""
        if self.closed:
            return
        self.closed = True
        self._reader = self._writer = None
        if self.end is not None:
            if self.resets:
                self.end.reset()
            else:
                self.end.close()
        if self.listener is not None:
            self.listener.close()
        self._drop_queue()

    def _drop_queue(self) -> None:
        for end in self._queue:
            end.reset()
        self._queue.clear()
