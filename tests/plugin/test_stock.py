"""Tests on the stock loop: one task for fixtures and test, and nothing in the background is lost."""

from __future__ import annotations

import pytest


def test_one_task_one_context_one_loop(suite) -> None:
    result = suite(
        """
        import asyncio
        import contextvars
        import pytest

        number = contextvars.ContextVar("number", default=0)

        @pytest.fixture(scope="session")
        async def pool():
            yield asyncio.get_running_loop()

        @pytest.fixture
        async def first():
            number.set(5)
            yield asyncio.current_task()
            assert number.get() == 6

        @pytest.fixture
        def plain(first):
            assert number.get() == 5
            return first

        async def test_shared(plain, first):
            assert first is asyncio.current_task()
            assert number.get() == 5
            number.set(6)

        async def test_undone():
            assert number.get() == 0

        async def test_the_loop_of_the_session(pool):
            assert pool is asyncio.get_running_loop()

        async def test_a_loop_of_its_own():
            global own
            own = asyncio.get_running_loop()

        async def test_and_another():
            assert own is not asyncio.get_running_loop()
            assert own.is_closed()

        async def test_asked_for_in_the_middle(request):
            assert request.getfixturevalue("first") is asyncio.current_task()
            number.set(6)

        def test_that_is_not_async(pool):
            assert not pool.is_running()
        """,
        world="stock",
    )
    result.assert_outcomes(passed=7)


def test_what_plain_fixtures_hand_to_the_loop_is_begun_before_the_test(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        told = []

        @pytest.fixture
        async def first():
            told.append("first")
            asyncio.get_running_loop().call_soon(told.append, "left by first")

        @pytest.fixture
        def plain(first):
            asyncio.get_event_loop().call_soon(told.append, "left by plain")

        @pytest.fixture
        def running(plain):
            asyncio.get_event_loop().run_until_complete(asyncio.sleep(0))
            asyncio.get_event_loop().call_soon(told.append, "left by running")

        async def test_plain(plain):
            assert told == ["first", "left by first", "left by plain"]
            told.clear()

        async def test_running(running):
            assert told == ["first", "left by first", "left by plain", "left by running"]
        """,
        world="stock",
    )
    result.assert_outcomes(passed=2)


def test_a_failing_child_surfaces_in_the_test(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.fixture
        async def group():
            async with asyncio.TaskGroup() as group:
                yield group

        async def test_it(group):
            async def child():
                raise ValueError("from the child")
            group.create_task(child())
            await asyncio.sleep(1000)
        """,
        world="stock",
    )
    result.assert_outcomes(failed=1)  # and not once more when the fixture is torn down
    result.stdout.fnmatch_lines(["*ValueError: from the child", "*task group in the fixture 'group'*"])


BACKGROUND = """
import asyncio

async def test_callback():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)

async def test_task():
    async def job():
        raise ValueError("nobody asks")
    asyncio.create_task(job())
    await asyncio.sleep(0.001)

async def test_that_asks():
    async def job():
        raise ValueError("somebody asks")
    task = asyncio.create_task(job())
    await asyncio.wait([task])
    assert str(task.exception()) == "somebody asks"
"""


@pytest.mark.parametrize("world", ["stock", "simulated"])
def test_exceptions_in_the_background_fail_the_test(suite, world: str) -> None:
    result = suite(BACKGROUND, world=world)
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(["*ZeroDivisionError*", "*nobody asks*"])


def test_unless_the_suite_says_otherwise(suite) -> None:
    suite(BACKGROUND, "-o", "interlace_background=warn", world="stock").assert_outcomes(passed=3, warnings=2)
    suite(BACKGROUND, "-o", "interlace_background=ignore", world="stock").assert_outcomes(passed=3)
    result = suite(BACKGROUND, "-o", "interlace_background=shrug", world="stock")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_an_exception_that_a_fixture_asks_for_later_is_none(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.fixture
        async def server():
            async def serve():
                raise OSError("stopped")
            task = asyncio.create_task(serve())
            yield
            with pytest.raises(OSError):
                await task

        async def test_it(server):
            await asyncio.sleep(0)
        """,
        world="stock",
    )
    result.assert_outcomes(passed=1)


def test_tasks_left_pending_are_told_at_their_test(suite) -> None:
    result = suite(
        """
        import asyncio

        async def test_it():
            asyncio.create_task(asyncio.sleep(1000), name="poller")
        """,
        world="stock",
    )
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["interlace: 1 test left 1 task pending, which were cancelled: test_it.py::test_it"]
    )


HANGS = """
import asyncio
import pytest

async def work():
    await asyncio.Event().wait()

@pytest.mark.interlace_timeout({seconds})
async def test_it({world}):
    task = asyncio.create_task(work(), name="worker")
    await asyncio.sleep(1000)

@pytest.fixture
async def slow():
    await asyncio.sleep(1000)

@pytest.mark.interlace_timeout({seconds})
async def test_fixture(slow, {world}):
    pass
"""


@pytest.mark.parametrize(("seconds", "world"), [(0.01, ""), (900, "world")], ids=["stock", "simulated"])
def test_a_timeout_tells_where_all_tasks_stand(suite, seconds: float, world: str) -> None:
    result = suite(HANGS.format(seconds=seconds, world=world), world="stock")
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines_random(
        [
            f"*not done after {seconds:g} s*",
            "*worker waits for Event.wait at test_it.py:5 in work*",
            "*waits for sleep at test_it.py:10 in test_it*",
        ]
    )


@pytest.mark.parametrize("options", [(), ("--overlap=2",)], ids=["alone", "overlapping"])
def test_a_test_that_swallows_its_timeout_has_failed_all_the_same(suite, options: tuple[str, ...]) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.fixture
        async def calm():
            yield
            assert asyncio.current_task().cancelling() == 0

        @pytest.mark.interlace_timeout(0.01)
        async def test_swallows(calm):
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                pass

        async def test_other():
            pass
        """,
        *options,
        world="stock",
    )
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*not done after 0.01 s*"])


