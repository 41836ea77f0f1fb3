"""The part of a socket that tells when it is ready: to polls, and to who waits for it."""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interlace.sim.network.network import Network
    from interlace.sim.network.stream import End
    from interlace.sim.world import World

_HUNG_UP = select.POLLHUP | select.POLLOUT


class Watched:
    """What `Socket` is besides: something that is waited for."""

    end: End | None
    closed: bool
    listens: bool
    connects: bool
    _network: Network
    _world: World
    _queue: deque[End]
    _error: int
    _failed: bool
    _deaf: bool
    _armed: bool
    _actor: str
    _reader: Callable[[], object] | None
    _writer: Callable[[], object] | None
    _read_told = -2
    _write_told = -2

    @property
    def events(self) -> int:
        """What poll(2) reports of it."""
        if self.listens:
            return select.POLLIN if self._queue else 0
        if self.connects:
            return 0
        if self.end is None:
            if not self._failed:
                return _HUNG_UP
            return _HUNG_UP | select.POLLIN | (select.POLLERR if self._error else 0)
        end = self.end
        end.catch_up()
        found = select.POLLOUT if end.writable else 0
        if end.readable or self._deaf:
            found |= select.POLLIN
        if end.is_over or (self._deaf and end.is_shut):
            found |= select.POLLHUP
        return found | (select.POLLERR if end.is_broken else 0)

    def take_error(self) -> int:
        """Returns what has gone wrong, as SO_ERROR, once; 0 for nothing."""
        if self.end is not None and not self.connects:
            return self.end.take_error()
        error, self._error = self._error, 0
        return error

    def watch_read(self, reader: Callable[[], object] | None) -> None:
        """Sets what is called, as a step, whenever it is readable; None for nothing."""
        self._reader = reader
        if self.end is not None and not self.connects and not self._deaf:
            self.end.watch_read(None if reader is None else self._read)
        elif reader is not None and self.events & ~select.POLLOUT:
            self._arm()

    def watch_write(self, writer: Callable[[], object] | None) -> None:
        """Sets what is called, as a step, whenever it is writable; None for nothing."""
        self._writer = writer
        if self.end is not None and not self.connects:
            self.end.watch_write(None if writer is None else self._write)
        elif writer is not None and self.events & ~select.POLLIN:
            self._arm()

    def _read(self) -> None:
        if self._reader is not None and self._may_tell(self._read_told):
            self._read_told = self._world.iteration
            self._reader()

    def _write(self) -> None:
        if self._writer is not None and self._may_tell(self._write_told):
            self._write_told = self._world.iteration
            self._writer()

    def _may_tell(self, told: int) -> bool:
        """Tells whether somebody may be called again who was called in that iteration: once a poll.

        Where callbacks of one iteration change places, what the call has scheduled is let run first: it may be
        that nobody wants to be called again.
        """
        return self._world.iteration - told > (self._world.order != "realistic")

    def _arm(self) -> None:
        """Has its watchers be told in a step of the next poll."""
        if self._armed:
            return
        self._armed = True
        world = self._world
        actor = self.end.actor if self.end is not None else self._actor
        if not actor:
            actor = self._actor = self._network.numbered("unconnected socket")
        world.flight.at(world.clock.ns, actor, "ready", self._poll, world.step)

    def _poll(self) -> None:
        self._armed = False
        if not self.closed:
            self._tell()

    def _tell(self) -> None:
        """Calls who waits for what it is now; again with the next poll, as long as that is so."""
        if self.events & ~select.POLLOUT:
            self._read()
        if self.events & ~select.POLLIN:
            self._write()
        self.watch_read(self._reader)
        self.watch_write(self._writer)
