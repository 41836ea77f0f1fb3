"""The report as text: what failed, how far the search went, the story, why, and how to replay it."""

from __future__ import annotations

import os
import shlex
import traceback
from collections.abc import Sequence

from interlace.errors import Deadlock, Hung
from interlace.model.outcome import TOKEN_LENGTH, Outcome, innermost
from interlace.model.source import show_place
from interlace.model.statements import Sources
from interlace.model.verdict import Failure, Findings
from interlace.report.columns import print_story
from interlace.report.page import Page
from interlace.report.story import LIMIT, failing_place, tell

_MESSAGE_LINES = 25
_SOURCE_LINES = 12
_LATENT = "latent: needs an order that asyncio's FIFO loop does not produce (Trio and eager tasks can)"


def findings_to_text(
    findings: Findings, *, target: str, color: bool = False, width: int = 100, verbose: int = 0
) -> str:
    """Returns the report of a search.

    Args:
        findings: what it found.
        target: what the replay command names.
        color: whether to use terminal colours.
        width: in columns.
        verbose: 1 tells longer stories; 2 shows the frames of libraries too.
    """
    page = Page(width)
    failure = findings.failure
    if failure is None:
        _passed(page, findings, target)
    else:
        _failed(page, findings, failure, target, verbose)
    for other in findings.failures[1:]:
        page.gap()
        _paragraph(page, "also failed", "bad", other, target)
    for latent in findings.latent:
        page.gap()
        _paragraph(page, "warning", "warn", latent, target)
    return page.render(color=color)


def outcome_to_text(
    outcome: Outcome,
    *,
    target: str,
    twin: Outcome | None = None,
    constraints: Sequence[str] = (),
    color: bool = False,
    width: int = 100,
    verbose: int = 0,
) -> str:
    """Returns the report of a single run, with its story if its passages were recorded.

    Args:
        outcome: the run.
        target: what was run.
        twin: the plain run, if it passes: the story tells what differs from it.
        constraints: what makes it differ from the plain run, in sentences.
        color: whether to use terminal colours.
        width: in columns.
        verbose: 1 tells longer stories; 2 shows the frames of libraries too.
    """
    page = Page(width)
    if outcome.error is None and not outcome.passages:
        page.line(("passed", "good"), (f" · {target} · {_measure(outcome)}", ""))
    else:
        page.rule(target, "good" if outcome.error is None else "bad")
        if outcome.error is not None:
            _what(page, outcome, outcome.error)
        page.gap()
        word = ("passed", "good") if outcome.error is None else ("failed", "bad")
        page.line(word, (f" · {_measure(outcome)}", ""))
    _story(page, outcome, twin, verbose)
    if constraints:
        page.gap()
        _because(page, constraints, "because" if outcome.failed else "unlike the plain run")
        if twin is not None:
            page.paragraph("The plain run passes.", "dim", indent=2)
    _background(page, outcome)
    if outcome.error is not None and verbose >= 2:
        _traceback(page, outcome.error)
    return page.render(color=color)


def replay_command(outcome: Outcome, target: str) -> str:
    """Returns the command that replays a run; a long token is named by its file, if that was written."""
    token = outcome.token
    if len(token) > TOKEN_LENGTH and os.path.isfile(outcome.token_file):
        token = outcome.token_file
    return f"interlace replay {shlex.quote(target)} {token}"


# -- a search that failed --------------------------------------------------------------------------


