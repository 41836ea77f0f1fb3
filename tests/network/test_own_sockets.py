"""Sockets that code of a run makes itself: whose they are, what is refused, and that no schedule cries wolf."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import poll as poll_bound_before
from select import select as select_bound_before
from socket import socket as bound_before
from typing import Any

import pytest

import interlace
from interlace.errors import NotSimulated
from interlace.sim.world import World


def is_real(sock: socket.socket) -> bool:
    """Tells whether the operating system knows of a socket."""
    return socket.SocketType.fileno(sock) != -1


@contextmanager
def made() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.setblocking(False)
        yield sock


async def joined(address: tuple[str, int] = ("127.0.0.1", 80)) -> tuple[socket.socket, socket.socket]:
    """Returns both ends of a connection."""
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setblocking(False)
    with made() as listener:
        listener.bind(address)
        listener.listen()
        await loop.sock_connect(client, address)
        server, _ = await loop.sock_accept(listener)
    return client, server


# -- whose it is -----------------------------------------------------------------------------------


def test_it_does_not_matter_where_the_name_comes_from(plainly: Any) -> None:
    async def main(world: World) -> None:
        for sock in (bound_before(), socket.socket(), socket.SocketType and socket.socket(socket.AF_INET)):
            with sock:
                assert not is_real(sock)
                assert isinstance(sock, bound_before)
                assert type(sock) is not bound_before

    plainly(main)
    with bound_before() as sock:
        assert is_real(sock)
        assert type(sock) is bound_before
    assert "__new__" not in vars(socket.socket)


def test_what_is_not_of_the_run_stays_real(plainly: Any) -> None:
    asked, answered = threading.Event(), threading.Event()
    found: list[bool] = []

    def stranger() -> None:
        asked.wait()
        with socket.socket() as sock:
            found.append(is_real(sock))
        answered.set()

    thread = threading.Thread(target=stranger)
    thread.start()

    async def main(world: World) -> None:
        asked.set()
        while not answered.is_set():
            await asyncio.sleep(0.1)

        def serve() -> None:
            async def real() -> None:
                server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
                found.append(is_real(server.sockets[0]._sock))  # type: ignore[attr-defined]
                server.close()

            stock = asyncio.SelectorEventLoop()
            stock.run_until_complete(real())
            stock.close()

        await asyncio.to_thread(serve)
        with socket.socket(fileno=os.dup(real.fileno())) as same:
            found.append(is_real(same))

    with socket.socket() as real:
        plainly(main)
    thread.join()
    assert found == [True, True, True]


def test_numbers_are_the_same_in_every_run(plainly: Any) -> None:
    async def main(world: World) -> list[Any]:
        client, server = await joined(("127.0.0.1", 0x2A))
        with client, server, made() as other:
            other.bind(("", 0))
            return [
                client.fileno(),
                server.fileno(),
                other.fileno(),
                other.getsockname(),
                client.getsockname(),
            ]

    assert plainly(main) == plainly(main)


def test_a_socket_that_nobody_holds_is_closed(plainly: Any) -> None:
    async def main(world: World) -> None:
        client, server = await joined()
        with server:
            with pytest.warns(ResourceWarning, match="unclosed <.*laddr="):
                del client
            assert await asyncio.get_running_loop().sock_recv(server, 1) == b""

    plainly(main)


# -- what is refused -------------------------------------------------------------------------------


def test_what_would_hold_up_the_loop_is_refused(plainly: Any) -> None:
    async def main(world: World) -> None:
        client, server = await joined()
        with client, server, socket.socket() as fresh, socket.create_server(("127.0.0.1", 81)) as listener:
            client.settimeout(5)
            for api, call, remedy in (
                ("connect", lambda: fresh.connect(("127.0.0.1", 81)), "loop.sock_connect"),
                ("connect", lambda: socket.create_connection(("127.0.0.1", 81)), "loop.sock_connect"),
                ("accept", listener.accept, "loop.sock_accept"),
                ("recv", lambda: client.recv(1), "loop.sock_recv"),
                ("sendall", lambda: client.sendall(bytes(1 << 20)), "loop.sock_sendall"),
            ):
                with pytest.raises(NotSimulated) as caught:
                    call()
                assert caught.value.api.startswith(f"socket.{api} of a blocking socket")
                assert "test_own_sockets.py:" in str(caught.value.site)
                assert remedy in caught.value.remedy
            client.settimeout(None)
            server.send(b"there")
            assert client.recv(9) == b"there", "it need not wait"

    plainly(main)


def test_what_the_network_does_not_have_is_refused(plainly: Any) -> None:
    async def main(world: World) -> None:
        client, server = await joined()
        with client, server:
            with pytest.raises(NotSimulated, match="ancillary data"):
                client.sendmsg([b"x"], [(1, 1, b"")])
            with pytest.raises(NotSimulated, match="with the flags 0x1"):
                client.send(b"x", socket.MSG_OOB)

    plainly(main)


def test_polls_whose_names_were_bound_before_are_simulated_as_well(plainly: Any) -> None:
    async def main(world: World) -> None:
        client, server = await joined()
        with client, server:
            assert select_bound_before([client], [client], [], 0) == ([], [client], [])
            poll = poll_bound_before()
            poll.register(server, 1)
            assert poll.poll(0) == []
            client.send(b"x")
            await asyncio.sleep(1)
            assert select_bound_before([server], [], [], 0) == ([server], [], [])
            assert poll.poll(0) == [(server.fileno(), 1)]

    plainly(main)
    here, there = os.pipe()
    assert select_bound_before([here], [there], [], 0) == ([], [there], [])
    os.close(here)
    os.close(there)


def test_flags_of_a_descriptor_can_be_set(plainly: Any) -> None:
    fcntl = pytest.importorskip("fcntl")

    async def main(world: World) -> None:
        with made() as sock:
            flags = fcntl.fcntl(sock, fcntl.F_GETFD)
            assert fcntl.fcntl(sock.fileno(), fcntl.F_SETFD, flags | fcntl.FD_CLOEXEC) == 0
            assert fcntl.fcntl(sock, fcntl.F_GETFL) & os.O_NONBLOCK
            assert fcntl.fcntl(sock, fcntl.F_SETFL, os.O_NONBLOCK) == 0
            with pytest.raises(NotSimulated, match="with the command"):
                fcntl.fcntl(sock, fcntl.F_DUPFD, 0)
            number = sock.fileno()
        with pytest.raises(OSError, match="Bad file descriptor"):
            fcntl.fcntl(number, fcntl.F_GETFD)

    plainly(main)
    with socket.socket() as real:
        assert fcntl.fcntl(real, fcntl.F_GETFD) == fcntl.FD_CLOEXEC


# -- in many orders --------------------------------------------------------------------------------


async def talk(world: World) -> None:
    """A server and clients of which none uses a transport."""
    loop = asyncio.get_running_loop()

    async def answer(sock: socket.socket) -> None:
        with sock:
            while data := await loop.sock_recv(sock, 100):
                await loop.sock_sendall(sock, data.upper())

    async def ask(number: int) -> None:
        with made() as sock:
            await loop.sock_connect(sock, ("localhost", 80))
            for word in (b"hello", b"world"):
                await loop.sock_sendall(sock, word + b"%d" % number)
                got = b""
                while len(got) < 6:
                    got += await loop.sock_recv(sock, 100)
                assert got == word.upper() + b"%d" % number

    with made() as listener:
        listener.bind(("127.0.0.1", 80))
        listener.listen()
        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(ask(number))
            for _ in range(3):
                sock, _ = await loop.sock_accept(listener)
                group.create_task(answer(sock))


def test_fifty_schedules_without_a_false_alarm(drawn: Any, replayed: Any) -> None:
    worlds = drawn(talk, 50)
    assert len({tuple(world.trace) for world in worlds}) > 10
    for world in worlds[:5]:
        assert tuple(replayed(talk, world).trace) == tuple(world.trace)


def test_a_race_between_two_sockets_is_found() -> None:
    async def main(world: interlace.World) -> None:
        loop = asyncio.get_running_loop()
        order: list[int] = []
        pairs = [await joined(("127.0.0.1", port)) for port in (80, 81)]

        async def read(number: int) -> None:
            await loop.sock_recv(pairs[number][1], 1)
            order.append(number)

        reading = [asyncio.create_task(read(number)) for number in (0, 1)]
        for client, _ in pairs:
            await loop.sock_sendall(client, b"x")
        await asyncio.gather(*reading)
        for pair in pairs:
            for sock in pair:
                sock.close()
        assert order == [0, 1]

    assert interlace.run(main).error is None
    assert interlace.explore(main, schedules=50).verdict.status == "failed"


# -- Unix sockets ----------------------------------------------------------------------------------


def unix_program(path: str) -> Any:
    async def main(world: World) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while line := await reader.readline():
                writer.write(line.upper())
                await writer.drain()
            writer.close()

        async def ask(number: int) -> None:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"hello %d\nworld\n" % number)
            assert await reader.readline() == b"HELLO %d\n" % number
            writer.write_eof()
            assert await reader.read() == b"WORLD\n"
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_unix_server(answer, path) as server:
            await asyncio.gather(*map(ask, range(3)))
            server.close()
            await server.wait_closed()

    return main


def test_fifty_schedules_over_a_unix_socket(drawn: Any, tmp_path: Path) -> None:
    worlds = drawn(unix_program(str(tmp_path / "socket")), 50)
    assert len({tuple(world.trace) for world in worlds}) > 10
    assert not any(str(tmp_path) in event.actor for event in worlds[0].trace)


def test_the_name_of_the_file_does_not_matter(drawn: Any, replayed: Any, tmp_path: Path) -> None:
    (world,) = drawn(unix_program(str(tmp_path / "one")), 1)
    again = replayed(unix_program(str(tmp_path / "another")), world)
    assert tuple(again.trace) == tuple(world.trace)


def test_a_unix_socket_is_of_its_host(plainly: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")

    async def main(world: World) -> None:
        host = world.network.host("billing")
        with host.here():
            server = await asyncio.start_unix_server(lambda reader, writer: writer.close(), path)
            reader, writer = await asyncio.open_unix_connection(path)
            assert await reader.read() == b""
            writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_unix_connection(path)
        host.crash()
        host.restart()
        with host.here(), pytest.raises(ConnectionRefusedError):
            await asyncio.open_unix_connection(path)
        assert Path(path).is_socket(), "nobody was there to remove it"
        server.close()

    plainly(main)


def test_nobody_outside_of_the_run_gets_in(plainly: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")

    async def main(world: World) -> None:
        server = await asyncio.start_unix_server(lambda reader, writer: writer.close(), path)
        with real, pytest.raises(ConnectionRefusedError):
            real.connect(path)
        server.close()

    real = socket.socket(socket.AF_UNIX)
    plainly(main)


def test_tls_over_a_unix_socket(drawn: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")

    async def main(world: World) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        context = world.network.host("local").tls("service")
        async with await asyncio.start_unix_server(answer, path, ssl=context):
            import ssl

            reader, writer = await asyncio.open_unix_connection(
                path, ssl=ssl.create_default_context(), server_hostname="service"
            )
            writer.write(b"hello\n")
            assert await reader.readline() == b"hello\n"
            writer.close()
            await writer.wait_closed()

    drawn(main, 10)


@pytest.mark.parametrize("order", ["batch", "any"])
def test_a_transport_may_be_made_before_the_loop_has_put_its_watch_away(drawn: Any, order: str) -> None:
    async def main(world: World) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        with world.network.host("shop").here():
            await asyncio.start_server(answer, "0.0.0.0", 80)
        for _ in range(3):
            sock = socket.socket()
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, ("shop", 80))
            reader, writer = await asyncio.open_connection(sock=sock)
            writer.write(b"tea\n")
            assert await reader.read() == b"tea\n"
            writer.close()

    drawn(main, 10, order=order)
