"""What a route answers: `interlace.reply.json({...}, status=201)` and its kin."""

from __future__ import annotations

import json as json_module
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from interlace.errors import UsageError
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.fault import ENDING, Fault
from interlace.sim.network.service import After

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")

Fields = Mapping[str, str] | None
"""Header fields of a reply: names and values."""


@dataclass(frozen=True)
class Reply:
    """One answer.

    Args:
        status: its status code.
        headers: its header fields; how it is framed is added.
        body: all of it; or bytes and pauses, in order, which are sent in chunks.
        delays: how long it takes before it is sent, in ns, the boring one first; None: nobody has said so.
        fault: what goes wrong instead of it, or with it; None: nothing.
        successor: carries the connection on from here, in another protocol; None: HTTP goes on.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | tuple[bytes | After, ...] = b""
    delays: tuple[int, ...] | None = None
    fault: Fault | None = None
    successor: Any = None

    def after(self, latency: Latency | None) -> Reply:
        """Returns the same reply, which takes this long if nothing was said of it before."""
        return (
            self
            if latency is None or self.delays is not None
            else replace(self, delays=parse_latency(latency))
        )


def _reply(
    body: bytes | tuple[bytes | After, ...],
    kind: str | None,
    status: int,
    headers: Fields,
    latency: Latency | None,
) -> Reply:
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 999:
        raise UsageError(
            f"status {status!r} is none of a reply: give a number from 200 up, such as 200 or 503"
        )
    fields = {} if headers is None else headers
    if not isinstance(fields, Mapping):
        raise UsageError(f"headers={headers!r}: give names and values, such as {{'X-Limit': '10'}}")
    for name, value in fields.items():
        if not (
            isinstance(name, str)
            and _NAME.fullmatch(name)
            and isinstance(value, str)
            and _VALUE.fullmatch(value)
        ):
            raise UsageError(
                f"headers have {name!r}: {value!r}, which cannot be sent: a name is a word without spaces, and its "
                "value a text of one line in ASCII (RFC 9110, section 5)"
            )
    pairs = list(fields.items())
    if kind is not None and "content-type" not in {name.lower() for name in fields}:
        pairs.insert(0, ("Content-Type", kind))
    delays = None if latency is None else parse_latency(latency)
    return Reply(status, tuple(pairs), body, delays)


def json(data: Any, status: int = 200, *, headers: Fields = None, latency: Latency | None = None) -> Reply:
    """Returns an answer in JSON.

    Args:
        data: what `json.dumps` takes.
        status: the status code.
        headers: further header fields.
        latency: how long it takes, as for `World.latency`.

    Raises:
        UsageError: `data` is not serialisable, or another argument cannot work.
    """
    try:
        text = json_module.dumps(data, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"a reply cannot be written as JSON: {error}. Give lists, dicts with text keys, texts, numbers, True, "
            "False and None, or text() with what your encoder makes"
        ) from None
    return _reply(text.encode(), "application/json", status, headers, latency)


def text(content: str, status: int = 200, *, headers: Fields = None, latency: Latency | None = None) -> Reply:
    """Returns an answer in plain text, UTF-8; arguments as for `json`."""
    if not isinstance(content, str):
        raise UsageError(f"text({content!r}): give a text; for other things there are json() and content()")
    return _reply(content.encode(), "text/plain; charset=utf-8", status, headers, latency)


def content(
    body: bytes,
    status: int = 200,
    *,
    media_type: str = "application/octet-stream",
    headers: Fields = None,
    latency: Latency | None = None,
) -> Reply:
    """Returns an answer of these bytes; arguments as for `json`."""
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise UsageError(
            f"the body of a reply is {body!r}: give bytes; for other things there are json() and text()"
        )
    return _reply(bytes(body), media_type, status, headers, latency)


def stream(
    chunks: Iterable[bytes | str | After],
    status: int = 200,
    *,
    media_type: str = "application/octet-stream",
    headers: Fields = None,
    latency: Latency | None = None,
) -> Reply:
    """Returns an answer that is sent in chunks.

    Args:
        chunks: bytes, texts, and `interlace.after(...)` where time passes between them; all of it is kept.
        status: the status code.
        media_type: its Content-Type.
        headers: further header fields.
        latency: how long it takes before it begins.

    Raises:
        UsageError: an argument that cannot work.
    """
    if isinstance(chunks, (bytes, bytearray, memoryview, str)) or not isinstance(chunks, Iterable):
        raise UsageError(f"stream({chunks!r}): give a list of bytes, texts and interlace.after(...)")
    kept: list[bytes | After] = []
    for chunk in chunks:
        if isinstance(chunk, str):
            chunk = chunk.encode()
        if not isinstance(chunk, (bytes, bytearray, memoryview, After)):
            raise UsageError(f"stream() is given {chunk!r}: give bytes, texts and interlace.after(...)")
        kept.append(chunk if isinstance(chunk, After) else bytes(chunk))
    return _reply(tuple(kept), media_type, status, headers, latency)


def redirect(
    location: str, status: int = 302, *, headers: Fields = None, latency: Latency | None = None
) -> Reply:
    """Returns an answer that sends the client elsewhere; arguments as for `json`."""
    if not isinstance(location, str) or not 300 <= status < 400:
        raise UsageError(f"redirect({location!r}, {status!r}): give a URL, and a status from 300 to 399")
    return _reply(b"", None, status, {"Location": location, **(headers or {})}, latency)


def status(code: int, *, headers: Fields = None, latency: Latency | None = None) -> Reply:
    """Returns an answer without a body; arguments as for `json`."""
    return _reply(b"", None, code, headers, latency)


def reply_of(value: Any) -> Reply:
    """Returns the answer that a value stands for: a fault, a status code, a text, bytes, or else something for JSON.

    Raises:
        UsageError: it stands for none.
    """
    if isinstance(value, Reply):
        return value
    if isinstance(value, Fault):
        return _spoilt(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return status(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return content(bytes(value))
    return json(value)


def is_token(text: str) -> bool:
    """Tells whether a text is a word as names of header fields are (RFC 9110, section 5.6.2)."""
    return _NAME.fullmatch(text) is not None


def _spoilt(fault: Fault) -> Reply:
    """Returns a fault as an answer; what time it takes is how long the answer takes."""
    fault.check_answering()
    reply = reply_of(fault.answer) if fault.has_answer else Reply()
    if fault.kind == "latency":
        return replace(reply, delays=fault.delays)
    if fault.kind in ENDING and fault.kind != "hang":
        return Reply(fault=replace(fault, delays=()), delays=fault.delays or None)
    return replace(reply, fault=fault)
