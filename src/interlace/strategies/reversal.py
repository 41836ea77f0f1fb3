"""Race reversal, breadth first: the plain run again, with one or two of its orders turned round.

Deterministic. For a delay, only those lengths are tried that put the completion behind a moment of
the plain run that the next shorter one does not reach: lengths between two such moments tell the
same story.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import combinations, islice

from interlace.model.deviation import Deviation, alternatives
from interlace.model.outcome import Outcome
from interlace.strategies.uniform import RARE

_PAIRS = 400
"""Level 2 takes pairs of the first so many single reversals at most: they grow with the square."""


def single_reversals(plain: Outcome) -> Iterator[Deviation]:
    """Returns every reversal of one order of the plain run, those of different questions in turn.

    What takes the loop's own time comes last among them: "this reply was slow" is a simpler story than "the
    loop stood still".
    """
    moments = sorted({event.time for event in plain.trace})
    columns: list[Sequence[Deviation]] = [
        _telling_delays(options, plain, moments) if options.kind == "delay" else options
        for options in alternatives(plain.points, plain.asking_steps)
        if options.kind not in RARE
    ]
    columns.sort(key=lambda column: column[0].kind in ("stall", "step"))
    longest = max(map(len, columns), default=0)
    return (column[row] for row in range(longest) for column in columns if row < len(column))


def pair_reversals(plain: Outcome) -> Iterator[tuple[Deviation, Deviation]]:
    """Returns reversals of two orders of the plain run at once, the nearest ones first."""
    singles = islice(single_reversals(plain), _PAIRS)
    pairs = [pair for pair in combinations(singles, 2) if pair[0].key != pair[1].key]
    pairs.sort(key=lambda pair: abs(pair[0].step - pair[1].step))
    yield from pairs


def _telling_delays(options: Sequence[Deviation], plain: Outcome, moments: list[int]) -> list[Deviation]:
    """Leaves out a delay that reaches no further moment of the plain run than a shorter one does."""
    step = options[0].step
    begun = plain.trace[step].time if 0 <= step < len(plain.trace) else 0
    telling: list[Deviation] = []
    reached = -1
    for option in options:
        passed = bisect_left(moments, begun + parse_delay(option.option))
        if passed > reached:
            telling.append(option)
            reached = passed
    return telling


def parse_delay(name: str) -> int:
    """Reads back the name of a delay, in nanoseconds."""
    number, _, unit = name.partition(" ")
    return round(float(number) * {"s": 1e9, "ms": 1e6, "µs": 1e3, "ns": 1.0}[unit])
