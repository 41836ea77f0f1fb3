"""One end of a websocket, bytes in and bytes out, as the websockets library reads and writes its frames."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from interlace.errors import UsageError
from interlace.services.http.calls import Call, WsCall, WsMessage
from interlace.services.http.ws import Message
from interlace.services.order import Moment
from interlace.sim.network.service import Break

_INVALID_DATA = 1007
_BROKEN = 1006


def load_websockets() -> Any:
    """Returns the module `websockets.server`.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import websockets.server
    except ImportError:
        raise UsageError(
            "a fake websocket is spoken with the library websockets, which is not installed: pip install 'interlace[ws]'"
        ) from None
    return websockets.server


class Frames:
    """The server's end of a websocket.

    Args:
        call: the request that asks for it; its messages are recorded there.
        subprotocols: those that it can speak, the best one first.
        now: returns the moment.

    Attributes:
        inbox: the messages that have come and nobody has taken.
        status: what the request is answered with: 101, or why it is none of a websocket.
        text: the body of an answer other than 101.
        headers: its header fields.
    """

    def __init__(self, call: WsCall, subprotocols: tuple[str, ...], now: Callable[[], Moment]) -> None:
        silent = logging.Logger("interlace.websocket", logging.CRITICAL + 1)
        self._protocol = load_websockets().ServerProtocol(
            subprotocols=list(subprotocols) or None, max_size=None, logger=silent
        )
        self._call = call
        self._now = now
        self._parts: list[bytes] = []
        self._is_text = False
        self._is_lost = False
        self._has_ended = False
        self.inbox: deque[Message] = deque()
        protocol = self._protocol
        head = "".join(f"{name}: {value}\r\n" for name, value in call.headers.pairs)
        protocol.receive_data(f"{call.method} {call.target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        (request,) = protocol.events_received()
        response = protocol.accept(request)
        self.status = int(response.status_code)
        self.text = (response.body or b"").decode()
        self.headers = {
            name: value
            for name, value in response.headers.raw_items()
            if name.lower() not in ("date", "connection", "content-length", "content-type")
        }
        if self.status == 101:
            del response.headers["Date"]
            protocol.send_response(response)
            call.subprotocol = protocol.subprotocol

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent."""
        return not self._is_lost and self._protocol.state.name == "OPEN"

    @property
    def was_left(self) -> bool:
        """Whether the client has closed it, or is gone."""
        return self._is_lost or self._has_ended or self._protocol.close_rcvd is not None

    @property
    def closing(self) -> tuple[int, str]:
        """The code and the reason with which the client has closed it, else the fake; 1006 if it just broke."""
        closed = self._protocol.close_rcvd or self._protocol.close_sent
        return (_BROKEN, "") if closed is None else (int(closed.code), closed.reason)

    def take(self, data: bytes) -> None:
        """Takes what has arrived, b"" at the end of the stream."""
        if self._is_lost or self._has_ended:
            return
        if data:
            self._protocol.receive_data(data)
        else:
            self._has_ended = True
            self._protocol.receive_eof()
        for frame in self._protocol.events_received():
            kind = frame.opcode.name
            if kind in ("TEXT", "BINARY"):
                self._is_text = kind == "TEXT"
                self._parts = [bytes(frame.data)]
            elif kind == "CONT":
                self._parts.append(bytes(frame.data))
            else:
                continue
            if frame.fin:
                self._keep(b"".join(self._parts))
        if self.was_left:
            self._note_code(self.closing[0])

    def _keep(self, data: bytes) -> None:
        message: Message = data
        if self._is_text:
            try:
                message = data.decode()
            except UnicodeDecodeError as error:
                self._protocol.fail(_INVALID_DATA, f"{error.reason} at position {error.start}")
                return
        self.inbox.append(message)
        self._call.messages.append(WsMessage(message, self._now().time, False))

    def send(self, message: Message) -> None:
        """Sends a message."""
        if isinstance(message, str):
            self._protocol.send_text(message.encode())
        else:
            self._protocol.send_binary(message)
        self._call.messages.append(WsMessage(message, self._now().time, True))

    def close(self, code: int, reason: str) -> None:
        """Begins to close it."""
        if self.is_open:
            self._protocol.send_close(code, reason)
            self._note_code(code)

    def lose(self) -> None:
        """Takes note that the connection is gone."""
        self._is_lost = True
        self._end()
        self._note_code(self.closing[0])

    def moves(self) -> list[bytes | Break]:
        """Returns what is to be sent now, and whether the connection ends then."""
        moves: list[bytes | Break] = [data or Break.CLOSE for data in self._protocol.data_to_send()]
        if Break.CLOSE in moves:
            self._end()
        return moves

    def _note_code(self, code: int) -> None:
        if self._call.close_code is None:
            self._call.close_code = code

    def _end(self) -> None:
        if self._call.ended is None:
            self._call.ended = self._now()


def asks_for_websocket(call: Call) -> bool:
    """Tells whether a request wants to become a websocket."""
    return call.headers.get("upgrade", "").strip().lower() == "websocket"
