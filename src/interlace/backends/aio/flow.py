"""What transports share: flow control, and what they ask of their loop and tell their server."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from typing import Any, Protocol

from interlace.sim.network.life import current_host

_HIGH_WATER = 64 * 1024


class Steps(Protocol):
    """What a transport needs of its loop."""

    def _call_as(self, actor: str, callback: Callable[..., object], *args: Any) -> asyncio.Handle: ...

    def call_exception_handler(self, context: dict[str, Any]) -> None: ...

    def create_future(self) -> asyncio.Future[Any]: ...


class Attached(Protocol):
    """What a transport tells the server that it belongs to."""

    def attach(self, transport: asyncio.Transport) -> None: ...

    def detach(self, transport: asyncio.Transport) -> None: ...


class FlowControl(asyncio.BaseTransport):
    """A transport that counts what it has buffered, as asyncio's own do.

    Args:
        loop: where errors of the protocol are reported.
        extra: what `get_extra_info` answers.
    """

    def __init__(self, loop: Any, extra: dict[str, Any]) -> None:
        super().__init__(extra)
        self._loop: Any = loop
        self._protocol: Any = None
        self._buffered = 0
        self._losses = 0  # counts the loss of the connection and the writes after it
        self._closing = False
        self._server: Any = None
        stay = current_host.get()
        self._visits = stay is not None and stay.life < 0
        self._protocol_paused = False
        self._high, self._low = _HIGH_WATER, _HIGH_WATER // 4

    def _close_now(self, error: BaseException | None) -> None:
        raise NotImplementedError

    def _fall(self) -> None:
        """Ends with its host: nobody is told but its server, and a test that was only visiting."""
        if self._visits and not self._losses:
            self._close_now(ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET)))
            return
        self._losses = self._losses or 1
        self._closing = True
        server, self._server = self._server, None
        if server is not None:
            server.detach(self)

    def get_write_buffer_size(self) -> int:
        """Returns how many bytes wait in this transport, not counting what is on its way."""
        return self._buffered

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Returns the low and the high mark, in bytes."""
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Sets how many buffered bytes pause the protocol, and how few let it resume.

        Raises:
            ValueError: not high >= low >= 0.
        """
        if high is None:
            high = _HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high = high
        self._low = low
        self._pause_protocol()

    def _pause_protocol(self) -> None:
        if self._buffered > self._high and not self._protocol_paused:
            self._protocol_paused = True
            self._call_flow("pause_writing")

    def _resume_protocol(self) -> None:
        if self._protocol_paused and self._buffered <= self._low:
            self._protocol_paused = False
            self._call_flow("resume_writing")

    def _call_flow(self, name: str) -> None:
        try:
            getattr(self._protocol, name)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._report(error, f"protocol.{name}() failed")

    def _report(self, error: BaseException, message: str) -> None:
        self._loop.call_exception_handler(
            {"message": message, "exception": error, "transport": self, "protocol": self._protocol}
        )
