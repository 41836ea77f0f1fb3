"""How a socket object of the program sends and receives."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterable
from typing import Any

from interlace.backends.aio.refused import refuse
from interlace.backends.aio.socketstate import SocketState

_FLAGS = (
    *("MSG_PEEK", "MSG_DONTWAIT", "MSG_NOSIGNAL", "MSG_WAITALL", "MSG_CMSG_CLOEXEC", "MSG_MORE"),
    *("MSG_TRUNC", "MSG_CTRUNC", "MSG_EOR"),
)
_DONTWAIT = getattr(socket, "MSG_DONTWAIT", 0)
_KNOWN_FLAGS = sum(getattr(socket, name, 0) for name in _FLAGS)


class SocketBytes(SocketState):
    """The part of `OwnSocket` that bytes go through."""

    def send(self, data: Any, flags: int = 0, /) -> int:
        """Sends as many bytes as fit; returns how many."""
        return self._send(_bytes(data), flags, "send")

    def _send(self, view: memoryview[int], flags: int, name: str, address: Any = None) -> int:
        _check(flags, f"socket.{name}")
        if flags & _DONTWAIT:
            return self._open.send(view, address)
        remedy = "loop.sock_sendall" if self.type == socket.SOCK_STREAM else "loop.sock_sendto"
        return self._attempt(lambda: self._open.send(view, address), name, remedy, select.POLLOUT)

    def _place(self, address: Any, name: str) -> Any:
        raise NotImplementedError

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Sends all of these bytes, or raises in the middle of them."""
        left = _bytes(data)
        self._open  # noqa: B018  # it may be closed
        while len(left):
            left = left[self._send(left, flags, "sendall") :]

    def sendto(self, data: Any, *rest: Any) -> int:
        """Sends a datagram to an address, or bytes of a stream, where the address does not count."""
        if not 1 <= len(rest) <= 2:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(rest) + 1} given)")
        view = _bytes(data)
        place = self._place(rest[-1], "sendto") if self._open.kind == socket.SOCK_DGRAM else None
        return self._send(view, rest[0] if len(rest) == 2 else 0, "sendto", place)

    def sendmsg(
        self, buffers: Iterable[Any], ancdata: Iterable[Any] = (), flags: int = 0, address: Any = None, /
    ) -> int:
        """Sends several pieces as one.

        Raises:
            NotSimulated: there is anything besides bytes: descriptors of another process, or credentials.
        """
        if list(ancdata):
            refuse("socket.sendmsg with ancillary data", "No other process is there to be given descriptors")
        place = None
        if address is not None and self._open.kind == socket.SOCK_DGRAM:
            place = self._place(address, "sendmsg")
        return self._send(memoryview(b"".join(map(memoryview, buffers))), flags, "sendmsg", place)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Sends a file by reading it."""
        return self._sendfile_use_send(file, offset, count)  # type: ignore[attr-defined,no-any-return]

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Returns up to so many bytes; b"" at the end of the stream."""
        return self._receive(bufsize, flags, "recv")

    def _receive(self, size: int, flags: int, name: str) -> bytes:
        return self._receive_from(size, flags, name)[0]

    def _receive_from(self, size: int, flags: int, name: str) -> tuple[bytes, Any]:
        _check(flags, f"socket.{name}")
        if size < 0:
            raise ValueError(f"negative buffersize in {name}")
        if not size and name in ("recv", "recv_into") and self._open.kind == socket.SOCK_DGRAM:
            return b"", None  # CPython asks nobody then
        peek = bool(flags & socket.MSG_PEEK)
        if flags & _DONTWAIT:
            return self._open.receive_from(size, peek=peek)
        remedy = "loop.sock_recv" if self.type == socket.SOCK_STREAM else "loop.sock_recvfrom"

        def receive() -> tuple[bytes, Any]:
            try:
                return self._open.receive_from(size, peek=peek)
            except BlockingIOError:
                if self.gettimeout() == 0 or not self._open.ended:
                    raise
                return b"", None

        return self._attempt(receive, name, remedy)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receives into a buffer; returns how many bytes."""
        return self._receive_into(buffer, nbytes, flags, "recv_into")[0]

    def _receive_into(self, buffer: Any, nbytes: int, flags: int, name: str) -> tuple[int, Any]:
        view = memoryview(buffer).cast("B")
        if view.readonly:
            kind = type(buffer).__name__
            raise TypeError(f"{name}() argument 1 must be read-write bytes-like object, not {kind}")
        if nbytes < 0:
            raise ValueError(f"negative buffersize in {name}")
        if nbytes > len(view):
            raise ValueError("buffer too small for requested bytes")
        data, source = self._receive_from(nbytes or len(view), flags, name)
        view[: len(data)] = data
        return len(data), source

    def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Any]:
        """Is `recv`, and names the sender; None for a stream."""
        return self._receive_from(bufsize, flags, "recvfrom")

    def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        """Is `recv_into`, and names the sender; None for a stream."""
        return self._receive_into(buffer, nbytes, flags, "recvfrom_into")

    def recvmsg(
        self, bufsize: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[Any], int, Any]:
        """Is `recv`: there is never anything besides bytes."""
        data, source = self._receive_from(bufsize, flags, "recvmsg")
        return data, [], self._cut, source

    @property
    def _cut(self) -> int:
        return int(socket.MSG_TRUNC) if self._open.cut else 0

    def recvmsg_into(
        self, buffers: Iterable[Any], ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[int, list[Any], int, Any]:
        """Is `recv_into` with several buffers, which are filled one after the other."""
        views = [memoryview(buffer).cast("B") for buffer in buffers]
        data, source = self._receive_from(sum(map(len, views)), flags, "recvmsg_into")
        left = memoryview(data)
        for view in views:
            part, left = left[: len(view)], left[len(view) :]
            view[: len(part)] = part
        return len(data), [], self._cut, source


def _check(flags: int, api: str) -> None:
    if flags & ~_KNOWN_FLAGS:
        refuse(f"{api} with the flags {flags:#x}", "Send what is urgent as ordinary bytes")


def _bytes(data: Any) -> memoryview[int]:
    try:
        return memoryview(data).cast("B")
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not {type(data).__name__!r}") from None
