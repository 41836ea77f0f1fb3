"""The fixtures `world` and `clock`, and what is said to those who cannot have them.

Knows that a test may have a stage, not how the stage is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest

from interlace.plugin.markers import is_async

if TYPE_CHECKING:
    from interlace.api import World
    from interlace.plugin.stage import ItemStage
    from interlace.sim.clock import Clock

STAGE: pytest.StashKey[ItemStage] = pytest.StashKey()
"""Where a test that interlace runs has its stage."""


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """The simulated world of the current run: virtual time, hosts, latency. For async tests."""
    return _world_for(request.node, "world")


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Clock:
    """The virtual clock of the current run: `clock.elapsed` is seconds since it began. For async tests."""
    return _world_for(request.node, "clock").clock


def _world_for(item: pytest.Item, name: str) -> World:
    """Returns the world of the run that a test is being set up for."""
    stage: ItemStage | None = item.stash.get(STAGE, None)
    world = stage.world if stage is not None and stage.simulated else None
    return _refuse(item, name) if world is None else world


def _refuse(item: pytest.Item, name: str) -> NoReturn:
    if is_async(item):
        reason = "is run by another plugin, or asks for it while it runs: mark it with @pytest.mark.interlace"
    else:
        reason = "is not an async test, and nothing else is simulated: define it with 'async def'"
    what = "the simulated world" if name == "world" else "the virtual clock"
    pytest.fail(f"the fixture {name!r} is {what} of an async test; {item.name} {reason}", pytrace=False)
