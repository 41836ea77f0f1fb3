"""Who runs a test: without interlace, with it, and with interlace in the place of other plugins.

The rules are those of the plugins themselves, as far as they can be read from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from interlace.cli.doctor.facts import UNKNOWN, Fixture, Test
from interlace.cli.doctor.installed import Installed, numbers
from interlace.cli.doctor.settings import Settings

STOCK = "interlace"
SIMULATED = "interlace, simulated"
ASYNCIO = "pytest-asyncio"
UNITTEST = "unittest"
NOBODY = "nobody: fails"
SKIPPED = "nobody: skipped"

_OTHER_MARKS = {
    "trio": "pytest-trio",
    "curio": "pytest-curio",
    "gen_test": "pytest-tornado",
    "asyncio_cooperative": "pytest-asyncio-cooperative",
}
_TWISTED = ("ensureDeferred", "inlineCallbacks")


@dataclass(frozen=True)
class Claim:
    """Who runs one test.

    Args:
        kind: how the test is written, in words.
        without: who runs it where interlace is not installed.
        beside: who runs it where interlace is installed, as things are configured.
        instead: who runs it where interlace takes over.
    """

    kind: str
    without: str
    beside: str
    instead: str


@dataclass(frozen=True)
class Seen:
    """One test with what is known around it.

    Args:
        test: the test.
        names: all fixtures that it gets, those that its fixtures ask for included.
        fixtures: those of them that stand in the suite.
        marks: the names of its markers, those included that hooks may add.
    """

    test: Test
    names: frozenset[str]
    fixtures: tuple[Fixture, ...]
    marks: frozenset[str]


def see(test: Test, known: Mapping[str, list[Fixture]], marks_all: frozenset[str]) -> Seen:
    """Returns a test with its fixtures and markers.

    Args:
        test: the test.
        known: the fixtures that it can ask for.
        marks_all: the markers that hooks may put on it.
    """
    waiting = [(name, None) for name in test.wants]
    waiting += [(name, None) for name, found in known.items() if found[-1].autouse]
    seen: dict[int, Fixture] = {}
    names: set[str] = set()
    queue: list[tuple[str, Fixture | None]] = list(waiting)
    while queue:
        name, asker = queue.pop()
        names.add(name)
        found = known.get(name, [])
        # A fixture that asks for its own name gets the one that it overrides.
        above = found[: found.index(asker)] if asker in found else found
        if above and id(above[-1]) not in seen:
            seen[id(above[-1])] = above[-1]
            queue += [(one, above[-1]) for one in above[-1].function.wants]
    marks = frozenset(mark.name for mark in test.marks) | marks_all
    return Seen(test, frozenset(names), tuple(seen.values()), marks)


class Rules:
    """Who runs what in one suite.

    Args:
        settings: the configuration.
        installed: the plugins.
    """

    def __init__(self, settings: Settings, installed: Installed) -> None:
        self._settings = settings
        self._installed = installed
        self.asyncio = installed.active("pytest-asyncio") is not None
        self.anyio = installed.active("anyio") is not None
        self.asyncio_mode = settings.text("asyncio_mode", "--asyncio-mode") or ""
        self.simulated = settings.text("interlace_world") == "simulated"
        fails = numbers(installed.pytest) >= (8, 4) if installed.pytest else True
        self._nobody = NOBODY if fails else SKIPPED

    def mode(self, *, taken: bool) -> str:
        """Returns the mode in which interlace would be: auto or strict.

        Args:
            taken: whether it stands in for pytest-asyncio.
        """
        inherited = self.asyncio_mode if taken or not self.asyncio else ""
        return self._settings.text("interlace_mode") or inherited or "auto"

    def claim(self, seen: Seen) -> Claim:
        """Returns who runs a test."""
        kind = _kind(seen)
        test = seen.test
        if test.owner in ("unittest", "isolated"):
            who = UNITTEST if test.owner == "isolated" else "nobody: never awaited"
            marked = who == UNITTEST and bool(seen.marks & {"interlace", "explore"})
            return Claim(kind, who, SIMULATED, SIMULATED) if marked else Claim(kind, who, who, who)
        if test.function.has_yield:
            return Claim(kind, "nobody: it has a yield", "nobody: it has a yield", "nobody: it has a yield")
        without = self._without(seen)
        now = set(self._settings.take_over)
        beside = self._with(seen, now)
        return Claim(kind, without, beside, self._with(seen, {"asyncio", "anyio"}))

    def _without(self, seen: Seen) -> str:
        return (
            self._other(seen)
            or self._by_asyncio(seen)
            or self._by_anyio(seen)
            or self._leftover()
            or self._nobody
        )

    def _with(self, seen: Seen, taken: set[str]) -> str:
        """Returns who runs a test where interlace is installed and has taken these over."""
        own = bool(seen.marks & {"interlace", "explore"}) or any(
            name in seen.names and all(one.name != name for one in seen.fixtures)
            for name in ("world", "clock")
        )
        if own:
            return SIMULATED
        other = self._other(seen)
        if other:
            return other
        if "asyncio" not in taken and (by := self._by_asyncio(seen)):
            return by
        if "anyio" not in taken and (by := self._by_anyio(seen)):
            return by
        if leftover := self._leftover():
            return leftover
        marked = "asyncio" in seen.marks or self._is_anyio(seen)
        if self.mode(taken="asyncio" in taken) == "strict" and not marked:
            return self._nobody
        trio = "anyio" in taken and "trio" in self.backends(seen) and self._is_anyio(seen)
        return f"{SIMULATED if self.simulated else STOCK}{' (Trio: by anyio)' if trio else ''}"

    # -- the others --------------------------------------------------------------------------------

    def _other(self, seen: Seen) -> str:
        """Returns the plugin for another loop that a test is written for; "" if it is for asyncio."""
        for mark, package in _OTHER_MARKS.items():
            if mark in seen.marks:
                return package if self._installed.active(package) else self._nobody
        if any(name.rpartition(".")[2] in _TWISTED for name in seen.test.decorators):
            return "pytest-twisted" if self._installed.active("pytest-twisted") else self._nobody
        if self._settings.text("trio_mode") in ("true", "True", "1") and self._installed.active(
            "pytest-trio"
        ):
            return "pytest-trio"
        return ""

    def _by_asyncio(self, seen: Seen) -> str:
        return ASYNCIO if self.asyncio and ("asyncio" in seen.marks or self.asyncio_mode == "auto") else ""

    def _by_anyio(self, seen: Seen) -> str:
        if not self.anyio or not self._is_anyio(seen):
            return ""
        return f"anyio ({', '.join(self.backends(seen)) or 'backend not told'})"

    def _is_anyio(self, seen: Seen) -> bool:
        auto = self.anyio and self._settings.text("anyio_mode", "--anyio-mode") == "auto"
        return auto or "anyio" in seen.marks or "anyio_backend" in seen.names

    def backends(self, seen: Seen) -> tuple[str, ...]:
        """Returns the backends of anyio that a test runs on, as far as they are written out."""
        fixture = next((one for one in seen.fixtures if one.name == "anyio_backend"), None)
        if fixture is None:
            return ("asyncio", "trio") if "trio" in self._installed.others else ("asyncio",)
        values = fixture.value if isinstance(fixture.value, (list, tuple)) else []
        names = [one[0] if isinstance(one, tuple) and one else one for one in values]
        return tuple(name for name in names if isinstance(name, str)) if UNKNOWN not in names else ()

    def _leftover(self) -> str:
        """Returns the plugin that takes every async test that is left."""
        return "pytest-tornasync" if self._installed.active("pytest-tornasync") else ""


def without_take_over(settings: Settings) -> Settings:
    """Returns the same configuration with nothing taken over."""
    section = settings.section
    if section is not None:
        values = {key: value for key, value in section.values.items() if key != "interlace_take_over"}
        section = replace(section, values=values)
    return replace(settings, section=section, environment={})


def _kind(seen: Seen) -> str:
    test = seen.test
    if test.owner == "isolated":
        return "IsolatedAsyncioTestCase"
    if test.owner == "unittest":
        return "async in unittest.TestCase"
    if test.function.has_yield:
        return "async with a yield"
    for mark in (
        "explore",
        "interlace",
        "trio",
        "curio",
        "gen_test",
        "asyncio_cooperative",
        "asyncio",
        "anyio",
    ):
        if mark in seen.marks:
            return f"marked {mark}"
    for fixture in ("world", "clock", "anyio_backend"):
        if fixture in seen.names:
            return f"uses {fixture}"
    return "no marker"
