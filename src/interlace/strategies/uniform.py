"""Random answers.

`Uniform` is the random walk every study compares with (Thomson, Donaldson and Betts, TOPC 2016),
with one knob: how often it leaves the boring path at all. `Paced` draws one pace for each lane of a
run, as when one peer is slow the whole time (delaying completions of one origin alone finds most
event races: Gonzalez Boix and others, ECOOP 2025).
"""

from __future__ import annotations

import random

from interlace.model.choice import ChoicePoint

_DENSITIES = (0.05, 0.15, 0.4, 0.8)
_RARE = 0.05

RARE = ("cancel", "fault")
"""Kinds of question of which a run can bear one or two answers that are not boring, however many are asked."""


class Uniform:
    """Deviates at each question with one probability, to any of its other options alike.

    Args:
        density: the probability; None draws one for each run, so that sparse and dense runs mix.
    """

    def __init__(self, density: float | None = None) -> None:
        self._fixed = density
        self.start(0)

    def start(self, seed: int) -> None:
        """Seeds the answers and draws the density of this run."""
        self._random = random.Random(seed)
        self._density = self._random.choice(_DENSITIES) if self._fixed is None else self._fixed

    def choose(self, point: ChoicePoint) -> int:
        """Returns 0 or, with the density as probability, any other option."""
        density = _RARE if point.kind in RARE else self._density
        if self._random.random() >= density:
            return 0
        return self._random.randrange(1, len(point.options))


class Walk:
    """Answers every question with any option, all alike: the plain uniform random walk."""

    def start(self, seed: int) -> None:
        """Seeds the answers."""
        self._random = random.Random(seed)

    def choose(self, point: ChoicePoint) -> int:
        """Returns any option."""
        if point.kind in RARE:
            if self._random.random() >= _RARE:
                return 0
            return self._random.randrange(1, len(point.options)) if len(point.options) > 2 else 1
        return self._random.randrange(len(point.options))


class Paced:
    """Gives each lane one pace for the whole run; answers other questions as `Uniform` does."""

    def __init__(self) -> None:
        self.start(0)

    def start(self, seed: int) -> None:
        """Seeds the answers and forgets the paces."""
        self._random = random.Random(seed)
        self._paces: dict[str, float] = {}
        self._rest = Uniform(0.1)
        self._rest.start(seed)

    def choose(self, point: ChoicePoint) -> int:
        """Returns the lane's pace for a delay."""
        if point.kind != "delay":
            return self._rest.choose(point)
        lane = point.subject.rstrip("0123456789 #")
        pace = self._paces.get(lane)
        if pace is None:
            slow = self._random.random() < 0.5
            pace = self._paces[lane] = self._random.random() if slow else 0.0
        return int(pace * len(point.options))
