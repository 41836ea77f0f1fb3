"""An exception in a callback is told as the stock loop tells it, and to whom it tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest

import interlace

WHOSE: ContextVar[str] = ContextVar("WHOSE", default="nobody's")


def fail(word: str) -> None:
    raise LookupError(word)


def told(new_event_loop: Callable[[], asyncio.AbstractEventLoop], *, debug: bool) -> list[Any]:
    found: list[Any] = []

    def note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        handle = context["handle"]
        found.append(
            (
                context["message"],
                type(context["exception"]),
                sorted(context),
                type(handle).__mro__[-2].__name__,
                WHOSE.get(),
            )
        )

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(note)
        WHOSE.set("mine")
        loop.call_soon(fail, "soon")
        loop.call_later(0.001, fail, "later")
        await asyncio.sleep(0.01)
        found.append("it went on")

    with asyncio.Runner(debug=debug, loop_factory=new_event_loop) as runner:
        runner.run(main())
    return found


@pytest.mark.parametrize("debug", [False, True])
def test_as_the_stock_loop_does(debug: bool) -> None:
    assert told(interlace.new_event_loop, debug=debug) == told(asyncio.new_event_loop, debug=debug)


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_process_ends_the_run(ending: type[BaseException]) -> None:
    def end() -> None:
        raise ending

    async def main() -> None:
        asyncio.get_running_loop().call_soon(end)
        await asyncio.sleep(1)

    with pytest.raises(ending), asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
        runner.run(main())
