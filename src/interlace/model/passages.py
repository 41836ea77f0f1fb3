"""How to read passages: what a step went on from, and what it did that is new.

When a task goes on, the frames of all coroutines that it stands in are entered again, the outermost
first, and each reports the line of its `await`. Those lines have no effect of their own there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from interlace.model.trace import Passage, Place, Trace


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
    def awaited(self) -> Place:
        """The await that it goes on from; its first line where it goes on from none."""
        return self.resumed[-1] if self.resumed else self.passage.lines[0]

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


def woken_by(trace: Trace, steps: Sequence[Read], operation: str) -> Read | None:
    """Returns the passage that had to wait for an operation, named as in the trace.

    A request wakes the server first, and the client that sent it only later, with the reply. To the
    user it is the client that waits: what the test itself started goes before what a connection did.
    """
    landed = next((number for number, event in enumerate(trace) if event.label == operation), None)
    if landed is None:
        return None
    reached = {landed}
    for number in range(landed + 1, len(trace)):
        if trace[number].cause in reached:
            reached.add(number)
    woken = [one for one in steps if one.passage.step > landed and one.passage.step in reached]
    cause = trace[landed].cause
    asker = trace[cause].actor if cause >= 0 else ""
    own = [one for one in woken if one.passage.actor == asker]
    root = trace[0].actor
    for one in (*own[:1], *woken[:1]):
        if one.passage.actor.partition("/")[0] == root:
            return one
    return woken[0] if woken else None