def test_bad_timeouts(suite) -> None:
    result = suite(HANGS.format(seconds="'soon'", world=""), world="stock")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*interlace_timeout is 'soon': give a number of seconds above 0*"])
    result = suite("", "-o", "interlace_timeout=-1", world="stock")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_bad_fixtures_and_factories(suite, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import asyncio

        def broken():
            raise OSError("no loop today")

        def pytest_asyncio_loop_factories(config, item):
            if "factory" in item.name:
                return {"broken": broken, "number": lambda: 3}
            return {"asyncio": asyncio.new_event_loop}
        """
    )
    result = suite(
        """
        import pytest

        @pytest.fixture
        async def twice():
            yield 1
            yield 2

        @pytest.fixture
        async def never():
            if False:
                yield

        async def test_twice(twice):
            pass

        async def test_never(never):
            pass

        async def test_factory():
            pass
        """,
        world="stock",
    )
    result.assert_outcomes(passed=1, errors=4)
    result.stdout.fnmatch_lines_random(
        [
            "*the fixture 'twice' (test_it.py:3) yields twice*",
            "*the fixture 'never' (test_it.py:8) has ended without a yield*",
            "*OSError: no loop today*",
            "*returned 3, which is no event loop*",
        ]
    )


def test_an_async_fixture_in_strict_mode_is_refused_at_the_place(suite) -> None:
    source = """
        import pytest
        import interlace

        @pytest.fixture
        async def plain():
            return 1

        @interlace.fixture
        async def declared():
            return 1

        {test}(plain):
            pass

        def test_sync(declared):
            assert declared == 1
        """
    strict = ("-o", "asyncio_mode=strict", "-o", "interlace_mode=strict")
    result = suite(
        source.format(test="@pytest.mark.asyncio\n        async def test_it"), *strict, world="stock"
    )
    # Before 9.1 pytest gives the test a coroutine, which it may await.
    refused = {"passed": 1, "errors": 1} if pytest.version_tuple >= (9, 1) else {"passed": 2}
    result.assert_outcomes(**refused)
    result.stdout.fnmatch_lines(["*async fixture 'plain' (test_it.py:4)*@interlace.fixture*"])
    result = suite(source.format(test="def test_it"), *strict, world="stock")
    result.assert_outcomes(**refused)


@pytest.mark.parametrize("options", [(), ("--explore=5",)], ids=["once", "explored"])
@pytest.mark.parametrize("world", ["stock", "simulated"])
def test_an_async_fixture_asked_for_in_the_middle_may_wait(
    suite, world: str, options: tuple[str, ...]
) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.fixture
        async def thing():
            beside = asyncio.create_task(asyncio.sleep(0.002, "beside"))
            await asyncio.sleep(0)
            await asyncio.sleep(0.001)
            return await beside

        async def test_it(request):
            others = [asyncio.create_task(asyncio.sleep(0)) for _ in range(3)]
            await asyncio.sleep(0)
            assert request.getfixturevalue("thing") == "beside"
            await asyncio.gather(*others)
            await asyncio.sleep(0.001)
        """,
        *options,
        world=world,
    )
    result.assert_outcomes(passed=1)


def test_an_async_generator_that_was_let_go_of_is_closed(suite) -> None:
    source = """
    closed = []

    async def test_it():
        async def generate():
            try:
                yield
            finally:
                closed.append(True)

        await anext(generate())

    def test_after_it():
        assert closed
    """
    suite(source, world="stock").assert_outcomes(passed=2, warnings=0)


@pytest.mark.parametrize(("background", "logged"), [("ignore", 1), ("error", 0)])
def test_what_goes_wrong_in_the_background_is_logged_where_it_is_no_error(suite, background, logged) -> None:
    source = """
    import asyncio

    async def test_it(caplog):
        asyncio.get_running_loop().call_exception_handler({"message": "broken", "exception": ValueError("x")})
        assert len(caplog.records) == LOGGED
    """
    done = suite(
        source.replace("LOGGED", str(logged)), "-o", f"interlace_background={background}", world="stock"
    )
    done.assert_outcomes(**({"passed": 1} if background == "ignore" else {"failed": 1}))
    if background == "error":
        done.stdout.fnmatch_lines(["*ValueError: x*"])


@pytest.mark.parametrize("options", [(), ("--overlap=2",)], ids=["alone", "overlapping"])
def test_a_task_that_fails_while_the_test_is_torn_down_is_told(suite, options: tuple[str, ...]) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        tasks = []

        async def fail():
            raise LookupError("late")

        @pytest.fixture
        async def ending():
            yield
            tasks.append(asyncio.create_task(fail()))
            await asyncio.sleep(0)

        async def test_late(ending):
            pass

        async def test_other():
            pass
        """,
        *options,
        world="stock",
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_late*", "*LookupError: late*"])
