"""What was measured, at the end of the session."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Counts(), "cpython-counts")


class Counts:
    """Collects what the tests have recorded."""

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and "tests/cpython" in report.nodeid:
            self.lines |= {name: str(value) for name, value in report.user_properties}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name, value in self.lines.items():
            terminalreporter.write_line(f"{name}: {value}")
