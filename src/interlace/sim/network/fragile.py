"""The part of an end of a connection that deals with what goes wrong between two hosts, or with one of them."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from interlace.sim.network.parcels import Kind, Parcel
from interlace.sim.network.wire import NEVER

if TYPE_CHECKING:
    from interlace.sim.network.host import Host
    from interlace.sim.network.stream import End
    from interlace.sim.network.wire import Wire
    from interlace.sim.world import World


class Fragile:
    """What `End` is besides: something that breaks.

    Attributes:
        fallen: called when the host has crashed; set by what the backend has made of the end.
    """

    peer: End
    link: Wire
    host: Host
    actor: str
    closed: bool
    _world: World
    _inbox: deque[Parcel]
    _buffer: deque[bytes | memoryview]
    _unread: int
    _held: int
    _shut: bool
    _error: int
    _reader: Callable[[], object] | None
    _writer: Callable[[], object] | None
    fallen: Callable[[], None] | None = None

    def _arm(self, time: int, what: str, cause: int) -> None:
        raise NotImplementedError

    def _post(self, target: End, kind: Kind, what: str, size: int = 0, later: int = 0) -> Parcel:
        raise NotImplementedError

    def _passes_reset(self) -> bool:
        """Tells whether a reset that is sent here arrives."""
        return True

    def sever(self) -> None:
        """Has both ends find the connection reset, as by something between them that has lost track of it."""
        for end in (self.peer.peer, self.peer):
            if not end.closed:
                end._strike()

    def fall(self, *, silent: bool) -> None:
        """Ends with its host: nobody reads or writes here any more.

        Args:
            silent: whether the other end is told nothing; else it finds the connection reset.
        """
        was_closed = self.closed
        self.closed = self._shut = True
        self._reader = self._writer = None
        self.peer.link.drop(self.peer)
        if silent:
            self._freeze()
        elif not was_closed:
            self.refuse()
        self._held -= self._unread
        self._unread = 0
        self._buffer.clear()
        fallen, self.fallen = self.fallen, None
        if fallen is not None:
            fallen()

    def refuse(self) -> None:
        """Has the other end find the connection reset although this one is closed already."""
        if not self._error:
            self._error = errno.EPIPE
            self._reset_peer()

    def time_out(self) -> None:
        """Gives the connection up, as what was sent was never acknowledged."""
        if not self.closed:
            self._error = errno.ETIMEDOUT
            self._shut = True
            self._arm(self._world.clock.ns, f"{self.actor} timed out", self._world.step)

    def thaw(self, time: int) -> None:
        """Has what waits to be sent again arrive at this time, in nanoseconds."""
        for item in self._inbox:
            if item.time == NEVER:
                item.time = time
        if self._inbox and self._inbox[0].time == time:
            self._arm(time, self._inbox[0].what, self._inbox[0].cause)

    def lose(self) -> None:
        """Forgets what waits to be sent again."""
        kept: deque[Parcel] = deque()
        for item in self._inbox:
            if item.time == NEVER:
                self._held -= item.size
            else:
                kept.append(item)
        self._inbox = kept

    def _freeze(self) -> None:
        """Has all that is on its way here be lost, and wait to be sent again."""
        if self._inbox:
            for item in self._inbox:
                item.time = NEVER
            self.link.hold(self.peer.peer)

    def _strike(self, kind: Kind = Kind.RESET) -> None:
        """Has a reset, or the end of the stream, arrive here now, after what is on its way."""
        world = self._world
        name = "reset" if kind is Kind.RESET else "end"
        item = Parcel(kind, f"{self.actor} {name}", world.clock.ns, world)
        if self._inbox:
            item.time = max(item.time, self._inbox[-1].time)
        self._inbox.append(item)
        if len(self._inbox) == 1:
            self._arm(item.time, item.what, item.cause)

    def _reset_peer(self) -> None:
        """Sends a reset; it is not sent again where it is lost."""
        if not self.peer.link.is_blocked and self.peer._passes_reset():
            self._post(self.peer, Kind.RESET, f"reset from {self.actor.rpartition(' ')[2]}")
