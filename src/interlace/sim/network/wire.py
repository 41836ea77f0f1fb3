"""One direction between two hosts: what packets meet on their way, and what TCP makes of it.

The numbers of TCP are those of Linux (net/ipv4/tcp_timer.c, Documentation/networking/ip-sysctl.rst): what is
not acknowledged is sent again after 200 ms, then after pauses that double up to two minutes, and given up
after 15 times (tcp_retries2); what opens a connection is sent again after 1 s, 3 s, 7 s and so on, and given
up after 6 times (tcp_syn_retries).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from interlace.sim.clock import MILLISECOND, SECOND
from interlace.sim.network.link import DEFAULT, Link, Packet

if TYPE_CHECKING:
    from interlace.sim.network.host import Host
    from interlace.sim.network.stream import End
    from interlace.sim.world import World

NEVER = 1 << 62
"""The time in ns at which a packet arrives that nothing lets through; until it is sent again."""

AGAIN = 200 * MILLISECOND
"""After how long TCP sends again what was lost."""

_LONGEST_PAUSE = 120 * SECOND
_TRIES = 15

OVERTAKEN = 100 * MILLISECOND
"""How much later than others a packet arrives that is overtaken."""


class Trouble(NamedTuple):
    """Something that may happen to a packet.

    Args:
        kind: which of `interlace.sim.faults.NET` it is.
        option: how it is called as the answer to a question: what the packet does.
        must: the same, as what must hold for a failure.
        seconds: for a partition, how long it lasts; for a latency, by how much it is longer.
        one_way: for a partition, whether packets go through in the other direction.
    """

    kind: str
    option: str
    must: str
    seconds: int = 0
    one_way: bool = False


_CUTS = (
    Trouble("partition", "is cut off for 1 s", "must be cut off for 1 s", 1),
    Trouble("partition", "is cut off for 60 s", "must be cut off for 60 s", 60),
    Trouble(
        "partition", "is cut off for 60 s, one way", "must be cut off for 60 s, one way", 60, one_way=True
    ),
)
STREAM_TROUBLES = (
    Trouble("loss", "is lost and sent again", "must be lost and sent again"),
    Trouble("latency", "is late by 10 s", "must be late by 10 s", 10),
    Trouble("reset", "is answered by a reset", "must be answered by a reset of its connection"),
    Trouble("hang", "hangs", "must hang: nothing arrives over its connection any more"),
    *_CUTS,
)
QUIET_TROUBLES = (STREAM_TROUBLES[0], *_CUTS)
"""What may happen to the packets that open and end a connection."""

DATAGRAM_TROUBLES = (
    Trouble("loss", "is lost", "must be lost"),
    Trouble("duplicate", "arrives twice", "must arrive twice"),
    Trouble("reorder", "is overtaken", "must be overtaken by what is sent after it"),
    *_CUTS,
)
_FINE = "arrives"


class Wire:
    """What packets meet on their way from one host to another. Made by `Network.link`.

    Args:
        world: the world it is part of.
        source: the host that sends.
        target: the host that receives.

    Attributes:
        link: says how long a packet may take.
        rate: how many bytes go through in a second; 0: any number.
        bounds: how many packets may be lost, arrive twice or be overtaken, by the kind of trouble, because it
            was declared so.
        cut: whether nothing gets through because of a partition.
        is_plain: whether nothing but `link` counts.
        is_spoilt: whether anything was said of faults of connections that send over it.
    """

    __slots__ = (
        *("_free", "_stuck", "_world", "bounds", "cut", "is_plain", "is_spoilt", "link", "rate"),
        *("source", "target"),
    )

    def __init__(self, world: World, source: Host, target: Host) -> None:
        self._world = world
        self.source = source
        self.target = target
        self.link: Link = DEFAULT
        self.rate = 0
        self.bounds: dict[str, int] = {}
        self.cut = False
        self._free = 0
        self._stuck: dict[End, _Stuck] = {}
        self.is_spoilt = False
        self.is_plain = True
        self.review()

    def review(self) -> None:
        """Looks at whether anything but `link` counts, after something was changed."""
        # for good: a connection may have been broken
        self.is_spoilt = self.is_spoilt or self.source.network.spoiling.concerns(self)
        self.is_plain = not (
            self.rate or self.bounds or self._world.faults.net or self.is_blocked or self.is_spoilt
        )

    @property
    def is_blocked(self) -> bool:
        """Whether nothing gets through: there is a partition, or nobody at one of the ends."""
        return self.cut or self.source.is_silent or self.target.is_silent

    def fates(self, packet: Packet) -> Sequence[int]:
        """Returns the delays that a packet may have, as `Link.fates` does."""
        return self.link.fates(packet)

    # -- packets of a stream ---------------------------------------------------------------------

    def carry(self, packet: Packet, end: End, troubles: tuple[Trouble, ...]) -> int:
        """Returns when a packet of a connection arrives, in nanoseconds; `NEVER` while nothing gets through.

        Args:
            packet: what is sent.
            end: the end of the connection that it is sent to.
            troubles: what may happen to it.
        """
        world = self._world
        trouble = None if self.is_blocked else self.trouble(packet, troubles)
        if self.is_blocked:  # by that trouble, perhaps
            self.hold(end)
            return NEVER
        if trouble is not None and trouble.kind == "hang":
            end.stall()
            return NEVER
        time = self.leaves(packet.size) + world.delay(packet.what, self.link.fates(packet))
        if trouble is not None and trouble.kind == "loss":
            time += AGAIN
        elif trouble is not None and trouble.kind == "latency":
            time += trouble.seconds * SECOND
        elif trouble is not None and trouble.kind == "reset":
            end.sever()
        return time

    def leaves(self, size: int) -> int:
        """Returns when the last of so many bytes has left the sending host, in nanoseconds."""
        now = self._world.clock.ns
        if not self.rate:
            return now
        self._free = max(now, self._free) + size * SECOND // self.rate
        return self._free

    def trouble(self, packet: Packet, troubles: tuple[Trouble, ...]) -> Trouble | None:
        """Asks whether something happens to a packet, and brings a partition about where that is the answer."""
        world = self._world
        offered = [trouble for trouble in troubles if self._may(trouble)]
        if not offered or not world.asks:
            return None
        options = (_FINE, *(trouble.option for trouble in offered))
        sentences = ("", *(f"{packet.what} {trouble.must}" for trouble in offered))
        answer = world.fault(packet.what, options, sentences)
        if not answer:
            return None
        trouble = offered[answer - 1]
        if self.bounds.get(trouble.kind):
            self.bounds[trouble.kind] -= 1
        else:
            world.faults_left -= 1
        if trouble.kind == "partition":
            links = self.source.network.links
            cut = links.cut(self.source.name, self.target.name, one_way=trouble.one_way)
            time = world.clock.ns + trouble.seconds * SECOND
            name = f"{self.source.name}→{self.target.name}"
            world.flight.at(time, name, f"{name} goes through again", partial(links.mend, cut), world.step)
        return trouble

    def _may(self, trouble: Trouble) -> bool:
        if self.bounds.get(trouble.kind):
            return True
        if trouble.kind == "partition" and self.source is self.target:
            return False
        return trouble.kind in self._world.faults.net and self._world.faults_left > 0

    # -- what waits to be sent again -------------------------------------------------------------

    def hold(self, end: End) -> None:
        """Notes that packets for an end wait to be sent again; their sender gives up at last."""
        if end not in self._stuck:
            now = self._world.clock.ns
            limit = self._at(next_try(now, NEVER), end, "timeout", self._give_up)
            self._stuck[end] = _Stuck(now, limit)

    def release(self) -> None:
        """Lets what waits be sent again, as soon as its sender tries, if something gets through then."""
        if self.is_blocked:
            return
        now = self._world.clock.ns
        for end, stuck in self._stuck.items():
            if not stuck.trying:
                stuck.trying = self._at(next_try(stuck.since, now), end, "sent again", self._try)

    def drop(self, end: End) -> None:
        """Forgets what waits to be sent again to an end."""
        if end in self._stuck:
            self._forget(end)
            end.lose()

    def _at(self, time: int, end: End, what: str, do: Callable[[End], None]) -> int:
        """Has something done for an end at a time in ns; returns its number in the flight."""
        world = self._world
        name = f"{end.connection} {what}"
        return world.flight.at(time, end.peer.actor, name, partial(do, end), world.step)

    def _try(self, end: End) -> None:
        if self.is_blocked:
            self._stuck[end].trying = 0
            return
        self._forget(end)
        packet = Packet(self.source.name, self.target.name, f"{end.connection} sent again", 0)
        end.thaw(self._world.clock.ns + self.link.fates(packet)[0])

    def _forget(self, end: End) -> None:
        stuck = self._stuck.pop(end)
        numbers = (stuck.limit, stuck.trying)
        self._world.flight.drop(lambda arrival: arrival.number in numbers)

    def _give_up(self, end: End) -> None:
        self._forget(end)
        end.lose()
        end.peer.time_out()


class _Stuck:
    """What waits to be sent again to one end.

    Attributes:
        since: when it was sent first, in nanoseconds.
        limit: the number, in the flight, of the moment at which its sender gives up.
        trying: that of the moment at which its sender tries again; 0 while that would be in vain.
    """

    __slots__ = ("limit", "since", "trying")

    def __init__(self, since: int, limit: int) -> None:
        self.since = since
        self.limit = limit
        self.trying = 0


def next_try(since: int, now: int) -> int:
    """Returns when TCP next sends again what it sent first at `since`, in ns, or gives up: not before `now`."""
    moment, pause = since + AGAIN, AGAIN
    for _ in range(_TRIES):
        if moment >= now:
            break
        pause = min(2 * pause, _LONGEST_PAUSE)
        moment += pause
    return moment
