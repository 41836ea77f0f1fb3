"""httpx with uvicorn and Starlette: async endpoints, and sync ones in anyio's worker threads."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from place import Place, everywhere
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route


def make_app(seen: list[str]) -> Starlette:
    async def greet(request: Request) -> JSONResponse:
        return JSONResponse({"hello": request.path_params["who"], "got": len(await request.body())})

    def count(request: Request) -> PlainTextResponse:
        assert threading.current_thread() is not threading.main_thread()
        return PlainTextResponse(str(sum(range(100))))

    async def numbers(request: Request) -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            for number in range(3):
                await asyncio.sleep(0.01)
                yield f"{await run_in_threadpool(str, number)} "

        return StreamingResponse(pieces())

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        seen.append("up")
        yield
        seen.append("down")

    routes = [
        Route("/greet/{who}", greet, methods=["POST"]),
        Route("/count", count),
        Route("/numbers", numbers),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


@everywhere(tls=True)
async def client_and_server(place: Place) -> None:
    seen: list[str] = []
    config = uvicorn.Config(make_app(seen), host=place.host, port=place.port, log_config=None, loop="asyncio")
    config.load()
    config.ssl = place.tls
    server = uvicorn.Server(config)
    with place.here():
        serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=place.url("http", port), trust_env=False) as client:
        for who in ("ann", "bob"):
            reply = await client.post(f"/greet/{who}", content=bytes(100_000))
            assert reply.json() == {"hello": who, "got": 100_000}
        replies = await asyncio.gather(*(client.get("/count") for _ in range(3)))
        assert [reply.text for reply in replies] == ["4950"] * 3
        assert (await client.get("/numbers")).text == "0 1 2 "
    server.should_exit = True
    await serving
    assert seen == ["up", "down"]
