"""What `import pytest_asyncio` gives where pytest-asyncio is not installed: its public names, on interlace.

PYTEST_DONT_REWRITE: it is imported before pytest could rewrite its assertions, and has none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from interlace.plugin.declare import fixture
from interlace.plugin.markers import is_async_test

__all__ = ("fixture", "is_async_test", "plugin")
__path__: list[str] = []  # so that it counts as a package, for `import pytest_asyncio.plugin`
__version__ = "1.5.0"
"""The version whose interface this is."""

plugin = sys.modules[__name__]


def _unused_port(kind: int) -> int:
    import socket

    with socket.socket(socket.AF_INET, kind) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def new_ports(kind: int) -> Callable[[], int]:
    """Returns what gives another free port of 127.0.0.1 at each call."""
    given: set[int] = set()

    def another() -> int:
        port = _unused_port(kind)
        while port in given:
            port = _unused_port(kind)
        given.add(port)
        return port

    return another


class Fixtures:
    """The fixtures of pytest-asyncio, registered where interlace stands in for it."""

    @pytest.fixture(scope="session")
    @staticmethod
    def unused_tcp_port_factory() -> Callable[[], int]:
        """Returns a free TCP port of 127.0.0.1 at each call, never the same twice."""
        from socket import SOCK_STREAM

        return new_ports(SOCK_STREAM)

    @pytest.fixture(scope="session")
    @staticmethod
    def unused_udp_port_factory() -> Callable[[], int]:
        """Returns a free UDP port of 127.0.0.1 at each call, never the same twice."""
        from socket import SOCK_DGRAM

        return new_ports(SOCK_DGRAM)

    @pytest.fixture
    @staticmethod
    def unused_tcp_port(unused_tcp_port_factory: Callable[[], int]) -> int:
        """A free TCP port of 127.0.0.1."""
        return unused_tcp_port_factory()

    @pytest.fixture
    @staticmethod
    def unused_udp_port(unused_udp_port_factory: Callable[[], int]) -> int:
        """A free UDP port of 127.0.0.1."""
        return unused_udp_port_factory()

    @pytest.fixture
    @staticmethod
    def event_loop(request: pytest.FixtureRequest) -> Any:
        """The event loop that the test runs on; one of its own for a test that is not async."""
        from interlace.plugin.event_loop import loop_of

        return loop_of(request)

    @pytest.fixture(scope="session")
    @staticmethod
    def event_loop_policy() -> Any:
        """The event loop policy that makes the loops; a suite may override it."""
        from interlace.backends.aio.stock import get_policy

        return get_policy()


class Hooks:
    """The hooks of pytest-asyncio."""

    @pytest.hookspec(firstresult=True)
    def pytest_asyncio_loop_factories(self, config: pytest.Config, item: pytest.Item) -> Any:
        """Returns the loop factories that a test runs with, each under its name; None: those of others."""
