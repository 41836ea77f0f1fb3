"""Lays a story out: one column per task where the page is wide enough, else the task's name in front."""

from __future__ import annotations

from interlace.model.source import show_path
from interlace.report.page import LANES, Page, cut
from interlace.report.story import Row, Story

_MOST_COLUMNS = 4
_NARROWEST = 22
"""A column narrower than this shows nothing of a line of code."""

_SUFFIX = {"": "", "goes on": "goes on", "waits": "waits", "fails": "fails here"}


def print_story(page: Page, story: Story, *, indent: int = 2) -> None:
    """Adds a story to a page."""
    lines = [row for row in story.rows if row.kind == "line"]
    if not lines:
        return
    times = _Times(lines)
    left = indent + times.width + 2
    room = page.width - left
    count = len(story.tasks)
    files = {row.place.file for row in lines if row.place}
    places = {row: _place(row, len(files) > 1) for row in lines}
    gutter = max(map(len, places.values())) + 2
    if len(files) == 1:
        page.line((" " * indent + show_path(next(iter(files))), "dim"))
    columns = 1 < count <= _MOST_COLUMNS and room // count >= _NARROWEST + gutter
    step = room // count if columns else 0
    names = 0 if columns or count == 1 else min(max(map(len, story.tasks)), 24) + 2
    if columns:
        heads = [(cut(task, step - 2).ljust(step), _style(story, task)) for task in story.tasks]
        page.line((" " * left, ""), *((text, f"bold {style}") for text, style in heads))
    for row in story.rows:
        if row.kind == "mark":
            text = cut(f"── {row.text} ", room)
            page.line((" " * left, ""), (text + "─" * (room - len(text)), "mark"))
            continue
        offset = story.tasks.index(row.task) * step if row.task else 0
        if row.kind == "gap":
            page.line((" " * (left + offset + (gutter if row.task else 0)) + row.text, "dim"))
            continue
        time = times.word(row.time)
        style = _style(story, row.task)
        suffix = f"  {_SUFFIX[row.role]}" if row.role else ""
        text = cut(row.text, room - offset - names - gutter - len(suffix))
        page.line(
            (" " * indent + time.rjust(times.width) + "  " + " " * offset, "dim"),
            (cut(row.task, names - 2).ljust(names) if names else "", style),
            (places[row].rjust(gutter - 2) + "  ", "dim"),
            (text, "bad" if row.role == "fails" else style),
            (suffix, "bad" if row.role == "fails" else "dim"),
        )


class _Times:
    """Words virtual times, only where they change, with as many digits as tell them apart."""

    def __init__(self, rows: list[Row]) -> None:
        times = {row.time for row in rows}
        self._digits = next(
            (digits for digits in (3, 4, 5, 6) if len({f"{ns / 1e9:.{digits}f}" for ns in times}) == len(times)), 9
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


def _place(row: Row, with_file: bool) -> str:
    if row.place is None:
        return ""
    line = str(row.place.line)
    return f"{show_path(row.place.file).replace(chr(92), '/').rpartition('/')[2]}:{line}" if with_file else line


def _style(story: Story, task: str) -> str:
    return LANES[story.tasks.index(task) % len(LANES)]
