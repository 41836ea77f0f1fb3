"""Fake websockets, by script and by function, as real clients see them, plain and over TLS."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx_ws
import pytest
import websockets

import interlace
from interlace import UnexpectedMessage, UnmatchedRequest, UnusedRoute, UsageError, fault, ws


class Gone(Exception):
    """The fake has closed the websocket."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


class Refused(Exception):
    """The handshake was answered by plain HTTP."""


class Line:
    """A client's end, in words of our own."""

    def __init__(self, send: Any, recv: Any, close: Any, subprotocol: Any) -> None:
        self.send, self.recv, self.close, self.subprotocol = send, recv, close, subprotocol


@asynccontextmanager
async def by_websockets(
    url: str, subprotocols: list[str] | None = None, **options: Any
) -> AsyncIterator[Line]:
    try:
        async with websockets.connect(url, subprotocols=subprotocols, **options) as socket:  # type: ignore[arg-type]

            async def recv() -> Any:
                try:
                    return await socket.recv()
                except websockets.ConnectionClosed as error:
                    raise Gone(error.rcvd.code if error.rcvd else None) from None

            yield Line(socket.send, recv, socket.close, socket.subprotocol)
    except websockets.InvalidStatus as error:
        raise Refused(error.response.status_code) from None


@asynccontextmanager
async def by_aiohttp(url: str, subprotocols: list[str] | None = None) -> AsyncIterator[Line]:
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(url, protocols=subprotocols or ()) as socket:

                async def send(data: Any) -> None:
                    await (socket.send_str(data) if isinstance(data, str) else socket.send_bytes(data))

                async def recv() -> Any:
                    message = await socket.receive()
                    if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                        return message.data
                    if message.type is aiohttp.WSMsgType.CLOSE:
                        raise Gone(message.data)
                    raise Gone(None)

                yield Line(send, recv, lambda: socket.close(), socket.protocol)
        except aiohttp.WSServerHandshakeError as error:
            raise Refused(error.status) from None


@asynccontextmanager
async def by_httpx(url: str, subprotocols: list[str] | None = None) -> AsyncIterator[Line]:
    try:
        async with httpx_ws.aconnect_ws(url, subprotocols=subprotocols) as socket:

            async def send(data: Any) -> None:
                await (socket.send_text(data) if isinstance(data, str) else socket.send_bytes(data))

            async def recv() -> Any:
                try:
                    event = await socket.receive()
                except httpx_ws.WebSocketDisconnect as error:
                    raise Gone(error.code) from None
                except httpx_ws.WebSocketNetworkError:
                    raise Gone(None) from None
                return event.data  # type: ignore[attr-defined]

            yield Line(send, recv, socket.close, socket.subprotocol)
    except httpx_ws.WebSocketUpgradeError as error:
        raise Refused(error.response.status_code) from None
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


CLIENTS: dict[str, Any] = {"websockets": by_websockets, "aiohttp": by_aiohttp, "httpx-ws": by_httpx}


@pytest.fixture(params=list(CLIENTS))
def connect(request: pytest.FixtureRequest) -> Any:
    return CLIENTS[request.param]


def passes(program: Callable[..., Any]) -> interlace.Outcome:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    assert not outcome.background
    return outcome


# -- scripts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
def test_a_script(connect: Any, secure: bool) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("https://api" if secure else "http://api")
        route = api.ws("/rooms/{room}", query={"token": "abc"}).script(
            ws.recv("hi"),
            ws.send("yo"),
            interlace.after("1s"),
            ws.send({"n": 1}),
            ws.recv({"got": [1, None]}),
            ws.recv(b"\x00\x01"),
            ws.send(lambda data: data + b"\x02"),
            ws.recv(lambda text: text.startswith("bye")),
            ws.recv(),
            ws.close(4001, "enough"),
        )
        url = f"{'wss' if secure else 'ws'}://api/rooms/tea?token=abc"
        async with connect(url) as line:
            await line.send("hi")
            assert await line.recv() == "yo"
            assert world.clock.elapsed == 0
            assert json.loads(await line.recv()) == {"n": 1}
            assert world.clock.elapsed == 1
            await line.send('{"got": [1, null]}')
            await line.send(b"\x00\x01")
            assert await line.recv() == b"\x00\x01\x02"
            await line.send("bye!")
            await line.send("x" * 100_000)
            with pytest.raises(Gone) as caught:
                await line.recv()
            assert caught.value.code == 4001
        (call,) = route.calls
        assert call.path == {"room": "tea"}
        assert call.received == ["hi", '{"got": [1, null]}', b"\x00\x01", "bye!", "x" * 100_000]
        assert call.sent == ["yo", '{"n": 1}', b"\x00\x01\x02"]
        assert [message.time for message in call.messages][:3] == [0, 0, 1]
        assert call.close_code == 4001
        assert api.calls == [call]
        await asyncio.sleep(1)
        assert call.end == 1

    passes(program)


