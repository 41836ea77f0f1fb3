"""Every private name of pytest that interlace relies on, and nothing else.

`tests/plugin/test_compat.py` fails on the day one of them vanishes. What they are needed for: pytest
sets a test up once and then calls it once; we set it up anew for each of its runs.
"""

from __future__ import annotations

import copy
import functools
import shutil
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
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
from _pytest.logging import caplog_handler_key, caplog_records_key
from _pytest.tmpdir import tmppath_result_key

# -- options ---------------------------------------------------------------------------------------


def parse_again(config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Reads the command line again after it was changed, for those who look at it early."""
    config.known_args_namespace = parser.parse_known_args(args, namespace=copy.copy(config.option))


# -- what a test asks for --------------------------------------------------------------------------


def item_of(request: pytest.FixtureRequest) -> pytest.Function:
    """Returns the test that a fixture is set up for, whatever the scope of the fixture."""
    return request._pyfuncitem


def arguments_of(item: pytest.Function) -> dict[str, Any]:
    """Returns what the test function is called with."""
    return {name: item.funcargs[name] for name in item._fixtureinfo.argnames}


def fixture_origin(item: pytest.Function, name: str) -> str:
    """Returns the module of the fixture that a test gets under this name; "" if it asks for none."""
    found = item._fixtureinfo.name2fixturedefs.get(name)
    return getattr(found[-1].func, "__module__", "") if found else ""


def fill_shared_fixtures(item: pytest.Function) -> None:
    """Sets up the fixtures of a test that it shares with other tests, where that is not done yet."""
    known = item._fixtureinfo.name2fixturedefs
    for name in item.fixturenames:
        if name not in item.funcargs and name in known and known[name][-1].scope != "function":
            item.funcargs[name] = item._request.getfixturevalue(name)


# -- a test, set up anew ---------------------------------------------------------------------------


class Renewal:
    """Tears one test down and sets it up again, any number of times, within its call phase.

    Args:
        item: the test, before its first set-up.
    """

    def __init__(self, item: pytest.Function) -> None:
        self._item = item
        self._markers = list(item.own_markers)
        self._properties = len(item.user_properties)
        self._kept: dict[int, int] = {}

    def tear_down(self) -> None:
        """Tears down the test's own fixtures and leaves those alone that it shares with other tests."""
        item = self._item
        directory = self._directory()
        # The fixture tmp_path deletes this key when it is torn down, and reads it first.
        item.stash.setdefault(tmppath_result_key, {})
        assert item.parent is not None
        item.session._setupstate.teardown_exact(item.parent)  # type: ignore[arg-type]
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
        self._trim()

    def set_up(self) -> None:
        """Sets the test up as if it had never run."""
        item = self._item
        item.own_markers[:] = self._markers
        del item.user_properties[self._properties :]
        self._renew_instance()
        item._initrequest()
        self._reset_logging()
        item.session._setupstate.setup(item)

    def _renew_instance(self) -> None:
        item = self._item
        if not isinstance(item.parent, pytest.Class):
            return
        function = item.obj
        item._instance = item.parent.newinstance()  # type: ignore[no-untyped-call]
        if isinstance(function, types.MethodType) and not isinstance(function.__self__, type):
            item.obj = types.MethodType(function.__func__, item._instance)

    def _directory(self) -> Path | None:
        """Returns the directory of pytest's own fixture tmp_path, which keeps one for each set-up."""
        item = self._item
        definition = item._request._fixture_defs.get("tmp_path")
        if (
            definition is None
            or definition.func.__module__ != "_pytest.tmpdir"
            or not definition.cached_result
        ):
            return None
        directory = definition.cached_result[0]
        return directory if isinstance(directory, Path) else None

    def _trim(self) -> None:
        """Takes out of shared fixtures the finalizers that the torn down ones have left there."""
        item = self._item
        static = (one for found in item._fixtureinfo.name2fixturedefs.values() for one in found)
        for definition in {id(one): one for one in (*static, *item._request._fixture_defs.values())}.values():
            if definition.scope == "function":
                continue
            finalizers = definition._finalizers
            start = self._kept.get(id(definition), 0)
            finalizers[start:] = [one for one in finalizers[start:] if not self._is_stale(one)]
            self._kept[id(definition)] = len(finalizers)

    def _is_stale(self, finalizer: Callable[[], object]) -> bool:
        if not isinstance(finalizer, functools.partial):
            return False
        request = finalizer.keywords.get("request")
        return request is not None and request.node is self._item

    def _reset_logging(self) -> None:
        item = self._item
        plugin: Any = item.config.pluginmanager.get_plugin("logging-plugin")
        if plugin is None or caplog_handler_key not in item.stash:
            return
        handler = item.stash[caplog_handler_key]
        handler.reset()
        plugin.report_handler.reset()
        item.stash[caplog_records_key]["call"] = handler.records


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
