"""Programs with races, one for each thing that could make a run differ from its replay.

They use nothing that differs between Python versions, so that their traces must be equal on all.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import interlace

Main = Callable[..., Coroutine[Any, Any, Any]]


async def messages() -> None:
    """Two clients of one server: the later question must be answered later."""
    answered: list[str] = []
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        answered.append(line.decode().strip())
        writer.write(line)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A coroutine function as the callback is watched by a callback of its own, but not yet in 3.11.2.
        serving.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def ask(name: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{name}\n".encode())
        await reader.readline()
        writer.close()

    first = asyncio.create_task(ask("first"))
    second = asyncio.create_task(ask("second"))
    await asyncio.gather(first, second)
    server.close()
    assert answered == ["first", "second"], answered


async def latencies(world: interlace.World) -> None:
    """Three calls of declared latency; the slowest must not be the first."""
    order: list[int] = []

    async def call(number: int) -> None:
        await world.latency("1ms..20ms")
        order.append(number)

    await asyncio.gather(*(call(number) for number in range(3)))
    assert order[-1] != 0, order


async def siblings(world: interlace.World) -> None:
    """A TaskGroup cancels its other children in the order of a set."""
    cancelled: list[str] = []

    async def child(name: str) -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            cancelled.append(name)
            raise

    async def failing() -> None:
        await world.latency("1ms..20ms")
        raise ValueError("failed")

    try:
        async with asyncio.TaskGroup() as group:
            for name in "abcdefgh":
                group.create_task(child(name))
            group.create_task(failing())
    except* ValueError:
        pass
    raise AssertionError("-".join(cancelled))


async def waiters(world: interlace.World) -> None:
    """`asyncio.wait` returns sets."""

    async def call(number: int) -> int:
        await world.latency("1ms..20ms")
        return number

    tasks = [asyncio.create_task(call(number)) for number in range(5)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    names = [task.get_name() for task in pending]
    for task in pending:
        task.cancel()
    await asyncio.wait(pending or done)
    assert len(done) == 5, names


async def threads() -> None:
    """Jobs complete in the order in which they were given away, or do they?"""
    order: list[int] = []

    async def work(number: int) -> None:
        order.append(await asyncio.to_thread(int, number))

    await asyncio.gather(*(work(number) for number in range(3)))
    assert order == [0, 1, 2], order


async def dice(world: interlace.World) -> None:
    """Random numbers of the program's own."""
    await world.latency()
    rolled = [random.random() for _ in range(3)]
    raise AssertionError(repr(rolled))


async def timers() -> None:
    """One deadline, armed at different moments."""
    order: list[str] = []

    async def early() -> None:
        await asyncio.sleep(0.3)
        order.append("early")

    async def late() -> None:
        await asyncio.sleep(0.1)
        await asyncio.sleep(0.2)
        order.append("late")

    await asyncio.gather(early(), late())
    assert order == ["early", "late"], order


async def steps() -> None:
    """Fails under `any` only."""
    order: list[int] = []

    async def put(number: int) -> None:
        await asyncio.sleep(0)
        order.append(number)

    await asyncio.gather(*(put(number) for number in range(4)))
    assert order == [0, 1, 2, 3], order


async def permit() -> None:
    """Loses its permit if a waiter is cancelled just when it is woken."""
    free: list[asyncio.Future[None]] = []
    taken = False

    async def use() -> None:
        nonlocal taken
        if taken:
            future = asyncio.get_running_loop().create_future()
            free.append(future)
            await future
        taken = True
        await asyncio.sleep(0.01)
        taken = False
        if free:
            free.pop(0).set_result(None)

    await asyncio.wait([asyncio.create_task(use(), name=f"user {number}") for number in range(3)])


async def deadlock(world: interlace.World) -> None:
    """Two locks, taken in two orders."""
    left, right = asyncio.Lock(), asyncio.Lock()

    async def both(one: asyncio.Lock, other: asyncio.Lock) -> None:
        await world.latency("0ms..20ms")
        async with one:
            await world.latency("0ms..20ms")
            async with other:
                pass

    await asyncio.gather(both(left, right), both(right, left))


PROGRAMS: dict[str, tuple[Main, dict[str, Any]]] = {
    "messages": (messages, {}),
    "latencies": (latencies, {}),
    "siblings": (siblings, {}),
    "waiters": (waiters, {}),
    "threads": (threads, {}),
    "dice": (dice, {}),
    "timers": (timers, {}),
    "steps": (steps, {"order": "any"}),
    "permit": (permit, {"faults": ["cancel"]}),
    "deadlock": (deadlock, {}),
}
