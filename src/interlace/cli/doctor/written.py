"""What a configuration file says, with the line of each value: INI as pytest reads it, and TOML.

It knows no pytest and no option; which file counts is settled in settings.py.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlace.cli.target import Wrong
from interlace.model.source import show_path

_COMMENT = ("#", ";")
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True)
class Section:
    """One section of a configuration file.

    Args:
        file: the file.
        name: as it stands between the brackets.
        values: text, or what TOML has.
        lines: where each value begins.
    """

    file: Path
    name: str
    values: Mapping[str, Any]
    lines: Mapping[str, int]


def read_text(file: Path) -> str:
    """Returns the text of a file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        path = show_path(str(file))
        raise Wrong(f"{path} cannot be read: {error}", f"file {path}") from error


# -- INI -------------------------------------------------------------------------------------------


def read_ini(file: Path) -> dict[str, Section]:
    """Returns the sections of an INI file.

    Not configparser: pytest takes `key: value` too, keeps `%` as it is, and goes on where a line is indented.

    Raises:
        UsageError: pytest could not read it either.
    """
    sections: dict[str, Section] = {}
    values: dict[str, str] | None = None
    lines: dict[str, int] = {}
    key = ""
    for number, raw in enumerate(read_text(file).splitlines(), 1):
        line = raw.rstrip()
        if not line or line.lstrip().startswith(_COMMENT):
            continue
        header = re.split("[#;]", line)[0].rstrip() if line.startswith("[") else ""
        if header.endswith("]"):
            name = header[1:-1]
            if not name or name in sections:
                what = f"there are two sections [{name}]" if name else "the section has no name"
                raise _cannot(file, number, what)
            values, lines, key = {}, {}, ""
            sections[name] = Section(file, name, values, lines)
        elif line[0].isspace() or header:
            if values is None or not key:
                raise _cannot(file, number, f"{line.strip()!r} continues nothing")
            values[key] = f"{values[key]}\n{line.strip()}" if values[key] else line.strip()
        else:
            key, text = _split(file, number, line)
            if values is None:
                raise _cannot(file, number, f"{line!r} stands before the first [section]")
            if key in values:
                raise _cannot(file, number, f"{key!r} is given twice")
            values[key], lines[key] = text, number
    return sections


def _split(file: Path, number: int, line: str) -> tuple[str, str]:
    name, equals, value = line.partition("=")
    if not equals or ":" in name:
        name, equals, value = line.partition(":")
    if not equals:
        raise _cannot(file, number, f"{line!r} is neither a [section] nor name = value")
    return name.strip(), value.strip()


# -- TOML ------------------------------------------------------------------------------------------


def read_toml(file: Path) -> dict[str, Any]:
    """Returns a TOML document.

    Raises:
        UsageError: it is not TOML; the message names the line.
    """
    text = read_text(file)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = place[1] if place is not None and place[1] else len(text.splitlines())
        raise _cannot(file, int(line), _TOML_PLACE.sub("", str(error))) from error


def toml_section(file: Path, document: Mapping[str, Any], *path: str) -> Section | None:
    """Returns one table of a TOML document; None if it has no such table."""
    table: Any = document
    for name in path:
        table = table.get(name) if isinstance(table, Mapping) else None
    if not isinstance(table, Mapping):
        return None
    return Section(file, ".".join(path), table, _toml_lines(read_text(file), path))


def _toml_lines(text: str, path: tuple[str, ...]) -> dict[str, int]:
    """Returns the lines of the keys of a table.

    Read from the text, since tomllib does not tell them. Where a key is written in an unusual way (dotted,
    quoted), its line is missing here, and the place is told without a line.
    """
    lines: dict[str, int] = {}
    current: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([\w.\-\s\"]+?)\s*\]\s*(?:#.*)?$", line):
            current = tuple(part.strip().strip('"') for part in header[1].split("."))
        elif current == path and (key := re.match(r"\s*([\w-]+)\s*=", line)):
            lines.setdefault(key[1], number)
    return lines


def _cannot(file: Path, line: int, what: str) -> Wrong:
    path = show_path(str(file))
    return Wrong(f"{path}:{line}: {what}", f"mend line {line} of {path}, then interlace doctor")
