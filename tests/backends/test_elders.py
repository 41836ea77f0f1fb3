"""Threads that are older than a run, as the workers of a pool that a module keeps are in every run but the first."""

import asyncio
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

import interlace
from interlace.backends.aio import elders, threads
from interlace.errors import Deadlock


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """A pool whose worker is older than every run of the test."""
    with ThreadPoolExecutor(1) as made:
        made.submit(int).result()
        yield made


def test_a_pool_that_is_kept_works_for_each_run_alike(pool: ThreadPoolExecutor) -> None:
    async def program() -> None:
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        await loop.run_in_executor(pool, time.sleep, 1)
        assert time.monotonic() - began >= 1
        await asyncio.wrap_future(pool.submit(time.sleep, 60))
        assert loop.time() >= 61

    runs = [interlace.run(program) for _ in range(3)]
    assert [run.error for run in runs] == [None, None, None]
    assert len({run.trace_hash for run in runs}) == 1


@pytest.mark.parametrize("locked", [False, True])
def test_what_it_does_is_explored(pool: ThreadPoolExecutor, locked: bool) -> None:
    async def program() -> None:
        count = 0
        lock = asyncio.Lock()

        async def add() -> None:
            nonlocal count
            seen = count
            await asyncio.wrap_future(pool.submit(int))
            count = seen + 1

        async def one(number: int) -> None:
            await asyncio.sleep(number * 0.01)
            if locked:
                async with lock:
                    await add()
            else:
                await add()

        await asyncio.gather(*map(one, range(3)))
        assert count == 3

    assert interlace.run(program).error is None
    verdict = interlace.explore(program, schedules=60).verdict
    assert verdict.status == ("passed" if locked else "failed")


def test_a_pool_that_is_asked_from_elsewhere_keeps_real_time(pool: ThreadPoolExecutor) -> None:
    asked: queue.Queue[threading.Event] = queue.Queue()
    shown: list[Future[float]] = []

    def serve() -> None:
        done = asked.get()
        shown.append(pool.submit(time.monotonic))
        shown[0].result()
        done.set()

    server = threading.Thread(target=serve)
    server.start()

    async def program() -> None:
        done = threading.Event()
        asked.put(done)
        done.wait()

    before = time.monotonic()
    interlace.run(program)
    server.join()
    assert before <= shown[0].result() <= time.monotonic()


def test_a_thread_that_was_there_before_is_waited_for_while_it_works() -> None:
    letters: queue.Queue[tuple[asyncio.AbstractEventLoop, asyncio.Future[int]] | None] = queue.Queue()

    def work() -> None:
        while letter := letters.get():
            loop, future = letter
            loop.call_soon_threadsafe(future.set_result, sum(range(1_000_000)))

    worker = threading.Thread(target=work)
    worker.start()

    async def program() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(3):
            future: asyncio.Future[int] = loop.create_future()
            letters.put((loop, future))
            assert await future == 499_999_500_000

    try:
        assert [interlace.run(program).error for _ in range(2)] == [None, None]
    finally:
        letters.put(None)
        worker.join()


def test_one_that_is_always_at_something_else_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = os.pipe()
    reader = threading.Thread(target=os.read, args=(here, 1))
    reader.start()
    asked: list[int] = []

    def at_work(some: set[threading.Thread]) -> set[threading.Thread]:
        asked.append(len(found := really(some)))
        return found

    really = elders.at_work
    monkeypatch.setattr(elders, "at_work", at_work)
    monkeypatch.setattr(threads, "_PATIENCE", 0.1)

    async def program() -> None:
        await asyncio.Event().wait()

    try:
        for _ in range(2):
            assert isinstance(interlace.run(program).error, Deadlock)
        assert asked.count(1) > 1
        assert asked[-1] == 0
        before = len(asked)
        interlace.run(program)
        assert len(asked) - before == 1
    finally:
        os.write(there, b"x")
        reader.join()
        os.close(here)
        os.close(there)


def test_a_thread_of_a_test_runner_is_not_waited_for() -> None:
    here, there = os.pipe()
    names: dict[str, Callable[[], object]] = {}
    code = compile(
        "def wait(): read(here, 1)", os.path.join(os.path.dirname(pytest.__file__), "a.py"), "exec"
    )
    exec(code, {"read": os.read, "here": here}, names)
    watcher = threading.Thread(target=names["wait"])
    watcher.start()
    try:
        assert elders.at_work({watcher}) == set()
    finally:
        os.write(there, b"x")
        watcher.join()
        os.close(here)
        os.close(there)
