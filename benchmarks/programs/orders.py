"""Bugs that need several steps in one exact order, among many other steps.

Nothing here takes time: these differ from a passing run in nothing but the order of steps, and are
sought under the order `any`. The reorder and twostage programs are those of the SCTBench
collection (Thomson, Donaldson and Betts, TOPC 2016), written with tasks in place of threads.
"""

from __future__ import annotations

import asyncio

from interlace import World


async def step(count: int = 1) -> None:
    """Gives the others a turn, `count` times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def chatter() -> None:
    """Noise: a task that does nothing, in three steps."""
    await step(3)


async def lost_update_steps(world: World, *, fixed: bool, noise: int = 20) -> None:
    """Two counters, one of which begins late, among noise."""
    total = 0
    lock = asyncio.Lock()

    async def add(late: int) -> None:
        nonlocal total
        await step(late)
        if fixed:
            await lock.acquire()
        seen = total
        await step()
        total = seen + 1
        if fixed:
            lock.release()

    await asyncio.gather(add(0), add(4), *(chatter() for _ in range(noise)))
    assert total == 2, f"counted {total} of 2"


async def depth_3(world: World, *, fixed: bool, noise: int = 20) -> None:
    """A check sees the file open, and what it does next finds it closed."""
    opened = False

    async def work() -> None:
        nonlocal opened
        await step(2)
        opened = True
        await step()
        opened = False

    async def check() -> None:
        if not opened:
            return
        if not fixed:
            await step()
        assert opened, "closed between the check and the use"

    await asyncio.gather(check(), work(), *(chatter() for _ in range(noise)))


async def depth_4(world: World, *, fixed: bool, noise: int = 20) -> None:
    """Leader, reset, vote, reset: four steps of three tasks in one order."""
    leader = ""
    votes = 0

    async def elect() -> None:
        nonlocal leader
        await step(2)
        leader = "a"
        await step()
        leader = "b"

    async def vote() -> None:
        nonlocal votes
        if leader == "a":
            await step()
            if leader == "b" and not fixed:
                votes += 1

    async def count() -> None:
        before = votes
        await step()
        assert votes == before, "a vote for one who was not leader any more"

    await asyncio.gather(count(), vote(), elect(), *(chatter() for _ in range(noise)))


async def abba_steps(world: World, *, fixed: bool) -> None:
    """Two tasks lock the same two locks in opposite orders; the second begins late."""
    first, second = asyncio.Lock(), asyncio.Lock()

    async def take(late: int, one: asyncio.Lock, other: asyncio.Lock) -> None:
        await step(late)
        async with one:
            await step()
            async with other:
                await step()

    await asyncio.gather(take(0, first, second), take(5, *((first, second) if fixed else (second, first))))


async def dining_steps(world: World, *, fixed: bool, seats: int) -> None:
    """Philosophers begin one after another; each takes the left fork, then the right one."""
    forks = [asyncio.Lock() for _ in range(seats)]

    async def dine(seat: int) -> None:
        await step(2 * seat)
        pair = [seat, (seat + 1) % seats]
        if fixed:
            pair.sort()
        async with forks[pair[0]]:
            await step()
            async with forks[pair[1]]:
                await step()

    await asyncio.gather(*map(dine, range(seats)))


async def reorder(world: World, *, fixed: bool, setters: int) -> None:
    """Each of many tasks sets two variables; one task checks that it never sees only one of them set."""
    first = second = 0

    async def put() -> None:
        nonlocal first, second
        await step()
        first = 1
        if not fixed:
            await step()
        second = -1

    async def check() -> None:
        await step()
        assert (first, second) in ((0, 0), (1, -1)), "saw one of two variables set"

    await spawn([put] * setters + [check])


async def twostage(world: World, *, fixed: bool, writers: int) -> None:
    """One table is filled under one lock, its index under another; a reader looks at both."""
    table_lock, index_lock = asyncio.Lock(), asyncio.Lock()
    table = index = 0

    async def write() -> None:
        nonlocal table, index
        await step()
        async with table_lock:
            table = 1
            if fixed:
                index = 2
        await step()
        async with index_lock:
            index = table + 1

    async def read() -> None:
        await step()
        async with table_lock:
            if table == 0:
                return
            seen = table
        await step()
        async with index_lock:
            assert index == seen + 1, f"table {seen}, index {index}"

    await spawn([write] * writers + [read])


async def spawn(bodies: list) -> None:  # type: ignore[type-arg]
    """Starts tasks one after another, so that early ones may be done before the last one is made."""
    tasks = []
    for body in bodies:
        tasks.append(asyncio.create_task(body()))
        await step()
    await asyncio.gather(*tasks)


async def read_write_read_steps(world: World, *, fixed: bool) -> None:
    """A value is read twice and changed in between, by a task that changes it back two steps later."""
    value = 0

    async def read() -> None:
        await step(2)
        first = value
        await step()
        assert fixed or first == value, "read twice, changed in between"

    async def write() -> None:
        nonlocal value
        await step(6)
        value = 1
        await step(2)
        value = 0

    await asyncio.gather(read(), write(), *(chatter() for _ in range(5)))
