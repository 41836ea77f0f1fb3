"""Explorations and replays: what is found, what ends them, and how the outcome is counted."""

from __future__ import annotations

import re

import pytest


def token_of(result: pytest.RunResult) -> str:
    found = re.search(r"--replay=(\S+)", result.stdout.str())
    assert found, result.stdout.str()
    return found[1]


def test_a_lost_update_is_found_told_and_replayed(suite, lost_update: str) -> None:
    result = suite(lost_update)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: assert 1 == 2",
            '*assert account*"balance"* == 2',
            "*real: happens on asyncio*",
            "*because",
            "*must be slower than*",
            "*replay",
            "  pytest test_it.py::test_deposits --replay=i1.*",
            "interlace: 1 test explored, * schedules, 1 failed",
            "FAILED test_it.py::test_deposits - *assert 1 == 2",
        ]
    )
    again = suite(lost_update, "test_it.py::test_deposits", f"--replay={token_of(result)}")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*AssertionError: assert 1 == 2", "*must be slower than*"])
    again.stdout.no_fnmatch_line("interlace: * explored*")


def test_a_fixed_program_passes_the_replay(suite, lost_update: str) -> None:
    token = token_of(suite(lost_update))
    fixed = lost_update.replace(
        "balance = account", "await world.latency('0ms..40ms'); balance = account"
    ).replace('    await world.latency("0ms..40ms")\n', "")
    result = suite(fixed, "-v", f"--replay={token}")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*PASSED [[]replayed[]]*"])


def test_unmarked_tests_are_explored_when_asked_for(suite, lost_update: str, pytester) -> None:
    unmarked = lost_update.replace("@pytest.mark.explore\n", "")
    suite(unmarked).assert_outcomes(passed=1)
    suite(unmarked, "--explore").assert_outcomes(failed=1)
    suite(unmarked, "--explore", "test_it.py").assert_outcomes(failed=1)
    suite(unmarked, "--explore", "test_it.py::test_deposits", "-q").assert_outcomes(failed=1)
    suite(unmarked, "--explore=100", "test_it.py").assert_outcomes(failed=1)
    suite(unmarked, "--explore", "100").assert_outcomes(failed=1)


def test_explore_before_a_path_loads_the_conftest_there(suite, pytester, lost_update: str) -> None:
    tests = pytester.mkdir("tests")
    (tests / "conftest.py").write_text("def pytest_addoption(parser):\n    parser.addoption('--early')\n")
    (tests / "test_there.py").write_text("async def test_it():\n    pass\n")
    result = suite("", "--explore", "tests", "--early=1")
    result.assert_outcomes(passed=1)


def test_a_test_that_passes_says_how_far_the_search_went(suite) -> None:
    source = """
        import pytest

        @pytest.mark.explore(schedules=20)
        async def test_sampled(world):
            for _ in range(5):
                await world.latency("1ms..50ms")

        @pytest.mark.explore
        async def test_exhausted(world):
            pass

        @pytest.mark.interlace
        async def test_plain():
            pass
        """
    result = suite(source, "-v")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "*::test_sampled PASSED [[]sampled 20[]]*",
            "*::test_exhausted PASSED [[]exhausted 1[]]*",
            "*::test_plain PASSED  *",
            "interlace: 2 tests explored, * schedules",
        ]
    )
    suite(source).stdout.fnmatch_lines(["test_it.py ...*"])


def test_the_command_line_has_the_last_word(suite) -> None:
    source = """
        import pytest

        @pytest.mark.explore(schedules=20)
        async def test_marked(world):
            for _ in range(5):
                await world.latency("1ms..50ms")
        """
    suite(source, "--explore").stdout.fnmatch_lines(["interlace: 1 test explored, 20 schedules"])
    suite(source, "--explore=7").stdout.fnmatch_lines(["interlace: 1 test explored, 7 schedules"])


FIFO = """
import asyncio
import pytest

async def test_first_come(world):
    order = []

    async def note(name):
        order.append(name)

    await asyncio.gather(note("a"), note("b"))
    assert order == ["a", "b"]
"""


def test_a_latent_finding_is_a_warning(suite) -> None:
    result = suite(FIFO, "--explore")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["interlace: 1 test explored, * schedules, 1 latent"])
    result.stdout.fnmatch_lines(
        ["*LatentWarning: test_first_come fails in an order that asyncio does not produce*--replay=*"]
    )
    suite(FIFO, f"--replay={token_of(result)}").assert_outcomes(failed=1)
    suite(FIFO, "--explore", "-W", "error::interlace.errors.LatentWarning").assert_outcomes(failed=1)


@pytest.mark.parametrize("order", ["batch", "any"])
def test_in_the_order_that_was_asked_for_it_is_a_failure(suite, order: str) -> None:
    result = suite(FIFO, "--explore", f"--explore-order={order}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*latent: needs an order that asyncio's FIFO loop does not produce*"])


