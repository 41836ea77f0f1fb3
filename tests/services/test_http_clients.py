"""The same routes asked by real, unmodified clients, plain and over TLS."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
import pytest

import interlace

Client = Callable[[], Any]


@pytest.fixture(
    params=[
        "http://api.example.com",
        "https://api.example.com",
        "http://localhost:8080",
        "https://a.b:8443/v1",
    ]
)
def base(request: pytest.FixtureRequest) -> str:
    return request.param


def passes(test: Callable[..., Any]) -> interlace.Outcome:
    outcome = interlace.run(test)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome


def test_the_same_routes_for_each_client(client: Client, base: str) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http(base)
        user = api.get("/users/{id}").json({"id": 42, "name": "Ännchen"})
        api.get("/users/me").text("it is me")
        search = api.get("/search", query={"q": "tea & milk", "page": 2}).content(b"\x00\xff")
        secret = api.get("/secret", headers={"X-Token": "abc"}).status(204)
        api.get("/secret").json({"error": "who are you?"}, 401, headers={"WWW-Authenticate": "Bearer"})
        pay = api.post("/pay", json={"sum": 3, "to": ["ann"]}).json({"ok": True}, 201)
        form = api.post("/login", form={"name": "ann lee"}).text("welcome")
        raw = api.put("/blob/{path:rest}", body=b"\x01\x02").status(200)
        big = api.put("/big", when=lambda call: len(call.body) == 300_000).text("big")
        api.get("/old").redirect("/new")
        api.get("/drip").stream([b"one ", interlace.after("4s"), "two"])
        api.delete("/users/{id}").reply(lambda call: {"deleted": call.path["id"]})

        async def slow(call: Any) -> Any:
            await asyncio.sleep(2)
            return interlace.reply.text(call.query["x"] + call.text, 202)

        api.patch("/slow").reply(slow)
        async with client() as ask:
            answer = await ask("GET", f"{base}/users/4%202")
            assert (answer.status, json.loads(answer.body)["name"]) == (200, "Ännchen")
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["content-length"] == str(len(answer.body))
            assert user.calls[0].path == {"id": "4 2"}
            assert (await ask("GET", f"{base}/users/me")).body == b"it is me"
            answer = await ask("GET", f"{base}/search?q=tea+%26+milk&page=2&more=1")
            assert answer.body == b"\x00\xff"
            assert search.calls[0].query["more"] == "1"
            answer = await ask("GET", f"{base}/secret", headers={"x-token": "abc"})
            assert (answer.status, answer.body) == (204, b"")
            assert secret.calls[0].headers["X-TOKEN"] == "abc"
            answer = await ask("GET", f"{base}/secret")
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            answer = await ask("POST", f"{base}/pay", json={"to": ["ann"], "sum": 3})
            assert (answer.status, json.loads(answer.body)) == (201, {"ok": True})
            assert pay.calls[0].json["sum"] == 3
            assert (
                await ask("POST", f"{base}/login", data={"name": "ann lee", "more": "1"})
            ).body == b"welcome"
            assert form.calls[0].form == {"name": "ann lee", "more": "1"}
            assert (await ask("PUT", f"{base}/blob/a/b%2Fc", content=b"\x01\x02")).status == 200
            assert raw.calls[0].path["path"] == "a/b/c"
            assert (await ask("PUT", f"{base}/big", content=bytes(300_000))).body == b"big"
            assert big.calls[0].body == bytes(300_000)
            answer = await ask("GET", f"{base}/old")
            assert (answer.status, answer.headers["location"]) == (302, "/new")
            before = world.clock.elapsed
            answer = await ask("GET", f"{base}/drip")
            assert (answer.body, answer.headers["transfer-encoding"]) == (b"one two", "chunked")
            assert world.clock.elapsed - before == 4
            assert json.loads((await ask("DELETE", f"{base}/users/7")).body) == {"deleted": "7"}
            answer = await ask("PATCH", f"{base}/slow?x=ye", content=b"s")
            assert (answer.status, answer.body, world.clock.elapsed - before) == (202, b"yes", 6)
        assert [call.method for call in api.calls[-2:]] == ["DELETE", "PATCH"]
        assert api.calls[-1].time == before + 4

    passes(program)


def test_the_same_program_under_many_schedules(client: Client) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("https://api.example.com", latency="1ms..200ms")
        api.post("/echo").reply(lambda call: call.body)
        async with client() as ask:

            async def one(n: int) -> None:
                answer = await ask("POST", "https://api.example.com/echo", content=b"x" * n)
                assert answer.body == b"x" * n

            async with asyncio.TaskGroup() as group:
                for n in range(1, 5):
                    group.create_task(one(n * 1000))

    assert interlace.explore(program, schedules=40).verdict.status == "passed"


def test_connections_are_kept(client: Client) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        api.get("/").text("yes")
        async with client() as ask:
            for _ in range(3):
                await ask("GET", "http://api/")
            assert len(world.host("api").ends) == 1
            assert "keep-alive" not in (await ask("GET", "http://api/")).headers.get("connection", "")
        await asyncio.sleep(1)
        assert not world.host("api").ends

    passes(program)


async def _talk(sent: bytes, pieces: int = 1) -> bytes:
    reader, writer = await asyncio.open_connection("api", 80)
    size = -(-len(sent) // pieces) or 1
    for start in range(0, len(sent), size):
        writer.write(sent[start : start + size])
        await asyncio.sleep(1)
    writer.write_eof()
    received = await reader.read()
    writer.close()
    return received


@pytest.mark.parametrize("pieces", [1, 7])
def test_pipelined_requests_are_answered_in_turn(pieces: int) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")

        async def slow(call: Any) -> str:
            await asyncio.sleep(20)
            assert world.network.here is world.host("api")
            return "slow"

        api.get("/slow").reply(slow)
        api.get("/later").text("later", latency="3s")
        api.get("/quick").text("quick")
        paths = ["/later", "/slow", "/later", "/slow", "/quick"]
        sent = b"".join(f"GET {path} HTTP/1.1\r\nHost: api\r\n\r\n".encode() for path in paths)
        received = await _talk(sent, pieces)
        bodies = [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 ")[1:]]
        assert bodies == [b"later", b"slow", b"later", b"slow", b"quick"]

    passes(program)


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 OK\r\n"),
        (b"nonsense\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\n"),  # without a host
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 300_000, b"HTTP/1.1 431 "),
        (b"GET / HTTP/1.1\r\nHo", b"HTTP/1.1 400 Bad Request\r\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET", b"HTTP/1.1 200 OK\r\n"),
        (
            b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 3\r\n\r\n",
        ),
        (b"", b""),
    ],
)
def test_what_other_clients_send(sent: bytes, received: bytes) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        api.get("/").text("yes").optional()
        api.head("/").text("yes").optional()
        answer = await _talk(sent)
        assert answer.startswith(received)
        assert answer.count(b"HTTP/1.1") == bool(received)
        if sent.startswith(b"HEAD"):
            assert answer.endswith(b"\r\n\r\n")

    passes(program)


def test_a_body_that_the_client_asks_leave_for() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").put("/", body=b"abc").text("yes")
        async with aiohttp.ClientSession() as session:
            async with session.put("http://api/", data=b"abc", expect100=True) as answer:
                assert await answer.read() == b"yes"

    passes(program)


def test_clients_with_an_old_context_trust_it_and_strangers_are_refused() -> None:
    async def program(world: interlace.World) -> None:
        world.http("https://api").get("/").text("yes").optional()
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.ConnectError):
                await client.get("https://local/")
            assert (await client.get("https://api/")).text == "yes"

    passes(program)


def test_it_is_there_again_after_a_crash(client: Client) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").get("/").text("yes")
        async with client() as ask:
            assert (await ask("GET", "http://api/")).body == b"yes"
            world.host("api").crash()
            with pytest.raises((ConnectionError, aiohttp.ClientError)):
                await ask("GET", "http://api/")
            world.host("api").restart()
            assert (await ask("GET", "http://api/")).body == b"yes"

    passes(program)


def test_nobody_really_listens() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://localhost:18732").get("/").optional()
        await asyncio.sleep(0)

    passes(program)
    with socket.socket() as sock:
        assert sock.connect_ex(("127.0.0.1", 18732))
