"""Two couriers wait for parcels; one goes home at about the time when a parcel comes in."""

import asyncio

import anyio


async def main():
    arrived = anyio.Condition()
    shelf, taken = [], []
    shifts = [anyio.CancelScope(), anyio.CancelScope()]

    async def courier(shift):
        with shift:
            async with arrived:
                while not shelf:
                    await arrived.wait()
                taken.append(shelf.pop())

    async def hand_in(parcel, after):
        await asyncio.sleep(after)
        async with arrived:
            shelf.append(parcel)
            arrived.notify()

    couriers = [asyncio.create_task(courier(shift)) for shift in shifts]
    parcel = asyncio.create_task(hand_in("vase", after=0.01))
    await asyncio.sleep(0.02)
    shifts[0].cancel()
    await parcel
    await asyncio.wait(couriers, timeout=1, return_when=asyncio.FIRST_EXCEPTION)
    shifts[1].cancel()
    await asyncio.gather(*couriers)
    assert taken == ["vase"], "a parcel is on the shelf, a courier waits, and nobody told him"
