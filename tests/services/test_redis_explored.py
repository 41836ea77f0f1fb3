"""Races on a fake Redis are found, and correct programs pass; the same token leads to the same run everywhere."""

import asyncio
import gc
import hashlib
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import redis
import redis.asyncio

import interlace

pytestmark = pytest.mark.usefixtures("leftovers_collected")

APART = 0.01
"""Seconds between two tasks: in the plain run none overlaps another."""

Add = Callable[[redis.asyncio.Redis], Awaitable[None]]


async def read_and_write(ask: redis.asyncio.Redis) -> None:
    n = int(await ask.get("n"))
    await ask.set("n", n + 1)


async def increment(ask: redis.asyncio.Redis) -> None:
    await ask.incr("n")


async def watch(ask: redis.asyncio.Redis) -> None:
    async with ask.pipeline(transaction=True) as both:
        while True:
            try:
                await both.watch("n")
                n = int(await both.get("n"))
                both.multi()
                both.set("n", n + 1)
                await both.execute()
            except redis.WatchError:
                continue
            return


async def lock(ask: redis.asyncio.Redis) -> None:
    async with ask.lock("door", timeout=60):
        await read_and_write(ask)


async def run_script(ask: redis.asyncio.Redis) -> None:
    await ask.eval("redis.call('set', KEYS[1], redis.call('get', KEYS[1]) + 1)", 1, "n")


async def take_turns(ask: redis.asyncio.Redis) -> None:
    await ask.blpop(["turn"], timeout=0)
    await read_and_write(ask)
    await ask.rpush("turn", "next")


def counting(add: Add, url: str = "redis://cache", latency: Any = "1ms..50ms") -> Any:
    async def program(world: interlace.World) -> None:
        kept = world.redis(url, latency=latency)
        kept.data.set("n", 0)
        kept.data.rpush("turn", "first")

        async def one(number: int) -> None:
            await asyncio.sleep(number * APART)
            await add(ask)

        async with (
            redis.asyncio.Redis.from_url(url, socket_timeout=None) as ask,
            asyncio.TaskGroup() as group,
        ):
            for number in range(10):
                group.create_task(one(number))
        assert kept.data.get("n") == b"10"

    return program


WHERE = [("redis://cache", "1ms..50ms"), ("redis://cache", None), ("redis://localhost:6379", None)]


@pytest.mark.slow
@pytest.mark.parametrize(("url", "latency"), WHERE)
def test_a_lost_update_is_found_on_every_seed(url: str, latency: Any) -> None:
    assert not interlace.run(counting(read_and_write, url, latency)).failed
    for seed in range(2):
        result = interlace.explore(counting(read_and_write, url, latency), schedules=10, seed=seed)
        assert result.verdict.status == "failed", seed


@pytest.mark.slow
@pytest.mark.parametrize("add", [increment, watch, lock, run_script, take_turns])
def test_what_is_right_passes(add: Add) -> None:
    if add in (lock, run_script):
        pytest.importorskip("lupa")
    result = interlace.explore(counting(add), schedules=50)
    assert result.verdict.status == "passed", result.report()


@pytest.mark.slow
@pytest.mark.parametrize("order", ["batch", "any"])
@pytest.mark.parametrize("add", [watch, take_turns])
def test_what_is_right_passes_in_any_order(add: Add, order: Any) -> None:
    result = interlace.explore(counting(add), schedules=10, order=order)
    assert result.verdict.status == "passed", result.report()


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # redis-py's, of what was cancelled
@pytest.mark.parametrize("fault", ["net", "cancel", "slow"])
def test_faults_leave_whole_values(fault: str) -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis("redis://cache", latency="1ms..50ms")
        async with redis.asyncio.Redis.from_url("redis://cache") as ask:

            async def one(number: int) -> None:
                for _ in range(20):
                    try:
                        async with ask.pipeline(transaction=True) as both:
                            both.set(f"a{number}", "x" * 500).set(f"b{number}", "x" * 500)
                            await both.execute()
                    except (redis.RedisError, OSError):
                        await asyncio.sleep(30)
                    else:
                        return

            await asyncio.wait([asyncio.create_task(one(number)) for number in range(2)])
        for number in range(2):
            assert cache.data.get(f"a{number}") == cache.data.get(f"b{number}")

    result = interlace.explore(program, schedules=30, faults=[fault])
    assert result.verdict.status == "passed", result.report()


