"""How commands are read and replies are written: RESP, versions 2 and 3 (redis.io, Redis serialization protocol)."""

from __future__ import annotations

import shlex
from typing import Any

from fakeredis._helpers import SimpleError, SimpleString

_MOST_INLINE = 64 * 1024
_MOST_ARGUMENTS = 1024 * 1024
_MOST_BYTES = 512 * 1024 * 1024
_STAR, _DOLLAR = b"*$"


class Malformed(Exception):
    """What has arrived is no command; the connection ends."""


class Requests:
    """Takes bytes and gives commands; what is not whole waits.

    The limits and the wording of errors are those of Redis (src/networking.c).
    """

    __slots__ = ("_buffer", "_start")

    def __init__(self) -> None:
        self._buffer = b""
        self._start = 0

    def feed(self, data: bytes) -> None:
        """Takes what has arrived."""
        self._buffer = self._buffer[self._start :] + data if self._start < len(self._buffer) else data
        self._start = 0

    def next(self) -> list[bytes] | None:
        """Returns the words of the next command, none for an empty one; None if none is whole.

        Raises:
            Malformed: it is no command.
        """
        buffer, start = self._buffer, self._start
        if start >= len(buffer):
            return None
        if buffer[start] != _STAR:
            return self._inline(buffer, start)
        end = buffer.find(b"\r\n", start)
        if end < 0:
            self._check_line(buffer, start, "too big mbulk count string")
            return None
        count = _number(buffer[start + 1 : end], _MOST_ARGUMENTS, "invalid multibulk length")
        start = end + 2
        words: list[bytes] = []
        for _ in range(count):
            end = buffer.find(b"\r\n", start)
            if end < 0:
                self._check_line(buffer, start, "too big bulk count string")
                return None
            if buffer[start] != _DOLLAR:
                raise Malformed(f"expected '$', got '{chr(buffer[start])}'")
            size = _number(buffer[start + 1 : end], _MOST_BYTES, "invalid bulk length")
            if size < 0:
                raise Malformed("invalid bulk length")
            start = end + 2 + size
            if len(buffer) < start + 2:
                return None
            words.append(buffer[end + 2 : start])
            start += 2
        self._start = start
        return words

    def _inline(self, buffer: bytes, start: int) -> list[bytes] | None:
        """Reads a command as people type it."""
        end = buffer.find(b"\n", start)
        if end < 0:
            self._check_line(buffer, start, "too big inline request")
            return None
        self._start = end + 1
        try:
            return [word.encode("latin-1") for word in shlex.split(buffer[start:end].decode("latin-1"))]
        except ValueError:
            raise Malformed("unbalanced quotes in request") from None

    def _check_line(self, buffer: bytes, start: int, what: str) -> None:
        if len(buffer) - start > _MOST_INLINE:
            raise Malformed(what)


def _number(digits: bytes, most: int, what: str) -> int:
    try:
        number = int(digits)
    except ValueError:
        raise Malformed(what) from None
    if number > most:
        raise Malformed(what)
    return number


class Unordered(list[Any]):
    """Members of a set: RESP3 says that they are one."""


class NoArray(SimpleString):
    """That there is no array; RESP2 tells it from there being no string."""


class Push(list[Any]):
    """A message that nobody has asked for; RESP3 says that it is one."""


class Several(list[Any]):
    """Replies one after the other in the place of one, as a transaction has it of the channels that it subscribes to."""


NO_ARRAY = NoArray(b"")


def encode(value: Any, version: int) -> bytes:
    """Returns the bytes of a reply.

    Args:
        value: as fakeredis gives it: bytes, numbers, lists, dicts, None, `SimpleString`, `SimpleError`; or one of
            the types above.
        version: of RESP: 2 or 3.
    """
    kind = type(value)
    if kind is bytes:
        return b"$%d\r\n%b\r\n" % (len(value), value)
    if kind is SimpleString:
        return b"+%b\r\n" % value.value
    if kind is int:
        if -(1 << 63) <= value < 1 << 63:
            return b":%d\r\n" % value
        return b"(%d\r\n" % value if version == 3 else encode(b"%d" % value, 2)
    if value is None:
        return b"_\r\n" if version == 3 else b"$-1\r\n"
    if isinstance(value, NoArray):
        return b"_\r\n" if version == 3 else b"*-1\r\n"
    if isinstance(value, SimpleString):
        return b"+%b\r\n" % value.value
    if isinstance(value, SimpleError):
        return b"-%b\r\n" % " ".join(value.value.splitlines()).encode("utf-8", "surrogateescape")
    if isinstance(value, bool):
        return (b"#t\r\n" if value else b"#f\r\n") if version == 3 else b":%d\r\n" % value
    if isinstance(value, float):
        text = shown(value)
        return b",%b\r\n" % text if version == 3 else encode(text, 2)
    if isinstance(value, str):
        return encode(value.encode(), version)
    if isinstance(value, dict):
        flat = [item for pair in value.items() for item in pair]
        head = b"%%%d\r\n" % len(value) if version == 3 else b"*%d\r\n" % len(flat)
    elif isinstance(value, (list, tuple)):
        flat = list(value)
        if kind is Several:
            return b"".join([encode(item, version) for item in flat])
        sign = b"*"
        if version == 3:
            sign = b"~" if kind is Unordered else b">" if kind is Push else b"*"
        head = b"%b%d\r\n" % (sign, len(flat))
    else:
        raise TypeError(f"a reply that is a {kind.__name__}")
    return head + b"".join([encode(item, version) for item in flat])


def shown(number: float) -> bytes:
    """Writes a number as Redis does: the shortest text that means it."""
    return (b"%d" % number) if number.is_integer() and abs(number) < 1e17 else repr(number).encode()
