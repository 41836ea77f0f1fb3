"""Lays a story out: one column per task where the page is wide enough, else the task's name in front."""

from __future__ import annotations

import os
from collections import Counter

from interlace.model.source import show_path
from interlace.report.page import LANES, Page, cut
from interlace.report.story import Row, Story

_MOST_COLUMNS = 4
_WIDEST_NAME = 20
_NARROWEST = 24
"""A last column narrower than this shows nothing of a line of code."""

_LEAST_STEP = 12
"""Columns nearer to each other than this are not seen as columns."""


def print_story(page: Page, story: Story, *, indent: int = 2) -> None:
    """Adds a story to a page."""
    lines = [row for row in story.rows if row.kind == "line"]
    if not lines:
        return
    times = _Times(lines)
    left = indent + times.width + 2
    room = page.width - left
    count = len(story.tasks)
    files = Counter(row.place.file for row in lines if row.place)
    file = files.most_common(1)[0][0]
    gutter = max(len(str(row.place.line)) for row in lines if row.place) + 2
    page.line((" " * indent + show_path(file), "dim"))
    step = _column_step(story, room, gutter, file)
    names = 0 if step or count == 1 else min(max(map(len, story.tasks)), _WIDEST_NAME) + 2
    if step:
        heads = [(cut(task, step - 2).ljust(step), f"bold {_style(story, task)}") for task in story.tasks]
        page.line((" " * left, ""), *heads)
    last = ""
    for row in story.rows:
        if row.kind == "mark":
            text = cut(f"── {row.text} ", room)
            page.line((" " * left, ""), (text + "─" * (room - len(text)), "mark"))
            last = ""
            continue
        offset = story.tasks.index(row.task) * step if row.task else 0
        if row.kind == "gap":
            page.line((" " * (left + offset + (names + gutter if row.task else 0)) + row.text, "dim"))
            last = row.task
            continue
        time = times.word(row.time)
        style = _style(story, row.task)
        suffix = _suffix(row, file)
        name = cut(row.task, names - 2).ljust(names) if row.task != last else " " * names
        last = row.task
        text = cut(row.text, room - offset - names - gutter - len(suffix))
        page.line(
            (" " * indent + time.rjust(times.width) + "  " + " " * offset, "dim"),
            (name if names else "", style),
            (str(row.place.line if row.place else "").rjust(gutter - 2) + "  ", "dim"),
            (text, "bad" if row.role == "fails" else style),
            (suffix, "bad" if row.role == "fails" else "dim"),
        )


def _column_step(story: Story, room: int, gutter: int, file: str) -> int:
    """Returns how far the columns stand from each other; 0 if there is no room for columns.

    Only one task is at work in a row, so its text may reach into the columns to its right. The last
    column has nothing to its right: the columns move together until its lines fit.
    """
    count = len(story.tasks)
    if not 1 < count <= _MOST_COLUMNS:
        return 0
    most = room // count
    least = max(_LEAST_STEP, min(max(map(len, story.tasks)) + 2, most))
    if room - (count - 1) * least < _NARROWEST:
        return 0
    wanted = most
    for row in story.rows:
        lane = story.tasks.index(row.task) if row.task else 0
        if lane:
            wanted = min(wanted, (room - gutter - len(row.text) - len(_suffix(row, file))) // lane)
    return max(least, wanted)


def _suffix(row: Row, file: str) -> str:
    """Words what a row is, and where it stands if not in the file that most of the story is in."""
    parts: list[str] = [row.role] if row.role in ("goes on", "waits") else []
    if row.place is not None and row.place.file != file:
        parts.append(os.path.basename(row.place.file))
    suffix = f"  ({', '.join(parts)})" if parts else ""
    return suffix + ("  fails here" if row.role == "fails" else "")


class _Times:
    """Words virtual times, only where they change, with as many digits as tell them apart."""

    def __init__(self, rows: list[Row]) -> None:
        times = {row.time for row in rows}
        self._digits = next(
            (
                digits
                for digits in (3, 4, 5, 6)
                if len({f"{ns / 1e9:.{digits}f}" for ns in times}) == len(times)
            ),
            9,
        )
        self._last: int | None = None
        self.width = max(len(self._show(ns)) for ns in times)

    def word(self, ns: int) -> str:
        """Returns the time, or nothing if the row before had the same."""
        if ns == self._last:
            return ""
        self._last = ns
        return self._show(ns)

    def _show(self, ns: int) -> str:
        return f"{ns / 1e9:.{self._digits}f} s"


def _style(story: Story, task: str) -> str:
    return LANES[story.tasks.index(task) % len(LANES)]
