"""The socket object that a datagram endpoint hands out: shows its addresses, and joins multicast groups."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from interlace.backends.aio.sockets import SimulatedSocket
from interlace.sim.network.udp import apply_option

if TYPE_CHECKING:
    from interlace.sim.network.datagram import Address, Mailbox


class DatagramSocket(SimulatedSocket):
    """What `get_extra_info("socket")` gives of a datagram endpoint.

    Options are remembered; those for broadcasts and multicast groups have their effect.

    Args:
        box: the socket that it shows.
        fileno: returns a descriptor that never becomes readable.
    """

    def __init__(self, box: Mailbox, fileno: Callable[[], int]) -> None:
        super().__init__(box.address, box.remote, lambda: -1 if box.closed else fileno())
        self.type = socket.SOCK_DGRAM
        self.proto = int(socket.IPPROTO_UDP)
        self._box = box

    def getsockname(self) -> Address:
        """Returns its own address."""
        return self._box.address

    def getsockopt(self, level: int, option: int, buflen: int = 0) -> Any:
        """Returns what was set, or a default; as bytes if `buflen` is given."""
        if (level, option) == (socket.SOL_SOCKET, socket.SO_TYPE):
            return int(socket.SOCK_DGRAM)
        if (level, option) == (socket.SOL_SOCKET, socket.SO_BROADCAST):
            return int(self._box.broadcasts)
        return super().getsockopt(level, option, buflen)

    def setsockopt(self, level: int, option: int, value: Any, optlen: int | None = None) -> None:
        """Remembers an option; SO_BROADCAST, IP_MULTICAST_LOOP and those for groups take effect.

        Raises:
            OSError: a group that is none (EINVAL), or that it is not in (EADDRNOTAVAIL).
        """
        super().setsockopt(level, option, value, optlen)
        value = optlen if value is None else value
        apply_option(self._box, level, option, value if isinstance(value, int) else bytes(value))
