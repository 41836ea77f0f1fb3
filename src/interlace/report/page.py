"""Lines of styled text: laid out once, then shown with colours by rich or without any.

A report looks the same in both: the layout is decided here and rich only paints.
"""

from __future__ import annotations

import textwrap
from io import StringIO

Span = tuple[str, str]
"""A piece of text and the name of its style."""

STYLES = {
    "": "",
    "bad": "bold red",
    "good": "bold green",
    "warn": "yellow",
    "strong": "bold",
    "dim": "dim",
    "mark": "bold yellow",
    "code": "cyan",
    "python": "bold",
}
"""What the names of styles mean. Only the 16 colours of the terminal, so that its theme decides."""

LANES = ("cyan", "green", "blue", "magenta", "bright_cyan", "bright_green", "bright_blue", "bright_magenta")
"""The colours of tasks."""


class Page:
    """A text that grows downwards.

    Args:
        width: in columns.
    """

    def __init__(self, width: int) -> None:
        self.width = max(width, 40)
        self._lines: list[list[Span]] = []

    def line(self, *spans: Span) -> None:
        """Adds a line as it is, however long."""
        self._lines.append([span for span in spans if span[0]])

    def gap(self) -> None:
        """Adds an empty line unless there is one already."""
        if self._lines and self._lines[-1]:
            self._lines.append([])

    def rule(self, title: str, style: str) -> None:
        """Adds a line across the page with a title in it."""
        title = cut(title, self.width - 8)
        self.line(("── ", "dim"), (title, style), (" " + "─" * (self.width - len(title) - 4), "dim"))

    def paragraph(self, text: str, style: str = "", *, indent: int = 0, hang: int = 0) -> None:
        """Adds a text, wrapped; each of its own line breaks is kept.

        Args:
            text: what to say.
            style: how.
            indent: how far from the left.
            hang: how much further the lines after the first are indented.
        """
        for line in text.splitlines() or [""]:
            wrapped = textwrap.wrap(
                line,
                self.width,
                initial_indent=" " * indent,
                subsequent_indent=" " * (indent + hang),
                break_long_words=False,
                break_on_hyphens=False,
            )
            for part in wrapped or [""]:
                self.line((part, style))

    def render(self, *, color: bool) -> str:
        """Returns the text; without colour there is no escape code in it."""
        while self._lines and not self._lines[-1]:
            self._lines.pop()
        if not color:
            return "".join("".join(clean(text) for text, _ in line).rstrip() + "\n" for line in self._lines)
        from rich.console import Console
        from rich.syntax import Syntax
        from rich.text import Text

        def paint(text: str, style: str) -> Text:
            if style == "python":
                painted = Syntax("", "python", theme="ansi_dark", background_color="default").highlight(text)
                painted.rstrip()
                return painted
            return Text(text, STYLES.get(style, style))

        out = StringIO()
        console = Console(
            file=out,
            force_terminal=True,
            color_system="standard",
            no_color=False,
            width=self.width,
            highlight=False,
            legacy_windows=False,
        )
        for line in self._lines:
            console.print(Text.assemble(*(paint(clean(text), style) for text, style in line)), soft_wrap=True)
        return out.getvalue()


def clean(text: str) -> str:
    """Takes out what would steer the terminal: messages of errors may hold anything."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    return "    " if char == "\t" else char.encode("unicode_escape").decode()


def cut(text: str, width: int) -> str:
    """Shortens a text to a width, with an ellipsis."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
