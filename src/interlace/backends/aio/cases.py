"""What stands in for the `asyncio.Runner` of a `unittest.IsolatedAsyncioTestCase`, so that it runs on a loop of ours.

The private names of unittest that this takes stand here and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any
from unittest import IsolatedAsyncioTestCase

from interlace.backends.aio import inside


class _Runner:
    """Has the coroutines of one test case run in one task of a loop that is open.

    Args:
        opened: an `OpenLoop`, a `Share` or a `Running`.
        timeout: seconds that each of them may take; 0: any number.
    """

    def __init__(self, opened: Any, timeout: float) -> None:
        self._opened = opened
        self._timeout = timeout
        self._before: inside.Current | None = None

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Returns the loop, which is the current one from now on."""
        loop: asyncio.AbstractEventLoop = self._opened.loop
        if self._before is None:
            self._before = inside.current()
        asyncio.set_event_loop(loop)
        return loop

    def run(self, coroutine: Coroutine[Any, Any, Any], *, context: Context | None = None) -> Any:
        """Runs a coroutine to its end and returns its result, or raises its error."""
        __tracebackhide__ = True
        return self._opened.call(coroutine, context, self._timeout)

    def close(self) -> None:
        """Makes current what was current before; whoever has opened the loop closes it."""
        before, self._before = self._before, None
        if before is not None:
            inside.restore(before)


def run_case_on(case: IsolatedAsyncioTestCase, opened: Any, timeout: float) -> None:
    """Has a test case run its coroutines on a loop that is open, instead of on one of its own.

    Args:
        case: the test case, which has not been run.
        opened: an `OpenLoop` or a `Running`.
        timeout: seconds that each coroutine may take; 0: any number.
    """
    one: Any = case
    one._setupAsyncioRunner = lambda: setattr(one, "_asyncioRunner", _Runner(opened, timeout))
