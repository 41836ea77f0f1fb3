"""What a suspended async generator has open, and whether that has cancelled whoever goes on meanwhile.

A task group, a timeout or a cancel scope around the `yield` of a fixture cancels the task that entered it.
That task runs the test; this module says which of them it was.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from types import AsyncGeneratorType, GeneratorType, MethodType
from typing import Any

from interlace.backends.aio import inside

_DEPTH = 6
"""How many context managers within context managers are looked through."""


def cancelled_by(generator: Any) -> tuple[BaseException | None, str]:
    """Returns the error to blame for a cancellation, or None, and what it comes from; ("" if it is not this one)."""
    for one in _open_in(generator):
        errors = inside.child_errors(one)
        if errors:
            return errors[0], "a child of the task group"
        if isinstance(one, asyncio.Timeout) and one.expired():
            return TimeoutError(), "the timeout"
        if type(one).__name__ == "CancelScope" and getattr(one, "cancel_called", False):
            return None, "the cancel scope"
    return None, ""


def _open_in(generator: Any, depth: int = _DEPTH) -> Iterator[Any]:
    """Yields what the frame of a suspended generator holds, and what the context managers among that hold.

    Of `async with` the frame keeps the method that leaves it, whether or not there is a variable.
    """
    if not depth:
        return
    for held in gc.get_referents(generator):
        one = held.__self__ if isinstance(held, MethodType) else held
        yield one
        if isinstance(one, (AsyncExitStack, ExitStack)):
            for owner in inside.entered(one):
                yield owner
                yield from _open_in(getattr(owner, "gen", None), depth - 1)
        inner = getattr(one, "gen", None)  # of contextlib's context managers
        if isinstance(inner, (AsyncGeneratorType, GeneratorType)) and inner is not generator:
            yield from _open_in(inner, depth - 1)
