"""Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010).

Every actor has a random priority and the highest one runs; at d-1 random moments the one that runs
falls below all others. A bug of depth d is then found with a probability of at least 1/(n k^(d-1)).

Priorities are not fair: a callback that schedules itself again and again until another one has run
would keep that other one out for ever. So they end where runs usually end, and what comes after is a
random walk, which is fair (Deligiannis and others, FairPCT in Coyote, TACAS 2023).
"""

from __future__ import annotations

import random

from interlace.model.choice import ChoicePoint
from interlace.strategies.uniform import Uniform

_PREFIX = 4
"""How many times the expected number of questions the priorities hold for."""


class Priorities:
    """Runs the actor with the highest priority, with `depth - 1` changes of priority.

    Args:
        depth: how many ordered steps the bugs sought need.
        horizon: how many questions a run is expected to ask; measured by the plain run.
    """

    def __init__(self, depth: int = 3, horizon: int = 100) -> None:
        self._depth = depth
        self._horizon = max(horizon, depth)
        self.start(0)

    def start(self, seed: int) -> None:
        """Seeds the priorities and draws the moments at which they change."""
        self._random = random.Random(seed)
        self._priorities: dict[str, float] = {}
        self._changes = set(self._random.sample(range(self._horizon), self._depth - 1))
        self._asked = 0
        self._floor = 0.0
        self._rest = Uniform(0.0)

    def choose(self, point: ChoicePoint) -> int:
        """Returns the actor with the highest priority."""
        if point.kind not in ("order", "arrival", "tie"):
            return self._rest.choose(point)
        if self._asked >= self._horizon * _PREFIX:
            return self._random.randrange(len(point.options))
        priorities = self._priorities
        options = point.options
        for name in options:
            if name not in priorities:
                priorities[name] = self._random.random()
        best = max(options, key=priorities.__getitem__)
        if self._asked in self._changes:
            self._floor -= 1.0
            priorities[best] = self._floor
            best = max(options, key=priorities.__getitem__)
        self._asked += 1
        return options.index(best)
