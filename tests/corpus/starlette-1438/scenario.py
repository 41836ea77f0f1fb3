"""A visitor leaves 20 ms after the answer; what the application does after it must still be done."""

import asyncio

from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse

SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/order",
    "query_string": b"",
    "root_path": "",
    "headers": [],
}


class Timing(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        return await call_next(request)


async def bookkeeper(reader, writer):
    writer.write(await reader.readline())
    writer.close()


async def main():
    books = await asyncio.start_server(bookkeeper, "127.0.0.1", 0)
    entered = []
    shown = asyncio.Event()

    async def enter():
        reader, writer = await asyncio.open_connection(*books.sockets[0].getsockname())
        writer.write(b"order 1\n")
        entered.append(await reader.readline())
        writer.close()

    async def order(request):
        answer = JSONResponse({"order": 1})
        answer.background = enter
        return answer

    app = Starlette()
    app.add_route("/order", order)
    app.add_middleware(Timing)
    body = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        for message in body:
            return message
        await shown.wait()
        await asyncio.sleep(0.02)
        return {"type": "http.disconnect"}

    async def send(message):
        if message.get("body"):
            shown.set()

    await asyncio.wait_for(app(SCOPE, receive, send), 2)
    assert entered == [b"order 1\n"], "the visitor has left, and his order is not in the books"
    books.close()
