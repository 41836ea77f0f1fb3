"""How one async test is run: its fixtures and itself in one task, once or under many schedules.

A test has a stage. pytest's set-up phase is the set-up for the first run of the stage; for each
further run the stage itself tears the test down and sets it up again, inside the call phase.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from interlace.api import Outcome, Running, Stage, World, open_first
from interlace.model.outcome import innermost
from interlace.model.schedule import Recipe
from interlace.plugin.claims import FACTORY, Claim, claim_of, is_of_pytest_asyncio
from interlace.plugin.compat import (
    Renewal,
    arguments_of,
    borrow,
    fill_shared_fixtures,
    fixture_value,
    set_up_anew,
)
from interlace.plugin.compat_report import Output, drain_output
from interlace.plugin.declare import is_async_function
from interlace.plugin.endings import ENDINGS, ENDINGS_BY_SIGNAL, is_timeout, refusal_in
from interlace.plugin.explore import Account, NeedsOutside, explore, replay, warn_of_changes
from interlace.plugin.fixtures import STAGE
from interlace.plugin.lanes import (
    Lane,
    keep_current,
    lane_of,
    leave_other_loops,
    loop_scope_of,
    share_of,
)
from interlace.plugin.markers import inner_test
from interlace.plugin.options import Options
from interlace.plugin.recorded import Recorded
from interlace.plugin.shared import Changes
from interlace.plugin.watch import judge
from interlace.sim.randomness import seeded

if TYPE_CHECKING:
    from interlace.plugin.overlap import Ahead


def claim(item: pytest.Function, options: Options) -> None:
    """Gives an async test a stage, unless another plugin is to run it."""
    found = claim_of(item, options)
    if found is not None:
        ItemStage(item, found)


class ItemStage(Stage):
    """Runs one test, as often as its settings ask for.

    Args:
        item: the test.
        claim: how it is to be run.

    Attributes:
        settings: how it is searched.
        account: what is to be told of the last failure; None: what pytest tells is enough.
        factory: makes its loop on the stock side; None: as asyncio does.
        key: tells its loop from others of the same scope.
        overlapping: whether it is set up to be run together with others.
        ahead: what came of that; None if it has not been run yet.
        outside: why it runs on the stock loop although it was to be explored; "" if it does not.
    """

    def __init__(self, item: pytest.Function, claim: Claim) -> None:
        self.item = item
        self.claim = claim
        self.settings = claim.settings
        self.account: Account | None = None
        self.factory: Any = None
        self.key: tuple[Any, ...] = ()
        self.outside = ""
        self.overlapping = False
        self.ahead: Ahead | None = None
        self._lane: Lane | None = None
        self._world: World | None = None
        self._searching = False
        self._runs = 0
        self._failed = False
        self._fatal: BaseException | None = None
        self._output = Output()
        self._renewal: Renewal | None = None
        self._changes = Changes(item)
        self._warnings = Recorded()
        item.stash[STAGE] = self
        item.setup = self.set_up  # type: ignore[method-assign]
        if claim.insists or inner_test(item.obj) is not None:
            item.runtest = self.run_test  # type: ignore[method-assign]

    @property
    def simulated(self) -> bool:
        """Whether the test runs in a simulated world now."""
        return self.claim.simulated and not self.outside

    @property
    def searches(self) -> bool:
        """Whether the test is run more than once, or as a token says."""
        return self.simulated and (self.settings.schedules is not None or self.settings.replay is not None)

    @property
    def lane(self) -> Lane:
        """Where its coroutines run: opened when it is first asked for."""
        if self._lane is None:
            self._lane = self._open_lane()
        return self._lane

    # -- what pytest calls -----------------------------------------------------------------------

    def set_up(self) -> None:
        """Sets up the test's fixtures."""
        __tracebackhide__ = True
        if not self.simulated:
            self._set_up_plain()
            judge(self.item, self.lane.opened.take_failures())
            return
        try:
            self._set_up_simulated()
        except Exception as error:
            if self._searching or not self._needs_outside(error):
                raise
            self._renewal_of_now().tear_down()
            set_up_anew(self.item)

    def run_test(self) -> None:
        """Runs the test in the place of what the test's class does, wrapped by all hooks as usual."""
        __tracebackhide__ = True
        item = self.item
        function = item.obj
        if inner_test(function) is not None:
            from interlace.plugin.examples import run_examples

            run_examples(self)
            return

        def simulated(**arguments: Any) -> None:
            __tracebackhide__ = True
            item.obj = function
            self.run()

        simulated.__name__ = getattr(function, "__name__", item.name)  # what --trace shows
        item.obj = simulated
        try:
            item.ihook.pytest_pyfunc_call(pyfuncitem=item)
        finally:
            if item.obj is simulated:
                item.obj = function

    def run(self) -> None:
        """Runs the test as often as its settings ask for, and raises its error."""
        __tracebackhide__ = True
        if not self.searches:
            self.run_plainly()
            return
        self._searching, self._failed, self._runs, self._output = True, False, 0, Output()
        try:
            if self.settings.replay is not None:
                replay(self, self.settings.replay)
            else:
                explore(self)
        except NeedsOutside as reason:
            self._go_outside(str(reason))
        finally:
            self._searching = False
            self._warnings.give_back()
            for name, text in self._output._asdict().items():
                self.item.add_report_section("call", name, text)
        if self.outside:
            self._renewal_of_now().set_up()
            self.run_plainly()

    def run_plainly(self) -> None:
        """Runs the test once, and raises its error or that of something in its background."""
        __tracebackhide__ = True
        item, lane = self.item, self.lane
        if self.outside:
            item.user_properties.append(("interlace.outside", self.outside))
        if self.ahead is not None:
            self._catch_up(self.ahead)
            return
        lane.test(item.obj(**arguments_of(item)))
        failures = lane.opened.take_failures()
        if failures:
            judge(item, failures)

    def _catch_up(self, ahead: Ahead) -> None:
        """Tells pytest what came of a test that was run before, together with others."""
        __tracebackhide__ = True
        for name, text in (("stdout", ahead.out), ("stderr", ahead.err), ("log", ahead.log)):
            if text:
                self.item.add_report_section("call", name, text)
        if ahead.error is not None:
            raise ahead.error
        judge(self.item, self.lane.opened.take_failures())

    def forget(self) -> None:
        """Lets go of what was kept for the report."""
        self.account = self.prepared = self._world = self._lane = self._renewal = self.ahead = None

    # -- setting up ------------------------------------------------------------------------------

    def _set_up_plain(self) -> None:
        __tracebackhide__ = True
        item = self.item
        self._lane = None
        # anyio's own plugin opens the loop when it is first needed, and closes it before what came earlier.
        if not self.claim.for_anyio:
            keep_current(item)
            self.lane.opened.make_current()
        self._set_up_fixtures()

    def _set_up_fixtures(self) -> None:
        __tracebackhide__ = True
        # pytest-asyncio would make a loop of its own here.
        kind = pytest.Function if is_of_pytest_asyncio(self.item) else type(self.item)
        kind.setup(self.item)

    def _open_lane(self) -> Lane:
        item, claim = self.item, self.claim
        if claim.for_anyio:
            from interlace.plugin.anyio import lane_on_backend

            return lane_on_backend(item)
        parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
        self.factory = parameters.get(FACTORY)
        policy = None
        if "event_loop_policy" in item.fixturenames:
            from interlace.backends.aio.stock import set_policy

            policy = fixture_value(item, "event_loop_policy")
            set_policy(policy)
        self.key = (self.factory, policy)
        if self.overlapping:
            return share_of(item, claim.timeout)
        scope = claim.loop_scope or loop_scope_of(item, literal=claim.literal)
        lane = lane_of(item, "function", scope, self.factory, self.key, claim.timeout)
        leave_other_loops(item, self.key)
        return lane

    def _set_up_simulated(self) -> None:
        """Sets up in a world: fixtures of the test's own with the same random numbers each time."""
        __tracebackhide__ = True
        item = self.item
        if not self._searching:
            self._renewal = Renewal(item)
            self._begin(open_first(self._recipe(), detail=self.settings.replay is not None))
            if self.searches:
                self.prepared = self.lane.opened
            else:
                item.addfinalizer(functools.partial(self._end, self.lane.opened))
        give_back = borrow(item)
        if give_back is not None:
            item.addfinalizer(give_back)
        fill_shared_fixtures(item, lambda one: give_back is None or not is_async_function(one.func))
        with seeded(self.settings.seed):
            self._set_up_fixtures()

    def _recipe(self) -> Recipe:
        asked = self.settings
        return asked.replay or Recipe(order=asked.order, faults=asked.faults, seed=asked.seed)

    def _begin(self, running: Running) -> None:
        """Takes the place of a run in a world."""
        running.name = self.item.obj.__qualname__.rpartition("<locals>.")[2]
        running.loop.endings = ENDINGS_BY_SIGNAL
        self._world = World(running.world)
        self._lane = Lane(running, "function", timeout=self.claim.timeout)

    def _end(self, running: Running) -> None:
        """Ends a run that no search ends."""
        failures, pending = running.take_failures(unretrieved=True), running.pending()
        running.close()
        judge(self.item, failures, pending)

    def _renewal_of_now(self) -> Renewal:
        if self._renewal is None:
            self._renewal = Renewal(self.item)
        return self._renewal

    def open_world(self) -> World:
        """Returns the world of the run that is being set up, for the fixture `world`."""
        assert self._world is not None
        return self._world

    # -- what the search calls -------------------------------------------------------------------

    def enter(self, running: Running) -> None:
        """Sets up for one run, runs the test function, and tears down."""
        __tracebackhide__ = True
        item = self.item
        self._runs += 1
        if self._runs > 1:
            self._begin(running)
            self._set_up_again()
        self._changes.look()
        coroutine = item.obj(**arguments_of(item))
        # The fixture recwarn has put its own recorder in place, which ours would hide.
        if self.settings.schedules is not None and "recwarn" not in item.fixturenames:
            self._warnings.start()
        try:
            self.lane.test(coroutine)
            judge(item, running.take_failures())
        except BaseException as error:
            running.take(None, error)  # before the fixtures are torn down
            self._tear_down_after(error)
            raise
        self._tear_down()
        judge(item, running.take_failures(unretrieved=True))

    def leave(self, outcome: Outcome) -> None:
        """Looks at the outcome of one run; raises what must end the search."""
        __tracebackhide__ = True
        self._warnings.stop()
        error = outcome.error
        if self.settings.schedules is not None:
            output = drain_output(self.item.config)
            if error is not None or not self._failed:
                self._output = output
            changed = self._changes.changed()
            if changed:
                warn_of_changes(self.item, changed)
        if self._fatal is not None:
            fatal, self._fatal = self._fatal, None
            raise fatal
        if error is None:
            return
        if not self.claim.own and (refused := refusal_in(error)) is not None:
            raise NeedsOutside(str(refused))
        leaf = innermost(error)
        if is_timeout(leaf) or (isinstance(leaf, ENDINGS) and not self._failed):
            raise leaf
        self._failed = self._failed or not isinstance(leaf, ENDINGS)

    def _set_up_again(self) -> None:
        """Sets the fixtures up for a further run; an error of a plain one ends the search."""
        __tracebackhide__ = True
        try:
            with seeded(self.settings.seed):
                self._renewal_of_now().set_up()
        except BaseException as error:
            doing = f"setting up the fixtures for run {self._runs}"
            self._about(error, doing)
            self._tear_down_after(error)
            raise

    def _tear_down(self) -> None:
        __tracebackhide__ = True
        try:
            with seeded(self.settings.seed):
                self._renewal_of_now().tear_down()
        except BaseException as error:
            self._about(error, f"tearing down the fixtures after run {self._runs}")
            raise

    def _tear_down_after(self, error: BaseException) -> None:
        try:
            self._tear_down()
        except BaseException as another:
            error.add_note(
                f"interlace: then tearing down failed as well: {type(another).__name__}: {another}"
            )

    def _about(self, error: BaseException, doing: str) -> None:
        """Notes where an error comes from; one of a plain fixture has nothing to do with the schedule."""
        error.add_note(f"interlace: raised while {doing} of {self.item.name}")
        if self.lane.failed is not error:
            self._fatal = self._fatal or error

    # -- the real outside ------------------------------------------------------------------------

    def _needs_outside(self, error: BaseException) -> bool:
        """Tells whether an error says that the test needs what is not simulated; runs it outside then."""
        refused = None if self.claim.own else refusal_in(error)
        if refused is not None:
            self._go_outside(str(refused))
        return refused is not None

    def _go_outside(self, reason: str) -> None:
        self.outside, self.prepared, self._world, self._lane = reason, None, None, None
