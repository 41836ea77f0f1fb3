"""Which tests are ours, and how one of them is run: fixtures made anew, then the loop, then a look.

A test has a stage. pytest's set-up phase is the set-up for the first run of the stage; for each
further run the stage itself tears the test down and sets it up again, inside the call phase.
"""

from __future__ import annotations

import bdb
import functools
import unittest
import warnings
from collections.abc import Coroutine
from typing import Any

import pytest

from interlace.api import Outcome, Stage, World, first_world
from interlace.model.outcome import innermost
from interlace.model.schedule import Recipe
from interlace.plugin.compat import (
    Output,
    Renewal,
    arguments_of,
    drain_output,
    fill_shared_fixtures,
    fixture_origin,
)
from interlace.plugin.explore import Account, explore, replay, run_once
from interlace.plugin.fixtures import STAGE
from interlace.plugin.options import Options, Settings, marked_settings
from interlace.sim.randomness import seeded

_OTHER_LOOPS = ("trio", "twisted", "curio", "gen_test")
"""Markers of tests that are written for something else than asyncio."""

_ENDINGS = (
    pytest.skip.Exception,
    pytest.xfail.Exception,
    pytest.exit.Exception,
    unittest.SkipTest,
    bdb.BdbQuit,
)
"""What ends a test without saying anything about its schedule."""


def claim(item: pytest.Function, options: Options) -> None:
    """Gives an async test a stage, unless another plugin is to run it."""
    marked = marked_settings(item)
    own = marked is not None or fixture_origin(item, "world") == "interlace.plugin.fixtures"
    if not own:
        if _is_of_another_loop(item):
            return
        if not options.takes_all and (options.mode == "strict" or _is_claimed(item)):
            return
    ItemStage(item, options.over(marked or Settings()), insists=own or options.takes_all)


def _is_of_another_loop(item: pytest.Function) -> bool:
    if any(item.get_closest_marker(name) for name in _OTHER_LOOPS):
        return True
    parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    backend = parameters.get("anyio_backend", "asyncio")
    name: object = backend[0] if isinstance(backend, tuple) else backend
    return name != "asyncio"


def _is_claimed(item: pytest.Function) -> bool:
    """Tells whether pytest-asyncio or the plugin of anyio is going to run this test."""
    return _is_of_pytest_asyncio(item) or "anyio_backend" in item.fixturenames


def _is_of_pytest_asyncio(item: pytest.Function) -> bool:
    return type(item).__module__.partition(".")[0] == "pytest_asyncio"


