"""The part of an end of a connection that tells what it has: to a poll, and to who looks without taking."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from interlace.sim.network.parcels import Kind, Parcel

if TYPE_CHECKING:
    from interlace.sim.network.stream import End
    from interlace.sim.world import World

CAPACITY = 256 * 1024
"""Bytes that the two operating systems hold for one direction of a connection, sent and not yet read."""

_WRITABLE = CAPACITY // 3
"""A full connection can be written again when so many bytes fit, as on Linux."""


class Polled:
    """What `End` is besides: something that can be polled."""

    peer: End
    side: str
    opened: bool
    _world: World
    _inbox: deque[Parcel]
    _buffer: deque[bytes | memoryview]
    _held: int
    _ended: bool
    _shut: bool
    _error: int
    _writer: Callable[[], object] | None

    def _absorb(self) -> None:
        raise NotImplementedError

    def _take_error(self) -> OSError:
        raise NotImplementedError

    @property
    def readable(self) -> bool:
        """Whether `receive` would give something: bytes, the end of the stream or an error."""
        return bool(self._buffer) or self._ended or self._error != 0

    @property
    def writable(self) -> bool:
        """Whether `send` would take something, or raise."""
        return self._error != 0 or CAPACITY - self.peer._held >= _WRITABLE

    @property
    def is_expecting(self) -> bool:
        """Whether bytes or the end of the stream are on their way here, or held back for want of room."""
        coming = (Kind.DATA, Kind.END)
        return self.peer._writer is not None or any(item.kind in coming for item in self._inbox)

    @property
    def is_shut(self) -> bool:
        """Whether its outgoing stream has ended."""
        return self._shut

    @property
    def is_broken(self) -> bool:
        """Whether something has gone wrong of which nobody was told yet."""
        return self._error != 0

    @property
    def is_over(self) -> bool:
        """Whether both streams have ended: it has hung up."""
        return self._shut and (self._ended or self._error != 0)

    def catch_up(self) -> None:
        """Takes in what has arrived although no poll has reported it yet, as a read does."""
        now = self._world.clock.ns
        inbox = self._inbox
        while inbox and inbox[0].kind is Kind.CALL and inbox[0].time <= now:
            if self.side != "server" or not self.opened:
                return  # a handshake is a step of its own
            inbox.popleft()  # it was accepted by who did not wait for a poll
        if inbox and inbox[0].time <= now:
            self._absorb()

    def peek(self, limit: int) -> bytes | None:
        """Returns what `receive` would, and leaves it there; None as well where that would raise."""
        if not self._buffer:
            return b"" if self._ended else None
        found = bytearray()
        for chunk in self._buffer:
            found += chunk[: limit - len(found)]
            if len(found) == limit:
                break
        return bytes(found)

    def take_error(self) -> int:
        """Returns the number of what has gone wrong, once; 0 for nothing."""
        return (self._take_error().errno or 0) if self._error else 0
