"""Faults of services, hosts and links, as a test asks for them: to happen, or to be explored."""

from __future__ import annotations

from difflib import get_close_matches
from types import TracebackType
from typing import TYPE_CHECKING, Any

from interlace.errors import UsageError
from interlace.services import faults as vocabulary
from interlace.sim.network.fault import KINDS, Fault
from interlace.sim.network.host import Host
from interlace.sim.network.network import Network
from interlace.sim.network.service import split_address
from interlace.sim.network.spoiling import Place, Said

if TYPE_CHECKING:
    from interlace.sim.world import World as SimWorld

_BARE = ("reset", "empty", "partial", "refuse", "unreachable")
"""Faults of which nothing can be said by one value."""


class Faulty:
    """Faults that hold from when they were made until `heal`, or the end of the `with` block. Made by a `World`.

    Args:
        network: whose connections meet them.
        said: which ones, and which faults.
    """

    __slots__ = ("_network", "_said")

    def __init__(self, network: Network, said: Said) -> None:
        self._network = network
        self._said = said
        network.spoiling.say(said)

    def __enter__(self) -> Faulty:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.heal()

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self._said.faults))
        return f"<{type(self).__name__} {shown}>"

    def heal(self) -> None:
        """Ends the faults. A connection that one of them has broken, or has hang, stays so."""
        self._network.spoiling.take_back(self._said)


class FaultyWorld:
    """The part of a world that deals with faults on the wire."""

    __slots__ = ()

    _inner: SimWorld

    def faulty(self, service: Any, *faults: Fault, times: int | None = None, one_way: bool = False) -> Faulty:
        """Has faults happen, from now on, to the connections of a service, to a host, or over a link.

        A service and a host meet them in what they answer: it has been asked, and may have done what it was
        asked for. A link meets them in both directions.

        Args:
            service: what `http`, `tcp` and their kin have returned; a host; the name of a host, or `host:port`; of a
                link, a pair of hosts or of their names.
            faults: of `interlace.fault`; several of them act one after the other.
            times: how many connections are hit; None: all.
            one_way: of a link, whether only what the first host sends is hit.

        Returns: what ends them: in a `with` block, or by its `heal()`.

        Raises:
            UsageError: an argument that cannot work.
        """
        if not faults:
            raise UsageError("faulty() asks for no fault: give one of interlace.fault, such as fault.reset()")
        for fault in faults:
            if not isinstance(fault, Fault):
                raise UsageError(
                    f"faulty() is given {fault!r}: give a fault of interlace.fault, such as fault.reset()"
                )
            if fault.has_answer:
                raise UsageError(
                    f"faulty() is given {fault!r}: leave .on(...) out, the service has its own answers"
                )
        if times is not None:
            _check_count("faulty", "times", times)
        places = places_of(self._inner.network, service, "faulty", one_way=one_way)
        return Faulty(self._inner.network, Said(places, faults, times, explored=False))

    def faults(self, *services: Any, at_most: int = 1, **kinds: Any) -> Faulty:
        """Has faults be explored, from now on: each packet of these services may meet one. In the plain run none does.

        What a service is sent may meet a reset, a hang and a latency, what it answers all of them, and a request to
        connect `refuse` and `unreachable`.

        Args:
            services: each as for `faulty`.
            at_most: how many faults happen in one run, at most.
            kinds: names of `interlace.fault`: True, the value that it takes (`latency="30s"`), or a fault of that name.

        Returns: what ends them: in a `with` block, or by its `heal()`.

        Raises:
            UsageError: an argument that cannot work.
        """
        if not services:
            raise UsageError(
                "faults() is for no service: give what world.http(...) has returned, or the name of a host"
            )
        _check_count("faults", "at_most", at_most)
        asked = tuple(fault for name, value in kinds.items() if (fault := _fault_of(name, value)) is not None)
        if not asked:
            raise UsageError(
                "faults() asks for no fault: add reset=True, hang=True, or others of interlace.fault"
            )
        network = self._inner.network
        places = tuple(place for service in services for place in places_of(network, service, "faults"))
        return Faulty(network, Said(places, asked, at_most, explored=True))


def places_of(network: Network, service: Any, method: str, *, one_way: bool = False) -> tuple[Place, ...]:
    """Returns which connections are meant by a service, a host, a name or a pair of hosts.

    Raises:
        UsageError: it is none of this network.
    """
    if isinstance(service, tuple):
        if len(service) != 2:
            raise UsageError(f"{method}({service!r}): a link is a pair of hosts, such as ('local', 'db')")
        one, other = (_host_of(network, each, method) for each in service)
        return (Place(one, 0, other, one_way),)
    if one_way:
        raise UsageError(
            f"{method}({service!r}, one_way=True): that is for links; give a pair of hosts, such as ('local', 'db')"
        )
    if isinstance(service, str) and ":" in service:
        name, port = split_address(service, "address of a service")
        return (Place(_host_of(network, name, method), port),)
    if isinstance(service, (str, Host)):
        return (Place(_host_of(network, service, method)),)
    places = tuple(
        Place(host, served.port)
        for host in network.hosts
        for served in host.served
        if not served.datagrams and served.is_made_by(service)
    )
    if not places:
        raise UsageError(
            f"{method}({service!r}): that is no service of this world; give what its http(...) or tcp(...) has "
            "returned, or the name of a host"
        )
    return places


def _host_of(network: Network, given: Any, method: str) -> Host:
    host = network.find(given) if isinstance(given, str) else given
    if isinstance(host, Host) and host.network is network:
        return host
    if isinstance(host, Host):
        raise UsageError(
            f"{method}({given!r}): that host is of another world; give one that world.host(name) returns here"
        )
    near = get_close_matches(given.lower(), network.names, 1) if isinstance(given, str) else []
    meant = f"; did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"{method}: there is no host {given!r} (hosts: {', '.join(network.names) or 'none yet'}){meant} Give the name of a "
        "host, made by world.host(name), or a service"
    )


def _fault_of(name: str, value: Any) -> Fault | None:
    if name not in KINDS:
        near = get_close_matches(name, KINDS, 1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"faults() knows no fault called {name!r}.{meant} There are {', '.join(KINDS)}")
    if value is False or value is None:
        return None
    if isinstance(value, Fault):
        if value.kind != name or value.has_answer:
            raise UsageError(f"faults({name}={value!r}): give fault.{name}(...)")
        return value
    make = getattr(vocabulary, name)
    if value is True:
        return make()  # type: ignore[no-any-return]  # found by its name
    if name in _BARE:
        raise UsageError(f"faults({name}={value!r}): give True")
    return make(value)  # type: ignore[no-any-return]  # found by its name


def _check_count(method: str, name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{method}(): {name} is {value!r}; give a whole number from 1 up")
