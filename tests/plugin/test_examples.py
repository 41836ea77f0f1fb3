"""Async tests under hypothesis: each example is a run of its own, and none is explored."""

from __future__ import annotations

import pytest

pytest.importorskip("hypothesis")

LINE = "interlace: * not explored: hypothesis chooses the examples, and each was run once"

WHERE = """
import asyncio
import pytest
from hypothesis import given, settings, strategies as st

loops = []

{marker}
@settings(max_examples=8, database=None)
@given(number=st.integers())
async def test_it(number):
    loop = asyncio.get_running_loop()
    assert loop.time() - getattr(loop, "began", loop.time()) < 1
    loop.began = loop.time()
    loops.append(loop)
    {body}

def test_where():
    assert len(loops) >= 8
    assert {{type(loop).__module__.partition(".")[0] for loop in loops}} == {{"{where}"}}
    assert all(loop.is_closed() for loop in loops)
    assert len(set(loops)) {count}
"""


def test_exploring_runs_the_examples_on_the_stock_loop_as_ever(suite) -> None:
    source = WHERE.format(marker="", body="await asyncio.sleep(0)", where="asyncio", count="== 1")
    result = suite(source, "--explore=3", world="stock")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([LINE])
    suite(source, world="stock").stdout.no_fnmatch_line(LINE)


def test_what_is_not_simulated_is_none_of_its_business(suite) -> None:
    body = "await (await asyncio.create_subprocess_exec('true')).wait()"
    source = WHERE.format(marker="", body=body, where="asyncio", count="== 1").replace(
        "max_examples=8", "max_examples=8, deadline=None"
    )
    suite(source, "--explore=3", world="stock").assert_outcomes(passed=2)


@pytest.mark.parametrize("marker", ["@pytest.mark.explore", "@pytest.mark.interlace"])
def test_marked_each_example_has_a_world_of_its_own(suite, marker: str) -> None:
    source = WHERE.format(
        marker=marker, body="await asyncio.sleep(3600)", where="interlace", count="== len(loops)"
    )
    result = suite(source, world="stock")
    result.assert_outcomes(passed=2)
    told = [line for line in result.outlines if "not explored" in line]
    assert bool(told) == (marker == "@pytest.mark.explore")


def test_in_a_simulated_world_each_example_begins_at_no_time(suite) -> None:
    source = WHERE.format(
        marker="", body="await asyncio.sleep(3600)", where="interlace", count="== len(loops)"
    )
    suite(source, world="simulated").assert_outcomes(passed=2)


def test_a_task_that_nobody_awaits_fails_its_example(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest
        from hypothesis import given, settings, strategies as st

        @pytest.mark.explore
        @settings(max_examples=8, database=None)
        @given(number=st.integers())
        async def test_it(number):
            async def fail():
                raise LookupError("lost")
            asyncio.get_running_loop().kept = asyncio.create_task(fail())
            await asyncio.sleep(1)
        """,
        world="stock",
    )
    assert sum(result.parseoutcomes().get(what, 0) for what in ("failed", "errors", "error")) >= 1
    result.stdout.fnmatch_lines(["*LookupError: lost*"])