def test_faults_are_injected(suite) -> None:
    source = """
        import asyncio
        import pytest

        async def test_it(world):
            done = []
            async def work():
                await world.latency("1ms")
                done.append(1)
            task = asyncio.create_task(work())
            await asyncio.wait([task])
            assert done
        """
    suite(source, "--explore").assert_outcomes(passed=1)
    result = suite(source, "--explore", "--explore-faults=slow,cancel:work")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*must be cancelled*"])
    suite(source, f"--replay={token_of(result)}").assert_outcomes(failed=1)
    suite(
        source, "--explore", "--explore-faults", "slow", "--explore-faults", "cancel:other"
    ).assert_outcomes(passed=1)


def test_all_links_of_a_suite_meet_faults(suite) -> None:
    source = """
        import asyncio
        import pytest

        @pytest.mark.parametrize("limit", [LIMIT])
        async def test_it(world, limit):
            world.tcp("echo:7", Echo)
            for _ in range(3):
                try:
                    async with asyncio.timeout(limit):
                        reader, writer = await asyncio.open_connection("echo", 7)
                        writer.write(b"tea")
                        assert await reader.read(3) in (b"tea", b"t", b"te")
                    break
                except OSError:
                    pass
            else:
                raise AssertionError("never answered")
            writer.close()

        class Echo:
            def receive(self, data):
                return data
        """
    careful, careless = source.replace("LIMIT", "300"), source.replace("LIMIT", "None")
    suite(careful, "--explore=80", "--explore-faults=net").assert_outcomes(passed=1)
    suite(careless, "--explore=80").assert_outcomes(passed=1)
    result = suite(careless, "--explore=80", "--explore-faults=net")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Hung: a fault has local?echo:7#1 hang*", "*echo:7#1 * must hang*"])
    suite(careless, f"--replay={token_of(result)}").assert_outcomes(failed=1)
    suite(careless, "--explore=80", "--explore-faults=net:reset,at_most=2").assert_outcomes(passed=1)


def test_skipping_stops_the_search(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest
        import unittest

        runs = []

        @pytest.mark.explore
        async def test_skips(world):
            await world.latency("1ms..50ms")
            runs.append(1)
            pytest.skip("not today")

        @pytest.mark.explore
        async def test_skips_in_a_group(world):
            async def skip():
                await world.latency("1ms..50ms")
                pytest.skip("not here")
            async with asyncio.TaskGroup() as group:
                group.create_task(skip())

        @pytest.mark.explore
        async def test_skips_as_unittest_does(world):
            raise unittest.SkipTest("not so")

        @pytest.mark.explore
        async def test_xfails(world):
            pytest.xfail("known")

        async def test_plain():
            pytest.skip("not at all")

        def test_after():
            assert runs == [1]
        """,
        "-rsx",
    )
    result.assert_outcomes(passed=1, skipped=4, xfailed=1)
    result.stdout.fnmatch_lines(["SKIPPED [[]1[]] test_it.py:11: not today"])
    result.stdout.no_fnmatch_line("*explored*")


def test_skipping_in_some_schedules_is_no_failure(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.mark.explore
        async def test_it(world):
            order = []
            async def step(name, latency):
                await world.latency(latency)
                order.append(name)
            await asyncio.gather(step("a", "1ms..50ms"), step("b", "2ms..50ms"))
            if order != ["a", "b"]:
                pytest.skip("the wrong way round")
        """
    )
    result.assert_outcomes(skipped=1)


def test_failing_on_purpose_is_a_failure_like_any(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.mark.explore
        async def test_it(world):
            order = []
            async def step(name, latency):
                await world.latency(latency)
                order.append(name)
            await asyncio.gather(step("a", "1ms..50ms"), step("b", "2ms..50ms"))
            if order != ["a", "b"]:
                pytest.fail("the wrong way round")
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*Failed: the wrong way round", "*must be slower than*", "  pytest *--replay=*"]
    )


def test_xfail_marks(suite, lost_update: str) -> None:
    def mark(source: str, arguments: str) -> str:
        return source.replace(
            "@pytest.mark.explore\n", f"@pytest.mark.explore\n@pytest.mark.xfail({arguments})\n"
        )

    suite(mark(lost_update, "")).assert_outcomes(xfailed=1)
    suite(mark(lost_update, "raises=AssertionError")).assert_outcomes(xfailed=1)
    suite(mark(lost_update, "raises=KeyError")).assert_outcomes(failed=1)
    suite(mark(lost_update, "run=False")).assert_outcomes(xfailed=1)
    fixed = lost_update.replace("== 2", ">= 1")
    suite(mark(fixed, "")).assert_outcomes(xpassed=1)
    strict = suite(mark(fixed, "strict=True"))
    strict.assert_outcomes(failed=1)
    strict.stdout.fnmatch_lines(["*XPASS(strict)*"])


