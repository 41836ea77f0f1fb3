"""Server-sent events, chunks and files, as real clients get them, in virtual time."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp_sse_client.client
import httpx
import httpx_sse
import pytest

import interlace
from interlace import UsageError, after, fault, reply


class Seen(dict[str, Any]):
    """An event that a client has got."""


@asynccontextmanager
async def by_httpx(url: str) -> AsyncIterator[AsyncIterator[Seen]]:
    async with httpx.AsyncClient(timeout=None) as client:
        async with httpx_sse.aconnect_sse(client, "GET", url) as source:

            async def events() -> AsyncIterator[Seen]:
                async for event in source.aiter_sse():
                    yield Seen(event=event.event, data=event.data, id=event.id)

            yield events()


@asynccontextmanager
async def by_aiohttp(url: str) -> AsyncIterator[AsyncIterator[Seen]]:
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp_sse_client.client.EventSource(
        url, timeout=timeout, max_connect_retry=0, reconnection_time=timedelta(0)
    ) as source:

        async def events() -> AsyncIterator[Seen]:
            try:
                async for event in source:
                    yield Seen(event=event.type or "message", data=event.data, id=event.last_event_id)
            except ConnectionError:  # it connects again at the end, and is refused then
                return

        yield events()


CLIENTS = {"httpx-sse": by_httpx, "aiohttp-sse-client": by_aiohttp}


@pytest.fixture(params=list(CLIENTS))
def connect(request: pytest.FixtureRequest) -> Any:
    return CLIENTS[request.param]


def passes(program: Callable[..., Any]) -> interlace.Outcome:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome


async def get(url: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=None) as client:
        return await client.get(url, **options)


# -- server-sent events --------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
def test_events(connect: Any, secure: bool) -> None:
    async def program(world: interlace.World) -> None:
        base = "https://api" if secure else "http://api"
        route = world.http(base).get("/events").once()
        route.sse(
            [
                {"n": 1},
                after("10s"),
                "two\nlines",
                reply.event(comment="still here"),
                after("1h"),
                reply.event([3], event="tick", id="c"),
            ]
        )
        seen, times = [], []
        async with connect(f"{base}/events") as events:
            async for event in events:
                seen.append(event)
                times.append(round(world.clock.elapsed))
                if len(seen) == 3:
                    break
        assert times == [0, 10, 3610]
        assert [event["data"] for event in seen] == ['{"n": 1}', "two\nlines", "[3]"]
        assert [event["event"] for event in seen] == ["message", "message", "tick"]
        assert seen[2]["id"] == "c"
        assert route.calls[0].headers["accept"] == "text/event-stream"

    passes(program)


def test_what_is_sent() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").get("/").sse(
            [
                "a",
                reply.event("b\r\nc\rd", event="e", id=7, retry=1500),
                reply.event(comment="one\ntwo"),
                reply.event(id="8"),
                {"ü": None},
            ],
            headers={"X-Own": "1"},
        )
        answer = await get("http://api/")
        assert answer.text == (
            "data: a\n\n"
            "event: e\nid: 7\nretry: 1500\ndata: b\ndata: c\ndata: d\n\n"
            ": one\n: two\n\n"
            "id: 8\n\n"
            'data: {"\\u00fc": null}\n\n'
        )
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-own"] == "1"

    passes(program)


def test_a_client_connects_again_where_it_was_broken_off() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        route = api.get("/").sequence(
            reply.sse([reply.event("1", id="a"), after("5s"), fault.reset()]),
            reply.sse([reply.event("2", id="b")]),
        )
        seen, last = [], ""
        for _ in range(2):
            try:
                async with httpx.AsyncClient(timeout=None) as client:
                    headers = {"Last-Event-ID": last}
                    async with httpx_sse.aconnect_sse(
                        client, "GET", "http://api/", headers=headers
                    ) as source:
                        async for event in source.aiter_sse():
                            seen.append(event.data)
                            last = event.id
            except httpx.ReadError:
                assert world.clock.elapsed == 5
        assert seen == ["1", "2"]
        assert [call.headers["Last-Event-ID"] for call in route.calls] == ["", "a"]

    passes(program)


def test_a_stream_that_stays_open(connect: Any) -> None:
    async def program(world: interlace.World) -> None:
        route = world.http("http://api").get("/").sse([1], stays_open=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                async with connect("http://api/") as events:
                    async for event in events:
                        assert event["data"] == "1"
        assert world.clock.elapsed == 100
        await asyncio.sleep(1)
        assert route.calls[0].end == 100

    passes(program)


def test_a_function_sends_what_the_test_tells_it_to(connect: Any) -> None:
    async def program(world: interlace.World) -> None:
        prices: asyncio.Queue[int] = asyncio.Queue()

        async def feed(call: Any) -> AsyncIterator[Any]:
            yield {"room": call.path["room"]}
            while True:
                price = await prices.get()
                yield after("2s")
                yield {"price": price}

        world.http("http://api").get("/{room}").sse(feed)
        async with connect("http://api/tea") as events:
            assert json.loads((await anext(events))["data"]) == {"room": "tea"}
            for price in (3, 4):
                before = world.clock.elapsed
                prices.put_nowait(price)
                assert json.loads((await anext(events))["data"]) == {"price": price}
                assert world.clock.elapsed - before == 2

    passes(program)


def test_a_plain_generator_is_asked_anew_for_each_request_and_left_with_the_client() -> None:
    left = []

    async def program(world: interlace.World) -> None:
        def beats(call: Any) -> Any:
            try:
                for n in range(10_000):
                    yield str(n)
                    yield after("15s")
            finally:
                left.append(round(world.clock.elapsed))

        world.http("http://api").get("/").sse(beats)
        for _ in range(2):
            async with by_httpx("http://api/") as events:
                assert [(await anext(events))["data"] for _ in range(3)] == ["0", "1", "2"]
        await asyncio.sleep(1)
        assert left == [30, 60]

    passes(program)


def test_under_many_schedules(connect: Any) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("https://api", latency="1ms..100ms")
        api.get("/").sse([1, 2, after("1ms..1s"), 3], between="0ms..50ms", stays_open=True)

        async def one() -> None:
            async with connect("https://api/") as events:
                assert [(await anext(events))["data"] for _ in range(3)] == ["1", "2", "3"]

        async with asyncio.TaskGroup() as group:
            group.create_task(one())
            group.create_task(one())

    result = interlace.explore(program, schedules=30)
    assert result.verdict.status == "passed", result.report()


# -- chunks --------------------------------------------------------------------------------------


def test_time_between_chunks_where_no_pause_is() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").get("/").stream([b"a", "b", after("1s"), b"c", b"", b"d"], between="10s")
        assert (await get("http://api/")).text == "abcd"
        assert world.clock.elapsed == 10 + 1 + 10 + 10

    passes(program)


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("reset", httpx.ReadError),
        ("empty", httpx.RemoteProtocolError),
        ("malformed", httpx.RemoteProtocolError),
    ],
)
def test_a_body_that_is_broken_off(what: str, error: type[Exception]) -> None:
    async def program(world: interlace.World) -> None:
        broken = getattr(fault, what)(latency="3s")
        world.http("http://api").get("/").sequence(reply.stream([b"half", broken]), "all")
        with pytest.raises(error):
            await get("http://api/")
        assert world.clock.elapsed == 3
        assert (await get("http://api/")).text == "all"

    passes(program)


def test_a_body_that_stops() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").get("/").stream([b"half", fault.hang()])
        async with httpx.AsyncClient(timeout=7) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get("http://api/")
        assert world.clock.elapsed == 7

    passes(program)


def test_a_function_that_returns_or_fails() -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        api.get("/list").stream(lambda call: [call.query["x"], "!"])
        assert (await get("http://api/list?x=hey")).text == "hey!"

        def torn(call: Any) -> Any:
            yield b"x"
            raise RuntimeError("torn")

        api.get("/torn").stream(torn)
        with pytest.raises(httpx.TransportError):
            await get("http://api/torn")

    assert str(interlace.run(program).error) == "torn"


# -- files ---------------------------------------------------------------------------------------


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "tea.png"
    path.write_bytes(bytes(range(200)))
    return path


def test_a_file(picture: Path) -> None:
    tag = f'"{hashlib.sha256(bytes(range(200))).hexdigest()[:16]}"'
    ranges: list[tuple[str, int, bytes, str | None]] = [
        ("bytes=0-9", 206, bytes(range(10)), "bytes 0-9/200"),
        ("bytes=190-", 206, bytes(range(190, 200)), "bytes 190-199/200"),
        ("bytes=190-900", 206, bytes(range(190, 200)), "bytes 190-199/200"),
        ("bytes=-5", 206, bytes(range(195, 200)), "bytes 195-199/200"),
        ("bytes=-500", 206, bytes(range(200)), "bytes 0-199/200"),
        ("bytes=200-", 416, b"", "bytes */200"),
        ("bytes=-0", 416, b"", "bytes */200"),
        ("bytes=9-3", 200, bytes(range(200)), None),
        ("bytes=-", 200, bytes(range(200)), None),
        ("lines=1-2", 200, bytes(range(200)), None),
    ]

    async def program(world: interlace.World) -> None:
        world.http("http://api").get("/tea").file(picture, latency="1s", headers={"X-Own": "1"})
        answer = await get("http://api/tea")
        assert (answer.status_code, answer.content) == (200, bytes(range(200)))
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["content-length"] == "200"
        assert answer.headers["x-own"] == "1"
        assert answer.headers["etag"] == tag
        assert world.clock.elapsed == 1
        for asked, status, body, about in ranges:
            answer = await get("http://api/tea", headers={"Range": asked})
            told = answer.headers.get("content-range")
            assert (asked, answer.status_code, answer.content, told) == (asked, status, body, about)
        answer = await get("http://api/tea", headers={"If-None-Match": f'"old", W/{tag}'})
        assert (answer.status_code, answer.content) == (304, b"")
        answer = await get("http://api/tea", headers={"Range": "bytes=0-1", "If-Range": '"old"'})
        assert answer.status_code == 200
        answer = await get("http://api/tea", headers={"Range": "bytes=0-1", "If-Range": tag})
        assert answer.status_code == 206

    passes(program)


# -- bad input -----------------------------------------------------------------------------------


async def ticks(call: Any = None) -> AsyncIterator[str]:
    yield "x"


BAD: list[tuple[Callable[[Any], object], str]] = [
    (lambda route: route.sse({"n": 1}), "give a list of events"),
    (lambda route: route.sse("x"), "give a list of events"),
    (lambda route: route.sse([object()]), "the data of an event cannot be <object"),
    (lambda route: route.sse([reply.text("x")]), "give events, interlace.after(...) and faults"),
    (lambda route: route.sse([1], between=-1), "latency -1"),
    (lambda route: route.sse([1], stays_open="yes"), "stays_open='yes'"),
    (lambda route: route.sse(ticks()), "give the function itself"),
    (lambda route: route.reply(reply.sse(iter(["x"]))), "can be sent only once"),
    (lambda route: route.sse(ticks, latency="soon"), "latency 'soon'"),
    (lambda route: reply.event(), "event() without anything"),
    (lambda route: reply.event("x", event="a\nb"), "give a text of one line"),
    (lambda route: reply.event("x", retry=-1), "whole milliseconds"),
    (lambda route: reply.event({1}), "the data of an event cannot be {1}"),
    (lambda route: route.stream([reply.text("x")]), "faults such as fault.reset()"),
    (lambda route: route.file("/no/such/file"), "file('/no/such/file') cannot be read"),
    (lambda route: route.file(3.5), "cannot be read"),
    (lambda route: route.file(__file__, media_type="a\nb"), "cannot be sent"),
]


@pytest.mark.parametrize(("use", "told"), BAD)
def test_bad_input(use: Callable[[Any], object], told: str) -> None:
    async def program(world: interlace.World) -> None:
        use(world.http("http://api").get("/"))

    error = interlace.run(program).error
    assert isinstance(error, UsageError), error
    assert told in str(error)
