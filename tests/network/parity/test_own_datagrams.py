"""Datagram sockets that a program makes itself, here and on the stock loop."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from parity import Programs, Stage, check_same, ticks, tried, word

program = Programs()

HERE = ("127.0.0.1", 0)


@contextmanager
def made(
    stage: Stage, name: str = "", address: Any = HERE, family: int = socket.AF_INET
) -> Iterator[socket.socket]:
    """Gives a socket that does not block, bound if it has a name."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        if name:
            sock.bind(address)
            stage.ports[sock.getsockname()[1]] = name
        yield sock


@contextmanager
def two(stage: Stage) -> Iterator[tuple[socket.socket, socket.socket]]:
    with made(stage, "ONE") as one, made(stage, "OTHER") as other:
        yield one, other


async def nobody(stage: Stage) -> Any:
    """Returns an address that nobody is at."""
    with made(stage, "NOBODY") as sock:
        return sock.getsockname()


@program
async def what_it_says_of_itself(stage: Stage) -> None:
    with made(stage) as sock:
        stage.log(f"{sock.family} {sock.type} {sock.proto} {sock.gettimeout()} {sock.getblocking()}")
        tried(stage, "name", sock.getsockname)
        tried(stage, "peer", sock.getpeername)
        sock.bind(HERE)
        stage.ports[sock.getsockname()[1]] = "PORT"
        tried(stage, "name", sock.getsockname)
        tried(stage, "again", lambda: sock.bind(HERE))
        for option in (socket.SO_TYPE, socket.SO_ERROR, socket.SO_BROADCAST, socket.SO_REUSEADDR):
            tried(stage, f"option {option}", lambda option=option: sock.getsockopt(socket.SOL_SOCKET, option))
    tried(stage, "closed", lambda: sock.sendto(b"x", ("127.0.0.1", 9)))
    tried(stage, "closed", sock.getsockname)


