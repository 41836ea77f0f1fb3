"""Real services in tests of pytest: through the fixture `world`, plainly and explored."""

from __future__ import annotations

import pytest

SOURCE = """
import asyncio
import threading
import pytest

async def serve(begun, stop):
    async def talk(reader, writer):
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    begun.append(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(stop.wait)
    server.close()

@pytest.fixture(scope="session")
def port():
    begun, stop = [], threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(begun, stop)))
    thread.start()
    while not begun:
        threading.Event().wait(0.01)
    yield begun[0]
    stop.set()
    thread.join()

@pytest.fixture
async def shouter(world, port):
    world.passthrough("shouter:7", to=f"127.0.0.1:{port}", latency="1ms..50ms")
    reader, writer = await asyncio.open_connection("shouter", 7)

    async def shout(word):
        writer.write(word + b"\\n")
        return (await reader.readline()).strip()

    yield shout
    writer.close()
    await writer.wait_closed()

async def test_shout(shouter, world):
    assert await shouter(b"tea") == b"TEA"
    assert world.clock.elapsed >= 0.001

async def test_lost(shouter):
    stock = {"tea": 1}

    async def order():
        number = stock["tea"]
        await asyncio.sleep(0.03)
        stock["tea"] = number - 1

    async def restock():
        await shouter(b"more")
        stock["tea"] += 1

    await asyncio.gather(order(), restock())
    assert stock["tea"] in (0, 1)
    assert stock["tea"] == 0
"""


def test_a_real_service_takes_part(suite) -> None:
    result = suite(SOURCE, "-k", "shout")
    result.assert_outcomes(passed=1, deselected=1)


def test_it_is_explored_and_replayed(suite) -> None:
    pytest.importorskip("xdist")
    result = suite(SOURCE, "--explore=40")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*AssertionError*", "*because*", "*shouter*"])
