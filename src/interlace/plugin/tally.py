"""Counts over a session, from the reports: those of other processes arrive here too."""

from __future__ import annotations

from collections import Counter

import pytest

from interlace.plugin.watch import ALONE, NOTED, PENDING, UNEXPLORED

_NAMED = 5
"""How many tests are named in a line of the summary."""


class Tally:
    """Counts over the session."""

    def __init__(self) -> None:
        self.tests = self.schedules = self.failed = self.latent = 0
        self.outside: list[tuple[str, str]] = []
        self.alone: Counter[str] = Counter()
        self.unexplored: Counter[str] = Counter()
        self.pending: list[tuple[str, int]] = []
        self.noted: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Counts one test."""
        if not report.user_properties:
            return
        properties = dict(report.user_properties)
        if report.when == "teardown":
            if PENDING in properties:
                self.pending.append((report.nodeid, int(str(properties[PENDING]))))
            if NOTED in properties:
                self.noted.append((report.nodeid, str(properties[NOTED])))
            if ALONE in properties:
                self.alone[str(properties[ALONE])] += 1
            if UNEXPLORED in properties:
                self.unexplored[str(properties[UNEXPLORED])] += 1
            if "interlace.outside" in properties:
                self.outside.append((report.nodeid, str(properties["interlace.outside"])))
        elif report.when == "call" and "interlace.runs" in properties:
            self.tests += 1
            self.schedules += int(str(properties["interlace.runs"]))
            self.failed += str(properties["interlace.verdict"]).startswith("failed")
            self.latent += "interlace.latent" in properties

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Writes the lines at the end of the session."""
        write = terminalreporter.write_line
        for nodeid, reason in self.outside[:_NAMED]:
            write(f"interlace: {nodeid} was run once, plainly, since {reason}")
        if len(self.outside) > _NAMED:
            write(f"interlace: and {_many(len(self.outside) - _NAMED, 'test')} more were run once, plainly")
        for reason, count in self.alone.items():
            write(f"interlace: {_many(count, 'test')} did not overlap with others: {reason}")
        for reason, count in self.unexplored.items():
            write(f"interlace: {_many(count, 'test')} not explored: {reason}")
        if self.pending:
            tasks = sum(count for _, count in self.pending)
            names = ", ".join(nodeid for nodeid, _ in self.pending[:_NAMED])
            more = ", ..." if len(self.pending) > _NAMED else ""
            write(
                f"interlace: {_many(len(self.pending), 'test')} left {_many(tasks, 'task')} pending, "
                f"which were cancelled: {names}{more}"
            )
        if self.noted:
            names = ", ".join(f"{nodeid} ({what})" for nodeid, what in self.noted[:_NAMED])
            more = ", ..." if len(self.noted) > _NAMED else ""
            write(
                f"interlace: something went wrong in the background of {_many(len(self.noted), 'test')}, which "
                f"interlace_background=error would fail: {names}{more}"
            )
        if not self.tests:
            return
        line = f"interlace: {_many(self.tests, 'test')} explored, {_many(self.schedules, 'schedule')}"
        line += f", {self.failed} failed" if self.failed else ""
        line += f", {self.latent} latent" if self.latent else ""
        write(line, red=bool(self.failed), yellow=bool(self.latent and not self.failed))


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
