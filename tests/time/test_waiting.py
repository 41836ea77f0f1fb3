"""Waits with a limit, and all that stands on them, take virtual time: in threads and in steps."""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import interlace
from interlace.errors import BlockingCallWarning


def by_hand(seconds: float) -> None:
    condition = threading.Condition()
    end = time.monotonic() + seconds
    with condition:
        while (left := end - time.monotonic()) > 0:
            condition.wait(left)


def of_a_queue(seconds: float) -> None:
    with pytest.raises(queue.Empty):
        queue.Queue[int]().get(timeout=seconds)


def of_a_result(seconds: float) -> None:
    with pytest.raises(concurrent.futures.TimeoutError):
        concurrent.futures.Future[int]().result(seconds)


def of_a_condition(seconds: float) -> None:
    with (condition := threading.Condition()):
        assert not condition.wait_for(lambda: False, seconds)


def of_an_event(seconds: float) -> None:
    assert not threading.Event().wait(seconds)


def of_a_semaphore(seconds: float) -> None:
    assert not threading.Semaphore(0).acquire(timeout=seconds)


WAITS: list[Callable[[float], None]] = [
    by_hand,
    of_a_queue,
    of_a_result,
    of_a_condition,
    of_an_event,
    of_a_semaphore,
]


@pytest.mark.parametrize("wait", WAITS, ids=lambda one: one.__name__)
def test_a_wait_in_a_thread_takes_virtual_time_beside_the_loop(wait: Callable[[float], None]) -> None:
    async def main(world: interlace.World) -> Any:
        ticks: list[float] = []

        async def tick() -> None:
            for _ in range(3):
                await asyncio.sleep(1000)
                ticks.append(world.clock.elapsed)

        await asyncio.gather(asyncio.to_thread(wait, 2500), tick())
        return ticks, world.clock.elapsed

    assert interlace.run(main).value == ([1000, 2000, 3000], 3000)


@pytest.mark.parametrize("wait", WAITS, ids=lambda one: one.__name__)
def test_a_wait_in_a_step_takes_virtual_time_and_is_told(wait: Callable[[float], None]) -> None:
    async def main(world: interlace.World) -> float:
        wait(2500)
        return world.clock.elapsed

    with pytest.warns(
        BlockingCallWarning, match="a wait of 2500 s for another thread holds up the loop"
    ) as told:
        assert interlace.run(main).value == 2500
    assert told[0].filename == __file__


def test_whoever_is_notified_in_time_does_not_wait_longer() -> None:
    async def main(world: interlace.World) -> Any:
        event, got = threading.Event(), queue.Queue[int]()

        def job() -> tuple[bool, int, float]:
            return event.wait(100), got.get(timeout=100), time.monotonic()

        waiting = asyncio.create_task(asyncio.to_thread(job))
        await asyncio.sleep(7)
        event.set()
        await asyncio.sleep(2)
        got.put(5)
        return await waiting, world.clock.elapsed

    assert interlace.run(main).value == ((True, 5, 9), 9)


def test_a_step_gets_what_another_thread_has_for_it() -> None:
    async def main(world: interlace.World) -> Any:
        event = threading.Event()

        def work() -> None:
            sum(range(300_000))
            event.set()

        thread = threading.Thread(target=work)
        thread.start()
        came = event.wait(1000)
        thread.join()
        return came, world.clock.elapsed

    assert interlace.run(main).value == (True, 0)


def test_the_same_in_every_run() -> None:
    async def main(world: interlace.World) -> list[Any]:
        got: queue.Queue[int] = queue.Queue()
        log: list[Any] = []

        def consume() -> None:
            while True:
                try:
                    log.append((got.get(timeout=3.5), time.monotonic()))
                except queue.Empty:
                    log.append(("over", time.monotonic()))
                    return

        job = asyncio.create_task(asyncio.to_thread(consume))
        for number in range(4):
            await asyncio.sleep(number)
            got.put(number)
        await job
        return log

    outcomes = [interlace.run(main) for _ in range(5)]
    assert outcomes[0].value == [(0, 0), (1, 1), (2, 3), (3, 6), ("over", 9.5)]
    assert len({outcome.trace_hash for outcome in outcomes}) == 1


@pytest.mark.parametrize("kind", ["sleeps", "waits"])
def test_a_step_that_waits_for_a_thread_that_waits_for_time(kind: str) -> None:
    """Nobody but the step could let time pass, and it does: as in real life it is held up so long."""

    async def main(world: interlace.World) -> Any:
        log: list[float] = []

        def work() -> None:
            for _ in range(2):
                if kind == "sleeps":
                    time.sleep(30)
                else:
                    threading.Event().wait(30)
                log.append(time.monotonic())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        await world.clock.settle()
        return log, world.clock.elapsed, world.clock.timers

    assert interlace.run(main).value == ([30, 60], 60, [])


@pytest.mark.parametrize("kind", ["sleeps", "waits"])
def test_a_thread_that_outlives_the_run_goes_on(kind: str) -> None:
    """Else it would wait for ever for time that no longer passes, and keep the process from ending."""
    threads: list[threading.Thread] = []

    async def main() -> None:
        call = (lambda: time.sleep(10_000)) if kind == "sleeps" else (lambda: threading.Event().wait(10_000))
        threads.append(threading.Thread(target=call, daemon=True))
        threads[0].start()
        await asyncio.sleep(0)

    assert interlace.run(main).error is None
    threads[0].join(60)
    assert not threads[0].is_alive()


def test_waits_are_real_again_after_the_run() -> None:
    before = threading.Condition.wait

    async def main() -> bool:
        assert threading.Condition.wait is not before
        return True

    assert interlace.run(main).value
    assert threading.Condition.wait is before


def test_a_wait_that_cannot_be_is_refused_as_ever() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="un-acquired lock"):
            threading.Condition().wait(1)
        assert not threading.Event().wait(0)
        assert not threading.Event().wait(-1)

    assert interlace.run(main).error is None
