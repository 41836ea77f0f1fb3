"""Tests of `unittest.IsolatedAsyncioTestCase` that are explored: a fresh instance in each world.

setUp, asyncSetUp, the test, asyncTearDown, tearDown and the cleanups are run by unittest, in one task.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

import pytest

from interlace.backends.aio.cases import run_case_on
from interlace.plugin.claims import Claim
from interlace.plugin.markers import marked_settings, marked_timeout
from interlace.plugin.options import Options, Settings
from interlace.plugin.runner import SimulatedStage


def claim_of_case(item: pytest.Function, options: Options) -> Claim | None:
    """Returns how a test of a test case is run; None: as unittest does it."""
    marked = marked_settings(item)
    makes_loops = getattr(item.cls, "loop_factory", None) is not None  # since Python 3.13
    if (marked is None and not options.takes_all) or makes_loops:
        return None
    timeout = marked_timeout(item)
    return Claim(
        settings=options.over(marked or Settings()),
        simulated=True,
        own=marked is not None,
        insists=True,
        timeout=options.timeout if timeout is None else timeout,
    )


class CaseStage(SimulatedStage):
    """Runs one test of a test case in a simulated world."""

    def set_up(self) -> None:
        """Sets up an instance of the test case and the fixtures around it."""
        __tracebackhide__ = True
        assert self.item.instance is not None  # made now, since pytest lets go of one whatever happens
        super().set_up()

    def run_test(self) -> None:
        """Runs the test in the place of unittest."""
        __tracebackhide__ = True
        self.run()

    def perform(self) -> None:
        """Has unittest run the test, and raises what it has reported first."""
        __tracebackhide__ = True
        lane = self.lane
        case: Any = self.item.instance
        result = _Result(getattr(lane.opened, "take", None))
        run_case_on(case, lane.opened, lane.timeout)
        case(result)
        result.raise_first()


class _Result(unittest.TestResult):
    """Keeps the errors that unittest reports.

    Args:
        take: called with the first one, as (value, error), before anything is torn down; None: nobody asks.
    """

    def __init__(self, take: Callable[[Any, BaseException], object] | None) -> None:
        super().__init__()
        self._take = take
        self._raised: list[BaseException] = []

    def raise_first(self) -> None:
        """Raises the first error, with a note on each further one."""
        __tracebackhide__ = True
        if not self._raised:
            return
        first, *further = self._raised
        for another in further:
            first.add_note(f"interlace: then {type(another).__name__} was raised as well: {another}")
        raise first

    def _keep(self, error: BaseException) -> None:
        if not self._raised and self._take is not None:
            self._take(None, error)
        self._raised.append(error)

    def addError(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self._keep(err[1])

    addFailure = addError  # noqa: N815

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:  # noqa: N802
        if err is not None:
            self._keep(err[1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        self._keep(pytest.skip.Exception(reason))

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:  # noqa: N802
        self._keep(pytest.xfail.Exception(""))

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        self._keep(pytest.fail.Exception("Unexpected success", pytrace=False))
