"""Runs that do not end are stopped, and it is told who keeps them going."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import interlace
from interlace.errors import Runaway, Standstill, UsageError


async def heartbeat(period: float, beats: list[int]) -> None:
    while True:
        await asyncio.sleep(period)
        beats[0] += 1


async def stuck_behind_a_heartbeat() -> None:
    beats = [0]
    tasks = [asyncio.create_task(heartbeat(period, beats)) for period in (1, 7)]
    await asyncio.Event().wait()
    del tasks


def test_a_heartbeat_does_not_hide_that_the_test_is_stuck() -> None:
    error = interlace.run(stuck_behind_a_heartbeat).error
    assert isinstance(error, Standstill)
    assert isinstance(error, interlace.Deadlock)
    (waiting,) = error.waiting
    assert waiting.startswith("stuck_behind_a_heartbeat waits for Event.wait at ")
    assert [line.partition(":")[0] for line in error.busy] == ["heartbeat", "heartbeat#2"]
    assert "one every 1 s at " in error.busy[0]
    assert "one every 7 s at " in error.busy[1]
    assert "while True:\n" in error.busy[0]
    assert "await asyncio.sleep(period)\n" in error.busy[0]
    assert "stuck: these tasks wait" in str(error)


def test_it_takes_few_enough_steps_to_be_told_soon() -> None:
    """Steps, as times differ between machines: some tens of thousands take a fraction of a second."""
    outcome = interlace.run(stuck_behind_a_heartbeat)
    assert len(outcome.trace) < 80_000


async def repeats_itself(loop: asyncio.AbstractEventLoop) -> None:
    loop.call_later(1, lambda: asyncio.ensure_future(repeats_itself(loop)))


def test_a_heartbeat_of_new_tasks_or_of_callbacks_hides_nothing_either() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()

        def tick() -> None:
            loop.call_later(2, tick)

        tick()
        await repeats_itself(loop)
        await asyncio.Lock().acquire()
        await loop.create_future()

    error = interlace.run(main).error
    assert isinstance(error, Standstill)
    assert error.waiting[0].startswith("main waits for a future at ")


async def the_last_beat_of_many() -> int:
    done = asyncio.Event()

    async def poll() -> None:
        for _ in range(20_000):
            await asyncio.sleep(0.01)
        done.set()

    task = asyncio.create_task(poll())
    await done.wait()
    await task
    return 1


async def a_timer_far_ahead() -> int:
    done = asyncio.Event()
    beat = asyncio.create_task(heartbeat(1, [0]))
    asyncio.get_running_loop().call_later(50_000, done.set)
    await done.wait()
    beat.cancel()
    return 1


async def sleeps_for_long() -> int:
    beat = asyncio.create_task(heartbeat(1, [0]))
    await asyncio.sleep(50_000)
    beat.cancel()
    return 1


async def a_cascade() -> int:
    """Each beat does as the last one did, but the tasks that wait become fewer."""
    events = [asyncio.Event() for _ in range(4)]

    async def wait(number: int) -> None:
        await events[number].wait()

    async def clock() -> None:
        for event in events:
            for _ in range(9_000):
                await asyncio.sleep(1)
            event.set()

    await asyncio.gather(clock(), *(wait(number) for number in range(4)))
    return 1


async def a_slow_reply(world: interlace.World) -> int:
    beat = asyncio.create_task(heartbeat(1, [0]))
    await world.latency("40000s")
    beat.cancel()
    return 1


async def a_relay() -> int:
    """Who beats is always of one kind, but those that wait become fewer."""
    events = [asyncio.Event() for _ in range(5)]

    async def leg(number: int) -> None:
        await events[number].wait()
        for _ in range(9_000):
            await asyncio.sleep(1)
        if number < 4:
            events[number + 1].set()

    legs = [asyncio.create_task(leg(number)) for number in range(5)]
    events[0].set()
    await asyncio.gather(*legs)
    return 1


@pytest.mark.parametrize(
    "program",
    [the_last_beat_of_many, a_timer_far_ahead, sleeps_for_long, a_cascade, a_slow_reply, a_relay],
    ids=lambda one: one.__name__,
)
def test_a_program_that_gets_there_at_last_is_not_stopped(program: Any) -> None:
    outcome = interlace.run(program)
    assert (outcome.value, outcome.error) == (1, None)


def test_patience_grows_with_the_steps_that_are_allowed() -> None:
    async def main() -> int:
        done = asyncio.Event()

        async def poll() -> None:
            for _ in range(40_000):
                await asyncio.sleep(1)
            done.set()

        task = asyncio.create_task(poll())
        await done.wait()
        await task
        return 1

    assert isinstance(interlace.run(main).error, Standstill)
    assert interlace.run(main, max_steps=4_000_000).value == 1


def test_a_run_without_a_limit_is_looked_at_no_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    from interlace.backends.aio.runaway import Pace

    looks = []
    monkeypatch.setattr(Pace, "look", lambda self: looks.append(1))
    outcomes = [interlace.run(the_last_beat_of_many, max_steps=steps) for steps in (0, 1_000_000)]
    assert [outcome.value for outcome in outcomes] == [1, 1]
    assert 0 < len(looks) <= 2 * 20_000 // 1000


def test_too_many_steps() -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    error = interlace.run(spin, max_steps=10_000).error
    assert isinstance(error, Runaway)
    assert "stopped after 10,000 steps, 0.09 virtual seconds after it began" in str(error)
    (line,) = error.busy
    assert line.startswith("spin: 10,000 of the last 10,000 steps at ")
    assert line.endswith("await asyncio.sleep(0)")


def test_too_much_virtual_time() -> None:
    async def back_off() -> None:
        delay = 1.0
        while True:
            await asyncio.sleep(delay)
            delay *= 2

    error = interlace.run(back_off).error
    assert isinstance(error, Runaway)
    assert "Raise max_time" in str(error)
    assert error.busy[0].startswith("back_off: ")
    assert isinstance(interlace.run(back_off, max_time=100).error, Runaway)


def test_stuck_is_a_failure_like_any_other_when_explored() -> None:
    result = interlace.explore(stuck_behind_a_heartbeat, schedules=2)
    assert result.failure is not None
    assert isinstance(result.failure.error, Standstill)
    assert "stuck" in result.report()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_steps": -1}, "max_steps is -1: give a whole number of steps"),
        ({"max_steps": 1.5}, "max_steps is 1.5"),
        ({"max_time": -1}, "max_time is -1: give a number of virtual seconds"),
        ({"max_time": float("nan")}, "max_time is nan"),
    ],
)
def test_limits_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        interlace.run(stuck_behind_a_heartbeat, **settings)
