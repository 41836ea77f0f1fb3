"""Which files a test means: a path, a folder and all beneath it, or a pattern such as `data/*.json`."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from typing import Any

from interlace.errors import UsageError

_MAGIC = frozenset("*?[")


class Pattern:
    """Files of the real file system, as a test names them.

    Args:
        given: a path or a pattern; relative to the current folder.
        method: what it was given to, for the error.

    Attributes:
        given: the path or pattern in full.
        base: the folder that files are named from.

    Raises:
        UsageError: not a path, or in a folder that does not exist.
    """

    __slots__ = ("_parts", "base", "given")

    def __init__(self, given: Any, method: str) -> None:
        text = os.fspath(given) if isinstance(given, os.PathLike) else given
        if not isinstance(text, str) or not text or "\0" in text:
            raise UsageError(
                f"files.{method}({given!r}): give the path of a file or a folder, or a pattern such as 'data/*.json'"
            )
        self.given = os.path.abspath(text)
        self._parts: tuple[str, ...] | None = None
        if os.path.isdir(self.given):
            self.base = os.path.realpath(self.given)
            return
        names = self.given.split(os.sep)
        plain = len(names) - 1
        if not os.path.lexists(self.given):
            plain = next((at for at, name in enumerate(names) if _MAGIC & set(name)), plain)
        base = os.sep.join(names[:plain]) or os.sep
        self._parts = tuple(names[plain:])
        self.base = os.path.realpath(base)
        if not os.path.isdir(self.base):
            there = base
            while not os.path.isdir(there):
                there = os.path.dirname(there)
            pattern = os.path.join(there, "**", *self._parts)
            raise UsageError(
                f"files.{method}({given!r}): there is no folder {base!r}; make it first, or write {pattern!r}"
            )

    def is_beneath(self, path: str) -> bool:
        """Tells whether a path is the base, or beneath it."""
        return path == self.base or path.startswith(self.base.rstrip(os.sep) + os.sep)

    def fits(self, path: str) -> bool:
        """Tells whether a path is meant, without symbolic links in it."""
        if not self.is_beneath(path):
            return False
        return self._parts is None or _fit(self.name_of(path).split("/"), self._parts)

    def name_of(self, path: str) -> str:
        """Returns how a file beneath the base is named: by its path from there, the same wherever the base is."""
        return os.path.relpath(path, self.base).replace(os.sep, "/")


def resolved(path: Any, *, follow: bool = True) -> str | None:
    """Returns a path without symbolic links; None where it is none, or needs the real call to say what is wrong.

    Args:
        path: what a program has given.
        follow: whether a link that stands at its end is followed.
    """
    try:
        text = os.fsdecode(path)
    except TypeError:
        return None
    if not text or "\0" in text:
        return None
    if follow:
        return os.path.realpath(text)
    folder, name = os.path.split(os.path.abspath(text))
    return os.path.join(os.path.realpath(folder), name)


def _fit(names: list[str], parts: tuple[str, ...]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return any(_fit(names[at:], parts[1:]) for at in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _fit(names[1:], parts[1:])