def _failed(page: Page, findings: Findings, failure: Failure, target: str, verbose: int) -> None:
    smallest = failure.smallest
    page.rule(target, "bad")
    _what(page, smallest, failure.error)
    page.gap()
    found = f"run {failure.runs_to_failure}"
    if findings.runs > failure.runs_to_failure:
        found += f" of {findings.runs}"
    small = f" · made small in {_many(failure.shrink_replays, 'replay')}" if failure.shrink_replays else ""
    page.line(("failed", "bad"), (f" · {found} · {findings.verdict.extent}{small}", ""))
    page.paragraph(_label(failure), "warn" if failure.label == "latent" else "strong", hang=2)
    if findings.verdict.note:
        page.paragraph(findings.verdict.note, "dim", hang=2)
    _story(page, smallest, failure.twin, verbose)
    if failure.constraints:
        page.gap()
        _because(page, failure.constraints, "because")
        if failure.twin is not None:
            _without(page, len(failure.deviations))
    _background(page, smallest)
    if failure.note:
        page.gap()
        page.paragraph(f"note: {failure.note}", "warn", hang=2)
    page.gap()
    page.line(("replay", "dim"))
    page.line((f"  {replay_command(smallest, target)}", "strong"))
    if verbose >= 2:
        _traceback(page, failure.error)


def _without(page: Page, count: int) -> None:
    without = "that" if count == 1 else "one of these"
    text = f"Without {without} it passes (the same schedule less one deviation was run)."
    page.paragraph(text, "dim", indent=2, hang=2)


def _what(page: Page, outcome: Outcome, error: BaseException) -> None:
    """Tells the error, and the user's statement that raised it with the values in it."""
    leaf = innermost(error)
    page.gap()
    name = type(leaf).__qualname__
    if isinstance(leaf, Deadlock):
        page.paragraph(f"{name}: {_stuck(leaf)}", "bad", hang=2)
        for line in leaf.waiting:
            page.paragraph(line, indent=4, hang=2)
        return
    message = _message(leaf)
    lines = message.splitlines()
    page.paragraph(f"{name}: {lines[0]}" if lines else name, "bad", hang=2)
    for line in lines[1:_MESSAGE_LINES]:
        page.line((f"  {line}", ""))
    if len(lines) > _MESSAGE_LINES:
        page.line((f"  … {len(lines) - _MESSAGE_LINES} more lines", "dim"))
    place = failing_place(error)
    if place is None:
        return
    sources = Sources()
    statement = sources.at(place)
    source = sources.block(statement)
    page.gap()
    page.line((f"  {show_place(place)}", "code"), (f" in {place.function}", "dim"))
    for line in source[:_SOURCE_LINES]:
        page.line(("      ", ""), (line, "python"))
    if len(source) > _SOURCE_LINES:
        page.line((f"      … {len(source) - _SOURCE_LINES} more lines", "dim"))
    rewritten = any(line.lstrip().startswith("assert ") for line in lines)
    if outcome.asserted and not rewritten:
        for number, value in enumerate(outcome.asserted):
            page.line(("      where  " if number == 0 else "             ", "dim"), (value, ""))


def _stuck(error: Deadlock) -> str:
    if isinstance(error, Hung):
        hangs = ", ".join(error.connections)
        return f"a fault has {hangs} hang, and nobody gives up; give what waits for an answer a timeout"
    return "every task waits and nothing can wake any of them"


def _message(error: BaseException) -> str:
    try:
        message = str(error)
    except Exception as broken:
        return f"(its message cannot be had: str() of it raises {type(broken).__name__})"
    notes = [str(note) for note in getattr(error, "__notes__", ())]
    return "\n".join([message, *notes])


def _label(failure: Failure) -> str:
    if failure.label == "latent":
        return _LATENT
    kinds = {deviation.kind for deviation in failure.deviations}
    if failure.label == "plain":
        return "plain: fails in the plain run already, so no order and no duration is to blame"
    if kinds == {"cancel"}:
        return "real: happens on asyncio when the task below is cancelled at that moment"
    if kinds <= {"delay", "stall", "step", "tie"}:
        return "real: happens on asyncio when the durations below come together"
    return "real: happens on asyncio when what is told below comes together"


def _story(page: Page, outcome: Outcome, twin: Outcome | None, verbose: int) -> None:
    story = tell(outcome, twin, limit=LIMIT if verbose == 0 else 5 * LIMIT)
    if story.rows:
        page.gap()
        print_story(page, story)


def _because(page: Page, sentences: Sequence[str], title: str) -> None:
    page.line((title, "dim"))
    for sentence in sentences:
        page.paragraph(sentence, "strong", indent=2, hang=2)


