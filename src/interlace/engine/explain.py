"""Words what must hold for a failure to happen: one sentence per deviation of the smallest schedule."""

from __future__ import annotations

from interlace.model.deviation import Deviation
from interlace.model.outcome import Outcome
from interlace.model.passages import Read, read, woken_by
from interlace.model.source import show_place
from interlace.model.trace import Place
from interlace.model.verdict import deviations_of
from interlace.strategies.reversal import parse_delay

_HELD = "held up for "


def constraints(outcome: Outcome) -> tuple[str, ...]:
    """Returns what must hold for this outcome, given that its passages were recorded."""
    sentences: list[str] = []
    told = iter(outcome.injected)
    passages = list(read(outcome.passages))
    for deviation in deviations_of(outcome):
        if deviation.kind in ("cancel", "fault"):
            sentence = next(told, f"{deviation.subject} must meet this: {deviation.option}")
        else:
            sentence = _SENTENCES[deviation.kind](outcome, passages, deviation)
        if sentence not in sentences:
            sentences.append(sentence)
    return tuple(sentences)


def _delay(outcome: Outcome, passages: list[Read], deviation: Deviation) -> str:
    slow = woken_by(outcome.trace, passages, deviation.subject)
    if slow is None:
        return f"{deviation.subject} must take {deviation.option}"
    awaits = f"what {_name(outcome, slow.passage.actor)} awaits"
    fast = _overtaker(passages, slow, deviation)
    if fast is None:
        return f"{awaits} ({_where(outcome, slow, slow.awaited)}) must take {deviation.option}"
    enough = f"{deviation.option} is enough"
    if fast.awaited == slow.awaited:
        rival = f"what {_name(outcome, fast.passage.actor)} awaits there"
        return f"{awaits} ({_where(outcome, slow, slow.awaited)}) must be slower than {rival}: {enough}"
    rival = f"{_name(outcome, fast.passage.actor)} ({_where(outcome, fast, fast.acts_at)})"
    return f"{awaits} ({_where(outcome, slow, slow.awaited)}) must be slower than {rival}: {enough}"


def _stall(outcome: Outcome, passages: list[Read], deviation: Deviation) -> str:
    held = deviation.option.removeprefix(_HELD)
    at = _held_from(outcome, deviation) / 1e9
    armed = [
        one
        for one in passages
        if one.passage.step <= deviation.step and one.passage.actor == deviation.subject
    ]
    place = armed[-1].passage.waits if armed else None
    where = f" ({show_place(place)})" if place else ""
    timer = f"the timer of {_name(outcome, deviation.subject)}{where}"
    return f"the loop must be held up for {held} at {at:.3f} s, until {timer} is due as well"


def _step(outcome: Outcome, passages: list[Read], deviation: Deviation) -> str:
    own = next((one for one in passages if one.passage.step == deviation.step), None)
    place = own.passage.waits if own else None
    where = f" ({show_place(place)})" if place else ""
    taken = deviation.option
    return f"{_name(outcome, deviation.subject)} must take {taken} before it sets its timer{where}: the loop is busy, or held up"


def _held_from(outcome: Outcome, stall: Deviation) -> int:
    """Returns when a stall begins: what it takes, and those right after it, before the next step."""
    following = stall.step + 1
    if following >= len(outcome.trace):
        return outcome.trace[-1].time if len(outcome.trace) else 0
    alike = [one for one in deviations_of(outcome) if (one.kind, one.step) == ("stall", stall.step)]
    rest = alike[alike.index(stall) :]
    return outcome.trace[following].time - sum(parse_delay(one.option.removeprefix(_HELD)) for one in rest)


def _tie(outcome: Outcome, passages: list[Read], deviation: Deviation) -> str:
    first, second = (_timer(outcome, option) for option in (deviation.option, deviation.boring))
    return f"{first} must fire before {second}, both due at the same moment"


def _timer(outcome: Outcome, option: str) -> str:
    actor, _, armed = option.partition(" armed at ")
    return f"the timer of {_name(outcome, actor)} (set at {armed})"


def _arrival(outcome: Outcome, passages: list[Read], deviation: Deviation) -> str:
    first, second = (
        _completion(outcome, passages, lane, deviation.step) for lane in (deviation.option, deviation.boring)
    )
    return f"{first} must be reported before {second}, although both are there"


def _completion(outcome: Outcome, passages: list[Read], lane: str, step: int) -> str:
    """Words what arrives next on a lane by who waits for it."""
    events = enumerate(outcome.trace)
    what = next((event.label for number, event in events if number > step and event.actor == lane), None)
    woken = woken_by(outcome.trace, passages, what) if what else None
    if woken is None:
        return what or lane
    return f"what {_name(outcome, woken.passage.actor)} awaits ({_where(outcome, woken, woken.awaited)})"


def _cut(outcome: Outcome, passages: list[Read], deviation: Deviation) -> str:
    return f"{deviation.subject} must arrive in pieces ({deviation.option})"


def _order(outcome: Outcome, passages: list[Read], deviation: Deviation) -> str:
    first = _next_passage(passages, deviation.step, deviation.option)
    second = _next_passage(passages, deviation.step, deviation.boring)
    names = _name(outcome, deviation.option), _name(outcome, deviation.boring)
    if first is None or second is None:
        return f"{_told(outcome, first, names[0])} must run before {_told(outcome, second, names[1])}"
    if first.acts_at == second.acts_at:
        return f"{names[0]} must run before {names[1]}, both at {show_place(first.acts_at)}"
    return f"{_told(outcome, first, names[0])} must run before {_told(outcome, second, names[1])}"


def _random(outcome: Outcome, passages: list[Read], deviation: Deviation) -> str:
    return f"{deviation.subject} must be {deviation.option}"


_SENTENCES = {
    "delay": _delay,
    "stall": _stall,
    "step": _step,
    "tie": _tie,
    "arrival": _arrival,
    "cut": _cut,
    "order": _order,
    "random": _random,
}


def _overtaker(passages: list[Read], slow: Read, deviation: Deviation) -> Read | None:
    """Returns the passage of another actor that came before the slow one only because it was slow.

    One at the same line is the best witness (two tasks in the same code), then the nearest one.
    """
    between = [
        one
        for one in passages
        if deviation.step < one.passage.step < slow.passage.step
        and one.passage.actor != slow.passage.actor
        and not one.idle
    ]
    alike = [one for one in between if one.awaited == slow.awaited]
    witnesses = alike or between
    return witnesses[-1] if witnesses else None


def _next_passage(passages: list[Read], step: int, actor: str) -> Read | None:
    return next((one for one in passages if one.passage.step > step and one.passage.actor == actor), None)


def _told(outcome: Outcome, one: Read | None, name: str) -> str:
    return f"{name} ({_where(outcome, one, one.acts_at)})" if one else name


def _where(outcome: Outcome, one: Read, place: Place) -> str:
    """Words a place, with its function unless the name of the task says it already."""
    name = _name(outcome, one.passage.actor).partition("#")[0].rpartition(".")[2]
    return show_place(place) if name == place.function else f"{place.function}, {show_place(place)}"


def _name(outcome: Outcome, actor: str) -> str:
    return outcome.names.get(actor) or actor.rpartition("/")[2]
