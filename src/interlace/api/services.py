"""Fakes of slow services, as a test puts them into its world."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from interlace.api.tapes import Record, load
from interlace.backends.outside import PATIENCE
from interlace.errors import UsageError
from interlace.services.http import HttpFake
from interlace.services.http.address import Base
from interlace.services.order import Moment
from interlace.services.redis import RedisFake
from interlace.services.redis.address import Address as RedisAddress
from interlace.services.redis.fake import load_fakeredis
from interlace.services.tapes.address import Address
from interlace.services.tapes.scrub import Scrub
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.host import LOOPBACK, Host
from interlace.sim.network.life import Served, serve
from interlace.sim.network.link import Line
from interlace.sim.network.network import DEFAULT_HOST
from interlace.sim.network.service import check_name, is_local, split_address
from interlace.sim.world import World as SimWorld


class Services:
    """Puts fakes of slow services into a world: each stands on the wire, where unmodified clients reach it.

    Args:
        inner: the world.
    """

    __slots__ = ("_inner",)

    def __init__(self, inner: SimWorld) -> None:
        self._inner = inner

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
            base,
            lambda: Moment(world.clock.elapsed, world.step),
            world.complaints.append,
            strict=strict,
            latency=latency,
            is_still=lambda: not world.flight.arrivals,
        )
        self._serve(base.host, base.port, fake.connect, None, base.is_secure)
        world.reviews.append(fake.unused)
        return fake

    def redis(self, url: str, *, latency: Latency | None = None, durable: bool = False) -> RedisFake:
        """Has a fake Redis answer at a URL of the simulated network; unmodified clients reach it by that.

        Args:
            url: such as `"redis://cache:6379"`, `"rediss://:password@cache/1"` or `"valkey://cache"`, as clients are
                given it. A password in it must be given by clients; the database in it is that of `data`.
            latency: how long its answers take, as for `latency`; None: as the links between hosts say, and 0 to
                100 ms on the same host.
            durable: whether its data outlives a crash of its host; else it is empty after one.

        Raises:
            UsageError: an argument that cannot work, fakeredis is not installed, or trustme is not, for TLS.
        """
        address = RedisAddress.parse(url)
        load_fakeredis()
        world = self._inner
        host = self._host(address.host)
        fake = RedisFake(address, host, world.clock, latency, durable)
        self._serve(address.host, address.port, fake.connect, None, address.is_secure)
        return fake

    def tape(
        self,
        url: str,
        file: str | os.PathLike[str],
        record: Record = None,
        *,
        to: str | None = None,
        scrub: Scrub = None,
        latency: Latency | None = None,
        headers: Iterable[str] = (),
        repeat: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        """Has a tape of a real peer answer at its URL in the simulated network, or records one.

        A tape is replayed in virtual time, whatever is explored, and the real peer is not asked. It is recorded in a
        plain run that passes; further schedules of a search are run on what was just recorded.

        Args:
            url: such as `"https://api.stripe.com"`; of another protocol than HTTP the address, `"cache:6379"`, or
                `"tls://broker:8883"` where it speaks TLS.
            file: the path of the tape.
            record: True: it is recorded; False: it is replayed; `"new"`: it is recorded if it is not there; None: as
                `pytest --tapes` says, and else it is replayed.
            to: where the peer really is, if not at `url`: `host:port`, or the path of a Unix socket.
            scrub: what else is secret: names of headers and fields, and patterns; or a function of "request" or
                "answer", and bytes, which returns what is written down, and compared.
            latency: how long answers take, as for `latency`; None: in the plain run as long as was observed, and
                else from half to double of that.
            headers: the names of those that a request must have as it was recorded, besides method, path, query
                and body.
            repeat: whether the last answer holds for further equal requests that may change something.
            patience: as for `passthrough`, while it is recorded.

        Raises:
            UsageError: an argument that cannot work, h11 is not installed, or trustme is not, for TLS.
            NoTape: there is no tape to replay.
            TornTape: it cannot be read.
        """
        address = Address.parse(url)
        talk = load(
            self._inner,
            address,
            file,
            record,
            to=to,
            scrub=scrub,
            latency=latency,
            headers=headers,
            repeat=repeat,
            patience=patience,
        )
        self._serve(address.host, address.port, talk, None, address.is_secure)

    def _host(self, name: str) -> Host:
        return self._inner.network.host(DEFAULT_HOST if is_local(name) else name)

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
        host = self._host(name)
        address = LOOPBACK if is_local(name) else "0.0.0.0"
        serve(Served(host, address, port, handler, host.tls() if tls else None, line, datagrams))
        return host
