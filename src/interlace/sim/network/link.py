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
