"""Three cooks wait for orders; any of them may be sent home while orders come in."""

import asyncio


async def main():
    bell = asyncio.Condition()
    orders, cooked = [], []

    async def cook():
        async with bell:
            await bell.wait_for(lambda: orders)
            cooked.append(orders.pop())

    cooks = [asyncio.create_task(cook(), name=name) for name in ("ann", "bob", "cleo")]
    for order in ("soup", "pie"):
        await asyncio.sleep(0.001)
        async with bell:
            orders.append(order)
            bell.notify()
    _, waiting = await asyncio.wait(cooks, timeout=1)
    assert not (orders and waiting), "an order is open, a cook waits, and no bell rang"
