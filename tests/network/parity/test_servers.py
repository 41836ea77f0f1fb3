"""Servers, names, files and bad input: what is given and raised, here and on the stock loop."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import ssl
import sys
import tempfile
from typing import Any

import pytest
import trustme
from parity import Echo, Programs, Stage, Talker, check_same, connected, ticks, word

program = Programs()

MUCH = 8 * 1024 * 1024


def taken(stage: Stage, server: Any) -> None:
    """Logs the addresses that a server listens on, without ports."""
    stage.log(f"{sorted((sock.family.name, sock.getsockname()[0]) for sock in server.sockets)}")


# -- servers -------------------------------------------------------------------------------------


@program
async def several_addresses(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Talker(stage, "server"), ["127.0.0.1", "127.0.0.2", "::1"], 0)
    taken(stage, server)
    for sock in server.sockets:
        transport, _ = await loop.create_connection(lambda: Talker(stage, "client"), *sock.getsockname()[:2])
        transport.close()
        await stage.until("server connection_lost", 1 + len(stage.ports))
        stage.ports[len(stage.ports)] = "none"
    server.close()
    await server.wait_closed()
    stage.log(f"{server.sockets}")


@program
async def one_address_twice(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, ["127.0.0.1", "127.0.0.1"], 0)
    taken(stage, server)
    server.close()


@program
async def several_addresses_of_which_one_is_taken(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    first, port = await stage.serve(asyncio.Protocol, host="127.0.0.2")
    await stage.raises("taken", loop.create_server(asyncio.Protocol, ["127.0.0.1", "127.0.0.2"], port))
    second = await loop.create_server(asyncio.Protocol, "127.0.0.1", port)
    taken(stage, second)
    first.close()
    second.close()


@program
async def any_address_of_ipv4(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Talker(stage, "server"), "0.0.0.0", 0)
    taken(stage, server)
    port = stage.port_of(server)
    for host in ("127.0.0.1", "127.0.0.5", "localhost", "0.0.0.0"):
        transport, _ = await loop.create_connection(lambda: Talker(stage, "client"), host, port)
        stage.log(f"{transport.get_extra_info('peername')[0]}")
        transport.abort()
        await ticks(3)
    await stage.raises("taken", loop.create_server(asyncio.Protocol, "127.0.0.1", port))
    server.close()


@program
async def any_address_of_ipv6(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Talker(stage, "server"), None, 0, family=socket.AF_INET6)
    taken(stage, server)
    port = stage.port_of(server)
    transport, _ = await loop.create_connection(lambda: Talker(stage, "client"), "::1", port)
    stage.log(f"{transport.get_extra_info('peername')}")
    await stage.raises("IPv4", loop.create_connection(asyncio.Protocol, "127.0.0.1", port))
    transport.close()
    await stage.until("server connection_lost")
    server.close()


@program
async def one_port_of_both_families(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    first, port = await stage.serve(lambda: Talker(stage, "four"))
    second = await loop.create_server(lambda: Talker(stage, "six"), "::1", port)
    for host, side in (("127.0.0.1", "four"), ("::1", "six")):
        transport, _ = await loop.create_connection(lambda: Talker(stage, "client"), host, port)
        transport.close()
        await stage.until(f"{side} connection_lost")
    first.close()
    second.close()


@program
async def a_port_is_shared_by_those_only_who_all_say_so(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    first, port = await stage.serve(lambda: Talker(stage, "server"), reuse_port=True)
    second, _ = await stage.serve(lambda: Talker(stage, "other"))
    third = await loop.create_server(lambda: Talker(stage, "server"), "127.0.0.1", port, reuse_port=True)
    await stage.raises("stranger", loop.create_server(asyncio.Protocol, "127.0.0.1", port))
    transport, _ = await stage.connect(lambda: Talker(stage, "client"), port)
    transport.close()
    await stage.until("server connection_lost")
    for server in (first, second, third):
        server.close()
        await server.wait_closed()


@program
async def ports_that_are_shared(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    first, port = await stage.serve(lambda: Talker(stage, "server"), reuse_port=True)
    second = await loop.create_server(lambda: Talker(stage, "server"), "127.0.0.1", port, reuse_port=True)
    await stage.raises("not shared", loop.create_server(asyncio.Protocol, "127.0.0.1", port))
    for server in (first, second):
        options = [server.sockets[0].getsockopt(socket.SOL_SOCKET, one) for one in SHARING]
        stage.log(f"{options}")
    first.close()
    transport, _ = await stage.connect(lambda: Talker(stage, "client"), port)
    transport.close()
    await stage.until("server connection_lost")
    second.close()


SHARING = (socket.SO_REUSEADDR, socket.SO_REUSEPORT)


@program
async def options_of_the_listening_socket(stage: Stage) -> None:
    for options in ({}, {"reuse_address": False}, {"reuse_port": True}, {"backlog": 5}):
        server, _ = await stage.serve(asyncio.Protocol, **options)
        sock = server.sockets[0]
        stage.log(f"{options} {[sock.getsockopt(socket.SOL_SOCKET, one) for one in SHARING]}")
        stage.log(f"{sock.type!r} {sock.gettimeout()} {sock.fileno() >= 0}")
        with stage.errors("peer"):
            sock.getpeername()
        server.close()
        await ticks(1)
        stage.log(f"{sock.fileno()}")


@program
async def a_taken_port(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server, port = await stage.serve(asyncio.Protocol)
    for options in ({}, {"reuse_address": False}, {"reuse_port": True}):
        await stage.raises(f"{options}", loop.create_server(asyncio.Protocol, "127.0.0.1", port, **options))
    server.close()
    again = await loop.create_server(asyncio.Protocol, "127.0.0.1", port)
    stage.log("given back")
    again.close()


@program
async def addresses_that_are_not_here(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    await stage.raises("far", loop.create_server(asyncio.Protocol, "203.0.113.7", 4711))
    if sys.version_info >= (3, 13):
        both = await loop.create_server(asyncio.Protocol, ["203.0.113.7", "127.0.0.1"], 0)
        taken(stage, both)
        both.close()
    await stage.raises("family", loop.create_server(asyncio.Protocol, "127.0.0.1", 0, family=socket.AF_INET6))


@program
async def serving_begins_later(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server, port = await stage.serve(lambda: Talker(stage, "server"), start_serving=False)
    stage.log(f"{server.is_serving()} {len(server.sockets)}")
    await stage.raises("early", loop.create_connection(asyncio.Protocol, "127.0.0.1", port))
    task = asyncio.create_task(server.serve_forever())
    await ticks(2)
    stage.log(f"{server.is_serving()}")
    transport, _ = await stage.connect(lambda: Talker(stage, "client"), port)
    transport.close()
    await stage.until("server connection_lost")
    server.close()
    stage.log(word((await asyncio.gather(task, return_exceptions=True))[0]))


@program
async def a_server_that_never_serves(stage: Stage) -> None:
    server, _ = await stage.serve(asyncio.Protocol, start_serving=False)
    server.close()
    await server.wait_closed()
    stage.log(f"{server.is_serving()} {server.sockets}")
    with stage.errors("forever"):
        try:
            await server.serve_forever()
        except RuntimeError as error:
            raise RuntimeError(str(error)[-9:]) from None


@program
async def a_server_as_a_block(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Echo(stage, "server"))
    async with server as same:
        stage.log(f"{same is server} {server.is_serving()} {server.get_loop() is asyncio.get_running_loop()}")
        transport, _ = await stage.connect(lambda: Talker(stage, "client"), port)
        transport.close()
        await stage.until("server connection_lost")
    stage.log(f"{server.is_serving()} {server.sockets}")


@program
async def several_who_wait_for_the_end(stage: Stage) -> None:
    pair = await connected(stage)
    waiting = [asyncio.create_task(pair.server.wait_closed()) for _ in range(3)]
    await ticks(2)
    stage.log(f"{[task.done() for task in waiting]}")
    pair.server.close()
    await ticks(3)
    stage.log(f"{[task.done() for task in waiting]}")
    pair.client.transport.close()
    await stage.until("server connection_lost")
    await asyncio.gather(*waiting)
    await pair.server.wait_closed()


@program
async def closing_in_connection_made(stage: Stage) -> None:
    class Last(Talker):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            server.close()

    server, port = await stage.serve(lambda: Last(stage, "server"))
    transport, _ = await stage.connect(lambda: Talker(stage, "client"), port)
    await stage.until("server connection_made")
    await stage.raises("closed", stage.connect(asyncio.Protocol, port))
    transport.write(b"still open")
    await stage.until("server data_received")
    transport.close()
    await stage.until("server connection_lost")
    await server.wait_closed()


@program
async def clients_are_closed_or_aborted(stage: Stage) -> None:
    if sys.version_info < (3, 13):
        stage.log("not there yet")
        return
    for way in ("close_clients", "abort_clients"):
        here = Stage()
        pair = await connected(here, client=lambda: Talker(here, "client", payload=False))
        pair.client.transport.pause_reading()
        pair.accepted.transport.write(bytes(MUCH))
        getattr(pair.server, way)()
        here.log(f"{way} {pair.server.is_serving()}")
        await ticks(3)
        pair.client.transport.resume_reading()
        await pair.end()
        here.log(f"all of it {pair.client.received == MUCH}")
        stage.lines += here.lines


@program
async def a_bound_socket_is_lent(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    sock = socket.create_server(("127.0.0.1", 0))
    server = await loop.create_server(asyncio.Protocol, sock=sock)
    stage.log(f"{server.sockets[0].getsockname() == sock.getsockname()} {server.is_serving()}")
    server.close()
    await ticks(1)
    stage.log(f"{sock.fileno()}")
    await stage.raises("with a host", loop.create_server(asyncio.Protocol, "127.0.0.1", 0, sock=sock))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        try:
            await loop.create_server(asyncio.Protocol, sock=other)
        except ValueError as error:
            stage.log(str(error)[:30])


# -- connecting ----------------------------------------------------------------------------------


@program
async def connecting_to_closed_ports(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server, port = await stage.serve(asyncio.Protocol)
    server.close()
    await server.wait_closed()
    for host in ("127.0.0.1", "127.0.0.9", "localhost"):
        await stage.raises(host, loop.create_connection(asyncio.Protocol, host, port))
    await stage.raises("::1", loop.create_connection(asyncio.Protocol, "::1", port))
    await stage.raises("streams", asyncio.open_connection("127.0.0.1", port))
    await stage.raises("port 0", loop.create_connection(asyncio.Protocol, "127.0.0.1", 0))


@program
async def all_errors_of_a_connection(stage: Stage) -> None:
    if sys.version_info < (3, 12):
        stage.log("not there yet")
        return
    loop = asyncio.get_running_loop()
    server, port = await stage.serve(asyncio.Protocol)
    server.close()
    for delay in (None, 0.01):
        connect = loop.create_connection(
            asyncio.Protocol, "127.0.0.1", port, all_errors=True, happy_eyeballs_delay=delay
        )
        await stage.raises(f"{delay}", connect)


@program
async def unknown_hosts(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    for host in ("no-such-host.invalid", "also.not.there.invalid"):
        try:
            await loop.create_connection(asyncio.Protocol, host, 80)
        except socket.gaierror as error:
            stage.log(f"{type(error).__name__} {error.errno == socket.EAI_NONAME}")
        try:
            await asyncio.start_server(lambda reader, writer: None, host, 80)
        except socket.gaierror as error:
            stage.log(f"{type(error).__name__} {error.errno == socket.EAI_NONAME}")


@program
async def hosts_and_ports_that_make_no_sense(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    await stage.raises("family", loop.create_connection(asyncio.Protocol, "::1", 1, family=socket.AF_INET))
    await stage.raises("service", loop.create_connection(asyncio.Protocol, "127.0.0.1", "no-such-service"))
    await stage.raises("nothing", loop.create_connection(asyncio.Protocol))
    await stage.raises("name", loop.create_connection(asyncio.Protocol, "a" * 300, 80))


@program
async def local_addresses(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    server, port = await stage.serve(lambda: Talker(stage, "server"))

    def connect(*local: Any) -> Any:
        return loop.create_connection(lambda: Talker(stage, "client"), "127.0.0.1", port, local_addr=local)

    await stage.raises("in use", connect("127.0.0.1", port))
    await stage.raises("not here", connect("203.0.113.7", 0))
    await stage.raises("family", connect("::1", 0))
    transport, _ = await connect("127.0.0.7", 0)
    stage.log(f"{transport.get_extra_info('sockname')[0]}")
    transport.close()
    await stage.until("server connection_lost")
    server.close()


@program
async def a_connection_that_is_given_up(stage: Stage) -> None:
    server, port = await stage.serve(lambda: Talker(stage, "server"))
    task = asyncio.create_task(stage.connect(lambda: Talker(stage, "client"), port))
    await ticks(1)
    task.cancel()
    stage.log(word((await asyncio.gather(task, return_exceptions=True))[0]))
    await asyncio.sleep(0.01)
    transport, _ = await stage.connect(lambda: Talker(stage, "second"), port)
    transport.close()
    await stage.until("second connection_lost")
    await asyncio.sleep(0.01)
    server.close()


@program
async def a_gibibyte_for_a_reader_that_never_reads(stage: Stage) -> None:
    over = asyncio.get_running_loop().create_future()

    async def never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()
        await over
        writer.transport.abort()

    server, port = await stage.serve_streams(never_reads)
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    block = bytes(1 << 20)
    written = 0
    try:
        async with asyncio.timeout(0.5):
            while written < 1 << 30:
                writer.write(block)
                written += len(block)
                await writer.drain()
    except TimeoutError as error:
        stage.log(f"{word(error)} far from all {written < 1 << 26}")
    stage.log(f"little is held {writer.transport.get_write_buffer_size() <= 1 << 20}")
    over.set_result(None)
    await stage.raises("wait_closed", writer.wait_closed())
    server.close()


# -- names ---------------------------------------------------------------------------------------


@program
async def names_of_addresses(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    for address, flags in (
        (("127.0.0.1", 80), 0),
        (("127.0.0.1", 80), numeric),
        (("127.0.0.1", 443), socket.NI_NUMERICHOST),
        (("127.0.0.1", 54321), socket.NI_NUMERICHOST),
        (("::1", 80), numeric),
        (("::1", 80, 0, 0), numeric),
        (("203.0.113.9", 80), numeric),
    ):
        stage.log(f"{address} {await loop.getnameinfo(address, flags)}")
    for wrong in (("localhost", 80), ("127.0.0.1",), ("127.0.0.1", "http"), "127.0.0.1"):
        await stage.raises(f"{wrong}", loop.getnameinfo(wrong))  # type: ignore[arg-type]


@program
async def addresses_of_names(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    for host, port, options in (
        ("127.0.0.1", 80, {}),
        ("127.0.0.1", "http", {"type": socket.SOCK_STREAM}),
        ("127.0.0.1", None, {"type": socket.SOCK_DGRAM}),
        ("::1", 80, {"type": socket.SOCK_STREAM}),
        ("localhost", 80, {"family": socket.AF_INET, "type": socket.SOCK_STREAM}),
        (None, 80, {"family": socket.AF_INET, "type": socket.SOCK_STREAM}),
        (None, 80, {"family": socket.AF_INET, "type": socket.SOCK_STREAM, "flags": socket.AI_PASSIVE}),
        (b"127.0.0.1", b"80", {"proto": socket.IPPROTO_TCP}),
    ):
        stage.log(f"{host} {port} {await loop.getaddrinfo(host, port, **options)}")
    for host, port, options in (
        ("localhost", 80, {"flags": socket.AI_NUMERICHOST}),
        ("127.0.0.1", "no-such-service", {}),
        ("127.0.0.1", 80, {"family": socket.AF_INET6}),
        (None, None, {}),
        ("no-such-host.invalid", 80, {}),
    ):
        await stage.raises(f"{host} {port}", loop.getaddrinfo(host, port, **options))


# -- files ---------------------------------------------------------------------------------------


@program
async def parts_of_a_file(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    pair = await connected(stage)
    with tempfile.TemporaryFile() as file:
        file.write(b"0123456789")
        file.flush()
        for offset, count in ((0, None), (3, 4), (8, 100), (10, None), (50, 2)):
            sent = await loop.sendfile(pair.client.transport, file, offset, count)
            stage.log(f"sent {sent} at {file.tell()}")
            await ticks(3)
    pair.client.transport.close()
    await pair.end()


@program
async def a_file_that_is_none(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    pair = await connected(stage)
    file = io.BytesIO(b"in memory")
    stage.log(f"sent {await loop.sendfile(pair.client.transport, file, 3)}")
    await stage.raises("no fallback", loop.sendfile(pair.client.transport, file, fallback=False))
    pair.client.transport.close()
    await pair.end()


@program
async def a_file_between_two_writes(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    pair = await connected(stage, server=lambda: Talker(stage, "server", payload=False))
    with tempfile.TemporaryFile() as file:
        file.write(bytes(MUCH))
        pair.client.transport.write(b"before")
        task = asyncio.create_task(loop.sendfile(pair.client.transport, file))
        await ticks(1)
        with stage.errors("write"):
            pair.client.transport.write(b"in between")
        with stage.errors("writelines"):
            pair.client.transport.writelines([b"in between"])
        stage.log(f"sent {await task} reading {pair.client.transport.is_reading()}")
        pair.client.transport.write(b"after")
    pair.client.transport.close()
    await pair.end()
    stage.log(f"received {pair.accepted.received}")


@program
async def a_file_for_somebody_who_leaves(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    pair = await connected(stage, server=lambda: Talker(stage, "server", payload=False))
    pair.accepted.transport.pause_reading()
    with tempfile.TemporaryFile() as file:
        file.write(bytes(4 * MUCH))
        task = asyncio.create_task(loop.sendfile(pair.client.transport, file))
        await asyncio.sleep(0.02)
        pair.accepted.transport.abort()
        error = (await asyncio.gather(task, return_exceptions=True))[0]
        stage.log(f"{isinstance(error, ConnectionError)}")
    await stage.until("server connection_lost")
    pair.client.transport.abort()
    await pair.end()


@program
async def a_file_that_is_given_up(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    pair = await connected(stage, server=lambda: Talker(stage, "server", payload=False))
    pair.accepted.transport.pause_reading()
    with tempfile.TemporaryFile() as file:
        file.write(bytes(4 * MUCH))
        await stage.raises("in time", asyncio.wait_for(loop.sendfile(pair.client.transport, file), 0.05))
        stage.log(f"reading {pair.client.transport.is_reading()}")
    pair.client.transport.abort()
    pair.accepted.transport.resume_reading()
    await pair.end()


@program
async def a_file_in_text_or_after_the_end(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    pair = await connected(stage)
    transport = pair.client.transport
    with tempfile.TemporaryFile("w") as text, open(os.devnull, "rb") as empty:
        await stage.raises("text", loop.sendfile(transport, text))  # type: ignore[arg-type]
        for arguments in ((empty, -1), (empty, 0, -1), (empty, 0, 0), (empty, "1"), (empty, 0, "1")):
            await stage.raises(f"{arguments[1:]}", loop.sendfile(transport, *arguments))
        stage.log(f"{await loop.sendfile(transport, empty)}")
        transport.close()
        await stage.raises("closing", loop.sendfile(transport, empty))
        await pair.end()
        await stage.raises("no transport", loop.sendfile(asyncio.WriteTransport(), empty))


@program
async def a_file_over_tls(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    trusting = ssl.create_default_context()
    ca.configure_trust(trusting)
    pair = await connected(
        stage,
        server=lambda: Talker(stage, "server", payload=False),
        serving={"ssl": context},
        ssl=trusting,
        server_hostname="localhost",
    )
    transport = pair.client.transport
    with tempfile.TemporaryFile() as file:
        file.write(bytes(300_000))
        file.flush()
        stage.log(f"{await loop.sendfile(transport, file, 10, 200_000)} {file.tell()}")
        try:
            await loop.sendfile(transport, file, fallback=False)
        except RuntimeError as error:
            stage.log(str(error).partition("<")[0])
        stage.log(f"{await loop.sendfile(transport, io.BytesIO(b'abc'))}")
    transport.write(b"end")
    transport.close()
    await pair.end()
    stage.log(f"{pair.accepted.received}")


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", program)
def test_servers(name: str, caplog: pytest.LogCaptureFixture) -> None:
    check_same(program[name], caplog)
