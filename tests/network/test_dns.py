"""Names of the simulated network."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from interlace.sim.network.dns import look_up, name
from interlace.sim.world import World

STREAM = socket.SOCK_STREAM


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except socket.gaierror as error:
        return error.args


def addresses(found: list[Any]) -> list[Any]:
    return [info[4] for info in found]


@pytest.mark.parametrize("flags", [0, socket.AI_PASSIVE])
@pytest.mark.parametrize("kind", [0, STREAM, socket.SOCK_DGRAM])
@pytest.mark.parametrize("host", ["127.0.0.1", None, "10.1.2.3", b"127.0.0.1"])
@pytest.mark.parametrize("port", [80, "80", "http", b"443", None])
def test_literals_are_resolved_as_the_system_does(host: Any, port: Any, kind: int, flags: int) -> None:
    if host is None and port is None:
        pytest.skip("an error, see below")
    options = {"family": socket.AF_INET, "proto": 0, "flags": flags}
    expected = outcome(lambda: socket.getaddrinfo(host, port, type=kind, **options))
    ours = outcome(lambda: look_up(World().network, host, port, kind=kind, **options))
    assert ours == expected
    if isinstance(ours, list):
        assert [type(part) for part in ours[0]] == [socket.AddressFamily, socket.SocketKind, int, str, tuple]


def test_ipv6_where_it_is_asked_for() -> None:
    network = World().network
    assert addresses(look_up(network, "localhost", 80, kind=STREAM)) == [("127.0.0.1", 80)]
    six = {"kind": STREAM, "family": socket.AF_INET6}
    assert addresses(look_up(network, "localhost", 80, **six)) == [("::1", 80, 0, 0)]
    assert addresses(look_up(network, None, 80, flags=socket.AI_PASSIVE, **six)) == [("::", 80, 0, 0)]
    assert addresses(look_up(network, "::1", 80, kind=STREAM)) == [("::1", 80, 0, 0)]


def test_hosts_of_the_network() -> None:
    network = World().network
    address = network.host("Billing").address
    for host in ("billing", "BILLING", "billing.", b"billing"):
        assert addresses(look_up(network, host, "https", kind=STREAM)) == [(address, 443)]
    assert addresses(look_up(network, "local", 1, kind=STREAM)) == [("10.0.0.1", 1)]
    assert addresses(look_up(network, socket.gethostname(), 1, kind=STREAM)) in (
        [("10.0.0.1", 1)],
        [("127.0.0.1", 1)],
    )
    assert look_up(network, "billing", 1, flags=socket.AI_CANONNAME)[0][3] == "billing"


@pytest.mark.parametrize(
    ("host", "port", "options", "code"),
    [
        ("nowhere", 80, {}, socket.EAI_NONAME),
        ("local", 80, {"flags": socket.AI_NUMERICHOST}, socket.EAI_NONAME),
        ("127.0.0.1", "no-such-service", {}, socket.EAI_SERVICE),
        ("127.0.0.1", 80, {"kind": 77}, socket.EAI_SOCKTYPE),
        (None, None, {}, socket.EAI_NONAME),
    ],
)
def test_errors_are_those_of_the_system(host: Any, port: Any, options: dict[str, int], code: int) -> None:
    with pytest.raises(socket.gaierror) as caught:
        look_up(World().network, host, port, **options)
    assert caught.value.errno == code


def test_the_wrong_family() -> None:
    with pytest.raises(socket.gaierror, match="Address family for hostname not supported"):
        look_up(World().network, "127.0.0.1", 80, family=socket.AF_INET6)


def test_an_unknown_name_tells_what_to_do() -> None:
    network = World().network
    network.host("db")
    with pytest.raises(socket.gaierror) as caught:
        look_up(network, "dv", 80)
    assert str(caught.value) == f"[Errno {socket.EAI_NONAME}] Name or service not known"
    assert "(hosts: local, db)" in caught.value.__notes__[0]
    assert "world.network.host('dv')" in caught.value.__notes__[0]


def test_addresses_to_names() -> None:
    network = World().network
    address = network.host("db").address
    assert name(network, (address, 80)) == ("db", "http")
    assert name(network, (address, 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV) == (address, "80")
    assert name(network, ("127.0.0.1", 12345)) == ("localhost", "12345")
    assert name(network, ("10.9.9.9", 1)) == ("10.9.9.9", "1")
    with pytest.raises(socket.gaierror):
        name(network, ("10.9.9.9", 1), socket.NI_NAMEREQD)
