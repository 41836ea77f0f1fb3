"""The private names of pytest that compat.py stands on: each of these fails on the day its name vanishes."""

from __future__ import annotations

import ast
import functools
import inspect
from pathlib import Path

import pytest

import interlace.plugin
from interlace.plugin import compat, compat_report


@pytest.fixture(scope="session")
def shared() -> int:
    return 1


@pytest.fixture
def own(shared: int) -> int:
    return 2


def test_private_names_stand_in_two_files() -> None:
    private = {
        *(
            "_request",
            "_fixtureinfo",
            "_initrequest",
            "_instance",
            "_obj",
            "_setupstate",
            "_traceback_filter",
        ),
        *("_finalizers", "_fixture_defs", "_pyfuncitem", "_fixturemanager", "_arg2fixturedefs"),
    }
    folder = Path(interlace.plugin.__file__).parent
    for file in folder.glob("*.py"):
        if file.name in ("compat.py", "compat_report.py"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            assert not (isinstance(node, ast.Attribute) and node.attr in private), (
                f"{file.name}:{node.lineno}"
            )
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("_pytest"), f"{file.name}:{node.lineno}"


def test_imports() -> None:
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

    assert issubclass(ReprExceptionInfo, TerminalRepr)
    assert ReprFileLocation("a", 1, "b").message == "b"
    assert list(inspect.signature(ReprTraceback).parameters)[:3] == ["reprentries", "extraline", "style"]
    assert ReprEntryNative(["x"]).lines == ["x"]
    assert hasattr(TerminalWriter, "write")
    assert hasattr(TerminalWriter, "line")
    assert all((caplog_handler_key, caplog_records_key, tmppath_result_key))


def test_the_item_of_a_request(request: pytest.FixtureRequest) -> None:
    assert compat.item_of(request) is request.node


def test_arguments_and_origins(
    request: pytest.FixtureRequest, own: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = request.node
    assert item._fixtureinfo.argnames == ("request", "own", "monkeypatch")
    assert compat.arguments_of(item) == {"request": request, "own": 2, "monkeypatch": monkeypatch}
    assert compat.fixture_origin(item, "monkeypatch") == "_pytest.monkeypatch"
    assert compat.fixture_origin(item, "no such fixture") == ""


def test_shared_fixtures_come_first(request: pytest.FixtureRequest, own: int) -> None:
    item = request.node
    assert [one.scope for one in item._fixtureinfo.name2fixturedefs["shared"]] == ["session"]
    assert item._request.getfixturevalue("shared") == 1
    assert item.fixturenames.index("shared") < item.fixturenames.index("own")


def test_definitions_and_finalizers(request: pytest.FixtureRequest, own: int, tmp_path: Path) -> None:
    item = request.node
    shared, own = (item._request._fixture_defs[name] for name in ("shared", "own"))
    assert (shared.scope, own.scope) == ("session", "function")
    left = [one for one in shared._finalizers if isinstance(one, functools.partial)]
    assert any(one.keywords["request"].node is item for one in left)
    assert item._request._fixture_defs["tmp_path"].func.__module__ == "_pytest.tmpdir"
    assert item._request._fixture_defs["tmp_path"].cached_result[0] == tmp_path


def test_the_state_of_the_set_up(request: pytest.FixtureRequest) -> None:
    state = request.session._setupstate
    assert list(inspect.signature(state.setup).parameters) == ["item"]
    assert list(inspect.signature(state.teardown_exact).parameters) == ["nextitem"]
    assert list(state.stack) == request.node.listchain()
    assert request.node.parent.listchain() == request.node.listchain()[:-1]
    assert callable(request.node._initrequest)


class TestInstances:
    def test_instance(self, request: pytest.FixtureRequest) -> None:
        assert request.node._instance is self
        assert request.node.obj.__self__ is self
        assert type(request.node.parent.newinstance()) is type(self)


def test_the_filter_of_tracebacks(request: pytest.FixtureRequest) -> None:
    assert list(inspect.signature(request.node._traceback_filter).parameters) == ["excinfo"]
    with compat_report.frames_filtered(request.node, lambda file: False):
        try:
            raise ValueError("here")
        except ValueError:
            told = str(request.node.repr_failure(pytest.ExceptionInfo.from_current()))
    assert "ValueError: here" in told
    assert "raise ValueError" not in told
    assert "_traceback_filter" not in vars(request.node)


def test_logging_and_capture(request: pytest.FixtureRequest) -> None:
    plugins = request.config.pluginmanager
    logs, capture = plugins.get_plugin("logging-plugin"), plugins.get_plugin("capturemanager")
    for handler in (logs.report_handler, logs.caplog_handler):
        assert callable(handler.reset)
        assert handler.stream.getvalue() == ""
    assert logs.caplog_handler.records == []
    assert callable(capture.read_global_capture)
    assert callable(capture.is_globally_capturing)


def test_what_is_drained(request: pytest.FixtureRequest) -> None:
    import logging
    import sys

    compat_report.drain_output(request.config)
    print("out")
    print("err", file=sys.stderr)
    logging.getLogger().warning("log")
    output = compat_report.drain_output(request.config)
    if request.config.getoption("capture") != "no":
        assert (output.stdout, output.stderr) == ("out\n", "err\n")
    assert output.log.endswith("log")
    assert compat_report.drain_output(request.config) == compat_report.Output()


def test_the_command_line_can_be_read_again(pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig("-p", "no:randomly", "-p", "no:asyncio")
    parser = config._parser
    compat.parse_again(config, parser, ["--explore=", "tests"])
    assert config.known_args_namespace.file_or_dir == ["tests"]
    assert config.known_args_namespace.explore == ""
