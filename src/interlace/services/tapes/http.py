"""HTTP/1.1 on a tape: which requests were made and answered, without the framing of the wire.

A message is its head, in lines that end with a line feed, an empty line, and its body as it is: not in chunks,
and not compressed. So it can be read, secrets are found in it, and it is framed anew when it is replayed.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from typing import Any

from interlace.errors import UsageError
from interlace.services.http.conversation import load_h11
from interlace.services.tapes.log import TOGETHER, Log
from interlace.services.tapes.scrub import Scrubber
from interlace.services.tapes.tape import Said, Talk, rounded

MOST_HEADERS = 1 << 18
"""Bytes that the head of a message may have."""


class _Exchange:
    """A request, and what has been heard of its answer.

    Args:
        request: as h11 has read it.
        body: its body.
        time: when the last of it was sent, in ns.
    """

    def __init__(self, request: Any, body: bytes, time: int) -> None:
        self.request = request
        self.body = body
        self.time = time
        self.head = b""
        self.pieces: list[tuple[int, bytes]] = []
        self.coding = ""
        self.closed = 0
        self.is_whole = False

    @property
    def name(self) -> str:
        """The request in words."""
        return f"{self.request.method.decode('latin-1')} {self.request.target.decode('latin-1')}"


def exchanges(log: Log, peer: str, scrub: Scrubber) -> Iterator[tuple[int, Talk]]:
    """Yields each request of a connection and its answer, with the real time of it.

    Raises:
        UsageError: what was said is not HTTP/1.1, or cannot be read, so that no secret can be found in it.
    """
    for exchange in _Reading(log, peer).read():
        said = tuple(_said(exchange, scrub))
        yield exchange.time, Talk("exchange", said, is_whole=exchange.is_whole)


class _Reading:
    """Reads one connection."""

    def __init__(self, log: Log, peer: str) -> None:
        self._h11 = load_h11()
        self._log = log
        self._peer = peer
        self._client = self._h11.Connection(self._h11.SERVER, max_incomplete_event_size=MOST_HEADERS)
        self._server: Any = None
        self._request: Any = None
        self._body = bytearray()
        self._open: deque[_Exchange] = deque()
        self._early = bytearray()
        self._whole: list[_Exchange] = []

    def read(self) -> list[_Exchange]:
        """Returns the exchanges in their order."""
        for heard in self._log.heard:
            try:
                if heard.by_peer:
                    self._hear(heard.data, heard.time)
                else:
                    self._ask(heard.data, heard.time)
            except self._h11.RemoteProtocolError as error:
                side = "the peer" if heard.by_peer else "the program"
                raise UsageError(
                    f"tape of {self._peer}: {side} does not speak HTTP/1.1 ({error}). For another protocol give the "
                    "address instead of a URL of HTTP: world.tape('host:port', ...)"
                ) from None
        return [*self._whole, *self._open]

    def _ask(self, data: bytes, time: int) -> None:
        if not data:
            return
        h11 = self._h11
        self._client.receive_data(data)
        while True:
            event = self._client.next_event()
            if isinstance(event, h11.Request):
                self._request = event
                self._body.clear()
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                exchange = _Exchange(self._request, bytes(self._body), time)
                if dict(self._request.headers).get(b"content-encoding", b"identity") != b"identity":
                    raise UsageError(
                        f"tape of {self._peer}: the body of {exchange.name} is compressed, and a secret in it could not be "
                        "seen: have the client send it as it is while it is recorded, and replayed"
                    )
                self._open.append(exchange)
                rest = self._client.trailing_data[0]
                self._client = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEADERS)
                self._client.receive_data(rest) if rest else None
            else:
                break
        if self._early and self._open:
            early, self._early = bytes(self._early), bytearray()
            self._hear(early, time)

    def _hear(self, data: bytes, time: int) -> None:
        h11 = self._h11
        if not self._open:
            # It answers before it has heard all, or only says to go on.
            if data:
                self._early += data
            return
        exchange = self._open[0]
        if self._server is None:
            self._server = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEADERS)
            request = exchange.request
            self._server.send(
                h11.Request(method=request.method, target=request.target, headers=[("Host", "peer")])
            )
            self._server.send(h11.EndOfMessage())
        self._server.receive_data(data)
        while True:
            try:
                event = self._server.next_event()
            except h11.RemoteProtocolError:
                if data:
                    raise
                exchange.closed = time  # in the middle of its answer
                return
            if isinstance(event, h11.InformationalResponse):
                if event.status_code == 101:
                    raise UsageError(
                        f"tape of {self._peer}: {exchange.name} has changed to another protocol, and a tape of HTTP "
                        "holds requests and answers. Give the address instead of the URL: world.tape('host:port', ...), "
                        "or fake this one: world.http(...).ws(...)"
                    )
            elif isinstance(event, h11.Response):
                exchange.head, exchange.coding = self._head(event, exchange)
                exchange.pieces.append((time, b""))
            elif isinstance(event, h11.Data):
                exchange.pieces.append((time, bytes(event.data)))
            elif isinstance(event, h11.EndOfMessage):
                rest = self._server.trailing_data[0]
                if self._server.their_state is h11.MUST_CLOSE or not data:
                    exchange.closed = time
                exchange.is_whole = True
                self._whole.append(self._open.popleft())
                self._server = None
                if rest:
                    self._hear(rest, time)
                return
            else:
                return

    def _head(self, event: Any, exchange: _Exchange) -> tuple[bytes, str]:
        lines = [b"HTTP/1.1 %d %s" % (event.status_code, bytes(event.reason))]
        coding = ""
        for name, value in event.headers.raw_items():
            if name.lower() == b"content-encoding":
                coding = value.decode("latin-1").strip().lower()
                if coding not in ("gzip", "x-gzip", "deflate", "identity"):
                    raise UsageError(
                        f"tape of {self._peer}: the answer to {exchange.name} is compressed by {coding!r}, and a secret in "
                        "it could not be seen: have the client ask for what can be read, Accept-Encoding: gzip"
                    )
                continue
            lines.append(bytes(name) + b": " + bytes(value))
        return b"\n".join(lines), coding


def _said(exchange: _Exchange, scrub: Scrubber) -> Iterator[Said]:
    request = exchange.request
    lines = [b"%s %s HTTP/1.1" % (request.method, request.target)]
    lines += [bytes(name) + b": " + bytes(value) for name, value in request.headers.raw_items()]
    yield Said(False, scrub.message("request", message(b"\n".join(lines), exchange.body)))
    if not exchange.head:
        if exchange.closed:
            yield Said(True, b"", rounded(exchange.closed - exchange.time))
        return
    pieces = _together(_decoded(exchange))
    whole = scrub.message("answer", message(exchange.head, b"".join(data for _, data in pieces)))
    head, _, body = whole.partition(b"\n\n")
    parts = [scrub.piece("answer", data) for _, data in pieces[1:]]
    rest = b"".join(parts)
    if parts and body.endswith(rest):
        datas = [body[: len(body) - len(rest)], *parts]
    else:  # what was taken out lies in several pieces
        datas, pieces = [body], pieces[-1:]
    before = exchange.time
    for number, ((time, _), data) in enumerate(zip(pieces, datas, strict=True)):
        if data or not number:
            yield Said(True, data if number else message(head, data), rounded(time - before))
            before = time
    if exchange.closed:
        yield Said(True, b"", rounded(exchange.closed - before))


def _decoded(exchange: _Exchange) -> list[tuple[int, bytes]]:
    """Returns the pieces of a body as they are without compression."""
    if exchange.coding in ("", "identity"):
        return exchange.pieces
    raw = exchange.coding == "deflate" and _is_raw(b"".join(data for _, data in exchange.pieces))
    unpack = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS | 32)
    try:
        found = [(time, unpack.decompress(data)) for time, data in exchange.pieces]
    except zlib.error as error:
        raise UsageError(
            f"the body of the answer to {exchange.name} is no {exchange.coding}, although it says so ({error})"
        ) from None
    time, last = found[-1]
    found[-1] = (time, last + unpack.flush())
    return found


def _is_raw(data: bytes) -> bool:
    """Tells whether it is deflate without the zlib header, as some servers send it."""
    return len(data) >= 2 and (data[0] & 15 != 8 or (data[0] << 8 | data[1]) % 31 != 0)


def _together(pieces: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Joins what has come within a moment."""
    found: list[tuple[int, bytes]] = []
    for time, data in pieces:
        if found and time - found[-1][0] <= TOGETHER:
            found[-1] = (time, found[-1][1] + data)
        else:
            found.append((time, data))
    return found


def message(head: bytes, body: bytes) -> bytes:
    """Returns a message as it stands on a tape."""
    return head + b"\n\n" + body if body else head
