"""One lane, and who may drive on it: some queue for it, one takes it only where it is free at once."""

import asyncio

import anyio


async def main():
    lane = anyio.CapacityLimiter(1)
    on_the_lane = []

    async def drive(name):
        on_the_lane.append(name)
        assert len(on_the_lane) == 1, f"{len(on_the_lane)} drive on the only lane"
        await asyncio.sleep(0.01)
        on_the_lane.remove(name)

    async def queue(name):
        async with lane:
            await drive(name)

    async def dash(name, after):
        await asyncio.sleep(after)
        try:
            lane.acquire_nowait()
        except anyio.WouldBlock:
            return
        try:
            await drive(name)
        finally:
            lane.release()

    await asyncio.gather(queue("ann"), queue("bob"), dash("cleo", after=0.015))
