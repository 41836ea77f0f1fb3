"""The deviations of a run, worded for their place in its story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interlace.model.deviation import Deviation
from interlace.model.outcome import Outcome
from interlace.model.passages import Read, woken_by
from interlace.model.verdict import deviations_of


@dataclass(frozen=True)
class Mark:
    """One deviation in the story.

    Args:
        text: what is different here.
        step: the step during or after which it came about.
        within: whether it came about before the first line of that step.
    """

    text: str
    step: int
    within: bool = False

    def comes_before(self, step: int) -> bool:
        """Tells whether the mark stands above the rows of a step."""
        return step >= self.step if self.within else step > self.step


def marks_of(outcome: Outcome, steps: Sequence[Read], labels: Mapping[str, str]) -> list[Mark]:
    """Returns the marks of a run in order."""
    marks: list[Mark] = []
    delays = [deviation for deviation in deviations_of(outcome) if deviation.kind == "delay"]
    woken = {deviation.subject: woken_by(outcome.trace, steps, deviation.subject) for deviation in delays}
    waiting = Counter(one.passage.actor for one in woken.values() if one is not None)
    for deviation in deviations_of(outcome):
        text = f"{_word(outcome, labels, deviation, woken.get(deviation.subject), waiting)} here"
        mark = Mark(text, deviation.step, deviation.kind == "cancel" and ":wakes " in deviation.subject)
        if mark not in marks:
            marks.append(mark)
    return marks


def _word(
    outcome: Outcome,
    labels: Mapping[str, str],
    deviation: Deviation,
    woken: Read | None,
    waiting: Mapping[str, int],
) -> str:
    """Words a deviation, given who waits for it and how many delays each task waits for."""

    def name(actor: str) -> str:
        return labels.get(actor) or outcome.names.get(actor) or actor.rpartition("/")[2]

    chosen, boring = deviation.option, deviation.boring
    match deviation.kind:
        case "delay":
            what = f"what {name(woken.passage.actor)} awaits" if woken else deviation.subject
            if woken and waiting[woken.passage.actor] > 1:  # a task that waits twice: say for which
                what += f" ({_short(deviation.subject)})"
            instead = "" if boring.startswith("0 ") else f" instead of {boring}"
            return f"{what} takes {chosen}{instead}"
        case "stall":
            return f"the loop is {chosen}"
        case "step":
            return f"{name(deviation.subject)} takes {chosen} before it sets its timer"
        case "tie":
            first, second = (name(option.partition(" armed at ")[0]) for option in (chosen, boring))
            return f"the timer of {first} fires before that of {second}"
        case "arrival":
            return f"{chosen} is reported before {boring}"
        case "cut":
            return f"{deviation.subject} arrives in pieces ({chosen})"
        case "order":
            return f"{name(chosen)} goes before {name(boring)}"
        case "cancel":
            return f"{name(deviation.subject.rsplit(' ', 2)[0])} is cancelled"
        case "fault":
            return f"{deviation.subject.partition(' at ')[0]} {chosen}"
    return f"{deviation.subject} is {chosen}"


def _short(operation: str) -> str:
    """Leaves out the connection that a packet is named by: `request 1` is enough beside its task."""
    connection, _, packet = operation.partition(" ")
    return packet if "→" in connection and packet else operation
