"""The private names of pytest that reports and captured output rely on; `compat.py` has the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from _pytest._code.code import (
    ReprEntryNative,
    ReprExceptionInfo,
    ReprFileLocation,
    ReprTraceback,
    TerminalRepr,
)
from _pytest._io import TerminalWriter


class Output(NamedTuple):
    """What one run of a test has written.

    Args:
        stdout: to standard output.
        stderr: to standard error.
        log: to the logging of the standard library, as a report shows it.
    """

    stdout: str = ""
    stderr: str = ""
    log: str = ""


def drain_output(config: pytest.Config) -> Output:
    """Returns what was captured since the last call, and forgets it."""
    out = err = log = ""
    capture: Any = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None and capture.is_globally_capturing():
        out, err = capture.read_global_capture()
    logs: Any = config.pluginmanager.get_plugin("logging-plugin")
    if logs is not None:
        log = logs.report_handler.stream.getvalue().strip()
        logs.report_handler.reset()
    return Output(out, err, log)


# -- the report ------------------------------------------------------------------------------------


@contextmanager
def frames_filtered(item: pytest.Function, keep: Callable[[str], bool]) -> Iterator[None]:
    """Leaves out of the tracebacks of a test the frames of files that `keep` says no to.

    Within the block; chained exceptions included. Where no frame is left, none is shown.
    """
    ordinary = item._traceback_filter

    def _filter(excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
        return ordinary(excinfo).filter(lambda entry: keep(str(entry.path)))

    item._traceback_filter = _filter  # type: ignore[method-assign]
    try:
        yield
    finally:
        del item._traceback_filter


class Told(ReprExceptionInfo):
    """A failure as text, which pytest can print, send to another process and put into XML.

    Args:
        plain: the text.
        colored: the same for a terminal that shows colours.
        crash: where and with which message the test failed; None if that is not known.
        ordinary: pytest's own account, printed below; None: not printed.
    """

    def __init__(
        self, plain: str, colored: str, crash: ReprFileLocation | None, ordinary: TerminalRepr | None = None
    ) -> None:
        text = plain if ordinary is None else f"{plain}\n\n{ordinary}"
        entry = ReprEntryNative([f"{text}\n"])
        super().__init__(ReprTraceback([entry], None, "native"), crash)
        self._colored = colored
        self._ordinary = ordinary

    def toterminal(self, tw: TerminalWriter) -> None:
        """Writes the text."""
        if not tw.hasmarkup:
            super().toterminal(tw)
            return
        tw.write(self._colored + "\n")
        if self._ordinary is not None:
            tw.line()
            self._ordinary.toterminal(tw)


def tell(report: pytest.TestReport, plain: str, colored: str, *, ordinary: bool) -> None:
    """Puts a text in the place of the account that pytest gives of a failure.

    Args:
        report: the report of the failed test.
        plain: the text.
        colored: the same for a terminal that shows colours.
        ordinary: whether pytest's own account stands below.
    """
    longrepr: Any = report.longrepr
    crash = getattr(longrepr, "reprcrash", None)
    told = Told(plain, colored, crash, longrepr if ordinary and isinstance(longrepr, TerminalRepr) else None)
    report.longrepr = told
