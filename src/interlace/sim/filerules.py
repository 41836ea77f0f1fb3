"""The rules that a test makes for real files, and what comes of them for one operation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from interlace.errors import UsageError

if TYPE_CHECKING:
    from interlace.sim.paths import Pattern

OPERATIONS = ("open", "read", "write", "sync", "rename")
"""What is done to a file: `sync` is fsync and fdatasync, `rename` is os.replace too."""

SLOW = ("read", "write", "sync")

HAPPENS = {
    "EIO": ("read", "write", "sync"),
    **dict.fromkeys(("EACCES", "EPERM", "EROFS", "EMFILE", "ENFILE", "EISDIR", "ELOOP", "ESTALE"), ("open",)),
    "EXDEV": ("rename",),
}
"""In which operations an error happens unless told; others happen in a write."""


class Effect(NamedTuple):
    """What happens to an operation.

    Args:
        wait: how long it takes, in ns.
        size: how many bytes are written of those that were given.
        error: the errno that it fails with; 0: it does not.
        name: how the file is named.
    """

    wait: int
    size: int
    error: int
    name: str


@dataclass
class Failing:
    """A failure that the test has ordered."""

    pattern: Pattern
    error: int
    on: tuple[str, ...]
    room: int
    times: int | None


@dataclass
class Slow:
    """What takes its time, in ns."""

    pattern: Pattern
    delays: tuple[int, ...]
    on: tuple[str, ...]


@dataclass
class Explored:
    """Failures that may happen."""

    pattern: Pattern
    enospc: bool
    eio: bool
    left: int


def operations_of(method: str, on: Any, usual: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the operations that a test has named; `usual` if it has named none.

    Raises:
        UsageError: there is no such operation.
    """
    if on is None:
        return usual
    found = (on,) if isinstance(on, str) else tuple(on) if isinstance(on, Iterable) else ()
    for one in found or (on,):
        if one not in OPERATIONS:
            raise UsageError(
                f"files.{method}(): on is {on!r}, and nothing that is done to a file is called {one!r}; give one or more of "
                f"{', '.join(map(repr, OPERATIONS))}"
            )
    return found