@program
async def bytes_there_and_back(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with two(stage) as (one, other):
        stage.log(f"{await loop.sock_sendto(one, b'hello', other.getsockname())}")
        data, source = await loop.sock_recvfrom(other, 100)
        stage.log(f"{data!r} {source}")
        await loop.sock_sendto(other, b"", source)
        stage.log(f"{await loop.sock_recvfrom(one, 100)}")
        buffer = bytearray(8)
        one.sendto(b"abc", other.getsockname())
        stage.log(f"{await loop.sock_recvfrom_into(other, buffer)} {bytes(buffer)!r}")
        one.sendto(b"defg", other.getsockname())
        stage.log(f"{await loop.sock_recvfrom_into(other, buffer, 2)} {bytes(buffer)!r}")


@program
async def a_receiver_that_waits(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with two(stage) as (one, other):
        for wait in (
            lambda: loop.sock_recvfrom(other, 10),
            lambda: loop.sock_recvfrom_into(other, bytearray(10)),
            lambda: loop.sock_recv(other, 10),
        ):
            task = asyncio.ensure_future(wait())
            await ticks(3)
            one.sendto(b"late", other.getsockname())
            stage.log(f"{await task}")
        cancelled = asyncio.ensure_future(loop.sock_recvfrom(other, 10))
        await ticks(2)
        cancelled.cancel()
        await stage.raises("cancelled", asyncio.wait([cancelled]))
        one.sendto(b"next", other.getsockname())
        stage.log(f"{await loop.sock_recvfrom(other, 10)}")


@program
async def a_datagram_is_cut_off(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with two(stage) as (one, other):
        for data in (b"first one", b"second", b"third", b"fourth", b"fifth"):
            one.sendto(data, other.getsockname())
        stage.log(f"{await loop.sock_recvfrom(other, 5)}")
        stage.log(f"{await loop.sock_recv(other, 0)}")
        tried(stage, "peek", lambda: other.recvfrom(3, socket.MSG_PEEK))
        tried(stage, "message", lambda: other.recvmsg(3))
        one_buffer, other_buffer = bytearray(3), bytearray(9)
        tried(stage, "messages", lambda: other.recvmsg_into([one_buffer, other_buffer]))
        stage.log(f"{one_buffer!r} {other_buffer!r}")
        tried(stage, "into", lambda: other.recv_into(other_buffer, 4))
        stage.log(f"{other_buffer!r}")
        tried(stage, "nothing", lambda: other.recv(10))


@program
async def connected_to_one(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with two(stage) as (one, other), made(stage, "THIRD") as third:
        with made(stage) as client:
            tried(stage, "unconnected", lambda: client.send(b"x"))
            tried(stage, "connect", lambda: client.connect(one.getsockname()))
            stage.ports[client.getsockname()[1]] = "CLIENT"
            stage.log(f"{client.getsockname()} {client.getpeername()}")
            tried(stage, "send", lambda: client.send(b"to one"))
            tried(stage, "sendall", lambda: client.sendall(b"all to one"))
            tried(stage, "sendto", lambda: client.sendto(b"to third", third.getsockname()))
            tried(stage, "sendmsg", lambda: client.sendmsg([b"to ", b"one"]))
            for _ in range(3):
                stage.log(f"{await loop.sock_recvfrom(one, 100)}")
            stage.log(f"{await loop.sock_recvfrom(third, 100)}")
            third.sendto(b"from a stranger", client.getsockname())
            one.sendto(b"from one", client.getsockname())
            stage.log(f"{await loop.sock_recv(client, 100)}")
            await loop.sock_connect(client, other.getsockname())
            stage.log(f"{client.getpeername()}")
            await loop.sock_sendall(client, b"to other")
            stage.log(f"{await loop.sock_recvfrom(other, 100)}")


@program
async def nobody_is_there(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    nowhere = await nobody(stage)
    with two(stage) as (one, _):
        tried(stage, "unconnected", lambda: one.sendto(b"x", nowhere))
        await asyncio.sleep(0.01)
        tried(stage, "not told", lambda: one.recv(10))
        one.connect(nowhere)
        tried(stage, "send", lambda: one.send(b"x"))
        await asyncio.sleep(0.01)
        tried(stage, "told", lambda: one.recv(10))
        tried(stage, "told once", lambda: one.recv(10))
        one.send(b"x")
        await asyncio.sleep(0.01)
        tried(stage, "told", lambda: one.send(b"y"))
        tried(stage, "told once", lambda: one.send(b"z"))
        await asyncio.sleep(0.01)
        stage.log(f"{one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED}")
        tried(stage, "asked", lambda: one.recv(10))
        one.send(b"x")
        await stage.raises("waits", loop.sock_recv(one, 10))


@program
async def what_is_refused(stage: Stage) -> None:
    with two(stage) as (one, other):
        there = other.getsockname()
        tried(stage, "too long", lambda: one.sendto(bytes(65508), there))
        tried(stage, "longest", lambda: one.sendto(bytes(65507), there))
        tried(stage, "no port", lambda: one.sendto(b"x", ("127.0.0.1", 0)))
        tried(stage, "port", lambda: one.sendto(b"x", ("127.0.0.1", 65536)))
        tried(stage, "pair", lambda: one.sendto(b"x", ("127.0.0.1",)))
        tried(stage, "None", lambda: one.sendto(b"x", None))
        tried(stage, "text", lambda: one.sendto("x", there))
        tried(stage, "arguments", lambda: one.sendto(b"x"))
        tried(stage, "everyone", lambda: one.sendto(b"x", ("255.255.255.255", 9)))
        tried(stage, "everyone", lambda: one.sendto(b"x", ("<broadcast>", 9)))
        tried(stage, "listen", one.listen)
        tried(stage, "accept", one.accept)
        tried(stage, "shutdown", lambda: one.shutdown(socket.SHUT_WR))
        tried(stage, "size", lambda: one.recvfrom(-1))
        tried(stage, "TCP", lambda: one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1))
        tried(stage, "TCP", lambda: one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        with made(stage) as third:
            tried(stage, "taken", lambda: third.bind(there))
            tried(stage, "elsewhere", lambda: third.bind(("192.0.2.1", 0)))
            tried(stage, "not a group", lambda: third.setsockopt(0, socket.IP_ADD_MEMBERSHIP, bytes(8)))


@program
async def one_direction_is_ended(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with two(stage) as (one, other):
        one.connect(other.getsockname())
        tried(stage, "write", lambda: one.shutdown(socket.SHUT_WR))
        tried(stage, "send", lambda: one.send(b"x"))
        other.sendto(b"still read", one.getsockname())
        stage.log(f"{await loop.sock_recv(one, 10)}")
        tried(stage, "read", lambda: one.shutdown(socket.SHUT_RD))
        tried(stage, "at once", lambda: one.recv(10))
        one.setblocking(True)
        await asyncio.to_thread(tried, stage, "waits", lambda: one.recv(10))
        other.sendto(b"read nevertheless", one.getsockname())
        await asyncio.sleep(0.01)
        tried(stage, "all the same", lambda: one.recv(10))
        tried(stage, "name", one.getpeername)


@program
async def shared_ports(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        with made(stage) as one, made(stage) as other, made(stage) as third, made(stage, "SENDER") as sender:
            for sock in (one, other):
                sock.setsockopt(socket.SOL_SOCKET, option, 1)
                stage.log(f"{sock.getsockopt(socket.SOL_SOCKET, option)}")
            one.bind(HERE)
            tried(stage, "shared", lambda one=one, other=other: other.bind(one.getsockname()))
            tried(stage, "not shared", lambda one=one, third=third: third.bind(one.getsockname()))
            sender.sendto(b"x", one.getsockname())
            if option == socket.SO_REUSEADDR:
                stage.log(f"{await loop.sock_recvfrom(other, 10)}")
                tried(stage, "the first has none", lambda one=one: one.recv(10))


@program
async def polled(stage: Stage) -> None:
    nowhere = await nobody(stage)
    with two(stage) as (one, other), made(stage) as third:

        def log(what: str) -> None:
            poll = select.poll()
            socks = [one, other, third]
            for sock in socks:
                poll.register(sock, select.POLLIN | select.POLLOUT)
            numbers = {sock.fileno(): number for number, sock in enumerate(socks)}
            found = sorted((numbers[fd], event) for fd, event in poll.poll(0))
            reads, writes, _ = select.select(socks, socks, [], 0)
            stage.log(f"{what} {found} {[socks.index(s) for s in reads]} {[socks.index(s) for s in writes]}")

        log("fresh")
        one.sendto(b"x", other.getsockname())
        await asyncio.sleep(0.01)
        log("arrived")
        third.connect(nowhere)
        third.send(b"x")
        await asyncio.sleep(0.01)
        log("refused")
        third.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        log("asked")
        third.shutdown(socket.SHUT_RD)
        log("read ended")
        third.shutdown(socket.SHUT_WR)
        log("both ended")


@program
async def watched(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with two(stage) as (one, other):

        def read() -> None:
            stage.log(f"read {other.recvfrom(100)}")

        def write() -> None:
            stage.log("write")
            loop.remove_writer(one)

        loop.add_reader(other, read)
        loop.add_writer(one, write)
        await stage.until("write")
        for number in range(3):
            one.sendto(b"%d" % number, other.getsockname())
        await stage.until("read (b'2'")
        stage.log(f"{loop.remove_reader(other)} {loop.remove_reader(other)} {loop.remove_writer(one)}")
        one.sendto(b"x", other.getsockname())
        await asyncio.sleep(0.01)
        tried(stage, "left", lambda: other.recv(10))


class Logs(asyncio.DatagramProtocol):
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.stage.log("connection_made")

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.stage.log(f"datagram_received {data!r} {addr}")
        self.transport.sendto(data[::-1], addr)

    def error_received(self, exc: Exception) -> None:
        self.stage.log(f"error_received {word(exc)}")

    def connection_lost(self, exc: Exception | None) -> None:
        self.stage.log(f"connection_lost {word(exc)}")


@program
async def given_to_an_endpoint(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with two(stage) as (one, other):
        other.setblocking(True)
        transport, _ = await loop.create_datagram_endpoint(lambda: Logs(stage), sock=other)
        stage.log(f"{transport.get_extra_info('sockname')} {transport.get_extra_info('peername')}")
        shown = transport.get_extra_info("socket")
        stage.log(
            f"{shown.type} {shown.getsockname()} {shown.fileno() == other.fileno()} {other.gettimeout()}"
        )
        await loop.sock_sendto(one, b"abc", other.getsockname())
        stage.log(f"{await loop.sock_recvfrom(one, 10)}")
        await stage.raises("used", loop.sock_connect(other, one.getsockname()))
        transport.close()
        await stage.until("connection_lost")
        await ticks(2)
        stage.log(f"{other.fileno()}")


@program
async def given_to_an_endpoint_once_connected(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    nowhere = await nobody(stage)
    with two(stage) as (one, other):
        other.connect(one.getsockname())
        transport, _ = await loop.create_datagram_endpoint(lambda: Logs(stage), sock=other)
        stage.log(f"{transport.get_extra_info('peername')}")
        transport.sendto(b"one")
        stage.log(f"{await loop.sock_recvfrom(one, 10)}")
        transport.close()
        with made(stage) as third:
            third.connect(nowhere)
            transport, _ = await loop.create_datagram_endpoint(lambda: Logs(stage), sock=third)
            transport.sendto(b"x")
            await stage.until("error_received")
            transport.close()
            await stage.until("connection_lost", 2)
        with made(stage) as fourth:
            await stage.raises(
                "options",
                loop.create_datagram_endpoint(lambda: Logs(stage), sock=fourth, local_addr=HERE),
            )


@program
async def in_a_group(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    request = struct.pack("4s4s", socket.inet_aton("224.1.1.9"), socket.inet_aton("127.0.0.1"))
    with made(stage, "MEMBER", ("0.0.0.0", 0)) as member, made(stage, "SENDER") as sender:
        tried(stage, "leave", lambda: member.setsockopt(0, socket.IP_DROP_MEMBERSHIP, request))
        tried(stage, "join", lambda: member.setsockopt(0, socket.IP_ADD_MEMBERSHIP, request))
        tried(stage, "again", lambda: member.setsockopt(0, socket.IP_ADD_MEMBERSHIP, request))
        stage.log(f"{member.getsockopt(0, socket.IP_MULTICAST_LOOP)}")
        sender.setsockopt(0, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        await loop.sock_sendto(sender, b"x", ("224.1.1.9", member.getsockname()[1]))
        stage.log(f"{(await loop.sock_recvfrom(member, 10))[0]!r}")


@program
async def of_six(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with made(stage, "ONE", ("::1", 0), socket.AF_INET6) as one, made(stage, family=socket.AF_INET6) as other:
        tried(stage, "name", other.getsockname)
        await loop.sock_sendto(other, b"x", one.getsockname())
        stage.ports[other.getsockname()[1]] = "OTHER"
        tried(stage, "name", other.getsockname)
        stage.log(f"{await loop.sock_recvfrom(one, 10)}")
        tried(stage, "four", lambda: other.sendto(b"x", ("127.0.0.1", 9)))


@program
async def in_a_thread(stage: Stage) -> None:
    with two(stage) as (one, other):

        def echo() -> None:
            other.settimeout(5)
            data, source = other.recvfrom(10)
            other.sendto(data * 2, source)
            other.settimeout(0.01)
            tried(stage, "late", lambda: other.recv(10))

        task = asyncio.ensure_future(asyncio.to_thread(echo))
        await asyncio.sleep(0.01)
        one.sendto(b"x", other.getsockname())
        stage.log(f"{await asyncio.get_running_loop().sock_recvfrom(one, 10)}")
        await task


@program
async def two_objects_for_one_socket(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with two(stage) as (one, other):
        with other.dup() as again:
            stage.log(f"{again.type} {again.getsockname() == other.getsockname()}")
            other.close()
            one.sendto(b"x", again.getsockname())
            stage.log(f"{await loop.sock_recvfrom(again, 10)}")
        with socket.socket(fileno=one.detach()) as taken:
            stage.log(f"{taken.type} {taken.getsockname()}")


@pytest.mark.skipif(not hasattr(select, "poll"), reason="states and errors are those of Linux")
@pytest.mark.parametrize("name", program)
def test_the_same_on_both_loops(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)
