"""Answers that are sent piece by piece: chunks, and server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from interlace.errors import UsageError
from interlace.services.http.answers import Body, Fields, Reply, make_reply
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.fault import ENDING, Fault
from interlace.sim.network.service import After

Chunk = bytes | str | After | Fault
"""A piece of a body: bytes, a text, a pause, or a fault."""


@dataclass(frozen=True)
class Event:
    """A server-sent event.

    Args:
        data: its data as a text; None: it has none.
        fields: its other fields, in order.
    """

    data: str | None
    fields: tuple[tuple[str, str], ...]

    def encode(self) -> bytes:
        """Returns it as it is sent (HTML Standard, section 9.2)."""
        lines = [f"{name}: {value}" for name, value in self.fields]
        if self.data is not None:
            lines += [f"data: {line}" for line in _lines(self.data)]
        return ("\n".join(lines) + "\n\n").encode()


def event(
    data: Any = None,
    *,
    event: str | None = None,
    id: str | int | None = None,  # noqa: A002  (as the field is called)
    retry: int | None = None,
    comment: str | None = None,
) -> Event:
    """Returns a server-sent event.

    Args:
        data: a text, which may have several lines; other data is sent as JSON; None: no data.
        event: its name; None: `message`, as clients take it.
        id: what a client that connects again sends as `Last-Event-ID`.
        retry: after how many milliseconds a client should connect again.
        comment: a line that clients skip, as it is sent to keep a connection open.

    Raises:
        UsageError: what cannot be sent.
    """
    fields: list[tuple[str, str]] = []
    if comment is not None:
        fields += [("", line) for line in _lines(_text("comment", comment, whole=False))]
    if event is not None:
        fields.append(("event", _text("event", event)))
    if id is not None:
        fields.append(("id", _text("id", str(id) if isinstance(id, int) else id)))
    if retry is not None:
        if isinstance(retry, bool) or not isinstance(retry, int) or retry < 0:
            raise UsageError(f"retry={retry!r}: give whole milliseconds from 0 up")
        fields.append(("retry", str(retry)))
    if data is None and not fields:
        raise UsageError("event() without anything: give data, or one of event=, id=, retry=, comment=")
    return Event(None if data is None else _data(data), tuple(fields))


def stream(
    chunks: Iterable[Chunk] | AsyncIterable[Chunk],
    status: int = 200,
    *,
    media_type: str = "application/octet-stream",
    between: Latency | None = None,
    stays_open: bool = False,
    headers: Fields = None,
    latency: Latency | None = None,
) -> Reply:
    """Returns an answer that is sent in chunks.

    Args:
        chunks: bytes, texts, `interlace.after(...)` where time passes between them, and faults, after which nothing
            comes. What a list has is kept; a generator, plain or async, is asked for each when it is sent, once.
        status: the status code.
        media_type: its Content-Type.
        between: how long it takes from one chunk to the next where no pause says so.
        stays_open: whether it never ends, until the client leaves.
        headers: further header fields.
        latency: how long it takes before it begins.

    Raises:
        UsageError: an argument that cannot work.
    """
    body = _body("stream", chunks, _chunk, between)
    made = make_reply(body, media_type, status, headers, latency)
    return replace(made, stays_open=_flag(stays_open))


def sse(
    events: Iterable[Any] | AsyncIterable[Any],
    *,
    between: Latency | None = None,
    stays_open: bool = False,
    headers: Fields = None,
    latency: Latency | None = None,
) -> Reply:
    """Returns a stream of server-sent events.

    Args:
        events: texts; data for JSON; `interlace.reply.event(...)` for events with a name, an id or such;
            `interlace.after(...)` where time passes, and faults. Lists and generators as for `stream`.
        between, stays_open, headers, latency: as for `stream`.

    Raises:
        UsageError: an argument that cannot work.
    """
    body = _body("sse", events, _event, between)
    fields = {"Cache-Control": "no-store"}
    given = {} if headers is None else headers
    if isinstance(given, dict) and "cache-control" not in {str(name).lower() for name in given}:
        given = {**fields, **given}
    made = make_reply(body, "text/event-stream", 200, given, latency)
    return replace(made, stays_open=_flag(stays_open))


Encode = Callable[[Any], bytes | After | Fault]


def _body(name: str, pieces: Any, encode: Encode, between: Latency | None) -> Body:
    pause = None if between is None else After(parse_latency(between), "chunk")
    if isinstance(pieces, AsyncIterable):
        return _asynchronous(pieces, encode, pause)
    if isinstance(pieces, (bytes, bytearray, memoryview, str, dict, Reply)) or not isinstance(
        pieces, Iterable
    ):
        what = "events" if name == "sse" else "bytes, texts"
        raise UsageError(f"{name}({_shown(pieces)}): give a list of {what} and interlace.after(...)")
    encoded = _encoded(pieces, encode, pause)
    return encoded if isinstance(pieces, Iterator) else tuple(encoded)


def _encoded(pieces: Iterable[Any], encode: Encode, pause: After | None) -> Iterator[Any]:
    last: Any = None
    for piece in pieces:
        made = encode(piece)
        if pause is not None and isinstance(last, bytes) and isinstance(made, bytes):
            yield pause
        yield made
        last = made


async def _asynchronous(
    pieces: AsyncIterable[Any], encode: Encode, pause: After | None
) -> AsyncGenerator[Any, None]:
    last: Any = None
    try:
        async for piece in pieces:
            made = encode(piece)
            if pause is not None and isinstance(last, bytes) and isinstance(made, bytes):
                yield pause
            yield made
            last = made
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


def _chunk(piece: Any) -> bytes | After | Fault:
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, (bytes, bytearray, memoryview)):
        return bytes(piece)
    if isinstance(piece, After) or (isinstance(piece, Fault) and piece.kind in ENDING):
        return piece
    raise UsageError(
        f"stream() is given {_shown(piece)}: give bytes, texts, interlace.after(...) and faults such as fault.reset()"
    )


def _event(piece: Any) -> bytes | After | Fault:
    if isinstance(piece, After) or (isinstance(piece, Fault) and piece.kind in ENDING):
        return piece
    if isinstance(piece, (Fault, Reply)):
        raise UsageError(f"sse() is given {_shown(piece)}: give events, interlace.after(...) and faults")
    return (piece if isinstance(piece, Event) else Event(_data(piece), ())).encode()


def _data(data: Any) -> str:
    if isinstance(data, str):
        return data
    try:
        return json.dumps(data, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"the data of an event cannot be {_shown(data)}: {error}. Give a text, or data for JSON"
        ) from None


def _text(name: str, value: Any, *, whole: bool = True) -> str:
    if not isinstance(value, str) or (whole and ({*"\r\n\0"} & {*value})):
        raise UsageError(f"{name}={value!r}: give a text{' of one line' if whole else ''}")
    return value


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"stays_open={value!r}: give True or False")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
