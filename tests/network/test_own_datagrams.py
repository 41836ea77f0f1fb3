"""Datagram sockets that code of a run makes itself: on the simulated network, and no schedule cries wolf."""

import asyncio
import errno
import socket
from logging import LogRecord
from logging.handlers import DatagramHandler
from typing import Any

import pytest

import interlace
from interlace.errors import NotSimulated
from interlace.sim.world import World

STATS = ("127.0.0.1", 8125)


class Statsd:
    """A client as programs have it: it sends at once, waits for nothing, and never fails."""

    def __init__(self, address: tuple[str, int] = STATS) -> None:
        self._address = address
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def count(self, name: str) -> None:
        try:
            self._sock.sendto(f"{name}:1|c".encode(), self._address)
        except OSError:
            pass

    def close(self) -> None:
        self._sock.close()


class Collector(asyncio.DatagramProtocol):
    def __init__(self, wanted: int) -> None:
        self.got: list[bytes] = []
        self.full = asyncio.Event()
        self._wanted = wanted

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.got.append(data)
        if len(self.got) == self._wanted:
            self.full.set()


async def counted(world: World) -> None:
    loop = asyncio.get_running_loop()
    transport, collector = await loop.create_datagram_endpoint(lambda: Collector(6), local_addr=STATS)
    clients = [Statsd(), Statsd()]

    async def work(client: Statsd, name: str) -> None:
        for number in range(3):
            client.count(f"{name}{number}")
            await asyncio.sleep(0)

    await asyncio.gather(work(clients[0], "a"), work(clients[1], "b"))
    await collector.full.wait()
    assert sorted(collector.got) == [f"{name}{number}:1|c".encode() for name in "ab" for number in range(3)]
    for name in (b"a", b"b"):  # of one socket they keep their order
        own = [data for data in collector.got if data.startswith(name)]
        assert own == sorted(own)
    for client in clients:
        client.close()
    transport.close()


