"""The warehouse, as the tests of the machine need it: a small aiohttp server."""

import asyncio

from aiohttp import web

PRICES = {"chips": 2, "nuts": 3}
COURIER = 60 * 60  # seconds on the way

routes = web.RouteTableDef()


@routes.get("/prices/{snack}")
async def price(request: web.Request) -> web.Response:
    return web.json_response(PRICES[request.match_info["snack"]])


@routes.post("/orders")
async def order(request: web.Request) -> web.Response:
    wanted = await request.json()
    await asyncio.sleep(COURIER)
    return web.json_response([wanted["snack"]] * 2)


def warehouse() -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    return app
