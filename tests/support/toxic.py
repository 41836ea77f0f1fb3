"""A real proxy that misbehaves, in front of a real server, on the stock loop: what the simulated faults are compared with.

Reads what to do from a `Fault`, and does it with real sockets; of how the simulated network does it, it knows nothing.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from interlace.sim.network.fault import Fault

HOST = "127.0.0.1"

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


class Proxy:
    """Passes what a server answers on to clients, as a fault has it; well until `fault` is set."""

    def __init__(self, connected: Connected) -> None:
        self._connected = connected
        self._tasks: list[asyncio.Task[Any]] = []
        self._writers: list[asyncio.StreamWriter] = []
        self.fault: Fault | None = None
        self.behind = 0

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection to the server."""
        self._writers.append(writer)
        self._tasks.append(asyncio.create_task(self._connected(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection to the proxy."""
        self._writers.append(writer)
        back, forth = await asyncio.open_connection(HOST, self.behind)
        self._writers.append(forth)
        for passing in (self._forward(reader, forth), self._answer(back, writer, forth)):
            self._tasks.append(asyncio.create_task(passing))

    async def close(self) -> None:
        """Ends all that is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        for writer in self._writers:
            try:
                await writer.wait_closed()
            except OSError:
                pass

    async def _forward(self, reader: asyncio.StreamReader, forth: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                forth.write(data)
            forth.write_eof()
        except (OSError, RuntimeError):
            pass

    async def _answer(
        self, back: asyncio.StreamReader, writer: asyncio.StreamWriter, forth: asyncio.StreamWriter
    ) -> None:
        passed = 0
        try:
            while data := await back.read(65536):
                if not await self._pass(data, passed, writer):
                    writer.close()
                    forth.close()
                    return
                passed += len(data) if self.fault is not None else 0
        except OSError:
            pass
        fault = self.fault
        if fault is not None and fault.kind == "slow_close":
            await asyncio.sleep(fault.delays[0] / 1e9)
        if fault is None or fault.kind != "hang":
            writer.close()

    async def _pass(self, data: bytes, passed: int, writer: asyncio.StreamWriter) -> bool:
        """Returns whether the connection goes on."""
        fault = self.fault
        kind = "" if fault is None else fault.kind
        if fault is None or kind == "slow_close":
            writer.write(data)
        elif kind == "latency":
            await asyncio.sleep(fault.delays[0] / 1e9)
            writer.write(data)
        elif kind in ("bandwidth", "slicer"):
            size = fault.size or max(1, fault.rate // 10)
            for start in range(0, len(data), size):
                piece = data[start : start + size]
                pause = len(piece) / fault.rate if fault.rate else fault.delays[0] / 1e9
                await asyncio.sleep(pause)
                writer.write(piece)
                await writer.drain()
        elif kind == "hang":
            if fault.delays:
                await asyncio.sleep(fault.delays[0] / 1e9)
                return False
        elif kind == "reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False
        elif kind == "malformed":
            writer.write(fault.data)
            return False
        elif kind == "empty":
            return False
        elif kind == "limit_data":
            writer.write(data[: max(0, fault.size - passed)])
            return passed + len(data) < fault.size
        elif kind == "partial":
            writer.write(data[: len(data) // 2])
            return False
        else:
            raise AssertionError(kind)
        return True


@asynccontextmanager
async def misbehaving(
    connected: Connected, fault: Fault, security: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """Gives the port of a real server, and what has it misbehave from then on.

    Args:
        connected: what the server does with a connection.
        fault: how it misbehaves.
        security: for a server that speaks TLS; the proxy does not.
    """
    if fault.kind in ("refuse", "unreachable"):
        with deaf(fault.kind) as port:
            yield port, lambda: None
        return
    proxy = Proxy(connected)
    server = await asyncio.start_server(proxy.hear, HOST, 0, ssl=security)
    proxy.behind = server.sockets[0].getsockname()[1]
    front = await asyncio.start_server(proxy.serve, HOST, 0)

    def begin() -> None:
        proxy.fault = fault

    try:
        yield front.sockets[0].getsockname()[1], begin
    finally:
        front.close()
        server.close()
        await proxy.close()


class deaf:  # noqa: N801  (reads as a function)
    """A port at which connections are refused, or not answered as too many wait already."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> int:
        sock = socket.socket()
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        self._sockets.append(sock)
        if self._kind == "unreachable":
            sock.listen(0)
            for _ in range(4):  # one too many, whatever the kernel makes of 0
                waiting = socket.socket()
                waiting.setblocking(False)
                waiting.connect_ex((HOST, port))
                self._sockets.append(waiting)
        return port

    def __exit__(self, *about: object) -> None:
        for sock in self._sockets:
            sock.close()
