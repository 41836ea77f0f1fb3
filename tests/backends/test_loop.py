"""Virtual time: exact, free of charge, and never the real one."""

from __future__ import annotations

import asyncio
import math
import selectors
import threading
import time
from typing import Any

import pytest

import interlace
from interlace.model.choice import Order


@pytest.fixture(autouse=True)
def no_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("real time was used")

    for name in ("sleep", "monotonic", "perf_counter"):
        monkeypatch.setattr(time, name, refuse)
    monkeypatch.setattr(selectors.DefaultSelector, "select", refuse)
    monkeypatch.setattr(threading.Condition, "wait", refuse)


def test_a_day_is_slept_in_a_few_steps() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(86400)
        return before, loop.time()

    outcome = interlace.run(main)
    assert outcome.value == (0.0, 86400.0)
    assert outcome.elapsed == 86400
    assert len(outcome.trace) <= 10


def test_ten_tenths_are_one() -> None:
    async def main() -> float:
        for _ in range(10):
            await asyncio.sleep(0.1)
        return asyncio.get_running_loop().time()

    assert interlace.run(main).value == 1.0


def test_time_stands_still_while_anything_is_ready() -> None:
    async def main() -> float:
        asyncio.get_running_loop().call_later(0.001, lambda: None)
        for _ in range(500):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert interlace.run(main).value == 0


def test_each_run_begins_at_zero() -> None:
    async def main(world: interlace.World) -> tuple[float, float]:
        started = world.clock.elapsed, asyncio.get_running_loop().time()
        await asyncio.sleep(5)
        return started

    assert interlace.run(main).value == interlace.run(main).value == (0, 0)


@pytest.mark.parametrize("when", [math.inf, 1e300])
def test_a_timer_that_never_comes(when: float) -> None:
    async def main() -> str:
        handle = asyncio.get_running_loop().call_at(when, print)
        try:
            async with asyncio.timeout(10):
                await asyncio.sleep(when)
        except TimeoutError:
            return "waited ten seconds"
        finally:
            handle.cancel()
        return ""

    assert interlace.run(main).value == "waited ten seconds"


def test_a_timer_at_no_number_is_refused() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(math.nan, print)

    error = interlace.run(main).error
    assert isinstance(error, interlace.UsageError)
    assert "nan" in str(error)


def test_many_cancelled_timers_are_swept_out() -> None:
    async def main() -> int:
        loop: Any = asyncio.get_running_loop()
        for _ in range(1000):
            loop.call_later(100, print).cancel()
        kept = loop.call_later(50, print)
        kept.cancel()
        return len(loop._timers)

    assert interlace.run(main).value < 500


def test_a_wait_for_leaves_nothing_behind() -> None:
    async def main() -> float:
        for _ in range(300):
            await asyncio.wait_for(asyncio.sleep(0.001), 1000)
        return asyncio.get_running_loop().time()

    assert interlace.run(main).value == pytest.approx(0.3)


def test_a_runner_shows_no_time_either() -> None:
    async def main() -> float:
        await asyncio.gather(*(asyncio.sleep(hours * 3600) for hours in range(100)))
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
        assert runner.run(main()) == 99 * 3600


def test_the_trace_names_actors_by_their_path() -> None:
    async def child() -> None:
        await asyncio.sleep(1)

    async def main() -> None:
        await asyncio.gather(child(), child(), asyncio.create_task(child(), name="ann"))

    outcome = interlace.run(main)
    actors = {event.actor for event in outcome.trace}
    paths = {actor.rpartition("/")[2] for actor in actors}
    assert {"child", "child#2", "child#3"} <= paths
    assert interlace.run(main).trace_hash == outcome.trace_hash


@pytest.mark.parametrize("order", ["realistic", "any"])
def test_background_errors_are_kept(order: Order) -> None:
    """An error that nobody asked for is told as soon as nobody can ask for it any more, without a collection."""

    async def fail() -> None:
        raise ValueError("unseen")

    async def main() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(1)
        del task
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)

    outcome = interlace.run(main, order=order)
    assert outcome.error is None
    assert [line.rpartition(": ")[2] for line in outcome.background] == ["unseen", "division by zero"]


def test_background_errors_are_told_under_a_runner() -> None:
    async def fail() -> None:
        raise ValueError("unseen")

    async def main() -> list[str]:
        told: list[str] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
        task = asyncio.create_task(fail())
        await asyncio.sleep(1)
        del task
        return told

    with asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
        assert runner.run(main()) == ["Task exception was never retrieved"]


def test_a_timer_that_is_armed_again_for_less_than_a_nanosecond_does_not_fire_for_ever() -> None:
    async def main() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        when = 0.1 + 0.2  # as a clock that shows 0.3 is too early for
        fired = 0

        def check() -> None:
            nonlocal fired
            fired += 1
            if loop.time() >= when:
                done.set()
            elif fired < 1000:
                loop.call_at(when, check)

        loop.call_at(when, check)
        await asyncio.wait_for(done.wait(), 1)
        return fired, loop.time()

    outcome = interlace.run(main)
    assert outcome.value == (2, 0.300000001)
