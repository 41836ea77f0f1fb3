"""Transports and protocols: which callbacks come in which order, with which errors, here and on the stock loop."""

from __future__ import annotations

import array
import asyncio
import gc
import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
from parity import Echo, Pair, Programs, Stage, Talker, check_same, connected, ticks

program = Programs()

BIG = 8 * 1024 * 1024


def quiet(stage: Stage, side: str, **options: Any) -> Callable[[], Talker]:
    return lambda: Talker(stage, side, payload=False, **options)


class Buffered(asyncio.BufferedProtocol):
    """Logs as `Talker` does; is given a buffer of so many bytes."""

    transport: Any

    def __init__(self, stage: Stage, side: str, size: int, keep_open: bool = False) -> None:
        self.stage, self.side, self.buffer, self.keep_open = stage, side, bytearray(size), keep_open

    def log(self, line: str) -> None:
        self.stage.log(f"{self.side} {line}")

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.log("connection_made")

    def get_buffer(self, sizehint: int) -> Any:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.log(f"buffer_updated {bytes(self.buffer[:nbytes])!r}")

    def eof_received(self) -> bool:
        self.log("eof_received")
        return self.keep_open

    def connection_lost(self, exc: BaseException | None) -> None:
        Talker.connection_lost(self, exc)  # type: ignore[arg-type]


# -- the end of a connection ---------------------------------------------------------------------


