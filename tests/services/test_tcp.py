"""Fakes of any protocol: protocols, reader and writer, conversations without a loop."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import interlace
from interlace import UsageError


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line.upper())
    writer.close()


class EchoProtocol(asyncio.Protocol):
    transport: Any

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data.upper())


class Echo:
    """Answers each line in capitals; knows no loop."""

    def __init__(self) -> None:
        self.rest = b""

    def receive(self, data: bytes) -> bytes:
        *lines, self.rest = (self.rest + data).split(b"\n")
        return b"".join(line.upper() + b"\n" for line in lines)


class SlowEcho:
    def receive(self, data: bytes) -> Any:
        if data:
            yield interlace.after("2s")
            yield data.upper()


HANDLERS: dict[str, Any] = {
    "reader and writer": echo,
    "protocol": EchoProtocol,
    "made by a function": lambda: EchoProtocol(),
    "conversation": Echo,
    "slow conversation": SlowEcho,
}


def passes(program: Callable[..., Any]) -> interlace.Outcome:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome


async def say(host: str, port: int, line: bytes, **options: Any) -> bytes:
    reader, writer = await asyncio.open_connection(host, port, **options)
    writer.write(line)
    answer = await reader.readline()
    if not options:
        writer.write_eof()
    else:
        writer.close()
    assert await reader.read() == b""
    writer.close()
    return answer


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("name", HANDLERS)
def test_any_handler_answers(name: str, tls: bool) -> None:
    async def program(world: interlace.World) -> None:
        host = world.tcp("printer:9100", HANDLERS[name], tls=tls)
        assert host is world.host("printer")
        world.tcp("localhost:9100", HANDLERS[name])
        options = {"ssl": True} if tls else {}
        answers = await asyncio.gather(
            say("printer", 9100, b"tea\n", **options),
            say("printer", 9100, b"milk\n", **options),
            say("localhost", 9100, b"rum\n"),
        )
        assert answers == [b"TEA\n", b"MILK\n", b"RUM\n"]

    assert passes(program).elapsed == (2 if name == "slow conversation" else 0)
    assert interlace.explore(program, schedules=15).verdict.status == "passed"


def test_latency_is_that_of_its_answers() -> None:
    async def program(world: interlace.World) -> None:
        world.tcp("printer:9100", Echo, latency="30ms")
        await say("printer", 9100, b"tea\n")

    # the connection, the answer, the end
    assert passes(program).elapsed == pytest.approx(0.09)


def test_it_listens_again_after_a_restart() -> None:
    async def program(world: interlace.World) -> None:
        host = world.tcp("printer:9100", echo)
        host.crash()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("printer", 9100)
        host.restart()
        assert await say("printer", 9100, b"tea\n") == b"TEA\n"

    passes(program)


def test_a_crash_ends_what_it_is_about_to_say() -> None:
    async def program(world: interlace.World) -> None:
        host = world.tcp("printer:9100", SlowEcho)
        reader, writer = await asyncio.open_connection("printer", 9100)
        writer.write(b"tea\n")
        await asyncio.sleep(1)
        host.crash()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        await asyncio.sleep(5)
        writer.close()

    passes(program)


def test_an_error_of_a_fake_fails_the_test() -> None:
    class Torn:
        def receive(self, data: bytes) -> Any:
            raise KeyError("torn")

    class TornLater:
        def receive(self, data: bytes) -> Any:
            yield interlace.after("1s")
            raise KeyError("torn")

    class Wrong:
        def receive(self, data: bytes) -> Any:
            return ["text"]

    async def torn(reader: Any, writer: Any) -> None:
        raise KeyError("torn")

    async def refused(reader: Any, writer: Any) -> None:
        await asyncio.open_connection("printer", 9101)

    for handler, kind in (
        (Torn, KeyError),
        (TornLater, KeyError),
        (torn, KeyError),
        (refused, ConnectionRefusedError),
        (Wrong, UsageError),
        (lambda: 1 / 0, ZeroDivisionError),
        (lambda: 42, UsageError),
        (lambda: echo(None, None), UsageError),  # type: ignore[arg-type]
    ):

        async def program(world: interlace.World, handler: Any = handler) -> None:
            world.tcp("printer:9100", handler)
            reader, writer = await asyncio.open_connection("printer", 9100)
            writer.write(b"tea\n")
            try:
                await reader.read()
            except ConnectionError:
                pass
            writer.close()

        assert isinstance(interlace.run(program).error, kind), handler


def test_a_client_that_goes_is_no_error_of_a_fake() -> None:
    async def exact(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(await reader.readexactly(4))
            await writer.drain()

    async def program(world: interlace.World) -> None:
        for port, handler in ((1, exact), (2, Echo), (3, SlowEcho), (4, EchoProtocol)):
            world.tcp(f"printer:{port}", handler)
            for abort in (False, True):
                _, writer = await asyncio.open_connection("printer", port)
                writer.write(b"tea\nmi")
                await asyncio.sleep(1)
                if abort:
                    writer.transport.abort()
                writer.close()
                await asyncio.sleep(5)

    passes(program)
    assert interlace.explore(program, schedules=30).verdict.status == "passed"


def test_its_tasks_are_not_cancelled_by_the_sweep() -> None:
    async def brew(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def tea() -> bytes:
            await asyncio.sleep(0.01)
            return b"tea"

        writer.write(await asyncio.create_task(tea()))
        writer.close()

    async def program(world: interlace.World) -> None:
        world.tcp("kitchen:80", brew)
        reader, writer = await asyncio.open_connection("kitchen", 80)
        assert await reader.read() == b"tea"
        writer.close()

    result = interlace.explore(program, schedules=100, faults=["cancel"])
    assert result.verdict.status == "passed"


def test_stories_name_the_host() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def program(world: interlace.World) -> None:
        world.tcp("printer:9100", refuse)
        reader, _ = await asyncio.open_connection("printer", 9100)
        await reader.read()

    outcome = interlace.run(program)
    assert isinstance(outcome.error, interlace.Deadlock)
    assert any("printer:9100" in event.actor and "refuse" in event.actor for event in outcome.trace)


class NeedsMore:
    def __init__(self, size: int) -> None: ...

    def receive(self, data: bytes) -> bytes:
        return data


async def takes_one(reader: asyncio.StreamReader) -> None: ...


@pytest.mark.parametrize(
    ("address", "handler", "options", "words"),
    [
        ("printer", echo, {}, "write host and port"),
        ("printer:0", echo, {}, "write host and port"),
        ("printer:http", echo, {}, "write host and port"),
        (9100, echo, {}, "write host and port"),
        ("10.1.2.3:80", echo, {}, "have names"),
        ("printer:9100", Echo(), {}, "give the class itself"),
        ("printer:9100", 42, {}, "a class, or a function"),
        ("printer:9100", NeedsMore, {}, "is called without arguments"),
        ("printer:9100", takes_one, {}, "is called with reader and writer"),
        ("printer:9100", lambda reader, writer: None, {}, "is called without arguments"),
        ("printer:9100", echo, {"latency": -1}, "latency -1 is not a duration"),
        ("localhost:9100", echo, {"latency": 1}, "no latency of its own"),
    ],
)
def test_what_cannot_be(address: Any, handler: Any, options: Any, words: str) -> None:
    async def program(world: interlace.World) -> None:
        world.tcp(address, handler, **options)

    error = interlace.run(program).error
    assert isinstance(error, UsageError)
    assert words in str(error)
