"""Records what a real peer says to the clients of a run: over the same bridges as `outside`, which hear it whole.

The program's end of the connection may speak TLS, and so may the real one: what goes between them, and on the
tape, is plain.
"""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import time_machine

from interlace.backends.bridge import Bridge, Tap
from interlace.backends.outside import Outside, Service, check_patience, outside_of, target
from interlace.errors import UsageError
from interlace.sim.clock import SECOND
from interlace.sim.network.service import Break, Hand, Held

if TYPE_CHECKING:
    from interlace.sim.world import World

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


class Peer:
    """A real peer that is recorded: makes the conversation of each connection to it.

    Args:
        world: the world.
        name: host and port in the simulated network.
        to: where the peer really is.
        hostname: who its certificate must be for; None: it does not speak TLS.
        patience: real seconds for which virtual time stands still while it has not answered.
        tap: makes, for each connection, what is told all that goes over it.

    Raises:
        UsageError: an argument that cannot work.
    """

    def __init__(
        self, world: World, name: str, to: str, hostname: str | None, patience: float, tap: Callable[[], Tap]
    ) -> None:
        check_patience(patience)
        family, address, shown = target(to)
        self.outside: Outside = outside_of(world)
        self.complain = world.complaints.append
        self.tap = tap
        self._hostname = hostname
        self.service = Service(self.outside, name, family, address, shown, patience, world.network.here, None)

    def connect(self) -> Recorded:
        """Returns the conversation for a new connection."""
        return Recorded(self)

    def dial(self) -> Any:
        """Returns a real connection.

        Raises:
            UsageError: there is none to be had.
        """
        name, shown = self.service.name, self.service.shown
        try:
            sock: Any = self.service.dial()
            if self._hostname is not None:
                sock = _Secured(sock, self._hostname)
        except OSError as error:
            said = getattr(error, "verify_message", "") or error.strerror or str(error)
            raise UsageError(
                f"{name} ({shown}) cannot be reached, so nothing can be recorded: {said}. See whether it is there; "
                "world.tape(..., to='127.0.0.1:5432') says where it really is, and without recording the tape is replayed"
            ) from None
        sock.setblocking(False)
        return sock


class Recorded:
    """One connection to a real peer, and what goes over it; see `sim.network.service.Conversation`."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._near: _Near | None = None

    def begin(self, outlet: Any) -> None:
        """Opens the real connection."""
        try:
            sock = self._peer.dial()
        except UsageError as error:
            self._peer.complain(error)
            outlet.close()
            return
        tap = self._peer.tap()
        self._near = _Near(outlet, tap)
        self._peer.outside.join(Bridge(self._peer.service, self._near, sock, tap))

    def receive(self, data: bytes) -> Iterator[Hand]:
        """Takes what has arrived."""
        near = self._near
        if near is not None:
            near.take(data)
            if not data and not near.is_shut:
                yield Hand(near.linger)  # it may have something to say yet

    def end(self) -> None:
        """Takes note that the connection is gone."""
        if self._near is not None:
            self._near.leave()


class _Near:
    """The simulated side of a bridge; see `bridge.Near`."""

    def __init__(self, outlet: Any, tap: Tap) -> None:
        self._outlet = outlet
        self._tap = tap
        self._arrived: deque[bytes] = deque()
        self._reader: Callable[[], object] | None = None
        self.closed = False
        self.is_shut = False

    # -- what the bridge asks --------------------------------------------------------------------

    @property
    def peer(self) -> _Near:
        """What tells whether anybody hears."""
        return self

    @property
    def is_expecting(self) -> bool:
        """Whether more is on its way."""
        expecting: bool = not self.closed and self._outlet.wire.is_expecting
        return expecting

    def receive(self, limit: int) -> bytes | None:
        """Returns what has arrived."""
        return self._arrived.popleft() if self._arrived else None

    def send(self, data: bytes) -> int:
        """Sends all of it."""
        if not self.closed:
            self._outlet.send(data, None)
        return len(data)

    def shut(self) -> None:
        """Ends the connection."""
        if not (self.closed or self.is_shut):
            self.is_shut = True
            self._outlet.close()

    def reset(self) -> None:
        """Breaks the connection."""
        if not (self.closed or self.is_shut):
            self.is_shut = True
            self._outlet.end(Break.RESET)

    def watch_read(self, reader: Callable[[], object] | None) -> None:
        """Has a function called when something has arrived."""
        self._reader = reader

    def watch_write(self, writer: Callable[[], object] | None) -> None:
        """There is always room."""

    # -- what the conversation tells it ----------------------------------------------------------

    def take(self, data: bytes) -> None:
        """Takes what has arrived; b"" at its end."""
        if not data:
            self._tap.sent(b"")
        self._arrived.append(data)
        if self._reader is not None:
            self._reader()

    def leave(self) -> None:
        """The program has left."""
        self.closed = True
        self._tap.leave()

    async def linger(self, held: Held) -> None:
        """Waits until the peer has ended the connection as well."""
        while not (self.is_shut or self.closed):
            await held.more()


class _Secured:
    """A real connection that speaks TLS, as far as a bridge asks it."""

    def __init__(self, sock: socket.socket, hostname: str) -> None:
        try:
            self._inner = ssl.create_default_context().wrap_socket(sock, server_hostname=hostname)
        except BaseException:
            sock.close()
            raise

    def fileno(self) -> int:
        """Returns its descriptor."""
        return self._inner.fileno()

    def setblocking(self, flag: bool) -> None:
        """Says whether calls wait."""
        self._inner.setblocking(flag)

    def send(self, data: bytes) -> int:
        """Sends what can be."""
        try:
            return self._inner.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None

    def recv(self, limit: int) -> bytes:
        """Returns what has come."""
        try:
            return self._inner.recv(limit)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise BlockingIOError from None
        except ssl.SSLZeroReturnError:
            return b""

    def shutdown(self, how: int) -> None:
        """Does nothing: under TLS a peer takes half an end for the whole one."""

    def close(self) -> None:
        """Closes it."""
        self._inner.close()


def today() -> str:
    """Returns the real date in words."""
    days = time_machine.escape_hatch.time.time_ns() // (24 * 3600 * SECOND)
    date = dt.date.fromordinal(719163 + days)  # 1 January 1970
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"
