"""aiohttp: server and client, JSON, uploads, a websocket."""

import aiohttp
from aiohttp import web
from place import Place, everywhere


@everywhere(tls=True)
async def client_and_server(place: Place) -> None:
    async def greet(request: web.Request) -> web.Response:
        return web.json_response({"hello": request.match_info["who"], "got": len(await request.read())})

    async def shout(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    app = web.Application()
    app.router.add_post("/greet/{who}", greet)
    app.router.add_get("/shout", shout)
    runner = web.AppRunner(app)
    with place.here():
        await runner.setup()
        await web.TCPSite(runner, place.host, place.port, ssl_context=place.tls).start()
    async with aiohttp.ClientSession(place.url("http", runner.addresses[0][1])) as session:
        for who in ("ann", "bob"):
            async with session.post(f"/greet/{who}", data=bytes(100_000)) as reply:
                assert await reply.json() == {"hello": who, "got": 100_000}
        async with session.ws_connect("/shout") as socket:
            await socket.send_str("tea")
            assert (await socket.receive()).data == "TEA"
    await runner.cleanup()
