"""A step that waits for a thread which waits for the loop is ended and told: no run hangs in real time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import interlace
from interlace.backends.aio import blocked, standing, threads
from interlace.errors import LoopBlocked

Main = Callable[[], Coroutine[Any, Any, Any]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocked, "_LOOK", 0.005)
    monkeypatch.setattr(threads, "_PATIENCE", 0.05)


def run(main: Main) -> interlace.Outcome:
    """Runs a program in a thread of its own, so that a hang fails the test and does not become one."""
    found: list[interlace.Outcome] = []
    thread = threading.Thread(target=lambda: found.append(interlace.run(main)), daemon=True)
    thread.start()
    thread.join(60)
    assert found, "the run has hung"
    return found[0]


def ask(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.run_coroutine_threadsafe(asyncio.sleep(1), loop).result()


def test_a_step_that_waits_for_what_only_the_loop_can_do() -> None:
    async def main() -> None:
        ask(asyncio.get_running_loop())

    error = run(main).error
    assert isinstance(error, LoopBlocked)
    assert isinstance(error, interlace.Deadlock)
    (line,) = error.waiting
    assert line.startswith("the loop waits at ")
    assert line.endswith(" in ask")
    assert "await asyncio.to_thread" in str(error)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_step_that_joins_a_thread_which_asks_the_loop() -> None:
    async def main() -> str:
        thread = threading.Thread(target=ask, args=(asyncio.get_running_loop(),), name="asker")
        thread.start()
        thread.join()
        return "went on"

    outcome = run(main)
    assert outcome.value == "went on"
    (told,) = outcome.background
    assert "LoopBlocked" in told
    assert "\n  the thread asker waits at " in told


def test_a_pool_at_whose_end_a_job_still_waits() -> None:
    jobs: list[asyncio.Future[bool]] = []

    async def main() -> None:
        with ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
            jobs.append(asyncio.get_running_loop().run_in_executor(pool, threading.Event().wait))
        await asyncio.wait(jobs)

    outcome = run(main)
    assert "\n  the thread pool_0 waits in " in outcome.background[0]
    assert isinstance(jobs[0].exception(), LoopBlocked)


def test_a_pool_that_is_left_while_the_run_is_torn_down() -> None:
    """The outcome stays what it was, and the run comes to its end."""

    async def main() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(threading.Event().wait)
            await asyncio.Event().wait()

    before = threading.active_count()
    error = run(main).error
    assert type(error) is interlace.Deadlock
    assert "main waits for Event.wait" in error.waiting[0]
    assert threading.active_count() == before


def test_a_step_that_waits_for_a_thread_at_work_is_left_alone() -> None:
    async def main() -> int:
        go, done = threading.Event(), threading.Event()

        def work() -> None:
            go.wait(0.2)  # far longer than the sentry's patience, but not for ever
            done.set()

        threading.Thread(target=work).start()
        done.wait()
        return 5

    outcome = run(main)
    assert (outcome.value, outcome.background) == (5, ())


def test_the_work_of_a_pool_of_ones_own_is_waited_for() -> None:
    """What was given to a pool behind the loop's back, to a worker that was idle before."""

    async def main() -> tuple[list[int], float]:
        loop = asyncio.get_running_loop()
        got: list[int] = []
        with ThreadPoolExecutor(1) as pool:
            for number in range(3):
                come = asyncio.Event()

                def work(number: int = number, come: asyncio.Event = come) -> None:
                    got.append(sum(range(200_000)) * 0 + number)
                    loop.call_soon_threadsafe(come.set)

                pool.submit(work)
                await asyncio.wait_for(come.wait(), 1)
        return got, loop.time()

    assert run(main).value == ([0, 1, 2], 0)


class ByTheWaiter(concurrent.futures.Executor):
    """Has its jobs done by a thread that waits for the loop meanwhile, as asgiref does."""

    def __init__(self) -> None:
        self.waiting: list[tuple[concurrent.futures.Future[Any], Callable[[], Any]]] = []
        self.changed = threading.Condition()

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> concurrent.futures.Future[Any]:
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        with self.changed:
            self.waiting.append((future, lambda: function(*args, **kwargs)))
            self.changed.notify_all()
        return future

    def work_until(self, done: concurrent.futures.Future[Any]) -> Any:
        def wake(_: object) -> None:
            with self.changed:
                self.changed.notify_all()

        done.add_done_callback(wake)
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.waiting or done.done())
                if not self.waiting:
                    return done.result()
                future, function = self.waiting.pop(0)
            future.set_result(function())


def test_jobs_that_are_done_by_a_thread_which_waits_for_the_loop() -> None:
    async def main() -> tuple[str, str, bool]:
        loop = asyncio.get_running_loop()
        waiter = ByTheWaiter()

        async def inner() -> str:
            await asyncio.sleep(1)
            return await loop.run_in_executor(waiter, lambda: f"in {threading.current_thread().name}")

        def outer(depth: int) -> str:
            if not depth:
                return waiter.work_until(asyncio.run_coroutine_threadsafe(inner(), loop))
            return waiter.work_until(asyncio.run_coroutine_threadsafe(deeper(depth - 1), loop))

        async def deeper(depth: int) -> str:
            return await loop.run_in_executor(waiter, outer, depth)

        async def second() -> str:
            """Comes while the thread waits for `inner`, three jobs deep."""
            await asyncio.sleep(0.5)
            return await loop.run_in_executor(waiter, str, 2)

        first, other = await asyncio.gather(asyncio.to_thread(outer, 2), second())
        return first, other, loop.time() >= 1

    first, other, late = run(main).value
    assert first.startswith("in asyncio_")
    assert (other, late) == ("2", True)


def test_who_waits_for_ever() -> None:
    event = threading.Event()
    frames: dict[str, bool] = {}

    def state(thread: threading.Thread) -> bool:
        import sys

        frame = sys._current_frames().get(thread.ident or 0)
        return frame is not None and standing.waits_for_ever(frame)

    for name, limit in (("for ever", None), ("for a while", 60)):
        thread = threading.Thread(target=event.wait, args=(limit,))
        thread.start()
        while not any(True for _ in event._cond._waiters):  # type: ignore[attr-defined]
            pass
        for _ in range(100_000):
            frames[name] = state(thread)
            if frames[name]:
                break
        event.set()
        thread.join()
        event.clear()
    assert frames == {"for ever": True, "for a while": False}
