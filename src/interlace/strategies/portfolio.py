"""Which samplers take turns once the deterministic part of a search is over.

No single strategy is enough (see docs/explanation/search.md), so several take turns. The random
answers of run number n depend on the seed and on n alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, cycle

from interlace.model.choice import Order, Strategy
from interlace.strategies.pct import Priorities
from interlace.strategies.pos import PartialOrder
from interlace.strategies.uniform import Paced, Uniform, Walk


def samplers(order: Order, horizon: int) -> Iterator[Strategy]:
    """Returns the samplers for an order, for ever, in turns.

    Args:
        order: which orders of steps are allowed.
        horizon: how many questions the plain run asked.
    """
    turns: list[Strategy]
    if order == "realistic":
        turns = [Uniform(), Paced(), Walk(), Uniform()]
    else:
        turns = [PartialOrder(), Walk(), PartialOrder(), Priorities(3, horizon), PartialOrder(), Uniform()]
    return cycle(turns)


def seeds(seed: int) -> Iterator[int]:
    """Returns the seed of each sampled run."""
    return (seed * 1_000_003 + number for number in count(1))
