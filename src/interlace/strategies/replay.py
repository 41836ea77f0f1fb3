"""Answers from a record: by position (a schedule) or by name (a set of deviations)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from interlace.model.choice import ChoicePoint
from interlace.model.deviation import Deviation


class Replay:
    """Gives the recorded answers one after another, then the boring one for ever.

    Args:
        answers: the option numbers, in the order in which the questions come.

    Attributes:
        is_plain: whether each answer is the boring one, so that nobody has to ask.
    """

    def __init__(self, answers: Sequence[int] = ()) -> None:
        self._answers = tuple(answers)
        self.is_plain = not any(self._answers)

    def start(self, seed: int) -> None:
        """Nothing here is random."""

    def choose(self, point: ChoicePoint) -> int:
        """Returns the recorded answer, or 0 past the end of the record."""
        return self._answers[point.step] if point.step < len(self._answers) else 0


class Named:
    """Deviates where it is told to, by name; boring everywhere else.

    Names survive what positions do not: leaving one deviation out moves all later positions.

    Args:
        deviations: what to answer where. One whose question or option does not come up is ignored.
    """

    def __init__(self, deviations: Iterable[Deviation]) -> None:
        self._wanted = {deviation.key: deviation.option for deviation in deviations}
        self._seen: dict[tuple[str, str], int] = {}

    def start(self, seed: int) -> None:
        """Forgets which questions have come up."""
        self._seen.clear()

    def choose(self, point: ChoicePoint) -> int:
        """Returns the number of the wanted option where it is offered, else 0."""
        occurrence = self._seen[point.kind, point.subject] = (
            self._seen.get((point.kind, point.subject), 0) + 1
        )
        option = self._wanted.get((point.kind, point.subject, occurrence))
        return point.options.index(option) if option in point.options else 0
