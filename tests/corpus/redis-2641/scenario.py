"""Two tellers look accounts up over one connection, and give an account up after 50 ms."""

import asyncio

from redis.asyncio import BlockingConnectionPool, Redis

BALANCES = {b"ann": b"10", b"bob": b"99"}


class Bank:
    """As much of a Redis server as a transaction needs."""

    def __init__(self):
        self.queued = None

    def answer(self, command, *words):
        if command == b"MULTI":
            self.queued = []
        elif command == b"EXEC":
            replies, self.queued = self.queued, None
            return b"*%d\r\n" % len(replies) + b"".join(replies)
        elif command == b"GET":
            balance = BALANCES[words[0]]
            self.queued.append(b"$%d\r\n%s\r\n" % (len(balance), balance))
            return b"+QUEUED\r\n"
        return b"+OK\r\n"

    @classmethod
    async def serve(cls, reader, writer):
        bank = cls()
        while head := await reader.readline():
            words = []
            for _ in range(int(head[1:])):
                await reader.readline()  # the length of the word
                words.append((await reader.readline()).strip())
            writer.write(bank.answer(*words))
        writer.close()


async def look_up(redis, owner):
    async with redis.pipeline(transaction=True) as transaction:
        return await transaction.get(owner).execute()


async def teller(redis, owner):
    for _ in range(2):
        try:
            found = await asyncio.wait_for(look_up(redis, owner), 0.05)
        except TimeoutError:
            continue
        assert found == [BALANCES[owner]], f"the account of {owner} shows {found}"


async def main():
    server = await asyncio.start_server(Bank.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    redis = Redis(connection_pool=BlockingConnectionPool(port=port, max_connections=1))
    await asyncio.gather(*(teller(redis, owner) for owner in BALANCES))
    await redis.connection_pool.disconnect()
    server.close()
