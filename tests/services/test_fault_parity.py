"""Twelve faults and five real clients: each sees what it sees of a real server that misbehaves so.

The same client runs twice: on the stock loop against a real proxy that misbehaves (toxic.py), and in a world where the
fault was asked for. What it raises, in which words, and what it had been given until then must be the same.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import httpx
import pytest
import redis.asyncio
import toxic
import trustme
import websockets.asyncio.client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

import interlace
from interlace import fault
from interlace.sim.network.fault import KINDS, Fault

BODY = b"0123456789" * 6
BRIEF = 0.12
"""Real seconds after which a client gives up that waits for nothing."""

LONG = 20
"""The same where something comes, however busy the machine is."""

FAULTS: dict[str, Fault] = {
    "latency": fault.latency("20ms"),
    "latency, too long": fault.latency("9s"),
    "bandwidth": fault.bandwidth("4kB/s"),
    "slow_close": fault.slow_close("20ms"),
    "hang": fault.hang(),
    "hang for a while": fault.hang("20ms"),
    "reset": fault.reset(),
    "slicer": fault.slicer(16, "2ms"),
    "limit_data, in the head": fault.limit_data(10),
    "limit_data, in the body": fault.limit_data(60),
    "limit_data, nothing": fault.limit_data(0),
    "malformed": fault.malformed(),
    "malformed, in a line": fault.malformed(b"\0" * 5 + b"\r\n"),
    "empty": fault.empty(),
    "partial": fault.partial(),
    "refuse": fault.refuse(),
    "unreachable": fault.unreachable(),
}
ENDLESS = ("latency, too long", "hang", "unreachable")

Begin = Callable[[], None]
Seen = dict[str, Any]


def test_every_fault_is_among_them() -> None:
    assert {one.kind for one in FAULTS.values()} == {*KINDS}


# -- the clients, each with the server that it talks to ------------------------------------------


async def serve_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n" + BODY)
    await until_the_end(reader, writer)


async def until_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.read()
    except OSError:
        pass
    writer.close()


async def ask_aiohttp(host: str, port: int, begin: Begin, limit: float, seen: Seen) -> None:
    begin()
    limits = aiohttp.ClientTimeout(sock_connect=limit, sock_read=limit)
    async with (
        aiohttp.ClientSession(timeout=limits) as session,
        session.get(f"http://{host}:{port}/") as answer,
    ):
        seen["status"] = answer.status
        async for data in answer.content.iter_any():
            seen["data"] += data


async def ask_aiohttp_tls(host: str, port: int, begin: Begin, limit: float, seen: Seen) -> None:
    begin()
    limits = aiohttp.ClientTimeout(sock_connect=limit, sock_read=limit)
    async with (
        aiohttp.ClientSession(timeout=limits) as session,
        session.get(f"https://{host}:{port}/", ssl=False) as answer,
    ):
        seen["status"] = answer.status
        async for data in answer.content.iter_any():
            seen["data"] += data


async def ask_httpx(host: str, port: int, begin: Begin, limit: float, seen: Seen) -> None:
    begin()
    async with (
        httpx.AsyncClient(timeout=limit) as client,
        client.stream("GET", f"http://{host}:{port}/") as answer,
    ):
        seen["status"] = answer.status_code
        async for data in answer.aiter_raw():
            seen["data"] += data


async def ask_httpx_tls(host: str, port: int, begin: Begin, limit: float, seen: Seen) -> None:
    begin()
    async with (
        httpx.AsyncClient(timeout=limit, verify=False) as client,
        client.stream("GET", f"https://{host}:{port}/") as answer,
    ):
        seen["status"] = answer.status_code
        async for data in answer.aiter_raw():
            seen["data"] += data


async def serve_redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.read(1000):
            writer.write(b"$60\r\n" + BODY + b"\r\n")
    except OSError:
        pass
    writer.close()


async def ask_redis(host: str, port: int, begin: Begin, limit: float, seen: Seen) -> None:
    client = redis.asyncio.Redis(
        host=host,
        port=port,
        protocol=2,
        lib_name=None,
        lib_version=None,
        socket_timeout=limit,
        socket_connect_timeout=limit,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        if seen["opens"]:
            begin()
        assert await client.get("tea") == BODY
        begin()
        seen["data"] += await client.get("tea")
    finally:
        await client.aclose()


async def serve_ws(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    protocol = ServerProtocol()
    try:
        while data := await reader.read(1000):
            protocol.receive_data(data)
            for event in protocol.events_received():
                if isinstance(event, Request):
                    protocol.send_response(protocol.accept(event))
                elif event.opcode is Opcode.TEXT:
                    protocol.send_binary(BODY)
            writer.write(b"".join(protocol.data_to_send()))
            if protocol.close_expected():
                break
    except OSError:
        pass
    writer.close()


async def ask_ws(host: str, port: int, begin: Begin, limit: float, seen: Seen) -> None:
    if seen["opens"]:
        begin()
    async with websockets.asyncio.client.connect(
        f"ws://{host}:{port}/", proxy=None, open_timeout=limit, close_timeout=limit, ping_interval=None
    ) as client:
        begin()
        await client.send("tea")
        async with asyncio.timeout(limit):
            seen["data"] += await client.recv(decode=False)


async def serve_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readline()
    writer.write(BODY + b"\n")
    writer.close()


async def ask_lines(host: str, port: int, begin: Begin, limit: float, seen: Seen) -> None:
    begin()
    async with asyncio.timeout(limit):
        reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"tea\n")
        async with asyncio.timeout(limit):
            while data := await reader.read(1000):
                seen["data"] += data
    finally:
        writer.close()


Ask = Callable[[str, int, Begin, float, Seen], Awaitable[None]]
CLIENTS: dict[str, tuple[Ask, toxic.Connected]] = {
    "aiohttp": (ask_aiohttp, serve_http),
    "httpx": (ask_httpx, serve_http),
    "aiohttp over TLS": (ask_aiohttp_tls, serve_http),
    "httpx over TLS": (ask_httpx_tls, serve_http),
    "redis": (ask_redis, serve_redis),
    "websockets": (ask_ws, serve_ws),
    "streams": (ask_lines, serve_lines),
}


# -- what they see -------------------------------------------------------------------------------


def told(error: BaseException | None, *names: str) -> list[str]:
    """Returns the classes and the words of an error and of what led to it, without names and ports."""
    lines = []
    while error is not None:
        text = str(error)
        for name in names:
            text = text.replace(name, "SERVICE")
        lines.append(
            f"{type(error).__module__}.{type(error).__qualname__}: {re.sub(r'0x[0-9a-f]+', '', text)}"
        )
        error = error.__cause__
    return lines


async def see(ask: Ask, host: str, port: int, begin: Begin, name: str) -> Seen:
    seen: Seen = {"data": b"", "opens": FAULTS[name].kind in ("refuse", "unreachable")}
    try:
        await ask(host, port, begin, BRIEF if name in ENDLESS else LONG, seen)
    except Exception as error:
        seen["error"] = told(
            error, f"{host}:{port}", f"('127.0.0.1', {port})", f"('10.0.0.2', {port})", host, str(port)
        )
    return seen


def really(name: str, client: str) -> Seen:
    ask, connected = CLIENTS[client]

    async def main() -> Seen:
        security = None
        if client.endswith("TLS"):
            security = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            trustme.CA().issue_cert(toxic.HOST).configure_cert(security)
        async with toxic.misbehaving(connected, FAULTS[name], security) as (port, begin):
            return await see(ask, toxic.HOST, port, begin, name)

    return asyncio.run(main())


def simulated(name: str, client: str, run: Callable[..., interlace.Outcome] = interlace.run) -> Seen:
    ask, connected = CLIENTS[client]

    async def main(world: interlace.World) -> Seen:
        host = world.host("service")

        async def serve() -> None:
            security = host.tls() if client.endswith("TLS") else None
            server = await asyncio.start_server(connected, "service", 80, ssl=security)
            await server.serve_forever()

        host.start(serve)
        await host.listens(80)
        return await see(ask, "service", 80, lambda: world.faulty(host, FAULTS[name]) and None, name)

    outcome = run(main)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome.value


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", FAULTS)
def test_the_same_is_seen(name: str, client: str) -> None:
    there, here = really(name, client), simulated(name, client)
    assert here == there
