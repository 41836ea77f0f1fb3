"""Sockets that a program makes itself: their methods and the loop's functions for them, here and on the stock loop."""

from __future__ import annotations

import asyncio
import errno
import io
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from parity import Echo, Programs, Stage, Talker, check_same, ticks, tried

program = Programs()

MUCH = 4 * 1024 * 1024


@contextmanager
def made(family: int = socket.AF_INET) -> Iterator[socket.socket]:
    """Gives a socket that does not block."""
    with socket.socket(family) as sock:
        sock.setblocking(False)
        yield sock


@contextmanager
def listening(stage: Stage, backlog: int = 100) -> Iterator[socket.socket]:
    """Gives a socket that listens."""
    with made() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(backlog)
        stage.ports[sock.getsockname()[1]] = "PORT"
        yield sock


async def joined(listener: socket.socket, client: socket.socket) -> socket.socket:
    """Connects a socket to another one that listens; returns what that has accepted."""
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, listener.getsockname())
    accepted, _ = await loop.sock_accept(listener)
    return accepted


# -- before it is connected ------------------------------------------------------------------------


@program
async def what_a_fresh_socket_says(stage: Stage) -> None:
    with made() as sock:
        tried(stage, "name", sock.getsockname)
        tried(stage, "peer", sock.getpeername)
        tried(stage, "receive", lambda: sock.recv(1))
        tried(stage, "send", lambda: sock.send(b"x"))
        tried(stage, "send nothing", lambda: sock.send(b""))
        tried(stage, "accept", sock.accept)
        tried(stage, "shutdown", lambda: sock.shutdown(socket.SHUT_RDWR))
        tried(stage, "error", lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        tried(stage, "accepts", lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        stage.log(f"{sock.family!r} {sock.type!r} {sock.proto} {sock.timeout} {sock.getblocking()}")
        stage.log(f"{isinstance(sock, socket.socket)} {sock.get_inheritable()}")


@program
async def what_a_closed_socket_says(stage: Stage) -> None:
    sock = socket.socket()
    sock.close()
    for name, *given in (
        ("getsockname",),
        ("getpeername",),
        ("recv", 1),
        ("send", b"x"),
        ("sendall", b"x"),
        ("listen",),
        ("accept",),
        ("bind", ("127.0.0.1", 0)),
        ("connect", ("127.0.0.1", 1)),
        ("connect_ex", ("127.0.0.1", 1)),
        ("shutdown", 0),
        ("getsockopt", 1, 4),
        ("setsockopt", 1, 2, 1),
        ("close",),
        ("fileno",),
        ("detach",),
    ):
        tried(stage, name, lambda name=name, given=given: getattr(sock, name)(*given))
    stage.log(f"{sock!r}"[-9:])


@program
async def addresses_that_are_none(stage: Stage) -> None:
    with made() as sock, made(socket.AF_INET6) as six:
        for address in ("localhost", ("127.0.0.1",), ("127.0.0.1", 70000), ("127.0.0.1", "80"), (7, 1), None):
            tried(stage, f"connect {address}", lambda address=address: sock.connect(address))
            tried(stage, f"bind {address}", lambda address=address: sock.bind(address))
        tried(stage, "family", lambda: sock.connect(("::1", 1)))
        tried(stage, "other family", lambda: six.connect(("127.0.0.1", 1)))
        tried(stage, "not here", lambda: sock.bind(("192.0.2.7", 0)))


@program
async def bound_and_bound_again(stage: Stage) -> None:
    with made() as one, made() as other:
        one.bind(("127.0.0.1", 0))
        name = one.getsockname()
        stage.ports[name[1]] = "PORT"
        stage.log(f"{name}")
        tried(stage, "again", lambda: one.bind(("127.0.0.1", 0)))
        tried(stage, "taken", lambda: other.bind(name))
        tried(stage, "any", lambda: other.bind(("", name[1])))
        one.close()
        tried(stage, "free", lambda: other.bind(name))


@program
async def listening_without_being_bound(stage: Stage) -> None:
    with made() as sock:
        sock.listen()
        stage.log(f"{sock.getsockname()[0]} {sock.getsockname()[1] > 0}")
        tried(stage, "nobody", sock.accept)
        tried(stage, "again", sock.listen)
        tried(stage, "connect", lambda: sock.connect(("127.0.0.1", sock.getsockname()[1])))
        tried(stage, "receive", lambda: sock.recv(1))
        tried(stage, "send", lambda: sock.send(b"x"))
        tried(stage, "accepts", lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        tried(stage, "one way", lambda: sock.shutdown(socket.SHUT_RD))
        tried(stage, "deaf", sock.accept)


@program
async def options_that_are_set(stage: Stage) -> None:
    with made() as sock:
        for level, option in (
            (socket.SOL_SOCKET, socket.SO_REUSEADDR),
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            (socket.IPPROTO_TCP, socket.TCP_NODELAY),
        ):
            before = sock.getsockopt(level, option)
            sock.setsockopt(level, option, 1)
            stage.log(f"{before} {sock.getsockopt(level, option)} {sock.getsockopt(level, option, 4)!r}")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 5))
        stage.log(f"{sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)!r}")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        stage.log(f"{sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)}")
        for name in ("SO_TYPE", "SO_DOMAIN", "SO_PROTOCOL"):
            stage.log(f"{name} {sock.getsockopt(socket.SOL_SOCKET, getattr(socket, name))}")


@program
async def timeouts(stage: Stage) -> None:
    with socket.socket() as sock:
        for value in (None, 0, 2.5, True):
            sock.settimeout(value)
            stage.log(f"{sock.gettimeout()} {sock.getblocking()} {sock.timeout}")
        tried(stage, "negative", lambda: sock.settimeout(-1))
        sock.setblocking(True)
        stage.log(f"{sock.gettimeout()}")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as sock:
        stage.log(f"{sock.gettimeout()} {sock.type!r}")


# -- connecting ------------------------------------------------------------------------------------


@program
async def connecting_step_by_step(stage: Stage) -> None:
    with listening(stage) as listener, made() as sock:
        stage.log(errno.errorcode[sock.connect_ex(listener.getsockname())])
        await asyncio.sleep(0.05)
        stage.log(f"{sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)}")
        stage.log(f"{[sock.connect_ex(listener.getsockname()) for _ in range(3)]}")
        stage.log(f"{sock.getpeername()} {sock.getsockname()[0]}")
        accepted, address = listener.accept()
        stage.log(
            f"{address == sock.getsockname()} {accepted.getpeername() == address} {accepted.gettimeout()}"
        )
        tried(stage, "nobody", listener.accept)
        accepted.close()


@program
async def nobody_listens(stage: Stage) -> None:
    with made() as sock, made() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
        stage.log(errno.errorcode[sock.connect_ex(address)])
        await asyncio.sleep(0.05)
        stage.log(f"{[sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for _ in range(2)]}")
        tried(stage, "receive", lambda: sock.recv(1))
        tried(stage, "send", lambda: sock.send(b"x"))
        tried(stage, "peer", sock.getpeername)
        stage.log(f"{[sock.connect_ex(address) for _ in range(2)]}")
        await asyncio.sleep(0.05)
        tried(stage, "refused", lambda: sock.connect(address))


@program
async def the_loop_connects_to_nobody(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with made() as free, made() as sock:
        free.bind(("127.0.0.1", 0))
        stage.ports[free.getsockname()[1]] = "PORT"
        await stage.raises("refused", loop.sock_connect(sock, free.getsockname()))
        await stage.raises("receive", loop.sock_recv(sock, 1))
        await stage.raises("send", loop.sock_sendall(sock, b"x"))


@program
async def a_connection_between_two_sockets(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        stage.log(f"{server.gettimeout()} {server.family!r} {server.getsockname() == client.getpeername()}")
        await loop.sock_sendall(client, b"hello world")
        stage.log(f"{await loop.sock_recv(server, 5)!r}")
        buffer = bytearray(10)
        size = await loop.sock_recv_into(server, buffer)
        stage.log(f"{size} {bytes(buffer)!r}")
        tried(stage, "nothing there", lambda: server.recv(1))
        client.close()
        stage.log(f"{await loop.sock_recv(server, 1)!r} {server.recv(1)!r}")
        server.close()


@program
async def somebody_waits_before_anything_is_there(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        accepting = asyncio.create_task(loop.sock_accept(listener))
        await ticks(3)
        await loop.sock_connect(client, listener.getsockname())
        server, _ = await accepting
        reading = asyncio.create_task(loop.sock_recv(server, 100))
        await ticks(3)
        stage.log(f"{reading.done()}")
        client.send(b"now")
        stage.log(f"{await reading!r}")
        reading = asyncio.create_task(loop.sock_recv(server, 100))
        await ticks(3)
        reading.cancel()
        await stage.raises("cancelled", asyncio.wait([reading]))
        client.send(b"later")
        stage.log(f"{reading.cancelled()} {await loop.sock_recv(server, 100)!r}")
        server.close()


@program
async def several_wait_to_be_accepted(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as one, made() as two, made() as three:
        for number, sock in enumerate((one, two, three)):
            await loop.sock_connect(sock, listener.getsockname())
            sock.send(b"%d" % number)
        for _ in range(3):
            server, _ = await loop.sock_accept(listener)
            stage.log(f"{await loop.sock_recv(server, 10)!r}")
            server.close()


@program
async def a_listener_is_closed_before_it_accepts(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client, made() as late:
        address = listener.getsockname()
        await loop.sock_connect(client, address)
        listener.close()
        await stage.raises("reset", loop.sock_recv(client, 1))
        await stage.raises("refused", loop.sock_connect(late, address))


@program
async def looked_at_before_it_is_taken(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        tried(stage, "nothing", lambda: server.recv(5, socket.MSG_PEEK))
        await loop.sock_sendall(client, b"hello world")
        await asyncio.sleep(0.02)
        stage.log(f"{server.recv(5, socket.MSG_PEEK)!r} {server.recv(50, socket.MSG_PEEK)!r}")
        stage.log(f"{server.recv(6)!r} {server.recv(50)!r}")
        client.close()
        await asyncio.sleep(0.02)
        stage.log(f"{server.recv(5, socket.MSG_PEEK)!r} {server.recv(5)!r}")
        server.close()


@program
async def every_way_to_send_and_receive(stage: Stage) -> None:
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)

        async def arrived(number: int) -> None:
            while len(server.recv(100, socket.MSG_PEEK)) < number:
                await asyncio.sleep(0.01)

        stage.log(f"{client.send(b'one')} {client.sendall(memoryview(b'two'))}")
        stage.log(f"{client.sendmsg([b'th', bytearray(b'ree')])} {client.sendto(b'four', ('127.0.0.1', 1))}")
        await asyncio.sleep(0.02)
        await arrived(15)
        stage.log(f"{server.recvfrom(3)!r} {server.recvmsg(3)[0]!r}")
        one, two = bytearray(2), bytearray(2)
        stage.log(f"{server.recvmsg_into([one, two])[0]} {bytes(one)!r} {bytes(two)!r}")
        stage.log(f"{server.recvfrom_into(one, 1)[0]} {bytes(one)!r} {server.recv_into(two)} {bytes(two)!r}")
        tried(stage, "too small", lambda: server.recv_into(bytearray(2), 5))
        tried(stage, "negative", lambda: server.recv(-1))
        tried(stage, "text", lambda: client.send("text"))  # type: ignore[arg-type]
        tried(stage, "constant", lambda: server.recv_into(b"xx"))
        stage.log(f"{server.recv(0)!r} {server.recv(10)!r}")
        server.close()


@program
async def half_of_it_is_shut(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        client.shutdown(socket.SHUT_WR)
        stage.log(f"{await loop.sock_recv(server, 1)!r}")
        tried(stage, "shut", lambda: client.send(b"x"))
        await loop.sock_sendall(server, b"still")
        stage.log(f"{await loop.sock_recv(client, 10)!r}")
        server.shutdown(socket.SHUT_RD)
        client.shutdown(socket.SHUT_RD)
        stage.log(f"{client.recv(10)!r}")
        server.close()


@program
async def closed_with_bytes_that_nobody_has_read(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        await loop.sock_sendall(client, b"unread")
        await asyncio.sleep(0.02)
        server.close()
        await stage.raises("reset", loop.sock_recv(client, 1))
        stage.log(f"{await loop.sock_recv(client, 1)!r}")
        await stage.raises("gone", loop.sock_sendall(client, b"x"))


@program
async def closed_without_lingering(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()
        await asyncio.sleep(0.02)
        stage.log(f"{client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNRESET}")
        stage.log(f"{await loop.sock_recv(client, 1)!r}")


@program
async def sent_to_who_has_closed(stage: Stage) -> None:
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        server.close()
        await asyncio.sleep(0.02)
        stage.log(f"{client.send(b'first')}")
        await asyncio.sleep(0.02)
        tried(stage, "second", lambda: client.send(b"second"))
        tried(stage, "third", lambda: client.send(b"third"))


@program
async def more_than_fits(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        data = bytes(range(256)) * (MUCH // 256)
        with stage.errors("full"):
            client.sendall(data)
        sending = asyncio.create_task(loop.sock_sendall(client, data))
        received = bytearray()
        while not sending.done() or len(received) < MUCH:
            received += await loop.sock_recv(server, 1 << 16)
        stage.log(f"{received[-MUCH:] == data or len(received) > MUCH}")
        server.close()


@program
async def a_number_of_its_own(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        again = server.dup()
        stage.log(f"{again.fileno() != server.fileno()} {again.getpeername() == server.getpeername()}")
        server.close()
        await loop.sock_sendall(client, b"to the other")
        again.setblocking(False)
        stage.log(f"{await loop.sock_recv(again, 100)!r}")
        third = socket.socket(fileno=again.detach())
        stage.log(f"{again.fileno()} {third.family!r} {third.getpeername() == client.getsockname()}")
        third.close()
        stage.log(f"{await loop.sock_recv(client, 1)!r}")


@program
async def read_like_a_file(stage: Stage) -> None:
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        client.sendall(b"one\ntwo\nthree")
        client.close()
        await asyncio.sleep(0.02)
        server.settimeout(None)
        with server.makefile("rb") as file:
            server.close()
            stage.log(f"{file.readline()!r} {file.read()!r} {server.fileno() >= 0}")
        stage.log(f"{server.fileno()}")


# -- with transports -------------------------------------------------------------------------------


@program
async def connected_and_then_made_a_transport(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server, port = await stage.serve(lambda: Echo(stage, "server"))
    with made() as sock:
        await loop.sock_connect(sock, ("127.0.0.1", port))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        transport, _ = await loop.create_connection(lambda: Talker(stage, "client"), sock=sock)
        shown = transport.get_extra_info("socket")
        stage.log(f"{shown.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)} {shown.getpeername()}")
        transport.write(b"hello")
        await stage.until("client data_received")
        try:
            await loop.sock_recv(sock, 1)
        except RuntimeError as error:
            stage.log(f"used: {'is used by transport' in str(error)}")
        transport.close()
        await stage.until("client connection_lost")
        await stage.until("server connection_lost")
        stage.log(f"{sock.fileno()}")
    server.close()
    await server.wait_closed()


@program
async def accepted_and_then_made_a_transport(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener:
        connecting = asyncio.create_task(
            loop.create_connection(lambda: Talker(stage, "client"), *listener.getsockname())
        )
        sock, _ = await loop.sock_accept(listener)
        server, _ = await loop.connect_accepted_socket(lambda: Echo(stage, "server"), sock)
        transport, _ = await connecting
        transport.write(b"hello")
        await stage.until("client data_received")
        server.close()
        await stage.until("client connection_lost")
        stage.log(f"{sock.fileno()}")


@program
async def a_server_on_a_socket_of_its_own(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with made() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        server = await loop.create_server(lambda: Echo(stage, "server"), sock=sock)
        port = stage.port_of(server)
        stage.log(f"{server.sockets[0].getsockname() == sock.getsockname()}")
        transport, _ = await stage.connect(lambda: Talker(stage, "client"), port)
        transport.write(b"hello")
        await stage.until("client data_received")
        transport.close()
        await stage.until("server connection_lost")
        server.close()
        await server.wait_closed()
        stage.log(f"{sock.fileno()}")
        await stage.raises("gone", loop.create_connection(asyncio.Protocol, "127.0.0.1", port))


@program
async def a_server_takes_those_that_wait(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as sock:
        transport, _ = await stage.connect(lambda: Talker(stage, "client"), sock.getsockname()[1])
        transport.write(b"early")
        server = await loop.create_server(lambda: Echo(stage, "server"), sock=sock)
        await stage.until("client data_received")
        transport.close()
        await stage.until("server connection_lost")
        server.close()
        await server.wait_closed()


@program
async def a_socket_that_is_bound_connects(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        client.bind(("127.0.0.2", 0))
        own = client.getsockname()
        server = await joined(listener, client)
        stage.log(f"{client.getsockname() == own} {server.getpeername() == own} {own[0]}")
        server.close()
        stage.log(f"{await loop.sock_recv(client, 1)!r}")


@program
async def a_file_through_a_socket(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with listening(stage) as listener, made() as client:
        server = await joined(listener, client)
        file = io.BytesIO(b"0123456789")
        stage.log(f"{await loop.sock_sendfile(client, file, 2, 5)} {file.tell()}")
        stage.log(f"{await loop.sock_recv(server, 100)!r}")
        server.close()


@program
async def the_other_family(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with made(socket.AF_INET6) as listener, made(socket.AF_INET6) as client:
        stage.log(f"{client.getsockname()}")
        listener.bind(("::1", 0))
        listener.listen()
        stage.ports[listener.getsockname()[1]] = "PORT"
        stage.log(f"{listener.getsockname()}")
        server = await joined(listener, client)
        stage.log(f"{client.getpeername()}")
        await loop.sock_sendall(client, b"six")
        stage.log(f"{await loop.sock_recv(server, 100)!r}")
        server.close()


@program
async def a_class_of_its_own(stage: Stage) -> None:
    class Counted(socket.socket):
        sent = 0

        def __init__(self, family: int) -> None:
            super().__init__(family, socket.SOCK_STREAM)
            self.setblocking(False)

        def send(self, data: Any, *flags: int) -> int:
            self.sent += len(data)
            return super().send(data, *flags)

    loop = asyncio.get_running_loop()
    with listening(stage) as listener, Counted(socket.AF_INET) as client:
        server = await joined(listener, client)
        await loop.sock_sendall(client, b"hello")
        stage.log(
            f"{await loop.sock_recv(server, 100)!r} {client.sent} {type(client).__name__} {client.timeout}"
        )
        server.close()


@program
async def what_must_not_block(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    with listening(stage) as listener, socket.socket() as blocking:
        for name, call in (
            ("connect", loop.sock_connect(blocking, listener.getsockname())),
            ("receive", loop.sock_recv(blocking, 1)),
            ("send", loop.sock_sendall(blocking, b"x")),
            ("accept", loop.sock_accept(blocking)),
        ):
            await stage.raises(name, call)
    loop.set_debug(False)


@pytest.mark.parametrize("name", program)
def test_parity(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)
