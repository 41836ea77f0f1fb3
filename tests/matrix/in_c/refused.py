"""Libraries that do their own input and output in C: each call of theirs must be refused by name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiodns
import aiohttp
import grpc
import grpc.aio
import psycopg
import pycares
import pytest
import uvloop
import zmq
import zmq.asyncio
from aiohttp import web
from curl_cffi.requests import AsyncSession
from place import alone

import interlace
from interlace.errors import NotSimulated

ADDRESS = "127.0.0.1:9"

CALLS: dict[str, Callable[[], Awaitable[Any]]] = {
    "grpc.aio.Channel": lambda: _do(lambda: grpc.aio.insecure_channel(ADDRESS)),
    "grpc.aio.server": lambda: _do(grpc.aio.server),
    "grpc.Channel": lambda: asyncio.to_thread(grpc.insecure_channel, ADDRESS),
    "psycopg.AsyncConnection.connect": lambda: psycopg.AsyncConnection.connect("host=127.0.0.1 port=9"),
    "psycopg.connect": lambda: asyncio.to_thread(psycopg.connect, "host=127.0.0.1 port=9"),
    "pycares.Channel.query": lambda: aiodns.DNSResolver().query_dns("example.com", "A"),
    "pycares.Channel.getnameinfo": lambda: _do(
        lambda: pycares.Channel().getnameinfo(("127.0.0.1", 9), 0, callback=print)
    ),
    "zmq.Socket.connect": lambda: _do(lambda: _dial_zmq(zmq.asyncio.Context())),
    "zmq.Socket.bind": lambda: asyncio.to_thread(_serve_zmq, zmq.Context()),
    "curl_cffi.AsyncCurl": lambda: AsyncSession().get(f"http://{ADDRESS}/"),
    "uvloop.Loop": lambda: asyncio.to_thread(uvloop.run, asyncio.sleep(0)),
}


async def _do(call: Callable[[], Any]) -> Any:
    return call()


def _dial_zmq(context: Any) -> None:
    with context, context.socket(zmq.REQ) as sock:
        sock.connect(f"tcp://{ADDRESS}")


def _serve_zmq(context: Any) -> None:
    with context, context.socket(zmq.REP) as sock:
        sock.bind("tcp://127.0.0.1:*")


@alone
async def refused_by_name(world: interlace.World) -> None:
    for api, call in CALLS.items():
        with pytest.raises(NotSimulated) as caught:
            await call()
        assert caught.value.api == api


@alone
async def aiohttp_asks_aiodns_for_hosts_of_the_world(world: interlace.World) -> None:
    assert issubclass(aiohttp.resolver.DefaultResolver, aiohttp.AsyncResolver)

    async def greet(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", greet)
    with world.host("shop.example").here():
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", 80).start()
    async with aiohttp.ClientSession() as session:
        async with session.get("http://shop.example/") as reply:
            assert await reply.text() == "hello"
        try:
            await session.get("http://nobody.example/")
        except aiohttp.ClientConnectorDNSError:
            pass
    await runner.cleanup()
