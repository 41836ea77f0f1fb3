"""Whole applications, as a test puts them into its world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from interlace.api.services import Services
from interlace.apps.asgi import AsgiApp, check_lifespan
from interlace.apps.kinds import check_asgi, check_wsgi
from interlace.backends.aio.apart import in_thread
from interlace.errors import UsageError
from interlace.services.http.address import Base
from interlace.services.wsgi import WsgiApp
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.host import Host
from interlace.sim.network.link import Line
from interlace.sim.network.service import is_local


class Applications(Services):
    """Puts applications into a world, and all else that `Services` does."""

    __slots__ = ()

    def asgi(
        self,
        url: str,
        app: Callable[..., Any],
        lifespan: bool | Literal["auto"] = True,
        *,
        latency: Latency | None = None,
    ) -> Host:
        """Has an ASGI application answer at a URL of the simulated network; returns the host it runs on.

        What it starts runs on that host: it ends with a crash of it, and a restart starts the application anew.
        Connections wait until it has started. At the end of a test that has passed it shuts down.

        Args:
            url: such as `"https://billing"` or `"http://billing:8080"`.
            app: an application of ASGI 3: FastAPI, Starlette, Quart, Django's, or a plain one.
            lifespan: whether it is told to start and to shut down, and takes part in that; `"auto"`: it is told, and
                need not take part.
            latency: how long its answers travel, as for `latency`; None: as the links between hosts say.

        Raises:
            UsageError: an argument that cannot work; uvicorn, h11 or websockets is not installed, or trustme is not,
                for https.
        """
        base = _base_of("asgi", url)
        line = _line_to(base, latency, f"asgi({url!r}, ..., latency={latency!r})")
        check_asgi(app, f"asgi({url!r}, ...)")
        check_lifespan(lifespan, f"asgi({url!r}, ...)")
        host = self._host(base.host)
        served = AsgiApp(app, self._inner, host, _shown(app, base), lifespan)
        self._serve(base.host, base.port, served.connect, line, base.is_secure)
        served.begin()
        return host

    def wsgi(self, url: str, app: Callable[..., Any], *, latency: Latency | None = None) -> Host:
        """Has a WSGI application answer at a URL of the simulated network; returns the host it runs on.

        Each request is one call of it, in a thread of its own, in lockstep with the loop. What it answers is sent
        once all of it is there.

        Args:
            url: such as `"https://billing"` or `"http://*.amazonaws.com"`, which is for all names below that domain.
            app: an application of WSGI: Flask, Django's, moto's, or a plain one.
            latency: how long its answers take, as for `latency`; None: as the links between hosts say.

        Raises:
            UsageError: an argument that cannot work, h11 is not installed, or trustme is not, for https.
        """
        base = _base_of("wsgi", url)
        check_wsgi(app, f"wsgi({url!r}, ...)")
        host = self._host(base.host)
        served = WsgiApp(app, self._inner, base, _shown(app, base), in_thread, latency)
        self._serve(base.host, base.port, served.connect, None, base.is_secure)
        return host


def _base_of(call: str, url: str) -> Base:
    """Reads where an application is to be.

    Raises:
        UsageError: it cannot be there.
    """
    base = Base.parse(url, call)
    if base.path:
        raise UsageError(
            f"{call}({url!r}, ...): an application is at a host, not below a path: leave {base.path!r} out, and mount "
            "the application below that path of another one"
        )
    return base


def _line_to(base: Base, latency: Latency | None, call: str) -> Line | None:
    """Reads how the answers of an application travel.

    Raises:
        UsageError: it is no latency, or can have none.
    """
    line = None if latency is None else Line(parse_latency(latency))
    if line is not None and is_local(base.host):
        raise UsageError(
            f"{call}: what is on the same host has no latency of its own; give the "
            "application a name, such as 'http://service'"
        )
    return line


def _shown(app: Any, base: Base) -> str:
    kind = getattr(app, "__qualname__", None) or type(app).__name__
    return f"the application {kind} at {base.shown}"
