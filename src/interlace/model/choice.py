"""The choice point: one question that a run asks, with named options.

Knows nothing of who asks (the world) or who answers (a strategy). A strategy sees names only and
can therefore never run, keep or leak anything of the program under test.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

Kind = Literal["delay", "arrival", "cut", "stall", "step", "tie", "cancel", "order", "random"]
"""What is asked.

delay    how long an operation takes that has just started (a message, an executor job)
arrival  which of several completions in one poll batch is handled first
cut      how the bytes that have arrived are cut into chunks
stall    whether the loop is held up until the next timer is due too
step     how long a step has taken when it sets a timer, if another timer is then due before it
tie      which of two timers with one deadline, armed at different moments, fires first
cancel   whether a task is cancelled here (only when that fault was asked for)
order    which actor goes next (only under the orders `batch` and `any`)
random   a random value
"""

Order = Literal["realistic", "batch", "any"]
"""Which orders of steps a run may take. See docs/explanation/orders.md."""

ORDERS: tuple[Order, ...] = ("realistic", "batch", "any")


class ChoicePoint(NamedTuple):
    """One question of a run.

    Args:
        step: how many questions the run asked before this one.
        kind: what is asked, see `Kind`.
        subject: the name of what the question is about, stable from run to run.
        options: the names of the possible answers; option 0 is the boring one.
    """

    step: int
    kind: Kind
    subject: str
    options: tuple[str, ...]


class Strategy(Protocol):
    """Answers the questions of one run at a time."""

    def start(self, seed: int) -> None:
        """Begins a new run; whatever is random in the answers is drawn from `seed`."""
        ...

    def choose(self, point: ChoicePoint) -> int:
        """Returns the index of the chosen option; 0 is the boring one."""
        ...
