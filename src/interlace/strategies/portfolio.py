"""Which samplers take turns once the deterministic part of a search is over.

No single strategy is enough (see docs/explanation/search.md), so several take turns. The random
answers of run number n depend on the seed and on n alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import count, cycle

from interlace.model.choice import Order, Strategy
from interlace.model.outcome import Outcome
from interlace.strategies.pct import Priorities
from interlace.strategies.pos import PartialOrder
from interlace.strategies.uniform import Paced, Uniform, Walk
from interlace.strategies.weighted import Selective, Weighted


def samplers(order: Order, horizon: int, steps: Mapping[str, int] | None = None) -> Iterator[Strategy]:
    """Returns the samplers for an order, for ever, in turns.

    Args:
        order: which orders of steps are allowed.
        horizon: how many questions the plain run asked.
        steps: how many steps each actor made in it, see `steps_of`.
    """
    turns: list[Strategy]
    if order == "realistic":
        turns = [Walk(), Uniform(), Paced(), Walk(), Uniform()]
    else:
        selective, weighted = Selective(steps), Weighted(steps)
        turns = [selective, weighted, PartialOrder(), selective, weighted]
        turns += [Priorities(3, horizon), selective, weighted, selective, Walk()]
    return cycle(turns)


def steps_of(plain: Outcome) -> Counter[str]:
    """Returns how many steps each actor made; where the order was asked for, those that were asked for."""
    asked = Counter(
        point.options[answer]
        for point, answer in zip(plain.points, plain.answers, strict=True)
        if point.kind == "order"
    )
    return asked or Counter(event.actor for event in plain.trace)


def seeds(seed: int) -> Iterator[int]:
    """Returns the seed of each sampled run."""
    return (seed * 1_000_003 + number for number in count(1))
