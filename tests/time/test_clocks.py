"""Every way to read the time agrees with the virtual clock within a run, and is real again after it."""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import logging
import subprocess
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable
from datetime import date, timedelta
from datetime import datetime as bound_datetime
from time import clock_gettime as bound_clock_gettime
from time import monotonic as bound_monotonic
from time import monotonic_ns as bound_monotonic_ns
from time import perf_counter as bound_perf_counter
from time import perf_counter_ns as bound_perf_counter_ns
from time import sleep as bound_sleep
from time import time as bound_time
from time import time_ns as bound_time_ns
from typing import Any

import pytest

import interlace
from interlace.errors import BlockingCallWarning

START = 1_767_225_600 * 10**9
ELAPSED = 90_061_123_456_789
"""Nanoseconds after the beginning at which the clocks are read: a day, an hour, a minute, and 1.123456789 s."""

WALL = START + ELAPSED
EPOCH = datetime.datetime(1970, 1, 1)

bound_now = datetime.datetime.now
bound_utcnow = datetime.datetime.utcnow
bound_today = datetime.date.today


class Late:
    """A clock that was bound when an object was made, and as a default argument."""

    def __init__(self) -> None:
        self.clock = time.monotonic

    def read(self, clock: Callable[[], float] = time.perf_counter) -> float:
        return clock()


LATE = Late()


def of_datetime(moment: datetime.datetime) -> int:
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000


def of_uuid1() -> int:
    made = datetime.datetime(1582, 10, 15) + timedelta(microseconds=uuid.uuid1().time // 10)
    return of_datetime(made)


def of_record() -> float:
    return logging.LogRecord("", 0, "", 0, "", (), None).created


def of_day(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def of_struct(parts: time.struct_time) -> tuple[int, ...]:
    return tuple(parts[:6])


SECONDS = WALL / 10**9
MICRO = WALL // 1000 * 1000
PARTS = (2026, 1, 2, 1, 1, 1)
DAY = WALL // (86_400 * 10**9)

# Each with what it must return: to the nanosecond, or as far as its type goes.
WAYS: dict[str, tuple[Callable[[], Any], Any]] = {
    "time.time": (lambda: time.time(), SECONDS),
    "time.time, bound": (bound_time, SECONDS),
    "time.time_ns": (lambda: time.time_ns(), WALL),
    "time.time_ns, bound": (bound_time_ns, WALL),
    "time.monotonic": (lambda: time.monotonic(), ELAPSED / 10**9),
    "time.monotonic, bound": (bound_monotonic, ELAPSED / 10**9),
    "time.monotonic, in an object": (lambda: LATE.clock(), ELAPSED / 10**9),
    "time.monotonic_ns": (lambda: time.monotonic_ns(), ELAPSED),
    "time.monotonic_ns, bound": (bound_monotonic_ns, ELAPSED),
    "time.perf_counter": (lambda: time.perf_counter(), ELAPSED / 10**9),
    "time.perf_counter, bound": (bound_perf_counter, ELAPSED / 10**9),
    "time.perf_counter, as a default": (LATE.read, ELAPSED / 10**9),
    "time.perf_counter_ns": (lambda: time.perf_counter_ns(), ELAPSED),
    "time.perf_counter_ns, bound": (bound_perf_counter_ns, ELAPSED),
    "time.clock_gettime(REALTIME)": (lambda: time.clock_gettime(time.CLOCK_REALTIME), SECONDS),
    "time.clock_gettime(MONOTONIC)": (lambda: time.clock_gettime(time.CLOCK_MONOTONIC), ELAPSED / 10**9),
    "time.clock_gettime, bound": (lambda: bound_clock_gettime(time.CLOCK_MONOTONIC), ELAPSED / 10**9),
    "time.clock_gettime_ns(REALTIME)": (lambda: time.clock_gettime_ns(time.CLOCK_REALTIME), WALL),
    "time.clock_gettime_ns(MONOTONIC)": (lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC), ELAPSED),
    "time.localtime": (lambda: of_struct(time.localtime()), PARTS),
    "time.gmtime": (lambda: of_struct(time.gmtime()), PARTS),
    "time.strftime": (lambda: time.strftime("%Y-%m-%dT%H:%M:%S"), "2026-01-02T01:01:01"),
    "time.ctime": (lambda: time.ctime(), "Fri Jan  2 01:01:01 2026"),
    "time.asctime": (lambda: time.asctime(), "Fri Jan  2 01:01:01 2026"),
    "datetime.now": (lambda: of_datetime(datetime.datetime.now()), MICRO),
    "datetime.now, the class bound": (lambda: of_datetime(bound_datetime.now()), MICRO),
    "datetime.now, bound": (lambda: of_datetime(bound_now()), MICRO),
    "datetime.now(tz)": (lambda: of_datetime(datetime.datetime.now(datetime.UTC)), MICRO),
    "datetime.utcnow": (lambda: of_datetime(datetime.datetime.utcnow()), MICRO),
    "datetime.utcnow, bound": (lambda: of_datetime(bound_utcnow()), MICRO),
    "datetime.today": (lambda: of_datetime(datetime.datetime.today()), MICRO),
    "date.today": (lambda: of_day(datetime.date.today()), DAY),
    "date.today, bound": (lambda: of_day(bound_today()), DAY),
    "loop.time": (lambda: asyncio.get_running_loop().time(), ELAPSED / 10**9),
    "uuid1": (of_uuid1, MICRO),
    "a log record": (of_record, SECONDS),
    "email.utils.formatdate": (lambda: email.utils.formatdate(), "Fri, 02 Jan 2026 01:01:01 -0000"),
}


def read() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return {name: way() for name, (way, _) in WAYS.items()}


def test_there_are_more_than_25_ways() -> None:
    assert len(WAYS) > 25


@pytest.fixture(scope="module")
def readings() -> dict[str, Any]:
    async def main(world: interlace.World) -> dict[str, Any]:
        world.clock.ns = ELAPSED
        return read()

    outcome = interlace.run(main)
    assert outcome.error is None
    return outcome.value


@pytest.mark.parametrize("name", WAYS)
def test_every_clock_agrees_with_the_virtual_one(readings: dict[str, Any], name: str) -> None:
    # A float of some 10^9 seconds holds microseconds; log records are rounded through one on older Pythons.
    if name == "a log record":
        assert readings[name] == pytest.approx(WAYS[name][1], abs=1e-6)
    else:
        assert readings[name] == WAYS[name][1]


@pytest.mark.parametrize("ending", ["passes", "raises", "is interrupted", "exits", "hangs"])
def test_clocks_are_real_again_after_the_run(ending: str) -> None:
    before = bound_monotonic(), bound_time(), time.tzname

    async def main() -> None:
        await asyncio.sleep(1)
        assert bound_monotonic() == 1
        if ending == "raises":
            raise ValueError
        if ending == "is interrupted":
            raise KeyboardInterrupt
        if ending == "exits":
            raise SystemExit(3)
        if ending == "hangs":
            await asyncio.Event().wait()

    if ending in ("is interrupted", "exits"):
        with pytest.raises((KeyboardInterrupt, SystemExit)):
            interlace.run(main)
    else:
        interlace.run(main)
    assert before[0] <= bound_monotonic() < before[0] + 600
    assert abs(bound_time() - before[1]) < 600
    assert abs(bound_now().timestamp() - before[1]) < 600
    assert time.tzname == before[2]
    assert bound_monotonic.__self__ is time
    assert time.sleep.__self__ is time


def test_processor_time_stays_what_it_is() -> None:
    async def main() -> tuple[float, float]:
        return time.process_time(), time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)

    assert all(seconds > 0 for seconds in interlace.run(main).value)


