"""A call keeps its line open with pings, and asks a side question that may fail without harm."""

import asyncio


async def keep_alive():
    await asyncio.sleep(0.03)
    raise ConnectionResetError("no pong")


async def side_question():
    await asyncio.sleep(0.04)
    raise LookupError("nobody knows")


async def call():
    async with asyncio.TaskGroup() as line:
        line.create_task(keep_alive())
        try:
            async with asyncio.TaskGroup() as aside:
                aside.create_task(side_question())
        except* LookupError:
            pass
        await asyncio.Event().wait()  # talk until the line is cut


async def main():
    calling = asyncio.create_task(call())
    await asyncio.wait([calling], timeout=1)
    assert calling.done(), "the line is dead and the call goes on"
    assert isinstance(calling.exception(), ExceptionGroup)
