"""Requests of HTTP as a tape compares them, and which of them is most like another one."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher, unified_diff
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from interlace.services.tapes.text import escape

_BOUNDARY = re.compile(r'boundary="?([^";\s]+)', re.IGNORECASE)
_MOST_LINES = 40
"""Lines of a difference that are shown."""


class Request(NamedTuple):
    """A request, without its secrets.

    Args:
        method: in capitals.
        path: without the query.
        query: its pairs, sorted.
        headers: those that are compared, by their names in small letters.
        body: as it is compared: JSON with sorted keys, and with a fixed boundary where it has parts.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @classmethod
    @lru_cache(maxsize=4096)
    def read(cls, data: bytes, compared: tuple[str, ...]) -> Request:
        """Reads a message of a tape.

        Args:
            data: the message.
            compared: the names of the headers that are compared, in small letters.
        """
        head, _, body = data.partition(b"\n\n")
        first, *lines = head.decode("utf-8", "replace").split("\n")
        method, _, rest = first.partition(" ")
        path, _, query = rest.rpartition(" ")[0].partition("?")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        kind = ", ".join(headers.get("content-type", []))
        kept = tuple((name, ", ".join(headers[name])) for name in compared if name in headers)
        pairs = tuple(sorted(parse_qsl(query, keep_blank_values=True)))
        return cls(method.upper(), path, pairs, kept, _compared(body, kind))

    @property
    def shown(self) -> str:
        """The request in a line."""
        query = "&".join(f"{name}={value}" for name, value in self.query)
        return f"{self.method} {self.path}{'?' if query else ''}{query}"

    @property
    def lines(self) -> list[str]:
        """The request in lines, for a comparison with another one."""
        found = [f"{self.method} {self.path}", *(f"  ?{name}={value}" for name, value in self.query)]
        found += [f"{name}: {value}" for name, value in self.headers]
        return [*found, "", *_body_lines(self.body)] if self.body else found

    def likeness(self, other: Request) -> float:
        """Returns how alike two requests are, from 0 up."""
        same = 2.0 * (self.path == other.path) + (self.method == other.method)
        return same + SequenceMatcher(None, "\n".join(self.lines), "\n".join(other.lines)).ratio()


def _compared(body: bytes, kind: str) -> bytes:
    if "multipart/" in kind.lower() and (match := _BOUNDARY.search(kind)):
        return body.replace(match[1].encode(), b"boundary")
    if body[:1] in (b"{", b"[") or "json" in kind.lower():
        try:
            return json.dumps(json.loads(body), sort_keys=True, ensure_ascii=False).encode()
        except ValueError:
            return body
    return body


def _body_lines(body: bytes) -> list[str]:
    try:
        text = body.decode()
        loaded: Any = json.loads(text) if text[:1] in ("{", "[") else None
    except ValueError:
        return text_lines(body)
    if loaded is not None:
        text = json.dumps(loaded, indent=2, ensure_ascii=False)
    return text_lines(text.encode())


def text_lines(data: bytes) -> list[str]:
    """Returns bytes as lines in which all can be seen."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return [escape(data.decode("latin-1"))]
    return [escape(line) for line in text.split("\n")]


def difference(recorded: list[str], asked: list[str], where: str) -> str:
    """Returns how what is asked differs from what was recorded, in lines as of `diff -u`."""
    lines = list(unified_diff(recorded, asked, where, "this run", lineterm=""))
    if len(lines) > _MOST_LINES:
        lines = [*lines[:_MOST_LINES], f"... and {len(lines) - _MOST_LINES} lines more"]
    return "\n".join(lines)
