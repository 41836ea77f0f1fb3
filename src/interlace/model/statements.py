"""The user's source as statements: which one stands at a line, and how it reads on one line.

Python reports physical lines; a reader thinks in statements. Files are read and parsed once for each
`Sources`, which lives as long as one telling.
"""

from __future__ import annotations

import ast
import linecache
import re
from typing import NamedTuple

from interlace.model.trace import Place

_SHORT = 6
"""A loop of up to so many lines is shown whole."""


class Statement(NamedTuple):
    """One statement, or the header of one that has a body.

    Args:
        file: the path as Python knows it.
        first: its first line, counted from 1.
        last: its last line; of a statement with a body, the last line of its header.
        text: its source on one line, without indentation; "" if there is no source.
        node: its syntax tree; None if the file cannot be read or parsed.
    """

    file: str
    first: int
    last: int
    text: str
    node: ast.stmt | None


class Sources:
    """Source files, read once."""

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}
        self._by_line: dict[str, dict[int, Statement]] = {}

    def lines(self, file: str) -> list[str]:
        """Returns the lines of a file; none if it cannot be read."""
        if file not in self._lines:
            linecache.checkcache(file)
            self._lines[file] = linecache.getlines(file)
        return self._lines[file]

    def block(self, statement: Statement) -> list[str]:
        """Returns the lines of a statement as they stand in the file, less their common indentation."""
        lines = [line.rstrip() for line in self.lines(statement.file)[statement.first - 1 : statement.last]]
        indents = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
        return [line[min(indents, default=0) :] for line in lines]

    def loop_around(self, place: Place) -> list[tuple[int, str]]:
        """Returns the numbers and the text of the lines of the innermost loop around a line.

        Of a long one, the header and the line itself; none if the line stands in no loop.
        """
        lines = self.lines(place.file)
        try:
            tree = ast.parse("".join(lines))
        except SyntaxError:
            return []
        around = [
            node
            for node in ast.walk(tree)
            if isinstance(node, (ast.While, ast.For, ast.AsyncFor))
            and node.lineno <= place.line <= (node.end_lineno or 0)
        ]
        if not around:
            return []
        innermost = max(around, key=lambda node: node.lineno)
        numbers = range(innermost.lineno, (innermost.end_lineno or innermost.lineno) + 1)
        if len(numbers) > _SHORT:
            numbers = range(innermost.lineno, innermost.lineno + 1)
        shown = sorted({*numbers, place.line})
        indent = innermost.col_offset
        return [(number, lines[number - 1].rstrip()[indent:]) for number in shown]

    def at(self, place: Place) -> Statement:
        """Returns the innermost statement at a line."""
        lines = self.lines(place.file)
        if place.file not in self._by_line:
            self._by_line[place.file] = _statements(place.file, lines)
        found = self._by_line[place.file].get(place.line)
        if found is not None:
            return found
        text = lines[place.line - 1].strip() if place.line <= len(lines) else ""
        return Statement(place.file, place.line, place.line, text, None)


def _statements(file: str, lines: list[str]) -> dict[int, Statement]:
    """Returns the innermost statement of each line of a file."""
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return {}
    found: dict[int, Statement] = {}
    for node in ast.walk(tree):  # outer statements come first, so that inner ones have the last word
        if isinstance(node, ast.stmt):
            last = _header_end(node)
            text = _on_one_line(node, lines[node.lineno - 1 : last])
            statement = Statement(file, node.lineno, last, text, node)
            first = min((item.lineno for item in getattr(node, "decorator_list", [])), default=node.lineno)
            for number in range(first, last + 1):
                found[number] = statement
    return found


def _header_end(node: ast.stmt) -> int:
    """Returns the last line of a statement, or of its header if it has a body."""
    end = node.end_lineno or node.lineno
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if not body:
        return end
    inner = body[0]
    begin: int = getattr(inner, "lineno", 0) or inner.pattern.lineno
    begin = min((item.lineno for item in getattr(inner, "decorator_list", [])), default=begin)
    return max(node.lineno, begin - 1)


def _on_one_line(node: ast.stmt, lines: list[str]) -> str:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or len(lines) == 1:
        return lines[0].strip() if lines else ""
    parts = [line.strip() for line in lines]
    if any("#" in part or '"""' in part or "'''" in part for part in parts):
        if hasattr(node, "body"):
            return parts[0]
        return " ".join(ast.unparse(node).split("\n"))
    text = " ".join(part.removesuffix("\\").rstrip() for part in parts if part)
    return re.sub(r",? ([)\]}])", r"\1", re.sub(r"([(\[{]) ", r"\1", text))
