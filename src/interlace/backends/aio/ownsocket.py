"""`socket.socket` as code of a run gets it: all of its methods, on the simulated network.

It is a `socket.socket` for everybody who looks, and has no descriptor of the operating system: the number that
`fileno` gives is known to the loop, and to the functions that take descriptors while code of a run is executed.
What would have to wait is refused, since it is the loop that would have to bring it.
"""

from __future__ import annotations

import errno
import operator
import select
import socket
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from interlace.backends.aio import socketfile
from interlace.backends.aio.socketbytes import SocketBytes
from interlace.backends.aio.socketstate import INTERNET
from interlace.backends.aio.socketwait import is_in_loop
from interlace.sim.network import dns
from interlace.sim.network.local import LocalSocket
from interlace.sim.network.sockets import fail

if TYPE_CHECKING:
    from interlace.backends.aio.descriptors import Descriptors
    from interlace.sim.network.stream import End

S = TypeVar("S", bound="OwnSocket")

_NONBLOCKING = getattr(socket, "SOCK_NONBLOCK", 0)
KINDS = 0xF
"""The bits of a socket's type that are not flags."""

_CONNECT = "loop.sock_connect, or asyncio.open_connection"


class OwnSocket(SocketBytes):
    """A socket that a program has made, in the simulated network.

    Behind it is a `Socket`, found by the number in the table of the loop; `dup` gives it another number.
    """

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:  # noqa: A002
        self._io_refs = 0
        self._closed = False
        self.options: dict[tuple[int, int], Any] = {}
        flags = 0 if type == -1 else type & ~KINDS
        if fileno is None:
            family = socket.AF_INET if family == -1 else family
            kind = socket.SOCK_STREAM if type == -1 else type & KINDS
            self._plug = self._loop._make_plug(family, kind, "socket.socket")
            self._number = self._loop._give_number(self._plug)
        else:
            self._plug = self._loop._plugs[fileno]
            self._number = fileno
        self._proto = 0 if proto == -1 else proto
        self._timeout = 0.0 if flags & _NONBLOCKING else socket.getdefaulttimeout()

    def __del__(self) -> None:
        if self._number == -1 or self._loop.is_closed():
            return
        if not self.quiet:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=2, source=self)
        self._loop._free_number(self._number)

    def bind(self, address: Any, /) -> None:
        """Binds it to an address of the simulated network."""
        plug = self._open
        if not isinstance(plug, LocalSocket):
            plug.bind(self._place(address, "bind"))
            return
        if plug.listener is not None:
            fail(errno.EINVAL)  # before there is a file
        key, shown, plug.release = socketfile.take(address)
        plug.bind((key, shown))

    def listen(self, backlog: int = 128, /) -> None:
        """Has it accept connections."""
        self._open.listen(backlog)

    def connect(self, address: Any, /) -> None:
        """Begins to connect it.

        Raises:
            BlockingIOError: it has begun; `loop.sock_connect` waits for the rest.
            NotSimulated: it is a blocking socket.
        """
        self._connect(address, "connect")

    def connect_ex(self, address: Any, /) -> int:
        """Is `connect`, and returns the number of the error; 0 for none."""
        try:
            self._connect(address, "connect_ex")
        except socket.gaierror:
            raise
        except OSError as error:
            return error.errno or 0
        return 0

    def _connect(self, address: Any, name: str) -> None:
        place = self._place(address, name)
        plug = self._open
        streams = plug.family in INTERNET and plug.kind == socket.SOCK_STREAM
        waits = self._timeout != 0 and streams and plug.end is None and not plug.listens
        if waits and is_in_loop(self._loop):
            self._refuse(name, _CONNECT)  # before anything has begun
        self._attempt(lambda: plug.connect(place), name, _CONNECT, select.POLLOUT)

    def _place(self, address: Any, name: str) -> Any:
        """Returns an address as numbers; what is wrong with it is worded as there."""
        plug = self._open
        family = plug.family
        if isinstance(plug, LocalSocket):
            return socketfile.key_of(address), address
        if not isinstance(address, tuple):
            kind = address.__class__.__name__
            raise TypeError(f"{name}(): {family.name} address must be tuple, not {kind}")
        if not 2 <= len(address) <= (2 if family == socket.AF_INET else 4):
            pair = (
                "a pair (host, port)"
                if family == socket.AF_INET
                else "a tuple (host, port[, flowinfo[, scopeid]])"
            )
            raise TypeError(f"{family.name} address must be {pair}")
        host, port = address[:2]
        if not isinstance(host, (str, bytes, bytearray)):
            raise TypeError("str, bytes or bytearray expected, not " + host.__class__.__name__)
        if not 0 <= (number := operator.index(port)) <= 65535:
            raise OverflowError(f"{name}(): port must be 0-65535.")
        host = bytes(host).decode() if not isinstance(host, str) else host
        if not host:
            return ("::" if family == socket.AF_INET6 else "0.0.0.0", number)
        if host == "<broadcast>" and family == socket.AF_INET:
            return "255.255.255.255", number
        found = dns.look_up(self._loop._world.network, host, number, family=family, kind=plug.kind)
        return found[0][4]

    def _accept(self) -> tuple[int, Any]:
        """Is what `socket.socket.accept` makes a socket of."""
        plug = self._attempt(self._open.accept, "accept", "loop.sock_accept, or asyncio.start_server")
        return self._loop._give_number(plug), plug.peer

    def hand_over(self) -> list[End]:
        """Gives the connections that nobody has accepted to a server which does that from now on."""
        return self._open.hand_over()

    def shutdown(self, how: int, /) -> None:
        """Ends one direction of the connection, or both."""
        if how not in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR):
            fail(errno.EINVAL)
        self._open.shut(how)

    def _real_close(self, *_: object) -> None:
        """Is what `socket.socket.close` does when nobody reads from it through a file any more."""
        number, self._number = self._number, -1
        if number != -1:
            self._loop._free_number(number)

    def detach(self) -> int:
        """Gives the number away, and leaves what is behind it open: `socket.socket(fileno=...)` takes it."""
        self._closed = True
        number, self._number = self._number, -1
        return number

    def dup(self) -> OwnSocket:
        """Returns another socket object with a number of its own, for the same socket."""
        again = self._loop._wrap(self._loop._give_number(self._open), self._proto)
        again._timeout = self._timeout
        return again


def bare_socket(cls: type[S], loop: Descriptors) -> S:
    """Makes a socket object that is not initialised, and reaches nothing."""
    made = socket.SocketType.__new__(cls)
    made._loop = loop
    return made
