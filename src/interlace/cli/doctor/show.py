"""What was read of a suite, for the terminal: tables, and then the list of what to change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from io import StringIO

from interlace.cli.doctor.claims import ASYNCIO, STOCK
from interlace.cli.doctor.examined import Change, Examined, Place
from interlace.model.source import show_path
from interlace.report.page import STYLES, Page, clean

_PLACES = 5
"""How many places of one change are shown, unless all are asked for."""

_OPTIONS = (
    *("asyncio_mode", "asyncio_default_fixture_loop_scope", "asyncio_default_test_loop_scope", "anyio_mode"),
    *("trio_mode", "interlace_mode", "interlace_world", "interlace_timeout", "interlace_background"),
    "interlace_take_over",
)


def to_text(
    examined: Examined, changes: Sequence[Change], *, color: bool = False, width: int = 100, verbose: int = 0
) -> str:
    """Returns the report.

    Args:
        examined: the suite.
        changes: what to change, and what is worth to know.
        color: whether to use terminal colours.
        width: in columns.
        verbose: 1 and more: all places, however many.
    """
    limit = None if verbose else _PLACES
    parts = [
        _head(examined, width).render(color=color),
        _plugins(examined, color, width),
        _tests(examined, color, width),
        _fixtures(examined, color, width),
        _list(examined, changes, width, limit).render(color=color),
    ]
    return "\n".join(part for part in parts if part)


def _head(examined: Examined, width: int) -> Page:
    settings = examined.settings
    page = Page(width)
    page.rule(f"interlace doctor · {show_path(str(examined.start))}", "strong")
    page.gap()
    _row(
        page,
        "pytest",
        examined.installed.pytest or "not installed",
        "" if examined.installed.pytest else "bad",
    )
    where = "no configuration file"
    if settings.section is not None:
        where = f"[{settings.section.name}] of {show_path(str(settings.section.file))}"
    _row(page, "settings", f"{where} · rootdir {show_path(str(settings.root))}")
    for name in _OPTIONS:
        value = settings.text(name, f"--{name.replace('_', '-')}" if name.endswith("io_mode") else None)
        if value is not None:
            line = settings.line(name)
            _row(page, "", f"{name} = {value}" + (f"  (line {line})" if line else ""))
    modules = [one for one in examined.suite.modules if one.tests or one.error]
    total = len(examined.cases) + len(examined.sync)
    _row(
        page,
        "suite",
        f"{_many(total, 'test')} in {_many(len(modules), 'file')}: {len(examined.cases)} async, "
        f"{len(examined.sync)} not · {_many(len(examined.async_fixtures), 'async fixture')}",
    )
    return page


def _row(page: Page, label: str, text: str, style: str = "") -> None:
    page.line((f"{label:<10}", "dim"), (text, style))


# -- tables ------------------------------------------------------------------------------------------


def _plugins(examined: Examined, color: bool, width: int) -> str:
    rows = [
        (one.package, one.version, "switched off" if one.disabled else one.meaning)
        for one in examined.installed.plugins
        if one.meaning
    ]
    return _table(("plugin", "version", "what it is to async tests"), rows, color, width)


def _tests(examined: Examined, color: bool, width: int) -> str:
    counted = Counter(case.claim for case in examined.cases)
    rows = [
        (claim.kind, str(number), claim.without, claim.beside, claim.instead)
        for claim, number in sorted(counted.items(), key=lambda pair: (-pair[1], str(pair[0])))
    ]
    heads = ("async tests", "", "without interlace", "with interlace", "with take over")
    return _table(heads, rows, color, width)


def _fixtures(examined: Examined, color: bool, width: int) -> str:
    counted = Counter(
        (f"{one.by}.fixture", one.scope or "computed", examined.fixture_loop(one) or "computed")
        for one in examined.async_fixtures
    )
    rows = [
        (by, str(number), scope, f"of the {loop}")
        for (by, scope, loop), number in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return _table(("async fixtures", "", "scope", "loop"), rows, color, width)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], color: bool, width: int) -> str:
    """Returns a table; "" if it has no rows."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    for head in heads:
        first = not table.columns
        table.add_column(head, justify="left" if head else "right", overflow="fold", no_wrap=first)
    for row in rows:
        table.add_row(*(Text(clean(cell), STYLES[_style(cell, number)]) for number, cell in enumerate(row)))
    if not table.row_count:
        return ""
    out = StringIO()
    console = Console(
        file=out, force_terminal=color, color_system="standard" if color else None, no_color=not color,
        width=max(width, 40), highlight=False, legacy_windows=False,
    )  # fmt: skip
    console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines() if color or line.strip())


