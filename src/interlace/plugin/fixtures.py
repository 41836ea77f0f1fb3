"""The fixture `world`, and what is said to those who cannot have it, or ask for an async fixture.

Knows that a test may have a stage, not how the stage is run.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from interlace.plugin.options import is_async

if TYPE_CHECKING:
    from interlace.api import World
    from interlace.plugin.runner import ItemStage

STAGE: pytest.StashKey[ItemStage] = pytest.StashKey()
"""Where a test that interlace runs has its stage."""


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The simulated world of the current run: virtual time, hosts, latency. For async tests."""
    stage = request.node.stash.get(STAGE, None)
    if stage is None:
        _refuse_world(request.node)
    yield stage.open_world()
    stage.close_world()


def _refuse_world(item: pytest.Item) -> NoReturn:
    if is_async(item):
        reason = "is run by another plugin: mark it with @pytest.mark.interlace"
    else:
        reason = "is not an async test, and nothing else is simulated: define it with 'async def'"
    pytest.fail(
        f"the fixture 'world' is the simulated world of an async test; {item.name} {reason}", pytrace=False
    )


def refuse_async_fixture(item: pytest.Item, fixturedef: Any) -> None:
    """Fails a test that asks for an async fixture which no other plugin has taken charge of."""
    func = fixturedef.func
    if not (inspect.iscoroutinefunction(func) or inspect.isasyncgenfunction(func)):
        return
    code = getattr(inspect.unwrap(func), "__code__", None)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
    name = fixturedef.argname
    pytest.fail(
        f"{item.name} asks for the async fixture {name!r}{where}, and interlace does not run those yet. "
        f"Make {name!r} a plain fixture that returns an async context manager, and enter it in the test: "
        f"'async with {name} as value:'. Or leave this test to the plugin that the fixture was written for.",
        pytrace=False,
    )
