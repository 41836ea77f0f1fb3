"""Unix sockets: connections within one host, found by a file or by an abstract name (unix(7)).

Whoever owns the file says which one it is: here it is a key, and its name is only shown. A connection is there at
once, and bytes are with the other end as soon as they are sent; when that is told of it takes a time that is explored,
as on any other connection. States and errors are those of Linux (net/unix/af_unix.c).
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.sim.network.host import Listener
from interlace.sim.network.sockets import Socket, fail
from interlace.sim.network.stream import End, pair
from interlace.sim.network.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Hashable

    from interlace.sim.network.host import Host
    from interlace.sim.network.network import Network
    from interlace.sim.world import World

_ANONYMOUS = 5
"""Hexadecimal digits of the abstract names that are given to who asks for any."""


class _Pipe(Wire):
    """What bytes meet within a host: nothing goes wrong there."""

    def review(self) -> None:
        """Does nothing: no fault and no declaration is about what stays within a host."""
        self.is_plain = True


class LocalEnd(End):
    """One end of a connection between Unix sockets."""

    def send(self, data: bytes | memoryview) -> int:
        """Is that of `End`; it is known at once that the other end is closed.

        Raises:
            BrokenPipeError: the other end is closed, or this one was shut.
        """
        if self.peer.closed:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return super().send(data)

    def catch_up(self) -> None:
        """Takes in all that was sent, whether or not a poll would report it."""
        now = self._world.clock.ns
        for item in self._inbox:
            item.time = min(item.time, now)
        super().catch_up()

    def close(self) -> None:
        """Closes both streams; unread bytes make it a reset for the other end."""
        if not self.closed:
            self.catch_up()
        super().close()


class LocalListener(Listener):
    """A name of a Unix socket.

    Args:
        names: all of them.
        host: the host it is on.
        key: what tells it from others of that host.
        address: how it is shown.
        label: how connections to it are named.
        release: called when it is given up.
        is_full: tells whether no more connections may wait to be accepted.
    """

    __slots__ = ("_key", "_names", "_release", "is_full")

    def __init__(
        self,
        names: Names,
        host: Host,
        key: Hashable,
        address: Any,
        label: str,
        release: Callable[[], object] | None,
        is_full: Callable[[], bool],
    ) -> None:
        super().__init__(host, address, 0, label, False)
        self._names = names
        self._key = key
        self._release = release
        self.is_full = is_full

    def close(self) -> None:
        """Gives the name up."""
        self.accept = None
        self._names.forget(self.host, self._key, self)
        waiting, self.backlog = self.backlog, []
        for _, accept in waiting:
            accept()  # nobody does: they are reset
        release, self._release = self._release, None
        if release is not None:
            release()


class Names:
    """The names of all Unix sockets of a network.

    Args:
        network: the network.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._known: dict[tuple[Host, Hashable], LocalListener] = {}
        self._count = 0

    def anonymous(self) -> bytes:
        """Returns an abstract name that nobody has."""
        self._count += 1
        return b"\0%0*x" % (_ANONYMOUS, self._count)

    def bind(
        self, key: Hashable, address: Any, release: Callable[[], object] | None, is_full: Callable[[], bool]
    ) -> LocalListener:
        """Takes a name on the host that the running code is on.

        Raises:
            OSError: it is taken (EADDRINUSE).
        """
        host = self._network.here
        if (host, key) in self._known:
            fail(errno.EADDRINUSE)
        label = self._network.numbered("unix socket")  # a file may have another name in each run
        found = LocalListener(self, host, key, address, label, release, is_full)
        self._known[host, key] = found
        return found

    def find(self, key: Hashable) -> LocalListener | None:
        """Returns who has a name on the host that the running code is on; None: nobody."""
        return self._known.get((self._network.here, key))

    def forget(self, host: Host, key: Hashable, listener: LocalListener) -> None:
        """Gives a name up."""
        if self._known.get((host, key)) is listener:
            del self._known[host, key]

    def close(self, host: Host) -> None:
        """Has nobody listen any more on a host, as after a crash; the files stay."""
        for listener in [one for (owner, _), one in self._known.items() if owner is host]:
            listener.close()


