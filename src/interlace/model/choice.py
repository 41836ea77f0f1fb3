"""The choice point: one question that a run asks, with named options.

Knows nothing of who asks (the world) or who answers (a strategy). A strategy sees names only and
can therefore never run, keep or leak anything of the program under test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol, overload

Kind = Literal["delay", "arrival", "cut", "stall", "step", "tie", "cancel", "fault", "order", "random"]
"""What is asked.

delay    how long an operation takes that has just started (a message, an executor job)
arrival  which of several completions in one poll batch is handled first
cut      how the bytes that have arrived are cut into chunks
stall    whether the loop is held up until the next timer is due too
step     how long a step has taken when it sets a timer, if another timer is then due before it
tie      which of two timers with one deadline, armed at different moments, fires first
cancel   whether a task is cancelled here (only when that fault was asked for)
fault    whether a packet is lost, a host crashes and the like (only when such faults were asked for)
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


def show_ns(ns: int) -> str:
    """Words a duration: `100 µs`, `30 ms`, `60 s`."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1000)):
        if ns >= size:
            return f"{ns / size:g} {unit}"
    return f"{ns} ns"


Late = tuple[Kind, str, Callable[[Any], tuple[str, ...]], Any, int]
"""A question whose options are not worded yet: the kind, the subject, what words the options, what those are
about, and the number of the step that asked."""


class Points(Sequence[ChoicePoint]):
    """The questions of a plain run, worded when somebody looks at one: most often nobody does.

    Args:
        asked: the questions in their order.
    """

    __slots__ = ("_asked", "_worded")

    def __init__(self, asked: list[Late]) -> None:
        self._asked = asked
        self._worded: tuple[ChoicePoint, ...] | None = None

    def __len__(self) -> int:
        return len(self._asked)

    @overload
    def __getitem__(self, index: int) -> ChoicePoint: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ChoicePoint]: ...
    def __getitem__(self, index: int | slice) -> ChoicePoint | Sequence[ChoicePoint]:
        return self._all()[index]

    def __iter__(self) -> Iterator[ChoicePoint]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return self._all() == (other._all() if isinstance(other, Points) else other)

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def _all(self) -> tuple[ChoicePoint, ...]:
        if self._worded is None or len(self._worded) != len(self._asked):
            self._worded = tuple(
                ChoicePoint(number, kind, subject, wording(about))
                for number, (kind, subject, wording, about, _) in enumerate(self._asked)
            )
        return self._worded


class Strategy(Protocol):
    """Answers the questions of one run at a time."""

    def start(self, seed: int) -> None:
        """Begins a new run; whatever is random in the answers is drawn from `seed`."""
        ...

    def choose(self, point: ChoicePoint) -> int:
        """Returns the index of the chosen option; 0 is the boring one."""
        ...
