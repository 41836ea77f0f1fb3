"""A new loop gets the selector and the sockets of an earlier one where nobody can tell."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest

from interlace.backends.aio.spares import Spares, waiting_handles

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the loops of other systems wait in another way")


@pytest.fixture
def spares() -> Iterator[Spares]:
    spares = Spares()
    yield spares
    spares.clear()


def selector_of(loop: asyncio.AbstractEventLoop) -> object:
    return loop._selector  # type: ignore[attr-defined]


def reused_after(spares: Spares, leave: Callable[[asyncio.AbstractEventLoop], object]) -> bool:
    """Tells whether a loop on which something is left hands its selector on."""
    first = spares.open()
    selector = selector_of(first)
    leave(first)
    spares.close(first)
    second = spares.open()
    try:
        return selector_of(second) is selector
    finally:
        spares.close(second)


def test_the_next_loop_is_a_new_one_and_works(spares: Spares) -> None:
    first = spares.open()
    selector = selector_of(first)
    spares.close(first)
    second = spares.open()
    assert second is not first
    assert selector_of(second) is selector
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


def test_a_closed_loop_looks_as_any_closed_loop(spares: Spares) -> None:
    usual, ours = asyncio.new_event_loop(), spares.open()
    usual.close()
    spares.close(ours)
    assert vars(ours).keys() == vars(usual).keys()
    for name in ("_selector", "_ssock", "_csock", "_internal_fds", "_closed"):
        assert getattr(ours, name) == getattr(usual, name)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        ours.call_soon_threadsafe(print)
    ours.close()


def test_a_closed_loop_is_let_go_of(spares: Spares) -> None:
    loop = spares.open()
    seen = weakref.ref(loop)
    spares.close(loop)
    del loop
    gc.collect()
    assert seen() is None


def test_nothing_is_handed_on_where_something_is_left(spares: Spares) -> None:
    left, other = socket.socketpair()
    with left, other:
        assert reused_after(spares, lambda loop: None)
        assert not reused_after(spares, lambda loop: loop.add_reader(left, print))
        assert not reused_after(spares, lambda loop: loop.add_signal_handler(10, print))
        assert not reused_after(spares, lambda loop: loop.call_soon_threadsafe(print))
        assert not reused_after(spares, lambda loop: loop.close())


def test_other_loops_are_opened_as_before(spares: Spares, monkeypatch: pytest.MonkeyPatch) -> None:
    spares.close(spares.open())

    class Own(asyncio.SelectorEventLoop):
        pass

    monkeypatch.setattr(asyncio, "new_event_loop", Own)
    loop = spares.open()
    assert type(loop) is Own
    spares.close(loop)


def test_not_in_another_process(spares: Spares, monkeypatch: pytest.MonkeyPatch) -> None:
    first = spares.open()
    selector = selector_of(first)
    spares.close(first)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    second = spares.open()
    assert selector_of(second) is not selector
    spares.close(second)
