"""Libraries that do their own input and output in C are refused where a run enters them, and nowhere else.

Here they are stand-ins of the same shape; tests/matrix/test_in_c.py has the real ones.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import interlace
from interlace.backends.aio.foreign import DOORS
from interlace.errors import NotSimulated

UVLOOP = """
class Base:
    pass

class Loop(Base):
    pass

def new_event_loop():
    return Loop()
"""

PSYCOPG = """
class BaseConnection:
    @classmethod
    def _connect_gen(cls, conninfo=""):
        return cls, conninfo

class AsyncConnection(BaseConnection):
    @classmethod
    async def connect(cls, conninfo=""):
        return cls._connect_gen(conninfo)
"""

ZMQ = """
class Socket:
    def connect(self, addr):
        return addr

    bind = connect
"""

AIODNS = """
from types import SimpleNamespace

class DNSError(Exception):
    pass

error = SimpleNamespace(DNSError=DNSError, ARES_ENOTFOUND=4)

class DNSResolver:
    def getaddrinfo(self, host, family=0, port=None, proto=0, type=0, flags=0):
        return "really asked"
"""

MODULES = {
    "uvloop": UVLOOP,
    "psycopg/__init__": "",
    "psycopg/connection_async": PSYCOPG,
    "zmq/__init__": "",
    "zmq/sugar/__init__": "",
    "zmq/sugar/socket": ZMQ,
    "aiodns": AIODNS,
}


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, text in MODULES.items():
        file = tmp_path / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    names = [name.removesuffix("/__init__").replace("/", ".") for name in MODULES]
    before = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(before)


def refused(main: Any) -> NotSimulated:
    error = interlace.run(main).error
    assert isinstance(error, NotSimulated), error
    return error


def test_a_module_that_is_imported_in_the_run_is_refused_where_it_is_used() -> None:
    async def main() -> None:
        import uvloop

        uvloop.new_event_loop()

    error = refused(main)
    assert error.api == "uvloop.Loop"
    assert error.site is not None
    assert "uvloop.py:" in error.site  # a stand-in that is not installed is the user's own
    assert "use asyncio.run, or no loop but that of the run" in error.remedy


def test_what_was_imported_before_is_refused_in_a_run_and_works_as_ever_outside() -> None:
    import uvloop
    from psycopg.connection_async import AsyncConnection

    class Own(AsyncConnection):  # type: ignore[misc]
        pass

    async def main() -> None:
        await Own.connect("host=db")

    async def thread() -> None:
        await asyncio.to_thread(uvloop.new_event_loop)

    for _ in range(2):
        assert refused(main).api == "psycopg.AsyncConnection.connect"
        assert refused(thread).api == "uvloop.Loop"
        assert type(uvloop.new_event_loop()).__name__ == "Loop"
        assert asyncio.run(Own.connect("host=db")) == (Own, "host=db")
        assert asyncio.run(AsyncConnection.connect("x")) == (AsyncConnection, "x")


def test_a_socket_that_stays_in_the_process_is_let_be() -> None:
    async def main() -> None:
        from zmq.sugar.socket import Socket

        assert Socket().connect("inproc://here") == "inproc://here"
        Socket().bind("tcp://127.0.0.1:1")

    assert refused(main).api == "zmq.Socket.bind"


def test_aiodns_is_answered_by_the_simulated_network() -> None:
    async def main(world: interlace.World) -> Any:
        import aiodns

        world.host("shop")
        resolver = aiodns.DNSResolver()
        found = await resolver.getaddrinfo("shop", port=80, type=1)
        with pytest.raises(aiodns.error.DNSError, match="not found") as caught:
            await resolver.getaddrinfo("elsewhere", port=80, type=1)
        assert "no host 'elsewhere'" in caught.value.__notes__[0]
        return [node.addr for node in found.nodes]

    assert interlace.run(main).value == [(b"10.0.0.2", 80)]
    import aiodns

    assert aiodns.DNSResolver().getaddrinfo("shop") == "really asked"


def test_nothing_is_left_where_imports_are_found() -> None:
    before = list(sys.meta_path)

    async def main() -> None:
        import uvloop  # noqa: F401

    assert interlace.run(main).error is None
    assert sys.meta_path == before


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.module}.{door.path}")
def test_each_remedy_is_a_sentence_that_says_what_to_use(door: Any) -> None:
    assert "use " in door.remedy
    assert not door.remedy.endswith(".")
