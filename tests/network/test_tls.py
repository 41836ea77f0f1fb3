"""TLS: the same events as on the stock loop, certificates that clients trust, and real libraries."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import interlace
from interlace.backends.aio.loop import Loop
from interlace.errors import UsageError
from interlace.sim.network.certificates import Authority
from interlace.sim.world import World

MADE_BEFORE = ssl.create_default_context()
"""As clients do that make their context when they are imported."""

Program = Callable[["Sides"], Awaitable[None]]
PROGRAMS: dict[str, Program] = {}


def program(function: Program) -> Program:
    PROGRAMS[function.__name__] = function
    return function


def word(error: BaseException | None) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{type(error).__name__} {error.reason}"
    return "None" if error is None else type(error).__name__


class Talker(asyncio.Protocol):
    """Logs what happens to its side."""

    transport: Any

    def __init__(self, log: list[str], answer: Callable[[Any, bytes], None] | None = None) -> None:
        self.log = log
        self.answer = answer
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.log.append("connection_made")

    def data_received(self, data: bytes) -> None:
        self.log.append(f"data_received {data[:20]!r} {len(data)}")
        if self.answer is not None:
            self.answer(self.transport, data)

    def eof_received(self) -> bool:
        self.log.append("eof_received")
        return False

    def connection_lost(self, error: BaseException | None) -> None:
        self.log.append(f"connection_lost {word(error)}")
        self.over.set_result(None)


class Sides:
    """A TLS server on loopback, a client, and what each of them saw."""

    def __init__(self) -> None:
        self.client: list[str] = []
        self.server: list[str] = []
        self.talkers: list[Talker] = []
        self.listening: Any = None
        self.port = 0

    async def serve(self, answer: Any = None, context: Any = None, **options: Any) -> None:
        def factory() -> Talker:
            self.talkers.append(Talker(self.server, answer))
            return self.talkers[-1]

        context = context or Authority().context("localhost", "127.0.0.1")
        loop = asyncio.get_running_loop()
        self.listening = await loop.create_server(factory, "127.0.0.1", 0, ssl=context, **options)
        self.port = self.listening.sockets[0].getsockname()[1]

    async def connect(self, context: Any = None, **options: Any) -> Talker:
        if context is None:
            context = ssl.create_default_context()
            Authority().trust(context)
        _, talker = await asyncio.get_running_loop().create_connection(
            lambda: Talker(self.client), "127.0.0.1", self.port, ssl=context, **options
        )
        return talker

    async def end(self) -> None:
        for talker in self.talkers:
            await talker.over
        self.listening.close()
        await self.listening.wait_closed()


@program
async def an_echo_and_a_goodbye(sides: Sides) -> None:
    await sides.serve(lambda transport, data: transport.write(data.upper()))
    client = await sides.connect()
    client.transport.write(b"hello")
    while len(sides.client) < 2:
        await asyncio.sleep(0)
    client.transport.close()
    await client.over
    await sides.end()


@program
async def the_server_says_goodbye(sides: Sides) -> None:
    def answer(transport: Any, data: bytes) -> None:
        transport.write(b"bye")
        transport.close()

    await sides.serve(answer)
    client = await sides.connect()
    client.transport.writelines([b"a", b"b"])
    await client.over
    await sides.end()


@program
async def what_is_known_of_the_connection(sides: Sides) -> None:
    await sides.serve()
    client = await sides.connect(server_hostname="localhost")
    info = client.transport.get_extra_info
    sides.client += [
        str(info("cipher")),
        str(info("compression")),
        str(info("peercert")["subjectAltName"]),
        str(info("ssl_object").version()),
        str(isinstance(info("sslcontext"), ssl.SSLContext)),
        str(info("peername") == ("127.0.0.1", sides.port)),
        str(info("nothing", "default")),
        str(client.transport.is_closing()),
        str(client.transport.can_write_eof()),
        str(client.transport.is_reading()),
    ]
    client.transport.close()
    await client.over
    await sides.end()


@program
async def a_stranger_s_certificate(sides: Sides) -> None:
    await sides.serve(context=Authority("a stranger").context("127.0.0.1"))
    try:
        await sides.connect()
    except ssl.SSLError as error:
        sides.client.append(f"{type(error).__name__} {error.reason} {error.verify_message}")
    sides.listening.close()


@program
async def another_name(sides: Sides) -> None:
    await sides.serve()
    try:
        await sides.connect(server_hostname="example.com")
    except ssl.SSLError as error:
        sides.client.append(f"{type(error).__name__} {error.verify_message}")
    sides.listening.close()


@program
async def nobody_asks_for_the_certificate(sides: Sides) -> None:
    await sides.serve(context=Authority("a stranger").context("127.0.0.1"))
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    client = await sides.connect(context)
    client.transport.close()
    await client.over
    await sides.end()


@program
async def plain_text_where_tls_is_spoken(sides: Sides) -> None:
    await sides.serve()
    reader, writer = await asyncio.open_connection("127.0.0.1", sides.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    try:
        answer = await reader.read()
    except ConnectionResetError:
        answer = b""
    sides.client.append(str(answer[:3] == b"\x15\x03\x01" or not answer))
    writer.close()
    sides.listening.close()


@program
async def tls_where_plain_text_is_spoken(sides: Sides) -> None:
    async def serve(reader: Any, writer: Any) -> None:
        await reader.read(10)
        writer.write(b"220 smtp.example.com ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    sides.port = server.sockets[0].getsockname()[1]
    try:
        await sides.connect()
    except ssl.SSLError as error:
        sides.client.append(f"{type(error).__name__} {error.reason}")
    server.close()


@program
async def a_peer_that_hangs_up_in_the_handshake(sides: Sides) -> None:
    async def serve(reader: Any, writer: Any) -> None:
        await reader.read(10)
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    sides.port = server.sockets[0].getsockname()[1]
    try:
        await sides.connect()
    except OSError as error:
        sides.client.append(type(error).__name__)
    server.close()


@program
async def megabytes_both_ways(sides: Sides) -> None:
    async def serve(reader: Any, writer: Any) -> None:
        data = await reader.readexactly(2_000_000)
        sides.server.append(str(len(data)))
        writer.write(data[::-1])
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=Authority().context("127.0.0.1"))
    port = server.sockets[0].getsockname()[1]
    context = ssl.create_default_context()
    Authority().trust(context)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    sent = bytes(range(250)) * 8_000
    writer.write(sent)
    await writer.drain()
    got = await reader.read()
    sides.client.append(str(got == sent[::-1]))
    writer.close()
    server.close()


@program
async def plain_first_and_then_tls(sides: Sides) -> None:
    async def serve(reader: Any, writer: Any) -> None:
        sides.server.append(str(await reader.readline()))
        writer.write(b"220 go ahead\n")
        await writer.drain()
        await writer.start_tls(Authority().context("127.0.0.1"))
        line = await reader.readline()
        sides.server.append(str(line))
        writer.write(line.upper())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    context = ssl.create_default_context()
    Authority().trust(context)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"STARTTLS\n")
    sides.client.append(str(await reader.readline()))
    await writer.start_tls(context, server_hostname="127.0.0.1")
    writer.write(b"secret\n")
    sides.client.append(str(await reader.readline()))
    sides.client.append(str(writer.get_extra_info("ssl_object") is not None))
    writer.close()
    server.close()


@program
async def a_file_through_tls(sides: Sides) -> None:
    import tempfile

    loop = asyncio.get_running_loop()
    await sides.serve()
    client = await sides.connect()
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 70_000)
        sides.client.append(str(await loop.sendfile(client.transport, file, 10, 60_000)))
        try:
            await loop.sendfile(client.transport, file, fallback=False)
        except RuntimeError as error:
            sides.client.append(type(error).__name__)
    client.transport.close()
    await client.over
    await sides.end()


@program
async def arguments_that_do_not_fit(sides: Sides) -> None:
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context()
    attempts: list[Callable[[], Awaitable[Any]]] = [
        lambda: loop.create_connection(asyncio.Protocol, "127.0.0.1", 1, server_hostname="x"),
        lambda: loop.create_connection(asyncio.Protocol, ssl=context),
        lambda: loop.create_connection(asyncio.Protocol, "127.0.0.1", 1, ssl_shutdown_timeout=1),
        lambda: loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=True),
        lambda: loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl_handshake_timeout=1),
        lambda: loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context, ssl_handshake_timeout=-1),
    ]
    for attempt in attempts:
        try:
            server = await attempt()
        except (ValueError, TypeError) as error:
            sides.client.append(f"{type(error).__name__}: {error}")
        else:
            server.close()


def log_of(function: Program, loop: asyncio.AbstractEventLoop) -> tuple[list[str], list[str]]:
    sides = Sides()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().set_exception_handler(lambda loop, context: None)
        runner.run(asyncio.wait_for(function(sides), 60))  # type: ignore[arg-type]
    return sides.client, sides.server


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", PROGRAMS)
def test_both_sides_see_what_they_see_on_the_stock_loop(name: str) -> None:
    stock = log_of(PROGRAMS[name], asyncio.new_event_loop())
    ours = log_of(PROGRAMS[name], Loop(World(), records=False))
    assert ours == stock
    assert stock[0] or stock[1]


# -- the authority of a world ----------------------------------------------------------------------


async def greeted(world: interlace.World, client: ssl.SSLContext | bool, **tls: Any) -> bytes:
    """Asks a TLS server on a host of its own for a line."""
    shop = world.host("shop.example")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    with shop.here():
        server = await asyncio.start_server(serve, "shop.example", 443, ssl=shop.tls(**tls))
    try:
        reader, writer = await asyncio.open_connection("shop.example", 443, ssl=client)
        writer.write(b"hello\n")
        try:
            return await reader.readline()
        finally:
            writer.close()
    finally:
        server.close()


@pytest.mark.parametrize("context", [MADE_BEFORE, True], ids=["made before", "asyncio's own"])
def test_clients_trust_the_hosts_of_the_world(context: ssl.SSLContext | bool) -> None:
    async def main(world: interlace.World) -> bytes:
        return await greeted(world, context)

    assert interlace.run(main).value == b"HELLO\n"


def test_a_host_can_be_one_that_nobody_trusts() -> None:
    async def main(world: interlace.World) -> bytes:
        return await greeted(world, MADE_BEFORE, trusted=False)

    error = interlace.run(main).error
    assert isinstance(error, ssl.SSLCertVerificationError)


def test_other_threads_trust_whom_they_did() -> None:
    """They may well talk to the real world."""

    def trusted() -> int:
        context = ssl.create_default_context()
        before = context.cert_store_stats()["x509"]
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="shop.example")
        return context.cert_store_stats()["x509"] - before

    async def main(world: interlace.World) -> tuple[int, int]:
        world.host("shop.example").tls()
        return trusted(), await asyncio.to_thread(trusted)

    assert interlace.run(main).value == (1, 0)


def test_trust_ends_with_the_run() -> None:
    before = ssl.SSLContext.wrap_bio

    async def main(world: interlace.World) -> bytes:
        assert ssl.SSLContext.wrap_bio is before
        world.host("a").tls()
        assert ssl.SSLContext.wrap_bio is not before
        return b""

    assert interlace.run(main).error is None
    assert ssl.SSLContext.wrap_bio is before


def test_a_handshake_takes_the_same_steps_in_every_run_and_under_many_schedules() -> None:
    async def main(world: interlace.World) -> None:
        assert await greeted(world, MADE_BEFORE) == b"HELLO\n"

    assert len({interlace.run(main).trace_hash for _ in range(5)}) == 1
    for order in ("realistic", "any"):
        result = interlace.explore(main, schedules=50, order=order)  # type: ignore[arg-type]
        assert result.failure is None, result.report()


@pytest.mark.parametrize("starts_plain", [False, True])
def test_all_that_tls_does_are_steps_of_its_connection(starts_plain: bool) -> None:
    """Else `any` could have them overtake what came before them on the same connection."""

    async def main(world: interlace.World) -> None:
        if not starts_plain:
            await greeted(world, MADE_BEFORE)
            return
        shop = world.host("shop.example")

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            await writer.start_tls(shop.tls())
            writer.write(b"hello\n")
            await writer.drain()
            writer.close()

        with shop.here():
            server = await asyncio.start_server(serve, "shop.example", 25)
        reader, writer = await asyncio.open_connection("shop.example", 25)
        writer.write(b"STARTTLS\n")
        await reader.readline()
        await writer.start_tls(MADE_BEFORE, server_hostname="shop.example")
        assert await reader.readline() == b"hello\n"
        writer.close()
        server.close()
        await asyncio.sleep(1)

    outcome = interlace.run(main)
    assert outcome.error is None
    of_the_loop = {event.label for event in outcome.trace if event.actor == "loop"}
    own = ("SSLProtocol", "StreamTransport", "StreamReaderProtocol.connection_lost")
    assert not [label for label in of_the_loop if label.startswith(own)]
    # A server that starts TLS one step too late has read the handshake as plain text: `any` shows that.
    order: Any = "realistic" if starts_plain else "any"
    result = interlace.explore(main, schedules=60, order=order)
    assert result.failure is None, result.report()


def test_a_handshake_with_a_peer_that_says_nothing_times_out_in_virtual_time() -> None:
    async def main(world: interlace.World) -> float:
        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(1000)

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        with pytest.raises(ConnectionAbortedError, match="SSL handshake is taking longer than 60.0 seconds"):
            await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=True)
        server.close()
        return asyncio.get_running_loop().time()

    assert interlace.run(main).value == 60


def test_without_trustme_the_install_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from interlace.sim.network import certificates

    monkeypatch.setitem(sys.modules, "trustme", None)
    monkeypatch.setattr(certificates, "_authority", certificates._authority.__wrapped__)
    monkeypatch.setattr(certificates, "_certificate", certificates._certificate.__wrapped__)

    async def main(world: interlace.World) -> None:
        world.host("a").tls()

    error = interlace.run(main).error
    assert isinstance(error, UsageError)
    assert str(error).endswith("pip install 'interlace[tls]'")


# -- real clients and servers ----------------------------------------------------------------------


async def aiohttp_on_both_sides(world: interlace.World) -> str:
    aiohttp = pytest.importorskip("aiohttp")
    from aiohttp import web

    async def greet(request: Any) -> Any:
        return web.Response(text=f"{request.scheme} {request.secure}")

    app = web.Application()
    app.router.add_get("/", greet)
    shop = world.host("shop.example")
    runner = web.AppRunner(app)
    await runner.setup()
    with shop.here():
        await web.TCPSite(runner, "shop.example", 443, ssl_context=shop.tls()).start()
    async with aiohttp.ClientSession() as session:
        async with session.get("https://shop.example/") as response:
            text: str = await response.text()
    await runner.cleanup()
    return text


async def httpx_and_uvicorn(world: interlace.World) -> str:
    httpx, uvicorn = pytest.importorskip("httpx"), pytest.importorskip("uvicorn")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["scheme"].encode()})

    shop = world.host("shop.example")
    config = uvicorn.Config(app, host="shop.example", port=443, lifespan="off", log_config=None)
    config.load()
    config.ssl = shop.tls()
    config.ssl_certfile = "in memory"
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    with shop.here():
        await server.startup()
    async with httpx.AsyncClient() as client:
        response = await client.get("https://shop.example/")
    for one in server.servers:
        one.close()
    text: str = response.text
    return text


async def websockets_on_both_sides(world: interlace.World) -> str:
    pytest.importorskip("websockets")
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve

    async def echo(connection: Any) -> None:
        async for message in connection:
            await connection.send(message.upper())

    shop = world.host("shop.example")
    with shop.here():
        server = await serve(echo, "shop.example", 443, ssl=shop.tls())
    async with connect("wss://shop.example/") as client:
        await client.send("hello")
        answer: str = await client.recv()
    server.close()
    await server.wait_closed()
    return answer


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("main", "answer"),
    [
        (aiohttp_on_both_sides, "https True"),
        (httpx_and_uvicorn, "https"),
        (websockets_on_both_sides, "HELLO"),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_real_clients_and_servers(main: Any, answer: str) -> None:
    outcome = interlace.run(main)
    if outcome.error is not None:
        raise outcome.error
    assert outcome.value == answer
    result = interlace.explore(main, schedules=50)
    assert result.failure is None, result.report()