def test_the_arguments_of_the_clocks_are_checked_as_ever() -> None:
    async def main() -> None:
        for call in (
            lambda: time.monotonic(1),  # type: ignore[call-arg]
            lambda: time.sleep("1"),  # type: ignore[arg-type]
            lambda: time.ctime("1"),  # type: ignore[arg-type]
            lambda: time.clock_gettime("x"),  # type: ignore[arg-type]
            lambda: datetime.datetime.now("x"),  # type: ignore[arg-type]
        ):
            with pytest.raises(TypeError):
                call()
        with pytest.raises(ValueError, match="non-negative"):
            time.sleep(-1)
        assert time.ctime(0) == "Thu Jan  1 00:00:00 1970"
        assert time.asctime(time.gmtime(0)) == "Thu Jan  1 00:00:00 1970"

    assert interlace.run(main).error is None


def test_sleeping_in_a_step_takes_virtual_time_and_is_told() -> None:
    async def main() -> float:
        bound_sleep(2.5)
        return asyncio.get_running_loop().time()

    with pytest.warns(BlockingCallWarning, match=r"time.sleep\(2.5\) holds up the loop") as told:
        assert interlace.run(main).value == 2.5
    assert told[0].filename == __file__


def test_timers_that_were_due_meanwhile_fire_late() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        fired: list[float] = []
        loop.call_later(1, lambda: fired.append(loop.time()))
        with warnings.catch_warnings(action="ignore"):
            time.sleep(3)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return fired

    assert interlace.run(main).value == [3]


def test_sleeping_in_a_thread_takes_virtual_time_beside_others() -> None:
    async def main() -> tuple[float, list[float]]:
        def job(seconds: float) -> float:
            time.sleep(seconds)
            return time.monotonic()

        ends = await asyncio.gather(*(asyncio.to_thread(job, seconds) for seconds in (3, 1, 2)))
        await asyncio.to_thread(time.sleep, 60)
        return asyncio.get_running_loop().time(), ends

    assert interlace.run(main).value == (63, [3, 1, 2])


