"""Which configuration pytest would use, found the way pytest finds it, and what it says.

pytest is not imported: this reads a suite for which it may not even be installed.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interlace.cli.doctor.written import Section, read_ini, read_toml, toml_section
from interlace.cli.target import Wrong
from interlace.model.source import show_path

_NAMES = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_NAMES_SINCE_9 = ("pytest.toml", ".pytest.toml")
_OWN = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
"""Files that count even where they say nothing."""

TAKE_OVER = "INTERLACE_TAKE_OVER"
_LISTS = {"interlace_take_over", "addopts", "testpaths"}


@dataclass(frozen=True)
class Settings:
    """The configuration of a suite.

    Args:
        root: pytest's rootdir.
        section: where the options stand; None: nowhere.
        native: whether lists are written as lists of TOML.
        typed: the options of pytest's command line that are always given: addopts, and PYTEST_ADDOPTS.
        environment: the variables that count.
    """

    root: Path
    section: Section | None
    native: bool = False
    typed: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str, option: str | None = None) -> str | None:
        """Returns the value of an ini option as text; None if it is not given.

        Args:
            name: of the ini option.
            option: of the command line, which goes before it.
        """
        given = self.option(option) if option else None
        if given is not None:
            return given
        for override in reversed(self.options("-o", "--override-ini")):
            key, _, value = override.partition("=")
            if key.strip() == name:
                return value.strip()
        value = self._value(name)
        if value is None:
            return None
        return " ".join(map(str, value)) if isinstance(value, list) else str(value).strip()

    def words(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Returns the value of an ini option that is a list."""
        value = self._value(name)
        if value is None:
            return default
        return tuple(map(str, value)) if isinstance(value, list) else tuple(_split(str(value), name))

    def line(self, name: str) -> int | None:
        """Returns the line where an ini option is given."""
        return None if self.section is None else self.section.lines.get(name)

    def option(self, name: str) -> str | None:
        """Returns the last value of an option of the command line."""
        found = self.options(name)
        return found[-1] if found else None

    def options(self, *names: str) -> list[str]:
        """Returns all values of an option of the command line, in any of its spellings."""
        found: list[str] = []
        for number, word in enumerate(self.typed):
            for name in names:
                if word == name and number + 1 < len(self.typed):
                    found.append(self.typed[number + 1])
                elif name.startswith("--") and word.startswith(name + "="):
                    found.append(word.partition("=")[2])
                elif not name.startswith("--") and word.startswith(name) and word != name:
                    found.append(word[len(name) :])
        return found

    @property
    def take_over(self) -> tuple[str, ...]:
        """The plugins in whose place interlace is told to run tests already."""
        named = self.environment.get(TAKE_OVER, "").replace(",", " ").split()
        return (*self.words("interlace_take_over"), *named)

    @property
    def where(self) -> str:
        """Where an option is to be written, in words."""
        if self.section is None:
            return "a new file pytest.ini, below the line [pytest]"
        return f"[{self.section.name}] of {show_path(str(self.section.file))}"

    def spell(self, name: str, value: str) -> str:
        """Returns the line to type that gives an ini option a value."""
        if self.section is None or self.section.file.suffix != ".toml":
            return f"{name} = {value}"
        if self.native and name in _LISTS:
            return f"{name} = {json.dumps(value.split())}"
        return f'{name} = "{value}"'

    def _value(self, name: str) -> Any:
        return None if self.section is None else self.section.values.get(name)


def find_settings(start: Path, environment: Mapping[str, str], pytest_version: tuple[int, ...]) -> Settings:
    """Returns the configuration that pytest uses for a suite.

    Args:
        start: the directory of the suite, or a file of it.
        environment: of the process.
        pytest_version: the newest files are not read by older versions.

    Raises:
        UsageError: a configuration that pytest could not read either.
    """
    directory = start if start.is_dir() else start.parent
    root, section = _locate(directory, pytest_version)
    if root is None:
        above = (one for one in (directory, *directory.parents) if (one / "setup.py").is_file())
        root = next(above, None) or _common(Path.cwd(), directory)
    native = (
        section is not None and section.file.suffix == ".toml" and not section.name.endswith("ini_options")
    )
    settings = Settings(root, section, native)
    typed = (*settings.words("addopts"), *_split(environment.get("PYTEST_ADDOPTS", ""), "PYTEST_ADDOPTS"))
    return Settings(root, section, native, typed, environment)


def _locate(directory: Path, version: tuple[int, ...]) -> tuple[Path | None, Section | None]:
    names = (*(_NAMES_SINCE_9 if version >= (9,) else ()), *_NAMES)
    pyproject: Path | None = None
    for base in (directory, *directory.parents):
        for name in names:
            file = base / name
            if not file.is_file():
                continue
            if name == "pyproject.toml" and pyproject is None:
                pyproject = file
            section = _read(file, version)
            if section is not None:
                return base, section
    if pyproject is None:
        return None, None
    return pyproject.parent, Section(pyproject, "tool.pytest.ini_options", {}, {})


def _read(file: Path, version: tuple[int, ...]) -> Section | None:
    """Returns the section of a file that is pytest's; None if the file does not count."""
    if file.name == "pyproject.toml":
        return _read_pyproject(file, version)
    if file.suffix == ".toml":
        document = read_toml(file)
        loose = [key for key, value in document.items() if not isinstance(value, dict)]
        if loose and "pytest" not in document:
            path = show_path(str(file))
            raise Wrong(
                f"{path}: {loose[0]} stands outside of the table [pytest]", f"put [pytest] on top of {path}"
            )
        return toml_section(file, document, "pytest") or Section(file, "pytest", {}, {})
    sections = read_ini(file)
    name = "tool:pytest" if file.suffix == ".cfg" else "pytest"
    if name != "pytest" and name not in sections and "pytest" in sections:
        path = show_path(str(file))
        raise Wrong(
            f"{path}: pytest refuses the section [pytest] in this file", f"call it [tool:pytest] in {path}"
        )
    return sections.get(name) or (Section(file, name, {}, {}) if file.name in _OWN else None)


def _read_pyproject(file: Path, version: tuple[int, ...]) -> Section | None:
    document = read_toml(file)
    ini = toml_section(file, document, "tool", "pytest", "ini_options")
    if version < (9,):
        return ini
    whole = toml_section(file, document, "tool", "pytest")
    native = (
        {} if whole is None else {key: value for key, value in whole.values.items() if key != "ini_options"}
    )
    if whole is None or not native:
        return ini
    if ini is not None and ini.values:
        path = show_path(str(file))
        raise Wrong(
            f"{path}: it has both [tool.pytest] and [tool.pytest.ini_options], and pytest takes only one",
            f"move all options of {path} to [tool.pytest]",
        )
    return Section(file, whole.name, native, whole.lines)


def _common(one: Path, other: Path) -> Path:
    try:
        shared = Path(os.path.commonpath([one, other]))
    except ValueError:  # another drive on Windows
        return other
    return other if shared == Path(shared.anchor) else shared


def _split(text: str, name: str) -> list[str]:
    if name not in ("addopts", "PYTEST_ADDOPTS") and "\n" in text and " " not in text:
        return text.split()
    try:
        return shlex.split(text)
    except ValueError as error:
        raise Wrong(f"{name} cannot be split into words: {error}", f"close the quotes in {name}") from error
