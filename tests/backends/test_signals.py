"""A signal raises in the middle of the loop, as that of pytest-timeout does: the test ends, and so does the loop."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from interlace.backends.aio.run import Running
from interlace.backends.aio.stock import OpenLoop
from interlace.sim.world import World

PLACES = ("taken", "scheduled", "timed")
"""After a step was taken from the queue; in the middle of scheduling the next one; when nothing is under way."""


class TimesUp(BaseException):
    """What pytest.fail() raises is no `Exception` either."""


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """Has a test that hangs fail."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class Interruption:
    """Once it is armed it raises at one place of a loop, as a signal may.

    Args:
        loop: the loop.
        place: one of `PLACES`.
        after: how often that place is passed before.
    """

    def __init__(self, loop: Any, place: str, after: int) -> None:
        self.left = after
        self.is_armed = False
        hit, call_soon, time = self.hit, loop.call_soon, loop.time

        class Ready(deque[Any]):
            def popleft(self) -> Any:
                handle = super().popleft()
                hit("taken", place)
                return handle

        def scheduling(*arguments: Any, **named: Any) -> Any:
            hit("scheduled", place)
            return call_soon(*arguments, **named)

        def telling() -> Any:
            hit("timed", place)
            return time()

        loop._ready = Ready(loop._ready)
        loop.call_soon, loop.time = scheduling, telling

    def hit(self, place: str, wanted: str) -> None:
        if self.is_armed and place == wanted:
            self.left -= 1
            if self.left < 0:
                self.is_armed = False
                raise TimesUp


def stock() -> OpenLoop:
    return OpenLoop()


def simulated() -> Running:
    running = Running(World())
    running.loop.endings = (TimesUp,)
    return running


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("open_loop", [stock, simulated])
def test_wherever_it_comes_the_test_ends_and_what_it_began_is_torn_down(
    open_loop: Callable[[], Any], place: str, after: int
) -> None:
    """`BaseEventLoop._run_once` had taken a step from the queue, and it is lost; or the next was not yet in it."""
    ended: list[str] = []

    async def resource() -> None:
        try:
            while True:
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            ended.append("resource")

    async def test(interruption: Interruption) -> None:
        task = asyncio.create_task(resource())
        await asyncio.sleep(0)
        interruption.is_armed = True
        try:
            while True:
                await asyncio.sleep(0)
                asyncio.get_running_loop().time()
        finally:
            await asyncio.sleep(0)
            ended.append("test")
            del task

    opened = open_loop()
    with pytest.raises(TimesUp):
        opened.call(test(Interruption(opened.loop, place, after)))
    # What follows is neither disturbed nor held up.
    assert opened.call(asyncio.sleep(0, "next")) == "next"
    opened.close()
    assert opened.loop.is_closed()
    assert sorted(ended) == ["resource", "test"]


def test_what_was_interrupted_does_not_go_on_beside_the_next_test() -> None:
    steps: list[int] = []

    async def test() -> None:
        while True:
            await asyncio.sleep(0)
            steps.append(1)
            if len(steps) == 3:
                asyncio.get_running_loop().call_soon(interrupt)

    def interrupt() -> None:
        raise TimesUp

    opened = OpenLoop()
    with pytest.raises(TimesUp):
        opened.call(test())
    opened.call(asyncio.sleep(0))
    opened.call(asyncio.sleep(0))
    assert len(steps) == 4  # the iteration that it came in was finished
    opened.close()
