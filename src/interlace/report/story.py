"""The story of a failure: the user's own lines in the order in which they ran, and only those that matter.

What matters follows from three things: where the schedule deviates, where the run differs from its
passing twin, and where it fails. Runs nothing; knows nothing of columns and colours.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from interlace.model.outcome import Outcome, innermost
from interlace.model.passages import Read, read
from interlace.model.source import last_user_place
from interlace.model.statements import Sources, Statement
from interlace.model.trace import Place
from interlace.report.marks import Mark, marks_of
from interlace.report.matter import choose

Role = Literal["", "goes on", "waits", "fails"]

LIMIT = 30
"""How many rows a story has at most."""

_PASSAGE_ROWS = 7
"""How many rows one step has at most."""

_SILENT = (
    ast.Pass, ast.Try, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom,
    ast.Global, ast.Nonlocal, ast.Break, ast.Continue,
)  # fmt: skip
"""Statements that a step may run without anything having happened that a reader cares about."""


@dataclass(frozen=True)
class Row:
    """One row of a story.

    Args:
        kind: "line": a statement that ran; "mark": a deviation; "gap": something was left out.
        text: the source of the statement, or words.
        task: the name of the task; "" in marks and gaps.
        time: virtual time in nanoseconds.
        place: the line that ran; None in marks and gaps.
        role: what the line is in its step, beyond that it ran.
    """

    kind: Literal["line", "mark", "gap"]
    text: str
    task: str = ""
    time: int = 0
    place: Place | None = None
    role: Role = ""


@dataclass(frozen=True)
class Story:
    """What happened, row by row.

    Args:
        tasks: the names of the tasks that appear, the test's own first.
        rows: in order.
    """

    tasks: tuple[str, ...]
    rows: tuple[Row, ...]


def failing_place(error: BaseException) -> Place | None:
    """Returns the last line of the user's own code that an error went through."""
    leaf = innermost(error)
    return last_user_place(leaf.__traceback__) or last_user_place(error.__traceback__)


def tell(outcome: Outcome, twin: Outcome | None = None, *, limit: int = LIMIT) -> Story:
    """Tells one run.

    Args:
        outcome: the run, with its passages recorded.
        twin: the nearest run that passes, to see what differs; None if there is none.
        limit: how many rows the story may have.
    """
    sources = Sources()
    steps = list(read(outcome.passages))
    place = failing_place(outcome.error) if outcome.error is not None else None
    failing = sources.at(place) if place is not None else None
    end = _failing_step(steps, failing, sources)
    if end is not None:
        steps = steps[: end + 1]
    steps = [one for one in steps if not one.idle]
    labels = label_tasks(outcome)
    blocks = [
        _rows_of(one, sources, labels, failing if end is not None and number == len(steps) - 1 else None)
        for number, one in enumerate(steps)
    ]
    marks = marks_of(outcome, steps, labels)
    chosen = choose(outcome, twin, steps, [len(block) for block in blocks], limit - len(marks))
    rows = _assemble(steps, blocks, chosen, marks)
    first = outcome.trace[0].actor if len(outcome.trace) else ""
    seen = dict.fromkeys(row.task for row in rows if row.kind == "line")
    tasks = sorted(seen, key=lambda task: task != labels.get(first))  # stable: the rest keeps its order
    return Story(tuple(tasks), tuple(rows))


def label_tasks(outcome: Outcome) -> dict[str, str]:
    """Returns what to call each actor of the passages, no two alike."""
    labels: dict[str, str] = {}
    counts: dict[str, int] = {}
    for passage in outcome.passages:
        if passage.actor not in labels:
            name = name_of(outcome.names, passage.actor)
            counts[name] = count = counts.get(name, 0) + 1
            labels[passage.actor] = name if count == 1 else f"{name}#{count}"
    return labels


def name_of(names: Mapping[str, str], actor: str) -> str:
    """Returns what the user would call an actor."""
    return names.get(actor) or actor.rpartition("/")[2]


def _failing_step(steps: list[Read], failing: Statement | None, sources: Sources) -> int | None:
    if failing is None:
        return None
    for number in range(len(steps) - 1, -1, -1):
        if any(_same(sources.at(line), failing) for line in reversed(steps[number].passage.lines)):
            return number
    return None


def _same(one: Statement, other: Statement) -> bool:
    return (one.file, one.first) == (other.file, other.first)


