"""The virtual clock: whole nanoseconds since the run began, moved only by the backend."""

from __future__ import annotations

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


def nanoseconds(seconds: float) -> int:
    """Turns seconds into whole nanoseconds, rounded, so that ten times 0.1 is exactly 1."""
    return round(seconds * SECOND)


class Clock:
    """Virtual time of one run.

    Attributes:
        ns: nanoseconds since the run began.
    """

    __slots__ = ("ns",)

    def __init__(self) -> None:
        self.ns = 0

    @property
    def elapsed(self) -> float:
        """Virtual seconds since the run began."""
        return self.ns / SECOND