def _background(page: Page, outcome: Outcome) -> None:
    if outcome.background:
        page.gap()
        page.line(("in the background", "dim"))
        for line in outcome.background:
            page.paragraph(line, "warn", indent=2, hang=2)


def _traceback(page: Page, error: BaseException) -> None:
    page.gap()
    page.line(("traceback", "dim"))
    for line in "".join(traceback.format_exception(error)).splitlines():
        page.line((f"  {line}", "dim"))


def _paragraph(page: Page, title: str, style: str, failure: Failure, target: str) -> None:
    """Tells a failure in a few lines: another one, or a latent one."""
    lines = _message(innermost(failure.error)).splitlines()
    place = failing_place(failure.error)
    what = failure.type + (f": {lines[0]}" if lines else "") + (f" ({show_place(place)})" if place else "")
    page.paragraph(f"{title}: {what}", style, hang=2)
    page.paragraph(_label(failure), indent=2, hang=2)
    for sentence in failure.constraints:
        page.paragraph(sentence, indent=2, hang=2)
    if failure.note:
        page.paragraph(f"note: {failure.note}", indent=2, hang=2)
    page.line((f"  {replay_command(failure.smallest, target)}", "dim"))


# -- a search that passed --------------------------------------------------------------------------


def _passed(page: Page, findings: Findings, target: str) -> None:
    plain = findings.plain
    page.line(
        ("passed", "good"),
        (f" · {target} · {_many(findings.runs, 'schedule')} · {findings.verdict.extent}", ""),
    )
    page.paragraph(_meaning(findings), indent=2)
    page.paragraph(f"The plain run took {_measure(plain)}.", "dim", indent=2)
    if findings.needed:
        page.paragraph(_needed(findings.needed), indent=2)
    _background(page, plain)
    if not plain.points:
        page.paragraph(
            "Nothing in it takes a time that could vary, so there is little to explore. Does a fake answer "
            "at once? Let it take time: world.fake(...), interlace.AsyncMock, or await world.latency('1ms..50ms').",
            "warn",
            indent=2,
        )
    hints = []
    if plain.recipe.order == "realistic":
        hints.append("--order any (orders that asyncio does not produce, but Trio and eager tasks do)")
    if not any(fault.startswith("cancel") for fault in plain.recipe.faults):
        hints.append("--faults cancel (a cancellation at each await)")
    if hints:
        page.paragraph(f"Try next: {' or '.join(hints)}.", "dim", indent=2, hang=2)


def _meaning(findings: Findings) -> str:
    """Says in plain words what was and what was not shown."""
    verdict, order = findings.verdict, findings.plain.recipe.order
    but = " but for what is told below" if findings.needed else ""
    note = f" {verdict.note[0].upper()}{verdict.note[1:]}." if verdict.note else ""
    match verdict.kind:
        case "exhausted":
            number = verdict.number
            what = "The only schedule" if number == 1 else f"Each of the {number} schedules"
            wider = findings.runs - verdict.number
            beyond = f" Besides, {_many(wider, 'run')} sampled these, or orders beyond." if wider > 0 else ""
            return f"{what} that the order '{order}' allows was run and passed{but}.{beyond}{note}"
        case "bounded":
            return (
                f"Every schedule with at most {_many(verdict.number, 'deviation')} was run, and none failed{but}. "
                f"Those with more were not all tried.{note}"
            )
        case "truncated":
            return f"None of them failed{but}; yet the budget ended too early.{note}"
        case "sampled":
            return (
                f"None of them failed{but}. There are more than were run: this is evidence, no proof.{note}"
            )


def _needed(names: Sequence[str]) -> str:
    *others, last = names
    told = f"{', '.join(others)} or {last}" if others else last
    return (
        f"Left aside: with {told} cancelled the test fails just as it does if that task never begins, so it needs "
        f"the task. Should it pass all the same? Name it: --faults cancel:{names[0]}"
    )


def _measure(outcome: Outcome) -> str:
    return f"{outcome.elapsed:.3f} virtual s in {_many(len(outcome.trace), 'step')}"


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
