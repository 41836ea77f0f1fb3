"""Two readers look words up, each in turn, in a slow dictionary behind a cache for two words."""

import asyncio

from async_lru import alru_cache

WORDS = {"eins": "one", "zwei": "two", "drei": "three", "vier": "four", "elf": "eleven", "zehn": "ten"}


async def main():
    @alru_cache(maxsize=2, ttl=30)
    async def translate(word):
        return await asyncio.to_thread(WORDS.get, word)

    async def read(*words):
        async with asyncio.timeout(5):
            return [await translate(word) for word in words]

    left, right = await asyncio.gather(read("eins", "zwei", "drei"), read("vier", "elf", "zehn"))
    assert left + right == ["one", "two", "three", "four", "eleven", "ten"]
