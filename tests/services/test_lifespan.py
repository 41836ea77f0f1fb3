"""When an application starts and shuts down: before the first answer, at the end of the run, anew after a crash."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

import interlace


async def plain(scope: Any, receive: Any, send: Any) -> None:
    """Takes no part in lifespan."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"plain"})


class Kept:
    """An application that writes down when it starts and shuts down."""

    def __init__(self, world: interlace.World, *, start: float = 0, stop: float = 0) -> None:
        self.log: list[tuple[str, float]] = []
        self._world = world
        self._times = start, stop
        routes = [
            Route("/", self._answer),
            Route("/slow", self._slow),
            Route("/hangs", self._hang),
            WebSocketRoute("/socket", self._socket),
        ]
        self.app = Starlette(routes=routes, lifespan=self._lifespan)

    def note(self, what: str) -> None:
        self.log.append((what, self._world.clock.elapsed))

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[dict[str, Any]]:
        await asyncio.sleep(self._times[0])
        self.note("started")
        try:
            yield {"life": len(self.log)}
        finally:
            await asyncio.sleep(self._times[1])
            self.note("shut down")

    async def _answer(self, request: Request) -> Response:
        self.note("asked")
        return PlainTextResponse(f"life {request.state.life}")

    async def _slow(self, request: Request) -> Response:
        await asyncio.sleep(5)
        self.note("answered")
        return PlainTextResponse("slow")

    async def _hang(self, request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            self.note("cancelled")
        raise AssertionError

    async def _socket(self, socket: WebSocket) -> None:
        await socket.accept()
        async for _ in socket.iter_text():
            pass
        self.note("socket closed")


def run(program: Callable[..., Any]) -> Any:
    outcome = interlace.run(program)
    if outcome.error is not None:
        raise outcome.error
    return outcome.value


def error_of(program: Callable[..., Any]) -> interlace.LifespanFailed:
    error = interlace.run(program).error
    assert isinstance(error, interlace.LifespanFailed), error
    return error


async def ask(url: str) -> str:
    async with httpx.AsyncClient(timeout=60, verify=False) as client:  # to load certificates takes long
        answer = await client.get(url)
        assert answer.status_code == 200, answer
        return answer.text


def test_the_first_request_waits_until_it_has_started_and_the_end_until_it_has_shut_down() -> None:
    kept: list[Kept] = []

    async def program(world: interlace.World) -> None:
        kept.append(Kept(world, start=3, stop=2))
        world.asgi("http://billing", kept[-1].app)
        texts = await asyncio.gather(ask("http://billing"), ask("http://billing"))
        assert texts == ["life 1", "life 1"]

    outcome = interlace.run(program)
    assert outcome.error is None
    assert kept[0].log == [("started", 3), ("asked", 3), ("asked", 3), ("shut down", 5)]
    assert outcome.elapsed == 5
    result = interlace.explore(program, schedules=30)
    assert result.verdict.status == "passed", result.report()
    for one in kept:
        assert [what for what, _ in one.log] == ["started", "asked", "asked", "shut down"]


def test_one_that_is_asked_nothing_starts_and_shuts_down_all_the_same() -> None:
    kept: list[Kept] = []

    async def program(world: interlace.World) -> None:
        kept.append(Kept(world, start=1))
        world.asgi("http://billing", kept[0].app)

    run(program)
    assert kept[0].log == [("started", 1), ("shut down", 1)]


def test_what_was_asked_is_finished_before_it_shuts_down() -> None:
    kept: list[Kept] = []

    async def program(world: interlace.World) -> None:
        kept.append(Kept(world))
        world.asgi("http://billing", kept[0].app)
        task = asyncio.create_task(ask("http://billing/slow"))
        await asyncio.sleep(1)
        task.cancel()

    run(program)
    assert kept[0].log == [("started", 0), ("answered", 5), ("shut down", 5)]


def test_what_does_not_end_by_itself_is_ended() -> None:
    kept: list[Kept] = []

    async def program(world: interlace.World) -> None:
        kept.append(Kept(world))
        world.asgi("http://billing", kept[0].app)
        asyncio.get_running_loop().call_later(1, asyncio.create_task(ask("http://billing/hangs")).cancel)
        await websockets.connect("ws://billing/socket")

    run(program)
    assert kept[0].log[:2] == [("started", 0), ("socket closed", 0)]
    assert [what for what, _ in kept[0].log[2:]] == ["cancelled", "shut down"]


def test_after_a_failure_it_is_cancelled() -> None:
    kept: list[Kept] = []

    async def program(world: interlace.World) -> None:
        kept.append(Kept(world, stop=100))
        world.asgi("http://billing", kept[0].app)
        await ask("http://billing")
        raise RuntimeError("the test")

    outcome = interlace.run(program)
    assert str(outcome.error) == "the test"
    assert outcome.elapsed == 0


def test_a_crash_ends_it_and_a_restart_starts_it_anew() -> None:
    kept: list[Kept] = []

    async def program(world: interlace.World) -> None:
        kept.append(Kept(world, start=1))
        host = world.asgi("http://billing", kept[0].app)
        assert await ask("http://billing") == "life 1"
        slow = asyncio.create_task(ask("http://billing/slow"))
        await asyncio.sleep(1)
        host.crash()
        with pytest.raises(httpx.ReadError):
            await slow
        with pytest.raises(httpx.ConnectError):
            await ask("http://billing")
        host.restart()
        assert await ask("http://billing") == "life 3"

    run(program)
    assert kept[0].log == [("started", 1), ("asked", 1), ("started", 3), ("asked", 3), ("shut down", 3)]


def test_one_whose_host_is_down_at_the_end_does_not_shut_down() -> None:
    kept: list[Kept] = []

    async def program(world: interlace.World) -> None:
        kept.append(Kept(world))
        host = world.asgi("http://billing", kept[0].app)
        await ask("http://billing")
        host.crash()

    run(program)
    assert [what for what, _ in kept[0].log] == ["started", "asked"]


def test_its_host_may_crash_at_any_moment() -> None:
    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", Kept(world, start=1, stop=1).app)
        for _ in range(10):
            try:
                assert (await ask("http://billing")).startswith("life ")
            except httpx.TransportError:
                await asyncio.sleep(30)
            else:
                return
        raise RuntimeError("never answered")

    result = interlace.explore(program, schedules=40, faults=["crash:billing"])
    assert result.verdict.status == "passed", result.report()


@pytest.mark.parametrize("fault", ["cancel:lifespan", "cancel:*shut_down", "cancel:_run_all", "cancel:GET *"])
def test_whatever_is_cancelled_the_run_ends(fault: str) -> None:
    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", Kept(world, start=1, stop=1).app)
        try:
            await ask("http://billing")
        except (AssertionError, httpx.TransportError):
            pass

    result = interlace.explore(program, schedules=40, faults=[fault])
    assert result.verdict.status == "passed", result.report()


def test_several_shut_down_one_after_the_other() -> None:
    log: list[str] = []

    def named(name: str) -> Starlette:
        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            log.append(f"{name} starts")
            yield
            await asyncio.sleep(1)
            log.append(f"{name} ends")

        return Starlette(lifespan=lifespan)

    async def program(world: interlace.World) -> None:
        world.asgi("http://one", named("one"))
        world.asgi("http://two", named("two"))

    run(program)
    assert log == ["one starts", "two starts", "one ends", "two ends"]


# -- what fails ----------------------------------------------------------------------------------


def failing(where: str) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if where == "startup":
            raise ConnectionError("no database")
        yield
        raise ConnectionError("the database is gone")

    return Starlette(lifespan=lifespan)


@pytest.mark.parametrize("lifespan", [True, "auto"])
@pytest.mark.parametrize("asks", [True, False])
def test_a_start_that_fails_fails_the_test(lifespan: Any, asks: bool) -> None:
    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", failing("startup"), lifespan)
        if asks:
            async with httpx.AsyncClient() as client:
                answer = await client.get("http://billing/")
                assert answer.status_code == 503
                assert "no database" in answer.text
            with pytest.raises(websockets.InvalidStatus):
                await websockets.connect("ws://billing/")

    error = error_of(program)
    assert str(error) == (
        "the application Starlette at http://billing has failed in its startup: ConnectionError: no database"
    )
    assert isinstance(error.__cause__, ConnectionError)


def test_the_error_of_the_test_is_its_context() -> None:
    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", failing("startup"))
        await ask("http://billing")

    assert isinstance(error_of(program).__context__, AssertionError)


def test_a_shutdown_that_fails_fails_the_test() -> None:
    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", failing("shutdown"))

    error = error_of(program)
    assert error.phase == "shutdown"
    assert error.reason == "ConnectionError: the database is gone"


def test_a_shutdown_that_hangs_is_a_deadlock() -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.Event().wait()

    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", Starlette(lifespan=lifespan))

    error = interlace.run(program).error
    assert isinstance(error, interlace.Deadlock)
    assert "\n  lifespan on billing waits for " in str(error)
    assert error.__notes__ == ["interlace: raised after the test, while what it has served was shut down"]


def test_one_that_says_itself_why() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.failed", "message": "no tea"})
        await receive()

    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", app)

    assert error_of(program).reason == "no tea"


@pytest.mark.parametrize("returns", [True, False])
def test_one_without_a_lifespan(returns: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if returns and scope["type"] == "lifespan":
            return
        await plain(scope, receive, send)

    async def program(lifespan: Any, world: interlace.World) -> None:
        world.asgi("http://billing", app, lifespan)
        assert await ask("http://billing") == "plain"

    for lifespan in (False, "auto"):
        run(partial(program, lifespan))
    reason = error_of(partial(program, True)).reason
    assert "lifespan=False, or 'auto'" in reason


def test_one_that_ends_by_itself_needs_no_shutdown() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
        else:
            await plain(scope, receive, send)

    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", app)
        assert await ask("http://billing") == "plain"

    run(program)


def test_what_fails_between_fails_the_test() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await asyncio.sleep(1)
            raise ValueError("out of tea")

    async def program(world: interlace.World) -> None:
        world.asgi("http://billing", app)
        await asyncio.sleep(2)

    error = error_of(program)
    assert (error.phase, error.reason) == ("life", "ValueError: out of tea")
