"""What the tests of the plugin share: a suite in a directory of its own, run by pytest inside of pytest."""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Callable

import pytest

# Loaded here so that they are not loaded anew in each session within a session: the plugin of hypothesis
# loads the last one at the end of every session.
import interlace.plugin.anyio
import interlace.plugin.examples
import interlace.plugin.factories
import interlace.plugin.pytest_asyncio
import interlace.plugin.runner  # noqa: F401

if importlib.util.find_spec("hypothesis"):
    import hypothesis.internal.observability  # noqa: F401

NEIGHBOURS = ("randomly", "asyncio", "timeout")

LOST_UPDATE = """
import asyncio
import pytest

@pytest.fixture
def account():
    return {"balance": 0}

async def deposit(world, account):
    balance = account["balance"]
    await world.latency("0ms..40ms")
    account["balance"] = balance + 1

async def deposit_later(world, account):
    await world.latency("1ms..50ms")
    await deposit(world, account)

@pytest.mark.explore
async def test_deposits(world, account):
    await asyncio.gather(deposit(world, account), deposit_later(world, account))
    assert account["balance"] == 2
"""
"""Passes in the plain run and fails when the first deposit is slow."""

Suite = Callable[..., pytest.RunResult]


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    """Writes a test file and runs it: `suite(source, "-v")`.

    `plugins` names neighbours to load, `world` where async tests run that ask for nothing, `apart` is for
    a process of its own.
    """

    def _suite(
        source: str,
        *options: str,
        plugins: tuple[str, ...] = (),
        world: str = "simulated",
        apart: bool = False,
    ) -> pytest.RunResult:
        pytester.makepyfile(test_it=textwrap.dedent(source))
        blocked = [part for plugin in NEIGHBOURS if plugin not in plugins for part in ("-p", f"no:{plugin}")]
        # The filters of the session outside, which make an error of a warning, hold inside as well.
        run = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        where = ("-o", f"interlace_world={world}", "-o", "interlace_timeout=100000")
        return run("--color=no", "-Wdefault", *where, *blocked, *options)

    return _suite


@pytest.fixture
def lost_update() -> str:
    return LOST_UPDATE
