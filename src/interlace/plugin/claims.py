"""Which async tests are ours, and what they ask for."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from interlace.plugin.compat import fixture_origin
from interlace.plugin.markers import (
    asyncio_mark,
    inner_test,
    marked_settings,
    marked_timeout,
    marker_names,
    overlap_group,
)
from interlace.plugin.options import Options, Settings

_OTHER_LOOPS = ("trio", "twisted", "curio", "gen_test")
"""Markers of tests that are written for something else than asyncio."""

_TELLING = frozenset(("world", "clock", "anyio_backend"))
"""Fixtures that say how a test is run."""

_PLAIN = Settings()


class Claim(NamedTuple):
    """How a test is run.

    Args:
        settings: how it is searched; one plain run unless it says otherwise.
        simulated: whether it runs in a simulated world.
        own: whether the test itself asks for that, with a marker or the fixture `world`.
        loop_scope: the scope of its loop where it says so; None: what its fixtures need.
        literal: whether it is marked for asyncio, so that the loop scopes of its fixtures are taken
            literally.
        every_fixture: whether async fixtures are ours that are declared with `pytest.fixture`.
        insists: whether no other plugin may run it.
        timeout: seconds that it may take; 0: any number.
        for_anyio: whether it asks for a backend of anyio.
        overlaps: the group of tests that it may overlap with; None: none.
        unexplored: whether it was to be explored, and is not, since hypothesis runs it.
    """

    settings: Settings = _PLAIN
    simulated: bool = False
    own: bool = False
    loop_scope: str | None = None
    literal: bool = False
    every_fixture: bool = True
    insists: bool = False
    timeout: float = 0
    for_anyio: bool = False
    overlaps: str | None = None
    unexplored: bool = False


_ORDINARY = pytest.StashKey[Claim | None]()
"""Of a session: how the tests are run that nothing is said of."""


def claim_of(item: pytest.Function, options: Options) -> Claim | None:
    """Returns how an async test is run; None: not by interlace."""
    marks = marker_names(item)
    if marks or not _is_ordinary(item):
        return _claim_of(item, options, marks)
    stash = item.config.stash
    if _ORDINARY not in stash:
        stash[_ORDINARY] = _claim_of(item, options, marks)
    return stash[_ORDINARY]


def _is_ordinary(item: pytest.Function) -> bool:
    """Tells whether a test without markers is run as all others like it, whatever it asks for."""
    return (
        not hasattr(item, "callspec")
        and inner_test(item.obj) is None
        and not _TELLING.intersection(item.fixturenames)
        and not is_of_pytest_asyncio(item)
    )


def _claim_of(item: pytest.Function, options: Options, marks: set[str]) -> Claim | None:
    marked = marked_settings(item) if marks & {"interlace", "explore"} else None
    own = marked is not None or any(
        fixture_origin(item, name) == "interlace.plugin.fixtures" for name in ("world", "clock")
    )
    backend = _anyio_backend(item)
    # Hypothesis chooses what a test is run with, and counts on the same examples to fail each time.
    examples = inner_test(item.obj) is not None
    takes_all = options.takes_all and not examples
    if not own:
        if marks.intersection(_OTHER_LOOPS):
            return None
        if not takes_all and _is_claimed(item, options):
            return None
    for_asyncio = options.asyncio and "asyncio" in marks
    for_anyio = options.anyio and "anyio_backend" in item.fixturenames
    other_loop = backend not in (None, "asyncio")
    if other_loop and not for_anyio:
        return None
    if options.mode == "strict" and not (own or takes_all or for_asyncio or for_anyio):
        return None
    mark = asyncio_mark(item) if for_asyncio else None
    timeout = marked_timeout(item) if "interlace_timeout" in marks else None
    simulated = (own or takes_all or options.simulated) and not other_loop
    settings = options.over(marked or _PLAIN) if simulated else _PLAIN
    asked = options.takes_all or settings.schedules is not None
    if examples:
        settings = settings._replace(schedules=None, replay=None)
    return Claim(
        settings=settings,
        simulated=simulated,
        own=own,
        loop_scope=mark.loop_scope if mark is not None else None,
        literal=mark is not None,
        every_fixture=options.mode == "auto" or not for_asyncio or own or takes_all,
        insists=own or takes_all or for_asyncio or for_anyio,
        timeout=options.timeout if timeout is None else timeout,
        for_anyio=for_anyio,
        overlaps=overlap_group(item) if "overlap" in marks else "" if options.overlap else None,
        unexplored=asked and examples,
    )


def _anyio_backend(item: pytest.Function) -> object:
    """Returns the name of the backend that a test is parametrized with; None if it is not."""
    parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    backend = parameters.get("anyio_backend")
    return backend[0] if isinstance(backend, tuple) else backend


def _is_claimed(item: pytest.Function, options: Options) -> bool:
    """Tells whether pytest-asyncio or the plugin of anyio is going to run this test."""
    return is_of_pytest_asyncio(item) or ("anyio_backend" in item.fixturenames and not options.anyio)


def is_of_pytest_asyncio(item: pytest.Function) -> bool:
    """Tells whether the real pytest-asyncio has made this test its own."""
    return type(item).__module__.partition(".")[0] == "pytest_asyncio"
