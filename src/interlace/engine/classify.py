"""Can stock asyncio do that? Looks for durations that explain a failure found in a wider order.

A failure found under `any` or `batch` says "X ran before Y". For each such constraint the enabling
chain of Y is walked back to its nearest outside cause (a completion), that one is delayed, and the
program is replayed under `realistic`. If the same failure comes up, it is real.
"""

from __future__ import annotations

from itertools import product

from interlace.engine.run import Runner
from interlace.model.causality import chain
from interlace.model.deviation import Deviation, alternatives
from interlace.model.outcome import Outcome
from interlace.model.verdict import deviations_of
from interlace.strategies.replay import Named


def find_durations(runner: Runner, outcome: Outcome, budget: int) -> tuple[Outcome | None, int]:
    """Looks for a realistic schedule with the same failure.

    Args:
        runner: runs the program.
        outcome: the failure, shrunk, under another order.
        budget: how many replays at most.

    Returns:
        The outcome under `realistic`, or None; and how many replays it took.
    """
    signature = outcome.signature
    kept = tuple(deviation for deviation in deviations_of(outcome) if deviation.kind != "order")
    delays = [
        options
        for cause in _outside_causes(outcome)
        for options in alternatives(outcome.points, outcome.asking_steps)
        if options and options[0].kind == "delay" and options[0].subject == cause
    ]
    replays = 0
    for chosen in product(*[((), *((option,) for option in options)) for options in delays]):
        if replays >= budget:
            break
        wanted: tuple[Deviation, ...] = (*kept, *(deviation for part in chosen for deviation in part))
        replays += 1
        candidate = runner.run(Named(wanted), order="realistic")
        if candidate.signature == signature:
            return candidate, replays
    return None, replays


def _outside_causes(outcome: Outcome) -> list[str]:
    """Returns the operations whose completion enabled the steps that were overtaken."""
    asked = {point.subject for point in outcome.points if point.kind == "delay"}
    causes: list[str] = []
    for deviation in deviations_of(outcome):
        if deviation.kind != "order":
            continue
        overtaken = next(
            (
                number
                for number in range(deviation.step + 1, len(outcome.trace))
                if outcome.trace[number].actor == deviation.boring
            ),
            None,
        )
        if overtaken is None:
            continue
        for step in chain(outcome.trace, overtaken):
            label = outcome.trace[step].label
            if label in asked:
                if label not in causes:
                    causes.append(label)
                break
    return causes
