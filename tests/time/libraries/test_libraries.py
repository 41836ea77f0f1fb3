"""Libraries that live by time, unmodified: what they do happens at the very moments that they promise.

Each program is run once and under many schedules: a step that takes its time or a timer that fires late
makes no correct program fail.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Coroutine
from typing import Any

import aiocache
import aiohttp
import aiolimiter
import async_timeout
import cachetools
import freezegun
import pytest
import tenacity
import time_machine
from aiohttp import web
from apscheduler.schedulers.asyncio import AsyncIOScheduler

import interlace

Program = Callable[[interlace.World], Coroutine[Any, Any, Any]]


def moments(program: Program, **start: Any) -> Any:
    """Runs a program once; returns what it returns."""
    outcome = interlace.run(program, **start)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def holds_under_many_schedules(program: Program, **start: Any) -> bool:
    result = interlace.explore(program, schedules=50, **start)
    return result.failure is None and not result.latent


async def aiocache_ttl(world: interlace.World) -> list[Any]:
    cache = aiocache.SimpleMemoryCache()
    await cache.set("key", "value", ttl=10)
    await cache.set("kept", "for ever")
    seen = []
    for seconds in (9.5, 0.25, 1):
        await asyncio.sleep(seconds)
        seen.append((world.clock.elapsed, await cache.get("key"), await cache.get("kept")))
    await cache.clear()
    assert [value for _, value, _ in seen] == ["value", "value", None]
    return seen


def test_an_entry_of_aiocache_lives_as_long_as_it_is_told() -> None:
    assert moments(aiocache_ttl) == [
        (9.5, "value", "for ever"),
        (9.75, "value", "for ever"),
        (10.75, None, "for ever"),
    ]


async def aiocache_decorator(world: interlace.World) -> list[float]:
    calls: list[float] = []

    @aiocache.cached(ttl=60, key="report")
    async def report() -> int:
        calls.append(world.clock.elapsed)
        return len(calls)

    answers = []
    for _ in range(5):
        answers.append(await report())
        await asyncio.sleep(25)
    assert answers == [1, 1, 1, 2, 2]
    return calls


def test_what_aiocache_caches_is_computed_again_when_it_is_too_old() -> None:
    assert moments(aiocache_decorator) == [0, 75]


async def tenacity_backoff(world: interlace.World) -> list[float]:
    tried: list[float] = []

    @tenacity.retry(wait=tenacity.wait_exponential(multiplier=1), stop=tenacity.stop_after_attempt(4))
    async def fetch() -> str:
        tried.append(world.clock.elapsed)
        if len(tried) < 4:
            raise ConnectionError
        return "done"

    assert await fetch() == "done"
    assert fetch.statistics["attempt_number"] == 4
    return tried


def test_tenacity_tries_again_after_1_3_and_7_seconds() -> None:
    assert moments(tenacity_backoff) == [0, 1, 3, 7]


async def tenacity_deadline(world: interlace.World) -> list[float]:
    tried: list[float] = []

    async def never() -> None:
        tried.append(world.clock.elapsed)
        raise ConnectionError

    retrying = tenacity.AsyncRetrying(wait=tenacity.wait_fixed(4), stop=tenacity.stop_after_delay(10))
    with pytest.raises(tenacity.RetryError):
        await retrying(never)
    return tried


def test_tenacity_gives_up_at_a_moment_that_is_measured_by_a_clock() -> None:
    # It reads time.monotonic, and stops with the first try that ends after 10 seconds.
    assert moments(tenacity_deadline) == [0, 4, 8, 12]


async def aiolimiter_bucket(world: interlace.World) -> list[float]:
    limiter = aiolimiter.AsyncLimiter(4, 2)
    passed: list[float] = []

    async def call() -> None:
        async with limiter:
            passed.append(world.clock.elapsed)

    await asyncio.gather(*(call() for _ in range(8)))
    assert len(passed) == 8
    assert passed == sorted(passed)
    return passed


def test_aiolimiter_lets_through_four_at_once_then_one_each_half_second() -> None:
    assert moments(aiolimiter_bucket) == [0, 0, 0, 0, 0.5, 1, 1.5, 2]


async def async_timeouts(world: interlace.World) -> list[float]:
    ended = []
    for limit in (async_timeout.timeout, asyncio.timeout):
        with pytest.raises(TimeoutError):
            async with limit(2.5):
                await asyncio.sleep(1)
                await asyncio.Event().wait()
        ended.append(world.clock.elapsed)
    async with async_timeout.timeout(5) as moved:
        moved.shift(5)
        await asyncio.sleep(7)
    async with asyncio.timeout_at(asyncio.get_running_loop().time() + 5) as at:
        at.reschedule(asyncio.get_running_loop().time() + 10)
        await asyncio.sleep(7)
    ended.append(world.clock.elapsed)
    return ended


def test_timeouts_end_at_their_moment_and_can_be_moved() -> None:
    assert moments(async_timeouts) == [2.5, 5, 19]


async def call_at_and_call_later(world: interlace.World) -> list[tuple[float, str]]:
    loop = asyncio.get_running_loop()
    fired: list[tuple[float, str]] = []

    def note(name: str) -> None:
        fired.append((world.clock.elapsed, name))

    loop.call_at(loop.time() + 3, note, "third")
    loop.call_later(1, note, "first")
    loop.call_at(loop.time() + 4, note, "cancelled").cancel()
    loop.call_at(loop.time() + 2, note, "second")
    await asyncio.sleep(5)
    assert [name for _, name in fired] == ["first", "second", "third"]
    return fired


def test_call_at_fires_at_its_moment() -> None:
    assert moments(call_at_and_call_later) == [(1, "first"), (2, "second"), (3, "third")]


# Made before any run: it has bound time.monotonic, the real one, and reads the virtual one within a run.
CACHE: cachetools.TTLCache[str, int] = cachetools.TTLCache(maxsize=10, ttl=30)


async def cachetools_ttl(world: interlace.World) -> list[bool]:
    CACHE.clear()
    own: cachetools.TTLCache[str, int] = cachetools.TTLCache(maxsize=10, ttl=30, timer=time.time)
    CACHE["key"] = own["key"] = 1
    found = []
    for seconds in (29.5, 0.25, 1):
        await asyncio.sleep(seconds)
        found += ["key" in CACHE, "key" in own]
    CACHE.clear()
    assert found == [True, True, True, True, False, False]
    return found


def test_a_cache_that_has_bound_a_clock_before_the_run_reads_virtual_time() -> None:
    assert len(moments(cachetools_ttl)) == 6


async def apscheduler_jobs(world: interlace.World) -> list[tuple[str, str]]:
    fired: list[tuple[str, str]] = []

    def note(name: str) -> None:
        fired.append((name, dt.datetime.now().isoformat(" ", "milliseconds")))

    async def note_async(name: str) -> None:
        note(name)

    scheduler = AsyncIOScheduler()
    scheduler.add_job(note, "interval", ["every 20 s"], seconds=20)
    scheduler.add_job(note_async, "cron", ["each minute"], minute="*", second=5)
    scheduler.add_job(note, "date", ["once"], run_date=dt.datetime(2026, 1, 1, 0, 1, 0, 500_000))
    scheduler.start()
    await asyncio.sleep(90)
    scheduler.shutdown()
    await asyncio.sleep(0)
    assert sorted(name for name, _ in fired) == ["each minute"] * 2 + ["every 20 s"] * 4 + ["once"]
    return fired


def test_apscheduler_fires_by_interval_cron_and_date() -> None:
    assert moments(apscheduler_jobs) == [
        ("each minute", "2026-01-01 00:00:05.000"),
        ("every 20 s", "2026-01-01 00:00:20.000"),
        ("every 20 s", "2026-01-01 00:00:40.000"),
        ("every 20 s", "2026-01-01 00:01:00.000"),
        ("once", "2026-01-01 00:01:00.500"),
        ("each minute", "2026-01-01 00:01:05.000"),
        ("every 20 s", "2026-01-01 00:01:20.000"),
    ]


async def aiohttp_timeouts(world: interlace.World) -> list[float]:
    connections = set()

    async def answer(request: web.Request) -> web.Response:
        connections.add(request.transport)
        await asyncio.sleep(float(request.query["seconds"]))
        return web.Response(text="done")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, keepalive_timeout=30)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 8080).start()
    ended = []
    async with aiohttp.ClientSession(
        "http://127.0.0.1:8080", timeout=aiohttp.ClientTimeout(total=10)
    ) as session:

        async def ask(seconds: float) -> None:
            async with session.get("/", params={"seconds": str(seconds)}) as response:
                assert await response.text() == "done"

        with pytest.raises(TimeoutError):
            await ask(3600)
        ended.append(world.clock.elapsed)
        await ask(1)
        await asyncio.sleep(5)
        await ask(1)  # on the connection that was kept alive
        await asyncio.sleep(20)
        await ask(1)  # on a new one: the client keeps one for 15 seconds
        ended.append(world.clock.elapsed)
        assert len(connections) == 3
    await runner.cleanup()
    return ended


def test_a_client_of_aiohttp_times_out_and_keeps_connections_alive() -> None:
    assert moments(aiohttp_timeouts) == [10, 38]


async def travelling(world: interlace.World) -> list[str]:
    """A part of a test that needs a date of its own has it; time goes on as ever below it."""
    seen = [dt.datetime.now().isoformat(" ")]
    with time_machine.travel(dt.datetime(2030, 6, 1, tzinfo=dt.UTC), tick=False):
        seen.append(dt.datetime.now().isoformat(" "))
        await asyncio.sleep(60)
        seen.append(dt.datetime.now().isoformat(" "))
    seen.append(dt.datetime.now().isoformat(" "))
    return seen


async def freezing(world: interlace.World) -> list[str]:
    seen = [dt.datetime.now().isoformat(" ")]
    with freezegun.freeze_time("2030-06-01", real_asyncio=True):
        seen.append(dt.datetime.now().isoformat(" "))
        await asyncio.sleep(60)
        seen.append(dt.datetime.now().isoformat(" "))
    seen.append(dt.datetime.now().isoformat(" "))
    return seen


@pytest.mark.parametrize("program", [travelling, freezing], ids=lambda one: one.__name__)
def test_a_date_can_be_set_within_a_run(program: Program) -> None:
    assert moments(program) == [
        "2026-01-01 00:00:00",
        "2030-06-01 00:00:00",
        "2030-06-01 00:00:00",
        "2026-01-01 00:01:00",
    ]


PROGRAMS = [
    aiocache_ttl,
    aiocache_decorator,
    tenacity_backoff,
    tenacity_deadline,
    aiolimiter_bucket,
    async_timeouts,
    call_at_and_call_later,
    cachetools_ttl,
    apscheduler_jobs,
    aiohttp_timeouts,
    travelling,
    freezing,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda one: one.__name__)
def test_no_schedule_makes_it_fail(program: Program) -> None:
    assert holds_under_many_schedules(program)
