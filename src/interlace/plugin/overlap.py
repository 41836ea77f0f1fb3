"""Independent tests that overlap in one loop: set up one by one, run together, torn down one by one.

What shares more than its module with other tests (captured output, patched globals, a world) is run
alone, and the summary says why.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest

from interlace.backends.aio.together import Share, run_together
from interlace.plugin.compat import arguments_of, park, phase
from interlace.plugin.lanes import loop_scope_of, options_of, wider
from interlace.plugin.markers import inner_test
from interlace.plugin.options import FACTORY
from interlace.plugin.stage import ItemStage, stage_of
from interlace.plugin.watch import ALONE

_MARKED_AT_MOST = 100
"""How many tests that are marked may overlap, where `--overlap` does not say."""

_GLOBAL = {
    *("capsys", "capsysbinary", "capfd", "capfdbinary", "caplog", "recwarn", "monkeypatch", "mocker"),
    *("event_loop_policy", "freezer", "time_machine", "class_mocker"),
}
"""Fixtures whose effect is not limited to the test that asks for them."""


@dataclass
class Ahead:
    """What came of a test that was run together with others, before pytest calls it.

    Args:
        error: what it raised; None if it passed.
        seconds: how long it took.
        out: what it has written to standard output; `err` and `log` likewise.
    """

    error: BaseException | None
    seconds: float
    out: str = ""
    err: str = ""
    log: str = ""


@dataclass
class _Held:
    """A test that is set up and was run, and that pytest does not know of yet."""

    setup: pytest.TestReport
    unpark: Callable[[], None]


@dataclass
class _Written:
    """What one test writes while it overlaps with others."""

    out: io.StringIO = field(default_factory=io.StringIO)
    err: io.StringIO = field(default_factory=io.StringIO)
    log: list[str] = field(default_factory=list)


_WRITTEN: ContextVar[_Written | None] = ContextVar("_WRITTEN", default=None)


class _Router(io.TextIOBase):
    """A standard stream that hands on to the test at work."""

    def __init__(self, name: str, other: Any) -> None:
        self._name = name
        self._other = other

    def write(self, text: str) -> int:
        written = _WRITTEN.get()
        stream: Any = self._other if written is None else getattr(written, self._name)
        count: int = stream.write(text)
        return count

    def flush(self) -> None:
        self._other.flush()


class _LogRouter(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        written = _WRITTEN.get()
        if written is not None:
            written.log.append(self.format(record))


@contextmanager
def _routed() -> Iterator[None]:
    """Keeps apart what tests write that overlap."""
    streams = sys.stdout, sys.stderr
    handler = _LogRouter()
    handler.setFormatter(logging.Formatter("%(levelname)-8s %(name)s:%(filename)s:%(lineno)d %(message)s"))
    sys.stdout, sys.stderr = _Router("out", sys.stdout), _Router("err", sys.stderr)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams
        logging.getLogger().removeHandler(handler)


class Overlap:
    """Lets the tests of a session overlap."""

    def __init__(self) -> None:
        self._held: dict[pytest.Item, _Held] = {}

    def run(self, stage: ItemStage, nextitem: pytest.Item | None) -> bool | None:
        """Runs a test together with those that follow and may overlap with it; None: it is to be run alone."""
        item = stage.item
        if item not in self._held:
            reason = why_alone(stage)
            if reason:
                item.user_properties.append((ALONE, reason))
                return None
            group = _group(stage)
            if len(group) < 2:
                return None
            self._run_ahead(group)
        held = self._held.pop(item)
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        held.unpark()
        hook.pytest_runtest_logreport(report=held.setup)
        if held.setup.passed:
            phase(item, "call")
        if item.session.shouldfail or item.session.shouldstop:
            self._let_go(item)
        phase(item, "teardown", nextitem=nextitem)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _let_go(self, last: pytest.Item) -> None:
        """Tears down the tests that pytest will not come to any more, before what they share is torn down."""
        held, self._held = self._held, {}
        for item, one in held.items():
            one.unpark()
            phase(item, "teardown", log=False, nextitem=last)

    def _run_ahead(self, group: list[ItemStage]) -> None:
        """Sets tests up one by one, and runs them together."""
        ready: list[ItemStage] = []
        # On one loop, which is that of the fixtures they share.
        narrow = "class" if isinstance(group[0].item.parent, pytest.Class) else "module"
        scope = wider(narrow, *(loop_scope_of(stage.item, literal=False) for stage in group))
        for stage in group:
            stage.overlapping = scope
            setup = phase(stage.item, "setup", log=False)
            self._held[stage.item] = _Held(setup, park(stage.item, stage.context))
            if setup.passed:
                ready.append(stage)
        jobs: list[tuple[Share, Any, float]] = []
        written: list[_Written] = []
        for stage in ready:
            own = _Written()
            written.append(own)
            assert stage.context is not None
            stage.context.run(stage.lane.bring)
            stage.lane.context.run(_WRITTEN.set, own)
            coroutine = stage.item.obj(**arguments_of(stage.item))
            jobs.append((stage.lane.opened, coroutine, stage.claim.timeout))
        with _routed():
            errors = run_together(jobs)
        for share, *_ in jobs:
            share.suspect()
        for stage, (share, *_), error, own in zip(ready, jobs, errors, written, strict=True):
            out, err, log = own.out.getvalue(), own.err.getvalue(), "\n".join(own.log)
            stage.ahead = Ahead(error, share.seconds, out, err, log)


_OVERLAP = pytest.StashKey[Overlap]()


def overlap_of(config: pytest.Config) -> Overlap:
    """Returns what lets the tests overlap that are run with a configuration."""
    return config.stash.setdefault(_OVERLAP, Overlap())


def why_alone(stage: ItemStage) -> str:
    """Returns why a test cannot overlap with others; "" if it can."""
    item, claim = stage.item, stage.claim
    if claim.simulated:
        return "it is simulated"
    chooses = hasattr(item, "callspec") and FACTORY in item.callspec.params
    if claim.for_anyio or claim.loop_scope is not None or chooses:
        return "it says which loop it runs on"
    if inner_test(item.obj) is not None:
        return "hypothesis calls it"
    found = sorted(_GLOBAL.intersection(item.fixturenames))
    if found:
        return f"it uses {', '.join(found)}"
    return ""


def _group(stage: ItemStage) -> list[ItemStage]:
    """Returns a test and those right after it that may overlap with it."""
    item = stage.item
    limit = options_of(item).overlap or _MARKED_AT_MOST
    items = item.session.items
    group = [stage]
    for other in items[items.index(item) + 1 :]:
        following = stage_of(other)
        if (
            len(group) == limit
            or other.parent is not item.parent
            or following is None
            or following.claim.overlaps != stage.claim.overlaps
            or why_alone(following)
        ):
            break
        group.append(following)
    return group
