"""Which loop the async fixtures of a test have, and which loop is the current one around a test."""

from __future__ import annotations

import pytest

FACTORIES = """
import asyncio

class First(asyncio.SelectorEventLoop):
    pass

class Second(asyncio.SelectorEventLoop):
    pass

def pytest_asyncio_loop_factories(config, item):
    return {"first": First, "second": Second}
"""


def test_a_test_runs_on_the_loop_that_its_fixture_is_given(suite) -> None:
    result = suite(
        """
        import asyncio
        import interlace

        loops = set()

        @interlace.fixture(loop_scope="module")
        async def queue():
            queue = asyncio.Queue()
            queue.loop = asyncio.get_running_loop()
            return queue

        async def test_first(queue):
            assert asyncio.get_running_loop() is queue.loop
            loops.add(queue.loop)

        async def test_second(queue):
            assert asyncio.get_running_loop() is queue.loop
            assert loops == {queue.loop}

        async def test_without():
            assert asyncio.get_running_loop() not in loops
        """,
        world="stock",
    )
    result.assert_outcomes(passed=3)


def test_a_shared_fixture_ends_before_a_test_on_the_loop_of_another_factory(
    suite, pytester: pytest.Pytester
) -> None:
    pytester.makeconftest(FACTORIES)
    result = suite(
        """
        import asyncio
        import pytest

        log = []

        def running():
            return type(asyncio.get_running_loop()).__name__

        @pytest.fixture(scope="module")
        async def shared():
            log.append(f"up on {running()}")
            yield asyncio.get_running_loop()
            log.append(f"down on {running()}")

        async def test_it(shared):
            assert shared is asyncio.get_running_loop()
            log.append(f"used on {running()}")

        def test_in_turn():
            assert log == [
                *("up on First", "used on First", "down on First"),
                *("up on Second", "used on Second"),
            ]
        """,
        world="stock",
    )
    result.assert_outcomes(passed=3)


def test_the_current_loop_is_after_a_test_what_it_was_before(suite) -> None:
    result = suite(
        """
        import asyncio

        mine = asyncio.new_event_loop()

        def test_before():
            asyncio.set_event_loop(mine)

        async def test_async():
            assert asyncio.get_event_loop() is not mine

        async def test_that_sets_another_one():
            asyncio.set_event_loop(None)

        def test_after():
            assert asyncio.get_event_loop() is mine
            asyncio.set_event_loop(None)
            mine.close()
        """,
        world="stock",
    )
    result.assert_outcomes(passed=4)
