"""What a socket object of the program says of itself: its addresses, how long it may block, its options."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from interlace.backends.aio.refused import refuse
from interlace.backends.aio.socketwait import is_in_loop, wait_for
from interlace.sim.network.sockets import fail
from interlace.sim.network.udp import UdpSocket, apply_option

if TYPE_CHECKING:
    from interlace.backends.aio.descriptors import Descriptors
    from interlace.sim.network.sockets import Socket

T = TypeVar("T")

_LARGEST_BUFFER = 212992
"""The most bytes that Linux lets a program ask for as a buffer (net.core.rmem_max); it gives twice as many."""

INTERNET = (socket.AF_INET, socket.AF_INET6)

_DEFAULTS = {
    (socket.SOL_SOCKET, socket.SO_RCVBUF): 131072,
    (socket.SOL_SOCKET, socket.SO_SNDBUF): 16384,
    (socket.IPPROTO_TCP, socket.TCP_MAXSEG): 536,
}


_DATAGRAM_DEFAULTS = {
    (socket.SOL_SOCKET, socket.SO_RCVBUF): _LARGEST_BUFFER,
    (socket.SOL_SOCKET, socket.SO_SNDBUF): _LARGEST_BUFFER,
    (socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP): 1,
    (socket.IPPROTO_IP, socket.IP_MULTICAST_TTL): 1,
}


class SocketState(socket.socket):
    """The part of `OwnSocket` that shows, and remembers.

    Attributes:
        options: those that were set, by level and name.
        quiet: whether nobody is warned when it is left open: it stands for a real one, or was refused something.
    """

    options: dict[tuple[int, int], Any]
    _loop: Descriptors
    _number = -1
    _plug: Socket
    _proto: int
    quiet = False
    _timeout: float | None = None

    # -- what it is ------------------------------------------------------------------------------

    @property
    def family(self) -> socket.AddressFamily:
        """The family of its addresses."""
        return self._plug.family

    @property
    def type(self) -> socket.SocketKind:
        """SOCK_STREAM or SOCK_DGRAM."""
        return self._plug.kind

    @property
    def proto(self) -> int:
        """The protocol that was asked for; 0 for that which fits."""
        return self._proto

    @property
    def timeout(self) -> float | None:
        """As `gettimeout` gives it."""
        return self._timeout

    def fileno(self) -> int:
        """Returns the number by which the loop knows it; -1 once it is closed."""
        return self._number

    def gettimeout(self) -> float | None:
        """Returns 0 if it never blocks, None if it blocks for ever, else seconds."""
        return self._timeout

    def settimeout(self, value: float | None) -> None:
        """Sets how long it blocks, as on the real one; in the loop's own thread it never does."""
        if value is not None:
            value = float(value)
            if value < 0:
                raise ValueError("Timeout value out of range")
        self._timeout = value

    def setblocking(self, flag: bool) -> None:
        """Sets whether it blocks."""
        self._timeout = None if flag else 0.0

    def getblocking(self) -> bool:
        """Tells whether it blocks."""
        return self._timeout != 0

    def get_inheritable(self) -> bool:
        """Returns False: no other process can have it."""
        return False

    def set_inheritable(self, inheritable: bool) -> None:
        """Does nothing: no other process can have it."""

    def getsockname(self) -> Any:
        """Returns its own address."""
        return self._open.name

    def getpeername(self) -> Any:
        """Returns the address of the other end.

        Raises:
            OSError: it is not connected (ENOTCONN).
        """
        return self._open.peer

    @property
    def _open(self) -> Socket:
        if self._number == -1:
            fail(errno.EBADF)
        return self._plug

    # -- options ---------------------------------------------------------------------------------

    def getsockopt(self, level: int, option: int, buflen: int = 0, /) -> Any:
        """Returns what was set, or a default; as bytes if `buflen` is given."""
        value = self._option(self._open, level, option)
        if not buflen or isinstance(value, bytes):
            if isinstance(value, bytes) and not buflen:
                return int.from_bytes(value[:4], "little")
            return value
        return int(value).to_bytes(4, "little").ljust(buflen, b"\0")[:buflen]

    def _option(self, plug: Socket, level: int, option: int) -> Any:
        if level == socket.SOL_SOCKET:
            if option == socket.SO_ERROR:
                return plug.take_error()
            if option == getattr(socket, "SO_ACCEPTCONN", None):
                return int(plug.listens)
            if option == getattr(socket, "SO_DOMAIN", None):
                return int(plug.family)
            if option == getattr(socket, "SO_PROTOCOL", None):
                return _protocol_of(plug)
            if option == socket.SO_TYPE:
                return int(plug.kind)
            if option == getattr(socket, "SO_PEERCRED", None) and plug.family not in INTERNET:
                return struct.pack("3i", os.getpid(), os.getuid(), os.getgid())
        defaults = _DEFAULTS
        if isinstance(plug, UdpSocket):
            _check_level(level, errno.EOPNOTSUPP)
            defaults = _DATAGRAM_DEFAULTS
        return self.options.get((level, option), defaults.get((level, option), 0))

    def setsockopt(self, level: int, option: int, value: Any, optlen: int | None = None, /) -> None:
        """Remembers an option; SO_REUSEPORT and SO_LINGER take effect, and of datagrams those of `apply_option`."""
        plug = self._open
        value = optlen if value is None else value
        if not isinstance(value, (int, bytes, bytearray, memoryview)):
            raise TypeError(f"a bytes-like object is required, not {value.__class__.__name__!r}")
        if level == socket.SOL_SOCKET:
            if option == getattr(socket, "SO_REUSEPORT", None):
                plug.shares = bool(value if isinstance(value, int) else any(bytes(value)))
            elif option == socket.SO_LINGER and not isinstance(value, int):
                on, seconds = struct.unpack("ii", bytes(value)[:8])
                plug.resets = bool(on) and seconds == 0
            elif option in (socket.SO_RCVBUF, socket.SO_SNDBUF) and isinstance(value, int):
                value = 2 * min(max(value, 1152), _LARGEST_BUFFER)
        if isinstance(plug, UdpSocket):
            _check_level(level, errno.ENOPROTOOPT)
            apply_option(plug.box, level, option, value if isinstance(value, int) else bytes(value))
        self.options[level, option] = value if isinstance(value, int) else bytes(value)

    def _attempt(self, call: Callable[[], T], name: str, remedy: str, event: int = select.POLLIN) -> T:
        """Makes a call; where it would have to wait, that is done by a thread of the run, for as long as it may.

        Args:
            call: what to try.
            name: the name of the method.
            remedy: what to await instead.
            event: what it waits for: POLLIN or POLLOUT.

        Raises:
            BlockingIOError: it would have to wait, and the socket does not block.
            TimeoutError: it has waited for as long as it may.
            NotSimulated: it would have to wait in the thread of the loop.
        """
        while True:
            plug = self._open
            try:
                return call()
            except BlockingIOError:
                if self._timeout == 0:
                    raise
                if is_in_loop(self._loop):
                    self._refuse(name, remedy)
                if not wait_for(self._loop, [(plug, event)], self._timeout):
                    raise TimeoutError("timed out") from None

    def _refuse(self, name: str, remedy: str) -> NoReturn:
        self.quiet = True
        refuse(
            f"socket.{name} of a blocking socket that would have to wait",
            f"It would hold up the loop, which is to bring what it waits for: call setblocking(False), and await {remedy}",
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"cannot pickle {self.__class__.__name__!r} object")


def _protocol_of(plug: Socket) -> int:
    if plug.family not in INTERNET:
        return 0
    return int(socket.IPPROTO_UDP if isinstance(plug, UdpSocket) else socket.IPPROTO_TCP)


def _check_level(level: int, code: int) -> None:
    """Raises what options of a stream raise for a datagram socket."""
    if level == socket.IPPROTO_TCP:
        fail(code)