async def asked_and_answered(world: World) -> None:
    """A client and a server of `loop.sock_recvfrom`, and a client in a thread that blocks."""
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.setblocking(False)
        server.bind(("127.0.0.1", 53))

        async def serve() -> None:
            for _ in range(4):
                data, source = await loop.sock_recvfrom(server, 100)
                await loop.sock_sendto(server, data.upper(), source)

        def block() -> bytes:
            with socket.socket(type=socket.SOCK_DGRAM) as sock:
                sock.settimeout(10)
                sock.sendto(b"thread", ("127.0.0.1", 53))
                return sock.recvfrom(100)[0]

        async def ask(data: bytes) -> bytes:
            with socket.socket(type=socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                await loop.sock_connect(sock, ("127.0.0.1", 53))
                await loop.sock_sendall(sock, data)
                return await loop.sock_recv(sock, 100)

        serving = asyncio.create_task(serve())
        answers = await asyncio.gather(ask(b"a"), ask(b"b"), ask(b"c"), asyncio.to_thread(block))
        assert answers == [b"A", b"B", b"C", b"THREAD"]
        await serving


@pytest.mark.parametrize("program", [counted, asked_and_answered])
def test_fifty_schedules_without_a_false_alarm(drawn: Any, replayed: Any, program: Any) -> None:
    worlds = drawn(program, 50)
    assert len({tuple(world.trace) for world in worlds}) > 10
    for world in worlds[:5]:
        assert tuple(replayed(program, world).trace) == tuple(world.trace)


def test_who_is_first_is_explored() -> None:
    async def main(world: World) -> None:
        loop = asyncio.get_running_loop()
        transport, collector = await loop.create_datagram_endpoint(lambda: Collector(2), local_addr=STATS)
        clients = [Statsd(), Statsd()]
        for number, client in enumerate(clients):
            client.count(f"{number}")
        await collector.full.wait()
        for client in clients:
            client.close()
        transport.close()
        assert collector.got == [b"0:1|c", b"1:1|c"]

    assert interlace.run(main).error is None
    assert interlace.explore(main, schedules=50).verdict.status == "failed"


def test_what_a_link_loses_and_doubles_is_explored() -> None:
    got: set[tuple[bytes, ...]] = set()

    async def main(world: World) -> None:
        host = world.network.host("meter")
        world.net.link("local", "meter", loss=3, duplicate=3)
        with host.here():
            sock = socket.socket(type=socket.SOCK_DGRAM)
            sock.bind(("0.0.0.0", 9))
        client = Statsd(("meter", 9))
        for name in "ab":
            client.count(name)
        await asyncio.sleep(10)
        found: list[bytes] = []
        try:
            while True:
                found.append(sock.recv(100, socket.MSG_DONTWAIT)[:1])
        except BlockingIOError:
            got.add(tuple(found))
        sock.close()
        client.close()

    for seed in range(60):
        assert interlace.run(main, seed=seed).error is None
    assert {(b"a", b"b"), (b"b",), (b"a", b"a", b"b")} <= got


def test_nothing_of_it_is_real(plainly: Any) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as real:
        real.bind(("127.0.0.1", 0))
        real.setblocking(False)
        address = real.getsockname()

        async def main(world: World) -> None:
            handler = DatagramHandler(*address)
            handler.emit(LogRecord("x", 20, "x", 1, "x", None, None))
            with socket.socket(type=socket.SOCK_DGRAM) as sock:
                assert socket.SocketType.fileno(sock) == -1
                assert sock.fileno() >= 1 << 20
                sock.sendto(b"x", address)
            with socket.socket(type=socket.SOCK_DGRAM) as sock:
                sock.bind(address)  # nobody has it here
            handler.close()

        plainly(main)
        with pytest.raises(BlockingIOError):
            real.recv(10)


def test_what_would_hold_up_the_loop_is_refused(plainly: Any) -> None:
    async def main(world: World) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 9))
            with pytest.raises(NotSimulated, match=r"await loop\.sock_recvfrom") as caught:
                sock.recvfrom(10)
            assert "test_own_datagrams.py:" in str(caught.value.site)
            sock.sendto(b"x", sock.getsockname())
            assert sock.recvfrom(10) == (b"x", ("127.0.0.1", 9))

    plainly(main)


def test_it_is_on_the_host_that_makes_it(plainly: Any) -> None:
    async def main(world: World) -> None:
        loop = asyncio.get_running_loop()
        host = world.network.host("billing")
        with host.here():
            sock = socket.socket(type=socket.SOCK_DGRAM)
            sock.setblocking(False)
            sock.bind(("0.0.0.0", 9))
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.sendto(b"x", ("billing", 9))
            assert (await loop.sock_recvfrom(sock, 10))[0] == b"x"
            host.crash()
            with pytest.raises(OSError, match="Network is down") as caught:
                sock.sendto(b"x", client.getsockname())
            assert caught.value.errno == errno.ENETDOWN
        sock.close()

    plainly(main)


def test_a_class_of_the_programs_own(plainly: Any) -> None:
    class Datagrams(socket.socket):
        def __init__(self) -> None:
            super().__init__(socket.AF_INET, socket.SOCK_DGRAM)

    async def main(world: World) -> None:
        with Datagrams() as sock:
            assert (sock.type, sock.family) == (socket.SOCK_DGRAM, socket.AF_INET)
            sock.bind(("127.0.0.1", 0))
            sock.sendto(b"x", sock.getsockname())
            assert sock.recv(10, socket.MSG_DONTWAIT) == b"x"
            with pytest.raises(BlockingIOError):
                sock.recv(10, socket.MSG_DONTWAIT)

    plainly(main)


@pytest.mark.parametrize("program", [counted, asked_and_answered])
def test_the_same_seed_gives_the_same_trace(program: Any) -> None:
    hashes = [[interlace.run(program, seed=seed).trace_hash for seed in range(5)] for _ in range(3)]
    assert hashes[0] == hashes[1] == hashes[2]
