"""What the files of a suite say, as plain data: tests, fixtures, markers, and calls that matter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from interlace.model.source import show_path

Owner = Literal["", "class", "unittest", "isolated"]
"""What a function stands in: the module, a class, a unittest.TestCase, an IsolatedAsyncioTestCase."""

UNKNOWN: Any = object()
"""In the place of a value that is not written out in the source."""


@dataclass(frozen=True)
class Spot:
    """A line of a file.

    Args:
        file: the file.
        line: its number; 0: not known.
    """

    file: Path
    line: int

    def __str__(self) -> str:
        path = show_path(str(self.file))
        return f"{path}:{self.line}" if self.line else path


@dataclass(frozen=True)
class Edit:
    """A line of a file as it should be.

    Args:
        spot: which line.
        text: what to type in its place.
    """

    spot: Spot
    text: str


@dataclass(frozen=True)
class Mark:
    """A marker.

    Args:
        name: what follows `pytest.mark.`.
        spot: where it stands.
        count: how many arguments without a name it has.
        arguments: those with a name; UNKNOWN where the value is not written out.
        first: its first argument without a name.
        line: the line it stands on in three parts: what is before it, its name as written, what is after it.
            Empty if it stands on several lines.
    """

    name: str
    spot: Spot
    count: int = 0
    arguments: Mapping[str, Any] = field(default_factory=dict)
    first: Any = None
    line: tuple[str, str, str] = ("", "", "")

    def with_loop(self, scope: str) -> str:
        """Returns the line with `loop_scope=` in it; "" if the marker stands on several lines."""
        before, called, after = self.line
        kept = {key: value for key, value in self.arguments.items() if key not in ("scope", "loop_scope")}
        if not called or UNKNOWN in kept.values():
            return ""
        arguments = ", ".join(
            f"{key}={_spell(value)}" for key, value in {"loop_scope": scope, **kept}.items()
        )
        return f"{before}{called}({arguments}){after}"


def _spell(value: object) -> str:
    """Spells a value as source, text as a formatter would."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


@dataclass(frozen=True)
class Use:
    """A call that matters.

    Args:
        kind: what is called: "asyncio.run", "run_until_complete", "time.sleep", "clock", "get_event_loop".
        call: as it is written.
        edit: the line as it should be; "" if that cannot be told.
        spot: where.
    """

    kind: str
    call: str
    edit: str
    spot: Spot


@dataclass(frozen=True)
class Function:
    """A test or a fixture, or a method that may be one.

    Args:
        name: with that of its class before it.
        spot: where it is defined.
        is_async: whether it is `async def`.
        has_yield: whether it is an async generator.
        wants: the fixtures in its arguments.
        uses: the calls that matter in it, those of functions nested in it that may run elsewhere left out.
        body: the lines between which it stands, decorators included.
        without_loop: its first lines without the argument event_loop.
        runs_loop: whether it uses the argument event_loop.
    """

    name: str
    spot: Spot
    is_async: bool
    has_yield: bool
    wants: tuple[str, ...]
    uses: tuple[Use, ...]
    body: tuple[int, int]
    without_loop: str = ""
    runs_loop: bool = False


@dataclass(frozen=True)
class Test:
    """A test.

    Args:
        function: what it runs.
        marks: its markers, the closest first.
        owner: what it stands in.
        decorators: the dotted names of what else decorates it.
    """

    function: Function
    marks: tuple[Mark, ...]
    owner: Owner
    decorators: tuple[str, ...] = ()

    def mark(self, name: str) -> Mark | None:
        """Returns the closest marker of this name."""
        return next((mark for mark in self.marks if mark.name == name), None)

    @property
    def wants(self) -> tuple[str, ...]:
        """The fixtures that it names, in its arguments and in markers."""
        named = [
            mark.first for mark in self.marks if mark.name == "usefixtures" and isinstance(mark.first, str)
        ]
        return (*self.function.wants, *named)


@dataclass(frozen=True)
class Fixture:
    """A fixture.

    Args:
        name: under which tests ask for it.
        function: what it runs.
        by: the decorator: "pytest", "pytest_asyncio" or "interlace".
        scope: its own; "" if it is not written out.
        loop_scope: of its loop; "" if it does not say.
        autouse: whether every test has it.
        holder: the class it stands in; "" for none.
        value: what it returns, or its parameters, where that is written out.
        decorator: where the decorator stands, and how it reads with another package before it.
    """

    name: str
    function: Function
    by: Literal["pytest", "pytest_asyncio", "interlace"]
    scope: str
    loop_scope: str
    autouse: bool
    holder: str
    value: Any
    decorator: Edit


@dataclass(frozen=True)
class Module:
    """A file.

    Args:
        file: the file.
        tests: the tests in it.
        fixtures: the fixtures in it, those that it imports included.
        marks_all: the markers that a hook in it puts on tests.
        error: why it could not be read; "" if it could.
        error_line: where.
    """

    file: Path
    tests: tuple[Test, ...] = ()
    fixtures: tuple[Fixture, ...] = ()
    marks_all: frozenset[str] = frozenset()
    error: str = ""
    error_line: int = 0
