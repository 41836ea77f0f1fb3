"""A chat over websockets: who joins is told what was said, then listens; what is said in between is missed."""

import asyncio
from collections.abc import Callable

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

import interlace


class Chat:
    """The server.

    Args:
        listens_first: whether who joins is among the listeners before he has got what was said.
    """

    def __init__(self, *, listens_first: bool) -> None:
        self._said: list[str] = []
        self._listening: dict[ServerConnection, None] = {}
        self._listens_first = listens_first

    async def talk(self, connection: ServerConnection) -> None:
        if await connection.recv() == "join":
            if self._listens_first:
                self._listening[connection] = None
            await connection.send("\n".join(self._said))
            await connection.recv()  # who he is
            self._listening[connection] = None
        async for message in connection:
            self._said.append(str(message))
            for listener in self._listening:
                await listener.send(message)


def chatting(listens_first: bool) -> Callable[[interlace.World], object]:
    async def program(world: interlace.World) -> None:
        with world.host("chat").here():
            server = await serve(Chat(listens_first=listens_first).talk, "0.0.0.0", 80)

        async def listen() -> str:
            async with connect("ws://chat", proxy=None) as connection:
                await connection.send("join")
                heard = str(await connection.recv())
                await connection.send("ann")
                while "tea" not in heard:
                    heard += str(await connection.recv())
                return heard

        async def say() -> None:
            async with connect("ws://chat", proxy=None) as connection:
                await connection.send("speak")
                await asyncio.sleep(0.3)
                await connection.send("tea")

        async with asyncio.timeout(10):
            heard, _ = await asyncio.gather(listen(), say())
        assert heard == "tea"
        server.close()
        await server.wait_closed()

    return program


bug = chatting(listens_first=False)
twin = chatting(listens_first=True)
