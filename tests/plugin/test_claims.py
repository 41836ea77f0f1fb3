"""Which tests are run by interlace, and that every kind of async test can be."""

from __future__ import annotations

import pytest

ASLEEP = """
import asyncio

async def test_sleeps_for_a_day():
    await asyncio.sleep(86_400)
"""

CLOCK = """
import asyncio
import pytest

@pytest.fixture
def loop_name():
    return lambda: type(asyncio.get_running_loop()).__module__
"""


def test_a_plain_async_test_is_simulated(suite) -> None:
    result = suite(ASLEEP)
    result.assert_outcomes(passed=1)


def test_in_strict_mode_it_is_not(suite) -> None:
    result = suite(ASLEEP, "-o", "interlace_mode=strict")
    assert result.ret == (1 if pytest.version_tuple >= (8, 4) else 0)
    result.stdout.fnmatch_lines(["*async def functions are not natively supported*"])


def test_in_strict_mode_what_is_marked_or_uses_the_world_is(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.mark.interlace
        async def test_marked():
            await asyncio.sleep(86_400)

        async def test_world(world):
            await asyncio.sleep(86_400)
            assert world.clock.elapsed == 86_400

        @pytest.mark.explore(schedules=3)
        async def test_explored():
            await asyncio.sleep(86_400)

        @pytest.mark.interlace
        class TestMarked:
            async def test_method(self):
                await asyncio.sleep(86_400)

            def test_sync_method(self):
                pass
        """,
        "-o",
        "interlace_mode=strict",
    )
    result.assert_outcomes(passed=5)


def test_an_unknown_mode_is_a_usage_error(suite) -> None:
    result = suite(ASLEEP, "-o", "interlace_mode=lax")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: interlace_mode is 'lax': use one of auto, strict"])


def test_parametrized_tests_methods_and_static_methods(suite) -> None:
    result = suite(
        """
        import pytest

        @pytest.mark.parametrize("number", [1, 2])
        async def test_function(world, number):
            await world.latency("1ms")
            assert number in (1, 2)

        class TestMethods:
            @pytest.mark.parametrize("number", [1, 2])
            async def test_method(self, world, number):
                await world.latency("1ms")

            @staticmethod
            async def test_static(world):
                await world.latency("1ms")

            class TestInner:
                @pytest.mark.explore(schedules=3)
                async def test_nested(self, world):
                    await world.latency("1ms..2ms")
        """
    )
    result.assert_outcomes(passed=6)


def test_a_module_can_be_marked_although_it_holds_sync_tests(suite) -> None:
    result = suite(
        """
        import pytest

        pytestmark = pytest.mark.explore(schedules=3)

        def test_sync():
            pass

        async def test_async(world):
            await world.latency("1ms..2ms")
        """
    )
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["interlace: 1 test explored, 3 schedules"])


def test_a_conftest_that_runs_coroutines_itself_comes_first(suite, pytester) -> None:
    pytester.makeconftest(
        """
        import asyncio
        import inspect
        import pytest

        @pytest.hookimpl(tryfirst=False)
        def pytest_pyfunc_call(pyfuncitem):
            if inspect.iscoroutinefunction(pyfuncitem.obj):
                asyncio.run(pyfuncitem.obj())
                return True
        """
    )
    source = """
        import asyncio

        async def test_loop():
            name = type(asyncio.get_running_loop()).__module__
            assert name.startswith("{}."), name
        """
    suite(source.format("asyncio")).assert_outcomes(passed=1)
    suite(source.format("interlace"), "--explore=2").assert_outcomes(passed=1)


def test_methods_of_a_test_case_of_unittest_run_themselves(suite) -> None:
    result = suite(
        """
        import asyncio
        import unittest

        class TestCase(unittest.IsolatedAsyncioTestCase):
            async def test_loop(self):
                assert not type(asyncio.get_running_loop()).__module__.startswith("interlace")
        """,
        "--explore=2",
    )
    result.assert_outcomes(passed=1)


def test_tests_for_trio_are_left_alone(suite, pytester) -> None:
    pytester.makeini("[pytest]\nmarkers =\n  trio: for trio\n")
    result = suite(
        """
        import pytest

        @pytest.mark.trio
        async def test_trio():
            raise AssertionError("was run")
        """,
        "--explore=2",
    )
    result.stdout.no_fnmatch_line("*was run")


def test_a_world_of_ones_own_does_not_make_a_test_ours(suite) -> None:
    result = suite(
        """
        import pytest

        @pytest.fixture
        def world():
            return "mine"

        def test_sync(world):
            assert world == "mine"

        async def test_async(world):
            assert world == "mine"
        """,
        "-o",
        "interlace_mode=strict",
    )
    result.assert_outcomes(
        passed=1,
        failed=1 if pytest.version_tuple >= (8, 4) else 0,
        skipped=0 if pytest.version_tuple >= (8, 4) else 1,
    )


def test_a_sync_test_cannot_have_a_world(suite) -> None:
    result = suite("def test_sync(world):\n    pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["the fixture 'world' is the simulated world of an async test; test_sync is not an async test, *"]
    )
    result.stdout.no_fnmatch_line("*fixtures.py*")


@pytest.mark.parametrize("kind", ["return 1", "yield 1"])
@pytest.mark.parametrize("options", [(), ("--explore=3",)], ids=["once", "explored"])
def test_an_async_fixture_is_set_up_in_the_world_of_its_test(
    suite, kind: str, options: tuple[str, ...]
) -> None:
    result = suite(
        f"""
        import asyncio
        import pytest

        @pytest.fixture
        async def database(world):
            await asyncio.sleep(86_400)
            assert world.clock.elapsed == 86_400
            {kind}

        async def test_it(database, world):
            assert database == 1
            assert world.clock.elapsed == 86_400
        """,
        *options,
    )
    result.assert_outcomes(passed=1)


def test_fixtures_of_all_scopes_and_dynamic_ones(suite) -> None:
    result = suite(
        """
        import pytest

        @pytest.fixture(scope="session")
        def shared():
            return []

        @pytest.fixture
        def host(world):
            return world.host("shop")

        async def test_it(request, host, world, shared):
            shared.append(1)
            assert request.getfixturevalue("tmp_path").is_dir()
            assert world.host("shop") is host

        async def test_other(request, shared):
            assert shared == [1]
            assert request.getfixturevalue("world").clock.elapsed == 0
        """
    )
    result.assert_outcomes(passed=2)


def test_higher_scopes_cannot_have_a_world(suite) -> None:
    result = suite(
        """
        import pytest

        @pytest.fixture(scope="module")
        def everything(world):
            return world

        async def test_it(everything):
            pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ScopeMismatch*world*"])


def test_a_marker_of_anyio_that_a_hook_adds_counts(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
            import pytest

            @pytest.fixture(params=["asyncio", ("asyncio", {"debug": True})], ids=["plain", "debug"])
            def anyio_backend(request):
                return request.param

            def pytest_collection_modifyitems(items):
                for item in items:
                    if "two" not in item.name:
                        item.add_marker(pytest.mark.anyio)
            """
    )
    pytester.makepyfile(
        """
            import pytest

            @pytest.mark.parametrize("value", ["one", "two"])
            async def test_it(value):
                pass

            class TestIt:
                async def test_method(self):
                    pass
            """
    )
    done = pytester.runpytest_inprocess("-v", "-p", "no:randomly", "-o", "interlace_take_over=anyio")
    done.assert_outcomes(passed=5)
    done.stdout.fnmatch_lines(
        [
            "*::test_it?plain-one? PASSED*",
            "*::test_it?debug-one? PASSED*",
            "*::test_it?two? PASSED*",
            "*::TestIt::test_method?plain? PASSED*",
            "*::TestIt::test_method?debug? PASSED*",
        ]
    )
