"""redis.asyncio with a real Valkey, let in through world.passthrough."""

import asyncio
import os

from place import alone
from redis import asyncio as redis

import interlace

WHERE = os.environ["SERVICE"]


@alone
async def commands(world: interlace.World) -> None:
    world.passthrough("cache:6379", to=WHERE)
    async with redis.Redis(host="cache") as client:
        await client.flushdb()
        await client.set("word", "tea", ex=100)
        assert await client.get("word") == b"tea"
        await asyncio.gather(*(client.incr("n") for _ in range(5)))
        assert await client.get("n") == b"5"
        await client.set("big", bytes(2_000_000))
        assert len(await client.get("big")) == 2_000_000
        async with client.pipeline(transaction=True) as pipeline:
            assert await pipeline.set("x", 1).incr("x").get("x").execute() == [True, 2, b"2"]
        async with client.pubsub() as listening:
            await listening.subscribe("news")
            assert (await listening.get_message(timeout=30))["type"] == "subscribe"
            assert await client.publish("news", "milk") == 1
            assert (await listening.get_message(timeout=30))["data"] == b"milk"


@alone
async def what_two_clients_do(world: interlace.World) -> None:
    world.passthrough("cache:6379", to=WHERE, latency="1ms..5ms")
    async with redis.Redis(host="cache") as one, redis.Redis(host="cache") as other:
        await one.flushdb()
        await one.script_flush()

        async def add(client: redis.Redis) -> None:
            for _ in range(3):
                async with client.lock("counter", timeout=60):
                    number = int(await client.get("number") or 0)
                    await client.set("number", number + 1)

        await asyncio.gather(add(one), add(other))
        assert await one.get("number") == b"6"
