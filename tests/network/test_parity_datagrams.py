"""Parity of datagram endpoints with the stock loop: the same events in the same order, the same errors.

Each program runs on a stock loop over the real loopback and on the simulated loop under the boring answers.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from interlace.backends.aio.loop import Loop
from interlace.sim.world import World


class Stage:
    """What a program logs; ports are told by the name of the endpoint that has them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ports: dict[int, str] = {}
        self.transports: list[Any] = []

    def log(self, line: str) -> None:
        for port, name in self.ports.items():
            line = line.replace(str(port), name)
        self.lines.append(line)

    async def until(self, count: int) -> None:
        """Waits for so many lines, then for what may come after them."""
        while len(self.lines) < count:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)

    async def open(self, name: str, echo: bool = False, **options: Any) -> Talker:
        loop = asyncio.get_running_loop()
        _, talker = await loop.create_datagram_endpoint(lambda: Talker(self, name, echo), **options)
        port = talker.transport.get_extra_info("sockname")[1]
        if port:
            self.ports[port] = name.upper()
        return talker


class Talker(asyncio.DatagramProtocol):
    """Logs every event under its name."""

    transport: Any

    def __init__(self, stage: Stage, name: str, echo: bool = False) -> None:
        self.stage = stage
        self.name = name
        self.echo = echo

    @property
    def address(self) -> Any:
        return self.transport.get_extra_info("sockname")

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.stage.transports.append(transport)
        self.stage.log(f"{self.name} connection_made")

    def datagram_received(self, data: bytes, addr: Any) -> None:
        shown = repr(data) if len(data) < 50 else f"{len(data)} bytes"
        self.stage.log(f"{self.name} got {shown} from {addr}")
        if self.echo:
            self.transport.sendto(data.upper(), addr)

    def error_received(self, exc: Exception) -> None:
        self.stage.log(f"{self.name} error_received {exc!r}")

    def connection_lost(self, exc: BaseException | None) -> None:
        self.stage.log(f"{self.name} connection_lost {exc!r}")

    def pause_writing(self) -> None:
        self.stage.log(f"{self.name} pause_writing")

    def resume_writing(self) -> None:
        self.stage.log(f"{self.name} resume_writing")


Program = Callable[[Stage], Awaitable[None]]
PROGRAMS: dict[str, Program] = {}

LOCAL = ("127.0.0.1", 0)


def program(function: Program) -> Program:
    PROGRAMS[function.__name__] = function
    return function


async def attempt(stage: Stage, awaitable: Awaitable[Any]) -> None:
    try:
        await awaitable
    except Exception as error:
        stage.log(f"{type(error).__name__} {getattr(error, 'errno', None)} {error}")
    else:
        stage.log("no error")


