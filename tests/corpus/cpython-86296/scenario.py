"""A recorder takes readings from a queue until it is cancelled."""

import asyncio


async def recorder(readings, log):
    while True:
        try:
            log.append(await asyncio.wait_for(readings.get(), timeout=5))
        except TimeoutError:
            log.append(None)


async def sensor(readings):
    for degrees in (18, 19, 21, 20):
        await asyncio.sleep(0.04)
        readings.put_nowait(degrees)


async def main():
    readings, log = asyncio.Queue(), []
    recording = asyncio.create_task(recorder(readings, log))
    sensing = asyncio.create_task(sensor(readings))
    await asyncio.sleep(0.1)
    recording.cancel()
    await sensing
    await asyncio.wait([recording], timeout=1)
    assert recording.done(), f"the recorder was cancelled and still runs: {log}"
