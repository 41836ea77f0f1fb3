"""How to read passages: what a step went on from, and what it did that is new.

When a task goes on, the frames of all coroutines that it stands in are entered again, the outermost
first, and each reports the line of its `await`. Those lines have no effect of their own there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from interlace.model.trace import Passage, Place


class Read(NamedTuple):
    """One passage, taken apart.

    Args:
        passage: the passage itself.
        ordinal: the how-manieth of its actor it is, from 0.
        resumed: the awaits that it goes on from, the outermost first; empty where a task begins.
        fresh: the lines that it ran after that.
    """

    passage: Passage
    ordinal: int
    resumed: tuple[Place, ...]
    fresh: tuple[Place, ...]

    @property
    def idle(self) -> bool:
        """Whether nothing of the user's ran: the task woke up and waits at the same line again."""
        waits = self.passage.waits
        return waits is not None and bool(self.resumed) and not self.fresh and waits == self.resumed[-1]

    @property
    def acts_at(self) -> Place:
        """The first line that it ran, or went on from if it ran none."""
        return (self.fresh or self.passage.lines)[0]


def read(passages: Iterable[Passage]) -> Iterator[Read]:
    """Takes the passages of one run apart, in order."""
    waits: dict[str, Place | None] = {}
    counts: dict[str, int] = {}
    for passage in passages:
        before = waits.get(passage.actor)
        lines = passage.lines
        split = lines.index(before) + 1 if before is not None and before in lines else 0
        ordinal = counts.get(passage.actor, 0)
        yield Read(passage, ordinal, lines[:split], lines[split:])
        waits[passage.actor] = passage.waits
        counts[passage.actor] = ordinal + 1
