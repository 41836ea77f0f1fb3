"""Faults meet whoever sends: blocking clients in threads, own sockets, real services, servers of the program, narrow links."""

import asyncio
import socket
import socketserver
import threading
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import pytest

import interlace
from interlace import fault

Program = Callable[[interlace.World], Any]


def value(program: Program) -> Any:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome.value


FAULTS: dict[str, tuple[Any, str, str, float]] = {
    "latency": (fault.latency("3s"), "b'hello'", "20 bytes", 3),
    "hang": (fault.hang(), "TimeoutError", "TimeoutError", 5),
    "reset": (fault.reset(), "ConnectionResetError", "ConnectionResetError", 0),
    "slicer": (fault.slicer(10, "500ms"), "b'hello'", "20 bytes", 0.5),
    "empty": (fault.empty(), "RemoteDisconnected", "0 bytes", 0),
    "limit_data": (fault.limit_data(12), "b''", "12 bytes", 0),
    "refuse": (fault.refuse(), "ConnectionRefusedError", "ConnectionRefusedError", 0),
    "unreachable": (fault.unreachable(), "TimeoutError", "TimeoutError", 5),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_blocking_client_in_a_thread(name: str) -> None:
    what, seen, _, elapsed = FAULTS[name]

    def get() -> str:
        try:
            with urllib.request.urlopen("http://api/", timeout=5) as answer:
                return repr(answer.read())
        except Exception as error:
            reason = getattr(error, "reason", error)
            return type(reason).__name__

    async def program(world: interlace.World) -> str:
        api = world.http("http://api", latency="0s")
        api.get("/").optional().text("hello")
        world.faulty(api, what)
        told = await asyncio.to_thread(get)
        assert world.clock.elapsed >= elapsed
        return told

    assert value(program) == seen


@pytest.fixture
def real_service() -> Iterator[str]:
    class Twice(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while data := self.request.recv(100):
                self.request.sendall(data * 2)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Twice) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["latency", "hang", "reset"])
def test_a_real_service(name: str, real_service: str) -> None:
    what, _, seen, elapsed = FAULTS[name]

    async def program(world: interlace.World) -> str:
        world.passthrough("db:5432", real_service)
        world.faulty("db:5432", what)
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection("db", 5432)
                writer.write(b"0123456789")
                try:
                    heard = await reader.readexactly(20)
                except asyncio.IncompleteReadError as error:
                    heard = error.partial
                finally:
                    writer.close()
        except OSError as error:
            return type(error).__name__
        assert world.clock.elapsed == elapsed
        return f"{len(heard)} bytes"

    assert value(program) == seen


def test_own_sockets_and_a_server_of_the_program_on_the_same_host() -> None:
    async def program(world: interlace.World) -> list[bytes]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(10))
            writer.close()

        server = await asyncio.start_server(serve, "localhost", 7)
        loop = asyncio.get_running_loop()
        heard = []
        world.faulty("local", fault.limit_data(2), times=1)
        for _ in range(2):
            with socket.socket() as sock:
                sock.setblocking(False)
                await loop.sock_connect(sock, ("127.0.0.1", 7))
                await loop.sock_sendall(sock, b"tea")
                heard.append(await loop.sock_recv(sock, 10))
        server.close()
        return heard

    assert value(program) == [b"te", b"tea"]


@pytest.mark.parametrize("how", ["link", "fault"])
def test_what_trickles_keeps_a_client_awake(how: str) -> None:
    async def program(world: interlace.World) -> float:
        world.http("http://api").get("/").content(bytes(10_000), latency="0s")
        if how == "link":
            world.net.link("api", "local", latency="100ms", bandwidth="1kB/s", one_way=True)
        else:
            world.net.link("api", "local", latency="100ms", one_way=True)
            world.faulty("api", fault.bandwidth("1kB/s"))
        limit = aiohttp.ClientTimeout(sock_read=0.5)
        async with aiohttp.ClientSession(timeout=limit) as session, session.get("http://api/") as answer:
            assert len(await answer.read()) == 10_000
        return world.clock.elapsed

    assert value(program) == pytest.approx(10.3, abs=0.1)


def test_a_hang_is_named_while_something_ticks() -> None:
    async def program(world: interlace.World) -> None:
        async def tick() -> None:
            while True:
                await asyncio.sleep(1)

        world.http("http://api").get("/").text("hello")
        world.faulty("api", fault.hang())
        ticking = asyncio.create_task(tick())
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
            await session.get("http://api/")
        ticking.cancel()

    error = interlace.run(program).error
    assert isinstance(error, interlace.Standstill)
    assert "a fault has local→api:80#1 hang" in str(error)


def test_a_host_that_crashes_and_a_partition_go_together_with_faults() -> None:
    async def program(world: interlace.World) -> list[str]:
        api = world.http("http://api", latency="0s")
        api.get("/").text("hello")
        told = []

        async def ask() -> None:
            limit = aiohttp.ClientTimeout(total=10)
            try:
                async with (
                    aiohttp.ClientSession(timeout=limit) as session,
                    session.get("http://api/") as answer,
                ):
                    told.append(await answer.text())
            except (aiohttp.ClientError, TimeoutError) as error:
                told.append(type(error).__name__)

        world.faulty(api, fault.slicer(20, "1s"))
        asking = asyncio.create_task(ask())
        await asyncio.sleep(2)
        world.host("api").crash()
        await asking
        world.host("api").restart()
        asking = asyncio.create_task(ask())
        await asyncio.sleep(2)
        world.net.partition("local", "api")
        await asyncio.sleep(1)
        world.net.heal()
        await asking
        return told

    # what is on its way outlives its sender, and a partition
    assert value(program) == ["hello", "hello"]
