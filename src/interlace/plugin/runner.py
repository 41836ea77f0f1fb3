"""How one async test is run in a simulated world: once, under many schedules, or as a token says.

pytest's set-up phase is the set-up for the first run of the stage; for each further run the stage
itself tears the test down and sets it up again, inside the call phase.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

import pytest

from interlace.api import Outcome, Running, Stage, World, open_first
from interlace.backends.aio.run import Asyncio
from interlace.model.outcome import innermost
from interlace.model.schedule import Recipe
from interlace.model.start import Start
from interlace.plugin.claims import Claim
from interlace.plugin.compare import in_a_line
from interlace.plugin.compat import Renewal, borrow, fill_shared_fixtures, set_up_anew
from interlace.plugin.compat_report import Output, drain_output
from interlace.plugin.declare import is_async_function
from interlace.plugin.endings import ENDINGS, ENDINGS_BY_SIGNAL, is_timeout, refusal_in
from interlace.plugin.explore import (
    Account,
    NeedsOutside,
    about_plain_run,
    explore,
    present,
    replay,
    warn_of_changes,
)
from interlace.plugin.lanes import Lane
from interlace.plugin.options import FACTORY, OPTIONS
from interlace.plugin.recorded import Recorded
from interlace.plugin.shared import Changes
from interlace.plugin.stage import ItemStage
from interlace.plugin.tapes import taping_of
from interlace.plugin.watch import judge
from interlace.sim.randomness import begin_anew, seeded

_NEEDS = "it needs the real outside"


class SimulatedStage(ItemStage, Stage):
    """Runs one test in a simulated world, as often as its settings ask for.

    Args:
        item: the test.
        claim: how it is to be run.

    Attributes:
        settings: how it is searched.
        account: what is to be told of the last failure; None: what pytest tells is enough.
        outside: why it runs on the stock loop although it was to be explored; "" if it does not.
    """

    def __init__(self, item: pytest.Function, claim: Claim) -> None:
        super().__init__(item, claim)
        self.settings = claim.settings
        self.start = self.settings.start or Start()
        self.backend = Asyncio(**dict(item.config.stash[OPTIONS].limits))
        self.account: Account | None = None
        self.outside = ""
        self._searching = False
        self._limit = 0.0
        self._runs = 0
        self._failed = False
        self._fatal: BaseException | None = None
        self._output = Output()
        self._shown = ExitStack()
        self._renewal: Renewal | None = None
        self._changes = Changes(item)
        self._usual: set[type[BaseException]] = set()
        self._warnings = Recorded()

    @property
    def simulated(self) -> bool:  # type: ignore[override]
        """Whether the test runs in a simulated world now."""
        return not self.outside

    @property
    def searches(self) -> bool:
        """Whether the test is run more than once, or as a token says."""
        return self.simulated and (self.settings.schedules is not None or self.settings.replay is not None)

    # -- what pytest calls -----------------------------------------------------------------------

    def set_up(self) -> None:
        """Sets up the test's fixtures."""
        __tracebackhide__ = True
        if not (self.outside or self.claim.own):
            self._keep_own_loop()
        if self.outside:
            super().set_up()
            return
        try:
            self._set_up_simulated()
        except Exception as error:
            if not self._needs_outside(error):
                raise
            self._renewal_of_now().tear_down()
            set_up_anew(self.item)

    def run(self) -> None:
        """Runs the test as often as its settings ask for, and raises its error."""
        __tracebackhide__ = True
        if not self.searches:
            self._run_plainly()
            return
        self._searching, self._failed, self._runs, self._output = True, False, 0, Output()
        self._usual.clear()
        try:
            if self.settings.replay is not None:
                replay(self, self.settings.replay)
            else:
                explore(self)
        except NeedsOutside as reason:
            self._go_outside(f"{_NEEDS}: {reason}")
        finally:
            self._searching = False
            self._warnings.give_back()
            for name, text in self._output._asdict().items():
                self.item.add_report_section("call", name, text)
        if self.outside:
            self._renewal_of_now().set_up()
            self._run_plainly()

    def perform(self) -> None:
        """Calls the test function; raises its error, or what fakes have found wrong."""
        __tracebackhide__ = True
        error: BaseException | None = None
        try:
            super().perform()
        except (Exception, pytest.fail.Exception) as raised:
            error = raised
        if self.world is not None and self.simulated:
            error = self.lane.opened.world.review(error)
        if error is not None:
            raise error

    def _run_plainly(self) -> None:
        __tracebackhide__ = True
        if self.outside:
            self.item.user_properties.append(("interlace.outside", self.outside))
        try:
            super().run()
        except (Exception, pytest.fail.Exception) as error:
            if self.simulated and not self.claim.own and not isinstance(innermost(error), ENDINGS):
                self.item.add_report_section("call", "interlace", about_plain_run(self.item))
            raise

    def presenting(self, when: str) -> AbstractContextManager[None]:
        """Returns within what pytest is to word a failure, unless there is a report of ours."""
        return super().presenting(when) if self.account is None else nullcontext()

    def present(self, report: pytest.TestReport, error: BaseException) -> None:
        """Puts our report in the place of pytest's account of a failure, where we have one."""
        if self.account is not None and self.account.error is error:
            present(self.item, self.account, report)

    def forget(self) -> None:
        """Lets go of what was kept for the report."""
        super().forget()
        self.account = self.prepared = self.world = self._renewal = None

    # -- setting up ------------------------------------------------------------------------------

    def _set_up_simulated(self) -> None:
        """Sets up in a world: fixtures of the test's own with the same random numbers each time."""
        __tracebackhide__ = True
        item = self.item
        if not self._searching:
            self._renewal = Renewal(item)
            self._begin(open_first(self._recipe(), self.backend, detail=self.settings.replay is not None))
            if self.searches:
                self.prepared = self.lane.opened
                item.addfinalizer(functools.partial(self._close_unused, self.lane.opened))
            else:
                item.addfinalizer(functools.partial(self._end, self.lane.opened))
        give_back = borrow(item)
        if give_back is not None:
            item.addfinalizer(give_back)
        fill_shared_fixtures(item, lambda one: give_back is None or not is_async_function(one.func))
        if self._searching:
            self._set_up_fixtures()
            return
        try:
            with self._in_world():
                self._set_up_fixtures()
        finally:
            if not self.searches:
                item.addfinalizer(self._show_clocks)  # the last one added is the first to be called

    def _show_clocks(self) -> None:
        """Has what is torn down from now on see the clocks of the world, as it did when it was set up."""
        self._shown.enter_context(self.lane.opened.loop.showing())

    @contextmanager
    def _in_world(self) -> Iterator[None]:
        """Within the block plain fixtures see what the test will see: its clocks and its random numbers."""
        seed = self.settings.seed
        if self._searching:  # then the run has done both already
            begin_anew(seed)
            yield
            begin_anew(seed)
            return
        with self.lane.opened.loop.showing(), seeded(seed):
            yield

    def _recipe(self) -> Recipe:
        asked = self.settings
        return asked.replay or Recipe(
            order=asked.order, faults=asked.faults, seed=asked.seed, start=self.start
        )

    def _begin(self, running: Running) -> None:
        """Takes the place of a run in a world."""
        running.name = self.item.obj.__qualname__.rpartition("<locals>.")[2]
        running.loop.endings = ENDINGS_BY_SIGNAL
        running.loop.strict = self.claim.own
        running.world.taping = taping_of(self.item)
        self.world = World(running.world)
        self._lane = Lane(running, "function", timeout=self.claim.timeout)

    def _close_unused(self, running: Running) -> None:
        """Closes a run that no search has come to, since the set-up for it has failed."""
        if not self._runs:
            running.close()

    def _end(self, running: Running) -> None:
        """Ends a run that no search ends."""
        self._shown.close()
        unfinished = running.finish()
        failures, pending = running.take_failures(unretrieved=True), running.pending()
        failures += [unfinished] if unfinished is not None else []
        failures += running.world.complaints
        running.close()
        judge(self.item, failures, pending)

    def _renewal_of_now(self) -> Renewal:
        if self._renewal is None:
            self._renewal = Renewal(self.item)
        return self._renewal

    # -- what the search calls -------------------------------------------------------------------

    def enter(self, running: Running) -> None:
        """Sets up for one run, runs the test function, and tears down."""
        __tracebackhide__ = True
        with running.loop.showing():
            self._enter(running)

    def _enter(self, running: Running) -> None:
        __tracebackhide__ = True
        item = self.item
        self._runs += 1
        if self._runs > 1:
            self._begin(running)
            self._set_up_again()
        self._changes.look()
        # The fixture recwarn has put its own recorder in place, which ours would hide.
        if self.settings.schedules is not None and "recwarn" not in item.fixturenames:
            self._warnings.start()
        try:
            self.perform()
            self._judge_run(running.take_failures())
        except BaseException as error:
            running.take(None, error)  # before the fixtures are torn down
            self._tear_down_after(error)
            raise
        self._tear_down()
        self._judge_run(running.take_failures(unretrieved=True))

    def _judge_run(self, failures: list[BaseException]) -> None:
        """Fails a run for what has gone wrong in its background."""
        __tracebackhide__ = True
        if self._runs == 1 and self.settings.replay is None:
            self._usual.update(map(type, failures))
        judge(self.item, failures, usual=self._usual)

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
            with self._in_world():
                self._renewal_of_now().set_up()
        except BaseException as error:
            doing = f"setting up the fixtures for run {self._runs}"
            self._about(error, doing)
            self._tear_down_after(error)
            raise

    def _tear_down(self) -> None:
        __tracebackhide__ = True
        try:
            with self._in_world():
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

    def run_on_stock(self, limit: float) -> BaseException | None:
        """Runs the test once more, on the stock loop and with fixtures of its own, and returns its error.

        Args:
            limit: real seconds that it may take.
        """
        renewal, error = self._renewal_of_now(), None
        self._go_outside("it is compared")
        self._limit = limit
        try:
            for step in (renewal.set_up, super().run, renewal.tear_down):
                try:
                    if error is None or step == renewal.tear_down:
                        step()
                except (KeyboardInterrupt, SystemExit, pytest.exit.Exception):
                    raise
                except BaseException as raised:
                    error = error or raised
        finally:
            self.outside, self._limit = "", 0
        output = drain_output(self.item.config)
        if error is None:
            self._output = output
        return error

    def _open_lane(self) -> Lane:
        lane = super()._open_lane()
        if self._limit:
            lane.timeout = self._limit
        return lane

    def _keep_own_loop(self) -> None:
        """Has a test run outside that is to run on a loop which the suite brings itself."""
        factory = self.item.callspec.params.get(FACTORY) if hasattr(self.item, "callspec") else None
        if factory is not None:
            from interlace.backends.aio.stock import replaces

            if replaces(factory):
                name = getattr(factory, "__qualname__", repr(factory))
                self._go_outside(f"{_NEEDS}: it asks for an event loop of its own, made by {name}")

    def _needs_outside(self, error: BaseException) -> bool:
        """Tells whether a set-up that has failed may succeed outside of the simulation; runs the test there then."""
        if self.claim.own or self._searching:
            return False
        refused = refusal_in(error)
        if refused is not None:
            self._go_outside(f"{_NEEDS}: {refused}")
        elif self.settings.schedules is not None and not isinstance(innermost(error), ENDINGS):
            # There is no order to blame. If it is an ordinary failure, it comes up outside as well.
            self._go_outside(f"its fixtures cannot be set up in the simulated world ({in_a_line(error)})")
        return bool(self.outside)

    def _go_outside(self, reason: str) -> None:
        self.outside, self.prepared, self.world, self._lane = reason, None, None, None
