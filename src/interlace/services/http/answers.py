"""One answer of a fake web API, whatever is in it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from http import HTTPStatus
from typing import Any

from interlace.errors import UsageError
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.fault import Fault

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x20-\x7e\t]*")

_FRAMING = frozenset({"content-length", "transfer-encoding", "connection"})

Fields = Mapping[str, str] | None
"""Header fields of a reply: names and values."""


Body = bytes | Iterable[Any] | AsyncIterable[Any]
"""All of it; or bytes, pauses and faults, which are sent in chunks."""


@dataclass(frozen=True)
class Reply:
    """One answer.

    Args:
        status: its status code.
        headers: its header fields; how it is framed is added.
        body: all of it; or bytes, pauses and faults, in order, which are sent in chunks.
        stays_open: whether such a body never ends.
        delays: how long it takes before it is sent, in ns, the boring one first; None: nobody has said so.
        fault: what goes wrong instead of it, or with it; None: nothing.
        successor: carries the connection on from here, in another protocol; None: HTTP goes on.
        reason: what stands behind the status; b"": what usually does.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: Body = b""
    delays: tuple[int, ...] | None = None
    fault: Fault | None = None
    successor: Any = None
    stays_open: bool = False
    reason: bytes = b""

    def after(self, latency: Latency | None) -> Reply:
        """Returns the same reply, which takes this long if nothing was said of it before."""
        if latency is None or self.delays is not None:
            return self
        known = self.__dict__.get("_after")
        if known is None or known[0] is not latency:
            known = self.__dict__["_after"] = (latency, replace(self, delays=parse_latency(latency)))
        made: Reply = known[1]
        return made

    @cached_property
    def wire(self) -> bytes | None:
        """All of it as it is sent in answer to a plain request; None where that takes more than to send it."""
        if not isinstance(self.body, bytes) or self.fault is not None or self.successor is not None:
            return None
        if self.status in (204, 304) or any(name.lower() in _FRAMING for name, _ in self.headers):
            return None
        reason = self.reason.decode("latin-1") or reason_of(self.status)
        lines = [f"HTTP/1.1 {self.status} {reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


def make_reply(
    body: Body,
    kind: str | None,
    status: int,
    headers: Fields,
    latency: Latency | None,
) -> Reply:
    """Returns an answer.

    Args:
        body: its body.
        kind: its Content-Type, where the fields do not say it.
        status: its status code.
        headers: its header fields.
        latency: how long it takes.

    Raises:
        UsageError: one of them cannot work.
    """
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
    if kind is not None and not (isinstance(kind, str) and _VALUE.fullmatch(kind)):
        raise UsageError(f"media_type={kind!r} cannot be sent: give a text such as 'text/plain'")
    pairs = list(fields.items())
    if kind is not None and "content-type" not in {name.lower() for name in fields}:
        pairs.insert(0, ("Content-Type", kind))
    delays = None if latency is None else parse_latency(latency)
    return Reply(status, tuple(pairs), body, delays)


def is_token(text: str) -> bool:
    """Tells whether a text is a word as names of header fields are (RFC 9110, section 5.6.2)."""
    return _NAME.fullmatch(text) is not None


def reason_of(status: int) -> str:
    """Returns the reason phrase of a status code; "" of one that is not registered."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
