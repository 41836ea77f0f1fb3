"""Exchanges of HTTP, recorded from a real server with real clients, and replayed without it."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

import interlace
from interlace.errors import NoTape, StaleTape, UsageError

pytestmark = [
    pytest.mark.usefixtures("leftovers_collected"),
    pytest.mark.filterwarnings(
        # runs that fail leave their connections open
        "ignore::ResourceWarning",
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
]

Ask = Callable[..., Any]


@asynccontextmanager
async def aiohttp_client() -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession() as session:

        async def ask(method: str, url: str, **options: Any) -> tuple[int, bytes]:
            async with session.request(method, url, **options) as answer:
                return answer.status, await answer.read()

        yield ask


@asynccontextmanager
async def httpx_client() -> AsyncIterator[Ask]:
    async with httpx.AsyncClient(timeout=60) as client:

        async def ask(method: str, url: str, **options: Any) -> tuple[int, bytes]:
            answer = await client.request(method, url, **options)
            return answer.status_code, answer.content

        yield ask


CLIENTS = {"aiohttp": aiohttp_client, "httpx": httpx_client}
clients = pytest.mark.parametrize("client", CLIENTS.values(), ids=list(CLIENTS))


def result(outcome: interlace.Outcome) -> Any:
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome.value


@clients
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_what_was_recorded_is_replayed(
    client: Any, scheme: str, peer: Any, tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", peer.authority)
    to = peer.http if scheme == "http" else peer.https

    async def main(world: interlace.World, record: bool = False) -> Any:
        world.tape(f"{scheme}://api.internal", tape, record, to=to)
        async with client() as ask:
            url = f"{scheme}://api.internal"
            return [
                await ask("GET", f"{url}/users/7?x=1"),
                await ask("POST", f"{url}/users", json={"name": "tea"}),
                await ask("HEAD", f"{url}/users"),
                await ask("GET", f"{url}/chunks"),
                await ask("GET", f"{url}/bytes"),
                await ask("GET", f"{url}/none"),
                await ask("GET", f"{url}/users/7?x=1"),
                await ask("GET", f"{url}/bye"),
            ]

    async def record(world: interlace.World) -> Any:
        return await main(world, True)

    said = result(interlace.run(record))
    asked = list(peer.asked)
    assert said[0] == (200, b'{"path": "/users/7?x=1", "number": 1}')
    assert said[6] == (200, b'{"path": "/users/7?x=1", "number": 2}')
    assert said[3:5] == [(200, b"tea for 2\n"), (200, bytes(range(256)))]
    assert result(interlace.run(main)) == said
    explored = interlace.explore(main, schedules=5)
    assert explored.verdict.status == "passed", explored.report()
    assert peer.asked == asked  # nobody has asked it since


@clients
def test_no_secret_is_written(client: Any, peer: Any, tape: Path) -> None:
    async def main(world: interlace.World, record: bool = False) -> Any:
        world.tape(
            "http://api.internal", tape, record, to=peer.http, scrub=["X-Tenant", re.compile("n-u-m-(.*?)x")]
        )
        async with client() as ask:
            url = "http://api.internal"
            secret = {"password": "json-hush", "n": "n-u-m-hushx", "tenant": "x"}
            headers = {
                "Authorization": "Bearer auth-hush",
                "X-API-Key": "key-hush",
                "x-tenant": "tenant-hush",
            }
            return [
                await ask("POST", f"{url}/login?api_key=query-hush&x=1", json=secret, headers=headers),
                await ask("POST", f"{url}/login", json=secret, headers=headers),
                await ask("GET", f"{url}/gzip", headers={"Cookie": "sid=cookie-hush"}),
            ]

    said = result(interlace.run(partial(main, record=True)))
    assert b"json-hush" in said[0][1]
    assert b"tok-hush-hush" in said[1][1]
    written = tape.read_text()
    assert "hush" not in written
    for line in (
        "> POST /login?api_key=scrubbed&x=1 HTTP/1.1",
        "> Authorization: Bearer scrubbed",
        "> x-tenant: scrubbed",
        "< Set-Cookie: sid=scrubbed; Path=/",
        '< {"token": "scrubbed", "n": 1}',
    ):
        assert line in written.split("\n")
    replayed = result(
        interlace.run(main)
    )  # with the same secrets, which match what was taken out of the tape
    assert b'"n-u-m-scrubbedx"' in replayed[0][1]
    assert [status for status, _ in replayed] == [200] * 3


def test_a_function_may_scrub(peer: Any, tape: Path) -> None:
    def scrub(direction: str, data: bytes) -> bytes:
        return re.sub(rb'"at": \d+', b'"at": 0', data) if direction == "request" else data

    async def main(world: interlace.World, record: bool, at: int) -> Any:
        world.tape("http://api.internal", tape, record, to=peer.http, scrub=scrub)
        async with aiohttp_client() as ask:
            return await ask("POST", "http://api.internal/x", json={"at": at})

    result(interlace.run(partial(main, record=True, at=17)))
    assert '> {"at": 0}' in tape.read_text()
    assert result(interlace.run(partial(main, record=False, at=18)))[0] == 200


def tape_of(*exchanges: tuple[str, str, str], peer: str = "http://api.internal") -> str:
    """Writes a tape by hand: what was asked, after how long, what was answered."""
    lines = ["interlace tape 1", f"peer {peer}", "recorded 29 November 2026"]
    for asked, delay, answer in exchanges:
        lines += ["", "exchange", *(f"> {line}".rstrip() for line in asked.split("\n")), f"after {delay}"]
        answer = "HTTP/1.1 200 OK\nContent-Length: 0\nContent-Type: application/json\n\n" + answer
        lines += [f"< {line}".rstrip() for line in answer.split("\n")]
    return "\n".join([*lines, "", "end", ""])


GET = "GET /n HTTP/1.1"


async def fetch(ask: Ask, path: str = "/n", method: str = "GET", **options: Any) -> Any:
    status, body = await ask(method, f"http://api.internal{path}", **options)
    assert status == 200
    return json.loads(body)


def test_equal_requests_are_answered_in_the_recorded_order_and_then_the_last_is_repeated(tape: Path) -> None:
    tape.write_text(tape_of((GET, "20ms", "1"), (GET, "20ms", "2")))

    async def main(world: interlace.World) -> Any:
        world.tape("http://api.internal", tape)
        async with aiohttp_client() as ask:
            return [await fetch(ask) for _ in range(4)]

    assert result(interlace.run(main)) == [1, 2, 2, 2]


@pytest.mark.parametrize("repeat", [False, True])
def test_a_request_that_may_change_something_is_not_repeated_unless_that_is_said(
    repeat: bool, tape: Path
) -> None:
    tape.write_text(tape_of(("POST /n HTTP/1.1", "20ms", "1")))

    async def main(world: interlace.World) -> Any:
        world.tape("http://api.internal", tape, repeat=repeat)
        async with aiohttp_client() as ask:
            return [await fetch(ask, method="POST") for _ in range(2)]

    outcome = interlace.run(main)
    if repeat:
        assert result(outcome) == [1, 1]
    else:
        assert isinstance(outcome.error, StaleTape)
        assert "POST /n is asked more often than it is on the tape" in str(outcome.error)
        assert "there it is once (line 5)" in str(outcome.error)
        assert "repeat=True" in str(outcome.error)


def test_an_answer_takes_what_was_observed_and_from_half_to_double_when_explored(tape: Path) -> None:
    tape.write_text(tape_of((GET, "80ms", "1")))
    seen: set[float] = set()

    async def main(world: interlace.World) -> None:
        world.tape("http://api.internal", tape)
        async with httpx_client() as ask:
            begin = world.clock.elapsed
            await fetch(ask)
            seen.add(round(world.clock.elapsed - begin, 6))

    result(interlace.run(main))
    assert seen == {0.08}
    assert interlace.explore(main, schedules=40).verdict.status == "passed"
    assert len(seen) > 4
    assert min(seen) >= 0.04


def test_latency_may_be_given(tape: Path) -> None:
    tape.write_text(tape_of((GET, "80ms", "1")))

    async def main(world: interlace.World) -> float:
        world.tape("http://api.internal", tape, latency="3s")
        async with aiohttp_client() as ask:
            await fetch(ask)
        return world.clock.elapsed

    assert 3 <= result(interlace.run(main)) < 3.1


def test_pieces_of_an_answer_come_one_after_the_other(tape: Path) -> None:
    head = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked"
    lines = [
        *(
            "interlace tape 1",
            "peer http://api.internal",
            "recorded today",
            "",
            "exchange",
            "> GET /n HTTP/1.1",
        )
    ]
    lines += [
        "after 10ms",
        *(f"< {line}" for line in head.split("\n")),
        "<",
        "< one ",
        "after 500ms",
        "< two",
        "",
    ]
    tape.write_text("\n".join([*lines, "end", ""]))

    async def main(world: interlace.World) -> list[tuple[bytes, float]]:
        world.tape("http://api.internal", tape)
        async with aiohttp.ClientSession() as session, session.get("http://api.internal/n") as answer:
            return [(data, round(world.clock.elapsed, 3)) async for data, _ in answer.content.iter_chunks()]

    assert result(interlace.run(main)) == [(b"one ", 0.01), (b"two", 0.51)]


def test_requests_in_any_order_and_on_any_connection_find_their_answers(tape: Path) -> None:
    names = "abcdef"
    tape.write_text(tape_of(*((f"GET /{name} HTTP/1.1", "30ms", f'"{name}"') for name in names)))

    async def main(world: interlace.World) -> None:
        world.tape("http://api.internal", tape)
        async with aiohttp_client() as ask:
            said = await asyncio.gather(*(fetch(ask, f"/{name}") for name in reversed(names)))
        assert said == list(reversed(names))

    explored = interlace.explore(main, schedules=30)
    assert explored.verdict.status == "passed", explored.report()


def test_a_stale_tape_shows_the_nearest_request_and_what_to_type(tape: Path) -> None:
    body = '{"amount": 5, "currency": "eur"}'
    tape.write_text(
        tape_of(
            (GET, "1ms", "1"),
            (f"POST /pay?x=1 HTTP/1.1\nContent-Type: application/json\n\n{body}", "1ms", "2"),
        )
    )

    async def main(world: interlace.World) -> Any:
        world.tape("http://api.internal", tape)
        async with aiohttp_client() as ask:
            return await fetch(ask, "/pay?x=1", "POST", json={"currency": "eur", "amount": 6})

    error = interlace.run(main).error
    assert isinstance(error, StaleTape)
    assert "POST /pay?x=1 is not on the tape" in str(error)
    assert "(2 exchanges of http://api.internal). Nearest there:" in str(error)
    assert f"--- {tape} line 14\n+++ this run" in str(error)
    assert '-  "amount": 5,\n+  "amount": 6,' in str(error)
    assert "record=True" in str(error)


def test_json_matches_whatever_the_order_of_its_keys_and_queries_too(tape: Path) -> None:
    asked = 'POST /pay?b=2&a=1 HTTP/1.1\n\n{"x": 1, "y": 2}'
    tape.write_text(tape_of((asked, "1ms", "2")))

    async def main(world: interlace.World) -> Any:
        world.tape("http://api.internal", tape)
        async with aiohttp_client() as ask:
            return await fetch(ask, "/pay?a=1&b=2", "POST", json={"y": 2, "x": 1})

    assert result(interlace.run(main)) == 2


def test_headers_count_where_they_are_named(tape: Path) -> None:
    german = f"{GET}\nAccept-Language: de"
    tape.write_text(tape_of((f"{GET}\nAccept-Language: en", "1ms", '"tea"'), (german, "1ms", '"Tee"')))

    async def main(world: interlace.World, language: str) -> Any:
        world.tape("http://api.internal", tape, headers=["accept-language"])
        async with aiohttp_client() as ask:
            return await fetch(ask, headers={"Accept-Language": language})

    assert result(interlace.run(partial(main, language="de"))) == "Tee"
    error = interlace.run(partial(main, language="fr")).error
    assert isinstance(error, StaleTape)
    assert "+accept-language: fr" in str(error)


def test_parts_of_a_form_match_whatever_their_boundary(peer: Any, tape: Path) -> None:
    async def main(world: interlace.World, record: bool, boundary: str) -> Any:
        world.tape("http://api.internal", tape, record, to=peer.http)
        async with aiohttp_client() as ask:
            body = f'--{boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--{boundary}--\r\n'
            headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
            return await ask("POST", "http://api.internal/bytes", data=body, headers=headers)

    said = result(interlace.run(partial(main, record=True, boundary="xyz")))
    assert result(interlace.run(partial(main, record=False, boundary="abc"))) == said


def test_a_run_that_fails_writes_no_tape(peer: Any, tape: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.tape("http://api.internal", tape, True, to=peer.http)
        async with aiohttp_client() as ask:
            await fetch(ask)
        raise RuntimeError("no")

    error = interlace.run(main).error
    assert isinstance(error, RuntimeError)
    assert error.__notes__ == [f"interlace: the tape {tape} was not written, since the run has failed"]
    assert not tape.exists()


def test_a_search_records_its_plain_run_and_goes_on_with_the_tape(peer: Any, tape: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.tape("http://api.internal", tape, "new", to=peer.http)
        async with aiohttp_client() as ask:
            await asyncio.gather(fetch(ask, "/a"), fetch(ask, "/b"))

    explored = interlace.explore(main, schedules=20)
    assert explored.verdict.status == "passed", explored.report()
    assert sorted(peer.asked) == ["GET /a", "GET /b"]
    assert tape.exists()


def test_without_a_tape_the_error_says_how_to_record_one(tape: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.tape("http://api.internal", tape)

    error = interlace.run(main).error
    assert isinstance(error, NoTape)
    assert str(error) == (
        f"there is no tape {tape} of http://api.internal yet. Record it once from the real peer: "
        "world.tape(..., record=True), in the plain run"
    )


def test_a_peer_that_is_not_there_is_told(tape: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]

    async def main(world: interlace.World) -> None:
        world.tape("http://api.internal", tape, True, to=f"127.0.0.1:{port}")
        async with aiohttp_client() as ask:
            await fetch(ask)

    error = interlace.run(main).error
    assert isinstance(error, UsageError)
    assert f"api.internal:80 (127.0.0.1:{port}) cannot be reached, so nothing can be recorded" in str(error)


def test_what_cannot_be_read_is_not_recorded(peer: Any, tape: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.tape("http://api.internal", tape, True, to=peer.http)
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            async with session.get("http://api.internal/br"):
                pass

    error = interlace.run(main).error
    assert isinstance(error, UsageError)
    assert "is compressed by 'br', and a secret in it could not be seen" in str(error)
    assert not tape.exists()


def test_a_peer_whose_certificate_is_not_trusted_is_told(peer: Any, tape: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.tape("https://api.internal", tape, True, to=peer.https)
        async with aiohttp_client() as ask:
            await ask("GET", "https://api.internal/n")

    error = interlace.run(main).error
    assert isinstance(error, UsageError)
    assert "unable to get local issuer certificate" in str(error)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ftp://x", "t"), "give 'tcp://x:PORT', or 'tls://x:PORT'"),
        (("http://x/v1", "t"), "leave the rest out"),
        (("cache", "t"), "that is no URL and no address"),
        (("http://10.0.0.1", "t"), "tape('http://service.example', ..., to='10.0.0.1')"),
        (("http://x", ""), "give the path of a file"),
        (("http://x", "."), "that is a folder"),
        (("http://x", "t", "again"), "give True, False, or one of 'replay', 'record', 'new'"),
    ],
)
def test_arguments_that_cannot_work(arguments: Any, said: str) -> None:
    async def main(world: interlace.World) -> None:
        world.tape(*arguments)

    error = interlace.run(main).error
    assert isinstance(error, UsageError)
    assert said in str(error)


@pytest.mark.parametrize(
    ("scrub", "said"), [(7, "scrub=7"), ([""], "scrub=['']"), (lambda d, b: "x", "returned 'x'")]
)
def test_scrubbing_that_cannot_work(scrub: Any, said: str, tape: Path) -> None:
    tape.write_text(tape_of((GET, "1ms", "1")))

    async def main(world: interlace.World) -> None:
        world.tape("http://api.internal", tape, scrub=scrub)
        async with aiohttp_client() as ask:
            await ask("GET", "http://api.internal/n")

    error = interlace.run(main).error
    assert isinstance(error, UsageError)
    assert said in str(error)


def test_a_peer_on_this_machine_needs_no_other_name(peer: Any, tape: Path) -> None:
    async def main(world: interlace.World, record: bool = False) -> Any:
        world.tape(f"http://{peer.http}", tape, record)
        async with aiohttp_client() as ask:
            return await ask("GET", f"http://{peer.http}/n")

    assert result(interlace.run(partial(main, record=True))) == result(interlace.run(main))


def test_a_secret_that_an_answer_repeats_is_not_written(tape: Path, peer: Any) -> None:
    async def main(world: interlace.World, record: bool) -> None:
        world.tape("http://api.internal", tape, record, to=peer.http)
        async with aiohttp_client() as ask:
            told = {
                "headers": {"Authorization": "Bearer hush", "X-Api-Key": "hush"},
                "url": "/x?a=1&token=hush",
            }
            status, body = await ask("POST", "http://api.internal/x", json=told)
            assert status == 200
            assert (b"hush" in body) == record

    result(interlace.run(partial(main, record=True)))
    assert "hush" not in tape.read_text()
    result(interlace.run(partial(main, record=False)))


def test_a_stream_that_the_program_leaves_and_a_request_that_it_gives_up(tape: Path, peer: Any) -> None:
    async def main(world: interlace.World, record: bool = False) -> Any:
        world.tape("http://api.internal", tape, record, to=peer.http, patience=0.05)
        seen = []
        async with aiohttp.ClientSession() as session:
            async with session.get("http://api.internal/events") as answer:
                async for line in answer.content:
                    seen.append(line)
                    if line == b"data: 2\n":
                        break
            with pytest.raises(TimeoutError):
                async with session.get("http://api.internal/never", timeout=aiohttp.ClientTimeout(total=3)):
                    pass
            async with session.get("http://api.internal/n") as answer:
                return seen, await answer.read()

    recorded = interlace.run(partial(main, record=True))
    assert recorded.error is None
    assert tape.read_text().count("\nunfinished\n") == 2
    assert result(interlace.run(main)) == recorded.value
    explored = interlace.explore(main, schedules=20)
    assert explored.verdict.status == "passed", explored.report()


def test_long_bodies_are_recorded_whole(tape: Path, peer: Any) -> None:
    async def main(world: interlace.World, record: bool = False) -> Any:
        world.tape("http://api.internal", tape, record, to=peer.http)
        async with aiohttp_client() as ask:
            return await ask("POST", "http://api.internal/x", json=["tea" * 100] * 3000)

    said = result(interlace.run(partial(main, record=True)))
    assert len(said[1]) > 900_000
    assert result(interlace.run(main)) == said


def test_a_body_that_is_announced_is_asked_for(tape: Path) -> None:
    async def main(world: interlace.World) -> Any:
        world.tape("http://api.internal", tape)
        async with aiohttp_client() as ask:
            return await ask("POST", "http://api.internal/x", json=[1], expect100=True)

    tape.write_text(tape_of(("POST /x HTTP/1.1\n\n[1]", "5ms", "1")))
    assert result(interlace.run(main)) == (200, b"1")


@pytest.mark.parametrize("path", ["/slam", "/half"])
def test_a_peer_that_hangs_up_does_so_on_the_tape(path: str, tape: Path, peer: Any) -> None:
    async def main(world: interlace.World, record: bool = False) -> str:
        world.tape("http://api.internal", tape, record, to=peer.http)
        async with aiohttp.ClientSession() as session:
            try:
                # A POST, since aiohttp asks once more where that does no harm.
                async with session.post(f"http://api.internal{path}", data=b"x") as answer:
                    await answer.read()
            except aiohttp.ClientError as error:
                return type(error).__name__
        return "none"

    said = result(interlace.run(partial(main, record=True)))
    assert said == {"/slam": "ServerDisconnectedError", "/half": "ClientPayloadError"}[path]
    assert result(interlace.run(main)) == said


def test_a_request_that_cannot_be_read_is_not_recorded(peer: Any, tape: Path) -> None:
    async def main(world: interlace.World) -> None:
        world.tape("http://api.internal", tape, True, to=peer.http)
        async with aiohttp_client() as ask:
            await ask("POST", "http://api.internal/bytes", data=b"[1]", compress="gzip")

    error = interlace.run(main).error
    assert isinstance(error, UsageError)
    assert "the body of POST /bytes is compressed, and a secret in it could not be seen" in str(error)
    assert not tape.exists()
