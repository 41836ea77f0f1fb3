"""Parity with the stock loop: the same program sees the same protocol events in the same order.

See `parity` in tests/support for how; tests/network/parity has many more of them, by what they are about.
"""

import asyncio
import contextvars
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from parity import Echo, Programs, Stage, Talker, check_same, connected, word

program = Programs()


# -- opening, talking, closing -------------------------------------------------------------------


@program
async def echo_then_client_closes(stage: Stage) -> None:
    pair = await connected(stage, server=lambda: Echo(stage, "server"))
    pair.client.transport.write(b"one")
    await stage.until("client data_received b'one'")
    pair.client.transport.close()
    stage.log(f"closing {pair.client.transport.is_closing()}")
    pair.client.transport.close()
    await pair.end()


@program
async def server_closes(stage: Stage) -> None:
    pair = await connected(stage)
    pair.accepted.transport.write(b"bye")
    pair.accepted.transport.close()
    await pair.end()


@program
async def server_closes_in_connection_made(stage: Stage) -> None:
    class Rude(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transport.write(b"go away")
            transport.close()

    pair = await connected(stage, server=lambda: Rude(stage, "server"))
    await pair.end()


@program
async def half_close(stage: Stage) -> None:
    class Answering(Talker):
        def eof_received(self) -> bool:
            super().eof_received()
            self.transport.write(b"got it all")
            self.transport.close()
            return True

    pair = await connected(stage, server=lambda: Answering(stage, "server"))
    client = pair.client.transport
    stage.log(f"can_write_eof {client.can_write_eof()}")
    client.write(b"question")
    client.write_eof()
    client.write_eof()
    for call in (lambda: client.write(b"more"), lambda: client.writelines([b"more"])):
        try:
            call()
        except RuntimeError as error:
            stage.log(str(error))
    await pair.end()


@program
async def kept_open_after_eof(stage: Stage) -> None:
    pair = await connected(stage, server=lambda: Talker(stage, "server", keep_open=True))
    pair.client.transport.write_eof()
    await stage.until("server eof_received")
    for number in range(3):
        pair.accepted.transport.write(b"%d" % number)
        await stage.until(f"client data_received b'{number}'")
    stage.log(f"closing {pair.accepted.transport.is_closing()}")
    pair.accepted.transport.close()
    await pair.end()


@program
async def writes_of_one_step_arrive_together(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.write(b"a")
    pair.client.transport.write(bytearray(b"b"))
    pair.client.transport.write(memoryview(b"c"))
    pair.client.transport.write(b"")
    pair.client.transport.writelines([b"d", bytearray(b"e")])
    await stage.until("server data_received b'abcde'")
    pair.client.transport.close()
    await pair.end()


@program
async def data_and_end_of_one_step(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.write(b"last words")
    pair.client.transport.close()
    await pair.end()


@program
async def both_close_at_once(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.close()
    pair.accepted.transport.close()
    await pair.end()


@program
async def client_aborts(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.abort()
    pair.client.transport.abort()
    await pair.end()


@program
async def closing_with_unread_bytes_resets(stage: Stage) -> None:
    pair = await connected(stage)
    pair.accepted.transport.pause_reading()
    pair.client.transport.write(b"never read")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    pair.accepted.transport.abort()
    await pair.end()


@program
async def writing_to_a_closed_peer(stage: Stage) -> None:
    pair = await connected(stage, client=lambda: Talker(stage, "client", keep_open=True))
    pair.accepted.transport.close()
    await stage.until("client eof_received")
    pair.client.transport.write(b"first")
    for _ in range(3):
        await asyncio.sleep(0)
    stage.log(f"closing {pair.client.transport.is_closing()}")
    pair.client.transport.write(b"second")
    stage.log(f"closing {pair.client.transport.is_closing()}")
    await pair.end()


@program
async def writing_to_a_reset_connection(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.pause_reading()
    pair.accepted.transport.pause_reading()
    pair.client.transport.write(b"unread")
    await asyncio.sleep(0)
    pair.accepted.transport.abort()
    for _ in range(4):
        await asyncio.sleep(0)
    pair.client.transport.write(b"x")
    await pair.end()


@program
async def writes_after_the_loss_are_counted(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.abort()
    for number in range(8):
        pair.client.transport.write(b"x")
        stage.log(f"wrote {number}")
    await pair.end()


# -- reading -------------------------------------------------------------------------------------


@program
async def pausing_and_resuming(stage: Stage) -> None:
    pair = await connected(stage)
    server = pair.accepted.transport
    server.pause_reading()
    server.pause_reading()
    stage.log(f"reading {server.is_reading()}")
    for piece in (b"one ", b"two ", b"three"):
        pair.client.transport.write(piece)
        await asyncio.sleep(0)
    server.resume_reading()
    server.resume_reading()
    stage.log(f"reading {server.is_reading()}")
    await stage.until("server data_received b'one two three'")
    pair.client.transport.close()
    await pair.end()


@program
async def pausing_inside_data_received(stage: Stage) -> None:
    class Shy(Talker):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.pause_reading()
            asyncio.get_running_loop().call_soon(self.transport.resume_reading)

    pair = await connected(stage, server=lambda: Shy(stage, "server"))
    for piece in (b"1", b"2", b"3"):
        pair.client.transport.write(piece)
        await stage.until(f"server data_received {piece!r}")
    pair.client.transport.close()
    await pair.end()


@program
async def a_buffered_protocol(stage: Stage) -> None:
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.buffer = bytearray(4)

        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            stage.log("server connection_made")

        def get_buffer(self, sizehint: int) -> bytearray:
            stage.log(f"server get_buffer {sizehint}")
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            stage.log(f"server buffer_updated {bytes(self.buffer[:nbytes])!r}")

        def eof_received(self) -> None:
            stage.log("server eof_received")

        def connection_lost(self, exc: BaseException | None) -> None:
            stage.log(f"server connection_lost {word(exc)}")

    pair = await connected(stage, server=Buffered)
    pair.client.transport.write(b"twelve bytes")
    await stage.until("server buffer_updated b'ytes'")
    pair.client.transport.close()
    await pair.end()


@program
async def an_empty_buffer_is_an_error(stage: Stage) -> None:
    class Empty(Talker, asyncio.BufferedProtocol):  # type: ignore[misc]
        def get_buffer(self, sizehint: int) -> bytearray:
            return bytearray()

    pair = await connected(stage, server=lambda: Empty(stage, "server"))
    pair.client.transport.write(b"x")
    await pair.end()


@program
async def changing_the_protocol(stage: Stage) -> None:
    pair = await connected(stage)
    pair.client.transport.write(b"before")
    await stage.until("server data_received b'before'")
    other = Talker(stage, "other")
    pair.accepted.transport.set_protocol(other)
    stage.log(f"changed {pair.accepted.transport.get_protocol() is other}")
    pair.client.transport.write(b"after")
    await stage.until("other data_received b'after'")
    pair.client.transport.close()
    await stage.until("other connection_lost None")
    pair.server.close()
    await pair.server.wait_closed()


# -- flow control --------------------------------------------------------------------------------

BIG = 16 * 1024 * 1024


@program
async def backpressure(stage: Stage) -> None:
    pair = await connected(stage, server=lambda: Talker(stage, "server", payload=False))
    client, server = pair.client.transport, pair.accepted.transport
    server.pause_reading()
    client.write(bytes(BIG))
    stage.log(
        f"buffered {client.get_write_buffer_size() > 64 * 1024} limits {client.get_write_buffer_limits()}"
    )
    for _ in range(20):
        await asyncio.sleep(0)
    server.resume_reading()
    await stage.until("client resume_writing")
    client.close()
    await pair.end()
    stage.log(f"received {pair.accepted.received}")


@program
async def closing_flushes_what_is_buffered(stage: Stage) -> None:
    pair = await connected(stage, server=lambda: Talker(stage, "server", payload=False))
    pair.client.transport.write(bytes(BIG))
    pair.client.transport.close()
    await pair.end()
    stage.log(f"received {pair.accepted.received}")


@program
async def ending_the_stream_flushes_what_is_buffered(stage: Stage) -> None:
    pair = await connected(stage, server=lambda: Talker(stage, "server", payload=False))
    pair.client.transport.write(bytes(BIG))
    pair.client.transport.write_eof()
    await pair.end()
    stage.log(f"received {pair.accepted.received}")


@program
async def the_limits_of_the_write_buffer(stage: Stage) -> None:
    pair = await connected(stage)
    client = pair.client.transport
    for limits in (
        {"high": 100},
        {"low": 10},
        {"high": 30, "low": 3},
        {},
        {"high": 1, "low": 2},
        {"low": -1},
    ):
        try:
            client.set_write_buffer_limits(**limits)
        except ValueError as error:
            stage.log(str(error))
        stage.log(f"{limits} {client.get_write_buffer_limits()}")
    client.close()
    await pair.end()


@program
async def streams_under_backpressure(stage: Stage) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        total = 0
        while data := await reader.read(65536):
            total += len(data)
        writer.write(b"%d\n" % total)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        stage.log("handled")

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(16):
        writer.write(bytes(1024 * 1024))
        await writer.drain()
    writer.write_eof()
    stage.log(f"{await reader.readline()!r}")
    writer.close()
    await writer.wait_closed()
    await stage.until("handled")
    server.close()
    await server.wait_closed()


async def reset_while_writing(stage: Stage, paused: bool) -> None:
    pair = await connected(stage)
    client, server = pair.client.transport, pair.accepted.transport
    server.pause_reading()
    if paused:
        client.pause_reading()
    client.write(bytes(BIG))
    for _ in range(5):
        await asyncio.sleep(0)
    server.abort()
    await pair.end()
    stage.log(f"buffered {client.get_write_buffer_size()}")


@program
async def a_reset_while_much_is_buffered(stage: Stage) -> None:
    await reset_while_writing(stage, paused=False)


@program
async def a_reset_while_much_is_buffered_and_reading_is_paused(stage: Stage) -> None:
    await reset_while_writing(stage, paused=True)


@program
async def aborting_with_much_buffered(stage: Stage) -> None:
    pair = await connected(stage, server=lambda: Talker(stage, "server", payload=False))
    pair.client.transport.write(bytes(BIG))
    pair.client.transport.abort()
    stage.log(f"buffered {pair.client.transport.get_write_buffer_size()}")
    await pair.end()


# -- errors in callbacks -------------------------------------------------------------------------


def buffered(stage: Stage, failing: str) -> Callable[[], Any]:
    """A buffered protocol whose method of that name raises."""

    class Buffered(asyncio.BufferedProtocol):
        def get_buffer(self, sizehint: int) -> bytearray:
            return bytearray(100)

        def connection_lost(self, exc: BaseException | None) -> None:
            stage.log(f"server connection_lost {word(exc)}")

        def connection_made(self, transport: Any) -> None:
            self.transport = transport
            stage.log("server connection_made")

    def make() -> Any:
        protocol = Buffered()
        setattr(protocol, failing, failing_call(stage, failing))
        return protocol

    return make


def failing_call(stage: Stage, where: str) -> Callable[..., None]:
    def fail(*args: object) -> None:
        stage.log(f"server {where} raises")
        raise ZeroDivisionError(where)

    return fail


@program
async def get_buffer_raises(stage: Stage) -> None:
    pair = await connected(stage, server=buffered(stage, "get_buffer"))
    pair.client.transport.write(b"x")
    await pair.end()


@program
async def buffer_updated_raises(stage: Stage) -> None:
    pair = await connected(stage, server=buffered(stage, "buffer_updated"))
    pair.client.transport.write(b"x")
    await pair.end()


@program
async def a_buffered_protocol_meets_a_reset(stage: Stage) -> None:
    pair = await connected(stage, server=buffered(stage, "unused"))
    pair.client.transport.pause_reading()
    pair.accepted.transport.write(b"unread")
    await asyncio.sleep(0)
    pair.client.transport.abort()
    await pair.end()


def failing(stage: Stage, where: str) -> Callable[[], Any]:
    def make() -> Any:
        protocol = Talker(stage, "server")
        setattr(protocol, where, failing_call(stage, where))
        return protocol

    return make


@program
async def data_received_raises(stage: Stage) -> None:
    pair = await connected(stage, server=failing(stage, "data_received"))
    pair.client.transport.write(b"x")
    await pair.end()


@program
async def eof_received_raises(stage: Stage) -> None:
    pair = await connected(stage, server=failing(stage, "eof_received"))
    pair.client.transport.close()
    await pair.end()


@program
async def connection_made_raises(stage: Stage) -> None:
    server, port = await stage.serve(failing(stage, "connection_made"))
    transport, _ = await stage.connect(lambda: Talker(stage, "client"), port)
    transport.write(b"still there")
    await stage.until("server data_received b'still there'")
    transport.close()
    await stage.until("server connection_lost None")
    server.close()
    await server.wait_closed()


@program
async def connection_lost_raises(stage: Stage) -> None:
    pair = await connected(stage, server=failing(stage, "connection_lost"))
    pair.client.transport.close()
    await stage.until("server connection_lost raises")
    pair.server.close()
    await pair.server.wait_closed()


@program
async def pause_and_resume_writing_raise(stage: Stage) -> None:
    def make() -> Any:
        protocol = failing(stage, "pause_writing")()
        protocol.resume_writing = failing(stage, "resume_writing")().resume_writing
        return protocol

    pair = await connected(stage, client=lambda: Talker(stage, "client", payload=False), server=make)
    pair.accepted.transport.write(bytes(BIG))
    pair.accepted.transport.close()
    await pair.end()


@program
async def the_protocol_factory_raises(stage: Stage) -> None:
    def factory() -> asyncio.Protocol:
        stage.log("factory raises")
        raise ZeroDivisionError

    server, port = await stage.serve(factory)
    await stage.connect(lambda: Talker(stage, "client"), port)
    await stage.until("client connection_lost None")
    server.close()
    await server.wait_closed()


@program
async def wrong_types(stage: Stage) -> None:
    pair = await connected(stage)
    for data in ("text", 5, None):
        try:
            pair.client.transport.write(data)
        except TypeError as error:
            stage.log(str(error))
    pair.client.transport.close()
    await pair.end()


# -- servers -------------------------------------------------------------------------------------


@program
async def several_clients(stage: Stage) -> None:
    names = iter("abc")
    server, port = await stage.serve(lambda: Echo(stage, f"server {next(names)}"))
    clients = await asyncio.gather(
        *(stage.connect(lambda name=name: Talker(stage, f"client {name}"), port) for name in "123")
    )
    for transport, protocol in clients:
        transport.write(protocol.side.encode())
    await stage.until("client 3 data_received b'client 3'")
    for transport, _ in clients:
        transport.close()
    await stage.until("server c connection_lost None")
    server.close()
    await server.wait_closed()


@program
async def a_server_that_is_closed(stage: Stage) -> None:
    pair = await connected(stage)
    stage.log(f"{pair.server.is_serving()} {len(pair.server.sockets)} {pair.server.get_loop() is not None}")
    pair.server.close()
    pair.server.close()
    stage.log(f"{pair.server.is_serving()} {pair.server.sockets}")
    waiting = asyncio.ensure_future(pair.server.wait_closed())
    waiting.add_done_callback(lambda _: stage.log("closed"))
    pair.client.transport.write(b"works still")
    await stage.until("server data_received b'works still'")
    pair.client.transport.close()
    await waiting
    await pair.end()


@program
async def serving_later(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Talker(stage, "server"), start_serving=False)
    stage.log(f"{server.is_serving()}")
    try:
        await stage.connect(lambda: Talker(stage, "client"), port)
    except ConnectionRefusedError as error:
        stage.log(f"{error!r}")
    await server.start_serving()
    await server.start_serving()
    stage.log(f"{server.is_serving()}")
    transport, _ = await stage.connect(lambda: Talker(stage, "client"), port)
    transport.close()
    await stage.until("server connection_lost None")
    server.close()
    await server.wait_closed()


@program
async def serving_forever(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Talker(stage, "server"))
    task = asyncio.ensure_future(server.serve_forever())
    transport, _ = await stage.connect(lambda: Talker(stage, "client"), port)
    transport.close()
    await stage.until("server connection_lost None")
    try:
        await server.serve_forever()
    except RuntimeError as error:
        stage.log(str(error)[-40:])
    task.cancel()
    stage.log(word((await asyncio.gather(task, return_exceptions=True))[0]))
    stage.log(f"{server.is_serving()}")
    try:
        await server.serve_forever()
    except RuntimeError as error:
        stage.log(str(error)[-10:])
    async with server:
        pass


@program
async def closing_and_aborting_clients(stage: Stage) -> None:
    if sys.version_info < (3, 13):
        stage.log("not there yet")
        return
    for way in ("close_clients", "abort_clients"):
        here = Stage()
        pair = await connected(here)
        pair.server.close()
        getattr(pair.server, way)()
        await pair.server.wait_closed()
        await pair.end()
        stage.lines += here.lines


@program
async def servers_inherit_the_variables_of_who_started_them(stage: Stage) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    class Looking(Talker):
        def log(self, line: str) -> None:
            super().log(f"{line} {variable.get()}")

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            variable.set(data.decode())

    variable.set("server")
    server, port = await stage.serve(lambda: Looking(stage, "server"))
    variable.set("client")
    transport, _ = await stage.connect(lambda: Looking(stage, "client"), port)
    seen = "server"
    for piece in ("1", "2", "3"):
        transport.write(piece.encode())
        await stage.until(f"server data_received {piece.encode()!r} {seen}")
        seen = piece
    transport.close()
    await stage.until("client connection_lost None client")
    while not any(line.startswith("server connection_lost") for line in stage.lines):
        await asyncio.sleep(0)
    server.close()
    await server.wait_closed()


# -- errors of connecting ------------------------------------------------------------------------


@program
async def refused_and_taken(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server, port = await stage.serve(lambda: Talker(stage, "server"))
    try:
        await loop.create_server(lambda: Talker(stage, "other"), "127.0.0.1", port)
    except OSError as error:
        stage.log(f"{error!r}")
    server.close()
    await server.wait_closed()
    for options in ({}, {"all_errors": True}) if sys.version_info >= (3, 12) else ({},):
        try:
            await loop.create_connection(lambda: Talker(stage, "client"), "127.0.0.1", port, **options)
        except (OSError, ExceptionGroup) as error:
            stage.log(f"{error!r}")


@program
async def wrong_arguments(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    import socket

    sock = socket.socket()
    sock.close()
    for options in (
        {},
        {"host": "127.0.0.1", "port": 1, "sock": sock},
        {"host": "127.0.0.1", "port": 1, "server_hostname": "x"},
        {"host": "127.0.0.1", "port": 1, "ssl_handshake_timeout": 1},
    ):
        try:
            await loop.create_connection(asyncio.Protocol, **options)
        except ValueError as error:
            stage.log(str(error))
    for options in (
        {},
        {"host": "127.0.0.1", "port": 1, "sock": sock},
        {"host": "127.0.0.1", "port": 1, "ssl_handshake_timeout": 1},
    ):
        try:
            await loop.create_server(asyncio.Protocol, **options)
        except ValueError as error:
            stage.log(str(error))
    try:
        await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=True)
    except TypeError as error:
        stage.log(str(error))


# -- streams, sockets, files ---------------------------------------------------------------------


@program
async def stream_reading(stage: Stage) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stage.log(f"{await reader.readline()!r}")
        stage.log(f"{await reader.readuntil(b';')!r}")
        stage.log(f"{await reader.readexactly(3)!r}")
        try:
            await reader.readexactly(10)
        except asyncio.IncompleteReadError as error:
            stage.log(f"{error}")
        writer.writelines([b"ok", b"!"])
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    writer.write(b"line\nun")
    await writer.drain()
    writer.write(b"til;12345")
    writer.write_eof()
    stage.log(f"{await reader.read()!r} {reader.at_eof()}")
    writer.close()
    await writer.wait_closed()
    server.close()
    await server.wait_closed()


@program
async def a_socket_that_the_program_made(stage: Stage) -> None:
    import socket

    loop = asyncio.get_running_loop()
    server, port = await stage.serve(lambda: Echo(stage, "server"))
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await loop.sock_connect(sock, ("127.0.0.1", port))
    transport, _ = await loop.create_connection(lambda: Talker(stage, "client"), sock=sock)
    transport.write(b"x")
    await stage.until("client data_received b'x'")
    transport.close()
    await stage.until("server connection_lost None")
    await stage.until("client connection_lost None")
    stage.log(f"closed {sock.fileno()}")
    server.close()
    await server.wait_closed()


@program
async def the_functions_for_sockets(stage: Stage) -> None:
    import socket

    loop = asyncio.get_running_loop()
    server, port = await stage.serve(lambda: Echo(stage, "server", payload=False))
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, b"hello")
        stage.log(f"{await loop.sock_recv(sock, 2)!r}")
        buffer = bytearray(10)
        stage.log(f"{await loop.sock_recv_into(sock, buffer)} {bytes(buffer)!r}")
        transport, _ = await loop.create_connection(lambda: Talker(stage, "client"), sock=sock)
        transport.close()
        await stage.until("server connection_lost None")
    server.close()
    await server.wait_closed()


@program
async def what_a_transport_knows(stage: Stage) -> None:
    import socket

    pair = await connected(stage)
    for protocol in (pair.client, pair.accepted):
        info = protocol.transport.get_extra_info
        stage.log(f"{info('sockname')[0]} {info('peername')[0]} {info('sslcontext')} {info('x', 'default')}")
        sock = info("socket")
        stage.log(f"{sock.family!r} {sock.type!r} {sock.proto} {sock.gettimeout()}")
        stage.log(f"{sock.getsockname() == info('sockname')} {sock.getpeername() == info('peername')}")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE), (socket.IPPROTO_TCP, socket.TCP_NODELAY)]
        options += [(socket.SOL_SOCKET, socket.SO_ERROR), (socket.SOL_SOCKET, socket.SO_TYPE)]
        stage.log(f"{[sock.getsockopt(*option) for option in options]} {sock.getsockopt(*options[0], 4)!r}")
        for call in (lambda sock=sock: sock.settimeout(1), lambda sock=sock: sock.setblocking(True)):
            try:
                call()
            except ValueError as error:
                stage.log(str(error))
    ours = pair.client.transport.get_extra_info("sockname")
    stage.log(f"{ours == pair.accepted.transport.get_extra_info('peername')}")
    pair.client.transport.close()
    await pair.end()


@program
async def sending_a_file(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    pair = await connected(stage, server=lambda: Talker(stage, "server", payload=False))
    with tempfile.TemporaryFile() as file:
        file.write(bytes(3_000_000))
        sent = await loop.sendfile(pair.client.transport, file, 1000, 2_000_000)
        stage.log(f"sent {sent} at {file.tell()}")
        sent = await loop.sendfile(pair.client.transport, file, 2_999_999)
        stage.log(f"sent {sent} at {file.tell()}")
        pair.client.transport.write(b"!")
        pair.client.transport.close()
        try:
            await loop.sendfile(pair.client.transport, file)
        except RuntimeError as error:
            stage.log(str(error))
    await pair.end()
    stage.log(f"received {pair.accepted.received}")


@program
async def sending_a_file_wrongly(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    pair = await connected(stage)
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile("w") as text:
        for arguments in ((text,), (file, -1), (file, 0, 0)):
            try:
                await loop.sendfile(pair.client.transport, *arguments)
            except (ValueError, RuntimeError) as error:
                stage.log(str(error))
        stage.log(f"sent {await loop.sendfile(pair.client.transport, file)}")
    pair.client.transport.close()
    await pair.end()


@program
async def much_through_the_functions_for_sockets(stage: Stage) -> None:
    import socket

    loop = asyncio.get_running_loop()
    server, port = await stage.serve(lambda: Talker(stage, "server", payload=False))
    with socket.socket() as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.sock_sendall(sock, bytearray(BIG))
        transport, _ = await loop.create_connection(lambda: Talker(stage, "client"), sock=sock)
        transport.close()
        await stage.until("server connection_lost None")
    server.close()
    await server.wait_closed()


@program
async def iterations(stage: Stage) -> None:
    """How many iterations of the loop lie between what is done and what comes of it."""
    loop = asyncio.get_running_loop()
    running = True

    def tick() -> None:
        if running:
            stage.lines.append("tick")
            loop.call_soon(tick)

    tick()
    pair = await connected(stage, server=lambda: Echo(stage, "server"))
    pair.client.transport.write(b"x")
    await stage.until("client data_received b'x'")
    pair.client.transport.pause_reading()
    pair.client.transport.write(b"y")
    for _ in range(4):
        await asyncio.sleep(0)
    pair.client.transport.resume_reading()
    await stage.until("client data_received b'y'")
    pair.client.transport.close()
    await pair.end()
    running = False


# -- the test ------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", program)
def test_the_same_events_as_on_the_stock_loop(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)
