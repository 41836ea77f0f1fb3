"""That many schedules of one test leave nothing behind in pytest."""

from __future__ import annotations

from typing import Any

import pytest

from interlace.plugin.compat import Renewal

SUITE = """
import asyncio
import pytest

@pytest.fixture(scope="session")
def of_session():
    yield "session"

@pytest.fixture(scope="module")
def of_module(of_session):
    yield "module"

@pytest.fixture
def plain(of_module):
    yield "plain"

@pytest.fixture
async def first(plain, of_session):
    yield "first"

@pytest.fixture
async def second(first, of_module):
    yield "second"

async def steps():
    for _ in range(4):
        await asyncio.sleep(0)

@pytest.mark.explore(schedules=1000, order="any")
async def test_it(second, tmp_path):
    await asyncio.gather(*(steps() for _ in range(5)))
"""


class Lengths:
    """Counts the finalizers that pytest holds after some of the runs.

    Args:
        runs: after which.
    """

    def __init__(self, *runs: int) -> None:
        self.seen: dict[int, dict[str, int]] = {}
        self._runs = runs
        self._count = 0

    def look(self, item: Any) -> None:
        self._count += 1
        if self._count in self._runs:
            known = [one for found in item._fixtureinfo.name2fixturedefs.values() for one in found]
            self.seen[self._count] = {
                **{one.argname: len(one._finalizers) for one in known},
                **{repr(node): len(entry[0]) for node, entry in item.session._setupstate.stack.items()},
            }


@pytest.mark.slow
def test_the_lists_of_finalizers_stay_as_long_as_they_are(
    suite: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths = Lengths(10, 1000)
    tear_down = Renewal.tear_down

    def watched(renewal: Renewal) -> None:
        tear_down(renewal)
        lengths.look(renewal._item)

    monkeypatch.setattr(Renewal, "tear_down", watched)
    suite(SUITE, "-vv").assert_outcomes(passed=1)
    assert {"of_session", "of_module", "plain"} <= set(lengths.seen[10])
    assert lengths.seen[10] == lengths.seen[1000]
