"""Takes secrets out of what is recorded, and out of what is compared with it.

The names that stand for secrets are those that web APIs use most; others are told by the test.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias

from interlace.errors import UsageError

Direction = Literal["request", "answer"]
Scrub: TypeAlias = (
    "Callable[[Direction, bytes], bytes] | Iterable[str | re.Pattern[bytes] | re.Pattern[str]] | str | None"
)
"""A function of who speaks and what is said, which returns what may be written down; or names of headers and fields,
and patterns, of which what matches is taken out, or only their groups."""

HIDDEN = b"scrubbed"
"""Stands where a secret was."""

HEADERS = (
    *("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "apikey"),
    *("x-auth-token", "x-access-token", "x-csrf-token", "x-goog-api-key", "x-amz-security-token"),
    *(
        "x-functions-key",
        "ocp-apim-subscription-key",
        "private-token",
        "x-vault-token",
        "x-shopify-access-token",
    ),
)
"""Headers whose value is a secret."""

FIELDS = (
    *("api_key", "apikey", "api-key", "access_token", "refresh_token", "id_token", "auth_token", "token"),
    *(
        "secret",
        "client_secret",
        "password",
        "passwd",
        "private_key",
        "x-amz-signature",
        "x-amz-security-token",
    ),
)
"""Fields of a query, of a form and of JSON whose value is a secret."""

_ONLY_IN_QUERIES = ("key", "sig", "signature")

_AUTH = re.compile(
    rb"(?i)(?<=\r\nAUTH\r\n)\$\d+\r\n([^\r\n]*)\r\n(?:\$\d+\r\n([^\r\n]*)\r\n)?"  # of Redis, as RESP frames it
)


class Scrubber:
    """Takes secrets out.

    Args:
        extra: what the test says about its own.

    Attributes:
        is_own: whether the test has said something.

    Raises:
        UsageError: that is neither a function nor names and patterns.
    """

    def __init__(self, extra: Scrub = None) -> None:
        self._function: Callable[[Direction, bytes], bytes] | None = None
        names: list[str] = []
        self._patterns: list[re.Pattern[bytes]] = []
        parts: list[Any] = []
        if isinstance(extra, str):
            parts = [extra]
        elif callable(extra):
            self._function = extra
        elif isinstance(extra, Iterable):
            parts = list(extra)
        elif extra is not None:
            raise UsageError(f"scrub={extra!r}: {_HINT}")
        for part in parts:
            if isinstance(part, str) and part:
                names.append(part.lower())
            elif isinstance(part, re.Pattern):
                self._patterns.append(_of_bytes(part))
            else:
                raise UsageError(f"scrub=[{part!r}]: {_HINT}")
        self.is_own = bool(parts) or self._function is not None
        headers = _any_of((*HEADERS, *names))
        fields = _any_of((*FIELDS, *HEADERS, *names))  # some answers repeat the headers of their request
        asked = _any_of((*FIELDS, *_ONLY_IN_QUERIES, *names))
        self._header = re.compile(rb"(?im)^((?:" + headers + rb"):[ \t]*)([^\r\n]*)")
        self._query = re.compile(rb"(?i)((?:[?&])(?:" + asked + rb")=)([^&\s#\"'<>\\]*)")
        self._form = re.compile(rb"(?i)((?:\A|&)(?:" + fields + rb")=)([^&\s\"<>]*)")
        self._json = re.compile(rb'(?i)("(?:' + fields + rb')"\s*:\s*)(?:"((?:[^"\\]|\\.)*)"|-?\d[\d.eE+-]*)')
        self._part = re.compile(
            rb'(?i)(name="(?:' + fields + rb')"\r?\n(?:[^\r\n]+\r?\n)*\r?\n)([^\r\n]*)'  # RFC 7578
        )

    def message(self, direction: Direction, data: bytes) -> bytes:
        """Returns a message of HTTP without its secrets.

        Raises:
            UsageError: the test's own function has returned what is none any more.
        """
        head, blank, body = data.partition(b"\n\n")
        first, line, headers = head.partition(b"\n")
        headers = self._header.sub(_hide_header, headers)
        first = self._query.sub(rb"\1" + HIDDEN, first)
        headers = self._query.sub(rb"\1" + HIDDEN, headers)  # where a redirection leads
        return self._custom(direction, first + line + headers + blank + self._body(body))

    def _body(self, body: bytes) -> bytes:
        body = self._query.sub(rb"\1" + HIDDEN, body)
        body = self._json.sub(rb'\1"' + HIDDEN + rb'"', body)
        body = self._form.sub(rb"\1" + HIDDEN, body)
        return self._part.sub(rb"\1" + HIDDEN, body)

    def raw(self, direction: Direction, data: bytes) -> bytes:
        """Returns bytes of another protocol without their secrets."""
        data = self._header.sub(_hide_header, data)
        data = self._json.sub(rb'\1"' + HIDDEN + rb'"', data)
        data = _AUTH.sub(_hide_words, data)
        return self._custom(direction, data)

    def piece(self, direction: Direction, data: bytes) -> bytes:
        """Returns a piece of a longer body without its secrets."""
        return self._custom(direction, self._body(data))

    def _custom(self, direction: Direction, data: bytes) -> bytes:
        for pattern in self._patterns:
            data = pattern.sub(_hide_groups, data)
        if self._function is None:
            return data
        found: object = self._function(direction, data)
        if not isinstance(found, bytes):
            raise UsageError(
                f"scrub={self._function!r} has returned {found!r} for the {direction} {_shown(data)}: return bytes"
            )
        return found


_HINT = "give a function of ('request' or 'answer', bytes) that returns bytes, or a list of names and of patterns (re.compile)"


def _of_bytes(pattern: re.Pattern[Any]) -> re.Pattern[bytes]:
    if isinstance(pattern.pattern, bytes):
        return pattern
    return re.compile(pattern.pattern.encode(), pattern.flags & ~re.UNICODE)


def _any_of(names: Iterable[str]) -> bytes:
    return "|".join(re.escape(name) for name in dict.fromkeys(names)).encode()


def _hide_header(match: re.Match[bytes]) -> bytes:
    """Hides the value of a header, and keeps what tells how it is made."""
    name, value = match[1], match[2]
    word = name.split(b":")[0].lower()
    if word == b"set-cookie":
        key, _, rest = value.partition(b"=")
        _, semicolon, attributes = rest.partition(b";")
        return name + key + b"=" + HIDDEN + semicolon + attributes
    if word == b"cookie":
        keys = [part.partition(b"=")[0].strip() for part in value.split(b";") if part.strip()]
        return name + b"; ".join(key + b"=" + HIDDEN for key in keys)
    scheme, space, _ = value.strip().partition(b" ")
    return name + (scheme + b" " if space and scheme.isalpha() else b"") + HIDDEN


def _hide_words(match: re.Match[bytes]) -> bytes:
    found = match[0]
    for word in match.groups():
        if word:
            found = found.replace(b"\r\n" + word + b"\r\n", b"\r\n" + HIDDEN + b"\r\n", 1)
    return found


def _hide_groups(match: re.Match[bytes]) -> bytes:
    """Hides the groups of a pattern, or all of it if it has none."""
    if not match.re.groups:
        return HIDDEN
    whole, start = bytearray(), match.start()
    for number in range(1, match.re.groups + 1):
        begin, end = match.span(number)
        if begin < start:
            continue
        whole += match.string[start:begin] + HIDDEN
        start = end
    return bytes(whole + match.string[start : match.end()])


def _shown(data: bytes) -> str:
    return repr(data if len(data) <= 60 else data[:57] + b"...")