def test_other_threads_go_on_reading_real_time() -> None:
    ask, asked, told = threading.Event(), threading.Event(), []

    def stranger() -> None:
        ask.wait()
        told.extend([bound_monotonic(), bound_time(), bound_now().timestamp()])
        asked.set()

    thread = threading.Thread(target=stranger)
    thread.start()
    real = bound_monotonic(), bound_time()

    async def main() -> tuple[float, float]:
        ask.set()
        asked.wait()
        return bound_monotonic(), bound_time()

    assert interlace.run(main).value == (0, START / 10**9)
    thread.join()
    assert real[0] <= told[0] < real[0] + 600
    assert real[1] - 600 < told[1] < real[1] + 600
    assert real[1] - 600 < told[2] < real[1] + 600


def test_runs_in_two_threads_have_clocks_of_their_own() -> None:
    barrier = threading.Barrier(2)
    told: dict[int, tuple[float, float]] = {}

    def run(seconds: int) -> None:
        async def main() -> tuple[float, float]:
            barrier.wait()
            await asyncio.sleep(seconds)
            barrier.wait()
            now = time.monotonic(), time.time() - START / 10**9
            barrier.wait()
            return now

        told[seconds] = interlace.run(main).value

    threads = [threading.Thread(target=run, args=(seconds,)) for seconds in (100, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == {100: (100, 100), 7: (7, 7)}
    assert bound_monotonic.__self__ is time


def test_the_loop_factory_shows_its_clock_as_well() -> None:
    async def main() -> tuple[float, float]:
        await asyncio.sleep(5)
        return time.monotonic(), time.time()

    with asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
        assert runner.run(main()) == (5, START / 10**9 + 5)
    assert bound_monotonic.__self__ is time


@pytest.mark.parametrize(
    ("now", "tz", "local", "zone"),
    [
        (None, None, "2026-01-01 00:00:00", "UTC"),
        ("2026-02-28T23:59:00+01:00", "Europe/Berlin", "2026-02-28 23:59:00", "CET"),
        ("2026-07-01T12:00:00Z", "Europe/Berlin", "2026-07-01 14:00:00", "CEST"),
        ("2026-07-01T12:00:00Z", "Asia/Kathmandu", "2026-07-01 17:45:00", "+0545"),
        ("2026-07-01T12:00:00Z", None, "2026-07-01 12:00:00", "UTC"),
    ],
)
def test_a_run_begins_when_and_where_it_is_told(now: Any, tz: Any, local: str, zone: str) -> None:
    async def main(world: interlace.World) -> tuple[str, ...]:
        return (
            datetime.datetime.now().isoformat(" "),
            time.strftime("%Y-%m-%d %H:%M:%S"),
            world.clock.now().replace(tzinfo=None).isoformat(" "),
            time.tzname[time.localtime().tm_isdst],
            datetime.datetime.now().astimezone().tzname() or "",
        )

    before = time.tzname
    assert interlace.run(main, now=now, tz=tz).value == (local, local, local, zone, zone)
    assert time.tzname == before


def test_a_token_holds_when_and_where_the_run_began() -> None:
    async def main() -> str:
        return datetime.datetime.now().isoformat()

    token = interlace.run(main, now="2028-02-29T12:00:00+09:00", tz="Asia/Tokyo").token
    assert interlace.replay(main, token).value == "2028-02-29T12:00:00"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"now": "2026-02-28T23:59:00"},
            "has no time zone: add an offset, as in '2026-02-28T23:59:00\\+00:00'",
        ),
        ({"now": datetime.datetime(2026, 1, 1)}, "has no time zone"),
        ({"now": "soon"}, "now is 'soon'"),
        ({"now": 5}, "now is 5: give a string or a datetime"),
        ({"tz": "Europe/Berln"}, "no time zone is called 'Europe/Berln': did you mean 'Europe/Berlin'"),
        ({"tz": "../etc/passwd"}, "no time zone is called"),
        ({"tz": 3}, "no time zone is called 3"),
    ],
)
def test_a_beginning_that_cannot_be(settings: dict[str, Any], message: str) -> None:
    async def main() -> None:
        pass

    for call in (interlace.run, interlace.explore):
        with pytest.raises(interlace.UsageError, match=message):
            call(main, **settings)


def test_a_clock_that_is_itself_an_executor_job_is_virtual() -> None:
    async def main(world: interlace.World) -> None:
        await asyncio.sleep(5)
        loop = asyncio.get_running_loop()
        for clock in (time.monotonic, bound_perf_counter):
            assert await asyncio.to_thread(clock) == 5
            assert await loop.run_in_executor(None, clock) == 5
        with world.host("fast").here():
            world.host("fast").clock.skew = 60
            assert await loop.run_in_executor(None, bound_time) == START / 1e9 + 65

    outcome = interlace.run(main)
    assert outcome.error is None, outcome.error


def test_what_a_test_puts_in_place_of_a_function_before_the_first_run_is_left_alone() -> None:
    program = """
import time, asyncio, interlace
real = time.monotonic
time.monotonic = time.sleep = lambda *_: 5
async def main():
    await asyncio.sleep(60)
    return time.monotonic(), real()
outcome = interlace.run(main)
assert outcome.value == (5, 60.0), outcome
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
