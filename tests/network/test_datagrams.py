"""Datagrams between hosts over links that lose, double and overtake them, and the bugs that only this reveals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from revealed import Case, check_found, check_mended, name_of

import interlace


class Inbox(asyncio.DatagramProtocol):
    """Keeps what arrives, with when it did."""

    def __init__(self, world: interlace.World) -> None:
        self.world = world
        self.got: list[tuple[float, bytes]] = []
        self.errors: list[Exception] = []
        self.heard = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.got.append((round(self.world.clock.elapsed, 6), data))
        self.answer(data, addr)
        self.heard.set()

    def answer(self, data: bytes, addr: Any) -> None: ...

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)

    @property
    def words(self) -> list[bytes]:
        return [data for _, data in self.got]


async def inbox(world: interlace.World, host: str, port: int = 9, kind: type[Inbox] = Inbox) -> Any:
    """Binds a port of a host."""
    with world.host(host).here():
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: kind(world), local_addr=("0.0.0.0", port)
        )
    return protocol


async def sender(world: interlace.World, host: str, port: int = 9) -> Any:
    """Returns an endpoint that sends to a port of a host."""
    _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Inbox(world), remote_addr=(host, port)
    )
    return protocol


def value(main: Any, **options: Any) -> Any:
    outcome = interlace.run(main, **options)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background, outcome.background
    return outcome.value


# -- links, as scripted --------------------------------------------------------------------------------


def test_a_datagram_takes_what_its_link_takes() -> None:
    async def main(world: interlace.World) -> Any:
        world.net.link("local", "meter", latency="30ms", bandwidth="100kB/s")
        there = await inbox(world, "meter")
        here = await sender(world, "meter")
        here.transport.sendto(bytes(1000))
        here.transport.sendto(b"second")
        await asyncio.sleep(1)
        return [at for at, _ in there.got]

    assert value(main) == [0.04, 0.04006]


def test_what_is_sent_into_a_partition_is_gone() -> None:
    async def main(world: interlace.World) -> Any:
        there = await inbox(world, "meter")
        here = await sender(world, "meter")
        here.transport.sendto(b"before")
        await asyncio.sleep(1)
        world.net.partition("local", "meter")
        here.transport.sendto(b"during")
        await asyncio.sleep(1)
        world.net.heal()
        here.transport.sendto(b"after")
        await asyncio.sleep(1)
        return there.words

    assert value(main) == [b"before", b"after"]


def test_one_way_answers_get_lost_and_questions_do_not() -> None:
    class Echo(Inbox):
        def answer(self, data: bytes, addr: Any) -> None:
            self.transport.sendto(data, addr)

    async def main(world: interlace.World) -> Any:
        there = await inbox(world, "meter", kind=Echo)
        here = await sender(world, "meter")
        world.net.partition("meter", "local", one_way=True)
        here.transport.sendto(b"lost")
        await asyncio.sleep(1)
        world.net.heal()
        here.transport.sendto(b"found")
        await asyncio.sleep(1)
        return there.words, here.words

    assert value(main) == ([b"lost", b"found"], [b"found"])


@pytest.mark.parametrize("silent", [False, True])
def test_a_host_that_has_crashed_gets_none(silent: bool) -> None:
    async def main(world: interlace.World) -> Any:
        meter = world.host("meter")
        inboxes: list[Any] = []

        async def program() -> None:
            inboxes.append(await inbox(world, "meter"))
            await asyncio.Event().wait()

        meter.start(program)
        await meter.listens(9)
        here = await sender(world, "meter")
        here.transport.sendto(b"1")
        await asyncio.sleep(1)
        meter.crash(silent=silent)
        here.transport.sendto(b"2")
        await asyncio.sleep(1)
        meter.restart()
        await meter.listens(9)
        here.transport.sendto(b"3")
        await asyncio.sleep(1)
        return [one.words for one in inboxes], [type(error).__name__ for error in here.errors]

    told = [] if silent else ["ConnectionRefusedError"]
    assert value(main) == ([[b"1"], [b"3"]], told)


# -- links, as explored --------------------------------------------------------------------------------


async def three_words(world: interlace.World) -> list[bytes]:
    there = await inbox(world, "meter")
    here = await sender(world, "meter")
    for word in (b"a", b"b", b"c"):
        here.transport.sendto(word)
        await asyncio.sleep(0.01)
    await asyncio.sleep(1)
    words: list[bytes] = there.words
    return words


def seen_by(seeds: int = 60, **link: int) -> set[bytes]:
    """Returns what arrives of a, b and c over a link, in many runs whose answers are drawn."""

    async def main(world: interlace.World) -> bytes:
        world.net.link("local", "meter", one_way=True, latency="1ms", **link)
        return b"".join(await three_words(world))

    return {value(main, seed=seed) for seed in range(seeds)}


def test_nothing_is_lost_doubled_or_overtaken_unless_that_was_said() -> None:
    assert seen_by() == {b"abc"}


def test_as_many_as_was_said_are_lost() -> None:
    assert seen_by(loss=1) == {b"abc", b"bc", b"ac", b"ab"}
    lengths = {len(words) for words in seen_by(loss=2, seeds=300)}
    assert lengths == {1, 2, 3}


def test_as_many_as_was_said_arrive_twice() -> None:
    assert seen_by(duplicate=1) == {b"abc", b"aabc", b"abbc", b"abcc"}


def test_as_many_as_was_said_are_overtaken() -> None:
    assert seen_by(reorder=1) == {b"abc", b"bca", b"acb"}


def test_the_plain_run_has_none_of_it() -> None:
    async def main(world: interlace.World) -> Any:
        world.net.link("local", "meter", loss=3, duplicate=3, reorder=3)
        return await three_words(world)

    assert value(main) == [b"a", b"b", b"c"]


def test_the_plan_bounds_how_many_faults_a_run_has() -> None:
    def few(most: int) -> Any:
        async def main(world: interlace.World) -> None:
            assert len(await three_words(world)) >= 3 - most

        return main

    for most, faults in ((1, ("net:loss",)), (2, ("net:loss", "at_most=2"))):
        assert interlace.explore(few(most), faults=faults).failure is None
        failure = interlace.explore(few(most - 1), faults=faults).failure
        assert failure is not None
        assert sum("must be lost" in line for line in failure.constraints) == most


# -- bugs ----------------------------------------------------------------------------------------------


async def a_question_asked_once(world: interlace.World, *, mended: bool = False) -> None:
    """Waits for ever for the answer to a question that was lost."""

    class Echo(Inbox):
        def answer(self, data: bytes, addr: Any) -> None:
            self.transport.sendto(data, addr)

    await inbox(world, "names", 53, Echo)
    here = await sender(world, "names", 53)
    for _ in range(40):
        here.transport.sendto(b"who?")
        if not mended:
            await here.heard.wait()
        try:
            async with asyncio.timeout(2):
                await here.heard.wait()
            break
        except TimeoutError:
            pass
    assert here.words[0] == b"who?"


async def counted_twice(world: interlace.World, *, mended: bool = False) -> None:
    """Counts a coin twice that has arrived twice."""
    coins: dict[bytes, int] = {}

    class Till(Inbox):
        def answer(self, data: bytes, addr: Any) -> None:
            number, _, value = data.partition(b" ")
            coins[number if mended else b"%d" % len(coins)] = int(value)

    await inbox(world, "till", 9, Till)
    here = await sender(world, "till")
    for number, coin in enumerate((5, 10, 20)):
        here.transport.sendto(b"%d %d" % (number, coin))
        await asyncio.sleep(0.05)
    await asyncio.sleep(5)
    assert sum(coins.values()) == 35


async def the_last_one_wins(world: interlace.World, *, mended: bool = False) -> None:
    """Takes what arrives last for what was sent last."""
    shown = newest = -1

    class Display(Inbox):
        def answer(self, data: bytes, addr: Any) -> None:
            nonlocal shown, newest
            number = int(data)
            if not mended or number > newest:
                shown = newest = number

    await inbox(world, "display", 9, Display)
    here = await sender(world, "display")
    for number in range(4):
        here.transport.sendto(b"%d" % number)
        await asyncio.sleep(0.02)
    await asyncio.sleep(5)
    assert shown == 3


async def dead_since_the_last_beat(world: interlace.World, *, mended: bool = False) -> None:
    """Calls a host dead that has only been cut off for a second, or has lost one beat."""
    limit = 130 if mended else 1.5
    beats = [0.0]
    verdicts: list[float] = []

    class Monitor(Inbox):
        def answer(self, data: bytes, addr: Any) -> None:
            beats.append(world.clock.elapsed)

    async def beat() -> None:
        here = await sender(world, "monitor")
        while True:
            here.transport.sendto(b"alive")
            await asyncio.sleep(1)

    await inbox(world, "monitor", 9, Monitor)
    world.host("worker").start(beat)
    for _ in range(10):
        await asyncio.sleep(1)
        if world.clock.elapsed - beats[-1] > limit:
            verdicts.append(world.clock.elapsed)
    assert not verdicts


async def a_registry_that_forgets(world: interlace.World, *, mended: bool = False) -> None:
    """Tells a registry once that it is there; the registry crashes, and nobody knows it any more."""
    known: set[bytes] = set()

    async def registry() -> None:
        class Registry(Inbox):
            def answer(self, data: bytes, addr: Any) -> None:
                known.add(data)

        known.clear()
        await inbox(world, "registry", 9, Registry)
        await asyncio.Event().wait()

    async def register() -> None:
        here = await sender(world, "registry")
        while True:
            here.transport.sendto(b"worker-1")
            await asyncio.sleep(5 if mended else 100_000)

    world.host("registry").start(registry)
    await world.host("registry").listens(9)
    with world.host("worker").here():
        task = asyncio.create_task(register())
    await asyncio.sleep(150)
    task.cancel()
    assert known == {b"worker-1"}


CASES = [
    Case(a_question_asked_once, ("net:loss",), "must be lost"),
    Case(a_question_asked_once, ("net:partition",), "must be cut off for"),
    Case(counted_twice, ("net:duplicate",), "must arrive twice"),
    Case(the_last_one_wins, ("net:reorder",), "must be overtaken by what is sent after it"),
    Case(dead_since_the_last_beat, ("net:loss",), "must be lost"),
    Case(dead_since_the_last_beat, ("net",), "datagram"),
    Case(a_registry_that_forgets, ("crash:registry",), "host registry must crash"),
]

each = pytest.mark.parametrize("case", CASES, ids=name_of)


@each
def test_it_is_found_by_that_fault_and_by_nothing_else(case: Case) -> None:
    check_found(case)


@each
def test_the_mended_twin_passes(case: Case) -> None:
    check_mended(case)
