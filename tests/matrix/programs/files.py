"""aiofiles, anyio.Path and anyio's files: real files, in worker threads, in lockstep."""

import asyncio
import tempfile
from pathlib import Path

import aiofiles
import aiofiles.os
import anyio
from place import alone


@alone
async def with_aiofiles() -> None:
    with tempfile.TemporaryDirectory() as folder:

        async def keep(name: str) -> None:
            async with aiofiles.open(Path(folder, name), "w") as file:
                for number in range(3):
                    await file.write(f"{name} {number}\n")

        await asyncio.gather(*(keep(name) for name in ("a", "b", "c")))
        async with aiofiles.open(Path(folder, "b")) as file:
            assert [line async for line in file] == ["b 0\n", "b 1\n", "b 2\n"]
        await aiofiles.os.remove(Path(folder, "a"))
        assert sorted(await aiofiles.os.listdir(folder)) == ["b", "c"]
        async with aiofiles.tempfile.TemporaryFile("wb+") as file:
            await file.write(bytes(100))
            await file.seek(0)
            assert await file.read() == bytes(100)


@alone
async def with_anyio() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = anyio.Path(folder)

        async def keep(name: str) -> None:
            await (path / name).write_text(name * 3)

        async with anyio.create_task_group() as group:
            for name in ("a", "b", "c"):
                group.start_soon(keep, name)
        assert sorted([found.name async for found in path.iterdir()]) == ["a", "b", "c"]
        async with await anyio.open_file(path / "b") as file:
            assert await file.read() == "bbb"
        await (path / "a").rename(path / "d")
        assert not await (path / "a").exists()