@program
async def an_echo(stage: Stage) -> None:
    server = await stage.open("server", echo=True, local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    client.transport.sendto(b"one")
    await stage.until(4)
    client.transport.sendto(b"two", server.address)
    await stage.until(6)
    client.transport.close()
    server.transport.close()
    await stage.until(8)


@program
async def many_at_once(stage: Stage) -> None:
    server = await stage.open("server", echo=True, local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    for number in range(20):
        client.transport.sendto(b"%d" % number)
    await stage.until(42)


@program
async def unconnected_client(stage: Stage) -> None:
    server = await stage.open("server", echo=True, local_addr=LOCAL)
    client = await stage.open("client", local_addr=LOCAL)
    client.transport.sendto(b"hi", server.address)
    client.transport.sendto(b"itself", client.address)
    await stage.until(5)


@program
async def bound_to_everything(stage: Stage) -> None:
    server = await stage.open("server", echo=True, local_addr=("0.0.0.0", 0))
    stage.log(str(server.address))
    client = await stage.open("client", remote_addr=("127.0.0.1", server.address[1]))
    client.transport.sendto(b"hi")
    await stage.until(5)


@program
async def by_family_only(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", family=socket.AF_INET)
    stage.log(str(client.address))
    client.transport.sendto(b"hi", server.address)
    while len(stage.lines) < 4:
        await asyncio.sleep(0.001)
    stage.lines[-1] = stage.lines[-1].rpartition(", ")[0]  # the port was picked when it was needed
    stage.log(str(client.transport.get_extra_info("sockname")))
    stage.log(str(client.transport.get_extra_info("socket").getsockname()[1] > 0))


@program
async def nobody_is_there(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    server.transport.close()
    await stage.until(3)
    client.transport.sendto(b"x")
    await stage.until(4)
    client.transport.sendto(b"y")
    client.transport.sendto(b"z")
    await stage.until(5)
    client.transport.close()
    await stage.until(6)


@program
async def nobody_is_there_for_an_unconnected_one(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", local_addr=LOCAL)
    server.transport.close()
    await stage.until(3)
    client.transport.sendto(b"x", server.address)
    client.transport.sendto(b"y", server.address)
    await asyncio.sleep(0.02)
    client.transport.close()
    await stage.until(4)


@program
async def somebody_comes_later(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    server.transport.close()
    await stage.until(3)
    client.transport.sendto(b"lost")
    await stage.until(4)
    await stage.open("server", local_addr=server.address)
    client.transport.sendto(b"arrives")
    await stage.until(6)


@program
async def only_from_the_one_it_is_connected_to(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    stranger = await stage.open("stranger", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    stranger.transport.sendto(b"psst", client.address)
    server.transport.sendto(b"hello", client.address)
    await stage.until(4)


@program
async def two_at_one_port(stage: Stage) -> None:
    """One is connected: it gets what comes from its peer, the other one the rest."""
    peer = await stage.open("peer", local_addr=LOCAL)
    other = await stage.open("other", local_addr=LOCAL)
    open_one = await stage.open("open", local_addr=LOCAL, reuse_port=True)
    connected = await stage.open(
        "connected", local_addr=open_one.address, remote_addr=peer.address, reuse_port=True
    )
    assert connected.address == open_one.address
    peer.transport.sendto(b"to the connected", open_one.address)
    other.transport.sendto(b"to the open", open_one.address)
    await stage.until(6)


@program
async def sizes(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    for size in (1, 1500, 65507, 65508, 70000):
        client.transport.sendto(b"a" * size)
        await asyncio.sleep(0.01)
    await stage.until(7)


@program
async def nothing_at_all(stage: Stage) -> None:
    """Python 3.13 sends it, older ones do not."""
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    client.transport.sendto(b"")
    client.transport.sendto(b"end")
    await stage.until(3)


@program
async def kinds_of_bytes(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    for data in (b"bytes", bytearray(b"array"), memoryview(b"view")):
        client.transport.sendto(data)
    changed = bytearray(b"before")
    client.transport.sendto(changed)
    changed[:] = b"after!"
    for wrong in ("text", None, 7):
        try:
            client.transport.sendto(wrong)
        except TypeError as error:
            stage.log(str(error))
    await stage.until(9)


@program
async def another_address_than_its_own(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    try:
        client.transport.sendto(b"x", ("127.0.0.1", 9))
    except ValueError as error:
        stage.log(str(error))


@program
async def no_address(stage: Stage) -> None:
    client = await stage.open("client", local_addr=LOCAL)
    client.transport.sendto(b"x")
    await stage.until(2)
    stage.log(str(client.transport.is_closing()))


@program
async def address_of_another_family(stage: Stage) -> None:
    loop: Any = asyncio.get_running_loop()
    await attempt(
        stage,
        loop.create_datagram_endpoint(
            lambda: Talker(stage, "x"), local_addr=LOCAL, remote_addr=("::1", 9), family=socket.AF_INET
        ),
    )


@program
async def taken(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    loop = asyncio.get_running_loop()
    for address in (server.address, ("0.0.0.0", server.address[1])):
        await attempt(
            stage, loop.create_datagram_endpoint(lambda: Talker(stage, "other"), local_addr=address)
        )
    server.transport.close()
    await stage.until(4)
    await stage.open("other", local_addr=server.address)


@program
async def not_ours(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    await attempt(
        stage, loop.create_datagram_endpoint(lambda: Talker(stage, "x"), local_addr=("192.0.2.1", 0))
    )


@program
async def wrong_arguments(stage: Stage) -> None:
    loop: Any = asyncio.get_running_loop()
    for options in (
        {},
        {"local_addr": ("127.0.0.1", 0, 0)},
        {"local_addr": "127.0.0.1"},
        {"remote_addr": ["127.0.0.1", 1]},
    ):
        await attempt(stage, loop.create_datagram_endpoint(lambda: Talker(stage, "x"), **options))


@program
async def a_socket_of_streams(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as sock:
        try:
            await loop.create_datagram_endpoint(lambda: Talker(stage, "x"), sock=sock)
        except ValueError as error:
            stage.log(str(error).partition(", got")[0])


@program
async def the_factory_fails(stage: Stage) -> None:
    loop = asyncio.get_running_loop()

    def factory() -> Talker:
        raise KeyError("factory")

    await attempt(stage, loop.create_datagram_endpoint(factory, local_addr=LOCAL))


@program
async def what_is_known_of_it(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    for talker in (server, client):
        info = talker.transport.get_extra_info
        sock = info("socket")
        stage.log(str((info("sockname"), info("peername"), info("nothing", "default"))))
        stage.log(str((sock.family, sock.type, sock.getsockname() == info("sockname"), sock.fileno() >= 0)))
        try:
            stage.log(str(sock.getpeername()))
        except OSError as error:
            stage.log(repr(error))
        stage.log(str(sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)))
        stage.log(str(sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)))
        stage.log(str((talker.transport.is_closing(), talker.transport.get_write_buffer_size())))
        stage.log(str(talker.transport.get_write_buffer_limits()))


@program
async def closed(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    client.transport.sendto(b"before")
    client.transport.close()
    client.transport.close()
    stage.log(str(client.transport.is_closing()))
    client.transport.sendto(b"after")
    await stage.until(5)
    for _ in range(7):
        client.transport.sendto(b"again")
    server.transport.abort()
    stage.log(str(server.transport.is_closing()))
    await stage.until(7)
    stage.log(repr(server.transport.get_protocol()))


@program
async def closed_while_something_is_there(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    client.transport.sendto(b"never read")
    server.transport.close()
    await stage.until(3)


@program
async def an_error_of_the_protocol(stage: Stage) -> None:
    class Failing(Talker):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            super().datagram_received(data, addr)
            raise ZeroDivisionError(data)

    loop = asyncio.get_running_loop()
    _, server = await loop.create_datagram_endpoint(lambda: Failing(stage, "server"), local_addr=LOCAL)
    stage.ports[server.address[1]] = "SERVER"
    client = await stage.open("client", remote_addr=server.address)
    client.transport.sendto(b"one")
    client.transport.sendto(b"two")
    await stage.until(6)


@program
async def another_protocol(stage: Stage) -> None:
    server = await stage.open("server", local_addr=LOCAL)
    client = await stage.open("client", remote_addr=server.address)
    client.transport.sendto(b"one")
    await stage.until(3)
    other = Talker(stage, "other")
    server.transport.set_protocol(other)
    stage.log(str(server.transport.get_protocol() is other))
    client.transport.sendto(b"two")
    await stage.until(5)
    server.transport.close()
    await stage.until(6)


@program
async def without_leave_to_tell_everyone(stage: Stage) -> None:
    client = await stage.open("client", local_addr=("0.0.0.0", 0))
    client.transport.sendto(b"x", ("255.255.255.255", 9))
    await stage.until(2)


@program
async def telling_all_of_the_host(stage: Stage) -> None:
    one = await stage.open("one", local_addr=("0.0.0.0", 0), reuse_port=True)
    await stage.open("deaf", local_addr=LOCAL)
    client = await stage.open("client", local_addr=("0.0.0.0", 0), allow_broadcast=True)
    client.transport.sendto(b"all", ("127.255.255.255", one.address[1]))
    await stage.until(4)
    stage.lines[-1] = stage.lines[-1].partition(" from")[0]


@program
async def a_group_on_the_loopback(stage: Stage) -> None:
    group = "239.255.7.7"
    member = await stage.open("member", local_addr=("0.0.0.0", 0))
    request = socket.inet_aton(group) + socket.inet_aton("127.0.0.1")
    sock = member.transport.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
    for wrong in (request, socket.inet_aton("10.1.1.1") + request[4:]):
        try:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, wrong)
        except OSError as error:
            stage.log(errno.errorcode[error.errno or 0])
    client = await stage.open("client", local_addr=LOCAL)
    out = client.transport.get_extra_info("socket")
    out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    client.transport.sendto(b"group", (group, member.address[1]))
    await stage.until(5)
    stage.lines[-1] = stage.lines[-1].partition(" from")[0]
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request)
    client.transport.sendto(b"gone", (group, member.address[1]))
    await asyncio.sleep(0.02)
    try:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request)
    except OSError as error:
        stage.log(errno.errorcode[error.errno or 0])
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, struct.pack("b", 1))


@program
async def by_name(stage: Stage) -> None:
    server = await stage.open("server", local_addr=("localhost", 0), family=socket.AF_INET)
    client = await stage.open("client", remote_addr=("localhost", server.address[1]), family=socket.AF_INET)
    client.transport.sendto(b"x")
    await stage.until(3)
    free = await stage.open("free", local_addr=LOCAL)
    free.transport.sendto(b"y", ("localhost", server.address[1]))
    await stage.until(5)


@program
async def over_ipv6(stage: Stage) -> None:
    server = await stage.open("server", echo=True, local_addr=("::1", 0))
    client = await stage.open("client", remote_addr=server.address[:2])
    client.transport.sendto(b"six")
    await stage.until(4)


@program
async def iterations(stage: Stage) -> None:
    """How many iterations of the loop lie between what is done and what comes of it."""
    loop = asyncio.get_running_loop()
    running = True

    def tick() -> None:
        if running:
            stage.lines.append("tick")
            loop.call_soon(tick)

    server = await stage.open("server", echo=True, local_addr=LOCAL)
    tick()
    client = await stage.open("client", remote_addr=server.address)
    client.transport.sendto(b"a")
    client.transport.sendto(b"b")
    while sum("got" in line for line in stage.lines) < 4:
        await asyncio.sleep(0)
    client.transport.close()
    while "client connection_lost None" not in stage.lines:
        await asyncio.sleep(0)
    running = False


def run(loop: asyncio.AbstractEventLoop, function: Program, caplog: pytest.LogCaptureFixture) -> list[str]:
    stage = Stage()

    def handler(loop: asyncio.AbstractEventLoop, details: dict[str, Any]) -> None:
        stage.log(f"handler: {details['message'].partition(' callback')[0]} {details.get('exception')!r}")

    caplog.clear()
    loop.set_exception_handler(handler)

    async def main() -> None:
        async with asyncio.timeout(30):
            await function(stage)

    try:
        loop.run_until_complete(main())
        lines = list(stage.lines)
        for transport in stage.transports:
            transport.abort()
        loop.run_until_complete(asyncio.sleep(0.001))
    finally:
        loop.close()
        gc.collect()  # the stock loop leaves a socket open where a factory fails
    warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    return lines + warned


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_events_as_on_the_stock_loop(name: str, caplog: pytest.LogCaptureFixture) -> None:
    stock = run(asyncio.SelectorEventLoop(), PROGRAMS[name], caplog)
    ours = run(Loop(World()), PROGRAMS[name], caplog)
    assert ours == stock
    assert stock
