"""Unix sockets: files and abstract names, streams and transports, here and on the stock loop."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from parity import Echo, Programs, Stage, Talker, check_same, ticks, tried

program = Programs()

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets here")


@contextmanager
def folder() -> Iterator[Path]:
    """Gives an empty folder, and goes there: names are short, and the same in each run."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            yield Path(name)
        finally:
            os.chdir(before)


def made() -> socket.socket:
    """Returns a socket that does not block."""
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    return sock


def there(stage: Stage, *names: str) -> None:
    """Logs which files are there, and which are sockets."""
    for name in names:
        stage.log(f"{name} {os.path.exists(name) and stat.S_ISSOCK(os.stat(name).st_mode)}")


async def served(stage: Stage, path: Any = "socket", **options: Any) -> Any:
    loop = asyncio.get_running_loop()
    return await loop.create_unix_server(lambda: Echo(stage, "server"), path, **options)


async def exchange(stage: Stage, path: Any = "socket", **options: Any) -> None:
    """Connects, sends something, and waits for the answer."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_unix_connection(lambda: Talker(stage, "client"), path, **options)
    heard = sum(line.startswith("client data_received") for line in stage.lines)
    transport.write(b"hello")
    await stage.until("client data_received", heard + 1)
    lost = sum(line.startswith("server connection_lost") for line in stage.lines)
    transport.close()
    await stage.until("server connection_lost", lost + 1)


# -- servers and connections -----------------------------------------------------------------------


@program
async def a_server_and_a_client(stage: Stage) -> None:
    with folder():
        server = await served(stage)
        there(stage, "socket")
        stage.log(f"{[(sock.family.name, sock.getsockname()) for sock in server.sockets]}")
        await exchange(stage)
        server.close()
        await server.wait_closed()
        there(stage, "socket")


@program
async def what_the_transports_know(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with folder():
        server = await served(stage)
        transport, _ = await loop.create_unix_connection(lambda: Talker(stage, "client"), "socket")
        await stage.until("server connection_made")
        for name in ("sockname", "peername", "sslcontext"):
            stage.log(f"{name} {transport.get_extra_info(name)!r}")
        sock = transport.get_extra_info("socket")
        stage.log(f"{sock.family!r} {sock.type!r} {sock.proto} {sock.getsockname()!r} {sock.getpeername()!r}")
        stage.log(f"{transport.can_write_eof()}")
        transport.close()
        await stage.until("server connection_lost")
        server.close()


@program
async def streams(stage: Stage) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stage.log(f"{writer.get_extra_info('peername')!r} {writer.get_extra_info('sockname')!r}")
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()
        stage.log("answered")

    with folder():
        server = await asyncio.start_unix_server(answer, "socket")
        reader, writer = await asyncio.open_unix_connection(Path("socket"))
        writer.write(b"one\ntwo\n")
        writer.write_eof()
        stage.log(f"{await reader.read()!r}")
        await stage.until("answered")
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()


@program
async def an_abstract_name(stage: Stage) -> None:
    for path in ("\0interlace-test", b"\0interlace-bytes"):
        server = await served(stage, path)
        stage.log(f"{server.sockets[0].getsockname()!r}")
        await stage.raises("taken", served(stage, path))
        await exchange(stage, path)
        server.close()
        await server.wait_closed()
        await stage.raises("gone", exchange(stage, path))


@program
async def nobody_is_there(stage: Stage) -> None:
    with folder() as here:
        await stage.raises("nothing", exchange(stage))
        await stage.raises("no folder", exchange(stage, "no/socket"))
        (here / "file").write_text("")
        await stage.raises("a file", exchange(stage, "file"))
        await stage.raises("a folder", exchange(stage, str(here)))
        server = await served(stage, start_serving=False)
        await stage.raises("not serving", exchange(stage))
        await server.start_serving()
        await exchange(stage)
        server.close()
        await stage.raises("server at a file", served(stage, "file"))
        await stage.raises("server without a folder", served(stage, "no/socket"))
        await stage.raises("too long", served(stage, "x" * 200))
        await stage.raises("too long a connection", exchange(stage, "x" * 200))


@program
async def what_another_server_has_left(stage: Stage) -> None:
    with folder():
        with made() as sock:
            sock.bind("socket")
        there(stage, "socket")
        await stage.raises("stale", exchange(stage))
        server = await served(stage)
        await exchange(stage)
        second = await served(stage)  # takes the file away
        await exchange(stage)
        second.close()
        server.close()
        there(stage, "socket")


@program
async def a_file_that_is_moved(stage: Stage) -> None:
    with folder():
        server = await served(stage)
        os.rename("socket", "other")
        await stage.raises("old name", exchange(stage))
        await exchange(stage, "other")
        os.link("other", "again")
        await exchange(stage, "again")
        os.unlink("other")
        os.unlink("again")
        await stage.raises("removed", exchange(stage, "other"))
        server.close()


if sys.version_info >= (3, 13):

    @program
    async def a_file_that_stays(stage: Stage) -> None:
        with folder():
            server = await served(stage, cleanup_socket=False)
            server.close()
            there(stage, "socket")
            server = await served(stage)
            os.unlink("socket")
            Path("socket").write_text("")
            server.close()
            there(stage, "socket")


@program
async def arguments_that_do_not_go_together(stage: Stage) -> None:
    loop: Any = asyncio.get_running_loop()
    with folder(), made() as sock, socket.socket() as other:
        for given in (
            {},
            {"path": "socket", "sock": sock},
            {"path": "socket", "ssl_handshake_timeout": 1.0},
            {"path": "socket", "ssl_shutdown_timeout": 1.0},
        ):
            await stage.raises(f"server {sorted(given)}", loop.create_unix_server(asyncio.Protocol, **given))
            await stage.raises(
                f"client {sorted(given)}", loop.create_unix_connection(asyncio.Protocol, **given)
            )
        for call in (loop.create_unix_server, loop.create_unix_connection):
            try:
                await call(asyncio.Protocol, sock=other)
            except ValueError as error:
                stage.log(str(error).partition(", got")[0])
        await stage.raises(
            "name", loop.create_unix_connection(asyncio.Protocol, "socket", server_hostname="x")
        )
        await stage.raises("no name", loop.create_unix_connection(asyncio.Protocol, "socket", ssl=True))
        await stage.raises("no context", loop.create_unix_server(asyncio.Protocol, "socket", ssl=True))
        with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
            await loop.create_unix_server(asyncio.Protocol, "socket", nonsense=True)


@program
async def closed_clients(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with folder():
        server = await served(stage)
        client, _ = await loop.create_unix_connection(lambda: Talker(stage, "client"), "socket")
        await stage.until("server connection_made")
        server.close()
        stage.log(f"{server.sockets} {server.is_serving()}")
        client.write(b"still")
        await stage.until("client data_received")
        client.abort()
        await stage.until("server connection_lost")
        await server.wait_closed()


# -- sockets that a program makes ------------------------------------------------------------------


@program
async def what_a_fresh_socket_says(stage: Stage) -> None:
    with made() as sock:
        tried(stage, "name", sock.getsockname)
        tried(stage, "peer", sock.getpeername)
        tried(stage, "receive", lambda: sock.recv(1))
        tried(stage, "send", lambda: sock.send(b"x"))
        tried(stage, "accept", sock.accept)
        tried(stage, "listen", sock.listen)
        stage.log(f"{sock.family!r} {sock.type!r} {sock.proto}")
        for name in ("SO_TYPE", "SO_DOMAIN", "SO_PROTOCOL", "SO_ACCEPTCONN", "SO_ERROR"):
            stage.log(f"{name} {sock.getsockopt(socket.SOL_SOCKET, getattr(socket, name))}")
        for address in (7, ("a", 1), None, Path("x"), ""):
            tried(stage, f"connect {address}", lambda address=address: sock.connect(address))


@program
async def bound_and_bound_again(stage: Stage) -> None:
    with folder(), made() as one, made() as other:
        one.bind("socket")
        tried(stage, "again", lambda: one.bind("second"))
        there(stage, "socket", "second")
        tried(stage, "taken", lambda: other.bind("socket"))
        tried(stage, "refused", lambda: other.connect("socket"))
        stage.log(f"{one.getsockname()!r}")
        one.close()
        there(stage, "socket")
        tried(stage, "still taken", lambda: other.bind("socket"))
        os.unlink("socket")
        tried(stage, "free", lambda: other.bind(b"socket"))
        stage.log(f"{other.getsockname()!r}")


@program
async def any_abstract_name(stage: Stage) -> None:
    with made() as one, made() as other:
        one.bind("")
        other.bind("")
        stage.log(
            f"{len(one.getsockname())} {one.getsockname()[:1]!r} {one.getsockname() != other.getsockname()}"
        )


@program
async def connected_at_once(stage: Stage) -> None:
    with folder(), made() as listener, made() as client:
        listener.bind("socket")
        listener.listen()
        tried(stage, "nobody", listener.accept)
        stage.log(f"{client.connect_ex('socket')}")
        tried(stage, "again", lambda: client.connect("socket"))
        tried(stage, "listens", lambda: listener.connect("socket"))
        client.send(b"hello")
        server, address = listener.accept()
        stage.log(f"{address!r} {server.getsockname()!r} {server.getpeername()!r} {client.getpeername()!r}")
        stage.log(f"{server.recv(100)!r}")
        server.setblocking(False)
        tried(stage, "nothing more", lambda: server.recv(1))
        who = struct.unpack("3i", server.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        stage.log(f"{who == (os.getpid(), os.getuid(), os.getgid())}")
        server.send(b"back")
        stage.log(f"{client.recv(2)!r} {client.recv(100, socket.MSG_PEEK)!r} {client.recv(100)!r}")
        server.close()
        stage.log(f"{client.recv(1)!r}")
        tried(stage, "closed", lambda: client.send(b"x"))


@program
async def the_name_of_a_client(stage: Stage) -> None:
    with folder(), made() as listener, made() as client:
        listener.bind("\0interlace-named")
        listener.listen()
        client.bind("client")
        client.connect("\0interlace-named")
        server, address = listener.accept()
        stage.log(f"{address!r} {server.getpeername()!r} {client.getpeername()!r} {client.getsockname()!r}")
        server.close()


@program
async def too_many_wait(stage: Stage) -> None:
    with folder(), made() as listener:
        listener.bind("socket")
        listener.listen(1)
        clients = [made() for _ in range(4)]
        for client in clients:
            tried(stage, "connect", lambda client=client: client.connect("socket"))
        listener.accept()[0].close()
        tried(stage, "room", lambda: clients[3].connect("socket"))
        listener.close()
        for client in clients:
            tried(stage, "receive", lambda client=client: client.recv(1))
            client.close()


@program
async def closed_with_bytes_that_nobody_has_read(stage: Stage) -> None:
    with folder(), made() as listener, made() as client:
        listener.bind("socket")
        listener.listen()
        client.connect("socket")
        server, _ = listener.accept()
        client.send(b"unread")
        server.close()
        for _ in range(2):
            tried(stage, "send", lambda: client.send(b"x"))
        for _ in range(2):
            tried(stage, "receive", lambda: client.recv(1))


@program
async def the_functions_of_the_loop(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with folder(), made() as listener, made() as client:
        listener.bind("socket")
        listener.listen()
        accepting = asyncio.create_task(loop.sock_accept(listener))
        await ticks(2)
        await loop.sock_connect(client, "socket")
        server, address = await accepting
        stage.log(f"{address!r} {server.gettimeout()}")
        reading = asyncio.create_task(loop.sock_recv(server, 100))
        await ticks(2)
        await loop.sock_sendall(client, b"hello")
        stage.log(f"{await reading!r}")
        client.shutdown(socket.SHUT_WR)
        stage.log(f"{await loop.sock_recv(server, 100)!r}")
        await loop.sock_sendall(server, bytes(1000))
        buffer = bytearray(2000)
        stage.log(f"{await loop.sock_recv_into(client, buffer)}")
        server.close()


@program
async def more_than_fits(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with folder(), made() as listener, made() as client:
        listener.bind("socket")
        listener.listen()
        client.connect("socket")
        server, _ = listener.accept()
        server.setblocking(False)
        with stage.errors("full"):
            client.sendall(bytes(1 << 22))
        sending = asyncio.create_task(loop.sock_sendall(client, b"x" * (1 << 20)))
        received = 0
        while not sending.done():
            received += (await loop.sock_recv(server, 1 << 16)).count(b"x")
        client.close()
        while data := await loop.sock_recv(server, 1 << 16):
            received += data.count(b"x")
        stage.log(f"{received}")
        server.close()


@program
async def made_transports(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with folder(), made() as listener, made() as client:
        listener.bind("socket")
        listener.listen()
        await loop.sock_connect(client, "socket")
        sock, _ = await loop.sock_accept(listener)
        transport, _ = await loop.create_unix_connection(lambda: Talker(stage, "client"), sock=client)
        await loop.connect_accepted_socket(lambda: Echo(stage, "server"), sock)
        transport.write(b"hello")
        await stage.until("client data_received")
        transport.close()
        await stage.until("client connection_lost")
        await stage.until("server connection_lost")


@program
async def a_server_on_a_socket_of_its_own(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with folder(), made() as sock:
        sock.bind("socket")
        server = await loop.create_unix_server(lambda: Echo(stage, "server"), sock=sock)
        await exchange(stage)
        server.close()
        await server.wait_closed()
        there(stage, "socket")
        stage.log(f"{sock.fileno()}")


# -- pairs -----------------------------------------------------------------------------------------


@program
async def a_pair(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    with one, other:
        stage.log(f"{one.family!r} {one.type!r} {one.proto} {one.getsockname()!r} {other.getpeername()!r}")
        stage.log(f"{one.gettimeout()} {one.send(b'hello')} {other.recv(100)!r}")
        one.setblocking(False)
        other.setblocking(False)
        tried(stage, "nothing", lambda: other.recv(1))
        reading = asyncio.create_task(loop.sock_recv(one, 10))
        await ticks(2)
        await loop.sock_sendall(other, b"back")
        stage.log(f"{await reading!r}")
        other.send(b"last")
        other.close()
        stage.log(f"{one.recv(10)!r} {one.recv(10)!r}")
        tried(stage, "closed", lambda: one.send(b"x"))


@program
async def a_pair_that_wakes_the_loop(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)

        def woken() -> None:
            stage.log(f"woken {one.recv(100)!r}")

        loop.add_reader(one, woken)
        for number in range(3):
            other.send(b"%d" % number)
        await stage.until("woken")
        loop.remove_reader(one)


@program
async def a_pair_of_transports(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    one, other = socket.socketpair()
    transport, _ = await loop.create_connection(lambda: Talker(stage, "client"), sock=one)
    await loop.connect_accepted_socket(lambda: Echo(stage, "server"), other)
    transport.write(b"hello")
    await stage.until("client data_received")
    transport.write_eof()
    await stage.until("client connection_lost")
    stage.log(f"{one.fileno()} {other.fileno()}")


@pytest.mark.parametrize("name", program)
def test_parity(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)
