"""Opens real files so that each of their reads and writes can be asked about: see decision 0012.

Everything above the raw file (buffers, text) is that of `io`, put together as `io.open` does.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Any, Protocol


class Watch(Protocol):
    """Who is asked about what is done to one open file."""

    def opening(self, descriptor: int) -> None:
        """Is told of the descriptor."""
        ...

    def closing(self, descriptor: int) -> None:
        """Is told that the descriptor is given back."""
        ...

    def reads(self) -> None:
        """Takes the time of a read, or raises its error."""
        ...

    def writes(self, size: int) -> int:
        """Is the same for a write; returns how many bytes of it are written, -1: none, but as if all were."""
        ...

    def truncates(self) -> bool:
        """Tells whether the size of the file may be changed."""
        ...

    def is_dead(self) -> bool:
        """Tells whether the host has crashed that it was opened on."""
        ...


class RawFile(io.FileIO):
    """A raw file that asks its watch.

    Args:
        file: a path or a descriptor.
        mode: of the raw file.
        closefd: as for `open`.
        opener: as for `open`.
        watch: who is asked.
    """

    def __init__(self, file: Any, mode: str, closefd: bool, opener: Any, watch: Watch) -> None:
        super().__init__(file, mode, closefd, opener)
        self._watch = watch
        watch.opening(self.fileno())

    def __repr__(self) -> str:
        return super().__repr__().replace("<FileIO", "<_io.FileIO", 1)

    def read(self, size: int | None = -1, /) -> Any:
        if (size is None or size < 0) and not self.closed and self.readable():
            return self.readall()
        self._watch.reads()
        return super().read(size)

    def readall(self) -> Any:
        self._watch.reads()
        return super().readall()

    def readinto(self, buffer: Any, /) -> Any:
        self._watch.reads()
        return super().readinto(buffer)

    def write(self, data: Any, /) -> Any:
        if self.closed or not self.writable():
            return super().write(data)  # which says what is wrong
        size = memoryview(data).nbytes
        room = self._watch.writes(size)
        if room < 0:
            return size
        return super().write(data if room == size else memoryview(data).cast("B")[:room])

    def truncate(self, size: int | None = None, /) -> int:
        if not self.closed and not self._watch.truncates():
            return self.tell() if size is None else size
        return super().truncate(size)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_watch"):
            self._watch.closing(self.fileno())
            if self._watch.is_dead():
                self._finalizing = False  # nobody is to blame that it was not closed
        super().close()

    def _dealloc_warn(self, source: Any, /) -> None:
        if not self._watch.is_dead():
            super()._dealloc_warn(source)  # type: ignore[misc]  # a private method of the class in C


RawFile.__name__ = RawFile.__qualname__ = "FileIO"
RawFile.__module__ = "_io"


def is_mode(mode: Any, text_options: tuple[Any, ...]) -> bool:
    """Tells whether `open` takes this mode, together with an encoding and the like."""
    if not isinstance(mode, str):
        return False
    letters = set(mode)
    if letters - set("axrwb+t") or len(mode) != len(letters) or len(letters & set("axrw")) != 1:
        return False
    return not ("b" in letters and ("t" in letters or any(one is not None for one in text_options)))


def opened(
    file: Any,
    mode: str,
    buffering: int,
    encoding: str | None,
    errors: str | None,
    newline: str | None,
    make: Callable[[str], RawFile],
) -> Any:
    """Does what `io.open` does with a raw file that is made otherwise (CPython, Lib/_pyio.py, open).

    Args:
        file: what is opened, for the error.
        mode: one that `is_mode` takes.
        buffering: as for `open`.
        encoding: as for `open`.
        errors: as for `open`.
        newline: as for `open`.
        make: makes the raw file, given its mode.
    """
    binary = "b" in mode
    if binary and buffering == 1:
        warnings.warn(
            "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used",
            RuntimeWarning,
            stacklevel=3,
        )
    if not binary:
        encoding = io.text_encoding(encoding, 4)
    raw: Any = make("".join(letter for letter in mode if letter in "axrw+"))
    result: Any = raw
    try:
        if buffering == 0:
            if binary:
                return raw
            raise ValueError("can't have unbuffered text I/O")
        lines = buffering == 1 or (buffering < 0 and raw.isatty())
        size = buffering if buffering > 1 else max(getattr(raw, "_blksize", 0), 0) or io.DEFAULT_BUFFER_SIZE
        kind: Any = io.BufferedReader
        if "+" in mode:
            kind = io.BufferedRandom
        elif "r" not in mode:
            kind = io.BufferedWriter
        result = kind(raw, size)
        if binary:
            return result
        result = io.TextIOWrapper(result, encoding, errors, newline, lines and not binary)
        result.mode = mode
    except BaseException:
        result.close()
        raise
    return result
