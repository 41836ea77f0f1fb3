"""Exploring tests that nobody wrote for it: shared async fixtures, the real outside, shared state."""

from __future__ import annotations

import pytest

SHARED = """
import asyncio
import pytest

starts = []

@pytest.fixture(scope="module")
async def server():
    starts.append(type(asyncio.get_running_loop()).__module__)
    async def answer(reader, writer):
        writer.write(await reader.readline())
        writer.close()
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()
    server.close()

@pytest.fixture(scope="module")
def address(server):
    return server

async def talk(address):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"hello\\n")
    assert await reader.readline() == b"hello\\n"
    writer.close()

async def test_plain_before(address):
    await talk(address)

@pytest.mark.explore(schedules=5)
async def test_explored(address):
    await talk(address)

async def test_plain_after(address):
    await talk(address)
    ours = [name for name in starts if name.startswith("interlace")]
    assert (len(starts) - len(ours), len(ours) >= 5) == (1, True)
"""


def test_a_shared_async_fixture_is_made_anew_in_each_world_and_kept_outside(suite) -> None:
    suite(SHARED, world="stock").assert_outcomes(passed=3)


def test_a_test_that_needs_the_real_outside_is_run_once_and_named(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest
        import sys

        runs = []

        async def test_process():
            runs.append(1)
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
            assert await process.wait() == 0

        @pytest.fixture
        async def process():
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
            yield process
            assert await process.wait() == 0

        async def test_fixture(process):
            runs.append(2)

        def test_counted():
            assert runs == [1, 1, 2]
        """,
        "--explore=5",
        world="stock",
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["interlace: test_it.py::test_process was run once, plainly*subprocess_exec is not simulated*"]
    )


def test_a_test_that_asks_to_be_explored_is_refused_instead(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.mark.explore
        async def test_process():
            await asyncio.create_subprocess_exec("true")
        """,
        world="stock",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NotSimulated: loop.subprocess_exec is not simulated*"])


def test_a_shared_fixture_that_changes_is_named(suite) -> None:
    result = suite(
        """
        import pytest

        @pytest.fixture(scope="session")
        def seen():
            return []

        @pytest.fixture(scope="session")
        def settings():
            return {"debug": True}

        @pytest.mark.explore(schedules=5)
        async def test_it(world, seen, settings):
            await world.latency("1ms..5ms")
            seen.append(1)
        """,
        world="stock",
    )
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*SharedStateWarning: test_it changes the shared fixture 'seen'*"])


def test_a_fixture_that_fails_in_some_schedule_is_a_finding(suite) -> None:
    result = suite(
        """
        import asyncio
        import pytest

        @pytest.fixture
        async def cache(world):
            found = {}
            async def load():
                await world.latency("0ms..50ms")
                found["key"] = 1
            task = asyncio.create_task(load())
            await asyncio.sleep(0.01)
            yield found["key"]
            await task

        @pytest.mark.explore
        async def test_it(cache):
            assert cache == 1
        """,
        world="stock",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*KeyError: 'key'*", "*--replay=*"])


def test_a_world_whose_setup_fails_is_closed(suite) -> None:
    result = suite(
        """
        import asyncio
        import gc
        import pytest

        loops = []

        @pytest.fixture
        async def broken():
            loops.append(asyncio.get_running_loop())
            raise OSError("no")

        @pytest.fixture
        async def process():
            loops.append(asyncio.get_running_loop())
            return await asyncio.create_subprocess_exec("true")

        async def test_broken(broken):
            pass

        async def test_outside(process):
            assert await process.wait() == 0

        def test_closed():
            assert [loop.is_closed() for loop in loops] == [True, True, True, True]
        """,
        "--explore=3",
        world="stock",
    )
    result.assert_outcomes(passed=2, errors=1)


def test_shared_fixtures_of_tests_that_went_outside_are_shared_there(suite) -> None:
    result = suite(
        """
        import asyncio
        import sys
        import pytest

        made = []

        @pytest.fixture(scope="module")
        async def shared():
            made.append(type(asyncio.get_running_loop()).__module__)
            yield asyncio.get_running_loop()

        async def work(shared):
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", "pass")
            assert await process.wait() == 0
            assert shared is asyncio.get_running_loop()

        async def test_first(shared):
            await work(shared)

        async def test_second(shared):
            await work(shared)

        def test_made_once_outside():
            assert len([name for name in made if not name.startswith("interlace")]) == 1
        """,
        "--explore=3",
        world="stock",
    )
    result.assert_outcomes(passed=3)


def test_a_test_on_a_loop_of_the_suite_is_not_explored(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
            import asyncio

            class OwnLoop(asyncio.SelectorEventLoop):
                pass

            def pytest_asyncio_loop_factories():
                return {"own": OwnLoop, "stock": asyncio.new_event_loop}
            """
    )
    pytester.makepyfile(
        """
            import asyncio

            async def test_it():
                print("on", type(asyncio.get_running_loop()).__name__)
            """
    )
    done = pytester.runpytest_inprocess("-s", "-p", "no:randomly", "-p", "no:asyncio", "--explore=3")
    done.assert_outcomes(passed=2)
    done.stdout.fnmatch_lines(["*on OwnLoop*", "*on Loop*", "*an event loop of its own, made by OwnLoop*"])
