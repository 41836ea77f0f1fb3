"""11. A test that calls asyncio.run takes the loop from those after it (pytest-asyncio #658, #1177, #257)."""

import pytest

CASES = {
    # #1177, #257, #210: the command line of an application is tested among the rest.
    "between-async-tests": {
        "source": """
        import asyncio
        import pytest

        async def amain():
            await asyncio.sleep(0)
            return 3

        @pytest.fixture(scope="module")
        async def loop():
            return asyncio.get_running_loop()

        async def test_before(loop):
            assert asyncio.get_running_loop() is loop

        def test_cli():
            assert asyncio.run(amain()) == 3

        async def test_after(loop):
            assert asyncio.get_running_loop() is loop

        def test_runner():
            with asyncio.Runner() as runner:
                assert runner.run(amain()) == 3

        async def test_after_runner(loop):
            assert asyncio.get_running_loop() is loop

        def test_nobody_is_left():
            asyncio.set_event_loop(None)

        async def test_after_all(loop):
            assert asyncio.get_running_loop() is loop
        """,
        "options": ["-Werror::RuntimeWarning"],
        "interlace": {"passed": 7},
        "asyncio": {"passed": 7, "ini": "asyncio_default_test_loop_scope = module"},
        "anyio": {"passed": 7},
    },
    # #658
    "in-a-sync-fixture": {
        "source": """
        import asyncio
        import pytest

        async def prepare():
            await asyncio.sleep(0)
            return "prepared"

        @pytest.fixture
        def prepared():
            yield asyncio.run(prepare())
            asyncio.run(prepare())

        @pytest.fixture
        async def connection():
            await asyncio.sleep(0)
            yield asyncio.get_running_loop()
            await asyncio.sleep(0)

        @pytest.mark.parametrize("number", [1, 2])
        async def test_async(connection, prepared, number):
            assert prepared == "prepared"
            assert connection is asyncio.get_running_loop()
        """,
        "interlace": {"passed": 2},
        "asyncio": {"passed": 2},
        "anyio": {"passed": 2},
    },
    # Code under test that still asks for the current loop outside of a coroutine.
    "current-loop-of-a-sync-fixture": {
        "source": """
        import asyncio
        import pytest

        @pytest.fixture
        async def started():
            yield

        @pytest.fixture
        def client(started):
            loop = asyncio.get_event_loop()
            return loop.create_future()

        async def test_client(client):
            client.get_loop().call_soon(client.set_result, 3)
            assert await client == 3
        """,
        "interlace": {"passed": 1},
        "asyncio": {"passed": 1},
        "anyio": {"passed": 1},
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
