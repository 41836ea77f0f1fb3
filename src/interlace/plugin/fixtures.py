"""The fixtures `world` and `clock`, and what is said to those who cannot have them.

Knows that a test may have a stage, not how the stage is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest

from interlace.plugin.markers import is_async

if TYPE_CHECKING:
    from interlace.api import World
    from interlace.plugin.runner import ItemStage
    from interlace.sim.clock import Clock

STAGE: pytest.StashKey[ItemStage] = pytest.StashKey()
"""Where a test that interlace runs has its stage."""


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """The simulated world of the current run: virtual time, hosts, latency. For async tests."""
    stage: ItemStage | None = request.node.stash.get(STAGE, None)
    if stage is None or not stage.simulated:
        _refuse(request.node, "world")
    return stage.open_world()


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Clock:
    """The virtual clock of the current run: `clock.elapsed` is seconds since it began. For async tests."""
    stage: ItemStage | None = request.node.stash.get(STAGE, None)
    if stage is None or not stage.simulated:
        _refuse(request.node, "clock")
    return stage.open_world().clock


def _refuse(item: pytest.Item, name: str) -> NoReturn:
    if is_async(item):
        reason = "is run by another plugin, or asks for it while it runs: mark it with @pytest.mark.interlace"
    else:
        reason = "is not an async test, and nothing else is simulated: define it with 'async def'"
    what = "the simulated world" if name == "world" else "the virtual clock"
    pytest.fail(f"the fixture {name!r} is {what} of an async test; {item.name} {reason}", pytrace=False)
