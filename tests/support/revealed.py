"""Bugs that only a fault reveals, and what is to be true of each."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import interlace


class Case(NamedTuple):
    """A bug.

    Args:
        program: has it, or with `mended=True` has not.
        faults: what reveals it.
        sentence: part of what must hold for it, as it is told.
    """

    program: Any
    faults: tuple[str, ...]
    sentence: str


def name_of(case: Case) -> str:
    return f"{case.program.__name__} {' '.join(case.faults)}"


def check_found(case: Case) -> None:
    """Checks that a bug is found with its fault on each seed, and not without, and that its token repeats it."""
    assert interlace.explore(case.program, schedules=50).failure is None
    for seed in range(2):
        failure = interlace.explore(case.program, faults=case.faults, seed=seed).failure
        assert failure is not None, f"seed {seed}"
        assert any(case.sentence in line for line in failure.constraints), failure.constraints
        again = interlace.replay(case.program, failure.token)
        assert again.trace_hash == failure.smallest.trace_hash


def check_mended(case: Case) -> None:
    """Checks that nothing is found in the mended program."""
    for seed in range(2):
        result = interlace.explore(partial(case.program, mended=True), faults=case.faults, seed=seed)
        assert result.failure is None, result.report()
        assert result.runs == 200 or result.verdict.kind != "sampled"
