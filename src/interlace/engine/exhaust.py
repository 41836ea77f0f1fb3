"""Every schedule there is, for programs with few: a walk through the tree of questions, level by level."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from interlace.model.outcome import Outcome

_FINITE = ("order", "arrival", "tie", "cancel")
"""Kinds of question whose options are all there is. A delay has more lengths than are on offer."""


def size_of(plain: Outcome) -> int | None:
    """Returns about how many schedules a program seems to have; None if they cannot be counted.

    Of all cancellations that are offered, one happens at most.
    """
    if not all(point.kind in _FINITE for point in plain.points):
        return None
    cancels = sum(point.kind == "cancel" for point in plain.points)
    return (1 + cancels) * prod(len(point.options) for point in plain.points if point.kind != "cancel")


def beyond(outcome: Outcome, begin: int) -> Iterator[tuple[int, ...]]:
    """Returns the schedules that deviate once more than the one of this outcome, after its last deviation.

    Taken in turns, first in, first out, this comes to every schedule once, those with few deviations first:
    they are the likely ones to fail and the simple ones to tell.

    Args:
        outcome: the outcome of a schedule.
        begin: how many answers that schedule has.
    """
    for position in range(begin, len(outcome.answers)):
        for answer in range(1, len(outcome.points[position].options)):
            yield (*outcome.answers[:position], answer)
