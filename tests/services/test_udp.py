"""Fakes that are sent datagrams."""

import asyncio
from typing import Any

import pytest

import interlace
from interlace import UsageError


class Echo:
    """Answers in capitals, and knows how often."""

    def __init__(self) -> None:
        self.count = 0

    def receive(self, data: bytes) -> bytes | None:
        self.count += 1
        return None if data == b"hush" else data.upper() + b"%d" % self.count


class SlowEcho:
    def receive(self, data: bytes) -> Any:
        yield b"wait"
        yield interlace.after("1s..2s")
        yield data.upper()


class EchoProtocol(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.transport.sendto(data.upper(), addr)


class Client(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.heard.put_nowait(data)


async def client(host: str, port: int) -> tuple[Any, Client]:
    return await asyncio.get_running_loop().create_datagram_endpoint(Client, remote_addr=(host, port))


def passes(program: Any) -> None:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    result = interlace.explore(program, schedules=30)
    assert result.verdict.status == "passed", result.report()


def test_each_datagram_is_answered() -> None:
    async def program(world: interlace.World) -> None:
        assert world.udp("dns:53", Echo) is world.host("dns")
        world.udp("localhost:53", EchoProtocol)
        transport, heard = await client("dns", 53)
        other, more = await client("localhost", 53)
        for data in (b"a", b"hush", b"b"):
            transport.sendto(data)
        other.sendto(b"c")
        assert [await heard.heard.get() for _ in range(2)] == [b"A1", b"B3"]
        assert await more.heard.get() == b"C"
        transport.close()
        other.close()

    passes(program)


def test_answers_that_take_time_may_overtake_each_other() -> None:
    last = set()

    async def program(world: interlace.World) -> None:
        world.udp("dns:53", SlowEcho)
        transport, heard = await client("dns", 53)
        transport.sendto(b"a")
        transport.sendto(b"b")
        answers = [await heard.heard.get() for _ in range(4)]
        assert answers[:2] == [b"wait", b"wait"]
        assert 1 <= world.clock.elapsed <= 2.4
        last.add(answers[-1])
        transport.close()

    passes(program)
    assert last == {b"A", b"B"}


def test_it_is_there_again_after_a_restart() -> None:
    async def program(world: interlace.World) -> None:
        dns = world.udp("dns:53", Echo)
        transport, heard = await client("dns", 53)
        transport.sendto(b"a")
        assert await heard.heard.get() == b"A1"
        dns.restart()
        transport.sendto(b"a")
        assert await heard.heard.get() == b"A1"
        transport.close()

    passes(program)


def test_an_error_of_a_fake_fails_the_test() -> None:
    class Torn:
        def receive(self, data: bytes) -> Any:
            raise KeyError("torn")

    class Wrong:
        def receive(self, data: bytes) -> Any:
            return "text"

    for handler, kind in ((Torn, KeyError), (Wrong, UsageError)):

        async def program(world: interlace.World, handler: Any = handler) -> None:
            world.udp("dns:53", handler)
            transport, _ = await client("dns", 53)
            transport.sendto(b"a")
            await asyncio.sleep(1)
            transport.close()

        assert isinstance(interlace.run(program).error, kind)


async def talks(reader: Any, writer: Any) -> None: ...


@pytest.mark.parametrize(
    ("address", "handler", "words"),
    [
        ("dns", Echo, "write host and port"),
        ("10.1.2.3:53", Echo, "have names"),
        ("dns:53", Echo(), "give the class itself"),
        ("dns:53", talks, "no reader and no writer"),
        ("dns:53", asyncio.Protocol, "world.tcp(...)"),
        ("dns:53", lambda size: Echo(), "without arguments"),
    ],
)
def test_what_cannot_be(address: Any, handler: Any, words: str) -> None:
    async def program(world: interlace.World) -> None:
        world.udp(address, handler)

    error = interlace.run(program).error
    assert isinstance(error, UsageError)
    assert words in str(error)


def test_two_at_one_port() -> None:
    async def program(world: interlace.World) -> None:
        world.udp("dns:53", Echo)
        world.tcp("dns:53", talks)
        world.udp("dns:53", Echo)

    assert "at dns:53 already" in str(interlace.run(program).error)
