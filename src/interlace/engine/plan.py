"""The plan of a search: how much of what, and the only place that knows of budgets."""

from __future__ import annotations

from dataclasses import dataclass

from interlace.errors import UsageError
from interlace.model.choice import ORDERS, Order
from interlace.sim.faults import Faults


@dataclass(frozen=True)
class Plan:
    """What a search may spend, and on what.

    Args:
        schedules: how many runs at most, the plain one included.
        order: which orders of steps are allowed.
        faults: the faults to inject, as the user wrote them.
        seed: what every random answer is drawn from.
        stop_on_failure: whether the search ends with the first failure.

    Raises:
        UsageError: a number, an order or a fault that cannot be.
    """

    schedules: int = 200
    order: Order = "realistic"
    faults: tuple[str, ...] = ()
    seed: int = 0
    stop_on_failure: bool = True

    REVERSAL = 4
    """One in so many of the runs left after faults reverses orders of the plain run."""

    WIDE = 4
    """One in so many of the sampled runs searches wider than was asked for, for latent findings."""

    EARLY = 40
    """How many samples at most are taken while every schedule is run."""

    SHRINK = 200
    """How many replays shrinking one failure may take."""

    CLASSIFY = 60
    """How many replays it may take to find durations that explain a failure."""

    LATENT = 5
    """How many distinct latent findings are looked for before the rest of the budget goes elsewhere."""

    def __post_init__(self) -> None:
        if not isinstance(self.schedules, int) or isinstance(self.schedules, bool) or self.schedules < 1:
            raise UsageError(f"schedules is {self.schedules!r}: give a whole number of runs, at least 1")
        check_order(self.order)
        Faults.parse(self.faults)
        if not isinstance(self.seed, int):
            raise UsageError(f"seed is {self.seed!r}: give a whole number")


def check_order(order: str) -> None:
    """Raises UsageError unless this order exists."""
    if order not in ORDERS:
        raise UsageError(f"no order is called {order!r}: use one of {', '.join(ORDERS)}")
