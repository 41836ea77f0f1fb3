"""Nothing of a world stays behind: no socket, no thread, no object, however the run has ended.

The figures of 10,000 worlds are those of `python -m benchmarks leaks`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import interlace

ROOT = Path(__file__).parent.parent.parent

WORLDS, WARM = 40, 15

# What is left open on purpose is told of, and pytest would keep that, and what it is about, until the end.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def leaks(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import leaks as module

    return module


NAMES = ("closed", "left_open", "aborted", "secured", "threaded", "failed")


@pytest.mark.parametrize("name", NAMES)
def test_a_world_leaves_nothing_behind(name: str, leaks: Any) -> None:
    assert tuple(leaks.PROGRAMS) == NAMES
    program = leaks.PROGRAMS[name]
    _, _, leaking = leaks.grown(lambda number: leaks.run_once(program, number), WORLDS, WARM)
    assert not leaking


def test_a_runner_on_our_loop_leaves_nothing_behind(leaks: Any) -> None:
    async def main() -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 80)
        reader, writer = await asyncio.open_connection("127.0.0.1", 80)
        assert await reader.read() == b""
        await asyncio.to_thread(int)
        writer.close()
        server.close()

    def run(number: int) -> None:
        with asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
            runner.run(main())

    assert not leaks.grown(run, WORLDS, WARM)[2]


class Kept:
    """What a leak keeps."""


def keeps_an_object(kept: list[Any]) -> None:
    kept.append(Kept())


def keeps_a_connection(kept: list[Any]) -> None:
    async def main() -> None:
        await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 80)
        _, writer = await asyncio.open_connection("127.0.0.1", 80)
        kept.append(writer)

    interlace.run(main)


def keeps_a_descriptor(kept: list[Any]) -> None:
    kept.append(socket.socket())


def keeps_a_thread(kept: list[Any]) -> None:
    event = threading.Event()
    kept.append(event.set)
    threading.Thread(target=event.wait, daemon=True).start()


@pytest.mark.parametrize(
    ("leak", "told"),
    [
        (keeps_an_object, "Kept"),
        (keeps_a_connection, "StreamTransport"),
        (keeps_a_descriptor, "descriptors"),
        (keeps_a_thread, "threads"),
    ],
)
def test_a_leak_of_one_thing_in_each_world_is_seen(
    leak: Callable[[Any], None], told: str, leaks: Any
) -> None:
    if leak is keeps_a_descriptor and not os.path.exists("/proc/self/fd"):
        pytest.skip(f"{sys.platform} does not list the descriptors of a process")
    kept: list[Any] = []
    try:
        _, _, leaking = leaks.grown(lambda number: leak(kept), 20, 3)
    finally:
        for one in kept:
            if callable(one):
                one()
            elif isinstance(one, socket.socket):
                one.close()
    assert any(told in line for line in leaking), leaking
