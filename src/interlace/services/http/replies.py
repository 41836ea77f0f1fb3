"""What a route answers: `interlace.reply.json({...}, status=201)` and its kin."""

from __future__ import annotations

import json as json_module
from dataclasses import replace
from typing import Any

from interlace.errors import UsageError
from interlace.services.http.answers import Fields, make_reply
from interlace.services.http.answers import Reply as Reply
from interlace.services.http.streams import event as event
from interlace.services.http.streams import sse as sse
from interlace.services.http.streams import stream as stream
from interlace.sim.latency import Latency
from interlace.sim.network.fault import ENDING, Fault


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
    return make_reply(text.encode(), "application/json", status, headers, latency)


def text(content: str, status: int = 200, *, headers: Fields = None, latency: Latency | None = None) -> Reply:
    """Returns an answer in plain text, UTF-8; arguments as for `json`."""
    if not isinstance(content, str):
        raise UsageError(f"text({content!r}): give a text; for other things there are json() and content()")
    return make_reply(content.encode(), "text/plain; charset=utf-8", status, headers, latency)


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
    return make_reply(bytes(body), media_type, status, headers, latency)


def redirect(
    location: str, status: int = 302, *, headers: Fields = None, latency: Latency | None = None
) -> Reply:
    """Returns an answer that sends the client elsewhere; arguments as for `json`."""
    if not isinstance(location, str) or not 300 <= status < 400:
        raise UsageError(f"redirect({location!r}, {status!r}): give a URL, and a status from 300 to 399")
    return make_reply(b"", None, status, {"Location": location, **(headers or {})}, latency)


def status(code: int, *, headers: Fields = None, latency: Latency | None = None) -> Reply:
    """Returns an answer without a body; arguments as for `json`."""
    return make_reply(b"", None, code, headers, latency)


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


def _spoilt(fault: Fault) -> Reply:
    """Returns a fault as an answer; what time it takes is how long the answer takes."""
    fault.check_answering()
    reply = reply_of(fault.answer) if fault.has_answer else Reply()
    if not isinstance(reply.body, (bytes, tuple)):
        raise UsageError(f"{fault}: what becomes of a stream is said in the stream: yield the fault there")
    if fault.kind == "latency":
        return replace(reply, delays=fault.delays)
    if fault.kind in ENDING and fault.kind != "hang":
        return Reply(fault=replace(fault, delays=()), delays=fault.delays or None)
    return replace(reply, fault=fault)
