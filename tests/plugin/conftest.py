"""What the tests of the plugin share: a suite in a directory of its own, run by pytest inside of pytest."""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Callable

import pytest

# Loaded here so that it is not loaded anew in each session within a session.
import interlace.plugin.runner  # noqa: F401

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


def has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@pytest.fixture
def suite(pytester: pytest.Pytester) -> Suite:
    """Writes a test file and runs it: `suite(source, "-v")`; `plugins` names neighbours to load."""

    def _suite(
        source: str, *options: str, plugins: tuple[str, ...] = (), apart: bool = False
    ) -> pytest.RunResult:
        pytester.makepyfile(test_it=textwrap.dedent(source))
        blocked = [part for plugin in NEIGHBOURS if plugin not in plugins for part in ("-p", f"no:{plugin}")]
        # The filters of the session outside, which make an error of a warning, hold inside as well.
        run = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return run("--color=no", "-Wdefault", *blocked, *options)

    return _suite


@pytest.fixture
def lost_update() -> str:
    return LOST_UPDATE
