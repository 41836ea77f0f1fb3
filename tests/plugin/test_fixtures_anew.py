"""That each schedule gets fixtures of its own, and that nothing is left behind by many of them."""

from __future__ import annotations

import pytest


def test_function_fixtures_are_made_for_each_schedule_and_shared_ones_once(suite) -> None:
    result = suite(
        """
        import pytest

        made = {"session": 0, "module": 0, "function": 0, "closed": 0}

        @pytest.fixture(scope="session")
        def one():
            made["session"] += 1

        @pytest.fixture(scope="module", autouse=True)
        def two(one):
            made["module"] += 1

        @pytest.fixture
        def three(one):
            made["function"] += 1
            yield []
            made["closed"] += 1

        @pytest.mark.explore(schedules=30)
        async def test_it(world, three):
            assert three == []
            three.append(1)
            await world.latency("1ms..50ms")
            await world.latency("1ms..50ms")

        def test_after():
            assert made["session"] == made["module"] == 1
            assert made["function"] == made["closed"] == 30
        """
    )
    result.assert_outcomes(passed=2)


def test_a_plain_run_sets_up_once(suite) -> None:
    result = suite(
        """
        import pytest

        made = []

        @pytest.fixture
        def thing():
            made.append(1)

        @pytest.mark.interlace
        async def test_it(world, thing):
            assert made == [1]
        """
    )
    result.assert_outcomes(passed=1)


def test_instances_and_setup_methods_are_fresh(suite) -> None:
    result = suite(
        """
        import pytest

        class TestIt:
            classes = 0

            @classmethod
            def setup_class(cls):
                cls.classes += 1

            def setup_method(self):
                self.calls = ["setup"]

            @pytest.fixture
            def mine(self):
                self.calls.append("mine")
                return self

            @pytest.mark.explore(schedules=5)
            async def test_method(self, world, mine):
                assert mine is self
                assert self.calls == ["setup", "mine"]
                assert not hasattr(self, "seen")
                self.seen = True
                assert self.classes == 1
                await world.latency("1ms..50ms")
        """
    )
    result.assert_outcomes(passed=1)


def test_builtin_fixtures_start_empty(suite) -> None:
    result = suite(
        """
        import logging
        import os
        import warnings
        import pytest

        @pytest.mark.explore(schedules=20)
        async def test_it(world, tmp_path, monkeypatch, caplog, capsys, record_property, recwarn):
            assert list(tmp_path.iterdir()) == []
            (tmp_path / "file").touch()
            assert "INTERLACE_TEST" not in os.environ
            monkeypatch.setenv("INTERLACE_TEST", "1")
            assert caplog.records == caplog.get_records("call") == []
            logging.getLogger().warning("hello")
            assert caplog.messages == ["hello"]
            assert [record.message for record in caplog.get_records("call")] == ["hello"]
            print("hello")
            assert capsys.readouterr().out == "hello\\n"
            warnings.warn("hello")
            assert len(recwarn) == 1
            record_property("one", 1)
            await world.latency("1ms..50ms")

        def test_after(request, tmp_path_factory):
            item = next(item for item in request.session.items if item.name == "test_it")
            assert [value for name, value in item.user_properties if name == "one"] == [1]
            kept = [path.name for path in tmp_path_factory.getbasetemp().iterdir() if path.is_dir()]
            assert len([name for name in kept if name.startswith("test_it")]) <= 2, kept
        """
    )
    result.assert_outcomes(passed=2)


def test_markers_that_a_fixture_adds_do_not_pile_up(suite) -> None:
    result = suite(
        """
        import pytest

        @pytest.fixture
        def marked(request):
            request.applymarker(pytest.mark.xfail(reason="known"))

        @pytest.mark.explore(schedules=5)
        async def test_it(world, marked, request):
            await world.latency("1ms..50ms")
            assert len(list(request.node.iter_markers("xfail"))) == 1
            raise AssertionError
        """
    )
    result.assert_outcomes(xfailed=1)


def test_a_directory_that_is_not_of_pytest_is_not_removed(suite, pytester) -> None:
    result = suite(
        """
        import pathlib
        import pytest

        @pytest.fixture
        def tmp_path():
            path = pathlib.Path("mine")
            path.mkdir(exist_ok=True)
            return path

        @pytest.mark.explore(schedules=5)
        async def test_it(world, tmp_path):
            (tmp_path / "file").touch()
            await world.latency("1ms..50ms")
        """
    )
    result.assert_outcomes(passed=1)
    assert (pytester.path / "mine" / "file").exists()


