"""The two ends of a connection, as the operating system would show them to a program.

An end is a non-blocking TCP socket without a descriptor: `send`, `receive`, `shut`, `close`, and two
watchers for "can be read" and "can be written". What travels to an end waits in its inbox, a FIFO of
its own; each packet has a delay that was asked for. A step of the end (`_poll`) takes in what has
arrived and tells the watchers, level-triggered like epoll: what is still readable afterwards is
reported by the next poll again.

Resets follow Linux (net/ipv4/tcp_input.c, tcp.c): a close with unread bytes resets the connection,
bytes that reach a closed end are answered by a reset, an end that had seen the other's end-of-stream
finds EPIPE after a reset, any other ECONNRESET.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.sim.network.link import Packet
from interlace.sim.network.parcels import CUTS, Kind, Parcel, cuts
from interlace.sim.network.polled import CAPACITY, Polled
from interlace.sim.network.spoilt import Spoilt
from interlace.sim.network.wire import NEVER, QUIET_TROUBLES, STREAM_TROUBLES

if TYPE_CHECKING:
    from interlace.sim.network.host import Host
    from interlace.sim.network.wire import Wire
    from interlace.sim.world import World

Address = Any
"""A socket address: IP address, port, and two more numbers with IPv6; the name of a Unix socket."""

TROUBLES = {
    Kind.DATA: STREAM_TROUBLES,
    Kind.CALL: QUIET_TROUBLES,
    Kind.END: QUIET_TROUBLES,
    Kind.RESET: (),
    Kind.WINDOW: (),
}
"""What may happen to what travels, besides taking its time."""


class End(Spoilt, Polled):
    """One end of a connection. Made in pairs by `pair`.

    Args:
        world: where its time and its answers come from.
        host: the host it is on.
        actor: its name in traces: the name of the connection, a space, and `client` or `server`.
        local: its own address, as `socket.getsockname` gives it.
        remote: the address of the other end, as `socket.getpeername` gives it.
        message: what the packets that arrive here are called.

    Attributes:
        connection: the name of the connection; `side` is `client` or `server`.
        peer: the other end; set by `pair`.
        link: what the packets that arrive here have met.
        opened: whether the handshake is done.
        closed: whether the program has closed this end.
    """

    def __init__(
        self, world: World, host: Host, actor: str, local: Address, remote: Address, message: str
    ) -> None:
        self._world = world
        self.host = host
        host.ends[actor] = self
        self.actor = actor
        self.connection, _, self.side = actor.rpartition(" ")
        self.local = local
        self.remote = remote
        self.closed = False
        self.opened = False
        self._message = message
        self._counter = 0
        self._windows = 0
        self._inbox: deque[Parcel] = deque()
        self._armed: set[int] = set()
        self._buffer: deque[bytes | memoryview] = deque()
        self._unread = 0
        self._held = 0
        self._ended = False
        self._shut = True
        self._error = 0
        self._reader: Callable[[], object] | None = None
        self._writer: Callable[[], object] | None = None

    # -- what a program can do -------------------------------------------------------------------

    def send(self, data: bytes | memoryview) -> int:
        """Sends as many of these bytes as fit and returns how many; 0 where a socket would block.

        Raises:
            ConnectionResetError: the other end has reset the connection.
            BrokenPipeError: this end was shut, or it is not the first call after a reset.
        """
        if self._inbox and not self._error and self._has_arrived(Kind.RESET):
            self._absorb()
        if self._error:
            raise self._take_error()
        if self._shut or self.closed:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        peer = self.peer
        size = len(data)
        room = CAPACITY - peer._held
        if size > room:
            if room <= 0:
                return 0
            data = data[:room]
            size = room
        peer._arrives(bytes(data), size)
        return size

    def receive(self, limit: int) -> bytes | None:
        """Returns up to `limit` bytes; b"" at the end of the stream; None where a socket would block.

        Raises:
            ConnectionResetError: the other end has reset the connection; raised once.
        """
        buffer = self._buffer
        if buffer:
            if self._unread <= limit:
                data = bytes(buffer.popleft()) if len(buffer) == 1 else b"".join(buffer)
                buffer.clear()
            else:
                data = self._split(limit)
            self._unread -= len(data)
            self._held -= len(data)
            self._tell_window()
            return data
        if self._ended:
            return b""
        if self._error:
            raise self._take_error()
        return None

    def open(self) -> None:
        """Marks the handshake as done: from now on the end can send. Does nothing the second time."""
        if not self.opened:
            self.opened = True
            self._shut = False

    def shut(self) -> None:
        """Ends the outgoing stream; the other one goes on."""
        if not self._shut:
            self._shut = True
            if not self._error:
                later = 0 if self.peer.link.is_plain else self.peer._pass_end()
                if later >= 0:
                    self._post(self.peer, Kind.END, f"end from {self.side}", later=later)

    def close(self) -> None:
        """Closes both streams. Unread bytes make it a reset for the other end, also those that are not polled yet."""
        if self._unread or (self._inbox and self._has_arrived(Kind.DATA)):
            self.reset()
        elif not self.closed:
            self.shut()
            self.closed = True
            self._reader = self._writer = None
            self.host.ends.pop(self.actor, None)

    def reset(self) -> None:
        """Closes both streams and has the other end find the connection reset."""
        if self.closed:
            return
        self.closed = self._shut = True
        self._reader = self._writer = None
        self.host.ends.pop(self.actor, None)
        self._held -= self._unread
        self._unread = 0
        self._buffer.clear()
        if not self._error:
            self._error = errno.EPIPE  # what still arrives is not answered by another one
            self.peer.link.drop(self.peer)
            self._reset_peer()

    def watch_read(self, reader: Callable[[], object] | None) -> None:
        """Sets what is called, as a step of this end, whenever it is readable; None for nothing."""
        self._reader = reader
        if reader is not None and self.readable:
            self._arm(self._world.clock.ns, "readable", self._world.step)

    def watch_write(self, writer: Callable[[], object] | None) -> None:
        """Sets what is called, as a step of this end, whenever it is writable; None for nothing."""
        self._writer = writer
        if writer is not None and self.writable:
            self._arm(self._world.clock.ns, "writable", self._world.step)

    def expect(self, what: str, call: Callable[[], None], after: int = 0) -> int:
        """Has a function called as a step of this end, after a delay that is asked for.

        Args:
            what: the name of what arrives, without the name of the connection.
            call: what to do then.
            after: what it takes besides, in nanoseconds.

        Returns: when that is, in nanoseconds; later if something is in front of it.
        """
        parcel = self._post(self, Kind.CALL, what)
        parcel.call = call
        if after and parcel.time != NEVER:
            parcel.time += after
            self._arm(parcel.time, parcel.what, parcel.cause)
        return parcel.time

    # -- what arrives ----------------------------------------------------------------------------

    def _post(self, target: End, kind: Kind, what: str, size: int = 0, later: int = 0) -> Parcel:
        """Sends something to `target`, which may be this end itself; it takes so many ns longer than usual."""
        world = self._world
        what = f"{target.connection} {what}"
        packet = Packet(target.peer.host.name, target.host.name, what, size)
        wire = target.link
        if wire.is_plain:
            time = world.clock.ns + world.delay(what, wire.link.fates(packet))
        else:
            time = wire.carry(packet, target, TROUBLES[kind])
        if later and time != NEVER:
            time += later
        inbox = target._inbox
        if inbox and time < inbox[-1].time:
            time = inbox[-1].time
        item = Parcel(kind, what, time, world)
        inbox.append(item)
        if len(inbox) == 1 and time != NEVER:
            target._arm(time, what, item.cause)
        return item

    def _arrives(self, data: bytes, size: int) -> None:
        """Puts bytes on their way to this end; those of one moment travel in one packet."""
        self._held += size
        if not self.link.is_plain and self._spoil(data, size):
            return
        if self._inbox and not self.link.rate:
            last = self._inbox[-1]
            world = self._world
            if last.kind is Kind.DATA and last.sent == world.clock.ns and last.iteration == world.iteration:
                last.chunks.append(data)
                last.size += size
                return
        self._counter += 1
        item = self._post(self, Kind.DATA, f"{self._message} {self._counter}", size=size)
        if self.course is not None and self.course.broken is not None:  # since it was sent
            self._inbox.pop()
            self._held -= size
            return
        item.chunks.append(data)
        item.size = size

    def _arm(self, time: int, what: str, cause: int) -> None:
        """Sees to it that this end has a step at that time."""
        if time not in self._armed:
            self._armed.add(time)
            self._world.flight.at(time, self.actor, what, partial(self._poll, time), cause)

    def _poll(self, time: int) -> None:
        """The step of this end: takes in what has arrived and tells the watchers."""
        self._armed.discard(time)
        self._absorb()
        if self._reader is not None and self.readable:
            self._reader()
        if self._writer is not None and self.writable:
            self._writer()
        if (self._reader is not None and self.readable) or (self._writer is not None and self.writable):
            self._arm(self._world.clock.ns, "readable", self._world.step)
        elif self._inbox and self._inbox[0].time != NEVER:
            head = self._inbox[0]
            self._arm(head.time, head.what, head.cause)

    def _absorb(self) -> None:
        now = self._world.clock.ns
        inbox = self._inbox
        while inbox and inbox[0].time <= now:
            item = inbox.popleft()
            if item.kind is Kind.DATA:
                while inbox and inbox[0].kind is Kind.DATA and inbox[0].time <= now:
                    more = inbox.popleft()
                    item.chunks += more.chunks
                    item.size += more.size
                    item.cuts = min(item.cuts, more.cuts)
                if self.closed:
                    self._held -= item.size
                    if not self._error:
                        self._error = errno.EPIPE  # only the first stray packet is answered
                        self._reset_peer()
                elif self._cut(item):
                    return
            elif item.kind is Kind.CALL:
                if item.call is not None:
                    item.call()
            elif item.kind is Kind.END:
                self._ended = True
            elif item.kind is Kind.RESET and not self.closed:
                self._error = errno.EPIPE if self._ended else errno.ECONNRESET
                self._shut = True

    def _has_arrived(self, kind: Kind) -> bool:
        """Tells whether such a parcel is there, although no poll has reported it."""
        now = self._world.clock.ns
        return any(item.kind is kind for item in self._inbox if item.time <= now)

    def _cut(self, item: Parcel) -> bool:
        """Takes in a packet; returns whether only its first part, and the rest is still to come."""
        world = self._world
        if world.asks and item.cuts and item.size > 1 and self._reader is not None:
            sizes, names = cuts(item.size)
            first = sizes[world.choose("cut", item.what, names)]
            if first < item.size:
                data = b"".join(item.chunks)
                self._take([data[:first]], first)
                what = f"{item.what} rest" if item.cuts == CUTS else f"{item.what} of rest"
                delays = self.link.fates(Packet(self.peer.host.name, self.host.name, what, item.size - first))
                rest = Parcel(Kind.DATA, what, world.clock.ns + world.delay(what, delays), world)
                rest.iteration = -1  # what is written now is not part of it
                rest.chunks.append(data[first:])
                rest.size = item.size - first
                rest.cuts = item.cuts - 1
                for later in self._inbox:
                    later.time = max(later.time, rest.time)
                self._inbox.appendleft(rest)
                return True
        self._take(item.chunks, item.size)
        return False

    def _take(self, chunks: list[bytes], size: int) -> None:
        self._buffer.extend(chunks)
        self._unread += size

    def _split(self, limit: int) -> bytes:
        taken: list[bytes | memoryview] = []
        while limit:
            chunk = self._buffer.popleft()
            if len(chunk) > limit:
                # a view: who reads a big chunk in small bites must not copy the rest each time
                self._buffer.appendleft(memoryview(chunk)[limit:])
                chunk = chunk[:limit]
            limit -= len(chunk)
            taken.append(chunk)
        return b"".join(taken)

    def _tell_window(self) -> None:
        """Lets a blocked sender know that there is room again."""
        peer = self.peer
        if peer._writer is None or not peer.writable:
            return
        if not any(item.kind is Kind.WINDOW for item in peer._inbox):
            self._windows += 1
            self._post(peer, Kind.WINDOW, f"room for {self._message} {self._windows}")

    def _take_error(self) -> OSError:
        """Gives the error once; afterwards the stream has ended and cannot be written."""
        code, self._error = self._error, 0
        self._ended = self._shut = True
        return OSError(code, os.strerror(code))


def pair(client: End, server: End, there: Wire, back: Wire) -> None:
    """Joins two ends.

    Args:
        client: one end.
        server: the other.
        there: what packets meet from client to server.
        back: what they meet from server to client.
    """
    client.peer = server
    server.peer = client
    client.link = back
    server.link = there
