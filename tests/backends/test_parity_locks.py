"""Locks and queues wake their waiters on our loop in the order in which the stock one does."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest

Log = list[Any]


async def _start(*coroutines: Any) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    await asyncio.sleep(0)
    return tasks


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> list[Any]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def _use(log: Log, gate: Any, name: str, count: int = 1) -> str:
    log.append((name, "asks"))
    async with gate:
        log.append((name, "in"))
        for _ in range(count):
            await asyncio.sleep(0)
        log.append((name, "out"))
    return name


async def a_lock_is_fair(log: Log) -> None:
    lock = asyncio.Lock()

    async def again(name: str) -> None:
        for _ in range(3):
            await _use(log, lock, name)

    await asyncio.gather(*map(again, "abc"))


async def a_lock_whose_waiter_is_cancelled(log: Log) -> Any:
    lock = asyncio.Lock()
    await lock.acquire()
    tasks = await _start(*(_use(log, lock, name) for name in "abc"))
    tasks[0].cancel()
    lock.release()
    tasks[1].cancel()
    result = await _end(tasks)
    return result, lock.locked()


async def a_lock_misused(log: Log) -> None:
    lock = asyncio.Lock()
    log.append([await lock.acquire(), lock.locked()])
    lock.release()
    lock.release()


async def an_event_wakes_all_in_order(log: Log) -> Any:
    event = asyncio.Event()

    async def waiter(name: str) -> None:
        log.append((name, await event.wait()))
        await event.wait()
        log.append((name, "again"))

    tasks = await _start(*map(waiter, "abc"))
    event.set()
    event.clear()
    log.append(event.is_set())
    await asyncio.sleep(0)
    event.set()
    await _end(tasks)
    return event.is_set()


async def a_condition_notifies_some(log: Log) -> Any:
    condition = asyncio.Condition()

    async def waiter(name: str) -> None:
        async with condition:
            log.append((name, "waits"))
            await condition.wait()
            log.append((name, "woke"))

    tasks = await _start(*map(waiter, "abcd"))
    async with condition:
        condition.notify(2)
    await asyncio.sleep(0)
    async with condition:
        condition.notify_all()
    return await _end(tasks)


async def a_condition_with_a_predicate(log: Log) -> Any:
    condition = asyncio.Condition()
    stock: list[int] = []

    async def buyer(count: int) -> None:
        async with condition:
            await condition.wait_for(lambda: len(stock) >= count)
            log.append((count, [stock.pop() for _ in range(count)]))

    tasks = await _start(*map(buyer, (3, 1, 2)))
    for number in range(6):
        async with condition:
            stock.append(number)
            condition.notify_all()
        await asyncio.sleep(0)
    return await _end(tasks)


async def a_condition_whose_waiter_is_cancelled(log: Log) -> Any:
    condition = asyncio.Condition()

    async def waiter(name: str) -> None:
        async with condition:
            try:
                await condition.wait()
            finally:
                log.append((name, condition.locked()))

    tasks = await _start(*map(waiter, "ab"))
    tasks[0].cancel()
    async with condition:
        condition.notify()
    await asyncio.sleep(0)
    async with condition:
        condition.notify_all()
    return await _end(tasks)


async def a_condition_without_its_lock(log: Log) -> None:
    condition = asyncio.Condition()
    for misuse in (condition.notify, condition.notify_all):
        try:
            misuse()
        except RuntimeError as error:
            log.append(error)
    await condition.wait()


async def a_semaphore_is_fair(log: Log) -> Any:
    semaphore = asyncio.Semaphore(2)
    await asyncio.gather(
        *(_use(log, semaphore, name, count) for name, count in zip("abcde", (3, 1, 2, 1, 1)))
    )
    return semaphore.locked()


async def a_semaphore_whose_waiter_is_cancelled(log: Log) -> Any:
    semaphore = asyncio.Semaphore(0)
    tasks = await _start(*(_use(log, semaphore, name) for name in "abc"))
    semaphore.release()
    tasks[0].cancel()
    tasks[1].cancel()
    semaphore.release()
    return await _end(tasks), semaphore.locked()


async def a_bounded_semaphore_has_a_bound(log: Log) -> None:
    semaphore = asyncio.BoundedSemaphore(1)
    await _use(log, semaphore, "a")
    try:
        asyncio.Semaphore(-1)
    except ValueError as error:
        log.append(error)
    semaphore.release()


async def a_barrier_lets_all_go(log: Log) -> Any:
    barrier = asyncio.Barrier(3)

    async def party(name: str) -> None:
        for _ in range(2):
            position = await barrier.wait()
            log.append((name, position))

    await asyncio.gather(*map(party, "abc"))
    return barrier.n_waiting, barrier.broken


async def a_barrier_that_breaks(log: Log) -> Any:
    barrier = asyncio.Barrier(3)
    tasks = await _start(barrier.wait(), barrier.wait())
    await barrier.abort()
    log.append([type(error).__name__ for error in await _end(tasks)])
    await barrier.reset()
    tasks = await _start(barrier.wait(), barrier.wait())
    tasks[0].cancel()
    log.append([type(error).__name__ for error in await _end(tasks[:1])])
    await barrier.reset()
    return [type(error).__name__ for error in await _end(tasks)], barrier.broken


async def a_queue_passes_things_on(log: Log) -> Any:
    queue: asyncio.Queue[int] = asyncio.Queue(2)

    async def produce(start: int) -> None:
        for number in range(start, start + 4):
            await queue.put(number)
            log.append(("put", number))

    async def consume(name: str) -> None:
        while True:
            number = await queue.get()
            log.append((name, number))
            await asyncio.sleep(0)
            queue.task_done()

    consumers = await _start(consume("x"), consume("y"))
    await asyncio.gather(produce(0), produce(10))
    await queue.join()
    for consumer in consumers:
        consumer.cancel()
    await _end(consumers)
    return queue.empty(), queue.qsize()


async def queues_of_other_orders(log: Log) -> Any:
    for kind in (asyncio.PriorityQueue, asyncio.LifoQueue):
        queue: asyncio.Queue[int] = kind()
        for number in (3, 1, 2):
            queue.put_nowait(number)
        log.append([await queue.get() for _ in range(3)])


async def a_queue_at_its_ends(log: Log) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    for misuse in (queue.get_nowait, queue.task_done, lambda: [queue.put_nowait(1), queue.put_nowait(2)]):
        try:
            misuse()  # type: ignore[operator]
        except (asyncio.QueueEmpty, asyncio.QueueFull, ValueError) as error:
            log.append(error)
    log.append((queue.full(), queue.maxsize))


async def a_queue_whose_getter_is_cancelled(log: Log) -> Any:
    queue: asyncio.Queue[int] = asyncio.Queue()
    tasks = await _start(queue.get(), queue.get(), queue.get())
    queue.put_nowait(1)
    tasks[0].cancel()
    queue.put_nowait(2)
    queue.put_nowait(3)
    return await _end(tasks), queue.qsize()


async def a_queue_whose_putter_is_cancelled(log: Log) -> Any:
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    queue.put_nowait(0)
    tasks = await _start(*map(queue.put, (1, 2, 3)))
    log.append(queue.get_nowait())
    tasks[0].cancel()
    await asyncio.sleep(0)
    log.append(await queue.get())
    log.append(await queue.get())
    return await _end(tasks), queue.qsize()


if sys.version_info >= (3, 13):

    async def a_queue_that_shuts_down(log: Log) -> Any:
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        queue.put_nowait(1)
        tasks = await _start(queue.put(2), queue.put(3))
        queue.shutdown()
        log.append([type(error).__name__ for error in await _end(tasks)])
        log.append(await queue.get())
        await queue.get()


async def a_subclass_of_a_queue(log: Log) -> Any:
    class Unique(asyncio.Queue[int]):
        def _put(self, item: int) -> None:
            if item not in self._queue:  # type: ignore[attr-defined]
                super()._put(item)

    queue = Unique()
    for number in (1, 1, 2):
        await queue.put(number)
    return queue.qsize()


PROGRAMS = [
    thing for name, thing in list(globals().items()) if inspect.iscoroutinefunction(thing) and name[0] != "_"
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_parity(program: Any, same: Callable[[Any], None]) -> None:
    same(program)
