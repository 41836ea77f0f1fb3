"""Which loops an async test is run on: it is parametrized with loop factories, policies and backends."""

from __future__ import annotations

from typing import Any

import pytest

from interlace.errors import UsageError
from interlace.plugin.compat import add_fixture, add_fixture_name, is_overridden
from interlace.plugin.markers import NO_LOOPS, AsyncioMark, check_factories, marker_names, read_asyncio_mark
from interlace.plugin.options import FACTORY, Options


def ask_for_loops(metafunc: pytest.Metafunc, options: Options) -> None:
    """Has a test ask for what its loop is made from, before it is parametrized.

    Raises:
        UsageError: a marker or a hook that cannot work.
    """
    definition = metafunc.definition
    marks = marker_names(definition)
    if options.anyio and ("anyio" in marks or options.anyio_auto):
        add_fixture(metafunc, "anyio_backend")
        return
    if not options.asyncio or not ("asyncio" in marks or options.mode == "auto"):
        return
    own_policy = is_overridden(metafunc, "event_loop_policy")
    own_factories = bool(definition.ihook.pytest_asyncio_loop_factories.get_hookimpls())
    parent: Any = definition.parent
    if not (own_policy or own_factories or options.anyio or marker_names(parent)):
        parent.stash[NO_LOOPS] = True
    if own_policy:
        add_fixture(metafunc, "event_loop_policy")
    marked = definition.get_closest_marker("asyncio") if "asyncio" in marks else None
    mark = AsyncioMark() if marked is None else read_asyncio_mark(marked)
    if own_factories:
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
