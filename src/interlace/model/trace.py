"""The trace: what happened in one run, one event per step, in order.

Nothing in an event may differ between two runs of the same schedule: no `id()`, no `repr()`, no
address, no counter of the process. Actors are named by their path (who made them, from what, the
how-manieth). The trace hash over these events is what "reproduced" means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple


class Event(NamedTuple):
    """One step of a run.

    Args:
        time: virtual time in nanoseconds since the start of the run.
        actor: the path of the task, connection, job or loop whose callback ran.
        label: what ran: "step" for a task, else the name of the callback.
        cause: the number of the step that scheduled this one; -1 if nothing did.
    """

    time: int
    actor: str
    label: str
    cause: int


class Trace:
    """The events of one run, append-only."""

    __slots__ = ("events",)

    def __init__(self, events: list[tuple[int, str, str, int]] | None = None) -> None:
        self.events = [] if events is None else events

    def __len__(self) -> int:
        return len(self.events)

    def __iter__(self) -> Iterator[Event]:
        return map(Event._make, self.events)

    def __getitem__(self, index: int) -> Event:
        return Event._make(self.events[index])

    @property
    def hash(self) -> str:
        """32 hex digits over time, actor and label of every event: equal means the same happened."""
        digest = hashlib.blake2b(digest_size=16)
        for time, actor, label, _cause in self.events:
            digest.update(f"{time} {actor} {label}\n".encode())
        return digest.hexdigest()


class Place(NamedTuple):
    """A line of source code.

    Args:
        file: the path as Python knows it.
        line: counted from 1.
        function: the name of the function it stands in.
    """

    file: str
    line: int
    function: str


class Passage(NamedTuple):
    """The user's own lines that one step ran, in order; recorded only where a story is told.

    Args:
        step: the number of the step in the trace.
        time: virtual time in nanoseconds.
        actor: the path of the task that ran them.
        lines: the lines, each once in a row.
        waits: where the task suspended at the end of the step; None if it ended.
    """

    step: int
    time: int
    actor: str
    lines: tuple[Place, ...]
    waits: Place | None
