"""Every private name of pytest that interlace relies on, but for reports; and nothing else.

`tests/plugin/test_compat.py` fails on the day one of them vanishes. What they are needed for: pytest
sets a test up once and then calls it once; we set it up anew for each of its runs.
"""

from __future__ import annotations

import copy
import functools
import shutil
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.fixtures import resolve_fixture_function
from _pytest.logging import caplog_handler_key, caplog_records_key
from _pytest.runner import call_and_report
from _pytest.tmpdir import tmppath_result_key

from interlace.plugin.declare import is_async_function

if TYPE_CHECKING:
    from contextvars import Context

# -- options ---------------------------------------------------------------------------------------


def parse_again(config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Reads the command line again after it was changed, for those who look at it early."""
    config.known_args_namespace = parser.parse_known_args(args, namespace=copy.copy(config.option))


def is_written(config: pytest.Config, name: str) -> bool:
    """Tells whether an ini option is given in a file or with -o, so that its value is not the default."""
    written: Any = config._inicfg if hasattr(config, "_inicfg") else config.inicfg  # type: ignore[attr-defined,unused-ignore]
    overrides: list[str] = config.getoption("override_ini", None) or []
    return name in written or any(one.partition("=")[0].strip() == name for one in overrides)


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


def fill_shared_fixtures(item: pytest.Function, wanted: Callable[[Any], bool]) -> None:
    """Sets up the fixtures of a test that it shares with other tests, where that is wanted and not done yet."""
    known = item._fixtureinfo.name2fixturedefs
    for name in item.fixturenames:
        if (
            name not in item.funcargs
            and name in known
            and known[name][-1].scope != "function"
            and (wanted(known[name][-1]))
        ):
            item.funcargs[name] = item._request.getfixturevalue(name)


def scope_node(item: pytest.Item, scope: str) -> Any:
    """Returns the node of a scope that a test belongs to: the test itself for "function"."""
    if scope == "function":
        return item
    kinds: dict[str, type[Any]] = {"class": pytest.Class, "module": pytest.Module, "package": pytest.Package}
    node = item.getparent(kinds[scope]) if scope in kinds else item.session
    if node is None:
        return item if scope == "class" else item.session
    return node


def add_finalizer(node: Any, finalizer: Callable[[], object]) -> None:
    """Has a function called when a node that is set up is torn down; nodes are torn down last in, first out."""
    node.session._setupstate.addfinalizer(finalizer, node)


def definitions(item: pytest.Function) -> list[pytest.FixtureDef[Any]]:
    """Returns the fixtures that a test is known to use, without those that others override."""
    return [found[-1] for found in item._fixtureinfo.name2fixturedefs.values() if found]


def every_definition(item: pytest.Function) -> list[pytest.FixtureDef[Any]]:
    """Returns the fixtures that a test may use, with those that others override."""
    return [one for found in item._fixtureinfo.name2fixturedefs.values() for one in found]


def bound_function(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Any:
    """Returns the function of a fixture, bound to the instance of the test's class where it is a method."""
    return resolve_fixture_function(fixturedef, request)


def replace_function(fixturedef: pytest.FixtureDef[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Has pytest call another function for a fixture, and returns the one that it would have called."""
    definition: Any = fixturedef
    original: Callable[..., Any] = definition.func
    definition.func = function
    return original


def add_fixture(metafunc: pytest.Metafunc, name: str) -> None:
    """Makes a test ask for one more fixture, before it is parametrized."""
    if name in metafunc.fixturenames:
        return
    manager = metafunc.definition.session._fixturemanager
    found = manager.getfixturedefs(name, metafunc.definition)
    if found:
        metafunc._arg2fixturedefs[name] = found
        add_fixture_name(metafunc, name)


def add_fixture_name(metafunc: pytest.Metafunc, name: str) -> None:
    """Adds to the names of the fixtures that a test asks for."""
    if name not in metafunc.fixturenames:
        metafunc.fixturenames.append(name)
        # What is not among these is taken out again once the test is parametrized.
        information = metafunc.definition._fixtureinfo
        object.__setattr__(information, "initialnames", (*information.initialnames, name))


def collected_again(item: pytest.Function, name: str) -> list[pytest.Function]:
    """Returns what is collected in the place of a test once its markers ask for one more fixture.

    Args:
        item: a test that was given markers since it was collected.
        name: the fixture, which those markers have it ask for.
    """
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    function: Any = getattr(item.obj, "__func__", item.obj)
    known = getattr(function, "pytestmark", [])
    # Where the markers of a test are read from when it is parametrized.
    function.pytestmark = [*known, *(mark for mark in item.own_markers if mark not in known)]
    parent: Any = item.parent
    try:
        made = list(parent._genfunctions(item.originalname, item.obj))
    finally:
        function.pytestmark = known
    return [
        one
        for one in made
        if hasattr(one, "callspec")
        and {key: value for key, value in one.callspec.params.items() if key != name} == parameters
    ] or [item]


def is_overridden(metafunc: pytest.Metafunc, name: str) -> bool:
    """Tells whether a suite has a fixture of its own of this name."""
    manager = metafunc.definition.session._fixturemanager
    found = manager.getfixturedefs(name, metafunc.definition)
    return found is not None and not getattr(found[-1].func, "__module__", "").startswith("interlace.")


def fixture_value(item: pytest.Function, name: str) -> Any:
    """Returns the value of a fixture for a test that is being set up."""
    return item._request.getfixturevalue(name)


def end_fixture(item: pytest.Function, definition: Any) -> None:
    """Tears a fixture down, so that whoever asks for it next gets it anew."""
    definition.finish(item._request)


def lanes_of(fixturedef: pytest.FixtureDef[Any]) -> list[Any]:
    """Returns the lane that a fixture was set up on last, as a list of one or none."""
    definition: Any = fixturedef
    found: list[Any] | None = getattr(definition, "_interlace_lanes", None)
    if found is None:
        found = definition._interlace_lanes = []
    return found


# -- fixtures that are shared, anew for one test ---------------------------------------------------


def _to_renew(item: pytest.Function) -> list[Any]:
    """Returns the shared fixtures of a test that are async, or that such a one goes into."""
    definitions: list[Any] = [one for one in every_definition(item) if one.scope != "function"]
    found = [one for one in definitions if is_async_function(one.func)]
    names = {one.argname for one in found}
    grown = bool(found)
    while grown:
        more = [one for one in definitions if one not in found and names.intersection(one.argnames)]
        found += more
        names |= {one.argname for one in more}
        grown = bool(more)
    return found


def borrow(item: pytest.Function) -> Callable[[], None] | None:
    """Puts shared async fixtures aside, so that the test gets them anew.

    What is async and shared belongs to a loop of the session, and a simulated test has a loop of its own.

    Returns:
        What tears down the new ones and puts the others back; None if there are none.
    """
    definitions = _to_renew(item)
    if not definitions:
        return None
    saved = [(one, one.cached_result, list(one._finalizers), list(lanes_of(one))) for one in definitions]
    kept = _shared_finalizers(item, definitions)
    for one in definitions:
        one.cached_result = None
        one._finalizers.clear()

    def give_back() -> None:
        __tracebackhide__ = True
        errors: list[BaseException] = []
        for one in definitions:
            try:
                one.finish(item._request)
            except BaseException as error:
                errors.append(error)
        for one, result, finalizers, lanes in saved:
            one.cached_result = result
            one._finalizers[:] = finalizers
            lanes_of(one)[:] = lanes
        kept()
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup("errors while tearing down shared async fixtures", errors)

    return give_back


def _shared_finalizers(item: pytest.Function, definitions: list[Any]) -> Callable[[], None]:
    """Returns what takes out of the nodes above a test the finalizers that some fixtures have added since now."""
    stack = item.session._setupstate.stack
    lengths = {node: len(found[0]) for node, found in stack.items() if node is not item}

    def trim() -> None:
        for node, length in lengths.items():
            if node in stack:
                finalizers = stack[node][0]
                finalizers[length:] = [
                    one
                    for one in finalizers[length:]
                    if getattr(getattr(one, "func", None), "__self__", None) not in definitions
                ]

    return trim


def set_up_anew(item: pytest.Function) -> None:
    """Sets a test up within its set-up phase, after it was torn down there."""
    item.session._setupstate.setup(item)


# -- tests that are set up at the same time --------------------------------------------------------


def park(item: pytest.Function, context: Context | None) -> Callable[[], None]:
    """Takes a test that is set up out of pytest's hands, so that another one can be set up beside it.

    Args:
        item: the test.
        context: the context that it was set up in and is to be torn down in; None: the current one.

    Returns:
        What hands it back.
    """
    stack = item.session._setupstate.stack
    finalizers, failed = stack.pop(item)
    if context is not None:
        finalizers = [partial(context.run, finalizer) for finalizer in finalizers]
    used = {id(one): one for one in (*every_definition(item), *item._request._fixture_defs.values())}
    own: list[Any] = [one for one in used.values() if one.scope == "function"]
    saved = [(one, one.cached_result, list(one._finalizers)) for one in own]
    for one in own:
        one.cached_result = None
        one._finalizers.clear()

    def unpark() -> None:
        stack[item] = finalizers, failed
        for one, result, of_fixture in saved:
            one.cached_result = result
            one._finalizers[:] = of_fixture

    return unpark


def phase(item: pytest.Item, when: Any, *, log: bool = True, **arguments: Any) -> pytest.TestReport:
    """Runs one phase of a test and returns its report, with everything that pytest does around it."""
    return call_and_report(item, when, log, **arguments)


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
        if getattr(item, "nofuncargs", False):
            # A unittest.TestCase is made anew by its item. Before pytest 8.3 that keeps None of the one it has torn down.
            vars(item).pop("_instance", None)
            return
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
