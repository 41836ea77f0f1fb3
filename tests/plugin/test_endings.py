"""What ends a test or the session is not mistaken for a failure, and a failure of the set-up is told there."""

from __future__ import annotations

import textwrap

import pytest

from interlace.plugin.neighbours import is_installed

IN_A_GROUP = """
import asyncio
import pytest

async def test_it():
    async with asyncio.TaskGroup():
        {statement}

async def test_after_it():
    pass
"""


@pytest.mark.parametrize("world", ["stock", "simulated"])
@pytest.mark.parametrize(
    ("statement", "outcomes"),
    [
        ("pytest.skip('not here')", {"skipped": 1, "passed": 1}),
        ("pytest.xfail('not yet')", {"xfailed": 1, "passed": 1}),
        ("pytest.exit('no more')", {}),
        ("raise ValueError", {"failed": 1, "passed": 1}),
    ],
)
def test_what_ends_a_test_does_so_from_within_a_task_group(suite, world, statement, outcomes) -> None:
    done = suite(IN_A_GROUP.format(statement=statement), world=world)
    done.assert_outcomes(**outcomes)
    if not outcomes:
        done.stdout.fnmatch_lines(["*Exit: no more*"])


def test_a_skip_beside_an_error_is_a_failure(suite) -> None:
    source = """
    import pytest

    async def test_it():
        raise ExceptionGroup("both", [ValueError("x"), pytest.skip.Exception("y")])
    """
    suite(source.replace("ExceptionGroup", "BaseExceptionGroup"), world="stock").assert_outcomes(failed=1)


@pytest.mark.parametrize("marker", ["asyncio", "anyio"])
def test_what_fails_in_the_background_of_the_set_up_is_an_error_of_the_set_up(suite, marker) -> None:
    source = """
    import asyncio
    import pytest

    @pytest.fixture
    def anyio_backend():
        return "asyncio"

    @pytest.fixture
    async def noisy():
        def fail():
            raise RuntimeError("in the set-up")

        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0)

    @pytest.mark.MARKER
    async def test_it(noisy):
        assert False, "not reached"
    """
    source = source.replace("MARKER", marker)
    done = suite(source, "-o", "interlace_take_over=anyio", "-o", "interlace_background=error", world="stock")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*ERROR at setup of test_it*", "*RuntimeError: in the set-up*"])


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


def test_a_marker_of_anyio_that_a_hook_adds_counts(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        textwrap.dedent(
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
    )
    pytester.makepyfile(
        textwrap.dedent(
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


@pytest.mark.skipif(not is_installed("trio"), reason="needs trio")
def test_a_fixture_that_trio_cannot_set_up_in_a_running_test_is_refused(suite) -> None:
    source = """
    import pytest

    @pytest.fixture
    def anyio_backend():
        return "trio"

    @pytest.fixture
    async def value():
        return 1

    @pytest.mark.anyio
    async def test_it(request):
        request.getfixturevalue("value")
    """
    done = suite(source, "-o", "interlace_take_over=anyio", world="stock")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*ask for it in the arguments of the test*"])


def test_a_test_on_a_loop_of_the_suite_is_not_explored(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        textwrap.dedent(
            """
            import asyncio

            class OwnLoop(asyncio.SelectorEventLoop):
                pass

            def pytest_asyncio_loop_factories():
                return {"own": OwnLoop, "stock": asyncio.new_event_loop}
            """
        )
    )
    pytester.makepyfile(
        textwrap.dedent(
            """
            import asyncio

            async def test_it():
                print("on", type(asyncio.get_running_loop()).__name__)
            """
        )
    )
    done = pytester.runpytest_inprocess("-s", "-p", "no:randomly", "-p", "no:asyncio", "--explore=3")
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["*on OwnLoop*", "*on Loop*", "*an event loop of its own, made by OwnLoop*"])


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


ON_PURPOSE = """
import asyncio
import gc
import pytest

@pytest.mark.asyncio
async def test_it(caplog):
    async def boom():
        raise RuntimeError("boom")

    task = asyncio.create_task(boom())
    await asyncio.sleep(0)
    assert task.done()
    del task
    gc.collect()
    assert LOGGED in caplog.text
"""


def test_a_test_of_pytest_asyncio_that_leaves_an_exception_behind_passes_and_is_named(suite) -> None:
    source = ON_PURPOSE.replace("LOGGED", "'Task exception was never retrieved'")
    done = suite(source, world="stock")
    done.assert_outcomes(passed=1)
    named = (
        "*background of 1 test, which interlace_background=error would fail: *::test_it (RuntimeError: boom)"
    )
    done.stdout.fnmatch_lines([named])
    quiet = suite(source, "-o", "interlace_background=ignore", world="stock")
    quiet.assert_outcomes(passed=1)
    quiet.stdout.no_fnmatch_line("*in the background*")
    told = suite(ON_PURPOSE.replace("LOGGED", "''"), "-o", "interlace_background=error", world="stock")
    told.assert_outcomes(failed=1)
    own = suite(ON_PURPOSE.replace("LOGGED", "''").replace("@pytest.mark.asyncio\n", ""), world="stock")
    own.assert_outcomes(failed=1)


def test_an_exception_in_the_background_that_takes_an_order_fails_whoever_wrote_the_test(suite) -> None:
    source = """
    import asyncio
    import pytest

    @pytest.mark.asyncio
    async def test_it(world):
        stock = [1]

        async def take():
            await world.latency("1ms..9ms")
            stock.pop()

        async def usual():
            raise KeyError("always")

        async def refill():
            await world.latency("0ms..5ms")
            stock.append(1)

        one, two = asyncio.create_task(take()), asyncio.create_task(usual())
        three = asyncio.create_task(refill())
        await asyncio.wait([one, two, three])
    """
    always = suite(source, "--explore=40")
    always.assert_outcomes(passed=1)
    always.stdout.fnmatch_lines(["*KeyError: 'always'*"])
    found = suite(source.replace("stock = [1]", "stock = []"), "--explore=40")
    found.assert_outcomes(failed=1)
    found.stdout.fnmatch_lines(["*IndexError*", "*because*", "*replay*"])
