"""Files that go through a transport, as the system call sendfile sends them (man 2 sendfile)."""

from __future__ import annotations

import asyncio
import os
from typing import IO, TYPE_CHECKING

from interlace.backends.aio import inside

if TYPE_CHECKING:
    from interlace.backends.aio.transports import StreamTransport

_BLOCK = 256 * 1024


async def pour_file(
    transport: StreamTransport, file: IO[bytes], offset: int, count: int | None, *, fallback: bool
) -> int:
    """Sends a file through a transport that does not read meanwhile; returns how many bytes.

    Args:
        transport: where to.
        file: what.
        offset: where in the file to begin.
        count: how many bytes at most; None: to the end.
        fallback: whether it may be something else than a file of the file system.

    Raises:
        TypeError: `offset` or `count` is no number.
        ValueError: the file is not opened as binary, or `offset` or `count` make no sense.
        asyncio.SendfileNotAvailableError: it is no file of the file system, and `fallback` is off.
        RuntimeError: another one is being sent.
        OSError: the connection is lost.
    """
    if transport.pouring:
        raise RuntimeError("sendfile is in progress")
    reading = transport.is_reading()
    transport.pause_reading()
    total = 0
    before = -1
    try:
        await transport.pour(b"")
        _check(file, offset, count)
        if _is_regular(file):
            before = file.tell()
        elif not fallback:
            raise asyncio.SendfileNotAvailableError("not a regular file")
        file.seek(offset)
        while count is None or total < count:
            size = _BLOCK if count is None else min(_BLOCK, count - total)
            if before < 0:
                block = file.read(size)
            else:  # in the place of the system
                with inside.unlooped():
                    block = file.read(size)
            if not block:
                break
            await transport.pour(block)
            total += len(block)
        return total
    finally:
        transport.stop_pouring()
        if total:
            file.seek(offset + total)
        elif before >= 0:
            file.seek(before)
        if reading:
            transport.resume_reading()


def _check(file: IO[bytes], offset: int, count: int | None) -> None:
    if "b" not in getattr(file, "mode", "b"):
        raise ValueError("file should be opened in binary mode")
    for name, number, least, kind in (("count", count, 1, "positive"), ("offset", offset, 0, "non-negative")):
        message = f"{name} must be a {kind} integer (got {number!r})"
        if number is not None and not isinstance(number, int):
            raise TypeError(message)
        if number is not None and number < least:
            raise ValueError(message)


def _is_regular(file: IO[bytes]) -> bool:
    try:
        os.fstat(file.fileno())
    except (AttributeError, OSError):
        return False
    return True
