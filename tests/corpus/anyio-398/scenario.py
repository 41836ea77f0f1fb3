"""Three editors save one document in turn, under a lock; any of them may be closed."""

import asyncio

import anyio


async def main():
    saving = anyio.Lock()

    async def editor():
        for _ in range(2):
            async with saving:
                await asyncio.sleep(0.001)

    editors = [asyncio.create_task(editor(), name=name) for name in ("ann", "bob", "cleo")]
    _, stuck = await asyncio.wait(editors, timeout=1)
    assert not stuck, "nobody saves, and the lock is taken"
