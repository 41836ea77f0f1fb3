"""A test that fails in the plain simulated run already: is it to be blamed, and what for?"""

from __future__ import annotations

import pytest

from interlace.plugin import compare

TAKES_TIME = """
import asyncio
import pytest

runs = []

@pytest.fixture
async def began():
    loop = asyncio.get_running_loop()
    runs.append(type(loop).__module__.partition(".")[0])
    yield loop.time()
    runs.append("down")

async def test_time_goes_by(began):
    print("it ran on", runs[-1])
    assert asyncio.get_running_loop().time() > began
"""


def test_what_only_fails_in_the_simulation_is_a_warning(suite) -> None:
    result = suite(
        TAKES_TIME
        + """
def test_fresh_fixtures_torn_down_on_both():
    assert runs[-2:] == ["asyncio", "down"]
    assert runs[::2] == ["interlace"] * (len(runs) // 2 - 1) + ["asyncio"]
    assert set(runs[1::2]) == {"down"}
""",
        "--explore=5",
        "-rP",
        world="stock",
    )
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*it ran on asyncio*"])
    result.stdout.no_fnmatch_line("*it ran on interlace*")
    result.stdout.fnmatch_lines(
        [
            (
                "*OnlySimulatedWarning: test_time_goes_by passes on the stock loop and fails in the plain simulated run "
                "(AssertionError: assert * > *): no order is to blame*To see it: pytest "
                "test_it.py::test_time_goes_by --replay=*"
            ),
            (
                "interlace: test_it.py::test_time_goes_by was run once, plainly, since it fails in the plain simulated "
                "run (AssertionError: *) and passes on the stock loop"
            ),
        ]
    )


def test_the_replay_that_the_warning_names_shows_the_failure(suite) -> None:
    text = suite(TAKES_TIME, "--explore=5", world="stock").stdout.str()
    token = text.partition("--replay=")[2].split()[0]
    suite(TAKES_TIME, f"--replay={token}", world="stock").assert_outcomes(failed=1)


def test_an_ordinary_failure_is_one_with_no_order_to_blame(suite) -> None:
    result = suite(
        """
        import asyncio

        async def test_it():
            print("once")
            await asyncio.sleep(0)
            assert 1 + 1 == 3
        """,
        "--explore=5",
        world="stock",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*plain: fails in the plain run already, so no order and no duration is to blame",
            "*note: it fails on the stock loop in the same way",
            "*pytest test_it.py::test_it --replay=*",
        ]
    )
    assert "real: " not in result.stdout.str()
    assert result.stdout.str().count("once\n") == 1


def test_another_failure_on_the_stock_loop_is_told(suite) -> None:
    result = suite(
        """
        import asyncio

        async def test_it():
            if type(asyncio.get_running_loop()).__module__.startswith("interlace"):
                raise KeyError("here")
            raise LookupError("there")
        """,
        "--explore=5",
        world="stock",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*KeyError: 'here'*", "*note: on the stock loop it fails too, in another way (LookupError: there)"]
    )


def test_the_stock_loop_is_given_a_few_real_seconds_at_most(suite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "LIMIT", 0.01)
    result = suite(
        """
        import asyncio

        async def test_it():
            await asyncio.sleep(86400)
            assert False
        """,
        "--explore=5",
        world="stock",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*note: on the stock loop it had not ended after 0.01 s, so the two cannot*"]
    )


def test_a_test_that_asks_for_its_world_is_not_run_elsewhere(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        loops = set()

        @pytest.mark.explore(schedules=5)
        async def test_it():
            loops.add(type(asyncio.get_running_loop()).__module__.partition(".")[0])
            assert False

        def test_once():
            assert loops == {"interlace"}
        """,
        world="stock",
    )
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*plain: fails in the plain run already*"])
    assert "stock loop" not in result.stdout.str()


def test_a_failure_that_needs_an_order_is_not_compared(suite, lost_update: str) -> None:
    result = suite(
        """
        import asyncio

        loops = set()

        async def test_it():
            loops.add(type(asyncio.get_running_loop()).__module__.partition(".")[0])
            done = asyncio.get_running_loop().run_in_executor(None, int)
            await asyncio.wait([done], timeout=0.05)
            assert done.done()

        def test_never_outside():
            assert loops == {"interlace"}
        """,
        "--explore",
        world="stock",
    )
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*real: happens on asyncio when the durations below come together*"])


def test_skipping_on_the_stock_loop_is_skipping(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        async def test_it():
            if type(asyncio.get_running_loop()).__module__.startswith("asyncio"):
                pytest.skip("only there")
            assert False
        """,
        "--explore=5",
        world="stock",
    )
    result.assert_outcomes(skipped=1)


def test_a_shared_fixture_of_the_stock_loop_is_given_the_time_it_needs(
    suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "LIMIT", 0.005)
    result = suite(
        """
        import asyncio
        import sys
        import pytest

        @pytest.fixture(scope="module")
        async def started():
            await asyncio.sleep(0.02)

        @pytest.fixture(scope="module")
        async def late():
            await asyncio.sleep(0.02)

        async def test_compared(started):
            assert type(asyncio.get_running_loop()).__module__.startswith("asyncio")

        async def test_outside(started, late):
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
            assert await process.wait() == 0
        """,
        "--explore=3",
        world="stock",
    )
    result.assert_outcomes(passed=2, warnings=1)


def test_a_set_up_that_only_fails_in_the_simulation_is_done_outside(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.fixture
        async def real():
            if type(asyncio.get_running_loop()).__module__.startswith("interlace"):
                raise OSError("no such thing")
            yield 1

        async def test_it(real):
            assert real == 1
        """,
        "--explore=5",
        world="stock",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            (
                "interlace: test_it.py::test_it was run once, plainly, since its fixtures cannot be set up in the "
                "simulated world (OSError: no such thing)"
            )
        ]
    )


def test_a_set_up_that_is_asked_to_be_in_a_world_fails_there(suite) -> None:
    result = suite(
        """
        import pytest

        runs = []

        @pytest.fixture
        async def broken():
            runs.append(1)
            raise OSError("no")

        @pytest.mark.explore
        async def test_it(broken):
            pass

        def test_once():
            assert runs == [1]
        """,
        world="stock",
    )
    result.assert_outcomes(errors=1, passed=1)


SIMULATED_ONCE = """
import pytest

async def test_it():
    {body}

@pytest.mark.interlace
async def test_marked():
    assert False
"""


def test_a_single_simulated_run_says_how_to_compare_it(suite) -> None:
    result = suite(SIMULATED_ONCE.format(body="assert 1 == 2"))
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*no order and no duration is to blame*", "pytest test_it.py::test_it -o interlace_world=stock"]
    )
    assert result.stdout.str().count("To compare") == 1  # what is marked has no other place to run
    suite(SIMULATED_ONCE.format(body="pytest.skip('no')"), "-rA").stdout.no_fnmatch_line("*To compare*")
