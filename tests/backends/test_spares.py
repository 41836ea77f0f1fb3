"""A loop serves again where nobody can tell it from a new one, and only there."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interlace.backends.aio.spares import Spares, waiting_handles
from interlace.backends.aio.stock import OpenLoop

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="the loops of other systems wait in another way"),
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="references are counted in another way"),
]


@pytest.fixture
def spares() -> Iterator[Spares]:
    spares = Spares()
    yield spares
    spares.clear()


def test_a_loop_that_nobody_refers_to_serves_again_and_works(spares: Spares) -> None:
    number = id(spares_closed(spares, lambda loop: None))
    second = spares.open()
    assert id(second) == number
    usual = asyncio.new_event_loop()
    assert vars(second).keys() == vars(usual).keys()
    usual.close()
    assert waiting_handles(second) == 0

    async def woken() -> str:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        threading.Thread(target=loop.call_soon_threadsafe, args=(done.set_result, "done")).start()
        return await asyncio.wait_for(done, 5) + await asyncio.to_thread(str, ", too")

    assert second.run_until_complete(woken()) == "done, too"
    second.run_until_complete(second.shutdown_default_executor())
    spares.close(second)
    assert second.is_closed()  # it has an executor


def spares_closed(
    spares: Spares, leave: Callable[[asyncio.AbstractEventLoop], object]
) -> asyncio.AbstractEventLoop | None:
    """Opens a loop, leaves something on it, and closes it; returns what is kept."""
    loop = spares.open()
    left = leave(loop)
    spares.close(loop)
    del left
    kept: asyncio.AbstractEventLoop | None = spares._loop
    return kept


async def leave_generator(kept: list[Any]) -> None:
    async def numbers() -> Any:
        yield 1

    kept.append(numbers())
    await anext(kept[0])


LEFT: dict[str, Callable[[Any], object]] = {
    "a reader": lambda loop: loop.add_reader(loop.stray, print),
    "a signal handler": lambda loop: loop.add_signal_handler(10, print),
    "a wake-up of another thread": lambda loop: loop.call_soon_threadsafe(print),
    "it is closed": lambda loop: loop.close(),
    "a reference": lambda loop: loop,
    "a bound method": lambda loop: loop.time,
    "a future": lambda loop: loop.create_future(),
    "a weak reference": weakref.ref,
    "an attribute": lambda loop: setattr(loop, "own", 1),
    "a method in its place": lambda loop: setattr(loop, "time", print),
    "debug mode": lambda loop: loop.set_debug(True),
    "a task factory": lambda loop: loop.set_task_factory(asyncio.Task),
    "an exception handler": lambda loop: loop.set_exception_handler(print),
    "a limit": lambda loop: setattr(loop, "slow_callback_duration", 2),
    "a timer": lambda loop: loop.call_later(60, print),
    "an executor": lambda loop: loop.run_until_complete(asyncio.to_thread(print)),
    "its generators are shut down": lambda loop: loop.run_until_complete(loop.shutdown_asyncgens()),
}


@pytest.mark.parametrize("left", LEFT)
def test_it_does_not_where_something_is_left(
    spares: Spares, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = socket.socketpair()
    with one, other:
        monkeypatch.setattr(asyncio.SelectorEventLoop, "stray", one, raising=False)
        assert spares_closed(spares, lambda loop: None) is not None
        spares.clear()
        assert spares_closed(spares, LEFT[left]) is None


def test_a_closed_loop_is_let_go_of(spares: Spares) -> None:
    loop = spares.open()
    seen = weakref.ref(loop)
    spares.close(loop)
    assert loop.is_closed()
    del loop
    gc.collect()
    assert seen() is None


def test_other_loops_are_opened_as_before(spares: Spares, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spares_closed(spares, lambda loop: None) is not None

    class Own(asyncio.SelectorEventLoop):
        pass

    monkeypatch.setattr(asyncio, "new_event_loop", Own)
    loop = spares.open()
    assert type(loop) is Own
    spares.close(loop)
    assert loop.is_closed()


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(os, "getpid", lambda: 1),
        lambda patch: patch.setenv("PYTHONASYNCIODEBUG", "1"),
    ],
    ids=["another process", "debug mode"],
)
def test_it_does_not_where_a_new_one_would_differ(
    spares: Spares, monkeypatch: pytest.MonkeyPatch, change: Callable[[pytest.MonkeyPatch], None]
) -> None:
    kept = spares_closed(spares, lambda loop: None)
    change(monkeypatch)
    second = spares.open()
    assert second is not kept
    assert kept is not None
    assert kept.is_closed()
    spares.close(second)
    spares.clear()


async def nothing() -> None:
    pass


async def sleeps() -> None:
    await asyncio.sleep(0.001)


async def fails() -> None:
    raise LookupError


@pytest.mark.parametrize("is_current", [False, True])
@pytest.mark.parametrize("test", [nothing, sleeps, fails])
def test_an_open_loop_gives_its_loop_back(spares: Spares, test: Any, is_current: bool) -> None:
    """All that it refers to itself is counted: else each test would get a new one, unseen."""
    numbers = set()
    for _ in range(3):
        opened = OpenLoop(spares=spares)
        numbers.add(id(opened.loop))
        if is_current:
            opened.make_current()
        try:
            opened.call(test())
        except LookupError:
            pass
        opened.end()
        assert opened.loop.is_closed()
        asyncio.set_event_loop(None)
        assert spares._loop is not None
    assert len(numbers) == 1


def test_a_test_that_keeps_its_loop_has_it_for_itself(spares: Spares) -> None:
    kept: list[asyncio.AbstractEventLoop] = []

    async def keep() -> None:
        kept.append(asyncio.get_running_loop())

    for _ in range(3):
        opened = OpenLoop(spares=spares)
        opened.call(keep())
        opened.end()
    assert len(set(kept)) == 3
    assert all(loop.is_closed() for loop in kept)
