"""Streams and websockets of fakes under each order and with injected faults; the same token leads to the same run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
import websockets
from elsewhere import check_repeats

import interlace
from interlace import after, ws

Program = Callable[[interlace.World], Any]


async def scripted(world: interlace.World) -> None:
    api = world.http("https://api", latency="1ms..50ms")
    api.ws("/").script(
        ws.recv("hi"), ws.send("yo"), after("1ms..1s"), ws.send({"n": 1}), ws.recv(), ws.close()
    )

    async def one() -> None:
        async with websockets.connect("wss://api/") as socket:
            await socket.send("hi")
            assert [await socket.recv(), await socket.recv()] == ["yo", '{"n": 1}']
            await socket.send("bye")
            await socket.wait_closed()

    await asyncio.gather(one(), one(), one())


async def handled(world: interlace.World) -> None:
    rooms: dict[str, list[Any]] = {}

    async def chat(socket: Any) -> None:
        members = rooms.setdefault(socket.call.path["room"], [])
        members.append(socket)
        async for message in socket:
            for member in members:
                await member.send(message)

    world.http("http://api", latency="1ms..50ms").ws("/{room}").handle(chat)

    async def one(session: aiohttp.ClientSession, name: str) -> list[str]:
        async with session.ws_connect("http://api/tea") as socket:
            await asyncio.sleep(1)
            await socket.send_str(name)
            return [await socket.receive_str(timeout=10) for _ in range(3)]

    async with aiohttp.ClientSession() as session:
        heard = await asyncio.gather(*(one(session, name) for name in "abc"))
    assert all(sorted(one) == ["a", "b", "c"] for one in heard)


async def streamed(world: interlace.World) -> None:
    prices: asyncio.Queue[int] = asyncio.Queue()

    async def feed(call: Any) -> AsyncIterator[Any]:
        while True:
            yield await prices.get()
            yield after("1ms..100ms")

    api = world.http("http://api", latency="1ms..50ms")
    api.get("/feed").sse(feed)
    api.get("/list").sse([1, 2, 3], between="1ms..100ms", stays_open=True)

    async def one(path: str) -> list[bytes]:
        async with aiohttp.ClientSession() as session, session.get(f"http://api{path}") as answer:
            return [await answer.content.readline() for _ in range(5)]

    for price in (7, 8, 9):
        prices.put_nowait(price)
    assert await asyncio.gather(one("/feed"), one("/list"), one("/list")) == [
        [b"data: 7\n", b"\n", b"data: 8\n", b"\n", b"data: 9\n"],
        *[[b"data: 1\n", b"\n", b"data: 2\n", b"\n", b"data: 3\n"]] * 2,
    ]


PROGRAMS: dict[str, Program] = {"scripted": scripted, "handled": handled, "streamed": streamed}


@pytest.mark.parametrize("order", ["realistic", "batch", "any"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_in_any_order(name: str, order: Any) -> None:
    result = interlace.explore(PROGRAMS[name], schedules=15, order=order)
    assert result.verdict.status == "passed", result.report()


async def stubborn_websocket(world: interlace.World) -> None:
    api = world.http("http://api", latency="1ms..50ms")
    api.ws("/").script(ws.recv("hi"), ws.send("yo"), after("10ms..1s"), ws.close())

    async def one() -> bool:
        for _ in range(20):
            try:
                async with asyncio.timeout(30), websockets.connect("ws://api/") as socket:
                    await socket.send("hi")
                    said = await socket.recv()
                    await socket.wait_closed()
                    return said == "yo"
            except (OSError, TimeoutError, websockets.WebSocketException):
                await asyncio.sleep(30)
        raise RuntimeError("never connected")

    tasks = [asyncio.create_task(one()) for _ in range(2)]
    await asyncio.wait(tasks)
    assert all(task.cancelled() or task.result() for task in tasks)


async def stubborn_stream(world: interlace.World) -> None:
    world.http("http://api", latency="1ms..50ms").get("/").sse([1, after("10ms..1s"), 2], stays_open=True)

    async def one() -> bool:
        for _ in range(20):
            try:
                async with asyncio.timeout(30), aiohttp.ClientSession() as session:
                    async with session.get("http://api/") as answer:
                        lines = [await answer.content.readline() for _ in range(3)]
                        if lines == [b"data: 1\n", b"\n", b"data: 2\n"]:
                            return True
            except (OSError, TimeoutError, aiohttp.ClientError):
                pass
            await asyncio.sleep(30)
        raise RuntimeError("never answered")

    tasks = [asyncio.create_task(one()) for _ in range(2)]
    await asyncio.wait(tasks)
    assert all(task.cancelled() or task.result() for task in tasks)


@pytest.mark.parametrize("fault", ["net", "crash:api", "cancel"])
@pytest.mark.parametrize("program", [stubborn_websocket, stubborn_stream])
def test_a_client_that_tries_again_survives_what_is_injected(program: Program, fault: str) -> None:
    result = interlace.explore(program, schedules=30, faults=[fault])
    assert result.verdict.status == "passed", result.report()


def test_the_same_token_leads_to_the_same_trace_in_another_process() -> None:
    check_repeats(PROGRAMS, __file__)
