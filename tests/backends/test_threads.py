"""Threads stay in step with virtual time: nothing is lost, nothing is early, and every run is the same."""

from __future__ import annotations

import asyncio
import hashlib
import queue
import selectors
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

import interlace
from interlace.backends.aio import threads


def test_a_job_takes_an_explored_time() -> None:
    async def main() -> list[int]:
        done: list[int] = []

        async def job(number: int) -> None:
            await asyncio.to_thread(str, number)
            done.append(number)

        await asyncio.gather(job(1), job(2))
        return done

    assert interlace.run(main).value == [1, 2]
    results = {tuple(interlace.run(main, seed=seed).value) for seed in range(20)}
    assert results == {(1, 2), (2, 1)}
    outcome = interlace.run(main, seed=3)
    assert {point.subject for point in outcome.points} >= {"job str done", "job str#2 done"}


@pytest.mark.parametrize("jobs", [1, 4])
def test_every_run_with_threads_is_the_same(jobs: int) -> None:
    """However many jobs talk to the loop at once, and whether or not they would wait for ever."""

    async def main() -> list[Any]:
        log: list[Any] = []
        loop = asyncio.get_running_loop()

        async def answer(number: int) -> int:
            await asyncio.sleep(0.01)
            log.append(number)
            return number + 1

        def job(number: int) -> int:
            for _ in range(3):
                number = asyncio.run_coroutine_threadsafe(answer(number), loop).result()
                number = asyncio.run_coroutine_threadsafe(answer(number), loop).result(timeout=60)
            return number

        async def ticks() -> None:
            for _ in range(5):
                await asyncio.sleep(0.007)
                log.append("tick")

        await asyncio.gather(*(asyncio.to_thread(job, 100 * number) for number in range(jobs)), ticks())
        return log

    for seed in (1, 2, 3):
        outcomes = [interlace.run(main, seed=seed) for _ in range(8)]
        assert {str(outcome.value) for outcome in outcomes} == {str(outcomes[0].value)}
        assert {outcome.trace_hash for outcome in outcomes} == {outcomes[0].trace_hash}


@pytest.fixture
def nervous() -> Iterator[None]:
    """Lets threads be interrupted at any moment, as on a busy machine."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("nervous")
def test_however_often_threads_are_interrupted() -> None:
    """Short jobs, which may be over before the loop has noted that they began, and their letters."""

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        got: list[int] = []

        def job(first: int) -> None:
            for number in range(first, first + 3):
                loop.call_soon_threadsafe(got.append, number)

        await asyncio.gather(*(asyncio.to_thread(job, 10 * number) for number in range(3)))
        return got

    outcomes = [interlace.run(main, seed=1) for _ in range(60)]
    assert {str(outcome.value) for outcome in outcomes} == {"[0, 1, 2, 10, 11, 12, 20, 21, 22]"}
    assert len({outcome.trace_hash for outcome in outcomes}) == 1


def test_of_the_loop_and_its_jobs_one_is_at_work_at_a_time() -> None:
    """A job that a step lets go on does so before the next step, although that one is ready."""

    async def main() -> list[str]:
        log: list[str] = []
        go = threading.Event()

        def job() -> None:
            go.wait()
            for _ in range(1000):
                pass
            log.append("job")

        async def step() -> None:
            log.append("step")

        waiting = asyncio.create_task(asyncio.to_thread(job))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        loop.call_soon(go.set)
        await asyncio.create_task(step())
        await waiting
        return log

    assert interlace.run(main).value == ["job", "step"]


def work() -> None:
    """Takes some milliseconds of real time, and not the lock of the interpreter."""
    hashlib.pbkdf2_hmac("sha256", b"", b"", 20_000)


def test_a_job_that_polls_sleeps_in_virtual_time() -> None:
    async def main() -> tuple[int, float]:
        asked: list[int] = []

        def job() -> int:
            polls = 0
            while not asked:
                time.sleep(0.01)
                polls += 1
            return polls

        waiting = asyncio.create_task(asyncio.to_thread(job))
        await asyncio.sleep(0.995)
        asked.append(1)
        return await waiting, asyncio.get_running_loop().time()

    outcome = interlace.run(main)
    assert outcome.value == (100, 1.0)
    assert not outcome.background


def test_a_job_that_waits_for_something_real_is_left_alone_and_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else neither would go on: what it polls for is still to come from the loop."""
    monkeypatch.setattr(threads, "_DOZING", 0.02)

    async def main() -> str:
        asked: list[int] = []

        def job() -> str:
            with selectors.SelectSelector() as nothing:
                while not asked:
                    nothing.select(0.001)
            return "seen"

        waiting = asyncio.create_task(asyncio.to_thread(job))
        await asyncio.sleep(1)
        asked.append(1)
        return await waiting

    outcome = interlace.run(main)
    assert outcome.value == "seen"
    assert len(outcome.background) == 1
    assert "job test_a_job_that_waits" in outcome.background[0]


def test_time_does_not_move_on_while_a_job_is_at_work() -> None:
    def job(loop: asyncio.AbstractEventLoop) -> str:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
        work()
        return "done"

    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        return await asyncio.wait_for(asyncio.to_thread(job, loop), 1), loop.time()

    assert interlace.run(main).value == ("done", 0)


def test_time_does_not_move_on_while_a_thread_of_the_program_is_at_work() -> None:
    async def main() -> tuple[str, float]:
        loop = asyncio.get_running_loop()
        reply = loop.create_future()

        def thread_of_its_own() -> None:
            work()
            loop.call_soon_threadsafe(reply.set_result, "done")

        thread = threading.Thread(target=thread_of_its_own)
        thread.start()
        result = await asyncio.wait_for(reply, 1)
        thread.join()
        return result, loop.time()

    assert interlace.run(main).value == ("done", 0)


def test_a_waiting_thread_does_not_hold_time_up() -> None:
    async def main() -> float:
        letters: queue.Queue[int] = queue.Queue()
        job = asyncio.create_task(asyncio.to_thread(letters.get))
        for _ in range(500):
            await asyncio.sleep(1)
        letters.put(1)
        assert await job == 1
        return asyncio.get_running_loop().time()

    assert interlace.run(main).value == 500


def test_a_full_pool_whose_jobs_wait_for_the_loop() -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        free = threading.Event()
        done: list[int] = []
        with ThreadPoolExecutor(1) as pool:
            jobs = [loop.run_in_executor(pool, free.wait), loop.run_in_executor(pool, done.append, 1)]
            await asyncio.sleep(1)
            free.set()
            await asyncio.gather(*jobs)
        return done

    assert interlace.run(main).value == [1]


def test_a_pool_of_processes() -> None:
    async def main() -> int:
        with ProcessPoolExecutor(1) as pool:
            return await asyncio.get_running_loop().run_in_executor(pool, pow, 2, 5)

    if threading.active_count() == 1:  # else forking is unsafe
        assert interlace.run(main).value == 32


def test_a_job_that_ends_after_its_loop() -> None:
    free = threading.Event()

    async def main() -> str:
        job = asyncio.create_task(asyncio.to_thread(free.wait))
        await asyncio.sleep(1)
        job.cancel()
        return "left"

    before = set(threading.enumerate())
    assert interlace.run(main).value == "left"
    free.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()


def test_loops_of_two_threads_do_not_meddle() -> None:
    async def main() -> float:
        await asyncio.sleep(10)
        return await asyncio.to_thread(lambda: asyncio.get_event_loop_policy() is None) or 10.0

    found: list[Any] = []
    both = [threading.Thread(target=lambda: found.append(interlace.run(main).value)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert found == [10.0, 10.0]
