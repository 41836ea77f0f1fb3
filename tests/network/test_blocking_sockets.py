"""Sockets that block: in threads of a run, where they wait in virtual time; and libraries that poll or block."""

import asyncio
import select
import selectors
import socket
import ssl
import urllib.request
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import pytest

import interlace
from interlace.errors import BlockingCallWarning, NotSimulated
from interlace.sim.world import World


async def upper(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        await asyncio.sleep(1)
        writer.write(line.upper())
    writer.close()


# -- in threads ------------------------------------------------------------------------------------


def ask(word: bytes) -> bytes:
    """A client as it is written without asyncio."""
    with socket.create_connection(("127.0.0.1", 80), timeout=5) as sock:
        sock.sendall(word + b"\n")
        with sock.makefile("rb") as file:
            return file.readline()


def test_a_thread_waits_for_the_loop_in_virtual_time(drawn: Any) -> None:
    async def main(world: World) -> None:
        async with await asyncio.start_server(upper, "127.0.0.1", 80):
            begun = world.clock.ns
            assert await asyncio.gather(
                asyncio.to_thread(ask, b"hello"), asyncio.to_thread(ask, b"world")
            ) == [b"HELLO\n", b"WORLD\n"]
            assert 1e9 <= world.clock.ns - begun < 3e9

    drawn(main, 20)


def test_a_thread_waits_no_longer_than_it_may(plainly: Any) -> None:
    async def main(world: World) -> None:
        def wait() -> str:
            with socket.create_connection(("127.0.0.1", 80)) as sock:
                sock.settimeout(7.5)
                try:
                    sock.recv(1)
                except TimeoutError as error:
                    return str(error)
            return ""

        kept: list[asyncio.StreamWriter] = []
        async with await asyncio.start_server(lambda reader, writer: kept.append(writer), "127.0.0.1", 80):
            begun = world.clock.ns
            assert await asyncio.to_thread(wait) == "timed out"
            assert world.clock.ns - begun == 7_500_000_000
            kept.pop().close()

    plainly(main)


def test_a_thread_serves_the_loop(plainly: Any) -> None:
    async def main(world: World) -> None:
        listener = socket.create_server(("127.0.0.1", 80))

        def serve() -> None:
            with listener:
                sock, _ = listener.accept()
                with sock:
                    while data := sock.recv(100):
                        sock.sendall(data.upper())

        serving = asyncio.create_task(asyncio.to_thread(serve))
        reader, writer = await asyncio.open_connection("127.0.0.1", 80)
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
        writer.close()
        await serving

    plainly(main)


def test_nobody_listens_for_a_thread(plainly: Any) -> None:
    async def main(world: World) -> None:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(ask, b"hello")

    plainly(main)


def test_a_thread_selects(plainly: Any) -> None:
    async def main(world: World) -> None:
        def wait() -> tuple[int, int]:
            with socket.create_connection(("127.0.0.1", 80)) as sock, selectors.DefaultSelector() as selector:
                selector.register(sock, selectors.EVENT_READ)
                early = len(selector.select(0.25))
                sock.send(b"hello\n")
                late = len(select.select([sock], [], [])[0])
                assert sock.recv(100) == b"HELLO\n"
                return early, late

        async with await asyncio.start_server(upper, "127.0.0.1", 80):
            assert await asyncio.to_thread(wait) == (0, 1)
            assert 1.25e9 <= world.clock.ns < 1.5e9

    plainly(main)


def test_an_http_client_of_the_standard_library_in_a_thread(plainly: Any) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        writer.close()

    async def main(world: World) -> None:
        def get() -> bytes:
            connection = HTTPConnection("127.0.0.1", 80, timeout=3)
            connection.request("GET", "/")
            with connection.getresponse() as response:
                data = response.read()
            connection.close()
            return data

        async with await asyncio.start_server(answer, "127.0.0.1", 80):
            assert await asyncio.to_thread(get) == b"hello"
            with pytest.raises(NotSimulated, match="socket.connect of a blocking socket"):
                urllib.request.urlopen("http://127.0.0.1:80/")

    plainly(main)


# -- in the thread of the loop ---------------------------------------------------------------------


def test_time_passes_while_a_step_selects(plainly: Any) -> None:
    async def main(world: World) -> None:
        with socket.create_server(("127.0.0.1", 80)) as listener:
            with pytest.warns(BlockingCallWarning, match=r"select.select for 2 s"):
                assert select.select([listener], [], [], 2) == ([], [], [])
            assert world.clock.ns == 2_000_000_000
            with pytest.raises(NotSimulated, match="select.select that would have to wait"):
                select.select([listener], [], [])
            poll = select.poll()
            poll.register(listener, select.POLLIN)
            with pytest.warns(BlockingCallWarning, match=r"poll\(\) for 0.5 s"):
                assert poll.poll(500) == []

    plainly(main)


def test_what_is_real_is_left_alone_afterwards(plainly: Any) -> None:
    before = type(select.poll())

    async def main(world: World) -> None:
        assert type(select.poll()) is not before

    plainly(main)
    assert type(select.poll()) is before
    with selectors.DefaultSelector() as selector:
        assert isinstance(selector, selectors.DefaultSelector)

    class Own(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
        def __init__(self, number: int) -> None:
            super().__init__()

    class OwnSocket(socket.socket):
        def __init__(self, number: int, name: str) -> None:
            super().__init__()

    Own(1).close()
    OwnSocket(1, "x").close()


# -- libraries -------------------------------------------------------------------------------------


def test_anyio_over_tcp_and_unix_sockets(drawn: Any, tmp_path: Path) -> None:
    async def handle(stream: anyio.abc.ByteStream) -> None:
        async with stream:
            async for data in stream:
                await stream.send(data.upper())

    async def exchange(stream: anyio.abc.ByteStream) -> None:
        async with stream:
            await stream.send(b"hello")
            got = b""
            while len(got) < 5:
                got += await stream.receive()
            assert got == b"HELLO"
            await stream.send_eof()
            with pytest.raises(anyio.EndOfStream):
                await stream.receive()

    async def main(world: World) -> None:
        path = tmp_path / "socket"
        unix = await anyio.create_unix_listener(path, mode=0o600)
        tcp = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        port = tcp.extra(anyio.abc.SocketAttribute.local_port)
        async with unix, tcp, anyio.create_task_group() as servers:
            servers.start_soon(unix.serve, handle)
            servers.start_soon(tcp.serve, handle)
            async with anyio.create_task_group() as group:
                for _ in range(2):
                    group.start_soon(lambda: unix_client(path))
                    group.start_soon(lambda: tcp_client(port))
            servers.cancel_scope.cancel()

    async def unix_client(path: Path) -> None:
        await exchange(await anyio.connect_unix(path))

    async def tcp_client(port: int) -> None:
        await exchange(await anyio.connect_tcp("127.0.0.1", port))

    drawn(main, 50)


def test_anyio_when_exploring(tmp_path: Path) -> None:
    async def main(world: interlace.World) -> None:
        async def handle(stream: anyio.abc.ByteStream) -> None:
            async with stream:
                await stream.send(await stream.receive())

        async with await anyio.create_unix_listener(tmp_path / "socket") as listener:
            async with anyio.create_task_group() as servers:
                servers.start_soon(listener.serve, handle)
                async with await anyio.connect_unix(tmp_path / "socket") as stream:
                    await stream.send(b"x")
                    assert await stream.receive() == b"x"
                servers.cancel_scope.cancel()

    assert interlace.run(main).error is None
    assert interlace.explore(main, schedules=50).verdict.status == "passed"


def test_a_pool_sees_that_the_server_has_hung_up(plainly: Any) -> None:
    httpcore = pytest.importorskip("httpcore")
    connections = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.readline():
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            if len(connections) == 1:
                asyncio.get_running_loop().call_later(5, writer.close)

    async def main(world: World) -> None:
        async with (
            await asyncio.start_server(answer, "127.0.0.1", 80),
            httpcore.AsyncConnectionPool() as pool,
        ):
            for pause in (1, 10, 1):
                assert (await pool.request("GET", "http://127.0.0.1/")).content == b"hello"
                await asyncio.sleep(pause)
            assert len(connections) == 2
            for writer in connections:
                writer.close()

    plainly(main)


def test_happy_eyeballs_make_sockets_of_their_own(drawn: Any) -> None:
    web = pytest.importorskip("aiohttp.web")
    import aiohttp

    async def hello(request: Any) -> Any:
        return web.Response(text="hello")

    async def main(world: World) -> None:
        made: list[socket.socket] = []

        def make(address: Any) -> socket.socket:
            made.append(socket.socket(address[0], address[1]))
            return made[-1]

        app = web.Application()
        app.router.add_get("/", hello)
        runner = web.AppRunner(app)
        await runner.setup()
        with socket.create_server(("127.0.0.1", 0)) as sock:
            await web.SockSite(runner, sock).start()
            connector = aiohttp.TCPConnector(socket_factory=make)
            async with aiohttp.ClientSession(connector=connector) as session:
                async with session.get(f"http://127.0.0.1:{sock.getsockname()[1]}/") as response:
                    assert await response.text() == "hello"
            await runner.cleanup()
        assert len(made) == 1

    drawn(main, 20)


def test_a_thread_speaks_tls_over_a_socket(drawn: Any) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    def ask(context: ssl.SSLContext) -> tuple[bytes, bytes]:
        with (
            socket.create_connection(("shop", 443)) as plain,
            context.wrap_socket(plain, server_hostname="shop") as secured,
        ):
            secured.sendall(b"tea\n")
            return secured.recv(100), secured.recv(100)

    def refuse() -> str:
        stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with socket.create_connection(("shop", 444)) as plain:
            try:
                stranger.wrap_socket(plain, server_hostname="shop")
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
        return ""

    async def main(world: World) -> None:
        shop = world.network.host("shop")
        with shop.here():
            await asyncio.start_server(shout, "0.0.0.0", 443, ssl=shop.tls())
            await asyncio.start_server(shout, "0.0.0.0", 444, ssl=shop.tls(trusted=False))
        context = ssl.create_default_context()
        asked = await asyncio.gather(*(asyncio.to_thread(ask, context) for _ in range(2)))
        assert asked == [(b"TEA\n", b"")] * 2
        assert "unable to get local issuer" in await asyncio.to_thread(refuse)

    drawn(main, 10)
