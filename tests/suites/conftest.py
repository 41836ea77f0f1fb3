"""The table at the end of the session."""

import pytest

COLUMNS = (
    "suite",
    "stock passed",
    "ours passed",
    "excused",
    "explored passed",
    "explored deviates",
    "seconds",
)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Table(), "suites-table")


class Table:
    """Collects what the tests have recorded; those of other processes arrive here too."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = {name: str(value) for name, value in report.user_properties}
        if report.when == "call" and "suite" in told:
            self.rows.setdefault(told["suite"], {}).update(told)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.rows:
            return
        lines = [
            COLUMNS,
            *(tuple(row.get(name, "-") for name in COLUMNS) for _, row in sorted(self.rows.items())),
        ]
        widths = [max(map(len, column)) for column in zip(*lines)]
        for line in lines:
            terminalreporter.write_line(
                "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
            )
