"""Small programs that fail in known ways, written to files so that their asserts are plain ones."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

SHOP = """\
import asyncio

prices = {}


async def fetch(name, world):
    await world.latency("1ms..50ms")
    return {"tea": 3}[name]


async def get_price(name, world):
    if name not in prices:
        price = await fetch(name, world)
        prices[name] = price
    return prices[name]


async def update_price(name, value):
    await asyncio.sleep(0.010)
    prices[name] = value


async def main(world):
    prices.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(get_price("tea", world))
        group.create_task(update_price("tea", 5), name="the boss")
    assert prices["tea"] == 5
"""

BANK = """\
import asyncio


class Account:
    def __init__(self):
        self.log = []


async def always():
    account = Account()
    for number in range(60):
        account.log.append(number)
        await asyncio.sleep(0.5)
    assert len(account.log) == 4, "too many"


async def stuck():
    a, b = asyncio.Lock(), asyncio.Lock()

    async def one():
        async with a:
            await asyncio.sleep(0.01)
            async with b:
                pass

    async def two():
        async with b:
            await asyncio.sleep(0.01)
            async with a:
                pass

    async with asyncio.TaskGroup() as group:
        group.create_task(one())
        group.create_task(two())


async def pool():
    semaphore = asyncio.Semaphore(2)
    free = 2

    async def use():
        nonlocal free
        await semaphore.acquire()
        free -= 1
        await asyncio.sleep(0.1)
        free += 1
        semaphore.release()

    tasks = [asyncio.create_task(use(), name=f"user {number}") for number in range(3)]
    await asyncio.gather(*tasks, return_exceptions=True)
    assert free == 2


async def notes():
    seen = []

    async def note(name):
        seen.append(name)

    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(note(name))
    assert seen == ["a", "b", "c"]


async def fine():
    await asyncio.gather(asyncio.sleep(1), asyncio.sleep(2))


async def crowd(world):
    count = 0

    async def add(n):
        nonlocal count
        await asyncio.sleep(0.01 * n)
        now = count
        await world.latency("5ms")
        count = now + 1

    async with asyncio.TaskGroup() as group:
        for n in range(12):
            group.create_task(add(n), name=f"worker-{n}")
    assert count == 12


async def escape():
    raise ValueError("red \\x1b[31m and\\nsecond line")
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], ModuleType]]:
    """Write a module to the working directory and import it."""
    monkeypatch.chdir(tmp_path)
    loaded = []

    def load(name: str, source: str) -> ModuleType:
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        loaded.append(name)
        spec.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        del sys.modules[name]


@pytest.fixture
def shop(load: Callable[[str, str], ModuleType]) -> ModuleType:
    return load("shop", SHOP)


@pytest.fixture
def bank(load: Callable[[str, str], ModuleType]) -> ModuleType:
    return load("bank", BANK)
