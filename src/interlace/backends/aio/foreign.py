"""Libraries that reach the real network past Python, in C: refused where a run enters them, each with a remedy.

No socket object of theirs can be simulated, as there is none. They would connect really, while virtual time runs
away from them. So the functions of theirs through which a connection begins look first whether a run calls them.
Outside of a run they do what they did.

The functions are given that look when a run begins after their module was imported, or when the module is imported
during a run; and keep it.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import socket
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

from interlace.backends.aio.refused import refuse
from interlace.backends.clocks import CLOCKS

_NO_PASSTHROUGH = "world.passthrough does not reach it either, as it has connections of its own"


class Door(NamedTuple):
    """A function through which a library reaches the real network.

    Args:
        module: the module that it is in.
        path: its name there, with that of its class.
        shown: what it is called in the refusal.
        remedy: what to do instead.
    """

    module: str
    path: str
    shown: str
    remedy: str


def _fake(of: str, instead: str) -> str:
    return f"It does its input and output in C: put a fake in the place of {of}, or use {instead}"


_GRPC = (
    _fake(
        "the stub that you call or the servicer that you test",
        "grpclib, whose connections are simulated",
    )
    + f"; {_NO_PASSTHROUGH}"
)
_LIBPQ = _fake(
    "the function that asks the database", "asyncpg, which world.passthrough lets through to a real one"
)
_MYSQL = _fake(
    "the function that asks the database", "aiomysql, which world.passthrough lets through to a real one"
)
_CARES = "It asks real name servers, in C: use loop.getaddrinfo, which knows the hosts of the world"
_ZMQ = _fake("what sends and receives", "asyncio's streams") + f"; {_NO_PASSTHROUGH}"
_CURL = _fake("the function that asks", "aiohttp or httpx, whose connections are simulated")
_UVLOOP = (
    "It is a loop of its own, in C, on the real network: use asyncio.run, or no loop but that of the run"
)

DOORS = (
    Door("grpc.aio._channel", "Channel.__init__", "grpc.aio.Channel", _GRPC),
    Door("grpc.aio._call", "Call.__init__", "a call through grpc.aio.Channel", _GRPC),
    Door("grpc.aio._server", "Server.__init__", "grpc.aio.server", _GRPC),
    Door("grpc._channel", "Channel.__init__", "grpc.Channel", _GRPC),
    Door("grpc._channel", "_UnaryUnaryMultiCallable._blocking", "a call through grpc.Channel", _GRPC),
    Door("grpc._server", "_Server.__init__", "grpc.server", _GRPC),
    Door(
        "psycopg.connection_async", "AsyncConnection._connect_gen", "psycopg.AsyncConnection.connect", _LIBPQ
    ),
    Door("psycopg.connection", "Connection._connect_gen", "psycopg.connect", _LIBPQ),
    Door("psycopg2", "connect", "psycopg2.connect", _LIBPQ),
    Door("MySQLdb.connections", "Connection.__init__", "MySQLdb.connect", _MYSQL),
    *(
        Door("pycares", f"Channel.{name}", f"pycares.Channel.{name}", _CARES)
        for name in ("getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo", "query", "search")
    ),
    Door("zmq.sugar.socket", "Socket.connect", "zmq.Socket.connect", _ZMQ),
    Door("zmq.sugar.socket", "Socket.bind", "zmq.Socket.bind", _ZMQ),
    Door("curl_cffi.aio", "AsyncCurl.__init__", "curl_cffi.AsyncCurl", _CURL),
    Door("curl_cffi.curl", "Curl.perform", "curl_cffi.Curl.perform", _CURL),
    Door("uvloop", "Loop.__init__", "uvloop.Loop", _UVLOOP),
)

_MODULES = {door.module for door in DOORS} | {"aiodns"}


class _Doors(MetaPathFinder):
    """The doors of what is imported; see `Companion`. It is also told of what is imported during a run."""

    def __init__(self) -> None:
        self._fitted: dict[str, ModuleType] = {}

    def replace(self) -> None:
        """Has the doors of modules that are there look whether a run goes through them."""
        for name in sorted(_MODULES & sys.modules.keys()):
            self._fit(sys.modules[name])
        sys.meta_path.insert(0, self)

    def restore(self) -> None:
        """Is not told of imports any more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> ModuleSpec | None:
        """Has a module be found by the others, and its doors be fitted once it is executed."""
        if fullname not in _MODULES:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if finder is self or find is None else find(fullname, path, target)
            if spec is not None:
                self._tell_when_executed(spec)
                return spec
        return None

    def _tell_when_executed(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return

        def then_fit(module: ModuleType) -> None:
            execute(module)
            self._fit(module)

        loader.exec_module = then_fit

    def _fit(self, module: ModuleType) -> None:
        if self._fitted.get(module.__name__) is module:
            return
        self._fitted[module.__name__] = module
        for door in DOORS:
            if door.module == module.__name__:
                owner: Any = module
                *parents, name = door.path.split(".")
                for parent in parents:
                    owner = getattr(owner, parent, None)
                if hasattr(owner, name):
                    _put_look(owner, name, functools.partial(_refuse_in_a_run, door))
        if module.__name__ == "aiodns" and hasattr(module, "DNSResolver"):
            _put_look(module.DNSResolver, "getaddrinfo", functools.partial(_answer_for_aiodns, module))


def _put_look(owner: Any, name: str, instead: Callable[..., Any]) -> None:
    """Has a function ask first what to do instead; None: what it does."""
    held = inspect.getattr_static(owner, name)
    function = held.__func__ if isinstance(held, classmethod) else held

    @functools.wraps(function)
    def look(*args: Any, **options: Any) -> Any:
        if CLOCKS.world_of() is not None:
            answer = instead(*args, **options)
            if answer is not None:
                return answer
        return function(*args, **options)

    setattr(owner, name, classmethod(look) if isinstance(held, classmethod) else look)


def _refuse_in_a_run(door: Door, *args: Any, **options: Any) -> None:
    if door.module.startswith("zmq") and str(args[-1] if len(args) > 1 else "").startswith("inproc:"):
        return
    refuse(door.shown, door.remedy)


def _answer_for_aiodns(module: Any, resolver: Any, host: str, *args: Any, **options: Any) -> Any:
    """Looks up a name for aiodns in the simulated network: aiohttp asks it where it is installed."""
    given = dict(zip(("family", "port", "proto", "type", "flags"), args, strict=False)) | options
    wanted = {key: given.get(key, 0) for key in ("family", "proto", "type", "flags")}

    async def look_up() -> Any:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, given.get("port"), **wanted)
        except socket.gaierror as error:
            failure = module.error.DNSError(module.error.ARES_ENOTFOUND, "Domain name not found")
            for note in getattr(error, "__notes__", ()):
                failure.add_note(note)
            raise failure from error
        nodes = [
            SimpleNamespace(
                family=int(family),
                socktype=int(kind),
                protocol=proto,
                ttl=0,
                addr=(str(address[0]).encode(), *address[1:]),
            )
            for family, kind, proto, _, address in found
        ]
        return SimpleNamespace(nodes=nodes, cnames=[])

    return asyncio.ensure_future(look_up())


DOORS_OF_OTHERS = _Doors()
"""Those of this process."""
