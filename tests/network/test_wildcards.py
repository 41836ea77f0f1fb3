"""A host that stands for all names below a domain: the nearest domain counts, and an exact name before all."""

import asyncio
import socket
import ssl
from typing import Any

import httpx
import pytest

import interlace


def run(program: Any) -> Any:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


async def ask(url: str) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).text


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_more_exact_name_answers(scheme: str) -> None:
    async def program(world: interlace.World) -> None:
        for name in ("*.example.com", "*.eu.example.com", "www.example.com"):
            world.http(f"{scheme}://{name}").get("/").text(name)
        asked = {
            "www.example.com": "www.example.com",
            "WWW2.example.com": "*.example.com",
            "a.b.example.com": "*.example.com",
            "shop.eu.example.com": "*.eu.example.com",
            "a.shop.eu.example.com": "*.eu.example.com",
            "eu.example.com": "*.example.com",
        }
        for name, answers in asked.items():
            assert await ask(f"{scheme}://{name}/") == answers, name
        for stranger in ("example.com", "badexample.com"):
            with pytest.raises(httpx.ConnectError):
                await ask(f"{scheme}://{stranger}/")

    run(program)
    assert interlace.explore(program, schedules=5).verdict.status == "passed"


def test_each_name_has_a_certificate_that_is_for_it_alone() -> None:
    async def program(world: interlace.World) -> Any:
        world.http("https://*.example.com").get("/").text("").optional()
        shown = []
        for name in ("a.example.com", "b.a.example.com"):
            _, writer = await asyncio.open_connection(name, 443, ssl=ssl.create_default_context())
            shown.append(
                [
                    value
                    for kind, value in writer.get_extra_info("peercert")["subjectAltName"]
                    if kind == "DNS"
                ]
            )
            writer.close()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(
                "a.example.com", 443, ssl=ssl.create_default_context(), server_hostname="example.org"
            )
        return shown

    assert run(program) == [["a.example.com"], ["b.a.example.com"]]


def test_it_is_one_host() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://*.example.com").get("/").text("well")
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo("a.b.example.com", 80, type=socket.SOCK_STREAM)
        assert found[0][4][0] == world.host("*.example.com").address
        world.host("*.example.com").crash()
        with pytest.raises(httpx.ConnectError):
            await ask("http://a.example.com/")
        world.host("*.example.com").restart()
        assert await ask("http://a.example.com/") == "well"
        with pytest.raises(interlace.UsageError, match=r"somebody listens at \*.example.com:80 already"):
            world.http("http://*.example.com")

    run(program)


@pytest.mark.parametrize("name", ["*", "*.", "a.*", "a*.example.com", "*.*.example.com", "*example.com"])
def test_a_star_elsewhere_is_refused(name: str) -> None:
    async def program(world: interlace.World) -> None:
        with pytest.raises(interlace.UsageError, match="a '\\*' stands for all names below a domain"):
            world.http(f"http://{name}")
        with pytest.raises(interlace.UsageError, match="a '\\*' stands for all names below a domain"):
            world.tcp(f"{name}:80", lambda: None)

    run(program)
