"""Two readers of a shop's price list share one connection to Redis; any of them may go away."""

import asyncio

from redis.asyncio import Redis

PRICES = {b"tea": b"3", b"jam": b"7"}


async def serve(reader, writer):
    while head := await reader.readline():
        words = []
        for _ in range(int(head[1:])):
            await reader.readline()  # the length of the word
            words.append((await reader.readline()).strip())
        price = PRICES.get(words[-1]) if words[0] == b"GET" else None
        writer.write(b"+OK\r\n" if price is None else b"$%d\r\n%s\r\n" % (len(price), price))
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    shop = Redis(port=server.sockets[0].getsockname()[1], single_connection_client=True)

    async def price(item):
        return await shop.get(item)

    await shop.ping()
    await asyncio.wait([asyncio.create_task(price("tea"))])  # or as far as it gets
    for item, wanted in ("jam", b"7"), ("tea", b"3"):
        paid = await shop.get(item)
        assert paid == wanted, f"{item} costs {wanted}, the till says {paid}"
    await shop.close()
    server.close()
