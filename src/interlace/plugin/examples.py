"""Async tests under hypothesis: each example is a run with fixtures of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interlace.plugin.compat import Renewal, arguments_of, definitions
from interlace.plugin.markers import inner_test
from interlace.plugin.watch import UNEXPLORED, judge

if TYPE_CHECKING:
    from interlace.plugin.stage import ItemStage


def allow_fixtures(function: Any) -> None:
    """Has hypothesis not complain about function-scoped fixtures, which are made afresh for each example."""
    from hypothesis import HealthCheck, settings

    function = getattr(function, "__func__", function)
    given = function._hypothesis_internal_use_settings
    check = HealthCheck.function_scoped_fixture
    if check not in given.suppress_health_check:
        allowed = [*given.suppress_health_check, check]
        function._hypothesis_internal_use_settings = settings(given, suppress_health_check=allowed)


def run_examples(stage: ItemStage) -> None:
    """Runs a test that hypothesis calls with many examples, and raises its error."""
    __tracebackhide__ = True
    item = stage.item
    function: Any = item.obj
    hypothesis = getattr(function, "__func__", function).hypothesis
    inner = inner_test(function)
    renewal = Renewal(item)
    own = [one.argname for one in definitions(item) if one.scope == "function" and one.argname != "request"]
    examples = 0

    def example(*arguments: Any, **named: Any) -> None:
        __tracebackhide__ = True
        nonlocal examples
        examples += 1
        if examples > 1 and (own or stage.simulated):
            renewal.tear_down()
            renewal.set_up()
            named.update({name: value for name, value in arguments_of(item).items() if name in named})
            if item.instance is not None and arguments:
                arguments = (item.instance, *arguments[1:])
        lane = stage.lane
        lane.test(inner(*arguments, **named))
        failures = lane.opened.take_failures()
        if failures:
            judge(item, failures)

    hypothesis.inner_test = example
    try:
        item.ihook.pytest_pyfunc_call(pyfuncitem=item)
    finally:
        hypothesis.inner_test = inner
        if stage.claim.unexplored:
            item.user_properties.append(
                (UNEXPLORED, "hypothesis chooses the examples, and each was run once")
            )
