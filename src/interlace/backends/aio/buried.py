"""What a crash leaves of coroutines: nothing of them runs on, no `except`, no `finally`, no `__exit__`.

CPython closes a suspended coroutine that nobody keeps, which runs what stands in its `finally`. It does so once
for each object, and notes that in a bit of its header (Include/internal/pycore_gc.h). Where the bit stands
beforehand, the object is freed and nothing of it runs. Where that bit is somewhere else than expected, which
is looked at first, they are closed.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from types import AsyncGeneratorType, CoroutineType, GeneratorType, MethodType
from typing import Any, ClassVar

_WORD = ctypes.sizeof(ctypes.c_size_t)
_FINALIZED = 1

_SUSPENDED = (CoroutineType, GeneratorType, AsyncGeneratorType)
_MANAGERS: tuple[type, ...] = (
    contextlib._GeneratorContextManager,
    contextlib._AsyncGeneratorContextManager,
    contextlib.ExitStack,
    contextlib.AsyncExitStack,
)
_STEPS = {"coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable"}
"""What stands between a coroutine and what it awaits, or the generator that it walks through."""


class _Lazarus:
    """An object that has been finalized and is still there."""

    kept: ClassVar[list[_Lazarus]] = []

    def __del__(self) -> None:
        self.kept.append(self)


def silence(coroutines: Iterable[Any]) -> list[Any]:
    """Has none of these run on, nor anything that they await, walk through or are inside of, when they are freed.

    Args:
        coroutines: suspended ones, or such as have not begun.

    Returns: the asynchronous generators among all that.
    """
    generators: list[Any] = []
    for one in _within(coroutines):
        if _is_known() and not gc.is_finalized(one):
            _header(one).value |= _FINALIZED
        if isinstance(one, AsyncGeneratorType):
            generators.append(one)
    return generators


def free(coroutine: Any) -> None:
    """Frees what a coroutine holds, without letting it run on where that can be helped."""
    if not _is_known():
        with contextlib.suppress(
            BaseException
        ):  # what a cleanup raises concerns nobody: it should not even run
            coroutine.close()


def _within(coroutines: Iterable[Any]) -> Iterator[Any]:
    """Walks through what is suspended, together with these."""
    found: dict[int, Any] = {}
    ahead = list(coroutines)
    while ahead:
        one = ahead.pop()
        if id(one) in found:
            continue
        found[id(one)] = one
        if isinstance(one, _SUSPENDED):
            yield one
        ahead += [held for held in _held(one) if _is_inside(held)]


def _held(one: Any) -> Iterator[Any]:
    if isinstance(one, _MANAGERS):
        yield getattr(one, "gen", None)
        for entry in getattr(one, "_exit_callbacks", ()):
            yield from entry
    else:
        yield from gc.get_referents(one)


def _is_inside(held: Any) -> bool:
    return isinstance(held, (*_SUSPENDED, *_MANAGERS, MethodType)) or type(held).__name__ in _STEPS


@cache
def _is_known() -> bool:
    """Tells whether the header of an object is what it was in all versions of CPython so far."""
    if sys.implementation.name != "cpython" or not getattr(sys, "_is_gil_enabled", lambda: True)():
        return False
    _Lazarus()
    done = _Lazarus.kept.pop()
    fresh = _Lazarus()
    try:
        return [gc.is_finalized(one) for one in (fresh, done)] == [
            bool(_header(one).value & _FINALIZED) for one in (fresh, done)
        ]
    finally:
        del fresh, done
        _Lazarus.kept.clear()


def _header(one: Any) -> ctypes.c_size_t:
    """Returns the word in front of an object."""
    return ctypes.c_size_t.from_address(id(one) - _WORD)