def _rows_of(one: Read, sources: Sources, labels: Mapping[str, str], failing: Statement | None) -> list[Row]:
    """Returns the rows of one step."""
    found: list[tuple[Statement, Place, Role]] = []
    seen: set[tuple[str, int]] = set()

    def add(place: Place, role: Role = "") -> None:
        statement = sources.at(place)
        key = statement.file, statement.first
        if role == "" and (key in seen or _is_silent(statement)):
            return
        seen.add(key)
        if role in ("waits", "fails") and found and _same(found[-1][0], statement) and found[-1][2] == "":
            found.pop()
        found.append((statement, place, role))

    pending = list(one.resumed)
    if pending:
        add(pending[-1], "goes on")
    before = pending[-1] if pending else None
    for place in one.fresh if failing is None else _up_to(failing, one, sources):
        _return_to(place, pending, sources, add)
        if not (before is not None and _leaves(sources.at(place), before)):
            add(place)
        before = place
    if failing is not None:
        match = next(line for line in reversed(one.passage.lines) if _same(sources.at(line), failing))
        add(match, "fails")
    elif one.passage.waits is not None:
        _return_to(one.passage.waits, pending, sources, add)
        add(one.passage.waits, "waits")
    elif pending:
        _return_to(None, pending, sources, add)
    task = labels[one.passage.actor]
    rows = [Row("line", item.text, task, one.passage.time, place, role) for item, place, role in found]
    if len(rows) > _PASSAGE_ROWS:
        left = len(rows) - _PASSAGE_ROWS + 1
        rows[3 : 3 + left] = [Row("gap", f"… {left} lines", task, one.passage.time)]
    return rows


def _up_to(failing: Statement, one: Read, sources: Sources) -> tuple[Place, ...]:
    """Returns the fresh lines of the step that fails, less those that its function ran to clear up."""
    at = [number for number, line in enumerate(one.fresh) if _same(sources.at(line), failing)]
    if at:
        return one.fresh[: at[-1] + 1]
    # It failed in the middle of a statement that it had gone on from: what that awaited ran before.
    functions = {(line.file, line.function) for line in one.resumed if _same(sources.at(line), failing)}
    return tuple(takewhile(lambda line: (line.file, line.function) not in functions, one.fresh))


def _return_to(
    place: Place | None, pending: list[Place], sources: Sources, add: Callable[[Place], None]
) -> None:
    """Tells the awaits that were finished on the way back to the function of `place`.

    When an inner coroutine returns, the statement of the outer one goes on in its middle, which
    Python does not report as a line: `price = await fetch()` binds `price` only now.
    """
    functions = [item.function for item in pending]
    if place is not None and (place.function not in functions or place.function == functions[-1]):
        return
    while len(pending) > 1 and (place is None or pending[-1].function != place.function):
        pending.pop()
        node = sources.at(pending[-1]).node
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)):
            add(pending[-1])


def _is_silent(statement: Statement) -> bool:
    node = statement.node
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    if isinstance(node, ast.Return):
        return node.value is None
    return isinstance(node, _SILENT) or not statement.text


def _leaves(statement: Statement, before: Place) -> bool:
    """Tells whether a `with` or `for` is only passed again because its body came to an end."""
    node = statement.node
    if not isinstance(node, (ast.With, ast.AsyncWith, ast.For)) or before.file != statement.file:
        return False
    return node.body[0].lineno <= before.line <= (node.end_lineno or 0)


def _assemble(steps: list[Read], blocks: list[list[Row]], chosen: set[int], marks: list[Mark]) -> list[Row]:
    """Puts the chosen steps, the marks and the gaps in order."""
    rows: list[Row] = []
    waiting = list(marks)
    left_out = 0

    def close_gap() -> None:
        nonlocal left_out
        if left_out:
            text = "…" if not any(row.kind == "line" for row in rows) else f"… {_steps(left_out)} left out"
            rows.append(Row("gap", text))
        left_out = 0

    for number, (one, block) in enumerate(zip(steps, blocks, strict=True)):
        while waiting and waiting[0].comes_before(one.passage.step):
            close_gap()
            rows.append(Row("mark", waiting.pop(0).text))
        if number in chosen:
            close_gap()
            rows.extend(block)
        elif block:
            left_out += 1
    close_gap()
    rows.extend(Row("mark", mark.text) for mark in waiting)
    return rows


def _steps(number: int) -> str:
    return "1 step" if number == 1 else f"{number} steps"
