"""Programs that are correct on asyncio never fail under the realistic order: the tool does not cry wolf."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import interlace

Spec = "1ms..60ms"


async def call_soon_order(world: interlace.World) -> None:
    loop = asyncio.get_running_loop()
    got: list[int] = []

    async def send(start: int) -> None:
        await world.latency(Spec)
        for number in range(start, start + 3):
            loop.call_soon(got.append, number)
        await asyncio.sleep(0)

    await asyncio.gather(send(0), send(10))
    assert [n for n in got if n < 10] == [0, 1, 2]
    assert [n for n in got if n >= 10] == [10, 11, 12]


async def call_soon_threadsafe_order(world: interlace.World) -> None:
    loop = asyncio.get_running_loop()
    got: list[int] = []

    def job() -> None:
        for number in range(4):
            loop.call_soon_threadsafe(got.append, number)

    await asyncio.gather(asyncio.to_thread(job), world.latency(Spec))
    assert got == [0, 1, 2, 3]


async def done_callback_order(world: interlace.World) -> None:
    got: list[str] = []

    async def load() -> None:
        await world.latency(Spec)

    task = asyncio.create_task(load())
    for name in "abc":
        task.add_done_callback(lambda _, name=name: got.append(name))
    others = [asyncio.create_task(world.latency(Spec)) for _ in range(2)]
    await asyncio.wait([task, *others])
    await asyncio.sleep(0)
    assert got == ["a", "b", "c"]


class _Recorder(asyncio.Protocol):
    """Records what is called, and relies on nothing but the order of calls."""

    def __init__(self, ended: asyncio.Future[None]) -> None:
        self.calls: list[str] = []
        self.data = b""
        self.ended = ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("made")
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.calls.append("data")
        self.data += data

    def eof_received(self) -> None:
        self.calls.append("eof")

    def connection_lost(self, error: Exception | None) -> None:
        self.calls.append("lost")
        if not self.ended.done():
            self.ended.set_result(None)


async def connection_made_first(world: interlace.World) -> None:
    loop = asyncio.get_running_loop()
    recorder = _Recorder(loop.create_future())
    server = await loop.create_server(lambda: recorder, "127.0.0.1", 8000)
    _, writer = await asyncio.open_connection("127.0.0.1", 8000)
    writer.write(b"hello")
    writer.close()
    await writer.wait_closed()
    await recorder.ended
    server.close()
    assert recorder.calls[0] == "made"
    assert recorder.calls[-1] == "lost"
    assert recorder.calls.count("made") == recorder.calls.count("eof") == 1
    assert recorder.data == b"hello"


async def write_coalescing(world: interlace.World) -> None:
    """Collects what is written in one iteration and sends it once, as many libraries do."""
    loop = asyncio.get_running_loop()
    pending: list[bytes] = []
    sent: list[bytes] = []

    def write(data: bytes) -> None:
        if not pending:
            loop.call_soon(flush)
        pending.append(data)

    def flush() -> None:
        sent.append(b"".join(pending))
        pending.clear()

    async def writer(name: bytes) -> None:
        await world.latency(Spec)
        write(name + b"1")
        write(name + b"2")

    await asyncio.gather(writer(b"a"), writer(b"b"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    text = b"".join(sent)
    assert b"a1a2" in text
    assert b"b1b2" in text
    assert len(sent) in (1, 2)


FIFO = [
    call_soon_order,
    call_soon_threadsafe_order,
    done_callback_order,
    connection_made_first,
    write_coalescing,
]


async def generous_timeouts(world: interlace.World) -> None:
    async def call(count: int) -> int:
        async with asyncio.timeout(5):
            for _ in range(count):
                await world.latency("0ms..100ms")
        return count

    assert await asyncio.gather(*map(call, (4, 2, 3))) == [4, 2, 3]
    assert await asyncio.wait_for(call(3), 2) == 3


async def producer_and_consumer(world: interlace.World) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(2)
    got: list[int] = []

    async def produce(start: int) -> None:
        for number in range(start, start + 3):
            await world.latency(Spec)
            await queue.put(number)

    async def consume() -> None:
        while True:
            number = await queue.get()
            await world.latency(Spec)
            got.append(number)
            queue.task_done()

    consumer = asyncio.create_task(consume())
    await asyncio.gather(produce(0), produce(10))
    await queue.join()
    consumer.cancel()
    await asyncio.gather(consumer, return_exceptions=True)
    assert sorted(got) == [0, 1, 2, 10, 11, 12]
    assert [n for n in got if n < 10] == [0, 1, 2]


async def phases_with_a_barrier(world: interlace.World) -> None:
    barrier = asyncio.Barrier(3)
    phases: list[int] = []

    async def party() -> None:
        for phase in range(2):
            await world.latency(Spec)
            phases.append(phase)
            async with barrier:
                assert len(phases) >= 3 * (phase + 1)

    await asyncio.gather(party(), party(), party())
    assert phases == [0, 0, 0, 1, 1, 1]


async def waiters_woken_in_order(world: interlace.World) -> None:
    event = asyncio.Event()
    got: list[int] = []

    async def waiter(number: int) -> None:
        await event.wait()
        got.append(number)

    waiters = [asyncio.create_task(waiter(number)) for number in range(4)]
    await world.latency(Spec)
    event.set()
    await asyncio.gather(*waiters, world.latency(Spec))
    assert got == [0, 1, 2, 3]


async def a_rate_limiter(world: interlace.World) -> None:
    lock = asyncio.Lock()
    loop = asyncio.get_running_loop()
    last = -1.0
    calls: list[float] = []

    async def call() -> None:
        nonlocal last
        await world.latency(Spec)
        async with lock:
            wait = last + 0.1 - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            last = loop.time()
        calls.append(last)
        await world.latency(Spec)

    await asyncio.gather(*(call() for _ in range(4)))
    assert all(later - earlier > 0.0999 for earlier, later in zip(sorted(calls), sorted(calls)[1:]))


async def graceful_shutdown(world: interlace.World) -> None:
    accepting = True
    running: set[asyncio.Task[None]] = set()
    served: list[int] = []
    refused: list[int] = []

    async def serve(number: int) -> None:
        await world.latency(Spec)
        served.append(number)

    async def clients() -> None:
        for number in range(4):
            await world.latency(Spec)
            if not accepting:
                refused.append(number)
                continue
            task = asyncio.create_task(serve(number))
            running.add(task)
            task.add_done_callback(running.discard)

    traffic = asyncio.create_task(clients())
    await world.latency("20ms..90ms")
    accepting = False
    if running:
        _, late = await asyncio.wait(running, timeout=10)
        assert not late
    await traffic
    assert sorted(served + refused) == [0, 1, 2, 3]


async def a_group_with_a_heartbeat(world: interlace.World) -> None:
    beats = 0

    async def heartbeat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.03)
            beats += 1

    async def work() -> str:
        await world.latency(Spec)
        await world.latency("40ms..90ms")
        return "done"

    async with asyncio.TaskGroup() as group:
        pulse = group.create_task(heartbeat())
        job = group.create_task(work())
        await job
        pulse.cancel()
    assert job.result() == "done"
    assert beats >= 1
    assert pulse.cancelled()


async def a_cache_with_one_load(world: interlace.World) -> None:
    loads: dict[str, asyncio.Task[int]] = {}
    calls = 0

    async def load() -> int:
        nonlocal calls
        calls += 1
        await world.latency(Spec)
        return 7

    async def get(key: str) -> int:
        await world.latency(Spec)
        if key not in loads:
            loads[key] = asyncio.create_task(load())
        return await asyncio.shield(loads[key])

    assert await asyncio.gather(*(get("k") for _ in range(3))) == [7, 7, 7]
    assert calls == 1


async def jobs_under_a_timeout(world: interlace.World) -> None:
    def job(number: int) -> int:
        return number * 2

    async def ask(number: int) -> int:
        async with asyncio.timeout(1):
            return await asyncio.to_thread(job, number)

    assert await asyncio.gather(ask(1), ask(2), world.latency(Spec)) == [2, 4, None]


async def retries_with_growing_pauses(world: interlace.World) -> None:
    attempts = 0

    async def flaky() -> str:
        nonlocal attempts
        attempts += 1
        await world.latency(Spec)
        if attempts < 4:
            raise ConnectionError(attempts)
        return "at last"

    for pause in (0.05, 0.1, 0.2, 0.4):
        try:
            answer = await asyncio.wait_for(flaky(), 1)
            break
        except ConnectionError:
            await asyncio.sleep(pause)
    assert answer == "at last"


CORRECT = [
    generous_timeouts,
    producer_and_consumer,
    phases_with_a_barrier,
    waiters_woken_in_order,
    a_rate_limiter,
    graceful_shutdown,
    a_group_with_a_heartbeat,
    a_cache_with_one_load,
    jobs_under_a_timeout,
    retries_with_growing_pauses,
]


@pytest.mark.parametrize("program", FIFO + CORRECT, ids=lambda program: program.__name__)
def test_a_correct_program_passes(program: Any) -> None:
    schedules = 500 if program in FIFO else 100
    for seed in range(5):
        result = interlace.explore(program, schedules=schedules, seed=seed)
        assert result.failure is None, result.failure
    assert result.runs == schedules or result.verdict.kind == "exhausted"


@pytest.mark.parametrize("program", FIFO, ids=lambda program: program.__name__)
def test_what_relies_on_fifo_is_latent_at_most(program: Any) -> None:
    for seed in range(5):
        result = interlace.explore(program, schedules=60, order="any", seed=seed, stop_on_failure=False)
        assert {failure.label for failure in result.failures} <= {"latent"}
