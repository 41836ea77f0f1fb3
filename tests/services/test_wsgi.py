"""Whole WSGI applications at a host name, as unmodified clients see them, and as PEP 3333 asks for."""

import asyncio
import http.client
import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any
from wsgiref.validate import validator

import aiohttp
import httpx
import pytest

import interlace

Client = Callable[[], Any]
Environ = dict[str, Any]

SCHEMES = ("http", "https")


def passes(program: Callable[..., Any], **options: Any) -> Any:
    outcome = interlace.run(program, **options)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def plain(environ: Environ, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"plain"]


class Kept:
    """An application that keeps what it was told, and answers as a function says."""

    def __init__(self, answer: Callable[[Environ, Any], Any] = plain) -> None:
        self.asked: list[Environ] = []
        self.bodies: list[bytes] = []
        self._answer = answer

    def __call__(self, environ: Environ, start_response: Any) -> Any:
        self.asked.append(environ)
        self.bodies.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)))
        return self._answer(environ, start_response)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_it_is_told(client: Client, scheme: str) -> None:
    app = Kept()

    async def program(world: interlace.World) -> None:
        world.wsgi(f"{scheme}://shop:8080", validator(app))
        async with client() as ask:
            answer = await ask(
                "PUT",
                f"{scheme}://shop:8080/a%20b/%C3%A9?x=1&y=%20",
                content=b"tea",
                headers={"X-Agent": "me", "Content-Type": "text/plain", "Cookie": "a=1; b=2"},
            )
        assert (answer.status, answer.body) == (200, b"plain")
        assert answer.headers["content-type"] == "text/plain"

    passes(program)
    [told] = app.asked
    assert app.bodies == [b"tea"]
    expected = {
        "REQUEST_METHOD": "PUT",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xc3\xa9",
        "RAW_URI": "/a%20b/%C3%A9?x=1&y=%20",
        "QUERY_STRING": "x=1&y=%20",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "3",
        "SERVER_NAME": "shop",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "10.0.0.1",
        "HTTP_HOST": "shop:8080",
        "HTTP_X_AGENT": "me",
        "HTTP_COOKIE": "a=1; b=2",
        "wsgi.url_scheme": scheme,
        "wsgi.version": (1, 0),
    }
    assert {key: told.get(key) for key in expected} == expected
    assert not {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} & {*told}


def test_it_is_told_who_asks() -> None:
    app = Kept()

    async def program(world: interlace.World) -> None:
        world.wsgi("http://*.shop", app)

        async def one(name: str) -> None:
            async with httpx.AsyncClient() as client:
                await client.get(f"http://{name}.shop/")

        tasks = []
        for name in ("a", "b", "c"):
            with world.host(name).here():
                tasks.append(asyncio.create_task(one(name)))
        await asyncio.gather(*tasks)
        assert {told["SERVER_NAME"]: told["REMOTE_ADDR"] for told in app.asked} == {
            f"{name}.shop": world.host(name).address for name in ("a", "b", "c")
        }
        app.asked.clear()

    passes(program)
    assert interlace.explore(program, schedules=10).verdict.status == "passed"


def test_a_body_in_chunks() -> None:
    app = Kept()

    async def program(world: interlace.World) -> None:
        world.wsgi("http://shop", app)

        async def chunks() -> Any:
            for _ in range(3):
                yield b"tea"
                await asyncio.sleep(1)

        async with aiohttp.ClientSession() as session, session.post("http://shop", data=chunks()):
            pass

    passes(program)
    assert app.bodies == [b"teateatea"]


def test_a_body_of_one_piece_has_a_length() -> None:
    assert answered(plain)[0].headers["content-length"] == "5"


# -- what it answers -----------------------------------------------------------------------------


class Body:
    """An iterable that notes that it was closed."""

    def __init__(self, chunks: Iterable[Any]) -> None:
        self.closed = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[Any]:
        return iter(self._chunks)

    def close(self) -> None:
        self.closed += 1


def answered(app: Any, method: str = "GET") -> tuple[httpx.Response, list[str]]:
    """Returns what a client is answered, and what a failure of the test would be told of the application."""
    answers: list[httpx.Response] = []

    async def program(world: interlace.World) -> None:
        world.wsgi("http://shop", app)
        async with httpx.AsyncClient() as client:
            answers.append(await client.request(method, "http://shop/tea"))
        raise RuntimeError

    error = interlace.run(program).error
    if not answers:
        assert error is not None
        raise error
    return answers[0], getattr(error, "__notes__", [])


