"""Names of Unix sockets: abstract ones, and files, which are real.

Files of a program are real in a run, and so is the file of a Unix socket: it is there when the socket is bound, can be
moved, and stays until it is removed. A real socket holds it, to which nobody can connect.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Callable
from typing import Any

from interlace.backends.aio import inside
from interlace.sim.network.sockets import fail

_logger = logging.getLogger("asyncio")

_LONGEST = 108
"""Bytes of a name, with the one that ends it."""

Key = Any
"""What tells one name from another: a file's device and number, or the abstract name."""


def place_of(address: Any) -> bytes:
    """Returns a name as bytes.

    Raises:
        TypeError: it is neither text nor bytes.
        OSError: it is too long.
    """
    if isinstance(address, str):
        found = os.fsencode(address)
    else:
        try:
            found = bytes(memoryview(address))
        except TypeError:
            raise TypeError(f"a bytes-like object is required, not {type(address).__name__!r}") from None
    if len(found) > _LONGEST - (not found.startswith(b"\0")):
        raise OSError("AF_UNIX path too long")
    return found


def take(address: Any) -> tuple[Key, Any, Callable[[], None] | None]:
    """Takes a name for a socket.

    Returns: its key, None for any abstract name; the name as it is shown; and what is to be called when the socket
        is closed.

    Raises:
        OSError: the file is there already, or cannot be made.
    """
    name = place_of(address)
    if not name:
        return None, b"", None
    if name.startswith(b"\0"):
        return name, name, None
    holder = socket.SocketType(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(name)
        with inside.unlooped():
            status = os.stat(name)
    except BaseException:
        holder.close()
        raise
    return (status.st_dev, status.st_ino), os.fsdecode(name.partition(b"\0")[0]), holder.close


def key_of(address: Any) -> Key:
    """Returns the key of a name that is to be connected to.

    Raises:
        OSError: there is no such file, or it is none (EINVAL).
    """
    name = place_of(address)
    if not name:
        fail(errno.EINVAL)
    if name.startswith(b"\0"):
        return name
    try:
        with inside.unlooped():
            status = os.stat(name.partition(b"\0")[0])
    except OSError as error:
        fail(error.errno or errno.ENOENT)  # without the name, as it is worded there
    return status.st_dev, status.st_ino


def remove(path: str | bytes, number: int) -> None:
    """Removes the file of a socket, if it is still the same."""
    try:
        with inside.unlooped():
            if os.stat(path).st_ino == number:
                os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        _logger.error("Unable to clean up listening UNIX socket %r: %r", path, error)
