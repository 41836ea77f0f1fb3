"""An ASGI application on a host: what its connections are made of, and what becomes of it at the end of the run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interlace.apps.asgi.lifespan import Life, Lifespan, check_lifespan
from interlace.errors import HostCrashed, UsageError
from interlace.sim.network.life import spared

if TYPE_CHECKING:
    from interlace.sim.network.host import Host
    from interlace.sim.world import World

__all__ = ["AsgiApp", "check_lifespan"]

_GRACE = 10.0
"""Virtual seconds for which an application that shuts down may finish what it was asked."""


def _protocols() -> Any:
    try:
        from interlace.apps.asgi import protocols
    except ImportError as error:
        raise UsageError(
            f"world.asgi(...) serves applications with uvicorn, h11 and websockets, and {error.name or 'one of them'} "
            f"cannot be imported ({error}): pip install 'interlace[asgi]'"
        ) from None
    return protocols


class AsgiApp:
    """An ASGI application that is served on a host.

    Args:
        app: the application.
        world: the world.
        host: the host.
        shown: what the application is and where, in words.
        lifespan: whether it takes part in that.

    Raises:
        UsageError: what serves it is not installed.
    """

    def __init__(
        self, app: Callable[..., Any], world: World, host: Host, shown: str, lifespan: Lifespan
    ) -> None:
        self._app = app
        self._world = world
        self._host = host
        self._shown = shown
        self._lifespan: Lifespan = lifespan
        self._protocols = _protocols()
        self._settings = self._protocols.settings_for(self)
        self._settings.load()
        self._life: Life | None = None
        self._office: Any = None
        self._counts: dict[str, int] = {}

    def begin(self) -> None:
        """Starts the application, which each restart of its host does anew; it shuts down at the end of the run.

        Raises:
            UsageError: the host is down.
        """
        self._host.start(self._live)
        self._world.endings.append(self._leave)

    def connect(self) -> asyncio.Protocol:
        """Returns the protocol of a new connection."""
        life = self.life
        made: asyncio.Protocol = self._protocols.HttpProtocol(self._settings, self._office, life.state)
        return made

    @property
    def life(self) -> Life:
        """The lifespan that goes on now: each life of the host has one."""
        life, world = self._life, self._world
        if life is None or life.number != self._host.life:
            life = self._life = Life(self._host.life, self._shown, world.complaints.append)
            self._office = self._protocols.Office(
                lambda: world.clock.here_wall_ns / 1e9, lambda: world.closed, self._named
            )
        return life

    # -- what is asked of it ---------------------------------------------------------------------

    async def __call__(self, scope: Any, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Answers a request, once the application has started."""
        life = self.life
        await life.start()
        if life.failure is not None:
            await _refuse(scope, send, life.failure)
            return
        scope["state"] = life.state.copy()
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            # Its client is answered by 500, and may well expect that.
            asked = f"{scope.get('method', scope['type'])} {scope['path']}"
            self._world.remark(self._shown, error, f"when it was asked {asked}")
            raise

    def _named(self, request: str) -> str:
        self._counts[request] = count = self._counts.get(request, 0) + 1
        return request if count == 1 else f"{request} #{count}"

    # -- beginning and end -----------------------------------------------------------------------

    @spared
    def _live(self) -> Any:
        living: Any = self.life.run(self._app, self._lifespan)
        living.__qualname__ = "lifespan"
        return living

    async def _leave(self) -> None:
        if not self._host.is_up:
            return
        try:
            await self._host.run(self._shut_down)
        except HostCrashed:
            pass

    @spared
    async def _shut_down(self) -> None:
        """Lets the application finish what it was asked, then shut down."""
        life = self.life
        await life.start()
        tasks = [task for task in self._office.tasks if not task.done()]
        if tasks:
            for connection in self._office.connections:
                connection.shutdown()
            _, late = await asyncio.wait(tasks, timeout=_GRACE)
            for task in sorted(late, key=hash):
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=_GRACE)
        life.leave()
        await life.ended.wait()


async def _refuse(scope: Any, send: Callable[..., Any], failure: BaseException) -> None:
    """Answers for an application that has not started."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1011})
        return
    body = f"{failure}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