class LocalSocket(Socket):
    """A Unix stream socket without a descriptor.

    Addresses are a key and what is shown; None as the key asks for any name.
    """

    unready_read = errno.EINVAL
    unready_write = errno.ENOTCONN

    def __init__(
        self, network: Network, world: World, family: socket.AddressFamily, end: End | None = None
    ) -> None:
        super().__init__(network, world, family, end)
        self.release: Callable[[], object] | None = None

    @property
    def name(self) -> Any:
        """Its own name; "" if it has none."""
        if self.end is not None:
            return self.end.local
        return "" if self.listener is None else self.listener.address

    def bind(self, address: Any) -> None:
        """Gives it a name; `release` is called when that is given up.

        Raises:
            OSError: it has one (EINVAL), or it is taken (EADDRINUSE).
        """
        if self.listener is not None:
            fail(errno.EINVAL)
        key, shown = address
        if key is None:
            key = shown = self._network.names_of_sockets.anonymous()
        self.listener = self._network.names_of_sockets.bind(key, shown, self.release, self._is_full)

    def _is_full(self) -> bool:
        waiting = 0 if self.listener is None else len(self.listener.backlog)
        return self.limits and len(self._queue) + waiting > self._backlog

    def connect(self, address: Any) -> None:
        """Connects it at once.

        Raises:
            BlockingIOError: too many wait to be accepted.
            OSError: nobody listens (ECONNREFUSED), it is connected (EISCONN), or listens itself (EINVAL).
        """
        network, world = self._network, self._world
        listener = network.names_of_sockets.find(address[0])
        if listener is None or listener.accept is None:
            fail(errno.ECONNREFUSED)
        if listener.is_full():
            fail(errno.EAGAIN)
        if self.listens:
            fail(errno.EINVAL)
        if self.end is not None:
            fail(errno.EISCONN)
        client, server = _ends(network, world, listener.label, self.name, listener.address)
        client.fallen = self._fall
        self.end = client
        time = server.expect("acceptance", partial(listener.accept_arrived, world.clock))
        listener.backlog.append((time, partial(_accept, server, listener)))

    def listen(self, backlog: int) -> None:
        """Accepts connections from now on.

        Raises:
            OSError: it has no name, or is connected (EINVAL).
        """
        if self.listener is None:
            fail(errno.EINVAL)
        super().listen(backlog)

    def accept(self) -> Socket:
        """Returns the next connection, also one of which no poll has told yet."""
        if self.listener is not None and not self._queue:
            waiting, self.listener.backlog = self.listener.backlog, []
            now = self._world.clock.ns
            self.listener.backlog = [(min(time, now), accept) for time, accept in waiting]
        return super().accept()

    def shut(self, how: int) -> None:
        """Ends one direction or both, if it is connected."""
        if self.end is not None or self.listens:
            super().shut(how)


def _accept(server: LocalEnd, listener: LocalListener) -> None:
    """Hands a connection to who listens."""
    if server.closed:
        return
    server.open()
    if listener.accept is None:
        server.reset()
    else:
        listener.accept(server)


def joined(network: Network, world: World) -> tuple[LocalSocket, LocalSocket]:
    """Returns two sockets that are connected with each other, as `socket.socketpair` does."""
    client, server = _ends(network, world, "socketpair", "", "")
    server.open()
    family = socket.AF_UNIX
    return LocalSocket(network, world, family, client), LocalSocket(network, world, family, server)


def _ends(network: Network, world: World, label: str, near: Any, far: Any) -> tuple[LocalEnd, LocalEnd]:
    """Makes both ends of a connection; the first is open."""
    host = network.here
    name = network.numbered(f"{host.name}→{label}")
    client = LocalEnd(world, host, f"{name} client", near, far, "reply")
    server = LocalEnd(world, host, f"{name} server", far, near, "request")
    pipe = _Pipe(world, host, host)
    pair(client, server, pipe, pipe)
    client.open()
    return client, server
