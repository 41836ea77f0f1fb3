"""Tests that overlap in one loop: each has its own fixtures, output and outcome."""

from __future__ import annotations

import pytest

OVERLAPPING = """
import asyncio
import logging
import pytest

running = most = 0

@pytest.fixture
async def account():
    account = {"balance": 0}
    yield account
    assert account["balance"] == 1

@pytest.mark.parametrize("number", range(6))
async def test_it(number, account, tmp_path):
    global running, most
    assert account["balance"] == 0
    account["balance"] += 1
    (tmp_path / "file").touch()
    running += 1
    most = max(most, running)
    print("printed by", number)
    await asyncio.sleep(0.001)
    running -= 1
    logging.getLogger().warning("logged by %d", number)
    assert number != 4, "the fourth"

def test_how_many():
    print("most:", most)
    assert most == {most}
"""


@pytest.mark.parametrize(("option", "most"), [((), 1), (("--overlap=3",), 3), (("--overlap=100",), 6)])
def test_as_many_as_are_allowed(suite, option: tuple[str, ...], most: int) -> None:
    result = suite(OVERLAPPING.replace("{most}", str(most)), *option, world="stock")
    result.assert_outcomes(passed=6, failed=1)
    out = result.stdout.str()
    assert "printed by 4" in out
    assert "logged by 4" in out
    assert "printed by 3" not in out


def test_what_shares_more_is_run_alone_and_the_summary_says_why(suite) -> None:
    result = suite(
        """
        async def test_first():
            pass

        async def test_captured(capsys):
            print("mine")
            assert capsys.readouterr().out == "mine\\n"

        async def test_world(world):
            await world.latency("1ms")

        async def test_last():
            pass
        """,
        "--overlap=4",
        world="stock",
    )
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines_random(
        [
            "interlace: 1 test did not overlap with others: it uses capsys",
            "interlace: 1 test did not overlap with others: it is simulated",
        ]
    )


def test_groups_that_are_marked(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        running = most = 0

        async def work():
            global running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1

        @pytest.mark.overlap("a")
        @pytest.mark.parametrize("number", range(2))
        async def test_a(number):
            await work()

        @pytest.mark.overlap("b")
        @pytest.mark.parametrize("number", range(3))
        async def test_b(number):
            await work()

        async def test_plain():
            assert running == 0
            assert most == 3
        """,
        world="stock",
    )
    result.assert_outcomes(passed=6)


def test_a_setup_that_fails_a_timeout_and_maxfail(suite) -> None:
    source = """
        import asyncio
        import pytest

        @pytest.fixture
        async def broken():
            raise OSError("no")

        async def test_first():
            pass

        async def test_broken(broken):
            pass

        @pytest.mark.interlace_timeout(0.01)
        async def test_hangs():
            await asyncio.Event().wait()

        async def test_last():
            pass
        """
    result = suite(source, "--overlap=4", world="stock")
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*not done after 0.01 s*"])
    suite(source, "--overlap=4", "-x", world="stock").assert_outcomes(passed=1, errors=1)


BACKGROUND = """
import asyncio
import pytest

tasks = []

async def fail(text):
    raise LookupError(text)

async def last():
    await asyncio.sleep(0.01)

async def test_innocent():
    await last()

async def test_callback():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await last()

async def test_task():
    tasks.append(asyncio.create_task(fail("of the task")))
    await last()

@pytest.fixture
async def worker():
    task = asyncio.create_task(fail("of the fixture"))
    yield
    task.cancel()

async def test_worker(worker):
    await last()

async def child():
    tasks.append(asyncio.create_task(fail("of a child")))

async def test_child():
    async with asyncio.TaskGroup() as group:
        group.create_task(child())
    await last()

@pytest.fixture
async def gathered():
    task = asyncio.create_task(fail("expected"))
    yield
    await asyncio.gather(task, return_exceptions=True)

async def test_gathered(gathered):
    await last()

async def test_last():
    await last()
"""


def test_a_failure_in_the_background_is_told_at_the_test_that_made_it(suite) -> None:
    result = suite(BACKGROUND, "--overlap=10", world="stock")
    result.assert_outcomes(passed=6, failed=1, errors=3)
    result.stdout.re_match_lines(
        [
            r"_+ ERROR at teardown of test_task _+",
            r"E +LookupError: of the task",
            r"_+ ERROR at teardown of test_worker _+",
            r"E +LookupError: of the fixture",
            r"_+ ERROR at teardown of test_child _+",
            r"E +LookupError: of a child",
            r"_+ test_callback _+",
            r"E +ZeroDivisionError.*",
        ]
    )


def test_each_alone_tells_the_same(suite) -> None:
    suite(BACKGROUND, world="stock").assert_outcomes(passed=6, failed=1, errors=3)


@pytest.mark.parametrize("scope", ["module", "session"])
def test_they_overlap_on_the_loop_of_the_fixtures_they_share(suite, scope: str) -> None:
    result = suite(
        f"""
        import asyncio
        import pytest

        most = running = 0
        loops = set()

        @pytest.fixture(scope="{scope}")
        async def queue():
            queue = asyncio.Queue()
            queue.loop = asyncio.get_running_loop()
            yield queue
            assert asyncio.get_running_loop() is queue.loop

        async def work():
            global most, running
            loops.add(asyncio.get_running_loop())
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1

        @pytest.mark.overlap
        @pytest.mark.parametrize("number", range(3))
        async def test_shared(number, queue):
            assert asyncio.get_running_loop() is queue.loop
            await work()

        @pytest.mark.overlap
        async def test_beside():
            await work()

        async def test_after(queue):
            assert asyncio.get_running_loop() is queue.loop
            assert loops == {{queue.loop}}
            assert queue.loop.get_task_factory() is None
            assert most == 4
        """,
        world="stock",
    )
    result.assert_outcomes(passed=5)
