"""Which connections meet which faults: what a test said of services, hosts and links, for good or as a choice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from interlace.sim.network.fault import OPENING, REQUESTED, Fault

if TYPE_CHECKING:
    from interlace.sim.network.host import Host
    from interlace.sim.network.network import Network
    from interlace.sim.network.stream import End
    from interlace.sim.network.wire import Wire
    from interlace.sim.world import World

_FINE = "arrives"


class Place(NamedTuple):
    """Which connections something is said of: those to a service or a host, or those over a link.

    Args:
        host: the host that is connected to; of a link, one of its hosts.
        port: the port of the service; 0: any.
        other: of a link, the other host; else None.
        one_way: of a link, whether only what `host` sends is meant.
    """

    host: Host
    port: int = 0
    other: Host | None = None
    one_way: bool = False

    def has(self, end: End) -> bool:
        """Tells whether what arrives at an end is what the service answers, or travels over the link."""
        if self.other is not None:
            return self._joins(end.peer.host, end.host)
        return end.side == "client" and self._serves(end.peer)

    def hears(self, end: End) -> bool:
        """Tells whether what arrives at an end is for the service."""
        return self.other is None and end.side == "server" and self._serves(end)

    def opens(self, server: End) -> bool:
        """Tells whether a connection to this end would be one of those."""
        return self._serves(server) if self.other is None else self._joins(server.peer.host, server.host)

    def touches(self, wire: Wire) -> bool:
        """Tells whether such connections may send over a wire."""
        return self.host in (wire.source, wire.target)

    def _serves(self, server: End) -> bool:
        return server.host is self.host and self.port in (0, server.local[1])

    def _joins(self, source: Host, target: Host) -> bool:
        if source is self.host and target is self.other:
            return True
        return not self.one_way and source is self.other and target is self.host


class Said:
    """What a test has said of some connections, until it is taken back.

    Args:
        places: which ones.
        faults: what happens to them.
        times: to how many of them; None: to all.
        explored: whether all this is a choice: a packet meets one of the faults, or none.

    Attributes:
        bends: whether any of the faults is for what is sent, and not for requests to connect.
        left: how many more faults may happen, where they are a choice.
    """

    __slots__ = ("_hit", "bends", "explored", "faults", "left", "places", "times")

    def __init__(
        self, places: tuple[Place, ...], faults: tuple[Fault, ...], times: int | None, *, explored: bool
    ) -> None:
        self.places = places
        self.faults = faults
        self.times = times
        self.explored = explored
        self.left = times or 0
        self.bends = any(fault.kind not in OPENING for fault in faults)
        self._hit: set[str] = set()

    def hits(self, connection: str) -> bool:
        """Tells whether a connection of those is hit, and counts it."""
        if connection not in self._hit:
            if self.times is not None and len(self._hit) >= self.times:
                return False
            self._hit.add(connection)
        return True


class Spoiling:
    """What a test has said of faults on the wire: `world.faulty` and `world.faults`.

    Args:
        world: who is asked.
        network: whose connections they are.

    Attributes:
        hanging: the ends at which nothing arrives any more, as a fault has said so.
    """

    __slots__ = ("_network", "_said", "_world", "hanging")

    def __init__(self, world: World, network: Network) -> None:
        self._world = world
        self._network = network
        self._said: list[Said] = []
        self.hanging: list[End] = []

    def say(self, said: Said) -> None:
        """Has something hold from now on."""
        self._said.append(said)
        for wire in self._network.wires:
            wire.review()

    def take_back(self, said: Said) -> None:
        """Has it hold no more; a connection that it has broken stays so."""
        if said in self._said:
            self._said.remove(said)

    def concerns(self, wire: Wire) -> bool:
        """Tells whether anything was said of connections that send over a wire."""
        return any(place.touches(wire) for said in self._said for place in said.places)

    @property
    def hangs(self) -> tuple[str, ...]:
        """The names of connections over which nothing arrives any more, where somebody may still wait for it."""
        return tuple(dict.fromkeys(end.connection for end in self.hanging if not end.closed))

    # -- what happens ----------------------------------------------------------------------------

    def meet(self, end: End) -> list[Fault]:
        """Returns what happens for good to what is sent to an end."""
        return [
            fault
            for said in self._said
            if not said.explored and said.bends and any(place.has(end) for place in said.places)
            if said.hits(end.connection)
            for fault in said.faults
            if fault.kind not in OPENING
        ]

    def choose(self, end: End, what: str) -> Fault | None:
        """Asks what happens to a packet that is sent to an end; None: nothing.

        Args:
            end: the end.
            what: the name of the packet.
        """
        offered = [
            (said, fault)
            for said in self._choices()
            for fault in said.faults
            if fault.kind not in OPENING
            and any(place.has(end) or (fault.kind in REQUESTED and place.hears(end)) for place in said.places)
        ]
        return self._ask(what, offered)

    def opening(self, server: End) -> Fault | None:
        """Returns what happens for good to a request to connect; None: nothing."""
        for said in self._said:
            if said.explored or not any(place.opens(server) for place in said.places):
                continue
            for fault in said.faults:
                if fault.kind in OPENING and said.hits(server.connection):
                    return fault
        return None

    def choose_opening(self, server: End) -> Fault | None:
        """Asks what happens to a request to connect; None: nothing."""
        offered = [
            (said, fault)
            for said in self._choices()
            if any(place.opens(server) for place in said.places)
            for fault in said.faults
            if fault.kind in OPENING
        ]
        return self._ask(f"{server.connection} request to connect", offered)

    def _choices(self) -> Iterator[Said]:
        return (said for said in self._said if said.explored and said.left)

    def _ask(self, what: str, offered: list[tuple[Said, Fault]]) -> Fault | None:
        world = self._world
        if not offered or not world.asks:
            return None
        options = (_FINE, *(fault.option for _, fault in offered))
        sentences = ("", *(f"{what} {fault.must}" for _, fault in offered))
        answer = world.fault(what, options, sentences)
        if not answer:
            return None
        said, fault = offered[answer - 1]
        said.left -= 1
        return fault
