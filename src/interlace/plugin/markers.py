"""What the markers of a test ask for, read and checked while it is collected."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from interlace.errors import UsageError
from interlace.plugin.declare import SCOPES
from interlace.plugin.options import OPTIONS, SCHEDULES, Settings, check_seconds, check_settings

if TYPE_CHECKING:
    from interlace.model.start import Start

MARKERS = (
    "interlace(now='2026-01-01T00:00:00Z', tz='UTC'): run this async test in a simulated world",
    "explore(schedules=200, order='realistic', faults=(), seed=0, now=..., tz=...): run it under many schedules",
    "interlace_timeout(seconds): how long this async test may take, its fixtures one by one; virtual in a world",
    "overlap(group=''): let this async test overlap with the others of its module that are marked alike",
)

ASYNCIO_MARKER = (
    "asyncio(loop_scope='function', loop_factories=None): run this async test on an asyncio event loop"
)

_START = ("now", "tz")
_ARGUMENTS = ("schedules", "order", "faults", "seed", *_START)
_CO_COROUTINE = inspect.CO_COROUTINE | inspect.CO_ITERABLE_COROUTINE
_CO_ANY = _CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def marked_settings(item: pytest.Item) -> Settings | None:
    """Returns what the markers of a test ask for; None if it has neither `interlace` nor `explore`.

    Raises:
        UsageError: a marker that cannot work.
    """
    mark = item.get_closest_marker("explore")
    if mark is None:
        mark = item.get_closest_marker("interlace")
        if mark is None:
            return None
        return Settings(start=_marked_start(item))
    if mark.args:
        raise UsageError(f"@pytest.mark.explore takes named arguments only: write schedules={mark.args[0]!r}")
    unknown = [name for name in mark.kwargs if name not in _ARGUMENTS]
    if unknown:
        raise UsageError(
            f"@pytest.mark.explore has no argument {unknown[0]!r}: it takes {', '.join(_ARGUMENTS)}"
        )
    given: dict[str, Any] = {"schedules": SCHEDULES, **mark.kwargs}
    for name in _START:
        given.pop(name, None)
    faults = given.get("faults", ())
    if isinstance(faults, str):
        faults = (faults,)
    if not isinstance(faults, Iterable):
        raise UsageError(f"faults is {faults!r}: give a tuple of names, such as ('cancel',)")
    settings = Settings(**{**given, "faults": tuple(faults)}, start=_marked_start(item))
    if settings.schedules is None:
        raise UsageError("schedules is None: give a whole number of runs, at least 1")
    check_settings(settings)
    return settings


def _marked_start(item: pytest.Item) -> Start | None:
    """Returns when and where the virtual time of a test is to begin; None if no marker says so."""
    given: dict[str, Any] = {}
    mark = item.get_closest_marker("interlace")
    if mark is not None:
        unknown = [*map(repr, mark.args), *(name for name in mark.kwargs if name not in _START)]
        if unknown:
            raise UsageError(
                f"@pytest.mark.interlace takes now= and tz= only, not {unknown[0]}: "
                "to run many schedules, use @pytest.mark.explore"
            )
        given.update(mark.kwargs)
    mark = item.get_closest_marker("explore")
    if mark is not None:
        given.update({name: mark.kwargs[name] for name in _START if name in mark.kwargs})
    if not given:
        return None
    for name in _START:  # what the marker leaves open is as the ini file says
        given.setdefault(name, item.config.getini(f"interlace_{name}") or None)
    from interlace.model.start import Start

    return Start.parse(**given)


def marker_names(node: Any) -> set[str]:
    """Returns the names of all markers of a node and of those above it."""
    names: set[str] = set()
    while node is not None:
        for mark in node.own_markers:
            names.add(mark.name)
        node = node.parent
    return names


def check_markers(item: pytest.Function) -> None:
    """Checks the markers of a test while it is collected.

    Raises:
        UsageError: a marker that cannot work, or one on a test that is not async.
    """
    marks = item.own_markers
    names = marker_names(item)
    if "asyncio" in names and item.config.stash[OPTIONS].asyncio:
        try:
            mark = asyncio_mark(item)
            _about_scope(item)
        except UsageError as error:
            raise UsageError(f"{item.nodeid}: {error}") from None
        if mark is not None and not is_async(item) and any(mark.name == "asyncio" for mark in marks):
            _about_sync_test(item)
    if not names & {"interlace", "explore", "interlace_timeout", "overlap"}:
        return
    try:
        marked = marked_settings(item)
        marked_timeout(item)
        overlap_group(item)
        own = [mark.name for mark in marks if mark.name in ("interlace", "explore")]
        if marked is not None and own and not (is_async(item) or is_case(item)):
            raise UsageError(
                f"@pytest.mark.{own[-1]} is for a test that is defined with 'async def' and has no yield"
            )
    except UsageError as error:
        path, line, _ = item.reportinfo()
        raise UsageError(f"{path}:{(line or 0) + 1}: in {item.name}: {error}") from None


def _about_scope(item: pytest.Function) -> None:
    mark = item.get_closest_marker("asyncio")
    if mark is not None and "scope" in mark.kwargs:
        _warn(item, pytest.PytestDeprecationWarning("@pytest.mark.asyncio(scope=...): write loop_scope="))


def _about_sync_test(item: pytest.Function) -> None:
    if is_async_generator(item):
        return
    _warn(
        item,
        pytest.PytestWarning(
            f"The test {item!r} is marked with '@pytest.mark.asyncio' but it is not an async function. "
            "Define it with 'async def', or leave the marker out."
        ),
    )


_MARKED = pytest.StashKey[bool]()


def mark_for_asyncio(item: pytest.Function) -> None:
    """Gives an async test the marker `asyncio` that it would have under pytest-asyncio in its mode `auto`."""
    if item.get_closest_marker("asyncio") is None and item.get_closest_marker("anyio") is None:
        item.stash[_MARKED] = True
        item.add_marker("asyncio")


def refuse_async_generator(item: pytest.Function) -> None:
    """Marks a test that is defined with `async def` and has a yield as one that cannot be run."""
    text = (
        "Tests based on asynchronous generators are not supported: "
        f"{item.name} has a yield, so that it is never run to its end"
    )
    _warn(item, pytest.PytestWarning(text))
    item.add_marker(pytest.mark.xfail(run=False, reason=text))


def _warn(item: pytest.Function, warning: Warning) -> None:
    path, line, _ = item.reportinfo()
    warnings.warn_explicit(warning, None, str(path), (line or 0) + 1)


def marked_timeout(item: pytest.Item) -> float | None:
    """Returns the seconds that a test is marked with; None if it is not.

    Raises:
        UsageError: a marker that cannot work.
    """
    mark = item.get_closest_marker("interlace_timeout")
    if mark is None:
        return None
    given = (*mark.args, *mark.kwargs.values())
    if len(given) != 1 or set(mark.kwargs) - {"seconds"}:
        raise UsageError("@pytest.mark.interlace_timeout takes one argument: the seconds")
    return check_seconds(given[0], "the timeout of @pytest.mark.interlace_timeout")


def overlap_group(item: pytest.Item) -> str | None:
    """Returns the group of tests that a test may overlap with; None if it is not marked.

    Raises:
        UsageError: a marker that cannot work.
    """
    mark = item.get_closest_marker("overlap")
    if mark is None:
        return None
    given = (*mark.args, *mark.kwargs.values())
    if len(given) > 1 or set(mark.kwargs) - {"group"} or not all(isinstance(one, str) for one in given):
        raise UsageError("@pytest.mark.overlap takes one argument at most: the name of a group")
    return given[0] if given else ""


class AsyncioMark(NamedTuple):
    """What an `asyncio` marker asks for.

    Args:
        loop_scope: the scope of the loop; None: it does not say.
        factories: the names of the loop factories to run with; None: it does not say.
    """

    loop_scope: str | None = None
    factories: tuple[str, ...] | None = None


def asyncio_mark(item: pytest.Item) -> AsyncioMark | None:
    """Returns what the nearest `asyncio` marker of a test asks for; None if there is none.

    Raises:
        UsageError: a marker that cannot work.
    """
    mark = item.get_closest_marker("asyncio")
    if mark is None or _MARKED in item.stash:
        return None
    return read_asyncio_mark(mark)


def read_asyncio_mark(mark: pytest.Mark) -> AsyncioMark:
    """Reads an `asyncio` marker.

    Raises:
        UsageError: a marker that cannot work.
    """
    if not mark.args and not mark.kwargs:
        return AsyncioMark()
    if mark.args or set(mark.kwargs) - {"loop_scope", "scope", "loop_factories"}:
        raise UsageError(
            "mark.asyncio accepts only keyword arguments, and of these 'loop_scope' and 'loop_factories'"
        )
    if {"scope", "loop_scope"} <= set(mark.kwargs):
        raise UsageError(
            'An asyncio pytest marker defines both "scope" and "loop_scope", '
            'but it should only use "loop_scope".'
        )
    scope = mark.kwargs.get("loop_scope", mark.kwargs.get("scope"))
    if scope is not None and scope not in SCOPES:
        raise UsageError(
            f"mark.asyncio got an unexpected loop scope value {scope!r}. Valid scopes are: {', '.join(SCOPES)}."
        )
    names = mark.kwargs.get("loop_factories")
    if names is not None and not (
        isinstance(names, Sequence)
        and not isinstance(names, str)
        and names
        and all(isinstance(name, str) and name for name in names)
    ):
        raise UsageError(
            f"mark.asyncio 'loop_factories' must be a non-empty sequence of names, not {names!r}"
        )
    return AsyncioMark(scope, None if names is None else tuple(names))


def check_factories(found: object) -> Mapping[str, Callable[[], Any]]:
    """Returns what a hook pytest_asyncio_loop_factories has returned.

    Raises:
        UsageError: it is not a mapping of names to loop factories.
    """
    if not (
        isinstance(found, Mapping)
        and found
        and all(isinstance(name, str) and name and callable(make) for name, make in found.items())
    ):
        raise UsageError(
            "pytest_asyncio_loop_factories must return a non-empty mapping of factory names to callables that "
            f"make an event loop, not {found!r}"
        )
    return found


def is_async_test(item: pytest.Item) -> bool:
    """Tells whether a test is an async test that is run without further markers.

    In the mode `strict` only tests with the marker `asyncio` are, or with one of interlace's own.
    """
    if not is_async(item):
        return False
    own = ("interlace", "explore")
    return is_for_asyncio(item) or any(item.get_closest_marker(name) for name in own)


def is_for_asyncio(item: pytest.Item) -> bool:
    """Tells whether a test is run on asyncio if it is async: by the mode, or by its marker."""
    options = item.config.stash[OPTIONS]
    return options.asyncio and (options.mode == "auto" or item.get_closest_marker("asyncio") is not None)


NO_LOOPS = pytest.StashKey[bool]()
"""Whether the tests of a module or a class ask for nothing that a loop is made from, unless marked themselves."""


def asks_for_no_loops(node: Any) -> bool:
    """Tells whether it is known of a module or a class that it is like that."""
    return NO_LOOPS in node.stash


def is_plain(function: Any) -> bool:
    """Tells whether a test function is sure to be neither async nor wrapped; asked of each test, so it is brief."""
    code = getattr(function, "__code__", None)
    return code is not None and not code.co_flags & _CO_ANY and not getattr(function, "__dict__", True)


def is_async(item: pytest.Item) -> bool:
    """Tells whether a test is an async test function, or one that hypothesis has wrapped."""
    # What has nofuncargs is a method of a unittest.TestCase, which runs itself.
    if not isinstance(item, pytest.Function) or getattr(item, "nofuncargs", False):
        return False
    function = item.obj
    code = getattr(function, "__code__", None)  # that of a method is the one of its function
    if code is not None and code.co_flags & _CO_COROUTINE:
        return True
    if code is None and inspect.iscoroutinefunction(function):  # functools.partial and its like
        return True
    # No further call for a plain function: this is asked of each test while they are collected.
    if getattr(function, "is_hypothesis_test", False):
        return inner_test(function) is not None
    # What inspect.markcoroutinefunction() leaves on a function that returns a coroutine.
    marked = hasattr(getattr(function, "__func__", function), "_is_coroutine_mark")
    return marked and inspect.iscoroutinefunction(function)


def is_case(item: pytest.Item) -> bool:
    """Tells whether a test is an async method of a `unittest.IsolatedAsyncioTestCase`."""
    if not isinstance(item, pytest.Function) or not getattr(item, "nofuncargs", False):
        return False
    import unittest  # it is loaded, since there is a test case

    kind = item.cls
    return (
        isinstance(kind, type)
        and issubclass(kind, unittest.IsolatedAsyncioTestCase)
        and inspect.iscoroutinefunction(item.obj)
    )


def inner_test(function: Any) -> Any:
    """Returns the async function that hypothesis calls for each example; None: it is not such a test."""
    if not getattr(function, "is_hypothesis_test", False):
        return None
    inner = function.hypothesis.inner_test
    return inner if inspect.iscoroutinefunction(inner) else None


def is_async_generator(item: pytest.Function) -> bool:
    """Tells whether a test is defined with `async def` and has a yield, which nobody can run."""
    code = getattr(item.obj, "__code__", None)
    if code is not None:
        return bool(code.co_flags & inspect.CO_ASYNC_GENERATOR)
    return inspect.isasyncgenfunction(item.obj)
