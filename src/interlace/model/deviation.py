"""A deviation: one answer that is not the boring one, told by names instead of positions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, overload

from interlace.model.choice import ChoicePoint, Kind

BEGINS = "begins"
"""The moment of a cancellation before which its task has not made a step."""


class Deviation(NamedTuple):
    """One answer of a run that is not the boring one.

    Args:
        kind: what was asked.
        subject: about what.
        occurrence: the how-manieth question of this kind and subject it is in its run, from 1.
        option: the name of the answer.
        boring: the name of the answer that it stands in for.
        step: the step of the trace during or after which the question came up.
    """

    kind: Kind
    subject: str
    occurrence: int
    option: str
    boring: str = ""
    step: int = -1

    @property
    def key(self) -> tuple[str, str, int]:
        """What the question is known by."""
        return self.kind, self.subject, self.occurrence

    @property
    def cancelled_task(self) -> str:
        """The path of the task that a cancellation is for: its subject is `TASK [FUNCTION:]MOMENT STEPS`."""
        return self.subject.rsplit(" ", 2)[0]

    @property
    def never_begun(self) -> Deviation:
        """The same cancellation at the moment before its task begins."""
        return self._replace(subject=f"{self.cancelled_task} {BEGINS} 0", occurrence=1, step=-1)

    @property
    def keeps_from_beginning(self) -> bool:
        """Whether this is a cancellation before its task begins."""
        return self.kind == "cancel" and self.subject.endswith(f" {BEGINS} 0")


def deviations(
    points: Iterable[ChoicePoint], answers: Iterable[int], steps: Iterable[int]
) -> tuple[Deviation, ...]:
    """Returns the deviations among the questions and answers of a run, in order."""
    seen: dict[tuple[str, str], int] = {}
    found: list[Deviation] = []
    for point, answer, step in zip(points, answers, steps, strict=True):
        name = point.kind, point.subject
        seen[name] = seen.get(name, 0) + 1
        if answer:
            found.append(Deviation(*name, seen[name], point.options[answer], point.options[0], step))
    return tuple(found)


class Alternatives(Sequence[Deviation]):
    """The deviations that one question of a run would have allowed; each is made when it is looked at.

    Args:
        point: the question.
        occurrence: the how-manieth of its kind and subject it is in its run, from 1.
        step: the step of the trace during or after which it came up.
    """

    __slots__ = ("_occurrence", "_point", "_step")

    def __init__(self, point: ChoicePoint, occurrence: int, step: int) -> None:
        self._point = point
        self._occurrence = occurrence
        self._step = step

    @property
    def kind(self) -> Kind:
        """What was asked."""
        return self._point.kind

    def __len__(self) -> int:
        return len(self._point.options) - 1

    @overload
    def __getitem__(self, index: int) -> Deviation: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Deviation]: ...
    def __getitem__(self, index: int | slice) -> Deviation | Sequence[Deviation]:
        if isinstance(index, slice):
            return tuple(self)[index]
        kind, subject, options = self._point[1:]
        return Deviation(kind, subject, self._occurrence, options[1:][index], options[0], self._step)


def alternatives(points: Iterable[ChoicePoint], steps: Iterable[int]) -> list[Alternatives]:
    """Returns for each question of a run the deviations that it would have allowed."""
    seen: Counter[tuple[str, str]] = Counter()
    found: list[Alternatives] = []
    for point, step in zip(points, steps, strict=True):
        name = point.kind, point.subject
        seen[name] += 1
        found.append(Alternatives(point, seen[name], step))
    return found
