"""Tapes in files: which are there, and how they are read and written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from interlace.errors import NoTape, TornTape, UsageError
from interlace.services.tapes import text
from interlace.services.tapes.http import exchanges
from interlace.services.tapes.log import Log, connection
from interlace.services.tapes.scrub import Scrubber
from interlace.services.tapes.tape import Tape

Mode = Literal["replay", "record", "new"]
MODES: tuple[Mode, ...] = ("replay", "record", "new")


class TapeFile:
    """A tape in a file.

    Args:
        file: its path.
        peer: whom it is a tape of, as the test names it.
        is_http: whether it holds exchanges of HTTP; else connections.
        command: what is typed to record it.

    Raises:
        UsageError: no path.
    """

    def __init__(self, file: object, peer: str, is_http: bool, command: str) -> None:
        if not isinstance(file, (str, os.PathLike)) or not os.fspath(file):
            raise UsageError(
                f"tape({peer!r}, {file!r}): give the path of a file, such as 'tapes/stripe.tape'"
            )
        self.path = Path(os.fsdecode(file))
        self.shown = self.path.as_posix()
        self._peer = peer
        self._is_http = is_http
        self._command = command
        if self.path.is_dir():
            raise UsageError(
                f"tape({peer!r}, {self.shown!r}): that is a folder; give the path of a file in it"
            )

    @property
    def is_there(self) -> bool:
        """Whether there is such a file."""
        return self.path.exists()

    def read(self) -> Tape:
        """Reads it.

        Raises:
            NoTape: it is not there.
            TornTape: it is no tape, or not all of it.
            UsageError: it is a tape of another peer, or of something else than the test asks of it.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            raise NoTape(
                f"there is no tape {self.shown} of {self._peer} yet. Record it once from the real peer: {self._command}"
            ) from None
        try:
            written = data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise TornTape(self.shown, line, "this is no UTF-8") from None
        tape = text.read(written, self.shown)
        if tape.peer != self._peer:
            raise UsageError(
                f"{self.shown} is a tape of {tape.peer}, and the test asks it for {self._peer}. Have each peer have a "
                f"tape of its own, or record this one again: {self._command}"
            )
        wanted = "exchange" if self._is_http else "connection"
        for talk in tape.talks:
            if talk.kind != wanted:
                what = (
                    "a connection, and a tape of HTTP holds exchanges"
                    if self._is_http
                    else "an exchange, and the test asks for a tape of bytes, which holds connections"
                )
                raise TornTape(self.shown, talk.line, f"here begins {what}")
        return tape


class Recorder:
    """What is recorded in one run.

    Args:
        tape: where to.
        peer: whom it is a tape of, as the test names it.
        is_http: whether it holds exchanges of HTTP; else connections.
        scrub: takes secrets out.
        today: when it is recorded, in words.
    """

    def __init__(self, tape: TapeFile, peer: str, is_http: bool, scrub: Scrubber, today: str) -> None:
        self._tape = tape
        self._peer = peer
        self._is_http = is_http
        self._scrub = scrub
        self._today = today
        self._written = -1
        self._logs: list[Log] = []

    def begin(self, now: Callable[[], int]) -> Log:
        """Returns what takes note of a further connection.

        Args:
            now: returns the real time in nanoseconds.
        """
        log = Log(now)
        self._logs.append(log)
        return log

    def save(self) -> None:
        """Writes down what was recorded so far, if there is more than was written before.

        Raises:
            UsageError: what was said is no HTTP, its secrets cannot be found, or the file cannot be written.
        """
        size = sum(len(log.heard) for log in self._logs)
        if size == self._written:
            return
        if self._is_http:
            found = [one for log in self._logs for one in exchanges(log, self._peer, self._scrub)]
            talks = tuple(talk for _, talk in sorted(found, key=lambda one: one[0]))
        else:
            whole = (connection(log, self._scrub) for log in self._logs)
            talks = tuple(talk for talk in whole if talk.said)
        written = text.write(Tape(self._peer, talks, self._today))
        path = self._tape.path
        beside = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(written.encode())
            beside.replace(path)
        except OSError as error:
            raise UsageError(
                f"the tape {self._tape.shown} cannot be written ({error.strerror}): give the path of a file that can"
            ) from None
        self._written = size