class ItemStage(Stage):
    """Runs one test, as often as its settings ask for.

    Args:
        item: the test.
        settings: how it is to be run.
        insists: whether no other plugin may run it. A test that nobody asked us to run is left to
            the hook pytest_pyfunc_call, where others come first.

    Attributes:
        account: what is to be told of the last failure; None: what pytest tells is enough.
    """

    def __init__(self, item: pytest.Function, settings: Settings, *, insists: bool) -> None:
        self.item = item
        self.settings = settings
        self.account: Account | None = None
        self._world: World | None = None
        self._running = False
        self._runs = 0
        self._failed = False
        self._output = Output()
        self._renewal: Renewal | None = None
        self._warnings = Recorded()
        item.stash[STAGE] = self
        if insists:
            item.setup = self.set_up  # type: ignore[method-assign]
            item.runtest = self.run_test  # type: ignore[method-assign]

    # -- what pytest calls -----------------------------------------------------------------------

    def set_up(self) -> None:
        """Sets up the test's fixtures: those of its own with the same random numbers each time."""
        item = self.item
        if not self._running:
            self._renewal = Renewal(item)
        fill_shared_fixtures(item)
        with seeded(self.settings.seed):
            # pytest-asyncio would make a loop of its own here.
            kind = pytest.Function if _is_of_pytest_asyncio(item) else type(item)
            kind.setup(item)

    def run_test(self) -> None:
        """Runs the test in the place of what the test's class does, wrapped by all hooks as usual."""
        __tracebackhide__ = True
        item = self.item
        function = item.obj

        @functools.wraps(function, updated=())
        def simulated(**arguments: Any) -> None:
            __tracebackhide__ = True
            item.obj = function
            self.run()

        item.obj = simulated
        try:
            item.ihook.pytest_pyfunc_call(pyfuncitem=item)
        finally:
            if item.obj is simulated:
                item.obj = function

    def run(self) -> None:
        """Runs the test as often as its settings ask for, and raises its error."""
        __tracebackhide__ = True
        self._running, self._failed, self._runs, self._output = True, False, 0, Output()
        try:
            if self.settings.replay is not None:
                replay(self, self.settings.replay)
            elif self.settings.schedules is not None:
                explore(self)
            else:
                run_once(self)
        finally:
            self._running = False
            self._warnings.give_back()
            for name, text in self._output._asdict().items():
                self.item.add_report_section("call", name, text)

    def forget(self) -> None:
        """Lets go of what was kept for the report."""
        self.account = self.prepared = self._world = None

    # -- the fixture world -----------------------------------------------------------------------

    def open_world(self) -> World:
        """Returns the world of the run that is being set up."""
        if self._world is None:
            settings = self.settings
            recipe = settings.replay or Recipe(
                order=settings.order, faults=settings.faults, seed=settings.seed
            )
            self.prepared = first_world(recipe, detail=settings.replay is not None)
            self._world = World(self.prepared)
        return self._world

    def close_world(self) -> None:
        """Ends what `open_world` began."""
        self.prepared = self._world = None

    # -- what the search calls -------------------------------------------------------------------

    def enter(self, world: World) -> Coroutine[Any, Any, Any]:
        """Sets up for one run and returns the coroutine of the test function."""
        self._runs += 1
        if self._runs > 1:
            self._renew(world)
        item = self.item
        coroutine: Coroutine[Any, Any, Any] = item.obj(**arguments_of(item))
        # The fixture recwarn has put its own recorder in place, which ours would hide.
        if self._explores and "recwarn" not in item.fixturenames:
            self._warnings.start()
        return coroutine

    def leave(self, outcome: Outcome) -> None:
        """Looks at the outcome of one run; raises what must end the search."""
        __tracebackhide__ = True
        self._warnings.stop()
        error = outcome.error
        if self._explores:
            output = drain_output(self.item.config)
            if error is not None or not self._failed:
                self._output = output
        if error is None:
            return
        leaf = innermost(error)
        if _is_timeout(leaf) or (isinstance(leaf, _ENDINGS) and not self._failed):
            raise leaf
        self._failed = self._failed or not isinstance(leaf, _ENDINGS)

    @property
    def _explores(self) -> bool:
        return self.settings.schedules is not None

    def _renew(self, world: World) -> None:
        """Tears the fixtures down and sets them up again, in the world of the run that begins."""
        __tracebackhide__ = True
        assert self._renewal is not None
        doing = f"tearing down the fixtures after run {self._runs - 1}"
        try:
            with seeded(self.settings.seed):
                self._renewal.tear_down()
            drain_output(self.item.config)
            self._world = world
            doing = f"setting up the fixtures for run {self._runs}"
            self._renewal.set_up()
        except BaseException as error:
            error.add_note(f"interlace: raised while {doing} of {self.item.name}")
            raise


class Recorded:
    """Warnings of many runs, of which each is passed on once."""

    def __init__(self) -> None:
        self._catching: warnings.catch_warnings[list[warnings.WarningMessage]] | None = None
        self._caught: list[warnings.WarningMessage] = []
        self._kept: dict[tuple[object, ...], warnings.WarningMessage] = {}

    def start(self) -> None:
        """Records from now on."""
        self._catching = warnings.catch_warnings(record=True)
        self._caught = self._catching.__enter__()

    def stop(self) -> None:
        """Stops recording."""
        if self._catching is None:
            return
        self._catching.__exit__(None, None, None)
        self._catching = None
        for warning in self._caught:
            key = warning.category, str(warning.message), warning.filename, warning.lineno
            self._kept.setdefault(key, warning)

    def give_back(self) -> None:
        """Gives what was recorded to whoever recorded before."""
        self.stop()
        kept, self._kept = self._kept, {}
        with warnings.catch_warnings():
            # What a filter makes an error of was raised in the test; what arrived here is to be shown.
            warnings.simplefilter("always")
            for warning in kept.values():
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno, source=warning.source
                )


def _is_timeout(error: BaseException) -> bool:
    """Tells whether pytest-timeout has ended the run: another run would hang as well, with no timer."""
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__") == "pytest_timeout":
            return True
        traceback = traceback.tb_next
    return False
