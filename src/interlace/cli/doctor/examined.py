"""Everything that was read of a suite, in one place: what the checks look at and the reports show."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from interlace.cli.doctor.claims import ASYNCIO, STOCK, Claim, Rules, Seen, see
from interlace.cli.doctor.collecting import Suite
from interlace.cli.doctor.facts import Edit, Fixture, Function, Mark, Module, Spot, Test
from interlace.cli.doctor.installed import Installed
from interlace.cli.doctor.settings import Settings

SCOPES = ("function", "class", "module", "package", "session")


@dataclass(frozen=True)
class Case:
    """One async test.

    Args:
        module: where it stands.
        seen: the test and its fixtures.
        claim: who runs it.
    """

    module: Module
    seen: Seen
    claim: Claim

    @property
    def test(self) -> Test:
        """The test."""
        return self.seen.test


@dataclass(frozen=True)
class Place:
    """One place to change.

    Args:
        spot: where.
        about: the name of the test or fixture, or what stands there now.
        edits: the lines to type there, in order; none where there is nothing to type.
        delete: the last line of a piece that begins at the spot and is to be deleted; 0: none.
    """

    spot: Spot
    about: str
    edits: tuple[Edit, ...] = ()
    delete: int = 0


@dataclass(frozen=True)
class Change:
    """Something to change, or worth to know.

    Args:
        code: its name, for machines.
        title: what and why.
        places: where.
        setting: where to write which line of configuration; None: none.
        must: whether it is wrong as it is; else it is only worth to know.
    """

    code: str
    title: str
    places: tuple[Place, ...] = ()
    setting: tuple[str, str] | None = None
    must: bool = True


@dataclass(frozen=True)
class Examined:
    """A suite, read.

    Args:
        start: what was named on the command line.
        settings: the configuration.
        installed: the packages.
        suite: the files.
        rules: who runs what.
        cases: the async tests.
        sync: the other tests, each with the file it stands in.
    """

    start: Path
    settings: Settings
    installed: Installed
    suite: Suite
    rules: Rules
    cases: tuple[Case, ...]
    sync: tuple[tuple[Module, Seen], ...]

    @property
    def fixtures(self) -> tuple[Fixture, ...]:
        """The fixtures of the suite, each once."""
        found = (one for module in self.suite.all_modules for one in module.fixtures)
        return tuple({one.function.spot: one for one in found}.values())

    @property
    def async_fixtures(self) -> tuple[Fixture, ...]:
        """Those of them that are async."""
        return tuple(one for one in self.fixtures if one.function.is_async)

    @property
    def functions(self) -> list[Function]:
        """The functions of all tests and fixtures, each once."""
        tests = [*(case.test for case in self.cases), *(seen.test for _, seen in self.sync)]
        fixtures = (one.function for one in self.fixtures if one.name != "event_loop")
        found = {one.spot: one for one in (*(test.function for test in tests), *fixtures)}
        return sorted(found.values(), key=lambda one: (str(one.spot.file), one.spot.line))

    def marks(self, name: str) -> list[Mark]:
        """Returns the markers of this name, each once."""
        tests = [*(case.test for case in self.cases), *(seen.test for _, seen in self.sync)]
        found = {mark.spot: mark for test in tests for mark in test.marks if mark.name == name}
        return sorted(found.values(), key=lambda mark: (str(mark.spot.file), mark.spot.line))

    def fixture_loop(self, fixture: Fixture) -> str:
        """Returns the scope of the loop that an async fixture asks for; "" if that is not written out."""
        default = self.settings.text("asyncio_default_fixture_loop_scope") or ""
        return fixture.loop_scope or ("" if default == "fixture-scope" else default) or fixture.scope

    def test_loop(self, case: Case) -> str:
        """Returns the scope of the loop that an async test runs on."""
        mark = case.test.mark("asyncio")
        given = mark.arguments.get("loop_scope", mark.arguments.get("scope")) if mark is not None else None
        if isinstance(given, str):
            return given
        scopes = [self.settings.text("asyncio_default_test_loop_scope") or "function"]
        if case.claim.beside != ASYNCIO:
            # interlace runs a test on the widest loop of its fixtures; what a fixture says itself of its loop is
            # taken literally by a test that is marked for asyncio.
            default = self.settings.text("asyncio_default_fixture_loop_scope") or ""
            for one in case.seen.fixtures:
                if one.function.is_async and not one.loop_scope:
                    scopes += [default, one.scope]
                elif one.function.is_async and mark is None:
                    scopes.append(one.loop_scope)
        return max(scopes, key=_width)

    def wider_fixtures(self, case: Case) -> list[Fixture]:
        """Returns the async fixtures of a test whose loop is not that of the test, the widest first."""
        if case.claim.beside not in (ASYNCIO, STOCK):
            return []
        own = _width(self.test_loop(case))
        loops = [(_width(self.fixture_loop(one)), one) for one in case.seen.fixtures if one.function.is_async]
        wider = [(width, one) for width, one in loops if width > own]
        return [one for _, one in sorted(wider, key=lambda pair: -pair[0])]


def examine(start: Path, settings: Settings, installed: Installed) -> Examined:
    """Returns what there is to know of a suite."""
    # Syntax trees are many small objects that stay until the end: looking for garbage takes longer than parsing.
    collects = gc.isenabled()
    gc.disable()
    try:
        suite = Suite(start, settings)
    finally:
        if collects:
            gc.enable()
    rules = Rules(settings, installed)
    cases, sync = [], []
    for module, seen in _all_tests(suite):
        if seen.test.function.is_async:
            cases.append(Case(module, seen, rules.claim(seen)))
        else:
            sync.append((module, seen))
    return Examined(start, settings, installed, suite, rules, tuple(cases), tuple(sync))


def _all_tests(suite: Suite) -> Iterator[tuple[Module, Seen]]:
    for module in suite.modules:
        marks_all = suite.marks_all(module)
        for test in module.tests:
            added = marks_all if test.function.is_async else frozenset[str]()
            yield module, see(test, suite.fixtures(module, test), added)


def _width(scope: str) -> int:
    return SCOPES.index(scope) if scope in SCOPES else -1
