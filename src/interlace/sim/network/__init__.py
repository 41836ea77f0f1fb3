"""The simulated network: hosts, names, connections. Knows no event loop.

    network.py   one network: its hosts, who listens where, how a connection comes about
    host.py      a host: its name, its addresses, its ports
    stream.py    the two ends of a connection, as the operating system would show them
    link.py      how long a packet may take from host to host
    dns.py       names to addresses and back
"""

from __future__ import annotations

from interlace.sim.network.network import Network

__all__ = ["Network"]
