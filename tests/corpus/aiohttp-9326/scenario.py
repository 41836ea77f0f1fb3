"""A quote has 120 ms; a discount that takes more than 40 ms of them is left out."""

import asyncio

import aiohttp
from aiohttp import web


async def discount(request):
    return web.Response(text="5 %")


async def quote(session, url):
    try:
        async with asyncio.timeout(0.12):
            try:
                async with session.get(url, timeout=aiohttp.ClientTimeout(total=0.04)) as answer:
                    await answer.text()
            except TimeoutError:
                pass  # no discount today
            await asyncio.sleep(10)  # the stock list takes its time
    except TimeoutError:
        return "try again"
    return "in stock"


async def main():
    app = web.Application()
    app.router.add_get("/discount", discount)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        quoting = asyncio.create_task(quote(session, f"http://127.0.0.1:{port}/discount"))
        await asyncio.wait([quoting])
        assert not quoting.cancelled(), "a timeout became a cancellation that nobody asked for"
        assert quoting.result() == "try again"
    await runner.cleanup()
