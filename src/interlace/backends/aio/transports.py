"""The transport of a simulated connection: asyncio's side of `sim.network.stream.End`.

Behaves as the stock selector transport does, callback for callback (CPython, Lib/asyncio/
selector_events.py; parity is held by tests/network/test_parity.py). All callbacks of one end run as
steps of the actor that the end is named after.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import deque
from collections.abc import Iterable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.backends.aio.flow import Attached, FlowControl, Steps

if TYPE_CHECKING:
    import socket

    from interlace.sim.network.stream import End

_logger = logging.getLogger("asyncio")

_MAX_READ = 256 * 1024
"""Bytes handed over at once, as in the stock transport."""

_SILENT_WRITES = 5
"""So many writes to a lost connection pass without a warning, as in the stock transport."""


def settle(future: asyncio.Future[None]) -> None:
    """Wakes who waits for this future, unless nobody does any more."""
    if not future.done():
        future.set_result(None)


class StreamTransport(FlowControl, asyncio.Transport):
    """One end of a simulated TCP connection.

    Args:
        loop: the loop it belongs to.
        end: the end of the connection.
        protocol: whose callbacks are called.
        extra: what `get_extra_info` answers.
        waiter: given a result once the protocol has been told of the connection.
        server: the server that accepted the connection.
        handle: a real socket that stands for the end in the program; closed together with it.
    """

    _start_tls_compatible = True  # what the base loop's start_tls asks for

    def __init__(
        self,
        loop: Steps,
        end: End,
        protocol: asyncio.BaseProtocol,
        extra: dict[str, Any],
        *,
        waiter: asyncio.Future[None] | None = None,
        server: Attached | None = None,
        handle: socket.socket | None = None,
    ) -> None:
        super().__init__(loop, extra)
        self._end = end
        self._handle = handle
        self._server = server
        self._buffer: deque[memoryview] = deque()
        end.fallen = self._fall
        self._paused = False
        self._eof = False
        self._drained: asyncio.Future[None] | None = None
        self._pours = False
        self.set_protocol(protocol)
        if server is not None:
            server.attach(self)
        loop._call_as(end.actor, protocol.connection_made, self)
        # reading starts only when connection_made() has been called
        loop._call_as(end.actor, self._start_reading)
        if waiter is not None:
            loop._call_as(end.actor, settle, waiter)

    def __repr__(self) -> str:
        state = "closed" if self._loop is None else "closing" if self._closing else "open"
        return f"<{type(self).__name__} {self._end.actor} {state} bufsize={self._buffered}>"

    # -- reading ---------------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Sets whose callbacks are called from now on."""
        self._protocol = protocol
        self._buffered_protocol = isinstance(protocol, asyncio.BufferedProtocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Returns whose callbacks are called; None once the connection is lost."""
        return self._protocol  # type: ignore[no-any-return]

    def is_closing(self) -> bool:
        """Tells whether the transport is closing or closed; the end of the loop closes it too."""
        return self._closing or self._loop.is_closed()

    def is_reading(self) -> bool:
        """Tells whether the protocol is given what arrives."""
        return not self._closing and not self._paused

    def pause_reading(self) -> None:
        """Leaves what arrives where it is, until `resume_reading`."""
        if self.is_reading():
            self._paused = True
            self._end.watch_read(None)

    def resume_reading(self) -> None:
        """Undoes `pause_reading`."""
        if self._paused and not self._closing:
            self._paused = False
            self._start_reading()

    def _start_reading(self) -> None:
        if self.is_reading():
            # the context is that of whoever started reading, for all reads: as in the stock loop
            self._end.watch_read(partial(copy_context().run, self._read))

    def _read(self) -> None:
        if self._losses:
            return
        if self._buffered_protocol:
            self._read_into_buffer()
            return
        try:
            data = self._end.receive(_MAX_READ)
        except OSError as error:
            self._fail(error, "Fatal read error on socket transport")
            return
        if data is None:
            return
        if not data:
            self._read_end()
            return
        try:
            self._protocol.data_received(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fail(error, "Fatal error: protocol.data_received() call failed.")

    def _read_into_buffer(self) -> None:
        try:
            buffer = self._protocol.get_buffer(-1)
            size = len(buffer)
            if not size:
                raise RuntimeError("get_buffer() returned an empty buffer")
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fail(error, "Fatal error: protocol.get_buffer() call failed.")
            return
        try:
            view = memoryview(buffer).cast("B")
            if view.readonly:  # before anything is taken out: it stays unread, as it does there
                kind = type(buffer).__name__
                raise TypeError(f"recv_into() argument 1 must be read-write bytes-like object, not {kind}")
            data = self._end.receive(size)
            if data is None:
                return
            view[: len(data)] = data
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fail(error, "Fatal read error on socket transport")
            return
        if not data:
            self._read_end()
            return
        try:
            self._protocol.buffer_updated(len(data))
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fail(error, "Fatal error: protocol.buffer_updated() call failed.")

    def _read_end(self) -> None:
        try:
            keep_open = self._protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fail(error, "Fatal error: protocol.eof_received() call failed.")
            return
        if keep_open:
            self._end.watch_read(None)
        else:
            self.close()

    # -- writing ---------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Sends bytes; what does not fit into the connection now is buffered.

        Raises:
            TypeError: `data` is not bytes-like.
            RuntimeError: after `write_eof`, or while `loop.sendfile` is at work.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data argument must be a bytes-like object, not {type(data).__name__!r}")
        if self._eof:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._drained is not None:
            raise RuntimeError("unable to write; sendfile is in progress")
        if len(data):
            self._send(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview[Any]]) -> None:
        """Sends several pieces as one; raises as `write` does."""
        name = "writelines" if sys.version_info >= (3, 12) else "write"  # what the stock one says
        if self._eof:
            raise RuntimeError(f"Cannot call {name}() after write_eof()")
        if self._drained is not None:
            raise RuntimeError(f"unable to {name}; sendfile is in progress")
        # Since 3.12 the stock transport looks at each piece, and says so where one is of a wrong type.
        data = b"".join(map(memoryview, list_of_data) if sys.version_info >= (3, 12) else list_of_data)
        if data:
            self._send(data)

    def _send(self, data: bytes) -> None:
        if self._losses:
            if self._losses >= _SILENT_WRITES:
                _logger.warning("socket.send() raised exception.")
            self._losses += 1
            return
        if not self._buffer:
            try:
                sent = self._end.send(data)
            except OSError as error:
                self._break(error)
                return
            if sent == len(data):
                if self._pours:
                    self._end.watch_write(self._flush)  # the next poll tells that it is done
                return
            self._buffer.append(memoryview(data)[sent:])  # a view: slicing megabytes again and again is slow
            self._buffered += len(data) - sent
            self._end.watch_write(partial(copy_context().run, self._flush))
        else:
            self._buffer.append(memoryview(data))
            self._buffered += len(data)
        if self._drained is None:
            self._pause_protocol()

    def _flush(self) -> None:
        """Sends from the buffer what fits now."""
        if self._losses:
            return
        buffer = self._buffer
        if not buffer:
            if self._pours and self._drained is not None:
                self._end.watch_write(None)
                settle(self._drained)
            return
        try:
            while buffer:
                data = buffer[0]
                sent = self._end.send(data)
                self._buffered -= sent
                if sent < len(data):
                    buffer[0] = data[sent:]
                    break
                buffer.popleft()
        except OSError as error:
            buffer.clear()
            self._buffered = 0
            self._break(error)
            return
        self._resume_protocol()  # may write more
        if self._buffer or self._loop is None or self._pours:
            return
        self._end.watch_write(None)
        if self._drained is not None:
            settle(self._drained)
        if self._closing:
            self._lose(None)
        elif self._eof:
            self._end.shut()

    def _break(self, error: OSError) -> None:
        """Notes that something could not be sent; where it was part of a file, only its sender is told."""
        if not self._pours:
            self._fail(error, "Fatal write error on socket transport")
        if self._drained is not None and not self._drained.done():
            self._end.watch_write(None)
            self._drained.set_exception(error)

    def write_eof(self) -> None:
        """Ends the outgoing stream once everything is sent; the other direction goes on."""
        if self._closing or self._eof:
            return
        self._eof = True
        if not self._buffer:
            self._end.shut()

    def can_write_eof(self) -> bool:
        """Returns True: a TCP connection can be closed by halves."""
        return True

    def pour(self, data: bytes) -> asyncio.Future[None]:
        """Sends a piece of a file, without telling the protocol to pause.

        Returns a future that is done when everything is sent; `write` is refused until `stop_pouring`.
        """
        drained: asyncio.Future[None] = self._loop.create_future()
        self._drained = drained
        self._pours = bool(data)
        if self._losses:
            drained.set_exception(ConnectionError("Connection is closed by peer"))
        elif data:
            self._send(data)
        elif not self._buffer:
            drained.set_result(None)
        return drained

    @property
    def pouring(self) -> bool:
        """Whether a file is being sent."""
        return self._drained is not None

    def stop_pouring(self) -> None:
        """Allows `write` again after `pour`; what is left of the piece is not sent."""
        self._drained = None
        if self._pours:
            self._pours = False
            self._buffer.clear()
            self._buffered = 0
            self._end.watch_write(None)

    # -- the end ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Closes the connection after what is buffered has been sent."""
        if self._closing:
            return
        self._closing = True
        self._end.watch_read(None)
        if not self._buffer:
            self._losses += 1
            self._loop._call_as(self._end.actor, self._lose, None)

    def abort(self) -> None:
        """Closes the connection at once; what is buffered is lost."""
        self._close_now(None)

    def _fail(self, error: BaseException, message: str) -> None:
        if not isinstance(error, OSError):
            self._report(error, message)
        self._close_now(error)

    def _force_close(self, error: BaseException | None) -> None:
        """What `SSLProtocol` calls when TLS has failed."""
        self._close_now(error)

    def _close_now(self, error: BaseException | None) -> None:
        if self._losses:
            return
        self._buffer.clear()
        self._buffered = 0
        self._end.watch_write(None)
        self._closing = True
        self._end.watch_read(None)
        self._losses += 1
        self._loop._call_as(self._end.actor, self._lose, error)

    def _lose(self, error: BaseException | None) -> None:
        """Tells the protocol that the connection is gone and lets go of everything."""
        self._losses = self._losses or 1
        try:
            self._protocol.connection_lost(error)
        finally:
            self._end.close()
            if self._handle is not None:
                self._handle.close()
            self._protocol = self._loop = None
            server, self._server = self._server, None
            if server is not None:
                server.detach(self)
            if self._drained is not None and not self._drained.done():
                self._drained.set_exception(ConnectionError("Connection is closed by peer"))
