"""Plain fixtures that several tests share: one test is run many times, and they are watched for changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from interlace.plugin.compat import every_definition

_DEPTH = 4
_ITEMS = 2_000


class Changes:
    """Notices which shared fixtures a run has changed.

    Args:
        item: the test.
    """

    def __init__(self, item: pytest.Function) -> None:
        self._item = item
        self._before: dict[str, int] = {}
        self._told: set[str] = set()

    def look(self) -> None:
        """Remembers how the values of shared fixtures look now."""
        self._before = {name: _print_of(value) for name, value in self._values()}

    def changed(self) -> list[str]:
        """Returns the names of those that look otherwise now, each at most once for a test."""
        found = [
            name
            for name, value in self._values()
            if name in self._before and name not in self._told and _print_of(value) != self._before[name]
        ]
        self._told.update(found)
        return found

    def _values(self) -> Iterator[tuple[str, Any]]:
        for one in every_definition(self._item):
            if one.scope != "function" and one.cached_result is not None:
                yield one.argname, one.cached_result[0]


def _print_of(value: Any) -> int:
    """Returns a number that is another one if what plain data in a value holds is another; runs no code of it."""
    left = [_ITEMS]
    return hash(_shape(value, _DEPTH, left))


def _shape(value: Any, depth: int, left: list[int]) -> object:
    left[0] -= 1
    if left[0] < 0:
        return "..."
    kind = type(value)
    if kind in (int, float, complex, bool, str, bytes, type(None)):
        return value if value == value else "nan"
    if depth == 0:
        return kind.__qualname__
    if kind in (list, tuple):
        return (
            kind.__qualname__,
            len(value),
            *(_shape(one, depth - 1, left) for one in value[: left[0] + 1]),
        )
    if kind in (set, frozenset):
        return (kind.__qualname__, len(value), frozenset(_shape(one, depth - 1, left) for one in value))
    if kind is dict:
        items = list(value.items())[: left[0] + 1]
        return (
            "dict",
            len(value),
            *((_shape(key, depth - 1, left), _shape(one, depth - 1, left)) for key, one in items),
        )
    module = kind.__module__
    own = getattr(value, "__dict__", None) if kind is not type and module != "builtins" else None
    if type(own) is dict and not module.startswith(("unittest.mock", "_pytest", "asyncio")):
        return (kind.__qualname__, _shape(own, depth - 1, left))
    return kind.__qualname__
