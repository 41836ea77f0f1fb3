"""A loop around sleep(0) that waits for something: its turns take time, as they do on the stock loop."""

import asyncio
import socket
import time

import pytest

import interlace
from interlace.errors import Runaway


async def polls_a_flag() -> None:
    done: list[float] = []

    async def later() -> None:
        await asyncio.sleep(1)
        done.append(asyncio.get_running_loop().time())

    task = asyncio.create_task(later())
    while not done:
        await asyncio.sleep(0)
    await task
    assert done == [1.0]


async def polls_a_clock() -> None:
    end = time.monotonic() + 1
    while time.monotonic() < end:
        await asyncio.sleep(0)


async def polls_with_a_timer_of_no_time() -> None:
    task = asyncio.create_task(asyncio.sleep(0.5))
    while not (await asyncio.wait([task], timeout=0))[0]:
        pass


async def polls_a_socket() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        for one in (here, there):
            one.setblocking(False)
            one.bind(("127.0.0.1", 0))

        async def receive(one: socket.socket) -> bytes:
            while True:
                try:
                    return one.recvfrom(100)[0]
                except BlockingIOError:
                    await asyncio.sleep(0)

        async def echo() -> None:
            here.sendto(await receive(here), there.getsockname())

        there.sendto(b"hello", here.getsockname())
        async with asyncio.timeout(1):
            answer, _ = await asyncio.gather(receive(there), echo())
        assert answer == b"hello"


POLLERS = [polls_a_flag, polls_a_clock, polls_with_a_timer_of_no_time, polls_a_socket]


@pytest.mark.parametrize("program", POLLERS)
def test_who_polls_is_answered(program: object) -> None:
    first, second = interlace.run(program), interlace.run(program)
    assert first.error is None
    assert first.trace_hash == second.trace_hash


@pytest.mark.parametrize("order", ["realistic", "batch", "any"])
def test_who_polls_is_no_finding(order: str) -> None:
    result = interlace.explore(polls_a_socket, schedules=10, order=order)
    assert result.verdict.status == "passed"


def test_who_polls_on_the_loop_alone_is_answered() -> None:
    with asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
        for program in POLLERS:
            runner.run(program())


def test_who_works_in_turns_takes_no_time() -> None:
    """Messages that are handed on are work, however many; so are a few thousand tasks that pause once."""

    async def program() -> None:
        queues = [asyncio.Queue[int]() for _ in range(50)]

        async def member(number: int) -> None:
            for _ in range(60):
                value = await queues[number].get()
                queues[(number + 1) % 50].put_nowait(value + 1)

        members = [asyncio.create_task(member(number)) for number in range(50)]
        queues[0].put_nowait(0)
        await asyncio.gather(*members)
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(3000)))
        assert asyncio.get_running_loop().time() == 0

    assert interlace.run(program).error is None


def test_a_loop_that_nothing_ends_is_stopped() -> None:
    async def program() -> None:
        while True:
            await asyncio.sleep(0)

    error = interlace.run(program, max_steps=20_000).error
    assert isinstance(error, Runaway)
    assert "20,000 of the last" in str(error) or "10,000 of the last 10,000 steps" in str(error)


def test_time_that_is_held_stays_where_it_is() -> None:
    async def program(world: interlace.World) -> None:
        with world.clock.paused():
            for _ in range(5000):
                await asyncio.sleep(0)
            assert world.clock.elapsed == 0

    assert interlace.run(program).error is None


def test_no_more_time_passes_than_the_turns_would_take() -> None:
    async def program(world: interlace.World) -> None:
        async with asyncio.timeout(0.1):
            for _ in range(5000):
                await asyncio.sleep(0)
        assert world.clock.elapsed <= 0.05

    assert interlace.run(program).error is None
