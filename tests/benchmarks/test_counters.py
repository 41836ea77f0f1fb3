"""The same ten tasks behind fakes that take no time, and behind those of interlace."""

import pytest
from benchmarks.programs import counters

pytestmark = pytest.mark.usefixtures("leftovers_collected")


# Not fakeredis: on CPython 3.11 its client waits in a task of its own, so that it does take steps.
@pytest.mark.parametrize("name", ["AsyncMock(spec=...)", "httpx.ASGITransport"])
def test_a_fake_that_takes_no_time_hides_a_lost_update(name: str) -> None:
    assert counters.found(counters.ASIDE[name], seeds=1, schedules=10) == 0


@pytest.mark.parametrize("name", ["world.fake", "world.redis", "world.asgi, with httpx"])
def test_a_fake_in_virtual_time_shows_it(name: str) -> None:
    behind = counters.IN_THE_WORLD[name]
    assert counters.found(behind, seeds=1, schedules=10) == 1
    assert counters.found(behind, seeds=1, schedules=10, locked=True) == 0
