"""The part of the loop that makes connections and servers of Unix sockets.

Arguments, errors and their wording follow the stock loop (CPython, Lib/asyncio/unix_events.py).
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import stat
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from interlace.backends.aio import inside
from interlace.backends.aio.connections import Connections, security_of
from interlace.backends.aio.ownsocket import OwnSocket
from interlace.backends.aio.servers import Server

P = TypeVar("P", bound=asyncio.BaseProtocol)

_logger = logging.getLogger("asyncio")
_ABSTRACT = (0, "\0")


class LocalConnections(Connections):
    """Unix sockets of the loop."""

    async def create_unix_connection(
        self,
        protocol_factory: Callable[[], P],
        path: str | bytes | os.PathLike[str] | None = None,
        *,
        ssl: Any = None,
        sock: socket.socket | None = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> tuple[asyncio.Transport, P]:
        """Connects to a Unix socket of the simulated network; arguments and errors as in asyncio.

        Raises:
            OSError: there is no such file, or nobody listens.
            ssl.SSLError: the handshake fails.
        """
        if ssl:
            if server_hostname is None:
                raise ValueError("you have to pass server_hostname when using ssl")
        elif server_hostname is not None:
            raise ValueError("server_hostname is only meaningful with ssl")
        security = security_of(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if security is not None:
            security["hostname"] = server_hostname
        if path is not None:
            if sock is not None:
                raise ValueError("path and sock can not be specified at the same time")
            path = os.fspath(path)
            sock = self._make_local()
            try:
                await self.sock_connect(sock, path)
            except BaseException:
                sock.close()
                raise
        else:
            if sock is None:
                raise ValueError("no path and sock were specified")
            _check_local(sock)
            sock.setblocking(False)
        end = self._end_of(sock, "loop.create_unix_connection(sock=...)")
        return await self._open_transport(end, protocol_factory, sock, security)

    async def create_unix_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        path: str | bytes | os.PathLike[str] | None = None,
        *,
        sock: socket.socket | None = None,
        backlog: int = 100,
        ssl: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
        **options: bool,
    ) -> Server:
        """Makes a server at a Unix socket of the simulated network; arguments and errors as in asyncio.

        Args:
            protocol_factory: makes the protocol of each connection.
            path: the file, or an abstract name; what was left there by another server is removed.
            sock: a bound socket, instead of a path.
            backlog: does not matter: all that come are accepted.
            ssl: a context for TLS.
            ssl_handshake_timeout: virtual seconds.
            ssl_shutdown_timeout: virtual seconds.
            start_serving: whether it accepts connections at once.
            options: `cleanup_socket`, since Python 3.13: whether the file is removed with the server.

        Raises:
            OSError: the file cannot be made, or the address is taken.
        """
        cleans = options.pop("cleanup_socket", True) if sys.version_info >= (3, 13) else False
        if options:
            name = next(iter(options))
            raise TypeError(f"create_unix_server() got an unexpected keyword argument {name!r}")
        if isinstance(ssl, bool):
            raise TypeError("ssl argument must be an SSLContext or None")
        security = security_of(ssl, ssl_handshake_timeout, ssl_shutdown_timeout)
        if path is not None:
            if sock is not None:
                raise ValueError("path and sock can not be specified at the same time")
            sock = self._bind_local(os.fspath(path))
        elif sock is None:
            raise ValueError("path was not specified, and no sock specified")
        else:
            _check_local(sock)
        sock.setblocking(False)
        listener = self._listener_of(sock, "loop.create_unix_server(sock=...)")
        server = Server(self, [listener], protocol_factory, sock, security)
        if cleans:
            server.removes = _file_of(sock.getsockname())
        if start_serving:
            server.listen()
            await asyncio.sleep(0)
        return server

    def _make_local(self) -> OwnSocket:
        made = self._wrap(
            self._give_number(self._make_plug(socket.AF_UNIX, socket.SOCK_STREAM, "socket.socket"))
        )
        made.setblocking(False)
        return made

    def _bind_local(self, path: str | bytes) -> OwnSocket:
        """Makes a socket that is bound to a path, from which an old one is removed."""
        if path[0] not in _ABSTRACT:
            try:
                with inside.unlooped():
                    if stat.S_ISSOCK(os.stat(path).st_mode):
                        os.remove(path)
            except FileNotFoundError:
                pass
            except OSError as error:
                _logger.error("Unable to check or remove stale UNIX socket %r: %r", path, error)
        sock = self._make_local()
        try:
            sock.bind(path)
        except OSError as error:
            sock.close()
            if error.errno == errno.EADDRINUSE:
                raise OSError(errno.EADDRINUSE, f"Address {path!r} is already in use") from None
            raise
        except BaseException:
            sock.close()
            raise
        return sock


def _check_local(sock: socket.socket) -> None:
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")


def _file_of(path: str | bytes) -> tuple[str | bytes, int] | None:
    """Returns the path and the number of the file of a socket; None for an abstract name."""
    if not path or path[0] in _ABSTRACT:
        return None
    try:
        with inside.unlooped():
            return path, os.stat(path).st_ino
    except FileNotFoundError:
        return None
