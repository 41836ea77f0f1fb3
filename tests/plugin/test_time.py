"""Virtual time under pytest: the marker, the ini options, the fixture `clock`, and the clocks of plain fixtures."""

from __future__ import annotations

import pytest

SOURCE = """
import asyncio
import time
from datetime import datetime

import pytest

seen = []

@pytest.fixture
def born():
    seen.append(datetime.now().isoformat())
    yield datetime.now()
    seen.append(datetime.now().isoformat())

@pytest.mark.interlace(now="2026-03-29T01:30:00+01:00", tz="Europe/Berlin")
async def test_it(born, clock):
    assert datetime.now() == born
    await asyncio.sleep(3600)
    assert datetime.now().isoformat() == "2026-03-29T03:30:00"  # clocks went forward at 2
    assert time.monotonic() == clock.elapsed == 3600
    with clock.paused():
        await clock.advance(60)
    assert clock.now().isoformat() == "2026-03-29T03:31:00+02:00"

def test_afterwards():
    assert seen == ["2026-03-29T01:30:00", "2026-03-29T03:31:00"] * (len(seen) // 2)
    assert seen
    assert time.monotonic() not in (0, 3600)
"""


@pytest.mark.parametrize("arguments", [(), ("--explore=5",)], ids=["once", "explored"])
def test_plain_fixtures_see_the_clocks_of_the_world(suite, arguments: tuple[str, ...]) -> None:
    suite(SOURCE, *arguments).assert_outcomes(passed=2)


def test_the_ini_file_says_when_and_where(suite) -> None:
    result = suite(
        """
        import time
        import pytest

        @pytest.mark.interlace
        async def test_ini():
            assert time.strftime("%Y-%m-%d %H:%M:%S %Z") == "2030-06-01 09:00:00 JST"

        @pytest.mark.interlace(tz="UTC")
        async def test_marker_and_ini_are_taken_together():
            assert time.strftime("%Y-%m-%d %H:%M:%S %Z") == "2030-06-01 00:00:00 UTC"

        @pytest.mark.explore(schedules=3, now="2031-06-01T00:00:00Z")
        @pytest.mark.interlace(tz="Asia/Tokyo")
        async def test_both_markers():
            assert time.strftime("%Y-%m-%d %H:%M:%S %Z") == "2031-06-01 09:00:00 JST"
        """,
        "-o",
        "interlace_now=2030-06-01T00:00:00Z",
        "-o",
        "interlace_tz=Asia/Tokyo",
    )
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "interlace_now=2030-06-01",
            "*interlace_now, interlace_tz: now is '2030-06-01T00:00:00', which has no *",
        ),
        ("interlace_tz=Mars", "*interlace_now, interlace_tz: no time zone is called 'Mars'*"),
    ],
)
def test_an_ini_option_that_cannot_work(suite, option: str, message: str) -> None:
    result = suite("def test_it(): pass", "-o", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_durations_stay_real(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.mark.interlace
        async def test_it():
            await asyncio.sleep(86400)
        """,
        "--durations=3",
        "-vv",
    )
    result.assert_outcomes(passed=1)
    result.stdout.re_match_lines([r"0\.\d\ds call +test_it.py::test_it"])


def test_sleeping_in_a_test_is_told_with_its_line(suite) -> None:
    result = suite(
        """
        import time
        import pytest

        @pytest.mark.interlace
        async def test_it(clock):
            time.sleep(30)
            assert clock.elapsed == 30
        """
    )
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*test_it.py:6: BlockingCallWarning: time.sleep(30) holds up the loop*"])


def test_a_token_of_a_failure_knows_when_it_began(suite) -> None:
    source = """
        import asyncio
        import pytest
        from datetime import datetime

        @pytest.mark.explore(now="2027-05-05T00:00:00Z")
        async def test_it(world):
            await world.latency("0ms..50ms")
            assert datetime.now().microsecond == 0, datetime.now().year
        """
    result = suite(source, "--explore")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*2027*"])


@pytest.mark.parametrize(("marker", "outcome"), [("", "passed"), ("@pytest.mark.interlace", "failed")])
def test_a_filter_for_all_warnings_is_for_tests_that_ask_for_a_world(
    suite, marker: str, outcome: str
) -> None:
    """A suite that runs on the stock loop is not to fail in a world for what it never was told of there."""
    source = f"""
        import pytest
        import time

        {marker}
        async def test_it():
            time.sleep(30)
        """
    suite(source, "-W", "error", "--explore=3").assert_outcomes(**{outcome: 1})
