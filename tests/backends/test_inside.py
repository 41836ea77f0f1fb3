"""The private names of asyncio that interlace relies on exist, and behave as it assumes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import functools
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import interlace
from interlace.backends.aio import inside, standing
from interlace.backends.aio.loop import Loop
from interlace.model.source import is_user_file
from interlace.sim.world import World


def test_a_sleep_is_told_from_a_timeout() -> None:
    armed: list[Any] = []

    class Noted(Loop):
        def _arm(self, when: float, callback: Any, *rest: Any) -> Any:
            armed.append(callback)
            return super()._arm(when, callback, *rest)

    async def main() -> None:
        await asyncio.sleep(1)
        async with asyncio.timeout(1):
            pass

    with asyncio.Runner(loop_factory=lambda: Noted(World())) as runner:
        runner.run(main())
    assert [callback is inside.WAKE_SLEEPER for callback in armed] == [True, False]


def test_pool_threads_are_known() -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        thread = pool.submit(threading.current_thread).result()
        assert thread in standing.pool_threads()
    assert threading.main_thread() not in standing.pool_threads()


def test_workers_are_off_duty_until_they_are_given_a_job() -> None:
    gate = threading.Event()

    def off_duty() -> bool:
        frame = sys._current_frames()[thread.ident or 0]
        return thread in standing.off_duty({thread: frame})

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        thread = pool.submit(threading.current_thread).result()
        deadline = time.monotonic() + 60
        while not off_duty() and time.monotonic() < deadline:  # it has yet to come back from its job
            pass
        assert off_duty()
        pool.submit(gate.wait)
        assert not off_duty()  # at once, although it has not woken up
        gate.set()


@pytest.mark.parametrize("kind", ["result", "error", "cancelled", "given up"])
def test_results_of_jobs_are_copied(kind: str) -> None:
    loop = interlace.new_event_loop()
    job: concurrent.futures.Future[int] = concurrent.futures.Future()
    future: asyncio.Future[int] = loop.create_future()
    if kind == "error":
        job.set_exception(ValueError("x"))
    elif kind == "cancelled":
        job.cancel()
        job.set_running_or_notify_cancel()
    else:
        job.set_result(5)
    if kind == "given up":
        future.cancel()
    inside.copy_result(job, future)
    assert future.done()
    assert future.cancelled() == (kind in ("cancelled", "given up"))
    if kind == "error":
        assert isinstance(future.exception(), ValueError)
    if kind == "result":
        assert future.result() == 5
    loop.close()


def test_what_a_task_waits_for() -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().create_future()

        async def waiter() -> None:
            await asyncio.sleep(0)
            await future

        task = asyncio.create_task(waiter())
        assert inside.waits_for(task) is None
        await asyncio.sleep(0)
        assert inside.waits_for(task) is None
        await asyncio.sleep(0)
        assert inside.waits_for(task) is future
        future.set_result(None)
        assert inside.waits_for(task) is future
        await task
        assert inside.waits_for(task) is None

    assert interlace.run(main).error is None


def test_other_tasks_may_step_in_the_middle_of_a_step() -> None:
    async def main() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        with inside.outside_of(loop, task):
            assert asyncio.current_task() is None
            with inside.outside_of(loop, None):
                assert asyncio.current_task() is None
        assert asyncio.current_task() is task

    asyncio.run(main())


def test_the_context_of_a_handle() -> None:
    loop = asyncio.new_event_loop()
    context = contextvars.copy_context()
    assert inside.context_of(loop.call_soon(print, context=context)) is context
    loop.close()


def test_a_cancelled_handle() -> None:
    loop = interlace.new_event_loop()
    handle = loop.call_soon(print)
    assert not inside.is_cancelled(handle)
    handle.cancel()
    assert inside.is_cancelled(handle)
    loop.close()


def test_frames_of_coroutines_generators_and_async_generators() -> None:
    class Thing:
        def __await__(self) -> Any:
            yield from asyncio.get_running_loop().create_future()

    async def numbers() -> Any:
        await Thing()
        yield 1

    async def middle() -> None:
        async for _ in numbers():
            pass

    async def outer() -> None:
        await middle()

    async def main() -> tuple[list[str], str | None]:
        task = asyncio.create_task(outer())
        await asyncio.sleep(0)
        place = inside.user_wait(task)
        found = [place.function for _, place in inside.frames(task)]
        task.cancel()
        return found, place.function if place else None

    found, innermost = interlace.run(main).value
    assert found[:2] == ["outer", "middle"]
    assert innermost in ("__await__", "numbers", "middle")


def test_the_user_line_is_the_innermost_outside_of_libraries() -> None:
    async def main() -> Any:
        task = asyncio.create_task(asyncio.wait_for(asyncio.Event().wait(), 5))
        await asyncio.sleep(0)
        place = inside.user_wait(task)
        task.cancel()
        mine = asyncio.current_task()
        assert mine is not None
        return place

    assert interlace.run(main).value is None
    assert is_user_file(__file__)


class _Stood:
    """A thread that is let stand in a call; and its frame."""

    def __init__(self, call: Callable[[], Any], free: Callable[[], Any]) -> None:
        self.free = free
        self.thread = threading.Thread(target=call)

    def __enter__(self) -> Any:
        self.thread.start()
        frame: Any = None
        for _ in range(200):
            time.sleep(0.0005)
            frame = sys._current_frames()[self.thread.ident or 0]
            if standing.waits_to_be_notified(frame) or standing.calls_a_lock(frame):
                break
        return frame

    def __exit__(self, *error: object) -> None:
        self.free()
        self.thread.join()


def test_a_thread_that_waits_for_a_condition() -> None:
    event = threading.Event()
    with _Stood(event.wait, event.set) as frame:
        assert standing.waits_to_be_notified(frame) == (True, True)
        event.set()


def test_a_thread_that_waits_for_a_condition_and_some_time() -> None:
    event = threading.Event()
    with _Stood(lambda: event.wait(60), event.set) as frame:
        assert standing.waits_to_be_notified(frame) == (True, False)


def test_a_thread_that_was_notified_and_has_not_gone_on() -> None:
    """It cannot, as the condition is held here; it is no longer one that waits for somebody."""
    condition = threading.Condition()

    def wait() -> None:
        with condition:
            condition.wait()

    with _Stood(wait, lambda: None) as frame, condition:
        condition.notify()
        assert standing.waits_to_be_notified(frame) in ((False, True), None)


def test_a_lock_that_is_taken_for_a_moment() -> None:
    """Whoever is seen there was merely not let go on yet; who takes a lock of the program's own may wait."""
    letters: queue.Queue[int] = queue.Queue()
    condition = threading.Condition()

    def enter() -> None:
        with condition:
            pass

    with letters.mutex:
        with _Stood(lambda: letters.put(1), lambda: None) as frame:
            assert standing.takes_brief_lock(frame)
            letters.mutex.release()
        letters.mutex.acquire()
    condition.acquire()
    with _Stood(enter, condition.release) as frame:
        assert not standing.takes_brief_lock(frame)
        assert standing.takes_brief_lock(frame, __file__)
        assert standing.calls_a_lock(frame)


