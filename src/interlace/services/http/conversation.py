"""One connection to a fake web API: HTTP/1.1 as h11 reads and frames it, without a task or a loop.

Requests of one connection are answered in turn: what is pipelined waits (RFC 9112, section 9.3.2).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable
from functools import partial
from typing import Any

from interlace.errors import UsageError
from interlace.services.http import replies
from interlace.services.http.answers import Reply, reason_of
from interlace.services.http.calls import Call, WsCall
from interlace.services.http.frames import asks_for_websocket
from interlace.services.http.plain import read_plain
from interlace.services.order import Moment
from interlace.sim.network.fault import ENDING, Fault
from interlace.sim.network.service import After, Break, Hand, Held

_MOST_HEADERS = 1 << 18
"""Bytes that the head of a request may have."""

Answer = Callable[[Call], Generator[Any, Any, Reply]]


def load_h11() -> Any:
    """Returns h11.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import h11
    except ImportError:
        raise UsageError(
            "a fake web API reads HTTP with h11, which is not installed: pip install 'interlace[http]'"
        ) from None
    return h11


class HttpConversation:
    """What is said on one connection.

    Args:
        now: returns the moment.
        answer: returns the answer to a request; yields what is to be awaited for that.
    """

    def __init__(self, now: Callable[[], Moment], answer: Answer) -> None:
        self._h11 = load_h11()
        self._now = now
        self._answer = answer
        self._http = self._h11.Connection(self._h11.SERVER, max_incomplete_event_size=_MOST_HEADERS)
        self._request: Any = None
        self._body = bytearray()
        self._successor: Any = None
        self._is_streaming = False
        self._is_between = True
        """Whether h11 waits for a request of which it has seen nothing."""

    def meanwhile(self, data: bytes) -> list[bytes | Break] | None:
        """Takes what arrives while an answer takes time; see `sim.network.service.Conversation`."""
        if self._successor is not None:
            moves: list[bytes | Break] = self._successor.meanwhile(data)
            return moves
        if self._is_streaming and not data:
            self._is_streaming = False
            return [Break.CLOSE]
        return None

    def end(self) -> None:
        """Takes note that the connection is gone."""
        if self._successor is not None:
            self._successor.end()

    def receive(self, data: bytes) -> Generator[Any, Any, None]:
        """Takes what has arrived, and makes the moves that answer each request that is whole."""
        h11, http = self._h11, self._http
        if self._successor is not None:
            yield from self._successor.receive(data)
            return
        if self._is_between and data:
            call = read_plain(data, self._now)
            if call is not None:
                yield from self._answer_plain(call, data)
                return
            self._is_between = False
        if data[:1] in (b"\r", b"\n") and http.their_state is h11.IDLE and not http.trailing_data[0]:
            data = data.lstrip(b"\r\n")  # some clients end a body with an empty line (RFC 9112, section 2.2)
            if not data:
                return
        try:
            http.receive_data(data)
        except RuntimeError:  # something comes after the end of the stream
            return
        yield from self._read_on()

    def _answer_plain(self, call: Call, data: bytes) -> Generator[Any, Any, None]:
        """Answers a request that h11 need not be asked about; where the answer is not as plain, h11 is told what has arrived."""
        try:
            reply = yield from self._answer(call)
            wire = reply.wire if call.method != "HEAD" else None
            if wire is not None:
                if reply.delays is not None:
                    yield After(reply.delays, f"answer to {call.method}")
                yield wire
                return
        finally:
            call.ended = self._now()
        call.ended = None
        self._is_between = False
        h11, http = self._h11, self._http
        http.receive_data(data)
        while True:
            event = http.next_event()
            if isinstance(event, h11.Request):
                self._request = event
            elif isinstance(event, h11.EndOfMessage):
                break
        if (yield from self._conclude(call, reply)):
            yield from self._read_on()

    def _read_on(self) -> Generator[Any, Any, None]:
        """Makes the moves that answer what h11 has been told."""
        h11, http = self._h11, self._http
        while True:
            try:
                event = http.next_event()
            except h11.RemoteProtocolError as error:
                yield from self._complain(error)
                return
            if event is h11.NEED_DATA:
                self._is_between = http.their_state is h11.IDLE and not http.trailing_data[0]
                if http.they_are_waiting_for_100_continue:
                    yield http.send(
                        h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                    )
                return
            if event is h11.PAUSED:  # it wants another protocol
                yield Break.CLOSE
                return
            if isinstance(event, h11.ConnectionClosed):
                yield Break.CLOSE
                return
            if isinstance(event, h11.Request):
                self._request = event
                self._body.clear()
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                call = self._call()
                try:
                    reply = yield from self._answer(call)
                except BaseException:  # the client leaves while a function answers
                    call.ended = self._now()
                    raise
                if not (yield from self._conclude(call, reply)):
                    return

    def _conclude(self, call: Call, reply: Reply) -> Generator[Any, Any, bool]:
        """Makes the moves of an answer; returns whether HTTP goes on."""
        http = self._http
        try:
            yield from self._reply(reply)
        finally:
            if self._successor is None:
                call.ended = self._now()
        if reply.successor is not None:
            yield from reply.successor.begin(http.trailing_data[0])
            return False
        if self._h11.MUST_CLOSE in (http.our_state, http.their_state):
            yield Break.CLOSE
            return False
        http.start_next_cycle()
        return True

    def _call(self) -> Call:
        request = self._request
        headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw_items()
        ]
        target = request.target.decode("latin-1")
        if "://" in target.partition("?")[0]:  # as sent to a proxy
            target = "/" + target.partition("://")[2].partition("/")[2]
        made = Call(request.method.decode("latin-1"), target, headers, bytes(self._body), self._now())
        if asks_for_websocket(made):
            made = WsCall(made.method, target, headers, made.body, made.began)
        return made

    def _reply(self, reply: Reply) -> Generator[Any, Any, None]:
        """Makes the moves of one answer."""
        if reply.delays is not None:
            yield After(reply.delays, f"answer to {self._request.method.decode('latin-1')}")
        if reply.successor is not None:
            self._successor = reply.successor
            return
        if reply.fault is None:
            yield from self._send(reply)
        elif reply.fault.kind in ENDING:
            yield from reply.fault.answering()
        else:
            sent = list(self._send(reply))
            whole = b"".join(step for step in sent if isinstance(step, bytes))
            yield from reply.fault.answering(sent, head=whole.find(b"\r\n\r\n") + 4)

    def _send(self, reply: Reply) -> Generator[Any, Any, None]:
        h11, http = self._h11, self._http
        has_body = self._request is None or self._request.method != b"HEAD"
        has_body = has_body and reply.status not in (204, 304)
        headers = list(reply.headers)
        names = {name.lower() for name, _ in headers}
        is_framed = reply.status in (204, 304) or names & {"content-length", "transfer-encoding"}
        if isinstance(reply.body, bytes) and not is_framed:
            headers.append(("Content-Length", str(len(reply.body))))
        reason = reply.reason or reason_of(reply.status).encode()
        head = h11.Response(status_code=reply.status, headers=headers, reason=reason)
        start = http.send(head)
        if not has_body:
            yield start + http.send(h11.EndOfMessage())
        elif isinstance(reply.body, bytes):
            yield start + http.send(h11.Data(data=reply.body)) + http.send(h11.EndOfMessage())
        else:
            yield start
            yield from self._pieces(reply, reply.body)
            end = http.send(h11.EndOfMessage())
            if end:
                yield end

    def _pieces(self, reply: Reply, body: Iterable[Any] | AsyncIterable[Any]) -> Generator[Any, Any, None]:
        """Makes the moves of a body that is sent in chunks."""
        self._is_streaming = True
        if isinstance(body, AsyncIterable):
            broken = yield Hand(partial(self._pump, body))
            if broken is not None:
                yield from broken.answering()
        else:
            for piece in body:
                if isinstance(piece, Fault):
                    yield from piece.answering()
                else:
                    yield piece if isinstance(piece, After) else self._data(piece)
        if reply.stays_open:
            yield Break.HANG
        self._is_streaming = False

    def _data(self, piece: bytes) -> bytes:
        data: bytes = self._http.send(self._h11.Data(data=piece))
        return data

    async def _pump(self, body: AsyncIterable[Any], held: Held) -> Fault | None:
        """Sends what an async generator yields; returns the fault that ends it."""
        try:
            async for piece in body:
                if not self._is_streaming:  # the client has left
                    return None
                if isinstance(piece, Fault):
                    return piece
                if isinstance(piece, After):
                    await held.pause(piece)
                else:
                    held.write(self._data(piece))
            return None
        finally:
            if isinstance(body, AsyncGenerator):
                await body.aclose()

    def _complain(self, error: Any) -> Generator[Any, Any, None]:
        """Answers what is not HTTP, and ends the connection."""
        http = self._http
        if http.our_state in (self._h11.IDLE, self._h11.SEND_RESPONSE):
            self._request = None
            status = max(error.error_status_hint, 400)
            yield from self._send(replies.text(f"{error}\n", status, headers={"Connection": "close"}))
        yield Break.CLOSE
