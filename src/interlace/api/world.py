"""The simulated world of a run, as a test sees it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from interlace.backends.aio.run import suspend
from interlace.backends.files import files_of
from interlace.backends.outside import PATIENCE, outside_of
from interlace.errors import UsageError
from interlace.services.http import HttpFake
from interlace.services.http.address import Base
from interlace.sim.clock import Clock
from interlace.sim.files import Files
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network import Network
from interlace.sim.network.host import LOOPBACK, Host
from interlace.sim.network.life import Served, serve
from interlace.sim.network.link import Line
from interlace.sim.network.links import Links
from interlace.sim.network.network import DEFAULT_HOST
from interlace.sim.network.service import check_name, is_local, split_address
from interlace.sim.world import World as SimWorld


class World:
    """The simulated world of a run, as a test sees it.

    Args:
        inner: the world that it shows.
    """

    __slots__ = ("_inner",)

    def __init__(self, inner: SimWorld) -> None:
        self._inner = inner

    @property
    def clock(self) -> Clock:
        """Virtual time: `clock.elapsed` is seconds since the run began; `await clock.advance(60)` moves it."""
        return self._inner.clock

    @property
    def network(self) -> Network:
        """The simulated network: hosts, names, links."""
        return self._inner.network

    def host(self, name: str) -> Host:
        """Returns the host of this name, and makes it on first use.

        `with world.host("shop").here():` runs code, and the tasks it starts, on that host; its clocks are
        wrong by what `host.clock.skew` and `host.clock.drift` say.
        """
        return self._inner.network.host(name)

    @property
    def net(self) -> Links:
        """The links between hosts: `net.link("shop", "db", latency="5ms..20ms")`, `net.partition("shop", "db")`."""
        return self._inner.network.links

    @property
    def files(self) -> Files:
        """Faults of real files, by path: `files.fail(path, "ENOSPC")`, `files.slow(path, "5ms..50ms")`, `files.tear(folder)`."""
        return files_of(self._inner)

    async def latency(self, spec: Latency = "0ms..100ms") -> None:
        """Takes a virtual time that is explored, as a call to something slow does.

        Args:
            spec: how long: `"5ms"`, `"5ms..200ms"`, seconds, a pair of seconds, or a list of these: one of
                them. The plain run takes the lower end of the first.

        Raises:
            UsageError: not a duration.
        """
        frame = inspect.currentframe()
        caller = frame.f_back if frame is not None else None
        what = caller.f_code.co_name if caller is not None else "something"
        await suspend(self._inner, f"{what} latency", parse_latency(spec))

    def passthrough(
        self,
        name: str,
        to: str | None = None,
        *,
        latency: Latency | None = None,
        patience: float = PATIENCE,
    ) -> None:
        """Lets a name of the simulated network stand for a real service.

        Clients in the world connect to the name. What they send goes to the service through a real socket, and
        virtual time stands still until it has answered; its answer takes a virtual time that is explored.

        Args:
            name: `host:port` in the simulated network; the host is made if it is new.
            to: where the service really is: `host:port`, or the path of a Unix socket; None: `name`.
            latency: how long its answers take, as for `latency`; None: what the links between hosts say.
            patience: real seconds for which virtual time stands still while it has not answered at all. Then
                it is reported, and time goes on; if nothing else can go on, `Unanswered` is raised.

        Raises:
            UsageError: an argument that cannot work.
            OSError: somebody listens at that name already (EADDRINUSE).
        """
        outside_of(self._inner).admit(name, to, latency, patience)

    def tcp(
        self, address: str, handler: Callable[..., Any], *, latency: Latency | None = None, tls: bool = False
    ) -> Host:
        """Has a fake of any protocol listen in the simulated network; returns the host it runs on.

        Args:
            address: `host:port`; the host is made if it is new. It listens from now on, also after a restart.
            handler: a coroutine function that takes a reader and a writer, as for `asyncio.start_server`; or what
                makes, for each connection, an `asyncio.Protocol` or an object with a method `receive(data)`. That
                is given what arrives, b"" at the end, and returns bytes, None, or an iterable of bytes and
                `interlace.after(...)`.
            latency: how long its answers travel, as for `latency`; None: as the links between hosts say.
            tls: whether it speaks TLS, with a certificate that clients in this world trust.

        Raises:
            UsageError: an argument that cannot work.
        """
        host, port = split_address(address, "address of a fake")
        check_name(f"tcp({address!r})", host, f"tcp('service:{port}', ...)")
        line = None if latency is None else Line(parse_latency(latency))
        if line is not None and is_local(host):
            raise UsageError(
                f"tcp({address!r}, latency={latency!r}): what is on the same host has no latency of its own; give the "
                f"fake a name, such as tcp('service:{port}', ...)"
            )
        return self._serve(host, port, handler, line, tls)

    def udp(self, address: str, handler: Callable[[], Any]) -> Host:
        """Has a fake be sent datagrams in the simulated network; returns the host it runs on.

        Args:
            address: `host:port`; the host is made if it is new.
            handler: makes an `asyncio.DatagramProtocol`, or an object with a method `receive(data)` that returns
                what is sent back for a datagram: bytes, None, or an iterable of bytes and `interlace.after(...)`.
                It is made now, and anew after a restart of the host.

        Raises:
            UsageError: an argument that cannot work.
        """
        host, port = split_address(address, "address of a fake")
        check_name(f"udp({address!r})", host, f"udp('service:{port}', ...)")
        return self._serve(host, port, handler, None, False, datagrams=True)

    def http(self, base_url: str, *, strict: bool = True, latency: Latency | None = None) -> HttpFake:
        """Has a fake web API answer at a URL of the simulated network; unmodified clients reach it by that.

        Args:
            base_url: such as `"https://api.example.com"` or `"http://billing:8080/v1"`; paths of routes begin there.
            strict: whether a request that no route is for fails the test; else it is only answered by 501.
            latency: how long its answers take, as for `latency`, where the route says nothing; None: as the
                links between hosts say.

        Raises:
            UsageError: an argument that cannot work, h11 is not installed, or trustme is not, for https.
        """
        base = Base.parse(base_url)
        world = self._inner
        fake = HttpFake(
            base, lambda: world.clock.elapsed, world.complaints.append, strict=strict, latency=latency
        )
        self._serve(base.host, base.port, fake.connect, None, base.is_secure)
        world.reviews.append(fake.unused)
        return fake

    def _serve(
        self,
        name: str,
        port: int,
        handler: Callable[..., Any],
        line: Line | None,
        tls: bool,
        *,
        datagrams: bool = False,
    ) -> Host:
        local = is_local(name)
        host = self.host(DEFAULT_HOST if local else name)
        address = LOOPBACK if local else "0.0.0.0"
        serve(Served(host, address, port, handler, host.tls() if tls else None, line, datagrams))
        return host
