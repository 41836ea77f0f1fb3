"""Makes a failing schedule small, without ever letting it become another failure.

Delta debugging over named deviations (Zeller and Hildebrandt, TSE 2002): what is left is 1-minimal,
every deviation is needed. A candidate counts only if its failure has the same signature.
"""

from __future__ import annotations

from dataclasses import dataclass

from interlace.engine.run import Runner
from interlace.model.deviation import Deviation, alternatives
from interlace.model.outcome import Outcome
from interlace.model.verdict import deviations_of
from interlace.strategies.replay import Named


@dataclass(frozen=True)
class Shrunk:
    """What shrinking came to.

    Args:
        smallest: the smallest outcome that fails in the same way.
        twin: the smallest schedule less one deviation, which passes; None if none was found.
        replays: how many replays it took.
    """

    smallest: Outcome
    twin: Outcome | None
    replays: int


class Shrinker:
    """Shrinks one failure.

    Args:
        runner: runs the program.
        outcome: the failure.
        budget: how many replays at most.
    """

    def __init__(self, runner: Runner, outcome: Outcome, budget: int) -> None:
        self._runner = runner
        self._best = outcome
        self._signature = outcome.signature
        self._left = budget
        self._budget = budget
        self._twin: Outcome | None = None
        self._tried: set[tuple[Deviation, ...]] = set()

    def shrink(self) -> Shrunk:
        """Returns the smallest outcome that the budget allows to find."""
        if deviations_of(self._best):
            if not self._try(()):
                self._reduce()
                self._gather()
                self._soften()
            if not deviations_of(self._best):
                self._twin = None
            elif self._twin is None:
                self._seek_twin()
        return Shrunk(self._best, self._twin, self._budget - self._left)

    def _try(self, wanted: tuple[Deviation, ...]) -> bool:
        """Runs a candidate and keeps it if it fails in the same way and is not larger."""
        if self._left <= 0 or wanted in self._tried:
            return False
        self._tried.add(wanted)
        self._left -= 1
        outcome = self._runner.run(Named(wanted), order=self._best.recipe.order)
        if outcome.signature != self._signature:
            if outcome.error is None and len(wanted) == len(deviations_of(self._best)) - 1:
                self._twin = outcome
            return False
        if len(deviations_of(outcome)) > len(deviations_of(self._best)):
            return False
        self._best = outcome
        self._twin = None
        return True

    def _reduce(self) -> None:
        """Leaves out ever smaller parts of the deviations until none can be left out."""
        parts = 2
        while self._left > 0:
            current = deviations_of(self._best)
            if len(current) < 2:
                break
            size = max(1, len(current) // parts)
            for begin in range(0, len(current), size):
                if self._try(current[:begin] + current[begin + size :]):
                    parts = max(parts - 1, 2)
                    break
            else:
                if size == 1:
                    break
                parts = min(parts * 2, len(current))

    def _gather(self) -> None:
        """Tries one long delay in the place of several deviations: one cause is a simpler story."""
        current = deviations_of(self._best)
        if len(current) < 2:
            return
        for chosen in current:
            if chosen.kind != "delay":
                continue
            for options in alternatives(self._best.points, self._best.asking_steps):
                if options and options[0].key == chosen.key and self._try((options[-1],)):
                    return

    def _soften(self) -> None:
        """Replaces each answer by the least that still fails."""
        for index in range(len(deviations_of(self._best))):
            current = deviations_of(self._best)
            if index >= len(current):
                break
            chosen = current[index]
            for options in alternatives(self._best.points, self._best.asking_steps):
                if not options or options[0].key != chosen.key:
                    continue
                for option in options:
                    if option.option == chosen.option:
                        break
                    if self._try((*current[:index], option, *current[index + 1 :])):
                        break

    def _seek_twin(self) -> None:
        """Looks for a single deviation without which the schedule passes."""
        current = deviations_of(self._best)
        for index in reversed(range(len(current))):
            self._tried.discard(current[:index] + current[index + 1 :])
            self._try(current[:index] + current[index + 1 :])
            if self._twin is not None:
                return
