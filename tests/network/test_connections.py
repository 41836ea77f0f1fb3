"""Connections and servers of the simulated loop, beyond what the stock loop can be compared with."""

import asyncio
import errno
import os
import select
import socket
import sys
import tempfile
import tracemalloc
from typing import Any

import pytest

from interlace.sim.world import World


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1000):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


async def ask(host: str, port: int, **options: Any) -> Any:
    """Sends a word and returns the transport it was sent with, once it has come back."""
    reader, writer = await asyncio.open_connection(host, port, **options)
    writer.write(b"word")
    assert await reader.readexactly(4) == b"word"
    writer.close()
    await writer.wait_closed()
    return writer.transport


def test_hosts_have_loopbacks_of_their_own(plainly: Any) -> None:
    async def main(world: World) -> None:
        with world.network.host("a").here():
            await asyncio.start_server(echo, "127.0.0.1", 80)
            await ask("127.0.0.1", 80)
            await ask("localhost", 80)
            with pytest.raises(ConnectionRefusedError):
                await ask("a", 80)
        for host in ("127.0.0.1", "a"):
            with pytest.raises(ConnectionRefusedError):
                await ask(host, 80)

    plainly(main)


@pytest.mark.parametrize("bound", ["0.0.0.0", None, "", "a", ["a", "127.0.0.1"]])
def test_a_server_can_be_reached_from_other_hosts(plainly: Any, bound: Any) -> None:
    async def main(world: World) -> None:
        host = world.network.host("a")
        with host.here():
            await asyncio.start_server(echo, bound, 80)
        for name in ("a", host.address):
            transport = await ask(name, 80)
            assert transport.get_extra_info("peername") == (host.address, 80)
            assert transport.get_extra_info("sockname")[0] == "10.0.0.1"

    plainly(main)


def test_a_server_bound_to_a_name_is_on_that_host(plainly: Any) -> None:
    async def main(world: World) -> None:
        world.network.host("api.example.com")
        await asyncio.start_server(echo, "api.example.com", 443)
        await ask("api.example.com", 443)
        with pytest.raises(ConnectionRefusedError):
            await ask("127.0.0.1", 443)

    plainly(main)


def test_tasks_stay_on_the_host_where_they_were_started(plainly: Any) -> None:
    async def main(world: World) -> None:
        peers = []

        async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peers.append((world.network.here.name, writer.get_extra_info("peername")[0]))
            await echo(reader, writer)

        with world.network.host("server").here():
            await asyncio.start_server(note, None, 80)
        with world.network.host("client").here():
            task = asyncio.create_task(ask("server", 80))
        assert world.network.here.name == "local"
        await task
        assert peers == [("server", world.network.host("client").address)]

    plainly(main)


def test_an_unknown_host_and_its_remedy(plainly: Any) -> None:
    async def main(world: World) -> None:
        with pytest.raises(socket.gaierror) as caught:
            await ask("api.example.com", 443)
        assert caught.value.errno == socket.EAI_NONAME
        assert "world.network.host('api.example.com')" in caught.value.__notes__[0]

    plainly(main)


def test_wording_of_a_taken_port(plainly: Any) -> None:
    async def main(world: World) -> None:
        await asyncio.start_server(echo, "127.0.0.1", 80)
        with pytest.raises(OSError, match="address already in use") as caught:
            await asyncio.start_server(echo, None, 80)
        assert caught.value.errno == errno.EADDRINUSE
        assert "error while attempting to bind on address ('0.0.0.0', 80)" in str(caught.value)
        await asyncio.start_server(echo, "127.0.0.1", 81, reuse_port=True)
        await asyncio.start_server(echo, "127.0.0.1", 81, reuse_port=True)

    plainly(main)


def test_a_foreign_address_cannot_be_bound(plainly: Any) -> None:
    async def main(world: World) -> None:
        with pytest.raises(OSError, match=r"could not bind|cannot assign requested address"):
            await asyncio.start_server(echo, "10.9.9.9", 80)

    plainly(main)


def test_ipv6_loopback(plainly: Any) -> None:
    async def main(world: World) -> None:
        server = await asyncio.start_server(echo, "::1", 0)
        address = server.sockets[0].getsockname()
        assert address[0] == "::1"
        assert len(address) == 4
        transport = await ask("::1", address[1])
        assert transport.get_extra_info("peername") == address
        await ask("localhost", address[1], family=socket.AF_INET6)

    plainly(main)