def test_exitfirst_and_maxfail(suite, lost_update: str) -> None:
    more = lost_update + "\n@pytest.mark.explore\nasync def test_other(world):\n    assert False\n"
    suite(more, "-x").assert_outcomes(failed=1)
    suite(more, "--maxfail=2").assert_outcomes(failed=2)


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "pytest.exit('enough')"])
def test_what_ends_a_session_ends_an_exploration(suite, error: str) -> None:
    result = suite(
        f"""
        import pytest

        runs = []

        @pytest.mark.explore
        async def test_it(world):
            await world.latency("1ms..50ms")
            runs.append(1)
            if len(runs) == 5:
                raise {error}

        def test_after():
            pass
        """,
        apart=True,
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes()
    result.stdout.fnmatch_lines(["!!!*"])


def test_a_schedule_of_another_test_does_not_fit(suite) -> None:
    source = """
        import asyncio
        import pytest

        async def test_one(world):
            order = []
            async def step(name):
                await world.latency("1ms..50ms")
                order.append(name)
            await asyncio.gather(*(step(number) for number in range(8)))
            assert order == sorted(order)

        async def test_two(world):
            await world.latency("1ms..2ms")
            await asyncio.gather(*(asyncio.sleep(0.1 + i / 1e9) for i in range(20)))
        """
    result = suite(source, "--explore", "-k", "one")
    result.assert_outcomes(failed=1)
    again = suite(source, f"--replay={token_of(result)}", "-k", "two")
    outcomes = again.parseoutcomes()
    # Positions may happen to fit; where they do not, it is said, and nothing internal is shown.
    if "failed" in outcomes:
        again.stdout.fnmatch_lines(["*this schedule does not fit test_two*"])
    again.stdout.no_fnmatch_line("*world.py*")


def test_an_answer_that_is_none_is_said(suite) -> None:
    from interlace.model.schedule import Recipe, Schedule

    token = Recipe(Schedule((99,))).token
    result = suite("async def test_it(world):\n    await world.latency('1ms..2ms')\n", f"--replay={token}")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*--replay: this schedule does not fit test_it. answer 99 *"])
    result.stdout.no_fnmatch_line("*world.py*")


def test_parametrized_tests_are_named_so_that_a_shell_takes_it(suite, lost_update: str) -> None:
    source = lost_update.replace(
        "async def test_deposits(world, account)",
        "@pytest.mark.parametrize('name', ['a b'])\nasync def test_deposits(world, account, name)",
    )
    result = suite(source)
    result.stdout.fnmatch_lines(["  pytest 'test_it.py::test_deposits[[]a b[]]' --replay=i1.*"])


def test_a_long_token_is_kept_in_a_file(suite, pytester) -> None:
    result = suite(
        f"""
        import asyncio
        import pytest

        @pytest.mark.explore(faults=["cancel:work", "cancel:{"x" * 100}"])
        async def test_it(world):
            task = asyncio.create_task(world.latency("1ms"), name="work")
            await asyncio.wait([task])
            assert not task.cancelled()
        """
    )
    result.assert_outcomes(failed=1)
    name = token_of(result)
    assert name.startswith(".interlace/tokens/"), name
    assert (pytester.path / name).read_text().startswith("i1.")
    assert (pytester.path / ".interlace" / ".gitignore").read_text() == "*\n"
    assert f"--replay={name}" in result.stdout.str()
    again = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio", f"--replay={name}")
    again.assert_outcomes(failed=1)


def test_properties_for_junit_xml(suite, pytester, lost_update: str) -> None:
    more = lost_update + "\n@pytest.mark.explore\nasync def test_ok(world):\n    pass\n"
    suite(more, "--junit-xml=out.xml").assert_outcomes(passed=1, failed=1)
    text = (pytester.path / "out.xml").read_text()
    assert '<property name="interlace.verdict" value="failed, sampled' in text
    assert '<property name="interlace.verdict" value="passed, exhausted' in text
    assert '<property name="interlace.runs" value="' in text
    assert '<property name="interlace.token" value="i1.' in text
    assert "must be slower than" in text
    assert "\x1b" not in text
    assert "#x1B" not in text
    assert '<failure message="' in text
    assert "assert 1 == 2" in text


def test_explored_delays_spare_the_timeout_of_the_test(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.mark.explore(schedules=40)
        @pytest.mark.interlace_timeout(0.5)
        async def test_it(world):
            for _ in range(10):
                await world.latency("1ms..100ms")
        """,
        world="stock",
    )
    result.assert_outcomes(passed=1)
