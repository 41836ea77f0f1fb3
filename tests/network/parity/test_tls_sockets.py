"""TLS over sockets that a program makes itself, `SSLContext.wrap_socket`: here and on the stock loop."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import pytest
import trustme
from parity import Programs, Stage, check_same, tried, word

program = Programs()

MUCH = 3_000_000


@cache
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.RSA)


@cache
def serving() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority().issue_cert("localhost", key_type=trustme.KeyType.RSA).configure_cert(context)
    context.set_alpn_protocols(["tea"])
    return context


@cache
def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    context.set_alpn_protocols(["milk", "tea"])
    return context


@contextmanager
def joined() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Gives both ends of a connection, which do not block."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setblocking(False)
        client = stack.enter_context(socket.socket())
        client.setblocking(False)
        assert client.connect_ex(listener.getsockname())
        yield client, listener


async def accepted(client: socket.socket, listener: socket.socket) -> socket.socket:
    loop = asyncio.get_running_loop()
    server, _ = await loop.sock_accept(listener)
    await ready(client, write=True)
    assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    return server


async def ready(sock: socket.socket, *, write: bool = False) -> None:
    """Waits until a socket can be read, or written."""
    loop = asyncio.get_running_loop()
    told = loop.create_future()
    number = sock.fileno()
    watch, leave = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    watch(number, lambda: told.done() or told.set_result(None))
    try:
        await told
    finally:
        leave(number)


async def until_done(sock: ssl.SSLSocket, call: Callable[..., Any], *args: Any) -> Any:
    """Repeats a call for as long as it would have to wait."""
    while True:
        try:
            return call(*args)
        except ssl.SSLWantReadError:
            await ready(sock)
        except ssl.SSLWantWriteError:
            await ready(sock, write=True)


async def shaken(
    client: socket.socket,
    server: socket.socket,
    here: ssl.SSLContext | None = None,
    hostname: str = "localhost",
) -> tuple[ssl.SSLSocket, ssl.SSLSocket]:
    """Secures both ends, and waits until each has shaken hands, or has failed."""
    one = (here or trusting()).wrap_socket(client, server_hostname=hostname, do_handshake_on_connect=False)
    other = serving().wrap_socket(server, server_side=True, do_handshake_on_connect=False)
    results = await asyncio.gather(
        until_done(one, one.do_handshake), until_done(other, other.do_handshake), return_exceptions=True
    )
    for result in results:
        if result is not None:
            one.close()
            other.close()
            raise result
    return one, other


async def sent(sock: ssl.SSLSocket, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[await until_done(sock, sock.send, view) :]


async def received(sock: ssl.SSLSocket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = await until_done(sock, sock.recv, count - len(data))
        if not piece:
            break
        data += piece
    return data


@program
async def what_a_connection_says_of_itself(stage: Stage) -> None:
    with joined() as (client, listener):
        one, other = await shaken(client, await accepted(client, listener))
        with one, other:
            stage.log(f"client's own object: {client.fileno()}")
            for name, sock in (("client", one), ("server", other)):
                stage.log(
                    f"{name} {type(sock).__name__} {isinstance(sock, ssl.SSLSocket)} {sock.gettimeout()}"
                )
                stage.log(f"{name} {sock.version()} {sock.cipher()} {sock.compression()} {sock.pending()}")
                stage.log(f"{name} {sock.selected_alpn_protocol()} {sock.server_side} {sock.session_reused}")
            stage.log(str(one.getpeercert()["subjectAltName"]))  # type: ignore[index]
            stage.log(str(len(one.getpeercert(binary_form=True) or b"") > 100))
            stage.log(str(other.getpeercert()))
            stage.log(str(len(one.get_channel_binding() or b"")))
            tried(stage, "dup", one.dup)
            tried(stage, "recvfrom", lambda: one.recvfrom(1))
            tried(stage, "flags", lambda: one.recv(1, socket.MSG_PEEK))


@program
async def bytes_go_both_ways(stage: Stage) -> None:
    with joined() as (client, listener):
        one, other = await shaken(client, await accepted(client, listener))
        with one, other:
            tried(stage, "nothing is there", lambda: other.recv(10))
            await sent(one, b"hello")
            stage.log(repr(await received(other, 3)))
            stage.log(f"pending {other.pending()}")
            buffer = bytearray(10)
            count = await until_done(other, other.recv_into, buffer)
            stage.log(f"{count} {bytes(buffer[:count])!r}")
            await sent(other, b"good day")
            stage.log(repr(await until_done(one, one.read, 4)))
            stage.log(repr(await until_done(one, one.read)))


@program
async def a_poll_tells_of_each_record(stage: Stage) -> None:
    with joined() as (client, listener):
        one, other = await shaken(client, await accepted(client, listener))
        with one, other:
            for word in (b"tea", b"milk", b"sugar"):
                await sent(one, word)
            for _ in range(3):
                await ready(other)
                stage.log(repr(other.recv(100)))


@program
async def many_bytes_arrive_in_order(stage: Stage) -> None:
    data = bytes(range(250)) * (MUCH // 250)
    with joined() as (client, listener):
        one, other = await shaken(client, await accepted(client, listener))
        with one, other:
            _, got, _, back = await asyncio.gather(
                sent(one, data), received(other, MUCH), sent(other, data), received(one, MUCH)
            )
            stage.log(f"{got == data} {back == data}")


@program
async def a_full_socket_does_not_take_more(stage: Stage) -> None:
    with joined() as (client, listener):
        one, other = await shaken(client, await accepted(client, listener))
        with one, other:
            total = 0
            piece = bytes(100_000)
            try:
                while True:
                    total += one.send(piece)
            except ssl.SSLWantWriteError as error:
                stage.log(word(error))
            rest = asyncio.ensure_future(sent(one, piece))
            stage.log(str(await received(other, total + 100_000) == bytes(total + 100_000)))
            await rest


@program
async def both_say_goodbye(stage: Stage) -> None:
    with joined() as (client, listener):
        one, other = await shaken(client, await accepted(client, listener))
        with one, other:
            goodbye = asyncio.ensure_future(until_done(one, one.unwrap))
            stage.log(repr(await until_done(other, other.recv, 10)))
            plain = await until_done(other, other.unwrap)
            left = await goodbye
            stage.log(f"{type(left).__name__} {left is one} {plain is other}")
            tried(stage, "version", one.version)
            left.send(b"in the clear")
            await ready(plain)
            stage.log(repr(plain.recv(100)))


@program
async def an_end_without_a_goodbye(stage: Stage) -> None:
    with joined() as (client, listener):
        one, other = await shaken(client, await accepted(client, listener))
        with one, other:
            await sent(other, b"x")
            await received(one, 1)  # and what else the server has said
            one.close()
            stage.log(repr(await until_done(other, other.recv, 10)))
            tried(stage, "closed", lambda: one.recv(1))
            tried(stage, "closed", lambda: one.send(b"x"))


@program
async def a_certificate_that_is_not_trusted(stage: Stage) -> None:
    with joined() as (client, listener):
        server = await accepted(client, listener)
        with server:
            await stage.raises("handshake", shaken(client, server, ssl.create_default_context()))


@program
async def a_certificate_of_somebody_else(stage: Stage) -> None:
    with joined() as (client, listener):
        server = await accepted(client, listener)
        with server:
            await stage.raises("handshake", shaken(client, server, hostname="example.org"))


@program
async def who_speaks_no_tls(stage: Stage) -> None:
    with joined() as (client, listener):
        server = await accepted(client, listener)
        other = serving().wrap_socket(server, server_side=True, do_handshake_on_connect=False)
        with other:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            await stage.raises("server", until_done(other, other.do_handshake))


@program
async def what_cannot_be_wrapped(stage: Stage) -> None:
    with joined() as (client, listener):
        server = await accepted(client, listener)
        with server:
            tried(stage, "no name", lambda: trusting().wrap_socket(client))
            tried(
                stage,
                "handshake at once",
                lambda: trusting().wrap_socket(client, server_hostname="localhost"),
            )


@program
async def one_that_is_not_connected_yet(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        fresh = socket.socket()
        fresh.setblocking(False)
        one = trusting().wrap_socket(fresh, server_hostname="localhost", do_handshake_on_connect=False)
        with one:
            stage.log(f"{one.version()} {one.cipher()}")
            loop = asyncio.get_running_loop()
            stage.log(str(one.connect_ex(listener.getsockname()) in (0, 115)))
            server, _ = await loop.sock_accept(listener)
            other = serving().wrap_socket(server, server_side=True, do_handshake_on_connect=False)
            with other:
                await ready(one, write=True)
                tried(stage, "again", lambda: one.connect_ex(listener.getsockname()))
                await asyncio.gather(until_done(one, one.do_handshake), until_done(other, other.do_handshake))
                await sent(one, b"tea")
                stage.log(repr(await received(other, 3)))


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("leftovers_collected")
@pytest.mark.parametrize("name", program)
def test_tls_over_a_socket(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)
