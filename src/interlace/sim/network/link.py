"""How long a packet may take from host to host: the seam for declared latencies and bad links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from interlace.sim.flight import DELAYS


class Packet(NamedTuple):
    """What is about to travel.

    Args:
        source: the name of the sending host.
        target: the name of the receiving host.
        what: the name of the packet, stable from run to run.
        size: how many bytes of payload it carries; 0 for handshakes, ends and resets.
    """

    source: str
    target: str
    what: str
    size: int


class Link(Protocol):
    """Decides what may happen to the packets between two hosts."""

    def fates(self, packet: Packet) -> Sequence[int]:
        """Returns the delays that this packet may have, in nanoseconds; the first is the boring one.

        The packets of one direction of one connection keep their order whatever is answered here.
        """
        ...


@dataclass(frozen=True)
class Line:
    """A link that treats every packet alike.

    Args:
        delays: how long a packet may take, in nanoseconds; the first is the boring one.
    """

    delays: tuple[int, ...] = DELAYS

    def fates(self, packet: Packet) -> Sequence[int]:
        """Returns `delays`."""
        return self.delays


DEFAULT = Line()
"""What connects two hosts of which nothing was declared."""


@dataclass(frozen=True)
class Detour:
    """A link on which something takes longer than the others do.

    Args:
        link: what the others meet.
        delays: how much longer it may take, in nanoseconds; the first is the boring one.
    """

    link: Link
    delays: tuple[int, ...]

    def fates(self, packet: Packet) -> Sequence[int]:
        """Returns the delays on offer: each of one kind with the boring one of the other, and the longest of both."""
        usual = self.link.fates(packet)
        sums = [delay + usual[0] for delay in self.delays]
        sums += [self.delays[0] + delay for delay in usual[1:]]
        return tuple(dict.fromkeys([*sums, max(self.delays) + max(usual)]))
