"""The simulated network: hosts, names, connections. Knows no event loop.

`network` holds the hosts, who listens where, and how a connection comes about; `host` a host with
its addresses and ports; `stream` the two ends of a connection, as the operating system would show
them; `link` how long a packet may take from host to host; `dns` names to addresses and back.
"""

from __future__ import annotations

from interlace.sim.network.network import Network

__all__ = ["Network"]
