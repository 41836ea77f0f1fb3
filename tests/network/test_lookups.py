"""Names that a program looks up by itself, past the loop: socket.getaddrinfo and its like."""

import asyncio
import socket
from socket import getaddrinfo

import pytest

import interlace


async def everything(world: interlace.World) -> None:
    address = world.host("billing").address
    assert getaddrinfo("billing", 80, type=socket.SOCK_STREAM) == [
        (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 80))
    ]
    assert getaddrinfo("billing", 80) == await asyncio.get_running_loop().getaddrinfo("billing", 80)
    assert socket.gethostbyname("billing") == address
    assert socket.gethostbyname_ex("billing") == ("billing", [], [address])
    assert socket.getnameinfo((address, 443), 0) == ("billing", "https")
    assert socket.getnameinfo((address, 443), socket.NI_NUMERICHOST) == (address, "https")
    assert await asyncio.to_thread(socket.gethostbyname, "billing") == address
    found = await asyncio.get_running_loop().run_in_executor(None, getaddrinfo, "billing", 80)
    assert found == getaddrinfo("billing", 80)
    with pytest.raises(socket.gaierror) as unknown:
        getaddrinfo("nowhere.example", 80)
    assert unknown.value.errno == socket.EAI_NONAME
    assert "has no host 'nowhere.example'" in unknown.value.__notes__[0]
    with pytest.raises(socket.gaierror):
        socket.gethostbyname("nowhere.example")


def test_names_are_found_in_the_simulated_network() -> None:
    outcomes = [interlace.run(everything) for _ in range(2)]
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert outcomes[0].trace_hash == outcomes[1].trace_hash


def test_outside_of_a_run_the_operating_system_is_asked() -> None:
    before = (socket.gethostbyname, socket.gethostbyname_ex, socket.getnameinfo)
    interlace.run(everything)
    assert (socket.gethostbyname, socket.gethostbyname_ex, socket.getnameinfo) == before
    assert socket.gethostbyname("127.0.0.1") == "127.0.0.1"
    assert getaddrinfo("127.0.0.1", 1, type=socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 1)
    with pytest.raises(socket.gaierror):
        getaddrinfo("billing.invalid", 80)
