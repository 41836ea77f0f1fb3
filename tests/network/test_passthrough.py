"""Real services that a name of the simulated network stands for: a server in a thread, on the real loopback."""

import asyncio
import http.server
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import interlace
from interlace.errors import Unanswered, UsageError

pytestmark = pytest.mark.filterwarnings(
    # a program may leave its connections open
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


class Service:
    """A real server in a thread of its own: answers each line in capitals, and does what some lines say."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "service")
        self.heard: list[bytes] = []
        self.open = 0
        self._loop = asyncio.new_event_loop()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])
        self._thread.start()
        assert self._begun.wait(10)

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=1 << 22)
        local = await asyncio.start_unix_server(self._talk, self.path, limit=1 << 22)
        self.port = server.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._begun.set()
        await self._stop.wait()
        server.close()
        local.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while line := await reader.readline():
                self.heard.append(line)
                word, _, number = line.decode().strip().partition(" ")
                if word == "close":
                    break
                if word == "reset":
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    break
                if word == "pieces":
                    for _ in range(int(number)):
                        writer.write(b"piece ")
                        await asyncio.sleep(0.001)
                elif word == "many":
                    writer.write(bytes(int(number)))
                if word != "hush":
                    writer.write(line.upper())
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("service"))
    yield made
    made.end()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes) -> bytes:
    writer.write(line + b"\n")
    return await reader.readline()


def result(outcome: interlace.Outcome) -> Any:
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome.value


@pytest.mark.parametrize("unix", [False, True])
def test_a_name_stands_for_a_real_service(service: Service, unix: bool) -> None:
    async def main(world: interlace.World) -> float:
        world.passthrough("db.internal:5432", to=service.path if unix else service.address)
        streams = await asyncio.open_connection("db.internal", 5432)
        assert streams[1].get_extra_info("peername")[1] == 5432
        assert await ask(*streams, b"hello") == b"HELLO\n"
        assert await ask(*streams, b"again") == b"AGAIN\n"
        streams[1].close()
        return world.clock.elapsed

    assert result(interlace.run(main)) == 0  # virtual time stands still
    assert interlace.explore(main, schedules=20).verdict.status == "passed"


def test_its_own_address_may_be_the_name(service: Service) -> None:
    async def main(world: interlace.World) -> bytes:
        world.passthrough(service.address)
        return await ask(*await asyncio.open_connection("127.0.0.1", service.port), b"hello")

    assert result(interlace.run(main)) == b"HELLO\n"


def test_the_answer_takes_a_virtual_time_that_is_explored(service: Service) -> None:
    seen = set()

    async def main(world: interlace.World) -> None:
        world.passthrough("db:1", to=service.address, latency="10ms..200ms")
        streams = await asyncio.open_connection("db", 1)
        begun = world.clock.elapsed
        await ask(*streams, b"hello")
        took = world.clock.elapsed - begun
        assert took >= 0.01
        seen.add(took)

    result(interlace.run(main))
    assert seen == {0.01}
    assert interlace.explore(main, schedules=20).verdict.status == "passed"
    assert len(seen) > 3


def test_a_race_over_a_real_service_is_found(service: Service) -> None:
    async def main(world: interlace.World) -> None:
        world.passthrough("db:1", to=service.address)
        cached: list[bytes] = []

        async def fetch() -> None:
            streams = await asyncio.open_connection("db", 1)
            if not cached:
                cached.append(await ask(*streams, b"hello"))

        await asyncio.gather(fetch(), asyncio.sleep(0.01), fetch())
        assert len(cached) == 1

    failure = interlace.explore(main, schedules=200).failure
    assert failure is not None
    again = interlace.replay(main, failure.smallest.token)
    assert isinstance(again.error, AssertionError)
    assert again.trace_hash == failure.smallest.trace_hash


def test_however_it_is_cut_the_answer_is_one_message(service: Service) -> None:
    reads: list[int] = []

    async def main(world: interlace.World) -> bytes:
        world.passthrough("db:1", to=service.address)
        reader, writer = await asyncio.open_connection("db", 1)
        writer.write(b"pieces 20\n")
        data = await reader.read(10_000)
        reads.append(len(data))
        return data

    assert result(interlace.run(main)) == b"piece " * 20 + b"PIECES 20\n"
    hashes = {interlace.run(main, seed=3).trace_hash for _ in range(5)}
    assert len(hashes) == 1


def test_a_message_that_arrives_in_parts_is_waited_for(service: Service) -> None:
    async def main(world: interlace.World) -> None:
        world.passthrough("db:1", to=service.address, patience=60)
        reader, writer = await asyncio.open_connection("db", 1)
        writer.write(b"one\ntwo\nthree\n")
        assert [await reader.readline() for _ in range(3)] == [b"ONE\n", b"TWO\n", b"THREE\n"]
        assert await ask(reader, writer, b"pieces 3") == b"piece piece piece PIECES 3\n"

    assert interlace.explore(main, schedules=30).verdict.status == "passed"


def test_what_is_bigger_than_all_buffers(service: Service) -> None:
    async def main(world: interlace.World) -> None:
        world.passthrough("db:1", to=service.address, patience=60)
        reader, writer = await asyncio.open_connection("db", 1, limit=1 << 22)
        writer.write(b"x" * 1_000_000 + b"\n")
        assert len(await reader.readline()) == 1_000_001
        writer.write(b"many 3000000\n")
        assert len(await reader.readexactly(3_000_013)) == 3_000_013
        writer.close()

    result(interlace.run(main))
    assert {len({interlace.run(main, seed=seed).trace_hash for _ in range(2)}) for seed in range(3)} == {1}


def test_clients_are_served_in_the_order_in_which_they_ask(service: Service) -> None:
    async def main(world: interlace.World) -> list[bytes]:
        world.passthrough("db:1", to=service.address)
        clients = [await asyncio.open_connection("db", 1) for _ in range(5)]
        service.heard.clear()
        await asyncio.gather(*(ask(*client, b"%d" % number) for number, client in enumerate(clients)))
        return list(service.heard)

    assert result(interlace.run(main)) == [b"%d\n" % number for number in range(5)]
    orders = [interlace.run(main, seed=seed).value for seed in range(10)]
    assert orders == [interlace.run(main, seed=seed).value for seed in range(10)]
    assert len({tuple(order) for order in orders}) > 1


def test_a_service_that_is_down_refuses_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    async def main(world: interlace.World) -> None:
        world.passthrough("db:1", to=f"127.0.0.1:{port}")
        await asyncio.open_connection("db", 1)

    error = interlace.run(main).error
    assert isinstance(error, ConnectionRefusedError)
    assert "Connect call failed ('10.0.0." in str(error)


def test_a_service_that_hangs_ends_with_an_error_that_says_so(service: Service) -> None:
    async def main(world: interlace.World) -> None:
        world.passthrough("db.internal:5432", to=service.address, patience=0.1)
        await ask(*await asyncio.open_connection("db.internal", 5432), b"hush")

    error = interlace.run(main).error
    assert isinstance(error, Unanswered)
    assert f"db.internal:5432 ({service.address}) does not answer: it was sent 5 bytes" in str(error)
    assert "patience=" in str(error)
    assert "main waits for StreamReader._wait_for_data" in error.waiting[0]


def test_a_client_with_a_limit_goes_on_without_the_answer(service: Service) -> None:
    async def main(world: interlace.World) -> None:
        world.passthrough("db:1", to=service.address, patience=0.1)
        streams = await asyncio.open_connection("db", 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ask(*streams, b"hush"), 30)
        assert world.clock.elapsed == 30

    outcome = interlace.run(main)
    assert outcome.error is None
    (told,) = outcome.background
    assert told.startswith(f"db:1 ({service.address}) has not answered within 0.1 s of real time")


def test_it_hangs_up_and_resets(service: Service) -> None:
    async def main(world: interlace.World) -> None:
        world.passthrough("db:1", to=service.address)
        assert await ask(*await asyncio.open_connection("db", 1), b"close") == b""
        with pytest.raises(ConnectionResetError):
            await ask(*await asyncio.open_connection("db", 1), b"reset")

    result(interlace.run(main))
    assert interlace.explore(main, schedules=20).verdict.status == "passed"


def test_the_end_of_the_stream_is_passed_on(service: Service) -> None:
    async def main(world: interlace.World) -> None:
        world.passthrough("db:1", to=service.address)
        reader, writer = await asyncio.open_connection("db", 1)
        writer.write(b"one\ntwo")
        writer.write_eof()
        assert await reader.read() == b"ONE\nTWO"

    result(interlace.run(main))
    assert interlace.explore(main, schedules=20).verdict.status == "passed"


def test_nothing_is_left_open(service: Service) -> None:
    async def main(world: interlace.World) -> None:
        world.passthrough("db:1", to=service.address)
        streams = [await asyncio.open_connection("db", 1) for _ in range(3)]
        assert await ask(*streams[0], b"hello") == b"HELLO\n"
        streams[1][1].close()
        streams[2][1].transport.abort()

    before = threading.active_count()
    for _ in range(5):
        result(interlace.run(main))
    # The service has seen the last one end when it answers the next one.
    assert interlace.run(main).error is None
    for _ in range(200):
        if service.open == 0:
            break
        threading.Event().wait(0.01)
    assert service.open == 0
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": "db"}, "write host and port"),
        ({"name": "db:port"}, "write host and port"),
        ({"name": "db:0"}, "write host and port"),
        ({"name": "db:1", "to": "db"}, "write host and port"),
        ({"name": "db:1", "to": "no.such.host.invalid:1"}, "knows no host 'no.such.host.invalid'"),
        ({"name": "10.1.2.3:1", "to": "127.0.0.1:1"}, "give the service a name"),
        ({"name": "db:1", "to": "127.0.0.1:1", "patience": 0}, "patience is 0"),
        ({"name": "127.0.0.1:1", "latency": "5ms"}, "has no latency of its own"),
        ({"name": "db:1", "to": "127.0.0.1:1", "latency": "soon"}, "latency 'soon' cannot be read"),
    ],
)
def test_what_cannot_work_is_said(arguments: dict[str, Any], words: str) -> None:
    async def main(world: interlace.World) -> None:
        with pytest.raises(UsageError, match=words):
            world.passthrough(**arguments)

    result(interlace.run(main))


def test_a_name_is_taken_once(service: Service) -> None:
    async def main(world: interlace.World) -> None:
        world.passthrough("db:1", to=service.address)
        with pytest.raises(OSError, match="in use"):
            world.passthrough("db:1", to=service.address)

    result(interlace.run(main))


def test_without_it_the_real_world_is_out_of_reach(service: Service) -> None:
    async def main() -> None:
        await asyncio.open_connection("127.0.0.1", service.port)

    async def named() -> None:
        await asyncio.open_connection("db.internal", 5432)

    assert isinstance(interlace.run(main).error, ConnectionRefusedError)
    (note,) = interlace.run(named).error.__notes__  # type: ignore[union-attr]
    assert "world.passthrough('db.internal:PORT', to='127.0.0.1:PORT')" in note


def test_a_service_may_start_a_thread_for_each_request() -> None:
    shown: list[float] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(time.monotonic())
            self.send_response(200)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"tea")

        def log_message(self, *_: object) -> None: ...

    async def program(world: interlace.World) -> None:
        world.passthrough("shop:80", f"127.0.0.1:{server.server_address[1]}")
        async with httpx.AsyncClient() as client:
            for _ in range(2):
                assert (await client.get("http://shop/")).text == "tea"

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        before = time.monotonic()
        try:
            assert [interlace.run(program).error for _ in range(2)] == [None, None]
        finally:
            server.shutdown()
            serving.join()
    assert len(shown) == 4
    assert all(before <= moment <= time.monotonic() for moment in shown)
