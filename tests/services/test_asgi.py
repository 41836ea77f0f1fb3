"""Whole ASGI applications at a host name, as unmodified clients see them: the same over plain HTTP and TLS."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import aiohttp
import httpx
import pytest
import websockets
from fastapi import Depends, FastAPI, HTTPException, Request, WebSocket
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket as StarletteSocket

import interlace

Client = Callable[[], Any]

SCHEMES = ("http", "https")


def passes(program: Callable[..., Any], **options: Any) -> Any:
    outcome = interlace.run(program, **options)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def echo_app() -> Starlette:
    """Tells what it was asked, and answers in several ways."""

    async def tell(request: StarletteRequest) -> Response:
        client = request.client
        return JSONResponse(
            {
                "url": str(request.base_url) + request.scope["raw_path"].decode()[1:],
                "method": request.method,
                "query": request.query_params.multi_items(),
                "agent": request.headers.get("x-agent"),
                "body": (await request.body()).decode("latin-1"),
                "client": client.host if client else None,
                "id": request.path_params.get("id"),
            },
            headers={"X-Answer": "yes"},
        )

    async def stream(request: StarletteRequest) -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            for number in range(4):
                await asyncio.sleep(1)
                yield b"%d" % number * 10

        return StreamingResponse(chunks(), media_type="text/plain")

    async def nothing(request: StarletteRequest) -> Response:
        return Response(status_code=204)

    async def boom(request: StarletteRequest) -> Response:
        raise ValueError("no tea")

    async def shout(socket: StarletteSocket) -> None:
        await socket.accept(subprotocol="tea" if "tea" in socket.scope["subprotocols"] else None)
        async for text in socket.iter_text():
            await socket.send_text(text.upper())
            if text == "bye":
                await socket.close(4001, "enough")
                return

    async def refuse(socket: StarletteSocket) -> None:
        await socket.close()

    everything = ["GET", "POST", "PUT", "DELETE"]
    return Starlette(
        routes=[
            Route("/tell/{id}", tell, methods=everything),
            Route("/stream", stream),
            Route("/nothing", nothing),
            Route("/boom", boom),
            WebSocketRoute("/shout", shout),
            WebSocketRoute("/refuse", refuse),
        ]
    )


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_asked_and_answered(client: Client, scheme: str) -> None:
    async def program(world: interlace.World) -> None:
        world.asgi(f"{scheme}://billing", echo_app())
        url = f"{scheme}://billing"
        async with client() as ask:
            answer = await ask(
                "POST", f"{url}/tell/a%20b?x=1&x=2", content=b"h\xc3\xa9", headers={"X-Agent": "me"}
            )
            assert answer.status == 200
            assert answer.headers["x-answer"] == "yes"
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["server"] == "uvicorn"
            assert answer.headers["date"] == "Thu, 01 Jan 2026 00:00:00 GMT"
            told = httpx.Response(200, content=answer.body).json()
            assert told == {
                "url": f"{scheme}://billing/tell/a%20b",
                "method": "POST",
                "query": [["x", "1"], ["x", "2"]],
                "agent": "me",
                "body": "h\xc3\xa9",
                "client": world.host("local").address,
                "id": "a b",
            }
            assert (await ask("GET", f"{url}/nothing")).status == 204
            assert (await ask("GET", f"{url}/missing")).status == 404
            assert (await ask("DELETE", f"{url}/nothing")).status == 405

    passes(program)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_stream_takes_virtual_time(client: Client, scheme: str) -> None:
    async def program(world: interlace.World) -> float:
        world.asgi(f"{scheme}://billing:8080", echo_app())
        async with client() as ask:
            answer = await ask("GET", f"{scheme}://billing:8080/stream")
        assert answer.body == b"".join(b"%d" % number * 10 for number in range(4))
        assert answer.headers["transfer-encoding"] == "chunked"
        return world.clock.elapsed

    assert passes(program) == 4


def test_chunks_arrive_one_by_one() -> None:
    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", echo_app())
        async with aiohttp.ClientSession() as session, session.get("http://billing/stream") as answer:
            times = [world.clock.elapsed async for _ in answer.content.iter_any()]
            assert times == [1, 2, 3, 4]

    passes(program)


def test_an_endless_stream_ends_with_its_client() -> None:
    async def events(request: StarletteRequest) -> Response:
        async def chunks() -> AsyncIterator[str]:
            number = 0
            while True:
                yield f"data: {number}\n\n"
                number += 1
                await asyncio.sleep(1)

        return StreamingResponse(chunks(), media_type="text/event-stream")

    async def program(world: interlace.World) -> None:
        world.asgi("https://news", Starlette(routes=[Route("/", events)]))
        async with aiohttp.ClientSession() as session, session.get("https://news/") as answer:
            for number in range(3):
                assert await answer.content.readuntil(b"\n\n") == b"data: %d\n\n" % number

    outcome = interlace.run(program)
    assert outcome.error is None
    assert outcome.elapsed == 2
    assert interlace.explore(program, schedules=10).verdict.status == "passed"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_connection_is_kept_for_as_long_as_the_client_likes(scheme: str) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def program(world: interlace.World) -> None:
        world.asgi(f"{scheme}://billing", app, lifespan=False)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(keepalive_timeout=3600)) as session:
            for _ in range(3):
                async with session.get(f"{scheme}://billing/") as answer:
                    assert await answer.text() == "ok"
                await asyncio.sleep(600)
            async with session.get(f"{scheme}://billing/", headers={"Connection": "close"}) as answer:
                assert answer.headers["Connection"] == "close"
            async with session.get(f"{scheme}://billing/"):
                pass
        assert seen[0] == seen[1] == seen[2] == seen[3] != seen[4]

    passes(program)


def test_a_large_body_is_sent_in_pieces_and_continued() -> None:
    sizes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        more, size = True, 0
        while more:
            message = await receive()
            more = message.get("more_body", False)
            size += len(message["body"])
            sizes.append(len(message["body"]))
        body = b"%d" % size
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", app, lifespan=False)
        async with aiohttp.ClientSession() as session:
            async with session.post("http://billing/", data=b"x" * 1_000_000, expect100=True) as answer:
                assert await answer.text() == "1000000"

    passes(program)
    assert len(sizes) > 3


@pytest.mark.parametrize("scheme", SCHEMES)
def test_websockets(scheme: str) -> None:
    url = f"{'wss' if scheme == 'https' else 'ws'}://chat"

    async def program(world: interlace.World) -> None:
        world.asgi(f"{scheme}://chat", echo_app())
        async with websockets.connect(f"{url}/shout", subprotocols=["tea"]) as socket:  # type: ignore[list-item]
            assert socket.subprotocol == "tea"
            await socket.send("hi")
            assert await socket.recv() == "HI"
            await socket.send("bye")
            assert await socket.recv() == "BYE"
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "enough")
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(f"{url}/refuse")
        assert refused.value.response.status_code == 403
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/shout") as other:
            await other.send_str("tea")
            assert await other.receive_str() == "TEA"

    passes(program)
    result = interlace.explore(program, schedules=6)
    assert result.verdict.status == "passed", result.report()


def test_fastapi_with_what_it_depends_on() -> None:
    class Order(BaseModel):
        item: str
        number: int = 1

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with httpx.AsyncClient(base_url="https://stock") as stock:
            yield {"stock": stock}

    async def stock_of(request: Request) -> httpx.AsyncClient:
        return request.state.stock  # type: ignore[no-any-return]

    app = FastAPI(lifespan=lifespan)

    @app.post("/orders", status_code=201)
    async def place(order: Order, stock: Annotated[httpx.AsyncClient, Depends(stock_of)]) -> dict[str, Any]:
        answer = await stock.get(f"/items/{order.item}")
        if answer.json()["left"] < order.number:
            raise HTTPException(409, "sold out")
        return {"ok": True}

    @app.get("/slow")
    def slow() -> str:
        return "in a thread"

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_json(await socket.receive_json())

    async def program(world: interlace.World) -> None:
        world.asgi("https://shop", app)
        stock = world.http("https://stock")
        stock.get("/items/tea").json({"left": 2}, latency="20ms")
        async with httpx.AsyncClient(base_url="https://shop") as client:
            assert (await client.post("/orders", json={"item": "tea"})).status_code == 201
            answer = await client.post("/orders", json={"item": "tea", "number": 3})
            assert (answer.status_code, answer.json()) == (409, {"detail": "sold out"})
            assert (await client.post("/orders", json={})).status_code == 422
            assert (await client.get("/slow")).json() == "in a thread"
            assert (await client.get("/openapi.json")).json()["openapi"]
        async with websockets.connect("wss://shop/live") as socket:
            await socket.send('{"a": 1}')
            assert await socket.recv() == '{"a":1}'

    passes(program)
    assert interlace.explore(program, schedules=5).verdict.status == "passed"


def test_a_latency_is_that_of_the_answers() -> None:
    async def program(world: interlace.World) -> float:
        world.net.link("local", "billing", latency=0)
        world.asgi("http://billing", echo_app(), latency="250ms")
        async with httpx.AsyncClient() as client:
            await client.get("http://billing/nothing")
        return world.clock.elapsed

    assert passes(program) == 0.5  # one for the connection, one for the answer


def test_one_on_the_host_of_the_test_itself() -> None:
    async def program(world: interlace.World) -> None:
        world.asgi("http://localhost:8000", echo_app())
        async with httpx.AsyncClient() as client:
            assert (await client.get("http://127.0.0.1:8000/nothing")).status_code == 204
        with pytest.raises(interlace.UsageError, match="give the application a name"):
            world.asgi("http://localhost:8001", echo_app(), latency="5ms")

    passes(program)


def test_an_error_is_answered_by_500_and_told_with_a_failure(client: Client) -> None:
    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", echo_app())
        async with client() as ask:
            assert (await ask("GET", "http://billing/boom")).status == 500

    passes(program)

    async def failing(world: interlace.World) -> None:
        await program(world)
        raise RuntimeError("no bill")

    error = interlace.run(failing).error
    assert error is not None
    [note] = error.__notes__
    assert note.startswith(
        "interlace: the application Starlette at http://billing raised ValueError: no tea at "
    )
    assert note.endswith(" in boom when it was asked GET /boom")


def test_its_tasks_run_on_its_host_and_are_named_after_requests() -> None:
    async def program(world: interlace.World) -> None:
        hosts = []

        async def later() -> None:
            hosts.append(world.network.here.name)

        async def where(request: StarletteRequest) -> Response:
            task = asyncio.current_task()
            assert task is not None
            hosts.append((world.network.here.name, task.get_name()))
            return PlainTextResponse("", background=BackgroundTask(later))

        world.asgi("http://billing", Starlette(routes=[Route("/where", where)]))
        async with httpx.AsyncClient() as client:
            await client.get("http://billing/where")
            await client.get("http://billing/where?again=yes")
        assert hosts == [("billing", "GET /where"), "billing", ("billing", "GET /where #2"), "billing"]

    passes(program)


class _Odd:
    def __call__(self, scope: Any) -> Any: ...


def _wsgi(environ: Any, start_response: Any) -> Any: ...


async def _needs_two(scope: Any, receive: Any) -> None: ...


def _factory() -> Any: ...


@pytest.mark.parametrize(
    ("app", "said"),
    [
        ("shop:app", "is a text: import the application"),
        (42, "42 is no application: it cannot be called"),
        (_wsgi, "_wsgi is an application of WSGI, not of ASGI: use world.wsgi(...) for it"),
        (_Odd(), "takes one argument, as applications of ASGI 2 do"),
        (_needs_two, "_needs_two is no application of ASGI 3, which takes scope, receive and send"),
        (_factory, "If it makes one, call it: _factory()"),
        (FastAPI, "If it makes one, call it: FastAPI()"),
    ],
)
def test_what_is_no_application_is_refused(app: Any, said: str) -> None:
    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", app)

    error = interlace.run(program).error
    assert isinstance(error, interlace.UsageError)
    assert said in str(error)


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("billing", {}, "'billing' is no base URL of HTTP"),
        ("http://billing/v1", {}, "leave '/v1' out"),
        ("http://10.0.0.7", {}, "asgi('http://service.example')"),
        ("http://billing", {"lifespan": "on"}, "lifespan='on': give True, False, or 'auto'"),
        ("http://billing", {"latency": "-5ms"}, "below zero"),
    ],
)
def test_arguments_that_cannot_work_are_refused(url: str, options: Any, said: str) -> None:
    async def program(world: interlace.World) -> None:
        world.asgi(url, echo_app(), **options)

    error = interlace.run(program).error
    assert isinstance(error, interlace.UsageError)
    assert said in str(error)


def test_two_at_the_same_place_are_refused() -> None:
    async def program(world: interlace.World) -> None:
        world.http("http://billing")
        with pytest.raises(interlace.UsageError, match="somebody listens at billing:80 already"):
            world.asgi("http://billing", echo_app())

    passes(program)


@pytest.mark.parametrize("name", ["uvicorn", "websockets"])
def test_what_is_not_installed_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for module in list(sys.modules):
        if module.split(".")[0] in ("uvicorn", name) or module.endswith("apps.asgi.protocols"):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.delattr("interlace.apps.asgi.protocols", raising=False)
    monkeypatch.setitem(sys.modules, name, None)

    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", echo_app())

    error = interlace.run(program).error
    assert isinstance(error, interlace.UsageError)
    assert name in str(error)
    assert str(error).endswith("pip install 'interlace[asgi]'")