def test_a_thread_that_joins_another() -> None:
    free = threading.Event()
    other = threading.Thread(target=free.wait)
    other.start()
    with _Stood(other.join, free.set) as frame:
        assert standing.calls_a_lock(frame)


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


def test_a_thread_that_waits_for_a_lock() -> None:
    lock = _locked()

    def enter() -> None:
        with lock:
            pass

    def acquire() -> None:
        lock.acquire(timeout=float(60))
        lock.release()

    for call in (enter, acquire):
        with _Stood(call, lock.release) as frame:
            assert standing.calls_a_lock(frame)
            assert standing.waits_to_be_notified(frame) is None
        lock.acquire()


def test_a_thread_that_waits_for_a_simple_queue() -> None:
    letters: queue.SimpleQueue[int] = queue.SimpleQueue()

    def take() -> int:
        return letters.get(block=True)

    with _Stood(take, lambda: letters.put(1)) as frame:
        assert standing.calls_a_lock(frame)


def test_a_thread_that_sleeps_does_not_wait() -> None:
    def nap() -> None:
        time.sleep(0.02)

    thread = threading.Thread(target=nap)
    thread.start()
    time.sleep(0.005)
    frame = sys._current_frames()[thread.ident or 0]
    assert not standing.calls_a_lock(frame)
    assert standing.waits_to_be_notified(frame) is None
    assert standing.calls_sleep(frame)
    thread.join()


def test_the_function_inside_of_a_job() -> None:
    context = contextvars.copy_context()
    assert standing.unwrapped(print) is print
    assert standing.unwrapped(functools.partial(context.run, print, 1)) is print
    assert standing.unwrapped(functools.partial(functools.partial(int, "1"), base=2)) is int


@pytest.mark.parametrize(
    "name",
    [
        "_asyncgens",
        "_check_callback",
        "_check_closed",
        "_check_default_executor",
        "_clock_resolution",
        "_closed",
        "_debug",
        "_default_executor",
        "_exception_handler",
        "_executor_shutdown_called",
        "_ready",
        "_run_once",
        "_scheduled",
        "_stopping",
        "_task_factory",
        "_thread_id",
        "_timer_handle_cancelled",
        "_write_to_self",
    ],
)
def test_the_base_loop_has(name: str) -> None:
    loop = asyncio.BaseEventLoop()
    assert hasattr(loop, name) or name == "_write_to_self"
    loop.close()


def test_handles_have_what_the_step_reads() -> None:
    loop = interlace.new_event_loop()
    timer: Any = loop.call_later(1, print, 2)
    handle: Any = loop.call_soon(print, 3)
    assert (handle._callback, handle._args, handle._cancelled) == (print, (3,), False)
    assert (timer._scheduled, timer._when) == (True, 1)
    assert callable(handle._run)
    loop.close()


def test_a_step_of_a_task_knows_its_task() -> None:
    """What stands in the queue for a task is a bound method of it, or wraps one."""
    owners: list[Any] = []

    class Noted(Loop):
        def _run_handle(self, handle: Any) -> None:
            owners.append(getattr(handle._callback, "__self__", None))
            super()._run_handle(handle)

    async def main() -> Any:
        await asyncio.sleep(0)
        future = asyncio.get_running_loop().create_future()
        future.get_loop().call_soon(future.set_result, None)
        await future
        return asyncio.current_task()

    with asyncio.Runner(loop_factory=lambda: Noted(World())) as runner:
        task = runner.run(main())
        assert [owner for owner in owners if isinstance(owner, asyncio.Task)][:3] == [task] * 3
