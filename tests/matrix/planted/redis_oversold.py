"""The last ticket, kept in Redis: two buyers look whether there is one, and both take it."""

import asyncio
from collections.abc import Awaitable, Callable

from programs.redis_ import Cache
from redis import asyncio as redis

import interlace

Buy = Callable[[redis.Redis], Awaitable[bool]]


async def look_and_take(client: redis.Redis) -> bool:
    if int(await client.get("tickets") or 0) <= 0:
        return False
    await client.incrby("tickets", -1)
    return True


async def take_and_look(client: redis.Redis) -> bool:
    if await client.incrby("tickets", -1) >= 0:
        return True
    await client.incrby("tickets", 1)
    return False


def selling(buy: Buy) -> Callable[[interlace.World], object]:
    async def program(world: interlace.World) -> None:
        with world.host("cache").here():
            server = await asyncio.start_server(Cache().talk, "0.0.0.0", 6379)

        async def buyer(delay: float) -> bool:
            await asyncio.sleep(delay)
            async with redis.Redis(host="cache", protocol=2) as client:
                return await buy(client)

        async with redis.Redis(host="cache", protocol=2) as owner:
            await owner.set("tickets", 1)
            sold = await asyncio.gather(buyer(0), buyer(0.1))
            assert sum(sold) == 1, f"{sum(sold)} tickets sold of 1"
            assert await owner.get("tickets") == b"0"
        server.close()

    return program


bug = selling(look_and_take)
twin = selling(take_and_look)
