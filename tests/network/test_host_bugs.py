"""Bugs that nothing but a crash, a partition or a bad link reveals, each with a twin in which it is mended.

Each is found within the default number of schedules on every seed; the twin passes all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from revealed import Case, check_found, check_mended, name_of

import interlace

Answer = Callable[[bytes], bytes]

RETRIES = 8


def serve(world: interlace.World, name: str, port: int, begin: Callable[[], Answer], work: float = 0) -> None:
    """Starts a program on a host that answers line by line.

    Args:
        begin: called whenever it starts; returns what gives the answers.
        work: how many seconds it takes before each.
    """

    async def program() -> None:
        answer = begin()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while (line := await reader.readline()).endswith(b"\n"):
                    if work:
                        await asyncio.sleep(work)
                    writer.write(answer(line))
                    await writer.drain()
            except ConnectionError:
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(handle, name, port)
        await server.serve_forever()

    world.host(name).start(program)


@asynccontextmanager
async def connected(name: str, port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(name, port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ask(name: str, port: int, line: bytes) -> bytes:
    async with connected(name, port) as (reader, writer):
        writer.write(line)
        answer = await reader.readline()
        if not answer.endswith(b"\n"):
            raise ConnectionError("cut off in the middle of the answer")
        return answer


async def insist(name: str, port: int, line: bytes, limit: float = 10) -> bytes:
    """Asks again until there is an answer."""
    for _ in range(RETRIES):
        try:
            async with asyncio.timeout(limit):
                return await ask(name, port, line)
        except OSError:
            await asyncio.sleep(limit)
    raise AssertionError(f"{name} has not answered")


# -- crashes -------------------------------------------------------------------------------------------


async def acknowledged_before_it_is_safe(world: interlace.World, *, mended: bool = False) -> None:
    """A store says `ok` when it has written, and not only when it has synced."""
    disk = world.host("db").disk

    def begin() -> Answer:
        if "log" in disk.names:  # the end of the last line may be missing
            disk.write("log", disk.read("log").rpartition(b"\n")[0] + b"\n")

        def put(line: bytes) -> bytes:
            disk.append("log", line)
            if mended:
                disk.sync("log")
            return b"ok\n"

        return put

    serve(world, "db", 5432, begin)
    for name in (b"ann\n", b"bob\n", b"carol\n"):
        await insist("db", 5432, name)
    assert {b"ann", b"bob", b"carol"} <= {*disk.read("log").split(b"\n")}


async def half_a_line_at_the_end_of_the_log(world: interlace.World, *, mended: bool = False) -> None:
    """After a crash a store goes on writing behind a line that was torn."""
    disk = world.host("db").disk

    def begin() -> Answer:
        if mended and "log" in disk.names:
            disk.write("log", disk.read("log").rpartition(b"\n")[0] + b"\n")

        def put(line: bytes) -> bytes:
            disk.append("log", line)
            return b"written\n"

        def sync(line: bytes) -> bytes:
            disk.append("log", b"")
            disk.sync("log")
            return b"safe\n"

        return lambda line: sync(line) if line == b"sync\n" else put(line)

    serve(world, "db", 5432, begin)
    await world.host("db").listens(5432)
    for name in (b"annabel\n", b"bob\n"):
        await insist("db", 5432, name)
        await insist("db", 5432, b"sync\n")
    assert {*disk.read("log").split(b"\n")} <= {b"annabel", b"bob", b""}


async def a_lock_that_dies_with_its_owner(world: interlace.World, *, mended: bool = False) -> None:
    """A lock service waits for an owner that is never going to give the lock back."""
    lease = 30
    held: list[float] = []

    def begin() -> Answer:
        held.clear()

        def answer(line: bytes) -> bytes:
            now = world.clock.elapsed
            if line == b"release\n":
                held.clear()
                return b"ok\n"
            if held and not (mended and now - held[0] > lease):
                return b"no\n"
            held[:] = [now]
            return b"yes\n"

        return answer

    async def work() -> None:
        while await insist("locks", 4000, b"acquire\n") != b"yes\n":
            await asyncio.sleep(1)
        await asyncio.sleep(5)
        await insist("locks", 4000, b"release\n")
        done.set()

    done = asyncio.Event()
    serve(world, "locks", 4000, begin)
    await world.host("locks").listens(4000)
    world.host("worker").start(work)
    async with asyncio.timeout(600):
        await done.wait()


async def waits_for_an_answer_that_never_comes(world: interlace.World, *, mended: bool = False) -> None:
    """A client has no limit of time: it waits for ever for a server that has gone without a word."""
    serve(world, "bank", 80, lambda: lambda line: b"paid " + line, work=0.02)
    await world.host("bank").listens(80)
    if mended:
        answer = await insist("bank", 80, b"ann\n")
    else:
        for _ in range(RETRIES):
            try:
                answer = await ask("bank", 80, b"ann\n")
                break
            except ConnectionError:
                await asyncio.sleep(10)
    assert answer == b"paid ann\n"


async def a_session_that_only_memory_knows(world: interlace.World, *, mended: bool = False) -> None:
    """A server keeps sessions in memory; a client takes it for granted that they are there."""

    def begin() -> Answer:
        sessions: set[bytes] = set()

        def answer(line: bytes) -> bytes:
            if line == b"login\n":
                sessions.add(b"1")
                return b"1\n"
            return b"hello\n" if sessions else b"who are you?\n"

        return answer

    serve(world, "web", 80, begin)
    await world.host("web").listens(80)
    await insist("web", 80, b"login\n")
    answer = await insist("web", 80, b"home\n")
    while mended and answer != b"hello\n":
        await insist("web", 80, b"login\n")
        answer = await insist("web", 80, b"home\n")
    assert answer == b"hello\n"


# -- links ---------------------------------------------------------------------------------------------


async def paid_twice(world: interlace.World, *, mended: bool = False) -> None:
    """Whoever gets no answer asks again, and the server does again what it has done already."""
    payments: list[bytes] = []

    def pay(line: bytes) -> bytes:
        if not (mended and line in payments):
            payments.append(line)
        return b"ok\n"

    serve(world, "bank", 80, lambda: pay)
    await world.host("bank").listens(80)
    await insist("bank", 80, b"order-1\n")
    assert payments == [b"order-1\n"]


async def an_impatient_client(world: interlace.World, *, mended: bool = False) -> None:
    """The limit of time is shorter than what TCP needs to send again what was lost."""
    serve(world, "bank", 80, lambda: lambda line: b"ok\n")
    await world.host("bank").listens(80)
    async with asyncio.timeout(2 if mended else 0.15):
        assert await ask("bank", 80, b"ann\n") == b"ok\n"


async def a_pooled_connection_that_is_broken(world: interlace.World, *, mended: bool = False) -> None:
    """A client keeps a connection, and does not think of it that it may have been reset meanwhile."""
    serve(world, "web", 80, lambda: lambda line: line)
    await world.host("web").listens(80)
    async with connected("web", 80) as (reader, writer):
        for _ in range(3):
            try:
                writer.write(b"hello\n")
                await writer.drain()
                assert await reader.readline() == b"hello\n"
            except ConnectionError:
                if not mended:
                    raise
                assert await insist("web", 80, b"hello\n") == b"hello\n"


async def two_leaders(world: interlace.World, *, mended: bool = False) -> None:
    """A leader that is cut off from the others does not notice that its time is over."""
    lease = 10.0
    leaders: dict[str, tuple[float, float]] = {}
    both: list[str] = []
    last = -lease

    def begin() -> Answer:
        def answer(line: bytes) -> bytes:
            nonlocal last
            name = line.strip().decode()
            now = world.clock.elapsed
            if grants.get("to") in (None, name) or now - last > lease:
                grants["to"], last = name, now
                return b"yes\n"
            return b"no\n"

        return answer

    async def lead(name: str) -> None:
        until = 0.0
        while world.clock.elapsed < 40:
            asked = world.clock.elapsed
            try:
                async with asyncio.timeout(5):
                    granted = await ask("votes", 4000, name.encode() + b"\n") == b"yes\n"
                until = asked + lease if granted else 0.0
            except OSError:
                if until and not mended:
                    until = world.clock.elapsed + lease  # it still is, it thinks
            leaders[name] = asked, until
            now = world.clock.elapsed
            if all(ends > now for _, ends in leaders.values()) and len(leaders) == 2:
                both.append(f"{now}: {leaders}")
            await asyncio.sleep(4)

    grants: dict[str, str] = {}
    serve(world, "votes", 4000, begin)
    await world.host("votes").listens(4000)
    for name in ("a", "b"):
        world.host(name).start(lead, name)
    await asyncio.sleep(60)
    assert not both


CASES = [
    Case(acknowledged_before_it_is_safe, ("crash:db",), "host db must crash"),
    Case(half_a_line_at_the_end_of_the_log, ("crash:db",), "not synced, must be torn in half"),
    Case(a_lock_that_dies_with_its_owner, ("crash:worker",), "host worker must crash while"),
    Case(waits_for_an_answer_that_never_comes, ("crash",), "its peers see nothing"),
    Case(a_session_that_only_memory_knows, ("crash:web",), "host web must crash while"),
    Case(paid_twice, ("net:partition",), "must be cut off for"),
    Case(paid_twice, ("net:reset",), "must be answered by a reset"),
    Case(paid_twice, ("net", "crash"), "bank"),
    Case(an_impatient_client, ("net:loss",), "must be lost and sent again"),
    Case(a_pooled_connection_that_is_broken, ("net:reset",), "must be answered by a reset"),
    Case(two_leaders, ("net:partition",), "must be cut off for 60 s"),
]

each = pytest.mark.parametrize("case", CASES, ids=name_of)


@each
def test_it_is_found_by_that_fault_and_by_nothing_else(case: Case) -> None:
    check_found(case)


@each
def test_the_mended_twin_passes(case: Case) -> None:
    check_mended(case)