def test_it_may_answer_in_pieces() -> None:
    body = Body([b"a", b"", b"bc"])

    def app(environ: Environ, start_response: Any) -> Any:
        write = start_response("299 Fine tea", [("X-Tea", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        write(b"first ")
        return body

    answer, notes = answered(app)
    assert (answer.status_code, answer.reason_phrase, answer.text) == (299, "Fine tea", "first abc")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert body.closed == 1
    assert notes == []


def test_a_generator_may_start_late() -> None:
    def app(environ: Environ, start_response: Any) -> Iterator[bytes]:
        yield b""
        start_response("200 OK", [("Content-Length", "6")])
        yield b"one"
        yield b"two"

    answer, _ = answered(app)
    assert answer.text == "onetwo"
    assert "transfer-encoding" not in answer.headers


def test_head_and_no_content() -> None:
    def app(environ: Environ, start_response: Any) -> list[bytes]:
        if environ["REQUEST_METHOD"] == "HEAD":
            start_response("200 OK", [("Content-Length", "5")])
        else:
            start_response("204 No Content", [])
        return []

    assert answered(app, "HEAD")[0].headers["content-length"] == "5"
    answer, _ = answered(app, "DELETE")
    assert (answer.status_code, answer.content) == (204, b"")


def test_an_error_may_change_the_answer_until_something_is_sent() -> None:
    body = Body([])

    def early(environ: Environ, start_response: Any) -> Any:
        start_response("200 OK", [])
        try:
            raise ValueError("no tea")
        except ValueError:
            import sys

            start_response("418 I'm a teapot", [], sys.exc_info())
        return body

    answer, notes = answered(early)
    assert answer.status_code == 418
    assert notes == []
    assert body.closed == 1

    def late(environ: Environ, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"tea"
        try:
            raise ValueError("no more tea")
        except ValueError:
            import sys

            start_response("500 Error", [], sys.exc_info())

    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        answered(late)


def _raises(environ: Environ, start_response: Any) -> Any:
    raise ValueError("no tea")


def _starts_not(environ: Environ, start_response: Any) -> Any:
    return [b"tea"]


def _starts_not_at_all(environ: Environ, start_response: Any) -> Any:
    return []


def _starts_twice(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


def _text(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", [])
    return ["tea"]


def _number(environ: Environ, start_response: Any) -> Any:
    start_response(200, [])
    return []


def _bytes(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", [(b"X-Tea", b"1")])
    return []


def _too_short(environ: Environ, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Length", "10")])
    return [b"tea"]


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (_raises, "ValueError: no tea at"),
        (_starts_not, "it has sent something before it called start_response()"),
        (_starts_not_at_all, "it has not called start_response()"),
        (_starts_twice, "start_response() was called a second time, without exc_info"),
        (_text, "it has sent 'tea', which is not bytes"),
        (_number, "its status is 200: that must be a text such as '200 OK'"),
        (_bytes, "its header has b'X-Tea': b'1', which are not both texts"),
        (_too_short, "its Content-Length is 10, and it has sent 3 bytes"),
    ],
)
def test_what_goes_wrong_is_answered_by_500_and_told_with_a_failure(app: Any, said: str) -> None:
    answer, notes = answered(app)
    assert answer.status_code == 500
    [note] = notes
    assert f"the application {app.__qualname__} at http://shop raised " in note
    assert said in note
    assert note.endswith("when it was asked GET /tea")


def test_an_answer_without_an_end_is_refused() -> None:
    def app(environ: Environ, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        while True:
            yield b"x"

    with pytest.raises(httpx.RemoteProtocolError) as raised:
        answered(app)
    assert any("must have an end" in note for note in raised.value.__notes__)


# -- time and threads ----------------------------------------------------------------------------


def test_requests_sleep_beside_each_other_in_virtual_time() -> None:
    threads = set()

    def app(environ: Environ, start_response: Any) -> list[bytes]:
        threads.add(threading.current_thread())
        time.sleep(2)
        return plain(environ, start_response)  # type: ignore[return-value]

    async def program(world: interlace.World) -> float:
        world.wsgi("http://shop", app)
        async with aiohttp.ClientSession() as session:

            async def one() -> None:
                async with session.get("http://shop/"):
                    pass

            await asyncio.gather(one(), one(), one())
            return world.clock.elapsed

    before = threading.active_count()
    assert passes(program) == 2
    assert len(threads) == 3
    for thread in threads:
        thread.join(10)
    assert threading.active_count() <= before


def test_a_latency_is_what_the_answer_takes() -> None:
    async def program(world: interlace.World) -> float:
        world.wsgi("http://shop", plain, latency="250ms")
        async with httpx.AsyncClient() as client:
            await client.get("http://shop/")
        return world.clock.elapsed

    assert passes(program) == 0.25


def test_it_may_block_on_what_it_depends_on() -> None:
    def app(environ: Environ, start_response: Any) -> list[bytes]:
        connection = http.client.HTTPConnection("stock")
        connection.request("GET", "/left")
        body = connection.getresponse().read()
        connection.close()
        start_response("200 OK", [])
        return [body]

    async def program(world: interlace.World) -> None:
        world.wsgi("http://shop", app)
        world.http("http://stock").get("/left").text("42", latency="3s")
        async with aiohttp.ClientSession() as session, session.get("http://shop/") as answer:
            assert await answer.text() == "42"
        assert world.clock.elapsed >= 3

    passes(program)
    assert interlace.explore(program, schedules=5).verdict.status == "passed"


def lost_update(locked: bool) -> Callable[..., Any]:
    """A program in which two requests read, wait and write."""

    async def program(world: interlace.World) -> None:
        kept = {"n": 0}
        lock = threading.Lock()

        def add() -> None:
            number = kept["n"]
            time.sleep(0.01)
            kept["n"] = number + 1

        def app(environ: Environ, start_response: Any) -> Iterable[bytes]:
            if locked:
                with lock:
                    add()
            else:
                add()
            return plain(environ, start_response)

        world.wsgi("http://shop", app, latency="1ms..20ms")

        async def one(number: int) -> None:
            await asyncio.sleep(number * 0.03)
            async with httpx.AsyncClient(verify=False, timeout=60) as client:
                await client.get("http://shop/")

        await asyncio.gather(*map(one, range(5)))
        assert kept["n"] == 5

    return program


def test_a_lost_update_is_found_and_its_locked_twin_passes() -> None:
    assert not interlace.run(lost_update(False)).failed
    for seed in range(3):
        assert interlace.explore(lost_update(False), schedules=10, seed=seed).verdict.status == "failed"
    result = interlace.explore(lost_update(True), schedules=30)
    assert result.verdict.status == "passed", result.report()


def test_the_same_token_leads_to_the_same_trace() -> None:
    for seed in range(5):
        outcome = interlace.run(lost_update(False), seed=seed)
        for _ in range(3):
            assert interlace.replay(lost_update(False), outcome.token).trace_hash == outcome.trace_hash


def test_a_crash_ends_what_it_was_asked() -> None:
    done = []

    def app(environ: Environ, start_response: Any) -> Any:
        time.sleep(5)
        done.append(environ["PATH_INFO"])
        return plain(environ, start_response)

    async def program(world: interlace.World) -> None:
        host = world.wsgi("http://shop", app)
        async with aiohttp.ClientSession() as session:
            first = asyncio.create_task(session.get("http://shop/first").__aenter__())
            await asyncio.sleep(1)
            host.crash()
            with pytest.raises(aiohttp.ClientError):
                await first
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get("http://shop/second")
            host.restart()
            async with session.get("http://shop/third") as answer:
                assert answer.status == 200
        assert done == ["/third"]

    passes(program)


# -- what is refused -----------------------------------------------------------------------------


async def _asgi(scope: Any, receive: Any, send: Any) -> None: ...


async def _async(environ: Any, start_response: Any) -> None: ...


def _factory() -> Any: ...


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("shop:app", "is a text: import the application"),
        (None, "None is no application: it cannot be called"),
        (_asgi, "_asgi is an application of ASGI, not of WSGI: use asgi('http://shop', ...)"),
        (_async, "_async is an application of ASGI, not of WSGI"),
        (partial(_asgi), "is an application of ASGI, not of WSGI"),
        (_factory, "If it makes one, call it: _factory()"),
        (io.StringIO("x").read, "is no application of WSGI, which takes environ and start_response"),
    ],
)
def test_what_is_no_application_is_refused(app: Any, said: str) -> None:
    async def program(world: interlace.World) -> None:
        world.wsgi("http://shop", app)

    error = interlace.run(program).error
    assert isinstance(error, interlace.UsageError)
    assert said in str(error)


def test_arguments_that_cannot_work_are_refused() -> None:
    async def program(world: interlace.World) -> None:
        for url, options, said in (
            ("shop", {}, "'shop' is no base URL of HTTP"),
            ("http://shop/v1", {}, "leave '/v1' out"),
            ("http://*", {}, "a '\\*' stands for all names below a domain"),
            ("http://shop", {"latency": "soon"}, "cannot be read at 'soon'"),
        ):
            with pytest.raises(interlace.UsageError, match=said):
                world.wsgi(url, plain, **options)  # type: ignore[arg-type]

    passes(program)