def _style(cell: str, number: int) -> str:
    if cell.startswith(("nobody", "switched off")):
        return "bad"
    if number == 0:
        return "code"
    return "good" if cell.startswith("interlace") and number > 1 else ""


# -- the list ----------------------------------------------------------------------------------------


def _list(examined: Examined, changes: Sequence[Change], width: int, limit: int | None) -> Page:
    page = Page(width)
    musts = [change for change in changes if change.must]
    notes = [change for change in changes if not change.must]
    for heading, style, some in (("to change", "bad", musts), ("worth to know", "warn", notes)):
        if some:
            page.gap()
            page.line((heading, style))
        for change in some:
            _change(page, changes.index(change) + 1, change, limit)
    page.gap()
    _take_over(page, examined)
    page.gap()
    verdict = f"{_many(len(musts), 'thing')} to change" if musts else "nothing to change"
    more = f" · {len(notes)} worth to know" if notes else ""
    page.line((verdict, "bad" if musts else "good"), (more, "warn"))
    return page


def _change(page: Page, number: int, change: Change, limit: int | None) -> None:
    page.gap()
    page.paragraph(f"{number:>2}  {change.title}", "strong", hang=4)
    for place in change.places[:limit]:
        _place(page, place)
    if limit is not None and len(change.places) > limit:
        page.line((f"    … {len(change.places) - limit} more; -v shows all", "dim"))
    if change.setting is not None:
        where, line = change.setting
        page.paragraph(f"{'or ' if _has_edits(change) else ''}in {where}:", "dim", indent=4, hang=2)
        page.line((f"        {line}", "mark"))


def _place(page: Page, place: Place) -> None:
    page.line((f"    {place.spot}", "code"), (f"  {place.about}", "dim"))
    if place.delete:
        lines = (
            f"line {place.spot.line}"
            if place.delete == place.spot.line
            else f"lines {place.spot.line} to {place.delete}"
        )
        page.line((f"        delete {lines}", "mark"))
    for edit in place.edits:
        number = "" if edit.spot == place.spot else f"{edit.spot.line}: "
        page.line((f"        {number}", "dim"), (edit.text.strip(), "mark"))


def _has_edits(change: Change) -> bool:
    return any(place.edits for place in change.places)


def _take_over(page: Page, examined: Examined) -> None:
    """Says how interlace gets the tests that others run."""
    left = Counter(
        case.claim.beside.partition(" ")[0]
        for case in examined.cases
        if case.claim.beside.startswith((ASYNCIO, "anyio")) and case.claim.instead.startswith(STOCK)
    )
    if not left:
        return
    lost = any(
        case.claim.beside.startswith(STOCK) and not case.claim.instead.startswith(STOCK)
        for case in examined.cases
    )
    names = " ".join(name.removeprefix("pytest-") for name in sorted(left))
    settings = examined.settings
    told = " and ".join(f"{_many(number, 'test')} of {name}" for name, number in sorted(left.items()))
    page.paragraph(f"To let interlace run {told} too, in {settings.where}:", "strong")
    page.line((f"        {settings.spell('interlace_take_over', names)}", "mark"))
    if lost:  # the mode that is given for pytest-asyncio would count, and it is strict
        page.line((f"        {settings.spell('interlace_mode', 'auto')}", "mark"))
    page.line(
        ("    or once, to try: ", "dim"), (f"INTERLACE_TAKE_OVER={names.replace(' ', ',')} pytest", "mark")
    )


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
