"""The fixture `event_loop`, which pytest-asyncio had up to version 0.26, and suites that override it."""

from __future__ import annotations

from typing import Any

import pytest

from interlace.backends.aio.stock import is_loop
from interlace.plugin.compat import definitions, fixture_origin, fixture_value, item_of
from interlace.plugin.declare import SCOPES
from interlace.plugin.fixtures import STAGE
from interlace.plugin.lanes import keep_current, open_loop

NAME = "event_loop"


def loop_of(request: pytest.FixtureRequest) -> Any:
    """Returns the loop that a test runs on, for our fixture of that name."""
    item = item_of(request)
    stage = item.stash.get(STAGE, None)
    if stage is not None:
        return stage.lane.opened.loop
    keep_current(item)
    opened = open_loop(item, "function")
    opened.make_current()
    return opened.loop


def loop_of_suite(item: pytest.Function, scope: str) -> tuple[Any, str] | None:
    """Returns the loop that a suite's own fixture `event_loop` gives a test, and its scope.

    Args:
        item: the test.
        scope: the scope of the loop that the test needs.

    Returns:
        None if the test does not use such a fixture, or one that is too narrow for its other fixtures.
    """
    if fixture_origin(item, NAME) in ("", "interlace.plugin.pytest_asyncio"):
        return None
    own = next(one.scope for one in definitions(item) if one.argname == NAME)
    if SCOPES.index(own) < SCOPES.index(scope):
        return None
    loop = fixture_value(item, NAME)
    return (loop, own) if is_loop(loop) else None
