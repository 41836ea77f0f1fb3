"""The disk of a host: it keeps what was synced, and perhaps what was not, when the host crashes.

What a file system promises is less than it seems (POSIX, fsync(2); Pillai and others, OSDI 2014): bytes
that were not synced may be gone, there, or there in part, and a file that was renamed before it was synced
may come back empty. Which of these is asked of the world; by default all that was not synced is gone.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from interlace.errors import UsageError

if TYPE_CHECKING:
    from interlace.sim.world import World

_LOST, _KEPT, _TORN = "is lost", "is kept", "is torn in half"


class _File:
    """What a name stands for: the bytes that programs see, and those that a crash leaves."""

    __slots__ = ("data", "safe")

    def __init__(self) -> None:
        self.data = b""
        self.safe = b""


class Disk:
    """The files of one host, by name. Nothing here takes time or waits.

    Args:
        world: who is asked what a crash has left.
        host: the name of the host.
    """

    __slots__ = ("_files", "_host", "_safe", "_world")

    def __init__(self, world: World, host: str) -> None:
        self._world = world
        self._host = host
        self._files: dict[str, _File] = {}
        self._safe: dict[str, _File] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all files, sorted."""
        return tuple(sorted(self._files))

    def read(self, name: str) -> bytes:
        """Returns what is in a file, synced or not.

        Raises:
            FileNotFoundError: there is none.
        """
        return self._at(name).data

    def write(self, name: str, data: bytes) -> None:
        """Has a file hold these bytes and no others; it is made if there is none. A crash may undo it until `sync`."""
        self._files.setdefault(_checked(name), _File()).data = _bytes(data)

    def append(self, name: str, data: bytes) -> None:
        """Adds bytes at the end of a file; it is made if there is none. A crash may undo it until `sync`."""
        self._files.setdefault(_checked(name), _File()).data += _bytes(data)

    def sync(self, name: str) -> None:
        """Makes sure that a crash leaves this file as it is now, under this name: fsync of it and its directory.

        Raises:
            FileNotFoundError: there is none.
        """
        file = self._at(name)
        file.safe = file.data
        self.keep(name)

    def keep(self, name: str) -> None:
        """Makes sure of a name only, whether there is a file or none: fsync of its directory.

        What the file holds may still be undone by a crash.
        """
        file = self._files.get(_checked(name))
        if file is None:
            self._safe.pop(name, None)
            return
        for other in self._old_names(file):
            del self._safe[other]  # a directory that is synced has forgotten it
        self._safe[name] = file

    def rename(self, old: str, new: str) -> None:
        """Gives a file another name, at once, replacing what has that name. A crash may undo it until `sync`.

        Raises:
            FileNotFoundError: there is none of the old name.
        """
        file = self._at(old)
        del self._files[old]
        self._files[_checked(new)] = file

    def remove(self, name: str) -> None:
        """Removes a file. A crash may bring it back.

        Raises:
            FileNotFoundError: there is none.
        """
        self._at(name)
        del self._files[name]

    def crash(self) -> None:
        """Leaves what a crash leaves; asks what becomes of all that was not synced."""
        files: dict[str, _File] = {}
        moved: set[str] = set()
        for name in sorted(self._files):
            file = self._files[name]
            old = self._old_names(file) if self._safe.get(name) is not file else []
            if old:  # one rename, which has happened or not
                kept = self._ask(f"change of name of {name}", (_LOST, _KEPT)) == _KEPT
                moved.update(old, (name,))
                if kept:
                    files[name] = file
                else:
                    files.update({one: self._safe[one] for one in (*old, name) if one in self._safe})
        for name in sorted({*self._files, *self._safe} - moved):
            now, safe = self._files.get(name), self._safe.get(name)
            left = safe
            if now is not safe:
                what = "removal" if now is None else "existence" if safe is None else "replacement"
                left = now if self._ask(f"{what} of {name}", (_LOST, _KEPT)) == _KEPT else safe
            if left is not None:
                files[name] = left
        for name, file in files.items():
            if file.data != file.safe:
                file.safe = self._remains(name, file)
                file.data = file.safe
        self._files = files
        self._safe = dict(files)

    def _remains(self, name: str, file: _File) -> bytes:
        """Returns what is left of the bytes of a file that were not synced."""
        pairs = enumerate(zip(file.safe, file.data, strict=False))
        begin = next((at for at, (old, new) in pairs if old != new), min(len(file.safe), len(file.data)))
        added = len(file.data) - begin
        options = (_LOST, _KEPT, _TORN) if added > 1 else (_LOST, _KEPT)
        answer = self._ask(f"last write to {name}", options)
        if answer == _KEPT:
            return file.data
        return file.data[: begin + added // 2] if answer == _TORN else file.safe

    def _ask(self, what: str, options: tuple[str, ...]) -> str:
        subject = f"{what} on {self._host}"
        sentences = tuple(
            f"the {subject}, not synced, must be {option.removeprefix('is ')}" for option in options
        )
        return options[self._world.fault(subject, options, sentences)]

    def _old_names(self, file: _File) -> list[str]:
        """Returns the names that a file had when they were last synced, and that nothing has now."""
        return [name for name, safe in self._safe.items() if safe is file and name not in self._files]

    def _at(self, name: str) -> _File:
        file = self._files.get(_checked(name))
        if file is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return file


def _checked(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise UsageError(f"the name of a file on a disk is {name!r}: give text, such as 'wal.log'")
    return name


def _bytes(data: object) -> bytes:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise UsageError(f"a file on a disk holds bytes, not {data!r}: encode it first")
    return bytes(data)
