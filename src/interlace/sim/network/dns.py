"""Names to addresses and back, as `socket.getaddrinfo` and `socket.getnameinfo` give them.

Known are IP literals, `localhost`, the machine's own host name and the hosts of the network. The world
speaks IPv4 unless IPv6 is asked for: `localhost` and None give one IPv4 address, `::1` and `::` only
with the family AF_INET6 or as literals.
"""

from __future__ import annotations

import ipaddress
import socket
from operator import index
from typing import TYPE_CHECKING, Any

from interlace.sim.network.host import LOOPBACK, family_of, is_loopback

if TYPE_CHECKING:
    from interlace.sim.network.network import Network

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]

_SERVICES = {
    "ftp": 21,
    "ssh": 22,
    "smtp": 25,
    "domain": 53,
    "http": 80,
    "pop3": 110,
    "imap2": 143,
    "https": 443,
    "ldap": 389,
    "postgresql": 5432,
    "redis": 6379,
    "http-alt": 8080,
}

_KINDS = (
    (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    (socket.SOCK_RAW, 0),
)


_LONGEST_LABEL = 63
"""Characters between two dots of a name (RFC 1035, 2.3.4)."""


def look_up(
    network: Network,
    host: str | bytes | None,
    port: str | bytes | int | None,
    *,
    family: int = 0,
    kind: int = 0,
    proto: int = 0,
    flags: int = 0,
) -> list[AddressInfo]:
    """Resolves a host and a service; arguments (`kind` is its `type`) and result as of `socket.getaddrinfo`.

    Raises:
        socket.gaierror: there is no such host (EAI_NONAME, with a note on how to declare it), no
            such service, or nothing of the family that was asked for.
        UnicodeError: the host is no name: a label of it is empty or too long.
    """
    if isinstance(host, bytes):
        host = host.decode("idna")
    if host and (".." in host or max(map(len, host.split("."))) > _LONGEST_LABEL):
        host.encode("idna")  # raises, as there: this is no name
    if host is None and port is None:
        raise _error("EAI_NONAME", "Name or service not known")
    number, named = _port(port)
    addresses = [address for address in _addresses(network, host, family, flags) if _fits(address, family)]
    if not addresses:
        raise _error("EAI_ADDRFAMILY", "Address family for hostname not supported")
    canonical = (host or "") if flags & socket.AI_CANONNAME else ""
    found: list[AddressInfo] = []
    for address in addresses:
        for offered, protocol in _KINDS:
            if kind not in (0, offered) or (named and offered != socket.SOCK_STREAM):
                continue
            if proto not in (0, protocol) and offered != socket.SOCK_RAW:  # raw sockets take any
                continue
            place: tuple[Any, ...] = (address, number)
            if family_of(address) == socket.AF_INET6:
                place = (address, number, 0, 0)
            found.append((family_of(address), offered, proto or int(protocol), canonical, place))
            canonical = ""
            if kind or proto:
                break  # of the kinds that fit, glibc takes the first
    if not found and named:
        raise _error("EAI_SERVICE", "Servname not supported for ai_socktype")
    if not found:
        raise _error("EAI_SOCKTYPE", "ai_socktype not supported")
    return found


def name(network: Network, address: tuple[Any, ...], flags: int = 0) -> tuple[str, str]:
    """Returns host name and service of a socket address, as `socket.getnameinfo` does.

    Raises:
        socket.gaierror: NI_NAMEREQD was given and the address has no name, or it is no IP address.
        TypeError: it is no socket address.
    """
    if not isinstance(address, tuple):
        raise TypeError("getnameinfo() argument 1 must be a tuple")
    if len(address) < 2 or not isinstance(address[0], str):
        raise TypeError("getnameinfo(): illegal sockaddr argument")
    ip, port = address[0], index(address[1]) % 65536
    if not is_literal(ip):
        raise _error("EAI_NONAME", "Name or service not known")
    host = None
    if not flags & socket.NI_NUMERICHOST:
        owner = network.at(ip)
        host = "localhost" if is_loopback(ip) else owner.name if owner else None
        if host is None and flags & socket.NI_NAMEREQD:
            raise _error("EAI_NONAME", "Name or service not known")
    service = None
    if not flags & socket.NI_NUMERICSERV:
        service = next((known for known, number in _SERVICES.items() if number == port), None)
    return host or ip, service or str(port)


def is_literal(host: str) -> bool:
    """Tells whether a host is written as an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _addresses(network: Network, host: str | None, family: int, flags: int) -> list[str]:
    six = family == socket.AF_INET6
    if host is None or host == "":
        if flags & socket.AI_PASSIVE:
            return ["::" if six else "0.0.0.0"]
        return ["::1" if six else LOOPBACK]
    if is_literal(host):
        return [host]
    if flags & socket.AI_NUMERICHOST:
        raise _error("EAI_NONAME", "Name or service not known")
    if host.lower().rstrip(".") in ("localhost", "localhost.localdomain", "ip6-localhost"):
        return ["::1" if six else LOOPBACK]
    known = network.find(host)
    if known is None and host == socket.gethostname():
        known = network.here
    if known is None:
        error = _error("EAI_NONAME", "Name or service not known")
        others = ", ".join(network.names) or "none yet"
        error.add_note(
            f"The simulated network has no host {host!r} (hosts: {others}). Make it before connecting, "
            f"world.network.host({host!r}), and let something listen there; or let a real service in, "
            f"world.passthrough('{host}:PORT', to='127.0.0.1:PORT')."
        )
        raise error
    return [known.address]


def _fits(address: str, family: int) -> bool:
    return family in (0, family_of(address))


def _port(port: str | bytes | int | None) -> tuple[int, bool]:
    """Returns the number of a port, and whether it was given as the name of a service, all of TCP."""
    if isinstance(port, bytes):
        port = port.decode()
    if port is None or port == "":
        return 0, False
    if isinstance(port, str) and not port.isdigit():
        known = _SERVICES.get(port)
        if known is None:
            raise _error("EAI_SERVICE", "Servname not supported for ai_socktype")
        return known, True
    return int(port) & 0xFFFF, False


def _error(code: str, text: str) -> socket.gaierror:
    # Windows and macOS do not have all the codes; they answer EAI_NONAME there
    return socket.gaierror(getattr(socket, code, socket.EAI_NONAME), text)
