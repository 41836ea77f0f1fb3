"""A simulated connection that goes on in a real one: what arrives on one side is sent on the other.

Decides nothing about time: `backends.outside` says when bytes are exchanged and for how long.
"""

from __future__ import annotations

import selectors
import socket
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from interlace.backends.outside import Service

_BLOCK = 1 << 18
_MOST_UNSENT = 1 << 24
"""Bytes that are kept of an answer which the program does not read: more are left with the service."""


class Tap(Protocol):
    """Is told what goes over the real connection."""

    def sent(self, data: bytes, /) -> None:
        """Takes what the service was sent; b"" at its end."""
        ...

    def said(self, data: bytes, /) -> None:
        """Takes what the service has said; b"" at its end."""
        ...

    def leave(self) -> None:
        """Takes note that the program hears nothing any more."""
        ...


class Near(Protocol):
    """The simulated side: the server's end of a simulated connection, or what stands before it."""

    @property
    def peer(self) -> Any:
        """The other end: `closed` tells whether nobody hears there any more."""
        ...

    @property
    def is_expecting(self) -> bool:
        """Whether more is on its way here."""
        ...

    def receive(self, limit: int, /) -> bytes | None:
        """Returns what has arrived; b"" at the end of the stream, None if there is nothing."""
        ...

    def send(self, data: bytes, /) -> int:
        """Sends bytes, and returns how many there was room for."""
        ...

    def shut(self) -> None:
        """Ends the outgoing stream."""
        ...

    def reset(self) -> None:
        """Breaks the connection."""
        ...

    def watch_read(self, reader: Callable[[], object] | None, /) -> None:
        """Has a function called when something has arrived."""
        ...

    def watch_write(self, writer: Callable[[], object] | None, /) -> None:
        """Has a function called when there is room."""
        ...


class Bridge:
    """A simulated connection and the real one that it goes on in.

    Args:
        service: who is at the other end.
        end: the server's end of the simulated connection.
        sock: the real connection.
        tap: is told what goes over that.

    Attributes:
        owes: whether the service has been sent something since it last said anything.
        sent: how many bytes it was sent since then.
        held: how often in a row it was not listened to because more was on its way to it.
        cause: the step that has sent something last.
        is_open: whether the real connection is open.
    """

    def __init__(self, service: Service, end: Near, sock: Any, tap: Tap | None = None) -> None:
        self.service = service
        self.end = end
        self.sock = sock
        self._tap = tap
        self.owes = True  # some services speak first
        self.sent = 0
        self.is_open = True
        self.held = 0
        self.cause = -1
        self._there: deque[memoryview] = deque()
        self._back: deque[bytes] = deque()
        self._kept = 0
        self._ends = False
        self._ended = False

    # -- the simulated side ----------------------------------------------------------------------

    def take(self, step: int) -> None:
        """Takes what has arrived from the program; a step of the simulated end."""
        while True:
            try:
                data = self.end.receive(_BLOCK)
            except OSError:  # the program has reset the connection
                self.close()
                return
            if data is None:
                return
            self.owes = True
            self.cause = step
            if not data:
                self._ends = True
                self.end.watch_read(None)
                return
            self._there.append(memoryview(data))
            self.sent += len(data)

    def give(self) -> None:
        """Sends to the program what the service has said, as far as there is room."""
        while self._back:
            data = self._back[0]
            try:
                taken = self.end.send(data)
            except OSError:
                self.close()
                return
            self._kept -= taken
            if taken < len(data):
                self._back[0] = data[taken:]
                self.end.watch_write(self.give)
                return
            self._back.popleft()
        self.end.watch_write(None)
        if self._ended:
            self.end.shut()

    @property
    def is_left(self) -> bool:
        """Whether nobody in the program hears what the service says."""
        left: bool = self.end.peer.closed
        return left

    # -- the real side ---------------------------------------------------------------------------

    @property
    def waits_for(self) -> int:
        """What the real socket is to be polled for; 0 for nothing."""
        if not self.is_open:
            return 0
        reads = selectors.EVENT_READ if not self._ended and self._kept < _MOST_UNSENT else 0
        return reads | (selectors.EVENT_WRITE if self._there else 0)

    def exchange(self) -> bool:
        """Sends and receives what can be without waiting; returns whether the service has said something."""
        self.send()
        return self._hear()

    def send(self) -> None:
        """Sends what can be without waiting."""
        try:
            while self._there:
                sent = self.sock.send(self._there[0])
                if self._tap is not None:
                    self._tap.sent(bytes(self._there[0][:sent]))
                self._there[0] = self._there[0][sent:]
                if not self._there[0]:
                    self._there.popleft()
        except BlockingIOError:
            pass
        except OSError:  # it has hung up: what it has said before may still be read
            self._there.clear()
        if self._ends and not self._there:
            self._ends = False
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def _hear(self) -> bool:
        heard = False
        while not self._ended and self._kept < _MOST_UNSENT:
            try:
                data = self.sock.recv(_BLOCK)
            except BlockingIOError:
                break
            except OSError:
                if self._tap is not None:
                    self._tap.said(b"")
                self.end.reset()
                self.close()
                return True
            heard = True
            if self._tap is not None:
                self._tap.said(data)
            if not data:
                self._ended = True
            elif not self.is_left:
                self._back.append(data)
                self._kept += len(data)
        if heard:
            self.owes = False
            self.sent = 0
        return heard

    @property
    def has_hung_up(self) -> bool:
        """Whether the service has said its last."""
        return self._ended

    def close(self) -> None:
        """Closes the real connection."""
        self.owes = self.is_open = False
        self.sock.close()
