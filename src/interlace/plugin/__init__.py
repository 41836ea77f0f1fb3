"""The pytest plugin: the hooks that pytest calls, each of them a few lines.

This file is loaded in every pytest session of a machine that has interlace installed, so it imports
nothing but the options and the fixtures; the rest is loaded when the first async test shows up.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from interlace.plugin import loading  # noqa: F401  (the following are imported faster)

# isort: split
from interlace.errors import UsageError
from interlace.plugin.compat import parse_again, replace_function
from interlace.plugin.declare import concerns_us
from interlace.plugin.fixtures import STAGE, clock, world
from interlace.plugin.markers import (
    ASYNCIO_MARKER,
    MARKERS,
    asks_for_no_loops,
    is_async,
    is_case,
    is_plain,
    marker_names,
)
from interlace.plugin.neighbours import has_asyncio_plugin, offer_alias, take_over
from interlace.plugin.options import (
    OPTIONS,
    add_asyncio_options,
    add_options,
    read_options,
    split_explore,
    wants_to_take_over,
)
from interlace.plugin.tally import Tally

__all__ = ["clock", "world"]


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declares the options."""
    add_options(parser)
    if not has_asyncio_plugin(pluginmanager):
        add_asyncio_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declares the hooks of pytest-asyncio, and offers its names, where it is not here to do it."""
    if not has_asyncio_plugin(pluginmanager):
        offer_alias()
        _add_hooks(pluginmanager)


def _add_hooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from interlace.plugin.pytest_asyncio import Hooks

    pluginmanager.add_hookspecs(Hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Reads `--explore tests/` as it was meant, and takes other plugins over."""
    if split_explore(args):
        parse_again(early_config, parser, args)
    take_over(early_config, wants_to_take_over(early_config))
    plugins = early_config.pluginmanager
    # An old pytest-asyncio has not declared them.
    if not (hasattr(plugins.hook, "pytest_asyncio_loop_factories") or has_asyncio_plugin(plugins)):
        _add_hooks(plugins)


def pytest_configure(config: pytest.Config) -> None:
    """Checks the options, declares the markers and the fixtures of the plugins that interlace stands in for."""
    options = config.stash[OPTIONS] = read_options(config)
    for line in (*MARKERS, *((ASYNCIO_MARKER,) if options.asyncio else ())):
        config.addinivalue_line("markers", line)
    config.pluginmanager.register(Tally(), "interlace-tally")
    if options.asyncio:
        from interlace.plugin.pytest_asyncio import Fixtures

        config.pluginmanager.register(Fixtures(), "interlace-asyncio")
    if options.anyio:
        from interlace.plugin.anyio import AnyioFixtures

        config.addinivalue_line("markers", "anyio: run this async test on the backends of anyio")
        config.pluginmanager.register(AnyioFixtures(), "interlace-anyio")


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Has async tests ask for what their loops are made from."""
    definition = metafunc.definition
    if is_plain(metafunc.function) or (not definition.own_markers and asks_for_no_loops(definition.parent)):
        return
    options = metafunc.config.stash[OPTIONS]
    if not (options.asyncio or options.anyio) or not is_async(definition):
        return
    from interlace.plugin.factories import ask_for_loops

    try:
        ask_for_loops(metafunc, options)
    except UsageError as error:
        raise pytest.Collector.CollectError(f"{definition.nodeid}: {error}") from None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Has the markers of the tests checked that a module or a class is about to collect."""
    if not isinstance(collector, (pytest.Module, pytest.Class)):
        return (yield)
    from interlace.plugin.collecting import checking

    with checking(collector):
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Has tests that are marked for anyio ask for its backends, where interlace stands in for its plugin."""
    if session.config.stash[OPTIONS].anyio:
        from interlace.plugin.anyio import ask_for_backends

        ask_for_backends(session)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Runs the tests together that may overlap."""
    if not (item.config.stash[OPTIONS].overlap or "overlap" in marker_names(item)):
        return None
    from interlace.plugin.stage import stage_of

    stage = stage_of(item)
    if stage is None or stage.claim.overlaps is None:
        return None
    from interlace.plugin.overlap import overlap_of

    return overlap_of(item.config).run(stage, nextitem)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Takes an async test that is ours; not earlier, since other plugins may replace it until now."""
    if STAGE not in item.stash and (is_async(item) or is_case(item)):
        from interlace.plugin.stage import stage_of

        stage_of(item)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Sets up async fixtures, and says what to do about those that cannot be."""
    if not concerns_us(fixturedef.func):
        return (yield)
    from interlace.plugin.setup import setting_up

    function = setting_up(fixturedef, request)
    if function is None:
        return (yield)
    original = replace_function(fixturedef, function)
    try:
        return (yield)
    finally:
        replace_function(fixturedef, original)


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
    if STAGE not in item.stash:
        return (yield)
    stage = item.stash[STAGE]
    if call.excinfo is not None:
        stage.give_lines(call)
        with stage.presenting(call.when):
            report = yield
        if call.when == "call":
            stage.present(report, call.excinfo.value)
    else:
        report = yield
    if call.when == "call" and stage.ahead is not None:
        report.duration = stage.ahead.seconds
    elif call.when == "teardown":
        stage.forget()
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, Any] | None:
    """Says after PASSED how far an exploration went."""
    if getattr(report, "when", None) != "call" or not report.user_properties:
        return None
    if report.outcome != "passed" or hasattr(report, "wasxfail"):
        return None
    properties = dict(report.user_properties)
    if "interlace.verdict" not in properties:
        return None
    extent = str(properties["interlace.verdict"]).partition(", ")[2]
    return "passed", ".", (f"PASSED [{extent}]", {"green": True})
