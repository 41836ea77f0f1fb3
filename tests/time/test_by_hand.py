"""Time moved by hand: advance, advance_to, paused, settle, timers."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest

import interlace
from interlace.errors import Deadlock, UsageError
from interlace.sim.clock import Clock


def value(main: Any, **settings: Any) -> Any:
    outcome = interlace.run(main, **settings)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


async def ticker(world: interlace.World, log: list[tuple[str, float]], name: str, period: float) -> None:
    while True:
        await asyncio.sleep(period)
        log.append((name, world.clock.elapsed))


def test_advance_runs_what_is_due_in_its_order_and_stops_at_the_moment() -> None:
    async def main(world: interlace.World) -> Any:
        log: list[tuple[str, float]] = []
        tasks = [asyncio.create_task(ticker(world, log, *one)) for one in (("a", 10), ("b", 25))]
        await world.clock.advance(30)
        elapsed = world.clock.elapsed
        for task in tasks:
            task.cancel()
        return elapsed, log

    assert value(main) == (30, [("a", 10), ("a", 20), ("b", 25), ("a", 30)])


def test_what_is_due_at_the_end_leads_to_is_done_as_well() -> None:
    async def main(world: interlace.World) -> list[str]:
        log: list[str] = []

        async def chain() -> None:
            await asyncio.sleep(5)
            for number in range(20):
                await asyncio.sleep(0)
                log.append(str(number))
            await asyncio.sleep(0.001)
            log.append("later")

        task = asyncio.create_task(chain())
        await world.clock.advance(5)
        task.cancel()
        return log

    assert value(main) == [str(number) for number in range(20)]


@pytest.mark.parametrize("length", [60, 60.0, dt.timedelta(minutes=1)])
def test_advance_takes_seconds_or_a_timedelta(length: Any) -> None:
    async def main(world: interlace.World) -> float:
        await world.clock.advance(length)
        return world.clock.elapsed

    assert value(main) == 60


def test_advance_to_takes_seconds_since_the_beginning_or_a_date() -> None:
    async def main(world: interlace.World) -> Any:
        await world.clock.advance_to(90)
        first = world.clock.now().isoformat()
        await world.clock.advance_to(dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
        return first, world.clock.now().isoformat()

    told = value(main, now="2026-02-28T23:57:00+00:00")
    assert told == ("2026-02-28T23:58:30+00:00", "2026-03-01T00:00:00+00:00")


def test_paused_time_moves_only_by_hand() -> None:
    async def main(world: interlace.World) -> list[Any]:
        seen: list[Any] = []
        timeout = asyncio.create_task(asyncio.sleep(1))
        with world.clock.paused():
            for _ in range(50):
                await asyncio.sleep(0)
            await world.clock.settle()
            seen.append((world.clock.elapsed, timeout.done()))
            await world.clock.advance(0.5)
            seen.append((world.clock.elapsed, timeout.done()))
            await world.clock.advance(0.5)
            seen.append((world.clock.elapsed, timeout.done()))
        await asyncio.sleep(2)
        return [*seen, world.clock.elapsed]

    assert value(main) == [(0, False), (0.5, False), (1, True), 3]


def test_pauses_may_be_nested() -> None:
    async def main(world: interlace.World) -> float:
        with world.clock.paused():
            with world.clock.paused():
                pass
            with pytest.raises(Deadlock, match=r"time is paused: 'await clock.advance"):
                await asyncio.wait_for(asyncio.sleep(1), 5)
        return 0

    outcome = interlace.run(main)
    assert isinstance(outcome.error, Deadlock)
    assert "time is paused" in str(outcome.error)


def test_settle_waits_for_everybody_and_for_no_time() -> None:
    async def main(world: interlace.World) -> Any:
        log: list[int] = []

        async def busy() -> None:
            for number in range(100):
                await asyncio.sleep(0)
                log.append(number)
            await asyncio.sleep(1)
            log.append(-1)

        task = asyncio.create_task(busy())
        others = [asyncio.create_task(world.clock.settle()) for _ in range(2)]
        await world.clock.settle()
        seen = len(log), world.clock.elapsed
        await asyncio.gather(task, *others)
        return seen

    assert value(main) == (100, 0)


def test_settle_waits_for_executor_jobs_that_are_at_work() -> None:
    async def main(world: interlace.World) -> list[int]:
        log: list[int] = []
        job = asyncio.create_task(asyncio.to_thread(log.append, 1))
        await world.clock.settle()
        seen = list(log)
        await job
        return seen

    assert value(main) == [1]


def test_a_cancelled_advance_leaves_time_to_itself() -> None:
    async def main(world: interlace.World) -> Any:
        async def driver() -> None:
            await world.clock.advance(100)

        task = asyncio.create_task(driver())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(1)
        await world.clock.advance(1)
        return world.clock.elapsed

    assert value(main) == 3


def test_timers_tell_who_will_wake_when_and_from_where() -> None:
    async def main(world: interlace.World) -> list[Any]:
        async def patient() -> None:
            async with asyncio.timeout(30):
                await asyncio.Event().wait()

        task = asyncio.create_task(asyncio.sleep(5), name="nap")
        other = asyncio.create_task(patient())
        asyncio.get_running_loop().call_later(7, print)
        await world.clock.settle()
        timers = world.clock.timers
        task.cancel()
        other.cancel()
        return timers

    timers = value(main)
    assert [(one.at, one.what) for one in timers] == [(5, "sleep"), (7, "print"), (30, "timeout")]
    assert timers[0].who == "nap"
    assert timers[2].who == "patient"
    assert timers[2].where.endswith("in patient")
    assert "test_by_hand.py:" in timers[2].where


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda clock: clock.advance(-1), r"clock.advance\(-1\): time does not go back"),
        (lambda clock: clock.advance(dt.timedelta(days=-1)), "time does not go back"),
        (lambda clock: clock.advance("1"), r"clock.advance\('1'\): give a number of seconds"),
        (lambda clock: clock.advance(True), "give a number of seconds"),
        (lambda clock: clock.advance(float("nan")), "give a number of seconds"),
        (lambda clock: clock.advance(float("inf")), "give a number of seconds"),
        (lambda clock: clock.advance_to(1), r"clock.advance_to\(1\) is past: it is 2 s after the run began"),
        (lambda clock: clock.advance_to(dt.datetime(2020, 1, 1, tzinfo=dt.UTC)), "is past"),
        (lambda clock: clock.advance_to(dt.datetime(2027, 1, 1)), "has no time zone: add an offset"),
        (lambda clock: clock.advance_to("2027"), "give a number of seconds"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    async def main(world: interlace.World) -> None:
        await asyncio.sleep(2)
        await call(world.clock)

    error = interlace.run(main).error
    assert isinstance(error, UsageError)
    with pytest.raises(UsageError, match=message):
        raise error


def test_advancing_within_an_advance_is_refused_and_told_where() -> None:
    async def main(world: interlace.World) -> list[str]:
        told: list[str] = []

        def callback() -> None:
            with pytest.raises(UsageError) as caught:
                world.clock.advance(1)
            told.append(str(caught.value))

        async def task() -> None:
            await asyncio.sleep(2)
            with pytest.raises(UsageError) as caught:
                await world.clock.advance(1)
            told.append(str(caught.value))

        asyncio.get_running_loop().call_later(1, callback)
        running = asyncio.create_task(task())
        await world.clock.advance(5)
        await running
        return told

    told = value(main)
    assert len(told) == 2
    for text in told:
        assert text.startswith("time is being advanced already, to 5 s after the run began, by main at ")
        assert "test_by_hand.py:" in text


def test_advance_in_a_callback_is_refused() -> None:
    async def main(world: interlace.World) -> list[str]:
        told: list[str] = []

        def callback() -> None:
            for method in (lambda: world.clock.advance(1), world.clock.settle):
                with pytest.raises(UsageError) as caught:
                    method()
                told.append(str(caught.value))

        asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(0)
        return told

    advance, settle = value(main)
    assert advance.startswith("clock.advance() is called where nobody can await it")
    assert settle.startswith("clock.settle() is called where nobody can await it")


def test_a_clock_of_no_run_says_so() -> None:
    with pytest.raises(UsageError, match="this clock is that of no run"):
        Clock().advance(1)


def test_explored_delays_do_not_pass_an_advance() -> None:
    """What is advanced to is a moment: nothing later has happened then, whatever was explored."""

    async def main(world: interlace.World) -> None:
        log: list[float] = []

        async def work() -> None:
            for _ in range(5):
                await world.latency("1ms..80ms")
                log.append(world.clock.elapsed)

        task = asyncio.create_task(work())
        await world.clock.advance(0.1)
        assert world.clock.elapsed == 0.1
        assert all(moment <= 0.1 for moment in log)
        await task

    result = interlace.explore(main, schedules=100)
    assert result.failure is None, result.report()


@pytest.mark.parametrize("order", ["realistic", "batch", "any"])
def test_by_hand_under_every_order(order: Any) -> None:
    async def main(world: interlace.World) -> None:
        log: list[str] = []

        async def nap(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            log.append(name)

        tasks = [asyncio.create_task(nap(*one)) for one in (("c", 3), ("a", 1), ("b", 2))]
        with world.clock.paused():
            for expected in ("a", "ab", "abc"):
                await world.clock.advance(1)
                assert "".join(log) == expected
        await asyncio.gather(*tasks)

    result = interlace.explore(main, schedules=60, order=order)
    assert result.failure is None, result.report()
