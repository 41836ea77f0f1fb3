"""How one async test is run: its fixtures and itself in one task on an ordinary event loop.

Most async tests need no more than that, so this file imports nothing of the simulated world: what that
takes is in runner.py, and loaded for the first test which is simulated.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from contextvars import Context, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from interlace.plugin.claims import Claim, claim_of, is_of_pytest_asyncio
from interlace.plugin.compat import arguments_of, fill_shared_fixtures, fixture_value
from interlace.plugin.fixtures import STAGE
from interlace.plugin.lanes import (
    LENT,
    Lane,
    keep_current,
    lane_of,
    leave_other_loops,
    loop_scope_of,
    options_of,
    share_of,
)
from interlace.plugin.markers import inner_test, is_async, is_case
from interlace.plugin.options import FACTORY
from interlace.plugin.watch import judge

if TYPE_CHECKING:
    from interlace.api import World
    from interlace.plugin.overlap import Ahead


def stage_of(item: pytest.Item) -> ItemStage | None:
    """Returns the stage of a test, which is made when it is first asked for; None: the test is not ours."""
    if not isinstance(item, pytest.Function):
        return None
    stage = item.stash.get(STAGE, None)
    if stage is None and is_case(item):
        from interlace.plugin.cases import CaseStage, claim_of_case

        claim = claim_of_case(item, options_of(item))
        return None if claim is None else CaseStage(item, claim)
    if stage is None and is_async(item):
        claim = claim_of(item, options_of(item))
        if claim is None:
            return None
        if claim.simulated:
            from interlace.plugin.runner import SimulatedStage

            stage = SimulatedStage(item, claim)
        else:
            stage = ItemStage(item, claim)
    return stage


class ItemStage:
    """Runs one test.

    Args:
        item: the test.
        claim: how it is to be run.

    Attributes:
        factory: makes its loop on the stock side; None: as asyncio does.
        key: tells its loop from others of the same scope.
        overlapping: the scope of the loop that it is to share with others beside it; "": it runs alone.
        context: the context that it was set up in then.
        ahead: what came of that; None if it has not been run yet.
        world: the world of the run that is being set up; None: the test is not simulated.
    """

    world: World | None = None

    simulated = False
    """Whether the test runs in a simulated world now."""

    def __init__(self, item: pytest.Function, claim: Claim) -> None:
        self.item = item
        self.claim = claim
        self.factory: Any = None
        self.key: tuple[Any, ...] = ()
        self.overlapping = ""
        self.context: Context | None = None
        self.ahead: Ahead | None = None
        self._lane: Lane | None = None
        item.stash[STAGE] = self
        item.setup = self.set_up  # type: ignore[method-assign]
        examples = inner_test(item.obj) is not None
        if examples:
            from interlace.plugin.examples import allow_fixtures

            allow_fixtures(item.obj)
        if claim.insists or examples:
            item.runtest = self.run_test  # type: ignore[method-assign]

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
        item = self.item
        self._lane = None
        # anyio's own plugin opens the loop when it is first needed, and closes it before what came earlier.
        if not self.claim.for_anyio:
            keep_current(item)
            self.lane.opened.make_current()
            if self.lane.scope != "function":
                item.addfinalizer(partial(self._look_back, self.lane.opened))
        if self.overlapping:
            # What it sets in context variables is not for those that are set up beside it.
            fill_shared_fixtures(item, lambda _: True)
            self.context = copy_context()
            self.context.run(self._set_up_fixtures)
        else:
            self._set_up_fixtures()
        self._judge()

    def run_test(self) -> None:
        """Runs the test in the place of what the test's class does, wrapped by all hooks as usual."""
        __tracebackhide__ = True
        item = self.item
        function = item.obj
        if inner_test(function) is not None:
            from interlace.plugin.examples import run_examples

            run_examples(self)
            return

        def call(**arguments: Any) -> None:
            __tracebackhide__ = True
            item.obj = function
            self.run()

        call.__name__ = getattr(function, "__name__", item.name)  # what --trace shows
        item.obj = call
        try:
            item.ihook.pytest_pyfunc_call(pyfuncitem=item)
        finally:
            if item.obj is call:
                item.obj = function

    def run(self) -> None:
        """Runs the test once, and raises its error or that of something in its background."""
        __tracebackhide__ = True
        if self.ahead is not None:
            self._catch_up(self.ahead)
            return
        self.perform()
        self._judge()

    def perform(self) -> None:
        """Calls the test function, and raises its error."""
        __tracebackhide__ = True
        self.lane.test(self.item.obj(**arguments_of(self.item)))

    def _judge(self) -> None:
        """Fails the test for what has gone wrong in its background since the last time."""
        __tracebackhide__ = True
        failures = self.lane.opened.take_failures()
        if failures:
            judge(self.item, failures)

    def _look_back(self, opened: Any) -> None:
        """Fails the test for what went wrong beside it on a loop that it shares with others."""
        judge(self.item, opened.take_failures(unretrieved=True))

    def _catch_up(self, ahead: Ahead) -> None:
        """Tells pytest what came of a test that was run before, together with others."""
        __tracebackhide__ = True
        for name, text in (("stdout", ahead.out), ("stderr", ahead.err), ("log", ahead.log)):
            if text:
                self.item.add_report_section("call", name, text)
        if ahead.error is not None:
            raise ahead.error
        self._judge()

    def give_lines(self, call: pytest.CallInfo[None]) -> None:
        """Gives each entry of the traceback a line, which pytest relies on."""
        from interlace.model.source import with_lines

        error = call.excinfo.value if call.excinfo is not None else None
        if error is not None and (whole := with_lines(error.__traceback__)) is not error.__traceback__:
            call.excinfo = pytest.ExceptionInfo.from_exception(error.with_traceback(whole))

    def presenting(self, when: str) -> AbstractContextManager[None]:
        """Returns within what pytest is to word a failure: it sees the user's own frames, unless -vv.

        Fixtures may come from a library: of their errors only the frames that run them are left out.
        """
        if self.item.config.get_verbosity() >= 2:
            return nullcontext()
        from interlace.model.source import is_loop_file, is_own_file, is_user_file
        from interlace.plugin.compat_report import frames_filtered

        if when == "call":
            return frames_filtered(self.item, is_user_file)
        return frames_filtered(self.item, lambda file: not (is_own_file(file) or is_loop_file(file)))

    def present(self, report: pytest.TestReport, error: BaseException) -> None:
        """Has what is known beyond pytest's own account of a failure put in the place of that."""

    def forget(self) -> None:
        """Lets go of what was kept for the report."""
        self._lane = self.ahead = None

    # -- setting up ------------------------------------------------------------------------------

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
            return share_of(item, self.overlapping, self.key, claim.timeout)
        scope = claim.loop_scope or loop_scope_of(item, literal=claim.literal)
        if "event_loop" in item.fixturenames:
            from interlace.plugin.event_loop import loop_of_suite

            own = loop_of_suite(item, scope)
            if own is not None:
                loop, scope = own
                self.factory, self.key = (lambda: loop), (*LENT, loop)
        lane = lane_of(item, "function", scope, self.factory, self.key, claim.timeout)
        leave_other_loops(item, self.key)
        return lane
