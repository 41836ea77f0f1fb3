"""The real files that code on one host has changed, and what a crash of the host leaves of them.

They are real, so that any library can read and write them. What of them was synced is kept by a `Disk` beside
them; when the host crashes it decides what is left, as of the files on `host.disk`, and that is written back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from interlace.sim.disk import Disk

if TYPE_CHECKING:
    from interlace.sim.world import World


class Mirror:
    """The real files of one host.

    Args:
        world: who is asked what a crash has left.
        host: the name of the host.
        name_of: names a path, the same in every run.
        is_torn: tells whether a crash leaves traces in the file at a path; others are only looked at, since they
            may be given another name.
    """

    __slots__ = ("_disk", "_is_torn", "_name_of", "_paths")

    def __init__(
        self, world: World, host: str, name_of: Callable[[str], str], is_torn: Callable[[str], bool]
    ) -> None:
        self._disk = Disk(world, host)
        self._name_of = name_of
        self._is_torn = is_torn
        self._paths: dict[str, str] = {}

    def begin(self, path: str) -> None:
        """Remembers a file as it is, before it is first changed: that much is taken for synced."""
        name = self._name_of(path)
        if name in self._paths:
            return
        self._paths[name] = path
        data = _read(path)
        if data is not None:
            self._disk.write(name, data)
            self._disk.sync(name)

    def forget(self, path: str) -> None:
        """Lets go of a file that somebody else has changed."""
        name = self._name_of(path)
        if self._paths.pop(name, None) is not None:
            if name in self._disk.names:
                self._disk.remove(name)
            self._disk.keep(name)

    def sync(self, path: str) -> None:
        """Takes a file as it is for safe, or the names of a folder: fsync of it."""
        if os.path.isdir(path):
            for name, one in self._paths.items():
                if os.path.dirname(one) == path:
                    self._look(name, one)
                    self._disk.keep(name)
            return
        self.begin(path)
        name = self._name_of(path)
        self._look(name, path)
        if name in self._disk.names:
            self._disk.sync(name)

    def rename(self, old: str, new: str, rename: Callable[[], None]) -> None:
        """Renames a file.

        Args:
            old: its path.
            new: the new one.
            rename: does it.
        """
        self.begin(old)
        self.begin(new)
        name = self._name_of(old)
        self._look(name, old)
        rename()
        if name in self._disk.names and name != self._name_of(new):
            self._disk.rename(name, self._name_of(new))

    def crash(self) -> None:
        """Leaves of the files what a crash leaves; asks what becomes of all that was not synced."""
        disk = self._disk
        for name, path in self._paths.items():
            self._look(name, path)
            if not self._is_torn(path):
                if name in disk.names:
                    disk.sync(name)
                disk.keep(name)
        disk.crash()
        for name, path in self._paths.items():
            left = disk.read(name) if name in disk.names else None
            if left == _read(path):
                continue
            if left is None:
                os.unlink(path)
            elif os.path.isdir(os.path.dirname(path)):
                with open(path, "wb") as file:
                    file.write(left)

    def _look(self, name: str, path: str) -> None:
        """Has the disk know what is in a file."""
        data = _read(path)
        if data is not None:
            self._disk.write(name, data)
        elif name in self._disk.names:
            self._disk.remove(name)


def _read(path: str) -> bytes | None:
    """Returns what is in a file; None if there is no file that can be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
