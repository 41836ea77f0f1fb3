"""Clients of Redis on a fake one, most of which the suite does not install."""

import asyncio

import aiocache
import coredis
import redis
import valkey
import valkey.asyncio
from aiocache.serializers import PickleSerializer
from place import alone

import interlace


@alone
async def coredis_commands(world: interlace.World) -> None:
    cache = world.redis("redis://cache", latency="1ms..20ms")
    async with coredis.Redis(host="cache", port=6379) as client:
        await client.set("word", "tea", ex=100)
        assert await client.get("word") == b"tea"
        assert sorted(await asyncio.gather(*(client.incr("n") for _ in range(5)))) == [1, 2, 3, 4, 5]
        await client.set("big", bytes(200_000))
        assert len(await client.get("big") or b"") == 200_000
        async with client.pipeline(transaction=True) as pipeline:
            once, twice = pipeline.incr("x"), pipeline.incr("x")
        assert (await once, await twice) == (1, 2)
        assert await client.hset("user", {"name": "ann"}) == 1
        assert await client.hgetall("user") == {b"name": b"ann"}
        assert await client.smembers("none") == set()
        assert await client.blpop(["jobs"], timeout=1) is None
    assert 90 < cache.data.ttl("word") < 100


@alone
async def valkey_commands(world: interlace.World) -> None:
    world.redis("valkeys://:secret@cache", latency="1ms..20ms")
    async with valkey.asyncio.Valkey.from_url(
        "valkeys://:secret@cache", ssl_check_hostname=True, ssl_cert_reqs="required"
    ) as client:
        await client.set("word", "tea")
        assert await client.get("word") == b"tea"
        assert (await client.info("server"))["valkey_version"].startswith("9.")


@alone
async def valkey_in_a_thread(world: interlace.World) -> None:
    world.redis("valkey://cache")

    def work() -> list[object]:
        with valkey.Valkey(host="cache", protocol=3) as client:
            client.zadd("marks", {"ann": 1.5})
            return client.zrange("marks", 0, -1, withscores=True)

    assert await asyncio.to_thread(work) in ([(b"ann", 1.5)], [[b"ann", 1.5]])


@alone
async def aiocache_commands(world: interlace.World) -> None:
    world.redis("redis://:secret@cache/3", latency="1ms..20ms")
    cache = aiocache.RedisCache(
        endpoint="cache", port=6379, password="secret", db=3, serializer=PickleSerializer(), namespace="teas:"
    )
    await cache.set("assam", {"strong": True}, ttl=60)
    await cache.multi_set([("a", 1), ("b", 2)])
    assert await cache.multi_get(["a", "b", "c"]) == [1, 2, None]
    assert await cache.increment("n", 3) == 3
    assert await cache.get("assam") == {"strong": True}
    await asyncio.sleep(60.5)
    assert not await cache.exists("assam")
    assert await cache.clear()
    await cache.close()


@alone
async def locks_of_redis_py(world: interlace.World) -> None:
    world.redis("redis://localhost", latency="1ms..20ms")
    number = 0

    async def add(client: redis.asyncio.Redis) -> None:
        nonlocal number
        for _ in range(3):
            async with client.lock("counter", timeout=60):
                seen = number
                await asyncio.sleep(0.01)
                number = seen + 1

    async with redis.asyncio.Redis() as one, redis.asyncio.Redis() as other:
        await asyncio.gather(add(one), add(other))
    assert number == 6
