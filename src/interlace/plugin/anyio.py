"""Standing in for the plugin of anyio: its fixtures, and tests on backends other than asyncio.

A test on asyncio runs on a loop of ours; one on another backend runs on the test runner that anyio
itself brings, which keeps fixtures and test in one task as well.
"""

from __future__ import annotations

import importlib
import socket
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from contextvars import Context
from typing import Any

import pytest

from interlace.errors import UsageError
from interlace.plugin.compat import add_finalizer, collected_again, definitions, fixture_value, scope_node
from interlace.plugin.declare import SCOPES, is_async_function
from interlace.plugin.lanes import Lane, lane_of, options_of, wider
from interlace.plugin.markers import is_async
from interlace.plugin.neighbours import is_installed
from interlace.plugin.pytest_asyncio import new_ports

_RUNNERS = pytest.StashKey[dict[str, "Guest"]]()


def backend_of(item: pytest.Function) -> tuple[str, dict[str, Any]]:
    """Returns the name and the options of the backend that a test asks for.

    Raises:
        UsageError: the fixture `anyio_backend` has no such value.
    """
    value = fixture_value(item, "anyio_backend")
    if isinstance(value, str):
        return value, {}
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        return value[0], dict(value[1])
    raise UsageError(
        f"the fixture anyio_backend is {value!r}: make it a name, such as 'asyncio', or a pair of a name and a "
        "dictionary of options"
    )


class Guest:
    """A test runner of anyio, with the face of an open loop.

    Args:
        name: the backend.
        options: its options.
    """

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        from anyio._core._eventloop import get_async_backend

        self._name = name
        self._runs = False
        self._shield: Any = None
        self._stack = ExitStack()
        self._runner = self._stack.enter_context(get_async_backend(name).create_test_runner(options))

    def call(
        self, coroutine: Coroutine[Any, Any, Any], context: Context | None = None, timeout: float = 0
    ) -> Any:
        """Runs a coroutine to its end, in the task of the runner.

        Raises:
            UsageError: the runner is in the middle of another one, which only a loop of asyncio can leave.
        """
        if self._runs:
            coroutine.close()
            raise UsageError(
                f"an async fixture was asked for with getfixturevalue() while a test runs on {self._name}: "
                "ask for it in the arguments of the test"
            )

        from anyio import CancelScope

        async def job() -> Any:
            self._unshield()
            try:
                return await coroutine
            finally:
                self._shield = CancelScope(shield=True)
                self._shield.__enter__()

        self._runs = True
        try:
            return self._runner.run_fixture(job, {})
        finally:
            self._runs = False

    def _unshield(self) -> None:
        """Lets the task of the runner be cancelled again.

        Between two jobs it is not: a nursery that a fixture has open is cancelled when a child fails, and the
        runner would end with it. The next job, which may be the end of that fixture, is then cancelled.
        """
        shield, self._shield = self._shield, None
        if shield is not None:
            shield.__exit__(None, None, None)

    def suspect(self) -> None:
        """Does nothing: see `take_failures`."""

    def take_failures(self, *, unretrieved: bool = False) -> list[BaseException]:
        """Returns nothing: the runner raises by itself what goes wrong in the background."""
        return []

    def close(self) -> None:
        """Ends the runner."""

        async def unshield() -> None:
            self._unshield()

        if self._shield is not None:
            self._runner.run_fixture(unshield, {})
        self._stack.close()


def lane_on_backend(item: pytest.Function, scope: str = "function") -> Lane:
    """Returns the lane of a node on the backend that a test asks for.

    Args:
        item: the test.
        scope: the scope of the node: that of a fixture, "function" for the test itself.
    """
    name, options = backend_of(item)
    wide = wider(scope, _scope_of_backend(item))
    if name == "asyncio":
        factory = _factory(options)
        key = (factory, repr(options))
        return lane_of(item, scope, wide, factory, key, options_of(item).timeout)
    key_of_runner = f"{name} {options!r}"
    # Trio runs once in a thread: what is open for a wider scope serves a narrower one as well.
    for open_for in SCOPES[SCOPES.index(wide) :]:
        found = scope_node(item, open_for).stash.get(_RUNNERS, {}).get(key_of_runner)
        if found is not None:
            return Lane(found, open_for)
    node = scope_node(item, wide)
    runners = node.stash.setdefault(_RUNNERS, {})
    if key_of_runner not in runners:
        guest = runners[key_of_runner] = Guest(name, options)

        def close() -> None:
            del runners[key_of_runner]
            guest.close()

        add_finalizer(node, close)
    return Lane(runners[key_of_runner], wide)


def ask_for_backends(session: pytest.Session) -> None:
    """Has tests ask for a backend that were marked for anyio after they were collected, by a hook."""
    for item in list(session.items):
        if (
            isinstance(item, pytest.Function)
            and is_async(item)
            and item.get_closest_marker("anyio") is not None
            and "anyio_backend" not in item.fixturenames
        ):
            place = session.items.index(item)
            session.items[place : place + 1] = collected_again(item, "anyio_backend")


def _scope_of_backend(item: pytest.Function) -> str:
    """Returns the scope that the loop must have: that of the widest async fixture of a test."""
    return wider(*(one.scope for one in definitions(item) if is_async_function(one.func)))


def _factory(options: dict[str, Any]) -> Any:
    """Returns the loop factory that the options of the asyncio backend name; None: as asyncio does."""
    factory = options.get("loop_factory")
    if factory is None and options.get("use_uvloop"):
        factory = importlib.import_module("uvloop").new_event_loop
    return factory


def _backends() -> list[str]:
    """Returns the backends that can be used here."""
    return ["asyncio", *(["trio"] if is_installed("trio") else [])]


class AnyioFixtures:
    """The fixtures of anyio's plugin."""

    @pytest.fixture(scope="module", params=_backends())
    @staticmethod
    def anyio_backend(request: pytest.FixtureRequest) -> Any:
        """The backend to run on."""
        return request.param

    @pytest.fixture
    @staticmethod
    def anyio_backend_name(anyio_backend: Any) -> str:
        """The name of the backend."""
        return anyio_backend if isinstance(anyio_backend, str) else anyio_backend[0]

    @pytest.fixture
    @staticmethod
    def anyio_backend_options(anyio_backend: Any) -> dict[str, Any]:
        """The options of the backend."""
        return {} if isinstance(anyio_backend, str) else anyio_backend[1]

    @pytest.fixture(scope="session")
    @staticmethod
    def free_tcp_port_factory() -> Callable[[], int]:
        """Returns a free TCP port at each call, never the same twice."""
        return new_ports(socket.SOCK_STREAM)

    @pytest.fixture(scope="session")
    @staticmethod
    def free_udp_port_factory() -> Callable[[], int]:
        """Returns a free UDP port at each call, never the same twice."""
        return new_ports(socket.SOCK_DGRAM)

    @pytest.fixture
    @staticmethod
    def free_tcp_port(free_tcp_port_factory: Callable[[], int]) -> int:
        """A free TCP port."""
        return free_tcp_port_factory()

    @pytest.fixture
    @staticmethod
    def free_udp_port(free_udp_port_factory: Callable[[], int]) -> int:
        """A free UDP port."""
        return free_udp_port_factory()
