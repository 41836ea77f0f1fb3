"""The finder is tested by planted bugs; each is found on every seed, in the realistic order."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest

import interlace


async def lost_update(world: interlace.World) -> None:
    stock = 0

    async def add() -> None:
        nonlocal stock
        await world.latency("1ms..50ms")
        seen = stock
        await world.latency("1ms..5ms")
        stock = seen + 1

    first = asyncio.create_task(add())
    await asyncio.sleep(0.03)
    await asyncio.gather(first, add())
    assert stock == 2


async def two_locks_in_two_orders(world: interlace.World) -> None:
    a, b = asyncio.Lock(), asyncio.Lock()

    async def move(first: asyncio.Lock, second: asyncio.Lock) -> None:
        await world.latency("0ms..20ms")
        async with first:
            await world.latency("0ms..10ms")
            async with second:
                pass

    one = asyncio.create_task(move(a, b), name="one")
    await asyncio.sleep(0.05)
    await asyncio.gather(one, move(b, a))


async def a_cache_stampede(world: interlace.World) -> None:
    cache: dict[str, int] = {}
    loads = 0

    async def get(key: str) -> int:
        nonlocal loads
        if key not in cache:
            loads += 1
            await world.latency("1ms..40ms")
            cache[key] = loads
        return cache[key]

    async def client(pause: float) -> int:
        await asyncio.sleep(pause)
        return await get("k")

    await asyncio.gather(client(0), client(0.02))
    assert loads == 1


async def timers_with_one_deadline(world: interlace.World) -> None:
    loop = asyncio.get_running_loop()
    got: list[str] = []
    loop.call_at(0.02, got.append, "early")
    await asyncio.sleep(0.01)
    loop.call_at(0.02, got.append, "late")
    await asyncio.sleep(0.05)
    assert got == ["early", "late"]


async def a_reply_later_than_its_timeout(world: interlace.World) -> None:
    replies: dict[int, asyncio.Future[str]] = {1: asyncio.get_running_loop().create_future()}

    async def serve() -> None:
        await world.latency("1ms..40ms")
        replies[1].set_result("reply")

    server = asyncio.create_task(serve())
    try:
        await asyncio.wait_for(replies[1], 0.03)
    except TimeoutError:
        pass
    await server


async def an_overtaking_reply(world: interlace.World) -> None:
    page = ""

    async def load(text: str) -> None:
        nonlocal page
        await world.latency("1ms..80ms")
        page = text

    first = asyncio.create_task(load("old"))
    await asyncio.sleep(0.02)
    await asyncio.gather(first, load("new"))
    assert page == "new"


async def a_job_that_overtakes(world: interlace.World) -> None:
    saved: list[int] = []
    await asyncio.gather(*(_save(saved, number) for number in range(3)))
    assert saved == [0, 1, 2]


async def _save(saved: list[int], number: int) -> None:
    await asyncio.to_thread(str, number)
    saved.append(number)


async def nested_groups(world: interlace.World) -> None:
    """Children of both groups fail in one iteration (python/cpython#116720)."""

    async def fail(pause: float, error: Exception) -> None:
        await asyncio.sleep(pause)
        raise error

    async def session() -> None:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(fail(0.02, ConnectionError()))
            try:
                async with asyncio.TaskGroup() as inner:
                    inner.create_task(fail(0.03, OSError()))
            except* OSError:
                pass
            await asyncio.Event().wait()

    task = asyncio.create_task(session(), name="session")
    done, _ = await asyncio.wait([task], timeout=0.5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert done, "the session hangs although a child has failed"


async def swallowed_by_wait_for(world: interlace.World) -> None:
    """`wait_for` of Python 3.11 eats a cancellation that comes when the result is there already."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    ended = asyncio.Event()

    async def worker() -> None:
        while True:
            await asyncio.wait_for(queue.get(), 60)

    async def produce() -> None:
        await world.latency("1ms..30ms")
        queue.put_nowait(1)

    async def end() -> None:
        await asyncio.sleep(0)
        await world.latency("1ms..30ms")
        ended.set()

    task = asyncio.create_task(worker(), name="worker")
    others = [asyncio.create_task(produce()), asyncio.create_task(end())]
    await ended.wait()
    task.cancel()
    await asyncio.wait([task, *others], timeout=1)
    stopped = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert stopped, "the worker was cancelled and goes on"


class Permits:
    """A semaphore that hands its permit over, and loses it if the new owner is cancelled just then."""

    def __init__(self) -> None:
        self.free = 1
        self.waiters: list[asyncio.Future[None]] = []

    async def acquire(self) -> None:
        if self.free:
            self.free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        await waiter

    def release(self) -> None:
        while self.waiters:
            waiter = self.waiters.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                return
        self.free += 1


async def a_permit_lost_on_cancel(world: interlace.World) -> None:
    permits = Permits()

    async def work() -> None:
        await permits.acquire()
        try:
            await world.latency("1ms..20ms")
        finally:
            permits.release()

    await asyncio.gather(*(asyncio.create_task(work()) for _ in range(3)), return_exceptions=True)
    assert permits.free == 1


async def three_steps_in_a_bad_order() -> None:
    """Fails only in the order open, use, close, among twenty tasks that do something else."""
    steps: list[str] = []

    async def noise() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    async def step(name: str) -> None:
        await asyncio.sleep(0)
        steps.append(name)
        await asyncio.sleep(0)

    some, more = ([noise() for _ in range(10)] for _ in range(2))
    await asyncio.gather(*some, step("close"), step("use"), step("open"), *more)
    assert steps != ["open", "use", "close"]


@pytest.mark.parametrize(
    "program",
    [
        lost_update,
        two_locks_in_two_orders,
        a_cache_stampede,
        timers_with_one_deadline,
        a_reply_later_than_its_timeout,
        an_overtaking_reply,
        a_job_that_overtakes,
    ],
    ids=lambda program: program.__name__,
)
def test_a_planted_bug_is_found(program: Any) -> None:
    assert interlace.run(program).error is None
    for seed in range(4):
        _check_found(interlace.explore(program, schedules=200, seed=seed), program)


def _check_found(result: interlace.Result, program: Any) -> interlace.Failure:
    failure = result.failure
    assert failure is not None
    assert failure.label == ("real" if failure.deviations else "plain")
    again = interlace.replay(program, failure.token)
    assert again.trace_hash == failure.smallest.trace_hash
    assert again.signature == failure.smallest.signature
    return failure


def test_a_deadlock_of_two_locks_says_where() -> None:
    failure = _check_found(interlace.explore(two_locks_in_two_orders), two_locks_in_two_orders)
    assert failure.type == "Deadlock"
    assert isinstance(failure.error, interlace.Deadlock)
    assert sum("waits for Lock.acquire at" in line for line in failure.error.waiting) == 2


@pytest.mark.skipif(sys.version_info >= (3, 12, 3), reason="fixed in 3.12.3 and 3.13")
def test_nested_groups_hang_on_this_python() -> None:
    for seed in range(3):
        failure = _check_found(interlace.explore(nested_groups, seed=seed), nested_groups)
        assert "hangs although a child has failed" in failure.message


@pytest.mark.skipif(sys.version_info < (3, 12, 3), reason="fixed in 3.12.3 and 3.13")
def test_nested_groups_end_on_this_python() -> None:
    assert interlace.explore(nested_groups).failure is None


def test_wait_for_swallows_a_cancellation_on_311_only() -> None:
    for seed in range(3):
        result = interlace.explore(swallowed_by_wait_for, schedules=200, seed=seed)
        if sys.version_info >= (3, 12):
            assert result.failure is None
        else:
            _check_found(result, swallowed_by_wait_for)


def test_a_permit_is_lost_only_if_cancellation_was_asked_for() -> None:
    assert interlace.explore(a_permit_lost_on_cancel, schedules=60).failure is None
    for seed in range(3):
        result = interlace.explore(a_permit_lost_on_cancel, faults=["cancel"], seed=seed)
        failure = _check_found(result, a_permit_lost_on_cancel)
        assert [deviation.kind for deviation in failure.deviations] == ["cancel"]


def test_three_steps_in_a_bad_order_are_found_among_much_noise() -> None:
    assert interlace.explore(three_steps_in_a_bad_order, schedules=20).failure is None
    for seed in range(2):
        failure = interlace.explore(three_steps_in_a_bad_order, order="any", seed=seed).failure
        assert failure is not None
        assert failure.label == "latent"
