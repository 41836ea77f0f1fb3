"""Every schedule there is, for programs with few: an odometer over the tree of questions."""

from __future__ import annotations

from math import prod

from interlace.model.outcome import Outcome
from interlace.strategies.replay import Replay

_FINITE = ("order", "arrival", "tie", "cancel")
"""Kinds of question whose options are all there is. A delay has more lengths than are on offer."""


def is_small(plain: Outcome, budget: int) -> bool:
    """Tells whether the schedules of a program seem few enough to run them all."""
    return all(point.kind in _FINITE for point in plain.points) and _size(plain) <= budget


def _size(outcome: Outcome) -> int:
    """Returns about how many schedules there are: of all cancellations that are offered, one happens at most."""
    cancels = sum(point.kind == "cancel" for point in outcome.points)
    return (1 + cancels) * prod(len(point.options) for point in outcome.points if point.kind != "cancel")


def next_schedule(outcome: Outcome) -> Replay | None:
    """Returns the schedule after that of this outcome; None after the last one."""
    answers = list(outcome.answers)
    for position in range(len(answers) - 1, -1, -1):
        if answers[position] + 1 < len(outcome.points[position].options):
            return Replay([*answers[:position], answers[position] + 1])
    return None
