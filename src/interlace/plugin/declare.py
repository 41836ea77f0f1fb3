"""How a fixture says that it is async: the decorator `interlace.fixture`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from interlace.errors import UsageError

SCOPES = ("function", "class", "module", "package", "session")
"""The scopes of fixtures and loops, the narrowest first."""

_FLAGS = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE | inspect.CO_ASYNC_GENERATOR

_DECLARED = "__interlace_fixture__"


class Declared(NamedTuple):
    """What a fixture was declared with.

    Args:
        loop_scope: the scope of the loop it runs on; None: not said.
    """

    loop_scope: str | None


def fixture(function: Any = None, *, loop_scope: Any = None, **arguments: Any) -> Any:
    """Declares a fixture that may be async; takes what `pytest.fixture` takes, and `loop_scope`.

    In the mode `auto` plain `pytest.fixture` does the same.

    Args:
        function: the fixture function, where the decorator is used without brackets.
        loop_scope: "function", "class", "module", "package" or "session": the scope of the event
            loop it runs on. None: that of the test, or its own scope where that is wider.
        arguments: those of `pytest.fixture`: scope, params, autouse, ids, name.
    """

    if loop_scope is not None and loop_scope not in SCOPES:
        raise UsageError(f"loop_scope is {loop_scope!r}: use one of {', '.join(SCOPES)}")

    def declare(function: Callable[..., Any]) -> Any:
        inner = function
        while isinstance(inner, (staticmethod, classmethod)):
            inner = inner.__func__
        setattr(getattr(inner, "__func__", inner), _DECLARED, Declared(loop_scope))
        return pytest.fixture(function, **arguments)

    return declare if function is None else declare(function)


def declared(function: Any) -> Declared | None:
    """Returns what a fixture function was declared with; None: by `pytest.fixture` alone."""
    found: Declared | None = getattr(function, _DECLARED, None)
    return found


def is_async_function(function: Any) -> bool:
    """Tells whether a fixture function is a coroutine function or an async generator function."""
    code = getattr(function, "__code__", None)  # that of a method is the one of its function
    if code is not None:
        return bool(code.co_flags & _FLAGS)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def concerns_us(function: Any) -> bool:
    """Tells whether a fixture function may be for interlace to set up: most are not, and this is asked often."""
    return is_async_function(function) or hasattr(function, _DECLARED)