def test_under_many_schedules(connect: Any) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api", latency="1ms..200ms")
        route = api.ws("/").script(
            ws.recv("a"), ws.send("b"), ws.recv("c"), interlace.after("1ms..2s"), ws.send("d"), ws.close()
        )

        async def one() -> None:
            async with connect("ws://api/") as line:
                await line.send("a")
                assert await line.recv() == "b"
                await line.send("c")
                assert await line.recv() == "d"
                with pytest.raises(Gone):
                    await line.recv()

        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(one())
        assert len(route.calls) == 3

    result = interlace.explore(program, schedules=30)
    assert result.verdict.status == "passed", result.report()


@pytest.mark.parametrize("what", ["reset", "empty", "malformed"])
def test_faults(connect: Any, what: str) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/").script(ws.send("x"), interlace.after(1), getattr(fault, what)())
        with pytest.raises((Gone, ConnectionError, aiohttp.ClientError)):
            async with connect("ws://api/") as line:
                assert await line.recv() == "x"
                await line.recv()
        assert world.clock.elapsed == 1

    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error


def test_pings_are_answered_while_a_script_pauses() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/").script(
            interlace.after("10min"), ws.send("late"), ws.recv(), ws.close()
        )
        async with websockets.connect("ws://api/", ping_interval=20, ping_timeout=20) as socket:
            assert await socket.recv() == "late"
            waiter = await socket.ping()
            await waiter
            await socket.send("x")
            await socket.wait_closed()

    assert passes(program).elapsed >= 600


def test_messages_that_are_sent_in_parts() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/").script(ws.recv("one two"), ws.recv(b"12"), ws.close())
        async with websockets.connect("ws://api/") as socket:
            await socket.send(["one", " ", "two"])
            await socket.send([b"1", b"2"])
            await socket.wait_closed()

    passes(program)


def test_subprotocols(connect: Any) -> None:
    async def program(world: interlace.World) -> None:
        route = world.http("http://api").ws("/", subprotocols=["v2.chat", "chat"]).script(ws.close())
        async with connect("ws://api/", subprotocols=["chat", "v2.chat"]) as line:
            assert line.subprotocol == "v2.chat"
        async with connect("ws://api/", subprotocols=["chat"]) as line:
            assert line.subprotocol == "chat"
        assert [call.subprotocol for call in route.calls] == ["v2.chat", "chat"]

    passes(program)


def test_a_handshake_that_plain_http_answers(connect: Any) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        api.get("/live").status(403)
        with pytest.raises(Refused, match="403"):
            async with connect("ws://api/live"):
                pass
        api.ws("/live").optional()
        async with connect("ws://api/live") as line:  # before the route for GET
            await line.send("hello")

    passes(program)


def test_one_script_after_the_other(connect: Any) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        api.ws("/").once().script(ws.send(1), fault.reset())
        api.ws("/").script(ws.send(2), ws.close())
        seen = []
        for _ in range(2):
            with pytest.raises((Gone, ConnectionError, aiohttp.ClientError)):
                async with connect("ws://api/") as line:
                    seen.append(await line.recv())
                    await line.recv()
        assert seen == ["1", "2"]

    passes(program)


# -- what fails the test -------------------------------------------------------------------------


async def say(connect: Any, *messages: Any, recv: int = 0) -> None:
    """Sends messages, receives so many, and leaves in order, whatever the fake makes of it."""
    try:
        async with connect("ws://api/") as line:
            for message in messages:
                await line.send(message)
            for _ in range(recv):
                await line.recv()
            await asyncio.sleep(1)
    except (Gone, ConnectionError, websockets.ConnectionClosed, httpx_ws.HTTPXWSException):
        pass


DIFFERENT: list[tuple[Any, Any, str]] = [
    ("hi", "ho", "recv('hi'), was not met: it is 'ho', not 'hi'"),
    ("hi", b"hi", "it is bytes, b'hi', not a text, 'hi'"),
    ("x" * 90 + "y", "x" * 90 + "z", "from 90 on it is ..."),
    ({"a": {"b": [1, 2]}}, '{"a": {"b": [1, 3]}}', "at a.b[1] it is 3, not 2"),
    ({"a": 1}, '{"a": 1, "b": 2}', "it has 'b' besides"),
    ({"a": 1}, "no json", "it is no JSON: 'no json'"),
    ([1], "[1, 2]", "it has 2 items, not 1"),
    (str.isdigit, "abc", "str.isdigit says no to 'abc'"),
]


