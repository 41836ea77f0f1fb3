"""Debug mode tells of callbacks that hold up the loop, as the stock loop does."""

from __future__ import annotations

import asyncio
import logging
import time
import warnings
from collections.abc import Awaitable, Callable

import pytest

import interlace


def run_alone(main: Callable[[], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
        runner.run(main())  # type: ignore[arg-type]


def run_in_world(main: Callable[[], Awaitable[None]]) -> None:
    interlace.run(main)


@pytest.mark.parametrize("run", [run_alone, run_in_world])
@pytest.mark.parametrize(
    ("debug", "held_up", "told"), [(True, 0.25, 1), (True, 0.05, 0), (False, 0.25, 0)], ids=str
)
def test_debug_mode_tells_of_slow_steps(
    run: Callable[..., None], debug: bool, held_up: float, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_debug(debug)
        await asyncio.sleep(1)
        time.sleep(held_up)
        await asyncio.sleep(10)

    with caplog.at_level(logging.WARNING, "asyncio"), warnings.catch_warnings():
        warnings.simplefilter("ignore", interlace.BlockingCallWarning)
        run(main)
    lines = [text for text in caplog.messages if text.startswith("Executing <Task ")]
    assert len(lines) == told
    assert all(text.endswith(" took 0.250 seconds") for text in lines)
