"""One open file of a test that speaks of files: what it is asked, and whom it asks."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from interlace.sim.network.life import Stay, current_host

if TYPE_CHECKING:
    from interlace.backends.files import FileCalls
    from interlace.sim.files import Files


class OpenFile:
    """One open file, or folder.

    Attributes:
        path: where it is; it follows renames.
        identity: its device and inode, since a descriptor may be given back without our knowledge.
        stay: the host that it was opened on.
    """

    __slots__ = ("_calls", "files", "identity", "path", "stay")

    def __init__(self, calls: FileCalls, files: Files, path: str) -> None:
        self._calls = calls
        self.files = files
        self.path = path
        self.identity: tuple[int, int] = (0, 0)
        self.stay: Stay | None = current_host.get()

    def is_dead(self) -> bool:
        """Tells whether the host has crashed that it was opened on."""
        return self._calls.buried is self.files or (self.stay is not None and self.stay.is_over)

    # -- what a raw file asks --------------------------------------------------------------------

    def opening(self, descriptor: int) -> None:
        self._calls.opened(descriptor, self)

    def closing(self, descriptor: int) -> None:
        self._calls.closed(descriptor, self)

    def reads(self) -> None:
        self._calls.meet(self.files, "read", self.path)

    def writes(self, size: int) -> int:
        if self.is_dead():
            return -1
        room = self._calls.meet(self.files, "write", self.path, size)
        if self.is_dead():  # it has crashed while that took its time
            return -1
        if room:
            self._calls.change(self.files, self.path)
        return room

    def truncates(self) -> bool:
        if self.is_dead():
            return False
        self._calls.change(self.files, self.path)
        return True


def identity_of(descriptor: int) -> tuple[int, int]:
    """Returns the device and the inode of a descriptor."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return (-1, -1)
    return (found.st_dev, found.st_ino) if stat.S_IFMT(found.st_mode) else (-1, -1)
