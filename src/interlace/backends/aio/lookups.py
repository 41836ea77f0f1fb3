"""Names that code of a run looks up by itself, past the loop: found in the simulated network.

tornado's and distributed's resolvers call `socket.getaddrinfo` in a thread, and so does whatever blocks. The
functions are replaced together with the clocks, and by the same rule real for others, see `whosesocket`. How
long a lookup takes is up to the job that it is made in: by itself it takes no virtual time.
"""

from __future__ import annotations

import _socket
import socket
import sys
from types import FrameType
from typing import Any

from interlace.backends.aio import jobs
from interlace.backends.clocks import CLOCKS
from interlace.sim.network import dns

_getaddrinfo_really = _socket.getaddrinfo
_really = {name: getattr(socket, name) for name in ("gethostbyname", "gethostbyname_ex", "getnameinfo")}


class _Lookups:
    """The functions that look names up; see `Companion`."""

    def replace(self) -> None:
        """Has code of a run ask the simulated network."""
        # socket.getaddrinfo is written in Python: whoever has it under another name is served, too
        setattr(_socket, "getaddrinfo", _getaddrinfo)  # noqa: B010
        for name, ours in _OURS.items():
            setattr(socket, name, ours)

    def restore(self) -> None:
        """Has everybody ask the operating system."""
        setattr(_socket, "getaddrinfo", _getaddrinfo_really)  # noqa: B010
        for name, real in _really.items():
            setattr(socket, name, real)


def _getaddrinfo(
    host: Any,
    port: Any,
    family: int = 0,
    type: int = 0,  # noqa: A002
    proto: int = 0,
    flags: int = 0,
) -> list[Any]:
    """Is what `socket.getaddrinfo` calls."""
    network = _network()
    if network is None:
        return _getaddrinfo_really(host, port, family, type, proto, flags)
    return dns.look_up(network, host, port, family=family, kind=type, proto=proto, flags=flags)


def _gethostbyname(hostname: Any) -> str:
    """Is `socket.gethostbyname`."""
    network = _network()
    if network is None:
        return str(_really["gethostbyname"](hostname))
    return _address(network, hostname)


def _gethostbyname_ex(hostname: Any) -> tuple[str, list[str], list[str]]:
    """Is `socket.gethostbyname_ex`."""
    network = _network()
    if network is None:
        found: tuple[str, list[str], list[str]] = _really["gethostbyname_ex"](hostname)
        return found
    return hostname, [], [_address(network, hostname)]


def _getnameinfo(sockaddr: Any, flags: Any) -> tuple[str, str]:
    """Is `socket.getnameinfo`."""
    network = _network()
    if network is None:
        found: tuple[str, str] = _really["getnameinfo"](sockaddr, flags)
        return found
    return dns.name(network, sockaddr, flags)


_OURS = {
    "gethostbyname": _gethostbyname,
    "gethostbyname_ex": _gethostbyname_ex,
    "getnameinfo": _getnameinfo,
}


def _address(network: Any, host: Any) -> str:
    found = dns.look_up(network, host, None, family=socket.AF_INET, kind=socket.SOCK_STREAM)
    return str(found[0][4][0])


def _network() -> Any:
    """Returns the network of the run that the calling code belongs to; None: it is to be told what is real."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename == socket.__file__:
        frame = frame.f_back
    file = "" if frame is None else frame.f_code.co_filename
    # what is itself the job that an executor is given has nobody above it but whoever runs jobs
    loop: Any = CLOCKS.world_of(None if file == jobs.__file__ else file)
    world = getattr(loop, "world", None)
    return None if world is None else world.network


LOOKUPS = _Lookups()
"""Those of this process."""
