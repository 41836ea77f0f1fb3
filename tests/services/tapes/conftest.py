"""A real peer on the real loopback: a server in a thread of its own, begun before any run."""

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme


class RealPeer:
    """Speaks HTTP, plain and over TLS, and a protocol of lines; counts what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.lines: list[bytes] = []
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        self.authority = str(folder / "ca.pem")
        self._security = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("api.internal").configure_cert(self._security)
        self._loop = asyncio.new_event_loop()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])
        self._thread.start()
        assert self._begun.wait(10)

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        plain = await asyncio.start_server(self._http, "127.0.0.1", 0)
        secure = await asyncio.start_server(self._http, "127.0.0.1", 0, ssl=self._security)
        lines = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.http, self.https, self.shouter = (
            f"127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in (plain, secure, lines)
        )
        self._begun.set()
        await self._stop.wait()
        for server in (plain, secure, lines):
            server.close()

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, target, _ = first.split(" ")
                self.asked.append(f"{method} {target}")
                if target == "/never":
                    continue
                if target == "/slam":
                    break
                if target == "/half":
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                    break
                if target == "/events":
                    writer.write(
                        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                    )
                    writer.write(b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n")
                    continue
                writer.write(self._answer(method, target, headers, body))
                if target == "/bye":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
        kind = "application/json"
        number = self.asked.count(f"{method} {target}")
        if target == "/gzip":
            import gzip

            data = gzip.compress(b'{"token": "hush-hush", "n": 1}', mtime=0)
            return _response(data, kind, "Content-Encoding: gzip\r\n")
        if target == "/br":
            return _response(b"\x0b\x02\x80x\x03", kind, "Content-Encoding: br\r\n")
        if target == "/bytes":
            return _response(bytes(range(256)), "application/octet-stream")
        if target == "/chunks":
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
            return head.encode() + b"4\r\ntea \r\n6\r\nfor 2\n\r\n0\r\n\r\n"
        if target == "/bye":
            return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nbye"
        if target == "/none":
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        said: Any = {"path": target, "number": number}
        if body:
            said["told"] = json.loads(body)
        if target == "/login":
            said["access_token"] = "tok-hush-hush"
        answer = _response(json.dumps(said).encode(), kind, "Set-Cookie: sid=cookie-hush; Path=/\r\n")
        return answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else answer

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome\n")
        try:
            while line := await reader.readline():
                self.lines.append(line)
                if line == b"quit\n":
                    writer.write(b"bye\n")
                    break
                writer.write(line.upper() if line != b"raw\n" else bytes(range(200, 256)) + b"\n")
        except ConnectionError:
            pass
        finally:
            writer.close()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self._loop.close()


def _response(data: bytes, kind: str, more: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n{more}\r\n"
    return head.encode() + data


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPeer]:
    made = RealPeer(tmp_path_factory.mktemp("peer"))
    yield made
    made.end()


@pytest.fixture
def peer(real: RealPeer) -> RealPeer:
    """A real peer that was asked nothing yet."""
    real.asked.clear()
    real.lines.clear()
    return real


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """Where a tape may be."""
    return tmp_path / "x.tape"
