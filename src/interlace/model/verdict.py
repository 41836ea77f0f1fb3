"""What a search says in the end, and how far it went: four different words, never mixed up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from interlace.model.deviation import Deviation, deviations
from interlace.model.outcome import Outcome, innermost

Extent = Literal["exhausted", "bounded", "sampled", "truncated"]
Label = Literal["real", "latent", "plain"]
"""Whose the failure is: of an order that stock asyncio can produce, of one that it cannot, or of none."""


@dataclass(frozen=True)
class Verdict:
    """Passed or failed, and how far the search went.

    Args:
        status: "passed" or "failed".
        kind: "exhausted": every schedule of the asked order was run; "bounded": every schedule with
            at most `number` deviations; "sampled": `number` schedules out of more; "truncated": a
            part that was asked for (a fault sweep) did not fit into the budget of `number` runs.
        number: see `kind`.
        note: what was left out, in one sentence; "" if nothing.
    """

    status: Literal["passed", "failed"]
    kind: Extent
    number: int
    note: str = ""

    @property
    def extent(self) -> str:
        """The extent in words: `exhausted 14`, `bounded by 1`, `sampled 200`, `truncated by budget 5`."""
        words = {"bounded": "bounded by", "truncated": "truncated by budget"}
        return f"{words.get(self.kind, self.kind)} {self.number}"


@dataclass(frozen=True)
class Failure:
    """One failure, told as small as it could be made.

    Args:
        first: the outcome that was found.
        smallest: the outcome after shrinking; it fails in the same way.
        twin: the same schedule with one deviation taken out, which passes; None if none was found.
        label: "real" if stock asyncio can produce its order, "latent" if it cannot; "plain" if the plain
            run fails already, so that there is no order to blame.
        constraints: what must hold for it to fail, one sentence each; empty if it always fails.
        runs_to_failure: how many runs it took to find it, itself included.
        shrink_replays: how many replays shrinking and classifying took.
        note: what a reader must know besides, in one sentence; "" if nothing.
    """

    first: Outcome
    smallest: Outcome
    twin: Outcome | None
    label: Label
    constraints: tuple[str, ...]
    runs_to_failure: int
    shrink_replays: int
    note: str = ""

    @property
    def error(self) -> BaseException:
        """The error of the smallest outcome."""
        assert self.smallest.error is not None
        return self.smallest.error

    @property
    def type(self) -> str:
        """The name of the class of the innermost error."""
        return type(innermost(self.error)).__qualname__

    @property
    def message(self) -> str:
        """The text of the innermost error."""
        return str(innermost(self.error))

    @property
    def token(self) -> str:
        """The token that replays the smallest outcome."""
        return self.smallest.token

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """The answers of the smallest outcome that are not boring."""
        return deviations_of(self.smallest)


def deviations_of(outcome: Outcome) -> tuple[Deviation, ...]:
    """Returns the deviations of one outcome."""
    return deviations(outcome.points, outcome.answers, outcome.asking_steps)


@dataclass(frozen=True)
class Findings:
    """Everything that a search found.

    Args:
        verdict: passed or failed, and how far.
        runs: how many schedules were run.
        failures: the distinct failures, the first found first.
        latent: distinct findings that stock asyncio cannot produce.
        plain: the outcome of the plain run.
        needed: the names of tasks that were cancelled, and with which the test failed in the way in which
            it fails if they never begin.
    """

    verdict: Verdict
    runs: int
    failures: tuple[Failure, ...]
    latent: tuple[Failure, ...]
    plain: Outcome
    needed: tuple[str, ...] = ()

    @property
    def failure(self) -> Failure | None:
        """The first failure; None if there is none."""
        return self.failures[0] if self.failures else None