def test_an_address_to_connect_from(plainly: Any) -> None:
    async def main(world: World) -> None:
        await asyncio.start_server(echo, "127.0.0.1", 80)
        transport = await ask("127.0.0.1", 80, local_addr=("127.0.0.2", 5555))
        assert transport.get_extra_info("sockname") == ("127.0.0.2", 5555)
        with pytest.raises(OSError, match="error while attempting to bind on address"):
            await ask("127.0.0.1", 80, local_addr=("10.9.9.9", 0))
        with pytest.raises(OSError, match="no matching local address"):
            await ask("127.0.0.1", 80, local_addr=("::1", 0))

    plainly(main)


def test_happy_eyeballs(plainly: Any, drawn: Any) -> None:
    async def main(world: World) -> None:
        await asyncio.start_server(echo, "127.0.0.1", 80)
        await ask("localhost", 80, happy_eyeballs_delay=0.25)
        with pytest.raises(ConnectionRefusedError):
            await ask("localhost", 81, happy_eyeballs_delay=0.25)

    plainly(main)
    drawn(main)


def test_all_addresses_of_a_name_are_tried(plainly: Any) -> None:
    async def main(world: World) -> None:
        loop = asyncio.get_running_loop()
        real = loop.getaddrinfo

        async def several(host: str, port: int, **options: Any) -> Any:
            infos = await real("127.0.0.1", port, **options)
            kind = infos[0][:4]
            return [(*kind, (f"127.0.0.{number}", port)) for number in (7, 8, 1)]

        loop.getaddrinfo = several  # type: ignore[method-assign]
        await asyncio.start_server(echo, "127.0.0.1", 80)
        transport = await ask("several", 80)
        assert transport.get_extra_info("peername") == ("127.0.0.1", 80)
        with pytest.raises(OSError, match=r"Multiple exceptions: .*127\.0\.0\.7.*127\.0\.0\.8"):
            await ask("several", 81)
        if sys.version_info >= (3, 12):
            with pytest.raises(ExceptionGroup) as caught:
                await ask("several", 81, all_errors=True)
            assert len(caught.value.exceptions) == 3

    plainly(main)


def test_a_really_bound_socket_lends_its_address_and_no_more(plainly: Any) -> None:
    real = socket.socket()  # made outside of the run
    real.bind(("127.0.0.1", 0))

    async def main(world: World) -> None:
        with real as sock:
            port = sock.getsockname()[1]
            server = await asyncio.start_server(echo, sock=sock)
            assert server.sockets[0].getsockname() == ("127.0.0.1", port)
            await ask("127.0.0.1", port)
            server.close()
            assert sock.fileno() == -1
        assert str(port) not in "".join(event.actor for event in world.trace), "it differs from run to run"
        assert any(event.actor.startswith("local→127.0.0.1:socket#1#1") for event in world.trace)

    plainly(main)


def test_a_socket_is_connected_once(plainly: Any) -> None:
    async def main(world: World) -> None:
        await asyncio.start_server(echo, "127.0.0.1", 80)
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, ("localhost", 80))
            await loop.sock_sendall(sock, b"hello")
            assert await loop.sock_recv(sock, 10) == b"hello"
            await loop.sock_connect(sock, ("127.0.0.1", 80))  # Linux tells once that it is connected
            with pytest.raises(OSError, match="already connected"):
                await loop.sock_connect(sock, ("127.0.0.1", 80))
            transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, sock)
            transport.close()
            await asyncio.sleep(0)
            assert sock.fileno() == -1

    plainly(main)


def test_a_file_whose_connection_is_lost(drawn: Any) -> None:
    async def main(world: World) -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.transport.abort(), "127.0.0.1", 80)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", 80)
        with tempfile.TemporaryFile() as file:
            file.write(bytes(2_000_000))
            with pytest.raises((ConnectionError, RuntimeError)):
                await loop.sendfile(transport, file)
        server.close()

    drawn(main)


