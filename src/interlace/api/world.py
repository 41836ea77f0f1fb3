"""The simulated world of a run, as a test sees it."""

from __future__ import annotations

import inspect
from typing import Any

from interlace.api.apps import Applications
from interlace.api.faulty import FaultyWorld
from interlace.backends.aio.carriers import InWorld
from interlace.backends.aio.run import suspend
from interlace.backends.files import files_of
from interlace.backends.outside import PATIENCE, outside_of
from interlace.services.callables import make_fake
from interlace.services.callables.failures import Fail
from interlace.services.callables.fakes import Latencies
from interlace.sim.clock import Clock
from interlace.sim.files import Files
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network import Network
from interlace.sim.network.host import Host
from interlace.sim.network.links import Links


class World(Applications, FaultyWorld):
    """The simulated world of a run, as a test sees it.

    Args:
        inner: the world that it shows.
    """

    __slots__ = ()

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

    def fake(
        self,
        spec: Any,
        implementation: Any = None,
        *,
        latency: Latencies = None,
        fail: Fail = None,
        at_most: int = 1,
    ) -> Any:
        """Returns a fake of an object or a function, whose async calls take a virtual time that is explored.

        Args:
            spec: what it stands for: a class or a Protocol (the fake is an instance), an instance, a function or a
                module. What is async there is async in the fake, and signatures are checked.
            implementation: an object, or a function, that answers where the test has said nothing; None: nobody
                does, and such a call fails the test.
            latency: how long async calls take, as for `latency`, or that by the names of methods (`"*"`: the
                others); half of it passes before the call takes effect.
            fail: exceptions by the names of methods, or a list for all methods: which call fails with which, if
                any, is explored.
            at_most: how many calls fail in one run, at most.

        Raises:
            UsageError: an argument that cannot work, or an implementation that does not fit the spec.
        """
        carrier = InWorld(self._inner)
        return make_fake(spec, implementation, carrier=carrier, latency=latency, fail=fail, at_most=at_most)

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
