"""How a tape is written down: text that can be read, edited and compared line by line.

What is UTF-8 stands there as text, each line behind the one who has said it, `>` for the program and `<` for the
peer; a line feed is where a line ends, and what cannot be seen is escaped. What is not stands there in base64,
behind `>~` or `<~`. The last line says that nothing is missing.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import lru_cache

from interlace.errors import TornTape
from interlace.services.tapes.tape import Said, Talk, Tape
from interlace.sim.clock import MILLISECOND

VERSION = 1

_MAGIC = "interlace tape"
_WIDTH = 76
"""Characters of base64 in a line."""

_UNFINISHED = "unfinished"
"""Stands at the end of an exchange whose answer had not come to its end, or not begun, when the program left."""

_AFTER = re.compile(r"after (\d+(?:\.\d+)?)ms")
_ESCAPE = re.compile(r"\\(?:([\\rt])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.?))")
_NAMES = {"\\": "\\", "r": "\r", "t": "\t"}
_UNUSUAL = re.compile(r"[^ -\[\]-~]| $")

# -- writing -------------------------------------------------------------------------------------


def write(tape: Tape) -> str:
    """Returns the text of a tape."""
    lines = [f"{_MAGIC} {VERSION}", f"peer {tape.peer}", f"recorded {tape.recorded}"]
    for talk in tape.talks:
        lines += ["", talk.kind]
        for said in talk.said:
            if said.by_peer:
                lines.append(f"after {said.delay / MILLISECOND:.4f}".rstrip("0").rstrip(".") + "ms")
            mark = "<" if said.by_peer else ">"
            if said.by_peer and not said.data:
                lines.append("closed")
            else:
                lines += _lines(said.data, mark, talk.kind == "exchange")
        if not talk.is_whole:
            lines.append(_UNFINISHED)
    return "\n".join([*lines, "", "end", ""])


def _lines(data: bytes, mark: str, is_http: bool) -> Iterator[str]:
    text = _as_text(data)
    if text is None and is_http:
        head, blank, body = data.partition(b"\n\n")
        if blank and (text := _as_text(head + blank)) is not None:
            data = body
            yield from (f"{mark} {escape(line)}".rstrip() for line in text.split("\n"))
            text = None
    if text is not None:
        yield from (f"{mark} {escape(line)}".rstrip() for line in text.split("\n"))
        return
    coded = base64.b64encode(data).decode()
    for start in range(0, len(coded), _WIDTH):
        yield f"{mark}~ {coded[start : start + _WIDTH]}"


def _as_text(data: bytes) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def escape(line: str) -> str:
    """Returns a line in which all can be seen, and nothing is lost at its end."""
    return _UNUSUAL.sub(_escaped, line)


def _escaped(match: re.Match[str]) -> str:
    one = match[0]
    if one == "\\":
        return "\\\\"
    if one == " ":
        return "\\x20"
    if one.isprintable():
        return one
    if one in "\r\t":
        return "\\r" if one == "\r" else "\\t"
    code = ord(one)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


# -- reading -------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def read(text: str, file: str) -> Tape:
    """Reads a tape.

    Args:
        text: all that is in the file.
        file: its name, for errors.

    Raises:
        TornTape: it is none, or not all of it is there.
    """
    return _Reader(text, file).read()


class _Reader:
    """Reads one tape, and knows where."""

    def __init__(self, text: str, file: str) -> None:
        self._lines = text.replace("\r\n", "\n").split("\n")  # as git may have checked it out
        self._file = file
        self._at = 0

    def read(self) -> Tape:
        """Returns the tape."""
        version = self._header(_MAGIC, f"{_MAGIC} {VERSION}")
        if version != str(VERSION):
            raise self._torn(
                f"it is of version {version}, and this is version {VERSION}", "pip install -U interlace, or"
            )
        peer = self._header("peer", "peer https://api.example.com")
        recorded = self._header("recorded", "recorded 29 November 2026")
        talks = []
        while True:
            line = self._next()
            if line == "end":
                break
            if line in ("exchange", "connection"):
                talks.append(self._talk(line))
            elif line:
                raise self._torn(f"{_shown(line)} is no beginning of an exchange or a connection")
        if any(self._lines[self._at :]):
            self._at += 1
            raise self._torn("something comes after the end")
        return Tape(peer, tuple(talks), recorded)

    def _header(self, word: str, example: str) -> str:
        line = self._next()
        if not line.startswith(f"{word} ") and line != word:
            raise self._torn(f"{_shown(line)} stands where {example!r} should")
        return line[len(word) + 1 :].strip()

    def _talk(self, kind: str) -> Talk:
        begun = self._at
        said: list[Said] = []
        delay: int | None = None
        is_whole = True
        while line := self._next():
            here = self._at
            if not is_whole:
                raise self._torn(f"{_shown(line)} comes after the end of an exchange")
            if (match := _AFTER.fullmatch(line)) and delay is None:
                delay = round(float(match[1]) * MILLISECOND)
            elif line == "closed" and delay is not None:
                said.append(Said(True, b"", delay, here))
                delay = None
            elif line == _UNFINISHED and delay is None and kind == "exchange":
                is_whole = False
            elif line[0] == "<" and delay is not None:
                said.append(Said(True, self._data("<"), delay, here))
                delay = None
            elif line[0] == ">" and delay is None:
                said.append(Said(False, self._data(">"), 0, here))
            elif line[0] == "<" and line[1:2] in ("", " ", "~"):
                raise self._torn("the peer says something, and no line before tells after how long")
            else:
                raise self._torn(f"{_shown(line)} does not belong here")
        if delay is not None:
            raise self._torn("what the peer has said then is missing")
        sides = [one.by_peer for one in said]
        is_one = sides[:1] == [False] and sides.count(False) == 1 and (len(sides) > 1 or not is_whole)
        if kind == "exchange" and not is_one:
            self._at = begun
            raise self._torn(
                "an exchange is a request and what the peer has answered, and here one is missing"
            )
        if kind == "exchange":
            return Talk("exchange", tuple(said), begun, is_whole)
        return Talk("connection", tuple(said), begun)

    def _data(self, mark: str) -> bytes:
        """Reads the lines of what was said once; the first of them is the current one."""
        whole = bytearray()
        texts: list[str] = []
        coded: list[str] = []
        while True:
            line = self._lines[self._at - 1]
            if line.startswith(f"{mark}~ "):
                coded.append(line[3:])
            elif (line == mark or line.startswith(f"{mark} ")) and not coded:
                texts.append(self._unescape(line[2:]))
            else:
                raise self._torn(f"{_shown(line)} does not belong here")
            following = self._lines[self._at] if self._at < len(self._lines) else ""
            if not following.startswith(mark):
                break
            self._at += 1
        whole += "\n".join(texts).encode()
        try:
            whole += base64.b64decode("".join(coded), validate=True)
        except (binascii.Error, ValueError) as error:
            raise self._torn(f"the base64 that ends here cannot be read ({error})") from None
        if not whole:
            raise self._torn("nothing was said here")
        return bytes(whole)

    def _unescape(self, line: str) -> str:
        def one(match: re.Match[str]) -> str:
            if match[1]:
                return _NAMES[match[1]]
            code = int(match[2] or match[3] or match[4] or "110000", 16)
            if code > 0x10FFFF or 0xD800 <= code < 0xE000:
                raise self._torn(f"{match[0]} is no escape: write \\\\ for a backslash")
            return chr(code)

        return _ESCAPE.sub(one, line)

    def _next(self) -> str:
        if self._at >= len(self._lines):
            raise self._torn("it ends in the middle: the line 'end' is missing")
        self._at += 1
        return self._lines[self._at - 1]

    def _torn(self, why: str, first: str = "") -> TornTape:
        return TornTape(self._file, min(self._at, len(self._lines)), why, first)


def _shown(line: str) -> str:
    shown = repr(line if len(line) <= 60 else line[:57] + "...")
    if re.match(r"(<{7}|={7}|>{7})", line):
        return f"{shown}, of a merge that was not resolved,"
    return shown
