"""A guide looks for the sun for 30 ms, then describes the rain; a visitor listens for 100 ms in all."""

import asyncio

import async_timeout


async def look_up():
    """The sky, as seen by a telescope that needs no time on most days."""
    return await asyncio.to_thread(str, "sunny")


async def guide():
    try:
        async with async_timeout.timeout(0.03):
            await look_up()
    except TimeoutError:
        pass  # no sun to be seen
    await asyncio.Event().wait()  # the guide could go on for ever


async def visit():
    try:
        async with asyncio.timeout(0.1):
            await guide()
    except TimeoutError:
        return "home in time"


async def main():
    visiting = asyncio.create_task(visit())
    await asyncio.wait([visiting])
    assert not visiting.cancelled(), "a timeout became a cancellation that nobody asked for"
    assert visiting.result() == "home in time"
