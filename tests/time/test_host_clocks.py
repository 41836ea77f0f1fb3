"""Clocks of hosts that disagree: skew and drift, for leases and times to live on several machines."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from typing import Any

import pytest

import interlace
from interlace.errors import UsageError


def value(main: Any) -> Any:
    outcome = interlace.run(main)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def test_skew_moves_the_date_and_nothing_else() -> None:
    async def main(world: interlace.World) -> Any:
        billing = world.host("billing")
        billing.clock.skew = -90
        await asyncio.sleep(10)
        exact = time.time(), time.monotonic(), dt.datetime.now().isoformat()
        with billing.here():
            wrong = time.time(), time.monotonic(), dt.datetime.now().isoformat()
        return exact, wrong, billing.clock.now().isoformat(), world.clock.now().isoformat()

    start = 1_767_225_600
    assert value(main) == (
        (start + 10, 10, "2026-01-01T00:00:10"),
        (start - 80, 10, "2025-12-31T23:58:40"),
        "2025-12-31T23:58:40+00:00",
        "2026-01-01T00:00:10+00:00",
    )


def test_drift_goes_for_every_clock_and_for_timers() -> None:
    async def main(world: interlace.World) -> Any:
        fast = world.host("fast")
        fast.clock.drift = 0.25
        loop = asyncio.get_running_loop()

        async def nap() -> tuple[float, float, float]:
            await asyncio.sleep(100)
            return loop.time(), time.monotonic(), world.clock.elapsed

        with fast.here():
            task = asyncio.create_task(nap())
        here = asyncio.create_task(nap())
        return await task, await here

    assert value(main) == ((100, 100, 80), (100, 100, 100))


@pytest.mark.filterwarnings("ignore::interlace.BlockingCallWarning")
def test_sleeping_in_a_step_goes_by_the_host_s_clock() -> None:
    async def main(world: interlace.World) -> Any:
        fast = world.host("fast")
        fast.clock.drift = 0.25
        time.sleep(20)
        with fast.here():
            time.sleep(100)
            return time.monotonic(), world.clock.elapsed

    assert value(main) == (125, 100)


def test_a_drift_that_changes_goes_on_from_what_the_clock_shows() -> None:
    async def main(world: interlace.World) -> Any:
        host = world.host("h")
        seen = []
        for drift in (0.5, -0.5, 0):
            host.clock.drift = drift
            await asyncio.sleep(100)
            seen.append(host.clock.ns / 10**9)
        with host.here():
            await asyncio.sleep(1)
        return seen, world.clock.elapsed

    assert value(main) == ([150, 200, 300], 301)


def test_timers_are_never_early_by_the_host_s_own_clock() -> None:
    async def main(world: interlace.World) -> None:
        host = world.host("h")
        host.clock.drift = 1e-4
        loop = asyncio.get_running_loop()
        with host.here():
            for delay in (0.1, 0.3, 1 / 3, 12.345678901):
                begin = loop.time()
                await asyncio.sleep(delay)
                assert loop.time() >= begin + delay - 1e-9

    value(main)


def test_a_lease_that_two_machines_see_otherwise() -> None:
    """The holder's clock is slow: it believes in its lease when the other has taken it over already."""

    async def main(world: interlace.World) -> bool:
        holder, other = world.host("holder"), world.host("other")
        lease: dict[str, Any] = {"owner": None, "until": 0.0}
        both = False

        async def acquire(name: str) -> bool:
            if lease["owner"] not in (None, name) and time.time() < lease["until"]:
                return False
            lease.update(owner=name, until=time.time() + 10)
            return True

        async def work() -> None:
            nonlocal both
            assert await acquire("holder")
            until = lease["until"]
            while time.time() < until:
                both = both or lease["owner"] != "holder"
                await asyncio.sleep(1)

        async def contend() -> None:
            while not await acquire("other"):
                await asyncio.sleep(1)

        holder.clock.skew = skew
        tasks = []
        for host, job in ((holder, work), (other, contend)):
            with host.here():
                tasks.append(asyncio.create_task(job()))
        await asyncio.gather(*tasks)
        return both

    skew = 0.0
    assert not value(main)
    skew = -5.0
    assert value(main)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("skew", "1", "skew is '1': give seconds"),
        ("skew", float("nan"), "skew is nan"),
        ("drift", True, "drift is True"),
        ("drift", -0.9, "drift is -0.9: give seconds gained in each second, from -0.5 to 1"),
    ],
)
def test_bad_input(name: str, given: Any, message: str) -> None:
    async def main(world: interlace.World) -> None:
        setattr(world.host("h").clock, name, given)

    error = interlace.run(main).error
    assert isinstance(error, UsageError)
    assert str(error).startswith(message)
