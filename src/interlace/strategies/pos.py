"""Partial order sampling, the basic form (Yuan, Yang and Gu, CAV 2018).

Every pending step gets a random priority when it is first seen, the highest one runs, and a new
step of the same actor gets a new priority: unlike a random walk, an order of two steps does not
become unlikely because many other steps stand between them.
"""

from __future__ import annotations

import random

from interlace.model.choice import ChoicePoint
from interlace.strategies.uniform import Uniform


class PartialOrder:
    """Runs the pending step with the highest random priority."""

    def __init__(self) -> None:
        self.start(0)

    def start(self, seed: int) -> None:
        """Seeds the priorities and forgets those of the last run."""
        self._random = random.Random(seed)
        self._priorities: dict[str, float] = {}
        self._rest = Uniform(self._random.choice((0.0, 0.0, 0.2)))
        self._rest.start(seed)

    def choose(self, point: ChoicePoint) -> int:
        """Returns the actor whose pending step has the highest priority."""
        if point.kind not in ("order", "arrival", "tie"):
            return self._rest.choose(point)
        priorities = self._priorities
        options = point.options
        for name in options:
            if name not in priorities:
                priorities[name] = self._random.random()
        best = max(options, key=priorities.__getitem__)
        del priorities[best]
        return options.index(best)