def test_a_thousand_repeats_leave_nothing_behind(suite) -> None:
    result = suite(
        """
        import gc
        import pytest

        class Thing:
            pass

        @pytest.fixture(scope="session")
        def base():
            return Thing()

        @pytest.fixture(scope="session")
        def overridden(base):
            return base

        @pytest.fixture(scope="module")
        def middle(overridden):
            return overridden

        @pytest.fixture
        def top(middle, base, world):
            yield Thing()

        sizes = []

        def measure(request):
            session = [f for defs in request._pyfuncitem._fixtureinfo.name2fixturedefs.values() for f in defs]
            finalizers = sum(len(f._finalizers) for f in session)
            stack = sum(len(found) for found, _ in request.session._setupstate.stack.values())
            gc.collect()
            return finalizers, stack, sum(isinstance(found, Thing) for found in gc.get_objects())

        @pytest.mark.explore(schedules=1_000, order="any")
        async def test_it(world, top, request):
            sizes.append(measure(request) if len(sizes) in (10, 990) else None)
            await world.latency("1ms..50ms")
            await world.latency("1ms..50ms")
            await world.latency("1ms..50ms")
            await world.latency("1ms..50ms")

        def test_after(request):
            assert len(sizes) == 1_000
            assert sizes[10] == sizes[990]
        """
    )
    result.assert_outcomes(passed=2)


def test_the_world_of_a_fixture_is_the_world_of_the_test(suite) -> None:
    result = suite(
        """
        import pytest

        seen = []

        @pytest.fixture
        def host(world):
            seen.append(world)
            yield world.host("shop")
            assert seen[-1] is world

        @pytest.mark.explore(schedules=5)
        async def test_it(host, world):
            assert seen[-1] is world
            assert world.clock.elapsed == 0
            await world.latency("1ms..50ms")
            assert world.host("shop") is host

        def test_after():
            assert len({id(world) for world in seen}) == 5
        """
    )
    result.assert_outcomes(passed=2)


def test_random_numbers_of_fixtures_and_tests_repeat(suite) -> None:
    result = suite(
        """
        import random
        import pytest

        seen = set()

        @pytest.fixture(scope="module")
        def shared():
            return random.random()

        @pytest.fixture
        def number(shared):
            yield random.random()
            random.random()

        @pytest.mark.explore(schedules=5)
        async def test_it(world, number):
            seen.add((number, random.random()))
            await world.latency("1ms..50ms")

        def test_after():
            assert len(seen) == 1
        """
    )
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize(("when", "word"), [("set-up", "setting up"), ("tear-down", "tearing down")])
def test_an_error_of_a_fixture_in_a_repeat_says_when_it_happened(suite, when: str, word: str) -> None:
    result = suite(
        f"""
        import pytest

        made = []

        @pytest.fixture
        def thing():
            made.append(1)
            assert "{when}" != "set-up" or len(made) < 3, "no third thing"
            yield
            assert "{when}" != "tear-down" or len(made) < 2, "no second end"

        @pytest.mark.explore(schedules=20)
        async def test_it(world, thing):
            await world.latency("1ms..50ms")
        """
    )
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(
        ["*AssertionError: no *", f"*interlace: raised while {word} the fixtures*run [23] of test_it"]
    )


def test_what_200_schedules_write_does_not_drown_the_report(suite) -> None:
    result = suite(
        """
        import logging
        import warnings
        import pytest

        @pytest.mark.explore(schedules=100)
        async def test_it(world):
            print("to stdout")
            logging.getLogger().warning("to the log")
            warnings.warn("to the summary")
            await world.latency("1ms..50ms")
            await world.latency("1ms..50ms")
        """,
        "-rP",
    )
    result.assert_outcomes(passed=1, warnings=1)
    text = result.stdout.str()
    assert text.count("to stdout") == 1
    assert text.count("to the log") == 1
    result.stdout.fnmatch_lines(["*Captured stdout call*", "*Captured log call*"])


def test_the_output_that_is_shown_is_that_of_the_failing_run(suite) -> None:
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
            print("order is", *order)
            assert order == ["a", "b"]
        """
    )
    result.assert_outcomes(failed=1)
    assert result.stdout.str().count("order is") == 2  # the statement in the story, and the output
    result.stdout.fnmatch_lines(["*Captured stdout call*", "order is b a"])


def test_without_capture_logging_and_tmp_path(suite) -> None:
    source = """
        import pytest

        @pytest.mark.explore(schedules=5)
        async def test_it(world):
            await world.latency("1ms..50ms")
        """
    suite(source, "-s").assert_outcomes(passed=1)
    suite(source, "-p", "no:logging").assert_outcomes(passed=1)
    suite(source, "--capture=sys").assert_outcomes(passed=1)
