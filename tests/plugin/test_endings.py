"""What ends a test or the session is not mistaken for a failure, and a failure of the set-up is told there."""

from __future__ import annotations

import pytest

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
        raise BaseExceptionGroup("both", [ValueError("x"), pytest.skip.Exception("y")])
    """
    suite(source, world="stock").assert_outcomes(failed=1)


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
