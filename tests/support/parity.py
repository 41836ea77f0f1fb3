"""Parity with the stock loop: a program logs what happens to it, here and there, and the logs must be equal.

Each program runs on `asyncio.SelectorEventLoop` over the real loopback and on the simulated loop under the
boring answers. Sizes and ports that the operating system decides are not logged.
"""

from __future__ import annotations

import asyncio
import difflib
import logging
import re
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from interlace.backends.aio.loop import Loop
from interlace.sim.world import World

LIMIT = 30
"""Seconds that a program may take: real ones on the stock loop."""


def word(error: BaseException | None) -> str:
    """Words an error: its type, and what tells it from others of its type."""
    if error is None:
        return "None"
    told = type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{told} {error.verify_code} {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"{told} {error.reason}"
    if isinstance(error, OSError):
        return f"{told} {error.errno} {error.strerror or error}"
    if isinstance(error, BaseExceptionGroup):
        return f"{told} {error.message} [{', '.join(map(word, error.exceptions))}]"
    return f"{told} {error}" if str(error) else told


class Stage:
    """What a program logs, and the means to wait for what was logged.

    Attributes:
        ports: ports by what is logged in their place.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ports: dict[int, str] = {}
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []

    def log(self, line: str) -> None:
        for port, name in self.ports.items():
            line = re.sub(rf"\b{port}\b", name, line)
        self.lines.append(line)
        for wanted, future in list(self._waiting):
            if line.startswith(wanted) and not future.done():
                future.set_result(None)

    async def until(self, line: str, times: int = 1) -> None:
        """Waits until a line that begins so was logged so many times."""
        while sum(one.startswith(line) for one in self.lines) < times:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((line, future))
            await future

    @contextmanager
    def errors(self, what: str = "raises") -> Iterator[None]:
        """Logs the error that the block raises, and goes on."""
        try:
            yield
        except Exception as error:
            self.log(f"{what}: {word(error)}")
        else:
            self.log(f"{what}: nothing")

    async def raises(self, what: str, awaitable: Awaitable[Any]) -> None:
        """Logs the error that is raised where something is awaited."""
        with self.errors(what):
            await awaitable

    async def serve(self, factory: Callable[[], asyncio.BaseProtocol], **options: Any) -> tuple[Any, int]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(factory, options.pop("host", "127.0.0.1"), 0, **options)
        return server, self.port_of(server)

    async def serve_streams(self, handler: Any, **options: Any) -> tuple[Any, int]:
        server = await asyncio.start_server(handler, "127.0.0.1", 0, **options)
        return server, self.port_of(server)

    def port_of(self, server: Any, name: str = "PORT") -> int:
        port: int = server.sockets[0].getsockname()[1]
        self.ports[port] = name
        return port

    async def connect(self, factory: Callable[[], Any], port: int, **options: Any) -> tuple[Any, Any]:
        return await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", port, **options)


class Talker(asyncio.Protocol):
    """Logs every event under the name of its side."""

    transport: Any

    def __init__(self, stage: Stage, side: str, *, payload: bool = True, keep_open: bool = False) -> None:
        self.stage = stage
        self.side = side
        self.payload = payload
        self.keep_open = keep_open
        self.received = 0

    def log(self, line: str) -> None:
        self.stage.log(f"{self.side} {line}")

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.log("connection_made")

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if self.payload:
            self.log(f"data_received {data!r}")

    def eof_received(self) -> bool:
        self.log("eof_received")
        return self.keep_open

    def connection_lost(self, exc: BaseException | None) -> None:
        self.log(f"connection_lost {word(exc)}")

    def pause_writing(self) -> None:
        self.log("pause_writing")

    def resume_writing(self) -> None:
        self.log("resume_writing")


class Echo(Talker):
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.transport.write(data)


class Pair:
    """A server with one connection to it.

    Attributes:
        client: the protocol of the client; `accepted` that of the server.
    """

    def __init__(self, stage: Stage, server: Any, client: Any, accepted: Any) -> None:
        self.stage = stage
        self.server = server
        self.client = client
        self.accepted = accepted

    async def end(self, *sides: str) -> None:
        """Waits until both sides have lost the connection, then closes the server."""
        for side in sides or ("client", "server"):
            await self.stage.until(f"{side} connection_lost")
        self.server.close()
        await self.server.wait_closed()


async def connected(
    stage: Stage,
    client: Callable[[], Any] | None = None,
    server: Callable[[], Any] | None = None,
    *,
    serving: dict[str, Any] | None = None,
    **connecting: Any,
) -> Pair:
    """Makes a server and a connection to it, and waits until both sides know of it."""
    accepted: list[Any] = []

    def factory() -> Any:
        accepted.append(server() if server else Talker(stage, "server"))
        return accepted[-1]

    listening, port = await stage.serve(factory, **(serving or {}))
    _, protocol = await stage.connect(client or (lambda: Talker(stage, "client")), port, **connecting)
    await stage.until("server connection_made")
    return Pair(stage, listening, protocol, accepted[0])


async def ticks(number: int) -> None:
    """Lets so many iterations of the loop pass."""
    for _ in range(number):
        await asyncio.sleep(0)


Program = Callable[[Stage], Awaitable[None]]


class Programs(dict[str, Program]):
    """The programs of a module, by name."""

    def __call__(self, function: Program) -> Program:
        """Adds one; a decorator."""
        assert function.__name__ not in self
        self[function.__name__] = function
        return function


def run(
    loop: asyncio.AbstractEventLoop, function: Program, caplog: pytest.LogCaptureFixture | None = None
) -> list[str]:
    """Runs a program on a loop and returns what it logged, and what the loop did."""
    stage = Stage()

    def handler(loop: asyncio.AbstractEventLoop, details: dict[str, Any]) -> None:
        error = details.get("exception")
        message = details["message"].partition(" callback")[0]  # then comes a repr of ours or theirs
        message = re.sub(r"<.*>", "<...>", message)
        stage.log(f"handler: {message} {word(error)} {sorted(details)}")

    if caplog is not None:
        caplog.clear()
    loop.set_exception_handler(handler)

    async def main() -> None:
        async with asyncio.timeout(LIMIT):
            await function(stage)

    try:
        loop.run_until_complete(main())
    finally:
        for task in (left := asyncio.all_tasks(loop)):
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    records = caplog.records if caplog is not None else []
    return stage.lines + [record.getMessage() for record in records if record.levelno >= logging.WARNING]


def check_same(function: Program, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Fails unless a program logs the same on the stock loop and on ours, and anything; returns what it logs."""
    stock = run(asyncio.SelectorEventLoop(), function, caplog)
    ours = run(Loop(World()), function, caplog)
    assert ours == stock, "\n".join(difflib.ndiff(stock, ours))  # - on the stock loop, + on ours
    assert stock
    return stock


def tried(stage: Stage, what: str, call: Callable[[], Any]) -> None:
    """Logs what a call returns or raises."""
    try:
        stage.log(f"{what}: {call()!r}")
    except Exception as error:
        stage.log(f"{what}: {word(error)}")
