"""A search box over aiohttp: what an older question gets may come after what a newer one gets."""

import asyncio
from collections.abc import Callable, Coroutine

import aiohttp
from aiohttp import web

import interlace

TYPED = ("t", "te", "tea")


class Box:
    """What the user sees.

    Args:
        drops_late: whether it drops what answers an older question than the newest.
    """

    def __init__(self, *, drops_late: bool) -> None:
        self.shown = ""
        self._drops_late = drops_late
        self._newest = 0

    def typed(self, session: aiohttp.ClientSession, text: str) -> Coroutine[object, object, None]:
        self._newest += 1
        return self._ask(session, text, self._newest)

    async def _ask(self, session: aiohttp.ClientSession, text: str, number: int) -> None:
        async with session.get("/search", params={"q": text}) as reply:
            found = await reply.text()
        if number == self._newest or not self._drops_late:
            self.shown = found


def typing(drops_late: bool) -> Callable[[interlace.World], object]:
    async def program(world: interlace.World) -> None:
        async def search(request: web.Request) -> web.Response:
            return web.Response(text=f"all of {request.query['q']}")

        app = web.Application()
        app.router.add_get("/search", search)
        runner = web.AppRunner(app)
        with world.host("shop").here():
            await runner.setup()
            await web.TCPSite(runner, "0.0.0.0", 80).start()
        box = Box(drops_late=drops_late)
        async with aiohttp.ClientSession("http://shop") as session, asyncio.TaskGroup() as group:
            for text in TYPED:
                group.create_task(box.typed(session, text))
                await asyncio.sleep(0.05)
        await runner.cleanup()
        assert box.shown == f"all of {TYPED[-1]}"

    return program


bug = typing(drops_late=False)
twin = typing(drops_late=True)