@pytest.mark.parametrize(("expected", "sent", "told"), DIFFERENT)
def test_a_message_that_differs(expected: Any, sent: Any, told: str) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/").script(ws.recv(), ws.recv(expected), ws.send("x"))
        await say(by_websockets, "first", sent, recv=1)

    error = interlace.run(program).error
    assert isinstance(error, UnexpectedMessage)
    assert isinstance(error, AssertionError)
    assert str(error).startswith("websocket / (WS /): step 2 of the script, ")
    assert told in str(error)


def test_a_message_that_differs_is_told_to_the_client(connect: Any) -> None:
    codes = []

    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/").script(ws.recv("hi"))
        async with connect("ws://api/") as line:
            await line.send("ho")
            try:
                await line.recv()
            except Gone as gone:
                codes.append(gone.code)

    assert isinstance(interlace.run(program).error, UnexpectedMessage)
    assert codes == [1008]


def test_a_message_after_the_end(connect: Any) -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/").script(ws.recv("a"))
        await say(connect, "a", "b")

    error = interlace.run(program).error
    assert isinstance(error, UnexpectedMessage)
    assert "a message came after the end of the script: it is 'b'" in str(error)


@pytest.mark.parametrize("is_optional", [False, True])
def test_a_script_that_is_not_finished(connect: Any, is_optional: bool) -> None:
    async def program(world: interlace.World) -> None:
        route = world.http("http://api").ws("/").script(ws.recv("a"), ws.send("b"), ws.recv("c"))
        if is_optional:
            route.optional()
        await say(connect, "a", recv=1)

    error = interlace.run(program).error
    if is_optional:
        assert error is None
    else:
        assert isinstance(error, UnusedRoute)
        assert "stopped before step 3 of 3, recv('c'); the client had left with 1000" in error.routes[0]


def test_who_leaves_in_a_pause_misses_the_rest_but_not_what_is_on_its_way(connect: Any) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api", latency="2s..3s")
        api.ws("/").script(ws.recv("a"), ws.send("b"), *rest)
        async with connect("ws://api/") as line:
            await line.send("a")

    rest: tuple[Any, ...] = ()
    assert interlace.explore(program, schedules=20).verdict.status == "passed"
    rest = (interlace.after("5s"), ws.send("c"))
    error = interlace.run(program).error
    assert isinstance(error, UnusedRoute)
    assert "step 3 of 4, after(5 s)" in str(error)


def test_never_connected() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/live").script(ws.recv())

    error = interlace.run(program).error
    assert isinstance(error, UnusedRoute)
    assert error.routes == ("http://api: WS /live was never asked",)


def test_no_route(connect: Any) -> None:
    async def program(world: interlace.World) -> None:
        api = world.http("http://api")
        api.ws("/live", subprotocols=["chat"]).optional()
        with pytest.raises(Refused, match="501"):
            async with connect("ws://api/live"):
                pass

    error = interlace.run(program).error
    assert isinstance(error, UnmatchedRequest)
    assert "WS /live: it speaks the subprotocol 'chat', offered is none" in str(error)
    assert "api.ws('/live').script(...)" in str(error)


def test_a_plain_request_to_a_websocket() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/live").optional()
        async with aiohttp.ClientSession() as session, session.get("http://api/live") as answer:
            assert answer.status == 501

    assert "it is for websockets, and the request asks for none" in str(interlace.run(program).error)


# -- functions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("secure", [False, True])
def test_a_function(connect: Any, secure: bool) -> None:
    async def chat(socket: Any) -> None:
        assert socket.call.path == {"room": "tea"}
        await socket.send({"welcome": True})
        async for message in socket:
            await asyncio.sleep(1)
            await socket.send(message + message)
        left.append(socket.call.close_code)

    left: list[Any] = []

    async def program(world: interlace.World) -> None:
        api = world.http("https://api" if secure else "http://api")
        api.ws("/{room}").handle(chat)
        async with connect(f"{'wss' if secure else 'ws'}://api/tea") as line:
            assert json.loads(await line.recv()) == {"welcome": True}
            await line.send("ab")
            await line.send(b"12")
            assert await line.recv() == "abab"
            assert world.clock.elapsed == 1
            assert await line.recv() == b"1212"
            assert world.clock.elapsed == 2
        await asyncio.sleep(1)
        assert left == [1000]

    passes(program)


def test_a_function_that_closes_returns_or_resets(connect: Any) -> None:
    async def chat(socket: Any) -> None:
        match await socket.recv_json():
            case "close":
                await socket.close(4000, "so long")
            case "reset":
                socket.reset()

    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/").handle(chat)
        for word, code in {"close": 4000, "reset": None, "return": 1000}.items():
            try:
                async with connect("ws://api/") as line:
                    await line.send(json.dumps(word))
                    with pytest.raises((Gone, ConnectionError)) as caught:
                        await line.recv()
                    assert getattr(caught.value, "code", None) in (code, 1006 if word == "reset" else code)
            except (ConnectionError, httpx_ws.HTTPXWSException, websockets.ConnectionClosed):
                assert word == "reset"

    passes(program)