@program
async def connecting_and_closing_at_once(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.close()
    stage.log(f"closing {pair.client.transport.is_closing()} reading {pair.client.transport.is_reading()}")
    await pair.end()
    stage.log(f"{pair.client.transport.get_protocol()} {pair.client.transport.is_closing()}")


@program
async def closing_in_connection_made_of_the_client(stage: Stage) -> None:
    class Hasty(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.close()

    server, port = await stage.serve(lambda: Talker(stage, "server"))
    await stage.connect(lambda: Hasty(stage, "client"), port)
    stage.log("connected")
    await stage.until("server connection_lost")
    server.close()


@program
async def aborting_in_connection_made(stage: Stage) -> None:
    class Hasty(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.abort()

    server, port = await stage.serve(lambda: Hasty(stage, "server"))
    await stage.connect(lambda: Talker(stage, "client"), port)
    await stage.until("client connection_lost")
    await stage.until("server connection_lost")
    server.close()


@program
async def aborting_in_data_received(stage: Stage) -> None:
    class Hasty(Talker):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.abort()

    pair = await connected(stage, server=lambda: Hasty(stage, "server"))
    pair.client.transport.write(b"x")
    await pair.end()


@program
async def closing_in_data_received(stage: Stage) -> None:
    class Hasty(Talker):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.write(b"bye")
            self.transport.close()

    pair = await connected(stage, server=lambda: Hasty(stage, "server"))
    pair.client.transport.write(b"x")
    await stage.until("server data_received")
    pair.client.transport.write(b"y")
    await pair.end()


@program
async def closing_in_eof_received(stage: Stage) -> None:
    class Polite(Talker):
        def eof_received(self) -> bool:
            super().eof_received()
            self.transport.close()
            return True

    pair = await connected(stage, server=lambda: Polite(stage, "server"))
    pair.client.transport.write_eof()
    await pair.end()


@program
async def writing_in_connection_lost(stage: Stage) -> None:
    class Late(Talker):
        def connection_lost(self, exc: BaseException | None) -> None:
            super().connection_lost(exc)
            self.transport.write(b"too late")
            self.transport.close()
            self.transport.abort()

    pair = await connected(stage, server=lambda: Late(stage, "server"))
    pair.client.transport.close()
    await pair.end()


@program
async def aborting_after_closing(stage: Stage) -> None:
    pair = await connected(stage, server=quiet(stage, "server"))
    pair.accepted.transport.pause_reading()
    pair.client.transport.write(bytes(BIG))
    pair.client.transport.close()
    await ticks(3)
    stage.log(f"buffered {pair.client.transport.get_write_buffer_size() > 0}")
    pair.client.transport.abort()
    stage.log(f"buffered {pair.client.transport.get_write_buffer_size()}")
    await stage.until("client connection_lost")
    pair.accepted.transport.resume_reading()
    await pair.end()


@program
async def both_abort(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.abort()
    pair.accepted.transport.abort()
    await pair.end()


@program
async def one_closes_and_the_other_aborts(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.close()
    pair.accepted.transport.abort()
    await pair.end()


@program
async def a_reset_that_finds_the_reader_paused(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.pause_reading()
    pair.accepted.transport.pause_reading()
    pair.client.transport.write(b"unread")
    await ticks(2)
    pair.accepted.transport.abort()
    await stage.until("server connection_lost")
    await ticks(3)
    stage.log("still paused")
    pair.client.transport.resume_reading()
    await pair.end()


@program
async def an_end_that_finds_the_reader_paused(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.pause_reading()
    pair.accepted.transport.write(b"last")
    pair.accepted.transport.close()
    await stage.until("server connection_lost")
    await ticks(3)
    stage.log("still paused")
    pair.client.transport.resume_reading()
    await pair.end()


@program
async def closing_while_paused(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.pause_reading()
    pair.client.transport.close()
    pair.client.transport.resume_reading()
    stage.log(f"reading {pair.client.transport.is_reading()}")
    await pair.end()


@program
async def a_peer_that_resets_after_its_end(stage: Stage) -> None:
    pair = await connected(stage, client=lambda: Talker(stage, "client", keep_open=True))
    pair.accepted.transport.pause_reading()
    pair.client.transport.write(b"unread")
    await ticks(2)
    pair.accepted.transport.write_eof()
    await stage.until("client eof_received")
    pair.accepted.transport.abort()
    await stage.until("server connection_lost")
    await ticks(3)
    pair.client.transport.write(b"into the void")
    await ticks(3)
    pair.client.transport.write(b"again")
    await pair.end()


@program
async def writing_into_a_reset_without_reading(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.pause_reading()
    pair.accepted.transport.abort()
    await stage.until("server connection_lost")
    await ticks(2)
    for number in range(4):
        pair.client.transport.write(b"x")
        stage.log(f"wrote {number} closing {pair.client.transport.is_closing()}")
        await ticks(2)
    await pair.end()


@program
async def writing_after_closing(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.write(b"before")
    pair.client.transport.close()
    pair.client.transport.write(b"after")
    pair.client.transport.write_eof()
    await pair.end()


@program
async def writing_behind_a_full_buffer_after_closing(stage: Stage) -> None:
    pair = await connected(stage, server=quiet(stage, "server"))
    pair.client.transport.write(bytes(BIG))
    pair.client.transport.close()
    pair.client.transport.write(b"goes out still")
    await pair.end()
    stage.log(f"received {pair.accepted.received}")


# -- halves --------------------------------------------------------------------------------------


@program
async def half_closed_by_both_one_after_the_other(stage: Stage) -> None:
    pair = await connected(
        stage,
        client=lambda: Talker(stage, "client", keep_open=True),
        server=lambda: Talker(stage, "server", keep_open=True),
    )
    pair.client.transport.write_eof()
    await stage.until("server eof_received")
    pair.accepted.transport.write(b"answer")
    pair.accepted.transport.write_eof()
    await stage.until("client eof_received")
    await ticks(3)
    stage.log(f"{pair.client.transport.is_closing()} {pair.accepted.transport.is_closing()}")
    pair.client.transport.close()
    pair.accepted.transport.close()
    await pair.end()


@program
async def data_and_a_half_close_in_one_step(stage: Stage) -> None:
    pair = await connected(stage, server=lambda: Talker(stage, "server", keep_open=True))
    pair.client.transport.write(b"all of it")
    pair.client.transport.write_eof()
    await stage.until("server eof_received")
    pair.accepted.transport.write(b"thanks")
    pair.accepted.transport.close()
    await pair.end()


@program
async def an_eof_behind_a_full_buffer(stage: Stage) -> None:
    pair = await connected(stage, server=quiet(stage, "server", keep_open=True))
    pair.accepted.transport.pause_reading()
    pair.client.transport.write(bytes(BIG))
    pair.client.transport.write_eof()
    with stage.errors("write"):
        pair.client.transport.write(b"more")
    await ticks(3)
    pair.accepted.transport.resume_reading()
    await stage.until("server eof_received")
    stage.log(f"received {pair.accepted.received} closing {pair.client.transport.is_closing()}")
    pair.accepted.transport.close()
    await pair.end()


@program
async def writing_eof_after_closing_or_aborting(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.abort()
    pair.client.transport.write_eof()
    pair.client.transport.write(b"x")
    stage.log(f"{pair.client.transport.can_write_eof()}")
    await pair.end()


# -- reading -------------------------------------------------------------------------------------


@program
async def paused_from_the_beginning(stage: Stage) -> None:
    class Later(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.pause_reading()

    pair = await connected(stage, server=lambda: Later(stage, "server"))
    pair.client.transport.write(b"early")
    await ticks(4)
    stage.log(f"reading {pair.accepted.transport.is_reading()}")
    pair.accepted.transport.resume_reading()
    await stage.until("server data_received b'early'")
    pair.client.transport.close()
    await pair.end()


@program
async def resumed_before_it_has_begun(stage: Stage) -> None:
    class Busy(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.pause_reading()
            transport.resume_reading()
            transport.write(b"hello")

    pair = await connected(stage, server=lambda: Busy(stage, "server"))
    await stage.until("client data_received")
    pair.client.transport.write(b"answer")
    await stage.until("server data_received")
    pair.accepted.transport.close()
    await pair.end()


@program
async def much_arrives_in_pieces_of_one_size(stage: Stage) -> None:
    sizes: list[int] = []

    class Measuring(Talker):
        def data_received(self, data: bytes) -> None:
            self.received += len(data)
            sizes.append(len(data))

    pair = await connected(stage, server=lambda: Measuring(stage, "server"))
    pair.accepted.transport.pause_reading()
    pair.client.transport.write(bytes(100_000))
    await ticks(4)
    pair.accepted.transport.resume_reading()
    while sum(sizes) < 100_000:
        await ticks(1)
    stage.log(f"{max(sizes) <= 256 * 1024}")
    pair.client.transport.close()
    await pair.end()


@program
async def bytes_are_bytes_whatever_was_written(stage: Stage) -> None:
    class Kinds(Talker):
        def data_received(self, data: bytes) -> None:
            self.log(f"{type(data).__name__} {data!r}")

    pair = await connected(stage, server=lambda: Kinds(stage, "server"))
    for data in (b"bytes", bytearray(b"array"), memoryview(b"view")[1:], memoryview(bytearray(b"x"))):
        pair.client.transport.write(data)
        await ticks(3)
    pair.client.transport.writelines(iter([b"a", memoryview(b"b"), bytearray(b"c")]))
    await stage.until("server bytes b'abc'")
    pair.client.transport.close()
    await pair.end()


@program
async def an_array_is_written_as_its_bytes(stage: Stage) -> None:
    pair = await connected(stage)
    with stage.errors("array"):
        pair.client.transport.write(array.array("B", [65, 66, 67]))
    pair.client.transport.write(memoryview(array.array("B", [65, 66])))
    await stage.until("server data_received")
    pair.client.transport.close()
    await pair.end()


@program
async def a_buffer_that_is_written_can_be_used_again(stage: Stage) -> None:
    pair = await connected(stage)
    data = bytearray(b"first")
    pair.client.transport.write(data)
    data[:] = b"other"
    await stage.until("server data_received")
    pair.client.transport.close()
    await pair.end()


# -- buffered protocols --------------------------------------------------------------------------


@program
async def a_buffered_protocol_reads_in_bites(stage: Stage) -> None:
    pair = await connected(stage, server=lambda: Buffered(stage, "server", 5))
    pair.client.transport.write(b"a dozen bytes")
    await stage.until("server buffer_updated", 3)
    pair.client.transport.write(b"more")
    await stage.until("server buffer_updated b'more'")
    pair.client.transport.close()
    await pair.end()


@program
async def a_buffered_protocol_keeps_its_half_open(stage: Stage) -> None:
    pair = await connected(stage, server=lambda: Buffered(stage, "server", 50, keep_open=True))
    pair.client.transport.write(b"question")
    pair.client.transport.write_eof()
    await stage.until("server eof_received")
    pair.accepted.transport.write(b"answer")
    await stage.until("client data_received")
    pair.accepted.transport.close()
    await pair.end()


@program
async def a_buffered_protocol_pauses(stage: Stage) -> None:
    class Shy(Buffered):
        def buffer_updated(self, nbytes: int) -> None:
            super().buffer_updated(nbytes)
            self.transport.pause_reading()

    pair = await connected(stage, server=lambda: Shy(stage, "server", 4))
    pair.client.transport.write(b"12345678")
    await stage.until("server buffer_updated", 1)
    await ticks(3)
    stage.log("paused")
    pair.accepted.transport.resume_reading()
    await stage.until("server buffer_updated", 2)
    pair.accepted.transport.resume_reading()
    pair.client.transport.close()
    await pair.end()


@program
async def a_view_as_buffer(stage: Stage) -> None:
    class Ring(Buffered):
        position = 0

        def get_buffer(self, sizehint: int) -> Any:
            return memoryview(self.buffer)[self.position :]

        def buffer_updated(self, nbytes: int) -> None:
            self.position += nbytes
            self.log(f"has {bytes(self.buffer[: self.position])!r}")

    pair = await connected(stage, server=lambda: Ring(stage, "server", 20))
    for piece in (b"one,", b"two,", b"three"):
        pair.client.transport.write(piece)
        await ticks(3)
    pair.client.transport.close()
    await pair.end()


@program
async def a_buffer_that_is_none(stage: Stage) -> None:
    class Wrong(Buffered):
        def get_buffer(self, sizehint: int) -> Any:
            return None

    pair = await connected(stage, server=lambda: Wrong(stage, "server", 1))
    pair.client.transport.write(b"x")
    await pair.end()


@program
async def a_buffer_that_cannot_be_written(stage: Stage) -> None:
    class Wrong(Buffered):
        def get_buffer(self, sizehint: int) -> Any:
            return b"read only"

    pair = await connected(stage, server=lambda: Wrong(stage, "server", 1))
    pair.client.transport.write(b"x")
    await pair.end()


# -- changing the protocol -----------------------------------------------------------------------


@program
async def from_one_kind_of_protocol_to_the_other_and_back(stage: Stage) -> None:
    pair = await connected(stage)
    transport = pair.accepted.transport
    transport.set_protocol(Buffered(stage, "buffered", 3))
    pair.client.transport.write(b"abcde")
    await stage.until("buffered buffer_updated b'de'")
    transport.set_protocol(Talker(stage, "back"))
    pair.client.transport.write(b"fg")
    await stage.until("back data_received")
    pair.client.transport.close()
    await pair.end("client", "back")


@program
async def an_upgrade_in_data_received(stage: Stage) -> None:
    class Upgrading(Talker):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            _, _, rest = data.partition(b"\n")
            upgraded = Echo(stage, "upgraded")
            upgraded.connection_made(self.transport)
            self.transport.set_protocol(upgraded)
            if rest:
                upgraded.data_received(rest)

    pair = await connected(stage, server=lambda: Upgrading(stage, "server"))
    pair.client.transport.write(b"UPGRADE\nearly")
    await stage.until("client data_received b'early'")
    pair.client.transport.write(b"late")
    await stage.until("client data_received b'late'")
    pair.client.transport.close()
    await pair.end("client", "upgraded")


@program
async def the_new_protocol_is_told_of_the_flow(stage: Stage) -> None:
    pair = await connected(stage, server=quiet(stage, "server"))
    pair.accepted.transport.pause_reading()
    pair.client.transport.write(bytes(BIG))
    other = Talker(stage, "other")
    pair.client.transport.set_protocol(other)
    pair.accepted.transport.resume_reading()
    await stage.until("other resume_writing")
    pair.client.transport.close()
    await pair.end("other", "server")
    stage.log(f"received {pair.accepted.received}")


# -- protocols that lack something ---------------------------------------------------------------


@program
async def a_protocol_without_data_received(stage: Stage) -> None:
    class Bare(asyncio.BaseProtocol):
        def connection_made(self, transport: Any) -> None:
            stage.log("server connection_made")

        def connection_lost(self, exc: BaseException | None) -> None:
            stage.log(f"server connection_lost {type(exc).__name__}")

    pair = await connected(stage, server=Bare)
    pair.client.transport.write(b"x")
    await pair.end()


@program
async def a_factory_of_the_client_that_raises(stage: Stage) -> None:
    def factory() -> Any:
        raise ZeroDivisionError("factory")

    server, port = await stage.serve(lambda: Talker(stage, "server"))
    await stage.raises("connecting", stage.connect(factory, port))
    gc.collect()  # the stock loop leaves closing to that
    await stage.until("server connection_made")
    await stage.until("server connection_lost")
    server.close()


@program
async def connection_made_of_the_client_raises(stage: Stage) -> None:
    class Failing(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            raise ZeroDivisionError("connection_made")

    server, port = await stage.serve(lambda: Talker(stage, "server"))
    transport, _ = await stage.connect(lambda: Failing(stage, "client"), port)
    transport.write(b"goes on")
    await stage.until("server data_received")
    transport.close()
    await stage.until("server connection_lost")
    server.close()


@program
async def errors_of_one_connection_leave_others_alone(stage: Stage) -> None:
    class Failing(Talker):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if data == b"fail":
                raise ZeroDivisionError("data_received")
            self.transport.write(data)

    names = iter(("first", "second"))
    server, port = await stage.serve(lambda: Failing(stage, next(names)))
    first, _ = await stage.connect(lambda: Talker(stage, "one"), port)
    await stage.until("first connection_made")
    second, _ = await stage.connect(lambda: Talker(stage, "two"), port)
    await stage.until("second connection_made")
    first.write(b"fail")
    await stage.until("one connection_lost")
    second.write(b"fine")
    await stage.until("two data_received b'fine'")
    second.close()
    await stage.until("second connection_lost")
    server.close()
    await server.wait_closed()


# -- flow ----------------------------------------------------------------------------------------


async def full(stage: Stage, **limits: int) -> Pair:
    """A connection the client of which has more buffered than fits."""
    pair = await connected(stage, server=quiet(stage, "server"))
    pair.accepted.transport.pause_reading()
    if limits:
        pair.client.transport.set_write_buffer_limits(**limits)
    pair.client.transport.write(bytes(BIG))
    return pair


@program
async def a_limit_of_nothing(stage: Stage) -> None:
    pair = await full(stage, high=0)
    stage.log(f"{pair.client.transport.get_write_buffer_limits()}")
    pair.accepted.transport.resume_reading()
    await stage.until("client resume_writing")
    stage.log(f"buffered {pair.client.transport.get_write_buffer_size()}")
    pair.client.transport.close()
    await pair.end()


@program
async def a_limit_that_is_never_reached(stage: Stage) -> None:
    pair = await full(stage, high=2 * BIG)
    pair.client.transport.write(bytes(BIG // 2))
    pair.accepted.transport.resume_reading()
    pair.client.transport.close()
    await pair.end()
    stage.log(f"received {pair.accepted.received}")


@program
async def a_limit_that_is_lowered_later(stage: Stage) -> None:
    pair = await full(stage, high=2 * BIG)
    stage.log("not paused")
    pair.client.transport.set_write_buffer_limits(high=BIG // 8)
    pair.client.transport.write(b"x")
    pair.accepted.transport.resume_reading()
    await stage.until("client resume_writing")
    pair.client.transport.close()
    await pair.end()


@program
async def writing_in_resume_writing(stage: Stage) -> None:
    class Greedy(Talker):
        left = 2

        def resume_writing(self) -> None:
            super().resume_writing()
            if self.left:
                self.left -= 1
                self.transport.write(bytes(BIG))
            else:
                asyncio.get_running_loop().call_soon(self.transport.close)

    pair = await connected(stage, client=lambda: Greedy(stage, "client"), server=quiet(stage, "server"))
    pair.client.transport.write(bytes(BIG))
    await pair.end()
    stage.log(f"received {pair.accepted.received}")


@program
async def both_write_much_and_nobody_starves(stage: Stage) -> None:
    pair = await connected(stage, client=quiet(stage, "client"), server=quiet(stage, "server"))
    for side in (pair.client, pair.accepted):
        side.transport.write(bytes(BIG))
    while pair.client.received < BIG or pair.accepted.received < BIG:
        await ticks(1)
    pair.client.transport.close()
    await pair.end()
    stage.lines.sort()  # which of them is done first depends on the sizes of the buffers


@program
async def what_is_lost_when_a_writer_is_reset(stage: Stage) -> None:
    pair = await full(stage)
    await ticks(3)
    pair.accepted.transport.abort()
    await pair.end()
    stage.log(f"{pair.client.transport.get_write_buffer_size()}")
    pair.client.transport.write(b"x")


# -- what a transport knows ----------------------------------------------------------------------


@program
async def what_is_known_after_the_end(stage: Stage) -> None:
    pair = await connected(stage)
    transport = pair.client.transport
    name = transport.get_extra_info("sockname")
    pair.client.transport.close()
    await pair.end()
    stage.log(f"{transport.get_extra_info('peername')} {transport.get_extra_info('sockname') == name}")
    stage.log(f"{transport.get_extra_info('socket').fileno()} {transport.get_protocol()}")
    stage.log(f"{transport.is_closing()} {transport.is_reading()} {transport.get_write_buffer_size()}")


@program
async def options_of_the_socket(stage: Stage) -> None:
    pair = await connected(stage)
    sock = pair.client.transport.get_extra_info("socket")
    stage.log(f"{sock.family!r} {sock.type!r} {sock.proto} {sock.fileno() >= 0} {sock.gettimeout()}")
    options = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        (socket.SOL_SOCKET, socket.SO_REUSEADDR),
        (socket.SOL_SOCKET, socket.SO_ERROR),
        (socket.SOL_SOCKET, socket.SO_TYPE),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    ]
    stage.log(f"{[sock.getsockopt(*option) for option in options]}")
    for option in options[:2]:
        sock.setsockopt(*option, 1)
    stage.log(f"{[bool(sock.getsockopt(*option)) for option in options[:2]]}")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\2\0\0\0")
    stage.log(f"{sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)!r}")
    pair.client.transport.close()
    await pair.end()


@program
async def the_addresses_of_ipv6(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Echo(stage, "server"), "::1", 0)
    port = stage.port_of(server)
    transport, _ = await loop.create_connection(lambda: Talker(stage, "client"), "::1", port)
    stage.log(f"{transport.get_extra_info('peername')} {transport.get_extra_info('sockname')[0]}")
    stage.log(f"{transport.get_extra_info('socket').family!r}")
    transport.write(b"x")
    await stage.until("client data_received")
    transport.close()
    await stage.until("server connection_lost")
    server.close()


@program
async def a_connection_from_an_address(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server, port = await stage.serve(lambda: Talker(stage, "server"))
    transport, _ = await loop.create_connection(
        lambda: Talker(stage, "client"), "127.0.0.1", port, local_addr=("127.0.0.3", 0)
    )
    stage.log(f"{transport.get_extra_info('sockname')[0]} {transport.get_extra_info('sockname')[1] > 0}")
    transport.close()
    await stage.until("server connection_lost")
    server.close()


@program
async def keeping_connections_alive(stage: Stage) -> None:
    if sys.version_info < (3, 13):
        stage.log("no such option yet")
        return
    pair = await connected(stage, serving={"keep_alive": True})
    listening = pair.server.sockets[0]
    stage.log(f"{listening.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)}")
    pair.client.transport.close()
    await pair.end()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", program)
def test_transports(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)
