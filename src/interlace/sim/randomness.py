"""The program's own random numbers: the `random` module starts every run from the world's seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds the `random` module for the length of a run, and puts its state back afterwards."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def begin_anew(seed: int) -> None:
    """Has the `random` module begin at a seed, within a run that puts its state back at the end."""
    random.setstate(_state_at(seed))


@lru_cache(maxsize=4)
def _state_at(seed: int) -> tuple[Any, ...]:
    return random.Random(seed).getstate()
