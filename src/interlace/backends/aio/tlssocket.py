"""TLS over a socket object, as `ssl.SSLContext.wrap_socket` makes it, where the socket is a simulated one.

`ssl.SSLSocket` is left as it is. What it asks is OpenSSL over memory instead of OpenSSL over a descriptor: it
reads no more of the socket than one record needs, since a poll tells only of what is still there.
"""

from __future__ import annotations

import _ssl
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from interlace.backends.aio.socketbytes import SocketBytes

T = TypeVar("T")

_HEADER = 5
"""How many bytes begin a record; the last two of them are the length of the rest (RFC 8446, 5.1)."""

_LONGEST = 16384
"""How many bytes a record holds at most."""

_CONTEXT: Any = _ssl._SSLContext  # the base of ssl.SSLContext


class TlsOverSocket:
    """Stands for what `ssl.SSLSocket._sslobj` is: calls that read and write a socket that may have to wait.

    Args:
        context: the context.
        sock: the socket; it is read and written as it is beneath TLS.
        server_side: whether this is the end that has accepted the connection.
        hostname: who the other end must be.
        owner: whom the context's callbacks are told of.
        session: one to resume.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        sock: SocketBytes,
        server_side: bool,
        hostname: Any,
        owner: Any,
        session: Any,
    ) -> None:
        self._sock = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._inner: Any = _CONTEXT._wrap_bio(
            context, self._incoming, self._outgoing, server_side, hostname, owner=owner, session=session
        )
        self._header = b""
        self._left = 0
        self._unsent = b""
        self._taken = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def context(self) -> ssl.SSLContext:
        """The context; a server may put another one in its place when it knows who is meant."""
        context: ssl.SSLContext = self._inner.context
        return context

    @context.setter
    def context(self, context: ssl.SSLContext) -> None:
        self._inner.context = context

    @property
    def session(self) -> Any:
        """The session, which another connection can resume."""
        return self._inner.session

    @session.setter
    def session(self, session: Any) -> None:
        self._inner.session = session

    def do_handshake(self) -> None:
        """Goes on with the handshake."""
        self._repeat(self._inner.do_handshake)

    def read(self, *args: Any) -> Any:
        """Returns up to so many bytes, or puts them into a buffer and returns how many."""
        return self._repeat(lambda: self._inner.read(*args), only_reads=True)

    def write(self, data: Any) -> int:
        """Writes all of these bytes; returns how many they are.

        What has been taken and could not be sent yet is not taken again: as with OpenSSL, who is told
        to try again does so with the same bytes.
        """
        view = memoryview(data).cast("B")
        self._flush()
        while self._taken < len(view):
            piece = view[self._taken : self._taken + _LONGEST]
            self._taken += self._inner.write(piece)
            self._flush()
        self._taken = 0
        return len(view)

    def shutdown(self) -> SocketBytes:
        """Says goodbye and waits for the answer; returns the socket."""
        self._repeat(self._inner.shutdown)
        return self._sock

    # -- the socket beneath ----------------------------------------------------------------------

    def _repeat(self, call: Callable[[], T], *, only_reads: bool = False) -> T:
        """Makes a call, and again once more has been read.

        Args:
            call: what is asked of OpenSSL.
            only_reads: whether it does not matter that something cannot be sent yet: that is somebody else's.
        """
        flush = self._try_to_flush if only_reads else self._flush
        while True:
            try:
                result = call()
            except ssl.SSLWantReadError as error:
                flush()
                self._pull(error)
            except ssl.SSLError:
                self._try_to_flush()  # an alert; it is the first error that counts
                raise
            else:
                flush()
                return result

    def _pull(self, lacking: ssl.SSLWantReadError) -> None:
        """Reads what the record that is being read still lacks, or a part of it; raises the error if nothing is there yet."""
        wanted = self._left or _HEADER - len(self._header)
        try:
            data = SocketBytes.recv(self._sock, wanted)
        except BlockingIOError:
            raise lacking from None
        if not data:
            self._incoming.write_eof()
            return
        self._incoming.write(data)
        if self._left:
            self._left -= len(data)
            return
        self._header += data
        if len(self._header) == _HEADER:
            self._left = int.from_bytes(self._header[3:], "big")
            self._header = b""

    def _flush(self) -> None:
        """Sends what is to be sent.

        Raises:
            ssl.SSLWantWriteError: the socket does not take all of it yet.
        """
        self._unsent += self._outgoing.read()
        while self._unsent:
            try:
                sent = SocketBytes.send(self._sock, self._unsent)
            except BlockingIOError:
                error = ssl.SSLWantWriteError(
                    ssl.SSL_ERROR_WANT_WRITE, "The operation did not complete (write)"
                )
                error.library = error.reason = None  # type: ignore[assignment]  # as _ssl.c leaves them
                raise error from None
            self._unsent = self._unsent[sent:]

    def _try_to_flush(self) -> None:
        """Sends what is to be sent, as far as that is possible."""
        try:
            self._flush()
        except OSError:
            pass


class TlsSockets:
    """Has contexts know which sockets are simulated; see `Companion`."""

    def replace(self) -> None:
        """Has `SSLContext.wrap_socket` ask us."""
        setattr(ssl.SSLContext, "_wrap_socket", _wrap_socket)  # noqa: B010

    def restore(self) -> None:
        """Undoes that."""
        delattr(ssl.SSLContext, "_wrap_socket")


def _wrap_socket(
    self: ssl.SSLContext,
    sock: Any,
    server_side: bool,
    server_hostname: Any = None,
    *,
    owner: Any = None,
    session: Any = None,
) -> Any:
    """Is `_ssl._SSLContext._wrap_socket` while code of a run is executed."""
    if not isinstance(sock, SocketBytes):
        return _CONTEXT._wrap_socket(self, sock, server_side, server_hostname, owner=owner, session=session)
    authority = sock._loop._world.network.known_authority
    if authority is not None and not server_side and self.verify_mode != ssl.CERT_NONE:
        authority.trust(self)
    return TlsOverSocket(self, sock, server_side, server_hostname, owner, session)


TLS_SOCKETS = TlsSockets()
