"""Random walks that know how much each actor has left to do.

A uniform walk lets a short task end long before a long one has begun: orders in which the short one
comes late are next to never seen. `Weighted` goes on with an actor in proportion to the steps that it
has left, so that all interleavings of the plain run's steps are about equally likely. `Selective`
makes only a few kinds of step, other ones for each run, equally likely in every order, and lets the
rest fall as it may (Zhao and others, ASPLOS 2025, where the steps are those that touch one variable).
"""

from __future__ import annotations

import random
import re
from bisect import bisect
from collections import Counter
from collections.abc import Mapping
from itertools import accumulate

from interlace.model.choice import ChoicePoint
from interlace.strategies.uniform import Uniform

_STRAY = 0.5
"""How many steps an actor is taken to have left that has made all that were expected of it."""

_PREFIX = 4
"""How many times the expected number of steps actors are made to wait for each other; see pct.py."""


class Weighted:
    """Goes on with an actor in proportion to the steps that it and the tasks it has yet to make have left.

    Args:
        steps: how many steps each actor is expected to make; measured by the plain run.
    """

    def __init__(self, steps: Mapping[str, int] | None = None) -> None:
        self._steps = dict(steps or {})
        self._families = Counter(dict.fromkeys(self._steps, 0))
        for name, count in self._steps.items():
            while name:
                self._families[name] += count
                name = name.rpartition("/")[0]
        self.start(0)

    def start(self, seed: int) -> None:
        """Seeds the answers; nobody has made a step, and no task but the first is there."""
        self._random = random.Random(seed)
        self._left: dict[str, float] = {}
        self._rest = Uniform(self._random.choice((0.0, 0.0, 0.2)))
        self._rest.start(seed)

    def choose(self, point: ChoicePoint) -> int:
        """Returns the actor that goes on."""
        if point.kind != "order":
            return self._rest.choose(point)
        left = self._left
        for name in point.options:
            if name not in left:
                left[name] = self._families.get(name, 1)
                parent = name.rpartition("/")[0]
                if parent in left:
                    left[parent] -= left[name]
        weights = [max(left[name], _STRAY) for name in point.options]
        chosen = pick(self._random, weights)
        left[point.options[chosen]] -= 1
        return chosen


class Selective:
    """Makes all orders of a few kinds of step about equally likely; draws the kinds for each run.

    A kind is the n-th step of all tasks that one line made, or all of their steps.

    Args:
        steps: how many steps each actor is expected to make; measured by the plain run.
    """

    def __init__(self, steps: Mapping[str, int] | None = None) -> None:
        self._steps = dict(steps or {})
        self._patience = _PREFIX * (sum(self._steps.values()) + 10)
        self._kin: dict[str, str] = {name: re.sub(r"#\d+", "", name) for name in self._steps}
        self._longest: dict[str, int] = {}
        for name, kin in self._kin.items():
            self._longest[kin] = max(self._longest.get(kin, 0), self._steps[name])
        self.start(0)

    def start(self, seed: int) -> None:
        """Seeds the answers and draws the kinds of step that count in this run."""
        self._random = random.Random(seed)
        self._rest = Uniform(self._random.choice((0.0, 0.0, 0.2)))
        self._rest.start(seed)
        self._made: dict[str, int] = {}
        self._tells: dict[str, bool] = {}
        self._asked = 0
        self._next = ""
        self._telling = self._draw()
        self._left = {
            name: float(self._steps[name] if self._telling[kin] is None else 1)
            for name, kin in self._kin.items()
            if kin in self._telling and self._steps[name] >= (self._telling[kin] or 1)
        }

    def _draw(self) -> dict[str, int | None]:
        """Draws kinds of step: an ordinal for each line that makes tasks, or None for all of its steps."""
        lines = list(self._longest)
        drawn: dict[str, int | None] = {}
        for line in self._random.sample(lines, min(len(lines), self._random.choice((1, 2, 2, 3)))):
            single = self._random.random() < 0.7
            drawn[line] = self._random.randint(1, self._longest[line]) if single else None
        return drawn

    def choose(self, point: ChoicePoint) -> int:
        """Returns the actor that goes on: never one whose turn in the drawn order has not come."""
        if point.kind != "order":
            return self._rest.choose(point)
        options = point.options
        self._asked += 1
        if self._asked > self._patience:
            return self._random.randrange(len(options))
        tells = self._tells
        for name in options:
            if name not in tells:
                tells[name] = self._is_telling(name)
        if self._next not in self._left:
            self._next = self._draw_next(tuple(self._left))
        following = self._next
        free = [index for index, name in enumerate(options) if name == following or not tells[name]]
        if not free:  # who should come next cannot: somebody else does
            self._next = self._draw_next(options)
            free = [index for index, name in enumerate(options) if name == self._next]
        chosen = free[self._random.randrange(len(free))]
        name = options[chosen]
        self._made[name] = self._made.get(name, 0) + 1
        telling = tells[name]
        tells[name] = self._is_telling(name)
        if telling:
            self._left[name] = self._left.get(name, 0) - 1
            if self._left[name] <= 0:
                del self._left[name]
            self._next = ""
        return chosen

    def _is_telling(self, name: str) -> bool:
        """Tells whether the next step of this actor is of a kind that counts."""
        kin = self._kin.get(name)
        if kin is None or kin not in self._telling:
            return False
        ordinal = self._telling[kin]
        return ordinal is None or ordinal == self._made.get(name, 0) + 1

    def _draw_next(self, names: tuple[str, ...]) -> str:
        if not names:
            return ""
        return names[pick(self._random, [self._left.get(name, _STRAY) for name in names])]


def pick(source: random.Random, weights: list[float]) -> int:
    """Returns an index, each in proportion to its weight."""
    sums = list(accumulate(weights))
    return bisect(sums, source.random() * sums[-1], 0, len(sums) - 1)
