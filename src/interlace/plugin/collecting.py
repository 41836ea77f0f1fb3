"""The markers of tests are checked once for all that a module or a class has collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from interlace.errors import UsageError
from interlace.plugin.markers import (
    check_markers,
    is_async,
    is_async_generator,
    is_for_asyncio,
    is_plain,
    mark_for_asyncio,
    marker_names,
    refuse_async_generator,
)
from interlace.plugin.options import OPTIONS


@contextmanager
def checking(collector: Any) -> Iterator[None]:
    """Has the markers checked of what a collector collects within the block."""
    original = vars(collector).get("collect")
    collector.collect = partial(_collect, collector, collector.collect)
    try:
        yield
    finally:
        if original is None:
            del collector.collect
        else:
            collector.collect = original


def _collect(collector: pytest.Collector, collect: Callable[[], Iterable[Any]]) -> list[Any]:
    """Returns what a module or a class collects, with the markers of its tests checked."""
    found = list(collect())
    is_marked = bool(marker_names(collector))
    marks = collector.config.stash[OPTIONS].marks
    try:
        for item in found:
            # A method of a unittest.TestCase is none of ours, whatever it is marked with.
            if not isinstance(item, pytest.Function) or getattr(item, "nofuncargs", False):
                continue
            if is_marked or item.own_markers:
                check_markers(item)
            if is_plain(item.obj):
                continue
            if is_async_generator(item) and is_for_asyncio(item):
                refuse_async_generator(item)
            elif marks and is_async(item):
                mark_for_asyncio(item)
    except UsageError as error:
        raise collector.CollectError(str(error)) from None
    return found
