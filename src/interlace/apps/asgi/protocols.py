"""uvicorn's protocols, with what they leave to its server: headers, names of tasks, no timers of their own.

The server itself ticks ten times a second, which would keep virtual time from going on. Needs uvicorn, h11 and
websockets.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextvars import copy_context
from email.utils import formatdate
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from interlace.sim.network.life import current_host


class Office(ServerState):
    """What the connections to one application share.

    Args:
        wall: returns the virtual seconds since 1970.
        is_over: tells whether the run is over: nobody is to hear of what is torn down.
        named: makes of what a request asks for a name that none before it has.
    """

    def __init__(
        self, wall: Callable[[], float], is_over: Callable[[], bool], named: Callable[[str], str]
    ) -> None:
        self._wall = wall
        self.named = named
        super().__init__()
        self.connections: Any = _InOrder()
        parent = logging.getLogger("uvicorn.error")
        self.logger = logging.Logger(parent.name, parent.getEffectiveLevel())
        self.logger.parent = parent
        # Where nobody has set up logging, each of many runs would write the same to stderr.
        self.logger.addFilter(lambda record: parent.hasHandlers() and not is_over())

    def date(self) -> None:
        """Has answers from now on bear the date of this moment, and the name of their server."""
        date = formatdate(self._wall(), usegmt=True)
        self.default_headers = [(b"date", date.encode()), (b"server", b"uvicorn")]


class _InOrder:
    """A set that is walked through in the order in which things came."""

    def __init__(self) -> None:
        self._kept: dict[Any, None] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Any]:
        return iter(tuple(self._kept))

    def add(self, one: Any) -> None:
        """Adds one."""
        self._kept[one] = None

    def discard(self, one: Any) -> None:
        """Takes one out, if it is there."""
        self._kept.pop(one, None)

    remove = discard


class _Requests:
    """The loop as a connection of uvicorn sees it.

    Args:
        loop: the loop.
        name: names the task of the next request.
        ages: whether a connection may call something later. uvicorn closes one over which nothing was asked for
            five seconds: time that virtual time would often jump over.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, name: Callable[[], str], ages: bool) -> None:
        self._loop = loop
        self._name = name
        self._ages = ages
        self._stay = current_host.get()

    def create_task(self, coroutine: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        """Makes the task of a request, named after that, on the host of the application."""
        answering: Any = coroutine
        name = answering.__qualname__ = self._name()
        context = options.pop("context", None) or copy_context()
        context.run(current_host.set, self._stay)  # some releases of uvicorn begin with an empty context
        return self._loop.create_task(coroutine, name=name, context=context, **options)

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any) -> Any:
        """Calls something later, unless that is how connections age."""
        return self._loop.call_later(delay, callback, *args) if self._ages else _NEVER

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


class _Never:
    """Stands for a timer that is not armed."""

    def cancel(self) -> None:
        """Does nothing."""


_NEVER = _Never()


class HttpProtocol(H11Protocol):
    """One connection over which an application is asked by HTTP/1.1."""

    def __init__(self, config: Config, server_state: Office, app_state: dict[str, Any]) -> None:
        loop: Any = _Requests(asyncio.get_running_loop(), self._doing, ages=False)
        super().__init__(config, server_state, app_state, loop)
        self.logger = server_state.logger
        self._named = server_state.named
        self._date = server_state.date

    def data_received(self, data: bytes) -> None:
        """Takes what has arrived."""
        self._date()
        super().data_received(data)

    def _doing(self) -> str:
        return self._named(f"{self.scope['method']} {self.scope['path']}")


class SocketProtocol(WebSocketsSansIOProtocol):
    """One connection that has become a websocket."""

    def __init__(self, config: Config, server_state: Office, app_state: dict[str, Any]) -> None:
        loop: Any = _Requests(asyncio.get_running_loop(), self._doing, ages=True)
        super().__init__(config, server_state, app_state, loop)
        self.logger = server_state.logger
        self._named = server_state.named

    def _doing(self) -> str:
        return self._named(f"websocket {self.scope['path']}")


def settings_for(app: Callable[..., Any]) -> Config:
    """Returns what uvicorn's protocols are told of an application.

    Pings would ask for random numbers, and fill virtual time.
    """
    return Config(
        app,
        http=HttpProtocol,
        ws=SocketProtocol,
        ws_ping_interval=None,
        ws_ping_timeout=None,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        proxy_headers=False,
    )
