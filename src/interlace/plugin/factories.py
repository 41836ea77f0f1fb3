"""Which loops an async test is run on: it is parametrized with loop factories, policies and backends."""

from __future__ import annotations

from typing import Any

import pytest

from interlace.errors import UsageError
from interlace.plugin.claims import FACTORY
from interlace.plugin.compat import add_fixture, add_fixture_name, is_overridden
from interlace.plugin.markers import AsyncioMark, check_factories, read_asyncio_mark
from interlace.plugin.options import Options


def ask_for_loops(metafunc: pytest.Metafunc, options: Options) -> None:
    """Has a test ask for what its loop is made from, before it is parametrized.

    Raises:
        UsageError: a marker or a hook that cannot work.
    """
    definition = metafunc.definition
    marks = {mark.name: mark for mark in reversed(list(definition.iter_markers()))}
    if options.anyio and ("anyio" in marks or options.anyio_auto):
        add_fixture(metafunc, "anyio_backend")
        return
    if not options.asyncio or not ("asyncio" in marks or options.mode == "auto"):
        return
    if is_overridden(metafunc, "event_loop_policy"):
        add_fixture(metafunc, "event_loop_policy")
    mark = read_asyncio_mark(marks["asyncio"]) if "asyncio" in marks else AsyncioMark()
    if definition.ihook.pytest_asyncio_loop_factories.get_hookimpls():
        _parametrize(metafunc, mark, options)
    elif mark.factories is not None:
        raise UsageError(
            "mark.asyncio 'loop_factories' requires at least one pytest_asyncio_loop_factories hook "
            "implementation."
        )


def _parametrize(metafunc: pytest.Metafunc, mark: AsyncioMark, options: Options) -> None:
    definition = metafunc.definition
    found = definition.ihook.pytest_asyncio_loop_factories(config=metafunc.config, item=definition)
    factories = check_factories(found)
    parameters: list[Any] = []
    for name in factories if mark.factories is None else mark.factories:
        if name in factories:
            parameters.append(pytest.param(factories[name], id=name))
        else:
            missing = pytest.mark.skip(
                reason=f"Loop factory {name!r} is not available: {', '.join(factories)} are"
            )
            parameters.append(pytest.param(None, id=name, marks=missing))
    ids: Any = None
    if len(parameters) == 1 and hasattr(pytest, "HIDDEN_PARAM"):
        ids = [pytest.HIDDEN_PARAM]
        parameters = [pytest.param(*parameters[0].values, marks=parameters[0].marks)]
    add_fixture_name(metafunc, FACTORY)
    scope: Any = mark.loop_scope or options.test_scope or "function"
    metafunc.parametrize(FACTORY, parameters, ids=ids, scope=scope)
