"""What reaches outside and is not simulated is refused by name, with the place and a remedy."""

import asyncio
import signal
import socket
from collections.abc import Callable
from typing import Any

import pytest

from interlace.backends.aio.run import Asyncio
from interlace.engine.run import drive
from interlace.errors import NotSimulated
from interlace.sim.world import World

Call = Callable[[Any], Any]

COROUTINES: dict[str, Call] = {
    "loop.create_datagram_endpoint with <AddressFamily.AF_UNIX: 1>": lambda loop: (
        loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr="/tmp/x", family=socket.AF_UNIX)
    ),
    "loop.connect_read_pipe": lambda loop: loop.connect_read_pipe(asyncio.Protocol, None),
    "loop.connect_write_pipe": lambda loop: loop.connect_write_pipe(asyncio.Protocol, None),
    "loop.subprocess_shell": lambda loop: asyncio.create_subprocess_shell("true"),
    "loop.subprocess_exec": lambda loop: asyncio.create_subprocess_exec("true"),
    "loop.sock_recvfrom with None": lambda loop: loop.sock_recvfrom(None, 1),
    "loop.sock_recvfrom_into with None": lambda loop: loop.sock_recvfrom_into(None, bytearray(1)),
    "loop.sock_sendto with None": lambda loop: loop.sock_sendto(None, b"", None),
    "loop.sock_accept with None": lambda loop: loop.sock_accept(None),
}

FUNCTIONS: dict[str, Call] = {
    "loop.add_reader": lambda loop: loop.add_reader(0, print),
    "loop.add_writer": lambda loop: loop.add_writer(0, print),
    "loop.add_signal_handler": lambda loop: loop.add_signal_handler(signal.SIGTERM, print),
}


@pytest.mark.parametrize("api", [*COROUTINES, *FUNCTIONS])
def test_refused_by_name_with_place_and_remedy(plainly: Any, api: str) -> None:
    async def main(world: World) -> None:
        loop = asyncio.get_running_loop()
        if api in FUNCTIONS:
            with pytest.raises(NotSimulated) as caught:
                FUNCTIONS[api](loop)
        else:
            with pytest.raises(NotSimulated) as caught:
                await COROUTINES[api](loop)
        assert caught.value.api == api
        assert caught.value.site is not None
        assert "test_refused.py:" in caught.value.site
        assert str(caught.value).endswith(".")
        assert isinstance(caught.value, NotImplementedError)

    plainly(main)


OTHER_SOCKETS = {
    "AF_INET, SOCK_RAW": (socket.AF_INET, socket.SOCK_RAW),
    "AF_INET6, SOCK_SEQPACKET": (socket.AF_INET6, socket.SOCK_SEQPACKET),
    "AF_PACKET, SOCK_DGRAM": (getattr(socket, "AF_PACKET", 17), socket.SOCK_DGRAM),
    "AF_NETLINK, SOCK_RAW": (getattr(socket, "AF_NETLINK", 16), socket.SOCK_RAW),
    "AF_UNIX, SOCK_DGRAM": (getattr(socket, "AF_UNIX", 1), socket.SOCK_DGRAM),
    "AF_4000, SOCK_12": (4000, 12),
}


class OwnKind(socket.socket):
    """Says only in its `__init__` what it is."""

    def __init__(self, family: int, kind: int) -> None:
        super().__init__(family, kind)


@pytest.mark.skipif(not hasattr(socket, "AF_PACKET"), reason="Linux has these families")
@pytest.mark.parametrize("cls", [socket.socket, OwnKind])
@pytest.mark.parametrize("kind", OTHER_SOCKETS)
def test_sockets_of_other_kinds_are_refused_where_they_are_made(plainly: Any, kind: str, cls: Any) -> None:
    async def main(world: World) -> None:
        with pytest.raises(NotSimulated) as caught:
            cls(*OTHER_SOCKETS[kind])
        assert caught.value.api == f"socket.socket with {kind}"
        assert "test_refused.py:" in str(caught.value.site)
        assert "put a fake in the place" in caught.value.remedy

    plainly(main)


def test_a_pair_of_datagram_sockets_is_refused(plainly: Any) -> None:
    async def main(world: World) -> None:
        with pytest.raises(NotSimulated, match="UDP"):
            socket.socketpair(type=socket.SOCK_DGRAM)

    plainly(main)


def test_a_call_from_deep_inside_a_library_has_no_line_of_the_user() -> None:
    async def main(world: World) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: None)
        loop.call_soon(loop.add_reader, 0, print)
        await asyncio.sleep(0)

    (message,) = drive(Asyncio().open(World()), lambda running: running.main(main(running.world))).background
    assert "NotSimulated: loop.add_reader is not simulated. A library" in message


def test_removing_what_cannot_have_been_added(plainly: Any) -> None:
    async def main(world: World) -> None:
        loop = asyncio.get_running_loop()
        assert not loop.remove_reader(0)
        assert not loop.remove_writer(0)
        assert not loop.remove_signal_handler(signal.SIGTERM)

    plainly(main)


def test_sockets_that_are_not_part_of_the_network(plainly: Any) -> None:
    one, other = socket.socketpair()
    datagrams = socket.socket(type=socket.SOCK_DGRAM)
    listening = socket.create_server(("127.0.0.1", 0))
    connected = socket.create_connection(listening.getsockname())

    async def main(world: World) -> None:
        loop = asyncio.get_running_loop()
        stranger = socket.socket()
        with stranger:
            for sock in (one, other, datagrams, stranger, connected):
                sock.setblocking(False)
            for call, text in (
                (loop.create_connection(asyncio.Protocol, sock=stranger), "that is not connected"),
                (loop.connect_accepted_socket(asyncio.Protocol, stranger), "that is not connected"),
                (loop.create_connection(asyncio.Protocol, sock=connected), "that is really connected"),
                (loop.sock_connect(one, "/tmp/x"), "that is really connected"),
                (loop.sock_connect(datagrams, ("127.0.0.1", 1)), "SOCK_DGRAM"),
                (loop.sock_sendto(datagrams, b"x", ("127.0.0.1", 1)), "SOCK_DGRAM"),
                (
                    loop.create_datagram_endpoint(asyncio.DatagramProtocol, sock=datagrams),
                    "outside of the run",
                ),
                (loop.sock_recv(connected, 1), "loop.sock_recv with a socket that is really connected"),
            ):
                with pytest.raises(NotSimulated, match=text):
                    await call
            with pytest.raises(ValueError, match="A Stream Socket was expected"):
                await loop.create_connection(asyncio.Protocol, sock=datagrams)
            with pytest.raises(ValueError, match="A Stream Socket was expected"):
                await loop.create_server(asyncio.Protocol, sock=datagrams)

    with one, other, datagrams, listening, connected:
        plainly(main)


def test_the_socket_of_a_transport_does_nothing(plainly: Any) -> None:
    async def main(world: World) -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 80)
        sock = server.sockets[0]
        for call in (sock.dup, lambda: sock.shutdown(socket.SHUT_WR)):
            with pytest.raises(NotSimulated):
                call()
        with pytest.raises(OSError, match="not connected"):
            sock.getpeername()
        assert sock.fileno() >= 0
        server.close()
        assert sock.fileno() == -1
        assert repr(sock).startswith("<simulated socket")

    plainly(main)
