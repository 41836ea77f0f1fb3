"""A directory with programs in it, and the command line called in this process."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from interlace.cli import main

PROGRAM = """\
import asyncio


async def good():
    print("good prints")
    await asyncio.sleep(2)
    return 42


async def bad(world):
    print("bad prints")
    value = 0

    async def add():
        nonlocal value
        now = value
        await world.latency("0ms..20ms")
        value = now + 1

    first = asyncio.create_task(add(), name="ann")
    await asyncio.sleep(0.005)
    await asyncio.gather(first, asyncio.create_task(add(), name="bob"))
    assert value == 2


async def wrong():
    assert 1 == 2


def plain():
    pass


class Shop:
    async def method(self):
        pass

    @staticmethod
    async def static():
        pass


async def two(a, b):
    pass


caller = Shop()
"""


class Done(NamedTuple):
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


Interlace = Callable[..., Done]


@pytest.fixture
def interlace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Interlace]:
    """Run a command line where prog.py is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "prog.py").write_text(PROGRAM)
    before = set(sys.modules)

    def run(*arguments: str) -> Done:
        status = main(arguments)
        return Done(status, *capfd.readouterr())

    yield run
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
