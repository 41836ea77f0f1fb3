"""Words what must hold for a failure to happen: one sentence per deviation of the smallest schedule."""

from __future__ import annotations

from interlace.model.causality import chain
from interlace.model.deviation import Deviation
from interlace.model.outcome import Outcome
from interlace.model.source import show_place
from interlace.model.trace import Passage
from interlace.model.verdict import deviations_of


def constraints(outcome: Outcome) -> tuple[str, ...]:
    """Returns what must hold for this outcome, given that its passages were recorded."""
    sentences: list[str] = []
    told = iter(outcome.injected)
    for deviation in deviations_of(outcome):
        if deviation.kind == "cancel":
            sentence = next(told, f"{deviation.subject} must be cancelled")
        else:
            sentence = _SENTENCES[deviation.kind](outcome, deviation)
        if sentence not in sentences:
            sentences.append(sentence)
    return tuple(sentences)


def _delay(outcome: Outcome, deviation: Deviation) -> str:
    slow = _woken_by(outcome, deviation.subject)
    if slow is None:
        return f"{deviation.subject} must take {deviation.option}"
    fast = _overtaker(outcome, slow, deviation)
    waiter = f"{_who(slow)} ({_where(slow)})"
    if fast is None:
        return f"what {waiter} waits for must take {deviation.option}"
    return f"what {waiter} waits for must be slower than {_who(fast)} ({_where(fast)}): {deviation.option} is enough"


def _stall(outcome: Outcome, deviation: Deviation) -> str:
    at = outcome.trace[deviation.step].time / 1e9 if 0 <= deviation.step < len(outcome.trace) else 0
    held = deviation.option.removeprefix("held up for ")
    return f"the loop must be held up for {held} at {at:.3f} s, so that the timer of {_name(deviation.subject)} is due too"


def _tie(outcome: Outcome, deviation: Deviation) -> str:
    return f"the timer of {_name(deviation.option)} must fire before that of {_name(deviation.boring)}, due at the same time"


def _arrival(outcome: Outcome, deviation: Deviation) -> str:
    return f"{deviation.option} must be reported before {deviation.boring} in one poll"


def _cut(outcome: Outcome, deviation: Deviation) -> str:
    return f"{deviation.subject} must arrive in pieces ({deviation.option})"


def _order(outcome: Outcome, deviation: Deviation) -> str:
    first = _next_passage(outcome, deviation.step, deviation.option)
    second = _next_passage(outcome, deviation.step, deviation.boring)
    return f"{_told(first, deviation.option)} must run before {_told(second, deviation.boring)}"


def _random(outcome: Outcome, deviation: Deviation) -> str:
    return f"{deviation.subject} must be {deviation.option}"


_SENTENCES = {
    "delay": _delay,
    "stall": _stall,
    "tie": _tie,
    "arrival": _arrival,
    "cut": _cut,
    "order": _order,
    "random": _random,
}


def _woken_by(outcome: Outcome, operation: str) -> Passage | None:
    """Returns the first passage of the user's code that this operation's completion led to."""
    landed = next((number for number, event in enumerate(outcome.trace) if event.label == operation), None)
    if landed is None:
        return None
    return next(
        (
            passage
            for passage in outcome.passages
            if passage.step > landed and landed in chain(outcome.trace, passage.step)
        ),
        None,
    )


def _overtaker(outcome: Outcome, slow: Passage, deviation: Deviation) -> Passage | None:
    """Returns the passage of another actor that came before the slow one only because it was slow.

    One at the same line is the best witness (two tasks in the same code), then the nearest one.
    """
    between = [
        passage
        for passage in outcome.passages
        if deviation.step < passage.step < slow.step and passage.actor != slow.actor
    ]
    alike = [passage for passage in between if passage.lines[0] == slow.lines[0]]
    return (alike or between or [None])[-1]


def _next_passage(outcome: Outcome, step: int, actor: str) -> Passage | None:
    return next((passage for passage in outcome.passages if passage.step > step and passage.actor == actor), None)


def _told(passage: Passage | None, actor: str) -> str:
    return f"{_who(passage)} ({_where(passage)})" if passage else _name(actor)


def _where(passage: Passage) -> str:
    return show_place(passage.lines[0])


def _who(passage: Passage) -> str:
    function = passage.lines[0].function
    name = _name(passage.actor)
    return name if name.partition("#")[0] in (function, "") else f"{function} in {name}"


def _name(actor: str) -> str:
    return actor.rpartition("/")[2]
