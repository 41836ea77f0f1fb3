"""What a test says about the links between hosts: how long, how wide, how bad; who is cut off from whom."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from interlace.errors import UsageError
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.link import Line

if TYPE_CHECKING:
    from interlace.sim.network.network import Network
    from interlace.sim.network.wire import Wire

_UNITS = {
    "B": 1,
    "kB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "bit": 1 / 8,
    "kbit": 1e3 / 8,
    "Mbit": 1e6 / 8,
    "Gbit": 1e9 / 8,
}
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|bit|kbit|Mbit|Gbit)/s\s*")

_ANYONE = "*"

Pair = tuple[str, str]
"""Who sends, and to whom."""


class Cut:
    """A partition that ends by itself.

    Args:
        pairs: between whom nothing gets through.
    """

    __slots__ = ("pairs",)

    def __init__(self, pairs: set[Pair]) -> None:
        self.pairs = pairs


class Links:
    """The links of one network: `world.net`.

    Args:
        network: the network.
    """

    __slots__ = ("_cuts", "_network", "_passing")

    def __init__(self, network: Network) -> None:
        self._network = network
        self._cuts: set[Pair] = set()
        self._passing: list[Cut] = []

    def link(
        self,
        source: str,
        target: str,
        *,
        latency: Latency | None = None,
        bandwidth: str | float | None = None,
        loss: int | None = None,
        duplicate: int | None = None,
        reorder: int | None = None,
        one_way: bool = False,
    ) -> None:
        """Says what the link between two hosts is like; what is not given stays as it is.

        Which packets are lost, arrive twice or are overtaken is explored; in the plain run none is. What TCP
        loses it sends again after 200 ms; of its packets none arrives twice or is overtaken.

        Args:
            source: the name of one host; it is made if there is none.
            target: the name of the other.
            latency: how long a packet takes in each direction: `"5ms"`, `"5ms..200ms"`, seconds, a pair, or a list.
            bandwidth: how much goes through in a second, of all connections together: bytes, or text such as `"1MB/s"`
                or `"10Mbit/s"`. It trickles, in ten pieces a second.
            loss: how many packets of a run may be lost, in each direction.
            duplicate: how many datagrams may arrive twice.
            reorder: how many datagrams may be overtaken by later ones.
            one_way: whether this is for packets from `source` to `target` only.

        Raises:
            UsageError: a value that cannot be.
        """
        delays = None if latency is None else parse_latency(latency)
        rate = None if bandwidth is None else parse_rate(bandwidth)
        bounds = {"loss": loss, "duplicate": duplicate, "reorder": reorder}
        for kind, bound in bounds.items():
            _check_bound(kind, bound)
        for wire in self._wires(source, target, one_way):
            if delays is not None:
                wire.link = Line(delays)
            if rate is not None:
                wire.rate = rate
            wire.bounds.update({kind: bound for kind, bound in bounds.items() if bound is not None})
            wire.review()

    def partition(self, *hosts: str, one_way: bool = False) -> None:
        """Cuts hosts off: from each other, or one host from all others. Nothing gets through until `heal`.

        Connections stay: TCP sends again and again, and gives up with ETIMEDOUT after about 15 minutes, or after
        127 s while it connects. Datagrams are lost.

        Args:
            hosts: the names of two or more hosts, or of one, which is then cut off from everyone.
            one_way: whether only what the first one sends does not arrive.

        Raises:
            UsageError: no host, or one that nobody has made.
        """
        names = self._names(hosts, "partition")
        if not names:
            raise UsageError("net.partition() cuts off nobody: give the names of two hosts, or of one")
        others = names if len(names) > 1 else [names[0], _ANYONE]
        for number, source in enumerate(names):
            if one_way and number:
                break
            for target in others:
                if source != target:
                    self._cuts.add((source, target))
                    if not one_way:
                        self._cuts.add((target, source))
        self.review()

    def heal(self, *hosts: str) -> None:
        """Ends partitions: between these hosts, of this host, or all there are.

        What TCP has to send again arrives when it next tries.

        Args:
            hosts: names as they were given to `partition`; none: everyone.

        Raises:
            UsageError: a host that nobody has made.
        """
        names = set(self._names(hosts, "heal"))

        def stays(pair: Pair) -> bool:
            return not names >= {*pair} if len(names) > 1 else bool(names) and not names & {*pair}

        self._cuts = {pair for pair in self._cuts if stays(pair)}
        for cut in self._passing:
            cut.pairs = {pair for pair in cut.pairs if stays(pair)}
        self.review()

    def cut(self, source: str, target: str, *, one_way: bool) -> Cut:
        """Begins a partition beside those of the test; `mend` ends it and no other."""
        one, other = source.lower(), target.lower()
        cut = Cut({(one, other)} if one_way else {(one, other), (other, one)})
        self._passing.append(cut)
        self.review()
        return cut

    def mend(self, cut: Cut) -> None:
        """Ends a partition that `cut` has begun."""
        self._passing.remove(cut)
        self.review()

    def reset(self, source: str, target: str) -> None:
        """Resets all connections between two hosts: both ends find ECONNRESET.

        Raises:
            UsageError: a host that nobody has made.
        """
        one, other = self._names((source, target), "reset")
        host = self._network.host(one)
        for end in list(host.ends.values()):
            if end.peer.host.name.lower() == other:
                end.sever()

    def review(self) -> None:
        """Finds out anew what gets through, after a partition or a crash."""
        for wire in self._network.wires:
            self.apply(wire)
        for wire in self._network.wires:
            wire.release()

    def apply(self, wire: Wire) -> None:
        """Tells a wire whether it is cut."""
        wire.cut = False
        if self._cuts or self._passing:
            source, target = wire.source.name.lower(), wire.target.name.lower()
            pairs = {(source, target), (source, _ANYONE), (_ANYONE, target)}
            cuts = [self._cuts, *(cut.pairs for cut in self._passing)]
            wire.cut = source != target and not all(pairs.isdisjoint(one) for one in cuts)
        wire.review()

    def _wires(self, source: str, target: str, one_way: bool) -> list[Wire]:
        one, other = self._network.host(source), self._network.host(target)
        wires = [self._network.link(one, other)]
        if one is not other and not one_way:
            wires.append(self._network.link(other, one))
        return wires

    def _names(self, hosts: tuple[str, ...], method: str) -> list[str]:
        known = {name.lower() for name in (*self._network.names, "local")}
        for name in hosts:
            if not isinstance(name, str) or name.lower().rstrip(".") not in known:
                raise UsageError(
                    f"net.{method}: there is no host {name!r} (hosts: {', '.join(self._network.names) or 'none yet'}); "
                    f"give names of hosts, made by world.host(name)"
                )
        return [name.lower().rstrip(".") for name in hosts]


def parse_rate(given: Any) -> int:
    """Reads a bandwidth and returns it in bytes a second.

    Args:
        given: bytes a second, or text such as `"1MB/s"` or `"10Mbit/s"`.

    Raises:
        UsageError: it is none, or less than one byte a second.
    """
    rate = 0.0
    if isinstance(given, str):
        match = _RATE.fullmatch(given)
        rate = float(match[1]) * _UNITS[match[2]] if match else 0.0
    elif isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given):
        rate = given
    if rate < 1:
        raise UsageError(
            f"bandwidth is {given!r}: give bytes in a second, at least 1, or text such as '1MB/s' or '10Mbit/s'"
        )
    return int(rate)


def _check_bound(kind: str, bound: Any) -> None:
    if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int) or bound < 0):
        raise UsageError(
            f"{kind} is {bound!r}: give a whole number, how many packets of a run at most; which ones is explored"
        )
