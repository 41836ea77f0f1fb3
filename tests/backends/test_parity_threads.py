"""Executors and threads give on our loop what they give on the stock one."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

Log = list[Any]
VAR: contextvars.ContextVar[str] = contextvars.ContextVar("VAR", default="unset")


def _fail() -> None:
    raise ValueError("in a thread")


async def to_thread_gives_the_result(log: Log) -> Any:
    ident = threading.get_ident()
    log.append(await asyncio.to_thread(lambda: threading.get_ident() != ident))
    return await asyncio.to_thread(divmod, 7, 2), await asyncio.to_thread(int, "11", base=2)


async def to_thread_passes_errors_on(log: Log) -> None:
    await asyncio.to_thread(_fail)


async def to_thread_takes_the_context_along(log: Log) -> Any:
    VAR.set("outer")

    def change() -> str:
        seen = VAR.get()
        VAR.set("inner")
        return seen

    return await asyncio.to_thread(change), VAR.get()


async def the_default_executor(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(None, pow, 2, 10), await asyncio.gather(
        *(loop.run_in_executor(None, str, number) for number in range(5))
    )


async def an_executor_of_ones_own(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="mine") as pool:
        futures = [loop.run_in_executor(pool, log.append, number) for number in range(4)]
        await asyncio.gather(*futures)
        name = await loop.run_in_executor(pool, lambda: threading.current_thread().name)
    try:
        await loop.run_in_executor(pool, str, 1)
    except RuntimeError as error:
        log.append(error)
    return name.startswith("mine")


async def another_default_executor(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    try:
        loop.set_default_executor(3)  # type: ignore[arg-type]
    except TypeError as error:
        log.append(error)
    loop.set_default_executor(ThreadPoolExecutor(1, thread_name_prefix="mine"))
    return (await asyncio.to_thread(lambda: threading.current_thread().name)).startswith("mine")


async def the_default_executor_shut_down(log: Log) -> None:
    loop = asyncio.get_running_loop()
    log.append(await asyncio.to_thread(str, 1))
    await loop.shutdown_default_executor()
    await asyncio.to_thread(str, 2)


async def a_job_given_up(log: Log) -> Any:
    free = threading.Event()
    job = asyncio.create_task(asyncio.to_thread(free.wait))
    await asyncio.sleep(0)
    job.cancel("given up")
    result = await asyncio.gather(job, return_exceptions=True)
    free.set()
    return result


async def a_queued_job_cancelled(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    free = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        first = loop.run_in_executor(pool, free.wait)
        second = loop.run_in_executor(pool, log.append, "never")
        third = loop.run_in_executor(pool, log.append, "third")
        log.append((second.cancel(), second.cancelled()))
        await asyncio.sleep(0)
        free.set()
        await first
        await third
    return second.cancelled()


async def a_job_that_times_out(log: Log) -> Any:
    free = threading.Event()
    try:
        await asyncio.wait_for(asyncio.to_thread(free.wait), 0.002)
    except TimeoutError:
        log.append("too long")
    free.set()
    return await asyncio.to_thread(free.is_set)


async def a_job_that_calls_the_loop(log: Log) -> Any:
    loop = asyncio.get_running_loop()

    async def answer(number: int) -> int:
        await asyncio.sleep(0)
        log.append(("asked", number))
        if number == 3:
            raise ValueError(number)
        return number * 2

    def job() -> list[Any]:
        found: list[Any] = []
        for number in (1, 2, 3):
            try:
                found.append(asyncio.run_coroutine_threadsafe(answer(number), loop).result())
            except ValueError as error:
                found.append(repr(error))
        return found

    return await asyncio.wait_for(asyncio.to_thread(job), 60)


async def a_job_that_cancels_what_it_asked_for(log: Log) -> Any:
    loop = asyncio.get_running_loop()

    async def slow() -> None:
        log.append("slow")
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            log.append("cancelled")
            ended.set_result(None)
            raise

    def job() -> Any:
        asked = asyncio.run_coroutine_threadsafe(slow(), loop)
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
        return asked.cancel()

    ended = loop.create_future()
    result = await asyncio.to_thread(job)
    await ended
    return result


async def messages_from_a_job_keep_their_order(log: Log) -> None:
    loop = asyncio.get_running_loop()

    def job() -> None:
        for number in range(5):
            loop.call_soon_threadsafe(log.append, number)

    await asyncio.to_thread(job)
    log.append("after")


async def a_thread_of_the_programs_own(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(future.set_result, "from a thread"))
    thread.start()
    result = await future
    thread.join()
    return result


async def a_conversation_with_a_thread(log: Log) -> Any:
    loop = asyncio.get_running_loop()
    requests: queue.Queue[Any] = queue.Queue()

    def serve() -> None:
        while (request := requests.get()) is not None:
            number, reply = request
            loop.call_soon_threadsafe(reply.set_result, number + 1)

    thread = threading.Thread(target=serve)
    thread.start()
    number = 0
    for _ in range(5):
        reply = loop.create_future()
        requests.put((number, reply))
        number = await asyncio.wait_for(reply, 60) if number == 3 else await reply
    requests.put(None)
    thread.join()
    return number


async def a_future_of_a_pool_wrapped(log: Log) -> Any:
    job: Future[str] = Future()
    asyncio.get_running_loop().call_soon(job.set_result, "wrapped")
    return await asyncio.wrap_future(job)


async def a_loop_inside_a_thread(log: Log) -> Any:
    async def inner() -> str:
        await asyncio.sleep(0.001)
        return "inner"

    return await asyncio.to_thread(asyncio.run, inner())


async def a_generator_error_in_a_job(log: Log) -> None:
    def stop() -> None:
        raise KeyError("stop")

    results = await asyncio.gather(asyncio.to_thread(stop), asyncio.to_thread(str, 1), return_exceptions=True)
    log.append(results)


async def a_lock_held_over_an_await(log: Log) -> None:
    lock = threading.Lock()

    def job() -> None:
        with lock:
            log.append("job")

    lock.acquire()
    task = asyncio.create_task(asyncio.to_thread(job))
    await asyncio.sleep(0.002)
    log.append("release")
    lock.release()
    await task


async def a_simple_queue_between_a_job_and_the_loop(log: Log) -> Any:
    letters: queue.SimpleQueue[int] = queue.SimpleQueue()
    task = asyncio.create_task(asyncio.to_thread(letters.get))
    await asyncio.sleep(0.002)
    letters.put(7)
    return await task


PROGRAMS = [
    thing for name, thing in list(globals().items()) if inspect.iscoroutinefunction(thing) and name[0] != "_"
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_parity(program: Any, same: Callable[[Any], None]) -> None:
    same(program)