def test_a_function_that_fails(connect: Any) -> None:
    async def chat(socket: Any) -> None:
        raise RuntimeError("torn")

    codes = []

    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/").handle(chat)
        async with connect("ws://api/") as line:
            try:
                await line.recv()
            except Gone as gone:
                codes.append(gone.code)

    error = interlace.run(program).error
    assert isinstance(error, RuntimeError)
    assert codes == [1011]


def test_a_function_is_told_that_the_client_is_gone() -> None:
    async def chat(socket: Any) -> None:
        try:
            await socket.recv()
        except ws.Closed as closed:
            seen.append(closed.code)
            with pytest.raises(ws.Closed):
                await socket.send("x")

    seen: list[int] = []

    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/").handle(chat)
        async with websockets.connect("ws://api/") as socket:
            socket.transport.abort()
        await asyncio.sleep(1)
        assert seen == [1006]

    passes(program)


def test_a_function_under_many_schedules(connect: Any) -> None:
    async def echo(socket: Any) -> None:
        async for message in socket:
            await socket.send(message)

    async def program(world: interlace.World) -> None:
        world.http("http://api", latency="1ms..100ms").ws("/").handle(echo)

        async def one(number: int) -> None:
            async with connect("ws://api/") as line:
                for n in range(3):
                    await line.send(f"{number} {n}")
                    assert await line.recv() == f"{number} {n}"

        async with asyncio.TaskGroup() as group:
            for number in range(2):
                group.create_task(one(number))

    result = interlace.explore(program, schedules=30)
    assert result.verdict.status == "passed", result.report()


@pytest.mark.parametrize("how", ["script", "function"])
def test_what_was_said_to_take_so_long_takes_no_longer(how: str) -> None:
    late: list[bool] = []

    async def echo(socket: Any) -> None:
        async for message in socket:
            await socket.send(message)

    async def program(world: interlace.World) -> None:
        route = world.http("http://api", latency="5ms").ws("/")
        if how == "script":
            route.script(ws.recv(), ws.send("x"), ws.recv(), ws.send("x"), ws.close())
        else:
            route.handle(echo)
        async with websockets.connect("ws://api/") as socket:
            for _ in range(2):
                await socket.send("x")
                await socket.recv()
                came, sent = route.calls[0].messages[-2:]
                assert sent.time - came.time == pytest.approx(0.005)
                late.append(world.clock.elapsed - sent.time > 0.0001)

    result = interlace.explore(program, schedules=40)
    assert result.verdict.status == "passed", result.report()
    # TCP may cut a message, whose rest comes up to 0.1 s later
    assert sum(late) < len(late) / 4


# -- bad input -----------------------------------------------------------------------------------


BAD: list[tuple[Callable[[Any], object], str]] = [
    (lambda api: api.ws("/").script("hi"), "step 1 of the script is 'hi'"),
    (lambda api: api.ws("/").script(ws.recv), "step 1 is ws.recv itself: call it"),
    (lambda api: api.ws("/").script(ws.close(), ws.send("x")), "step 2 of the script is never reached"),
    (lambda api: api.ws("/").script(fault.hang(), ws.send("x")), "the fault ends it"),
    (lambda api: api.ws("/").script(interlace.reply.text("x")), "give ws.recv(...)"),
    (lambda api: api.ws("/").script(ws.recv()).script(ws.recv()), "has its script already"),
    (lambda api: api.ws("/").handle(print), "async def handler(socket)"),
    (lambda api: api.ws("/").handle(asyncio.sleep) and api.ws("/"), "would never be asked"),
    (lambda api: ws.send(object()), "cannot be <object"),
    (lambda api: ws.recv({1, 2}), "cannot be {1, 2}"),
    (lambda api: ws.close(1006), "a websocket is closed with"),
    (lambda api: ws.close(1000, "x" * 200), "at most 123 bytes"),
    (lambda api: api.ws("/", subprotocols=["a b"]), "words without spaces"),
    (lambda api: api.ws("/", latency=-1), "latency -1"),
    (lambda api: ws.send("x", latency="soon"), "latency 'soon'"),
    (lambda api: api.ws("live"), "begins with '/'"),
]


@pytest.mark.parametrize(("use", "told"), BAD)
def test_bad_input(use: Callable[[Any], object], told: str) -> None:
    async def program(world: interlace.World) -> None:
        use(world.http("http://api"))

    error = interlace.run(program).error
    assert isinstance(error, UsageError)
    assert told in str(error)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "websockets.server", None)

    async def program(world: interlace.World) -> None:
        world.http("http://api").ws("/")

    error = interlace.run(program).error
    assert isinstance(error, UsageError)
    assert "pip install 'interlace[ws]'" in str(error)
