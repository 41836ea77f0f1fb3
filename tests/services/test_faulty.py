"""One vocabulary of faults: on a service, a host, a link, in the place of an answer; what holds when, and bad input."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import interlace
from interlace import fault, reply

Program = Callable[[interlace.World], Any]


def passes(program: Program) -> interlace.Outcome:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome


class Echo:
    """Says what it is told, twice."""

    def receive(self, data: bytes) -> bytes:
        return data * 2


async def ask(address: str = "echo:7", said: bytes = b"0123456789", limit: float = 30) -> tuple[bytes, str]:
    """Returns what arrives until the end, and how it ends."""
    heard = b""
    host, _, port = address.partition(":")
    try:
        async with asyncio.timeout(limit):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(said)
            writer.write_eof()
            try:
                while data := await reader.read(100):
                    heard += data
            finally:
                writer.close()
    except OSError as error:
        return heard, type(error).__name__
    return heard, "end"


WHOLE = b"0123456789" * 2
SEEN: dict[str, tuple[Any, tuple[bytes, str], float]] = {
    "latency": (fault.latency("3s"), (WHOLE, "end"), 3),
    "bandwidth": (fault.bandwidth("10B/s"), (WHOLE, "end"), 2),
    "slow_close": (fault.slow_close("4s"), (WHOLE, "end"), 4),
    "hang": (fault.hang(), (b"", "TimeoutError"), 30),
    "hang for a while": (fault.hang("5s"), (b"", "end"), 5),
    "reset": (fault.reset(), (b"", "ConnectionResetError"), 0),
    "late reset": (fault.reset(latency="6s"), (b"", "ConnectionResetError"), 6),
    "slicer": (fault.slicer(8, "2s"), (WHOLE, "end"), 4),
    "limit_data": (fault.limit_data(7), (WHOLE[:7], "end"), 0),
    "limit_data, whole": (fault.limit_data(21), (WHOLE, "end"), 0),
    "limit_data, nothing": (fault.limit_data(0), (b"", "end"), 0),
    "malformed": (fault.malformed(b"\0\1"), (b"\0\1", "end"), 0),
    "empty": (fault.empty(), (b"", "end"), 0),
    "late end": (fault.empty(latency="7s"), (b"", "end"), 7),
    "partial": (fault.partial(), (WHOLE[:10], "end"), 0),
    "refuse": (fault.refuse(), (b"", "ConnectionRefusedError"), 0),
    "unreachable": (fault.unreachable(), (b"", "TimeoutError"), 30),
}


@pytest.mark.parametrize("place", ["service", "host", "name", "address"])
@pytest.mark.parametrize("name", SEEN)
def test_on_a_service(name: str, place: str) -> None:
    what, seen, elapsed = SEEN[name]

    async def program(world: interlace.World) -> None:
        echo = world.tcp("echo:7", Echo, latency="0s")
        world.tcp("other:7", Echo, latency="0s")
        target = {"service": Echo, "host": echo, "name": "ECHO", "address": "echo:7"}[place]
        if place == "service":
            world.tcp("same:7", Echo)
        with world.faulty(target, what):
            assert await ask() == seen
            assert world.clock.elapsed == elapsed
            if place != "service":
                assert await ask("other:7") == (WHOLE, "end")
        assert await ask() == (WHOLE, "end")
        assert world.clock.elapsed == elapsed

    passes(program)


ANSWERED = {name: row for name, row in SEEN.items() if name not in ("refuse", "unreachable")}


@pytest.mark.parametrize("name", ANSWERED)
def test_in_a_conversation(name: str) -> None:
    what, seen, elapsed = ANSWERED[name]

    class Once:
        def receive(self, data: bytes) -> Any:
            if not data:
                return None
            return (
                what.on([data, bytearray(data)])
                if what.kind not in ("reset", "hang", "empty", "malformed")
                else what
            )

    async def program(world: interlace.World) -> None:
        world.tcp("echo:7", Once, latency="0s")
        assert await ask() == seen
        assert world.clock.elapsed == elapsed

    passes(program)


def test_between_other_moves() -> None:
    class Told:
        def receive(self, data: bytes) -> Any:
            if data:
                yield b"one "
                yield fault.slicer(1, "1s").on(b"two")
                yield interlace.after("10s")
                yield fault.reset(latency="1s")

    async def program(world: interlace.World) -> None:
        world.tcp("echo:7", Told, latency="0s")
        assert await ask() == (b"one two", "ConnectionResetError")
        assert world.clock.elapsed == 13

    passes(program)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_in_a_sequence(scheme: str) -> None:
    body = {"text": "x" * 80}

    async def program(world: interlace.World) -> None:
        api = world.http(f"{scheme}://api")
        bent = [
            fault.latency("2s").on(body),
            fault.bandwidth("100B/s").on(body),
            fault.slicer(100, "4s").on(reply.json(body, 201)),
            fault.slow_close("9s").on(body),
            fault.limit_data(20).on(body),
            fault.partial().on(body),
            fault.malformed(b"\0\1"),
            fault.hang("3s"),
            body,
        ]
        api.get("/").sequence(*bent)
        times, seen = [], []
        for _ in bent:
            start = world.clock.elapsed
            got = b""
            async with httpx.AsyncClient(timeout=100) as client:
                try:
                    async with client.stream("GET", f"{scheme}://api/") as answer:
                        async for piece in answer.aiter_raw():
                            got += piece
                    seen.append(str(answer.status_code))
                except httpx.TransportError as error:
                    seen.append(f"{type(error).__name__} after {len(got)}")
            times.append(round(world.clock.elapsed - start, 1))
        failed = "RemoteProtocolError after"
        assert seen == [
            "200",
            "200",
            "201",
            "200",
            f"{failed} 0",
            f"{failed} 46",
            f"{failed} 0",
            f"{failed} 0",
            "200",
        ]
        assert times == [2, 1.6, 4, 0, 0, 0, 0, 3, 0]

    passes(program)


def test_on_a_link_and_one_way() -> None:
    async def program(world: interlace.World) -> None:
        world.tcp("echo:7", Echo, latency="0s")
        both = world.faulty(("local", "echo"), fault.latency("1s"))
        assert await ask() == (WHOLE, "end")
        assert world.clock.elapsed == 2
        both.heal()
        both.heal()
        with world.faulty((world.host("local"), "echo"), fault.limit_data(4), one_way=True):
            assert await ask() == (b"", "end")  # the answer is cut off as well
        with world.faulty(("echo", "local"), fault.limit_data(4), one_way=True):
            assert await ask() == (b"0123", "end")
        with world.faulty(("echo", "elsewhere" if world.host("elsewhere") else ""), fault.reset()):
            assert await ask() == (WHOLE, "end")

    passes(program)


def test_so_many_connections() -> None:
    async def program(world: interlace.World) -> None:
        world.tcp("echo:7", Echo, latency="0s")
        world.faulty("echo", fault.refuse(), times=1)
        world.faulty("echo", fault.reset(), times=2)
        assert [how for _, how in [await ask() for _ in range(4)]] == [
            "ConnectionRefusedError",
            "ConnectionResetError",
            "ConnectionResetError",
            "end",
        ]

    passes(program)


def test_several_act_one_after_the_other() -> None:
    async def program(world: interlace.World) -> None:
        world.tcp("echo:7", Echo, latency="0s")
        world.faulty("echo", fault.latency("1s"), fault.slicer(5, "2s"), fault.limit_data(12))
        assert await ask() == (WHOLE[:12], "end")
        assert world.clock.elapsed == 5

    passes(program)


def test_what_hangs_goes_on_hanging_and_new_connections_are_well() -> None:
    async def program(world: interlace.World) -> None:
        world.tcp("echo:7", Echo, latency="0s")
        reader, writer = await asyncio.open_connection("echo", 7)
        with world.faulty("echo", fault.hang()):
            writer.write(b"a")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 3)
        writer.write(b"b")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 3)
        writer.close()
        assert await ask() == (WHOLE, "end")

    passes(program)


def test_a_hang_without_a_timeout_is_named() -> None:
    async def program(world: interlace.World) -> None:
        world.tcp("echo:7", Echo)
        world.faulty("echo", fault.hang())
        await asyncio.wait_for(ask(limit=10**6), None)

    async def impatient(world: interlace.World) -> None:
        world.http("http://api").get("/").reply(fault.hang())
        async with httpx.AsyncClient(timeout=None) as client:
            await client.get("http://api/")

    async def forever(world: interlace.World) -> None:
        world.tcp("echo:7", Echo)
        world.faulty("echo", fault.hang())
        reader, _ = await asyncio.open_connection("echo", 7)
        await reader.read()

    assert interlace.run(program).error is None  # a million seconds are a timeout
    for stuck, name in ((impatient, "local→api:80#1"),):
        error = interlace.run(stuck).error
        assert isinstance(error, interlace.Hung)
        assert error.connections == (name,)
        assert "hang, and nobody gives up" in str(error)
        assert name in interlace.explore(stuck, schedules=1).report()
    # nothing was sent, so nothing hangs
    assert type(interlace.run(forever).error) is interlace.Deadlock


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda world, api: world.faulty(api), "asks for no fault"),
        (lambda world, api: world.faulty(api, "reset"), "is given 'reset'"),
        (lambda world, api: world.faulty(api, fault.reset), "is given <function reset"),
        (lambda world, api: world.faulty(api, fault.partial().on(1)), "leave .on"),
        (lambda world, api: world.faulty(api, fault.reset(), times=0), "times is 0"),
        (lambda world, api: world.faulty(api, fault.reset(), one_way=True), "that is for links"),
        (lambda world, api: world.faulty("apo", fault.reset()), "did you mean 'api'"),
        (lambda world, api: world.faulty("api:x", fault.reset()), "no address of a service"),
        (lambda world, api: world.faulty(("api",), fault.reset()), "a link is a pair"),
        (lambda world, api: world.faulty(("api", 3), fault.reset()), "there is no host 3"),
        (lambda world, api: world.faulty(Echo, fault.reset()), "is no service of this world"),
        (lambda world, api: world.faulty(OTHER["api"], fault.reset()), "is no service of this world"),
        (lambda world, api: world.faulty(OTHER["host"], fault.reset()), "is of another world"),
        (lambda world, api: world.faults(reset=True), "for no service"),
        (lambda world, api: world.faults(api), "asks for no fault"),
        (lambda world, api: world.faults(api, reset=False), "asks for no fault"),
        (lambda world, api: world.faults(api, reset=True, at_most=0), "at_most is 0"),
        (lambda world, api: world.faults(api, reset=True, at_most=True), "at_most is True"),
        (lambda world, api: world.faults(api, rest=True), "Did you mean 'reset'?"),
        (lambda world, api: world.faults(api, reset="1s"), "give True"),
        (lambda world, api: world.faults(api, reset=fault.hang()), "give fault.reset"),
        (lambda world, api: world.faults(api, latency="-1s"), "below zero"),
        (lambda world, api: world.faults(OTHER["api"], reset=True), "is no service of this world"),
        (lambda world, api: fault.bandwidth(-1), "bandwidth is -1"),
        (lambda world, api: fault.bandwidth("10"), "bandwidth is '10'"),
        (lambda world, api: fault.latency("-5ms"), "below zero"),
        (lambda world, api: fault.slicer(0), "fault.slicer(0)"),
        (lambda world, api: fault.slicer(delay=0), "are read as one"),
        (lambda world, api: fault.limit_data(-1), "fault.limit_data(-1)"),
        (lambda world, api: fault.limit_data(2.5), "fault.limit_data(2.5)"),
        (lambda world, api: fault.malformed(b""), "give bytes"),
        (lambda world, api: fault.malformed("x"), "give bytes"),
        (lambda world, api: fault.reset().on(1), "nothing of an answer is left"),
        (lambda world, api: fault.refuse().on(1), "nothing of an answer is left"),
        (lambda world, api: fault.partial().on(1).on(2), "an answer has one fault"),
        (lambda world, api: fault.partial().on(fault.reset()), "an answer has one fault"),
        (lambda world, api: api.get("/x").reply(fault.partial()), "happens to an answer, and here is none"),
        (lambda world, api: api.get("/x").sequence(200, fault.refuse()), "is for connections"),
    ],
)
def test_bad_input(call: Callable[[interlace.World, Any], object], told: str) -> None:
    async def other(world: interlace.World) -> None:
        OTHER.update(api=world.http("http://api"), host=world.host("api"))

    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        with pytest.raises(interlace.UsageError) as caught:
            call(world, api)
        assert told in str(caught.value)
        api.routes.clear()

    passes(other)
    passes(program)


OTHER: dict[str, Any] = {}


def test_what_a_conversation_can_not_mean() -> None:
    def saying(made: Any) -> Any:
        class Wrong:
            def receive(self, data: bytes) -> Any:
                return made if data else None

        return Wrong

    async def program(world: interlace.World, made: Any) -> None:
        world.tcp("echo:7", saying(made))
        await ask()

    for made, told in (
        (fault.partial(), "happens to an answer"),
        (fault.refuse(), "is for connections"),
        (fault.partial().on({"ok": 1}), "is neither"),
        (fault.partial().on("text"), "is neither"),
    ):

        async def talk(world: interlace.World, made: Any = made) -> None:
            await program(world, made)

        error = interlace.run(talk).error
        assert isinstance(error, interlace.UsageError), made
        assert told in str(error)
