"""What is on its way to an end of a connection, and how it may be cut when it arrives."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interlace.sim.world import World

CUTS = 2
"""How often what arrives at one moment may be cut."""


class Kind(IntEnum):
    """What a parcel is."""

    DATA = 0
    """Bytes."""

    CALL = 1
    """Something to be done when it arrives: a handshake."""

    END = 2
    """The end of the stream."""

    RESET = 3
    """The other end has reset the connection."""

    WINDOW = 4
    """The other end has room again."""


class Parcel:
    """Something on its way to an end.

    Args:
        kind: what it is.
        what: its name, stable from run to run.
        time: when it arrives, in nanoseconds.
        world: where the present moment is read from.

    Attributes:
        cause: the step that sent it.
        sent: when it was sent, in nanoseconds; `iteration` is that of the loop.
        chunks: the bytes it carries, `size` how many they are.
        cuts: how often it may still be cut.
        call: what a handshake does.
    """

    __slots__ = ("call", "cause", "chunks", "cuts", "iteration", "kind", "sent", "size", "time", "what")

    def __init__(self, kind: Kind, what: str, time: int, world: World) -> None:
        self.kind = kind
        self.what = what
        self.time = time
        self.cause = world.step
        self.sent = world.clock.ns
        self.iteration = world.iteration
        self.chunks: list[bytes] = []
        self.size = 0
        self.cuts = CUTS
        self.call: Callable[[], None] | None = None


@lru_cache(maxsize=256)
def cuts(size: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Returns the sizes of the first part that are worth trying, the whole first, and their names."""
    found: dict[int, str] = {}
    for first, name in (
        (size, "whole"),
        (1, "1 byte first"),
        (size // 2, "half first"),
        (size - 1, "all but the last byte first"),
    ):
        if first:
            found.setdefault(first, name)
    return tuple(found), tuple(found.values())
