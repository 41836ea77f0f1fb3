"""`fcntl.fcntl` for simulated descriptors: libraries set flags of sockets that they have made."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

from interlace.backends.aio.descriptors import FIRST_NUMBER, loop_of
from interlace.backends.aio.refused import refuse
from interlace.backends.replaced import Replaced
from interlace.untouched import FCNTL, is_built_in


def _fcntl(fd: Any, cmd: int, arg: Any = 0, /) -> Any:
    """Is `fcntl.fcntl` while code of a run is executed."""
    assert _FCNTL is not None
    number = fd if isinstance(fd, int) else getattr(fd, "fileno", lambda: None)()
    loop = None
    if isinstance(number, int) and number >= FIRST_NUMBER:
        loop = loop_of(sys._getframe(1).f_code.co_filename)
    if loop is None:
        return _FCNTL.real(fd, cmd, arg)
    if number not in loop._plugs:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    if cmd == FCNTL.F_GETFD:
        return FCNTL.FD_CLOEXEC  # as every descriptor of Python's own (PEP 446)
    if cmd == FCNTL.F_GETFL:
        return os.O_RDWR | os.O_NONBLOCK
    if cmd not in (FCNTL.F_SETFD, FCNTL.F_SETFL):
        refuse(
            f"fcntl.fcntl of a simulated descriptor with the command {cmd}",
            "Only its flags can be asked for and set",
        )
    return 0


_FCNTL = Replaced(FCNTL, "fcntl", _fcntl) if FCNTL is not None and is_built_in(FCNTL, "fcntl") else None


class _Controls:
    """How descriptors are controlled; see `Companion`."""

    def replace(self) -> None:
        """Has code of a run ask us."""
        if _FCNTL is not None:
            _FCNTL.replace()

    def restore(self) -> None:
        """Has everybody ask the operating system."""
        if _FCNTL is not None:
            _FCNTL.restore()


CONTROLS = _Controls()
"""That of this process."""
