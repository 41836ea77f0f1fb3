"""Which steps of a run a story needs, when not all of them fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from interlace.model.outcome import Outcome
from interlace.model.passages import Read, read, woken_by
from interlace.model.verdict import deviations_of

_SHARES = (1.0, 1.0, 0.9, 0.8, 0.7, 0.4)
"""How full a story may be already for steps of each rank to be added: the core, then what is near."""

_FIRST_TURNS = 2
_LAST_TURNS = 1
"""How many of the steps that came in another order than in the twin belong to the core: where the
runs part, and the last time before the failure."""

_COMPARED = 4000
"""How many steps are compared with the twin: the first difference is near the first deviation."""

_LOOKED_AT = 20
"""How many differences from the twin are looked at, at the beginning and at the end."""

_BETWEEN_STEPS = ("stall", "tie", "arrival", "order")
"""Kinds of question that come up between two steps, so that the step before has no part in them."""


def choose(
    outcome: Outcome, twin: Outcome | None, steps: Sequence[Read], sizes: Sequence[int], limit: int
) -> set[int]:
    """Returns the numbers of the steps to tell.

    Args:
        outcome: the run.
        twin: a run that passes, and differs by one deviation; None if there is none.
        steps: the steps of the run.
        sizes: how many rows each step has.
        limit: how many rows there may be.
    """
    if not steps:
        return set()
    first = _first_deviation(outcome, steps)
    core = list(_core(outcome, twin, steps, first))
    ranks = {number: rank for rank, number in reversed(core)}
    tasks = {steps[number].passage.actor for number in ranks}
    near = sorted(ranks)
    for number, one in enumerate(steps):
        if number not in ranks:
            ranks[number] = 5 if number < first else 3 if one.passage.actor in tasks else 4
    order = sorted(ranks, key=lambda number: (ranks[number], _distance(number, near), number))
    chosen: set[int] = set()
    rows = 0
    for number in order:
        # A step that is skipped may open a gap, which takes a row of its own.
        if rows + sizes[number] > limit * _SHARES[ranks[number]] and chosen:
            continue
        chosen.add(number)
        rows += sizes[number] + _opens_gap(number, chosen)
    for number in range(min(chosen), max(chosen)):  # "1 step left out" takes a row too: show it if it fits
        if number not in chosen and {number - 1, number + 1} <= chosen and rows + sizes[number] <= limit:
            chosen.add(number)
            rows += sizes[number] - 1
    return chosen


def _opens_gap(number: int, chosen: set[int]) -> int:
    return 0 if number - 1 in chosen or number + 1 in chosen else 1


def _distance(number: int, near: Sequence[int]) -> int:
    return min((abs(number - other) for other in near), default=0)


def _first_deviation(outcome: Outcome, steps: Sequence[Read]) -> int:
    """Returns the number of the step in or after which the run deviates for the first time."""
    deviations = deviations_of(outcome)
    if not deviations:
        return 0
    before = [number for number, one in enumerate(steps) if one.passage.step <= deviations[0].step]
    return before[-1] if before else 0


def _core(
    outcome: Outcome, twin: Outcome | None, steps: Sequence[Read], first: int
) -> Iterable[tuple[int, int]]:
    """Returns (rank, number) of the steps that the failure cannot be told without."""
    yield 0, len(steps) - 1
    for deviation in deviations_of(outcome):
        asking = [number for number, one in enumerate(steps) if one.passage.step <= deviation.step][-1:]
        if deviation.kind not in _BETWEEN_STEPS:
            yield from ((1, number) for number in asking)
        if deviation.kind == "order":
            for actor in (deviation.option, deviation.boring):
                yield from ((1, number) for number in _next_of(steps, actor, deviation.step))
        woken = None
        if deviation.kind == "delay":
            woken = woken_by(outcome.trace, steps, deviation.subject)
        if woken is not None:
            number = steps.index(woken)
            yield 1, number
            if twin is None and asking:  # then whatever came in between is the best guess
                yield from ((2, other) for other in range(asking[0] + 1, number))
    if twin is not None:
        turned = _turned(steps, [one for one in read(twin.passages) if not one.idle], first)
        for place, group in enumerate(turned):
            for number in group:
                core = place < _FIRST_TURNS or place >= len(turned) - _LAST_TURNS
                yield (1 if core else 2), number


def _next_of(steps: Sequence[Read], actor: str, step: int) -> list[int]:
    """Returns the number of the first step of an actor after a step of the trace, if there is one."""
    return [
        number for number, one in enumerate(steps) if one.passage.step > step and one.passage.actor == actor
    ][:1]


def _turned(steps: Sequence[Read], others: Sequence[Read], first: int) -> list[list[int]]:
    """Returns the steps that came in another order or ran other lines than in the twin, in groups.

    A group is a step that moved, the nearest step of another task that it changed places with, and
    what each of the two tasks did just before.
    """
    mine = [(one.passage.actor, one.ordinal) for one in steps[first : first + _COMPARED]]
    theirs = [(one.passage.actor, one.ordinal) for one in others[first : first + _COMPARED]]
    rank = {key: number for number, key in enumerate(theirs)}
    number_of = {key: number for number, key in enumerate(mine)}
    lines = {(one.passage.actor, one.ordinal): one.passage.lines for one in others}
    matched: set[int] = set()
    for block in SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks():
        matched.update(range(block.a, block.a + block.size))
    differing = [
        number
        for number, key in enumerate(mine)
        if number not in matched or lines.get(key) != steps[first + number].passage.lines
    ]
    if len(differing) > 2 * _LOOKED_AT:
        differing = differing[:_LOOKED_AT] + differing[-_LOOKED_AT:]
    groups: list[list[int]] = []
    for number in differing:
        key = mine[number]
        if number in matched:
            groups.append([first + number])
            continue
        group = [number]
        if key in rank:
            partners = [
                other
                for other, theirs_key in enumerate(mine)
                if theirs_key[0] != key[0]
                and theirs_key in rank
                and (other < number) != (rank[theirs_key] < rank[key])
            ]
            if partners:
                group.append(min(partners, key=lambda other: abs(other - number)))
        for member in list(group):
            actor, ordinal = mine[member]
            if (actor, ordinal - 1) in number_of:
                group.append(number_of[actor, ordinal - 1])
        groups.append([first + member for member in group])
    return groups
