"""The pytest plugin: the hooks that pytest calls, each of them a few lines.

This file is loaded in every pytest session of a machine that has interlace installed, so it imports
nothing but the options and the fixture; the rest is loaded when the first async test shows up.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest

from interlace.errors import UsageError
from interlace.plugin.compat import item_of, parse_again
from interlace.plugin.fixtures import STAGE, refuse_async_fixture, world
from interlace.plugin.options import (
    MARKERS,
    OPTIONS,
    add_options,
    check_markers,
    is_async,
    read_options,
    split_explore,
)

__all__ = ["world"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the options."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Reads `--explore tests/` as it was meant."""
    if split_explore(args):
        parse_again(early_config, parser, args)


def pytest_configure(config: pytest.Config) -> None:
    """Checks the options and declares the markers."""
    for line in MARKERS:
        config.addinivalue_line("markers", line)
    config.stash[OPTIONS] = read_options(config)
    config.pluginmanager.register(Tally(), "interlace-tally")


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Checks the markers of the tests that were just collected."""
    found = yield
    try:
        for item in found if isinstance(found, list) else (found,):
            if isinstance(item, pytest.Function):
                check_markers(item)
    except UsageError as error:
        raise collector.CollectError(str(error)) from None
    return found


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Takes the tests that are ours; last, since the plugin of anyio still replaces tests here."""
    options = session.config.stash[OPTIONS]
    for item in session.items:
        if isinstance(item, pytest.Function) and is_async(item):
            from interlace.plugin.runner import claim

            claim(item, options)


def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    """Says what to do about an async fixture that nobody has taken charge of."""
    item = item_of(request)
    if STAGE in item.stash:
        refuse_async_fixture(item, fixturedef)


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs an async test that nobody asked us to run: the hooks of a conftest.py come before this one."""
    stage = pyfuncitem.stash.get(STAGE, None)
    if stage is None or not is_async(pyfuncitem):
        return None
    stage.run()
    return True


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts the report in the place of the traceback."""
    stage = item.stash.get(STAGE, None)
    if stage is None:
        return (yield)
    from interlace.plugin.explore import present, presenting

    with presenting(stage, call):
        report = yield
    if call.when == "teardown":
        stage.forget()
    elif call.when == "call" and call.excinfo is not None:
        present(stage, report, call.excinfo.value)
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, Any] | None:
    """Says after PASSED how far an exploration went."""
    if getattr(report, "when", None) != "call" or report.outcome != "passed" or hasattr(report, "wasxfail"):
        return None
    properties = dict(report.user_properties)
    if "interlace.verdict" not in properties:
        return None
    extent = str(properties["interlace.verdict"]).partition(", ")[2]
    return "passed", ".", (f"PASSED [{extent}]", {"green": True})


@dataclass(eq=False)
class Tally:
    """Counts over the session, from the reports: those of other processes arrive here too."""

    tests: int = 0
    schedules: int = 0
    failed: int = 0
    latent: int = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts one test."""
        properties = dict(report.user_properties) if report.when == "call" else {}
        if "interlace.runs" in properties:
            self.tests += 1
            self.schedules += int(str(properties["interlace.runs"]))
            self.failed += str(properties["interlace.verdict"]).startswith("failed")
            self.latent += "interlace.latent" in properties

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Writes the line at the end of the session."""
        if not self.tests:
            return
        line = f"interlace: {_many(self.tests, 'test')} explored, {_many(self.schedules, 'schedule')}"
        line += f", {self.failed} failed" if self.failed else ""
        line += f", {self.latent} latent" if self.latent else ""
        terminalreporter.write_line(line, red=bool(self.failed), yellow=bool(self.latent and not self.failed))


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
