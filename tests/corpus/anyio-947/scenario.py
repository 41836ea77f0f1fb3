"""Customers queue at the only counter, each twice; any of them may walk off."""

import asyncio

import anyio


async def main():
    counter = anyio.CapacityLimiter(1)

    async def customer():
        for _ in range(2):
            async with counter:
                await asyncio.sleep(0.001)

    queue = [asyncio.create_task(customer(), name=name) for name in ("ann", "bob", "cleo")]
    _, stuck = await asyncio.wait(queue, timeout=1)
    assert not stuck, "the counter is free and somebody still waits for it"