@pytest.mark.slow
def test_faults_of_a_service_are_explored() -> None:
    async def program(world: interlace.World) -> None:
        cache = world.redis("redis://cache", latency="1ms..5ms")
        with world.faults(cache, reset=True, at_most=1):
            async with redis.asyncio.Redis.from_url("redis://cache", retry=None) as ask:
                await ask.set("tea", "assam")

    assert not interlace.run(program).failed
    result = interlace.explore(program, schedules=20)
    assert result.failure is not None
    assert result.failure.type == "ConnectionError"


def test_nothing_is_left_of_a_run() -> None:
    from interlace.services.redis.session import Session
    from interlace.services.redis.store import Store

    async def program(world: interlace.World) -> None:
        cache = world.redis("redis://cache")
        cache.data.set("n", 1)
        ask = redis.asyncio.Redis.from_url("redis://cache")
        tasks = [asyncio.create_task(ask.blpop(["jobs"], timeout=0)) for _ in range(2)]
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await ask.connection_pool.disconnect()

    interlace.run(program)
    gc.collect()
    before = sum(isinstance(one, (Session, Store)) for one in gc.get_objects())
    for _ in range(5):
        assert not interlace.run(program).failed
    gc.collect()
    assert sum(isinstance(one, (Session, Store)) for one in gc.get_objects()) == before


# -- the same run again --------------------------------------------------------------------------------


async def everything(world: interlace.World) -> None:
    """Asks for what fakeredis gives in an order that differs from process to process, or at random."""
    world.redis("redis://cache", latency="1ms..20ms")
    told: list[Any] = []

    async def listen(ask: redis.asyncio.Redis, number: int) -> None:
        async with ask.pubsub() as channels:
            await channels.subscribe("teas")
            await channels.psubscribe("t*")
            async for message in channels.listen():
                if message["type"] == "message" and message["data"] == b"stop":
                    return
                told.append((number, message["type"], message["data"]))

    async def take(ask: redis.asyncio.Redis, number: int) -> None:
        told.append((number, await ask.blpop(["jobs"], timeout=3)))

    # Without a timeout: for that redis-py calls asyncio.wait_for, which takes more steps in Python 3.11.
    async with redis.asyncio.Redis.from_url("redis://cache", socket_timeout=None) as ask:
        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(listen(ask, number))
                group.create_task(take(ask, number))
            await asyncio.sleep(1)
            await ask.rpush("jobs", "one", "two")
            await ask.publish("teas", "assam")
            await ask.publish("teas", "stop")
        await ask.sadd("letters", *"abcdefgh")
        await ask.set("session", 1, px=250)
        told += [
            await ask.smembers("letters"),
            await ask.srandmember("letters", 3),
            await ask.spop("letters", 2),
        ]
        told.append(await ask.eval("return redis.call('smembers', 'letters')", 0))
        told.append(await ask.acl_genpass())
        await asyncio.sleep(0.25)
        told.append([await ask.get("session"), await ask.xadd("events", {"a": 1}), await ask.time()])
        told.append(await ask.client_list())
    # Into the trace: whatever was told otherwise makes another moment.
    told = [sorted(one) if isinstance(one, set) else one for one in told]
    await asyncio.sleep(int(hashlib.sha256(repr(told).encode()).hexdigest()[:8], 16) / 1e9)


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import interlace
from test_redis_explored import everything, counting, read_and_write
for program in (everything, counting(read_and_write)):
    for seed in range(3):
        outcome = interlace.run(program, seed=seed)
        print(outcome.token, outcome.trace_hash, type(outcome.error).__name__)
"""


def test_the_same_token_leads_to_the_same_trace_in_another_process() -> None:
    told = set()
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.format(folder=os.path.dirname(__file__))],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        told.add(done.stdout)
    assert len(told) == 1
    for line in told.pop().splitlines()[:3]:
        token, trace_hash, error = line.split()
        assert error == "NoneType"
        assert interlace.replay(everything, token).trace_hash == trace_hash
