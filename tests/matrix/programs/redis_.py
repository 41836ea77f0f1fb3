"""redis.asyncio and aiocache's backend on it, with a small Redis server: plain, pipelines, pub/sub."""

import asyncio

import aiocache
from place import Place, everywhere
from redis import asyncio as redis


class Cache:
    """As much of a Redis server as the clients below need."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.subscribers: dict[bytes, list[asyncio.StreamWriter]] = {}
        self.nothing = b"$-1\r\n"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                words = []
                for _ in range(int(line[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                writer.write(self.answer(words, writer))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def answer(self, words: list[bytes], writer: asyncio.StreamWriter) -> bytes:
        match [words[0].upper(), *words[1:]]:
            case [b"SET", key, value, *_]:
                self.values[key] = value
            case [b"GET", key]:
                value = self.values.get(key)
                return self.nothing if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
            case [b"INCRBY", key, number]:
                self.values[key] = b"%d" % (int(self.values.get(key, b"0")) + int(number))
                return b":%s\r\n" % self.values[key]
            case [b"SUBSCRIBE", name]:
                self.subscribers.setdefault(name, []).append(writer)
                return b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" % (len(name), name)
            case [b"HELLO", *_]:
                self.nothing = b"_\r\n"
                return b"%1\r\n$5\r\nproto\r\n:3\r\n"
            case [b"PUBLISH", name, text]:
                heard = self.subscribers.get(name, [])
                for one in heard:
                    pushed = (len(name), name, len(text), text)
                    one.write(b"*3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % pushed)
                return b":%d\r\n" % len(heard)
        return b"+OK\r\n"


@everywhere(tls=True)
async def client_and_server(place: Place) -> None:
    with place.here():
        server = await asyncio.start_server(Cache().talk, place.host, place.port, ssl=place.tls)
    port = server.sockets[0].getsockname()[1]
    async with redis.Redis.from_url(place.url("redis", port), protocol=2) as client:
        await client.set("a", "1")
        assert await client.get("a") == b"1"
        await asyncio.gather(*(client.incr("n") for _ in range(5)))
        assert await client.get("n") == b"5"
        async with client.pipeline(transaction=False) as pipeline:
            assert await pipeline.set("x", 1).get("x").execute() == [True, b"1"]
        async with client.pubsub() as listening:
            await listening.subscribe("news")
            assert (await listening.get_message(timeout=30))["type"] == "subscribe"
            await client.publish("news", "tea")
            assert (await listening.get_message(timeout=30))["data"] == b"tea"
    server.close()


@everywhere(tls=False)
async def aiocache_on_it(place: Place) -> None:
    with place.here():
        server = await asyncio.start_server(Cache().talk, place.host, place.port)
    cache = aiocache.RedisCache(endpoint=place.name, port=server.sockets[0].getsockname()[1])
    calls = []

    @aiocache.cached(cache=aiocache.SimpleMemoryCache, key="report", ttl=60)
    async def report() -> int:
        calls.append(1)
        return len(calls)

    assert await cache.get("key") is None
    await cache.set("key", "value")
    assert await cache.get("key") == "value"
    assert [await report() for _ in range(3)] == [1, 1, 1]
    await cache.close()
    server.close()