def test_a_descriptor_that_can_be_polled(plainly: Any) -> None:
    async def main(world: World) -> None:
        made: list[asyncio.StreamWriter] = []

        async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            made.append(writer)

        await asyncio.start_server(keep, "127.0.0.1", 80)
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", 80)
        sock = transport.get_extra_info("socket")
        number = sock.fileno()
        assert select.select([number], [], [], 0) == ([], [], []), "nothing to read"
        assert sock.fileno() == transport.get_extra_info("socket").fileno()
        transport.pause_reading()
        await asyncio.sleep(1)
        made[0].write(b"x")
        await asyncio.sleep(1)
        assert select.select([number], [], [], 0) == ([number], [], []), "there is something to read"
        transport.resume_reading()
        await asyncio.sleep(1)
        assert select.select([sock], [sock], [], 0) == ([], [sock], [])
        transport.close()
        await asyncio.sleep(1)
        assert sock.fileno() == -1
        made[0].close()

    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    plainly(main)
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_everything_of_an_end_belongs_to_one_actor(plainly: Any) -> None:
    async def main(world: World) -> None:
        await asyncio.start_server(echo, "127.0.0.1", 80)
        await ask("127.0.0.1", 80)
        await asyncio.sleep(1)

    world = World()
    from interlace.backends.aio.run import Asyncio
    from interlace.engine.run import drive

    assert drive(Asyncio().open(world), lambda running: running.main(main(world))).error is None
    steps = [(event.actor, event.label) for event in world.trace if event.actor.startswith("local→")]
    client = [label for actor, label in steps if actor == "local→127.0.0.1:80#1 client"]
    server = [label for actor, label in steps if actor == "local→127.0.0.1:80#1 server"]
    name = "local→127.0.0.1:80#1"
    made = ["StreamReaderProtocol.connection_made", "StreamTransport._start_reading"]
    assert client == [
        f"{name} connection",
        *made,
        "settle",
        f"{name} reply 1",
        "StreamTransport._lose",
        *client[6:],
    ]
    assert server == [
        f"{name} acceptance",
        "Server._open",
        *made,
        f"{name} request 1",
        f"{name} end from client",
        "StreamTransport._lose",
    ]


def test_servers_and_their_waiters_in_every_order(drawn: Any) -> None:
    async def main(world: World) -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 80)
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(ask("127.0.0.1", 80))
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await ask("127.0.0.1", 80)

    drawn(main, schedules=100)


def test_a_connection_attempt_that_is_cancelled(drawn: Any) -> None:
    """Whether the server ever saw it or not, both sides come to an end."""

    async def main(world: World) -> None:
        ended = 0

        class Counting(asyncio.Protocol):
            def connection_lost(self, exc: BaseException | None) -> None:
                nonlocal ended
                ended += 1

        accepted = 0

        def factory() -> asyncio.Protocol:
            nonlocal accepted
            accepted += 1
            return Counting()

        loop = asyncio.get_running_loop()
        await loop.create_server(factory, "127.0.0.1", 80)
        try:
            async with asyncio.timeout(0.005):
                transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", 80)
            transport.close()
        except TimeoutError:
            pass
        await asyncio.sleep(10)
        assert accepted == ended

    drawn(main, schedules=200)


def test_big_messages_survive_every_cut_and_delay(drawn: Any) -> None:
    async def main(world: World) -> None:
        await asyncio.start_server(echo, "127.0.0.1", 80)
        reader, writer = await asyncio.open_connection("127.0.0.1", 80)
        data = os.urandom(700_000)
        got = asyncio.create_task(reader.readexactly(len(data)))
        for start in range(0, len(data), 50_000):
            writer.write(data[start : start + 50_000])
            await writer.drain()
        assert await got == data
        writer.close()
        await writer.wait_closed()

    drawn(main, schedules=50)


def test_only_cuts(drawn: Any) -> None:
    """A program that takes one read for one message breaks when the bytes are cut."""

    async def main(world: World) -> None:
        await asyncio.start_server(echo, "127.0.0.1", 80)
        reader, writer = await asyncio.open_connection("127.0.0.1", 80)
        writer.write(b"hello")
        try:
            assert await reader.read(100) == b"hello"
        finally:
            writer.close()

    with pytest.raises(AssertionError):
        drawn(main, only=("cut",))


def test_what_nobody_reads_takes_no_memory(plainly: Any) -> None:
    """A write of a gibibyte is kept as it was given; neither network nor transport copies it."""

    async def main(world: World) -> None:
        others: list[asyncio.StreamWriter] = []

        def never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.pause_reading()
            others.append(writer)

        server = await asyncio.start_server(never_reads, "127.0.0.1", 80)
        _, writer = await asyncio.open_connection("127.0.0.1", 80)
        data = bytes(1 << 30)
        tracemalloc.start()
        try:
            writer.write(data)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(writer.drain(), 3600)
            assert writer.transport.get_write_buffer_size() > (1 << 30) - (1 << 20)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1 << 21
        others[0].transport.abort()
        writer.transport.abort()
        server.close()

    plainly(main)
