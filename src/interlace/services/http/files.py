"""Answers that are files: their type, their tag, and parts of them."""

from __future__ import annotations

import hashlib
import os
import re
from mimetypes import MimeTypes
from pathlib import Path

from interlace.errors import UsageError
from interlace.services.http.answers import Fields, Reply, make_reply
from interlace.services.http.calls import Call
from interlace.sim.latency import Latency

_RANGE = re.compile(r"bytes=\s*(\d*)-(\d*)\s*")
_TYPES = MimeTypes(filenames=())
"""What Python knows by itself: the lists of the machine differ from one to the next."""


class File:
    """A file as an answer: whole, a part of it (RFC 9110, section 14), or that it has not changed (section 13).

    Args:
        path: the file; it is read now.
        status: the status code where all of it is sent.
        media_type: its Content-Type; None: as its name says.
        headers: further header fields.
        latency: how long it takes, as for `World.latency`.

    Raises:
        UsageError: it cannot be read, or another argument cannot work.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        status: int = 200,
        *,
        media_type: str | None = None,
        headers: Fields = None,
        latency: Latency | None = None,
    ) -> None:
        try:
            self._body = Path(path).read_bytes()
        except (OSError, TypeError, ValueError) as error:
            raise UsageError(
                f"file({path!r}) cannot be read: {error}. Give the path of a file; for bytes there is content()"
            ) from None
        self._latency = latency
        self._tag = f'"{hashlib.sha256(self._body).hexdigest()[:16]}"'
        self._kind = media_type or _TYPES.guess_type(str(path))[0] or "application/octet-stream"
        self._headers = {"ETag": self._tag, **(headers or {})}
        self._with_ranges = {"Accept-Ranges": "bytes", **self._headers}
        self._whole = make_reply(self._body, self._kind, status, self._with_ranges, latency)

    def answer(self, call: Call) -> Reply:
        """Returns the answer to a request."""
        wanted = {one.strip().removeprefix("W/") for one in call.headers.get("if-none-match", "").split(",")}
        if wanted & {self._tag, "*"}:
            return make_reply(b"", None, 304, self._headers, self._latency)
        found = _RANGE.fullmatch(call.headers.get("range", ""))
        is_asked = found is not None and call.method == "GET" and found.groups() != ("", "")
        if not is_asked or call.headers.get("if-range", self._tag) != self._tag:
            return self._whole
        assert found is not None
        first, last = found.groups()
        size = len(self._body)
        if first:
            start, end = int(first), min(int(last or size), size - 1)
        else:
            start, end = max(size - int(last), 0), size - 1
        if last and first and int(last) < int(first):
            return self._whole
        if start >= size or (not first and not int(last)):
            fields = {**self._headers, "Content-Range": f"bytes */{size}"}
            return make_reply(b"", None, 416, fields, self._latency)
        fields = {**self._with_ranges, "Content-Range": f"bytes {start}-{end}/{size}"}
        return make_reply(self._body[start : end + 1], self._kind, 206, fields, self._latency)
