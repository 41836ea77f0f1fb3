"""3. The fixture event_loop, on which suites were built for years, is gone (pytest-asyncio #706)."""

import pytest

GONE = "fixture 'event_loop' not found"

CASES = {
    "requested-by-a-test": {
        "source": """
        import asyncio
        import pytest

        @pytest.mark.asyncio
        async def test_executor(event_loop):
            assert event_loop is asyncio.get_running_loop()
            assert await event_loop.run_in_executor(None, lambda: 3) == 3

        def test_sync(event_loop):
            assert event_loop.run_until_complete(asyncio.sleep(0, "done")) == "done"
        """,
        "interlace": {"passed": 2},
        "asyncio": {"errors": 2, "says": GONE},
        "anyio": {"errors": 2, "says": GONE},
    },
    # A server or a client made by a fixture that is not asynchronous, on the loop the test will run on.
    "requested-by-a-sync-fixture": {
        "source": """
        import asyncio
        import pytest

        @pytest.fixture
        def server(event_loop):
            closing = event_loop.create_future()
            serving = event_loop.create_task(serve(closing))
            yield serving
            closing.set_result(None)
            assert event_loop.run_until_complete(serving) == "closed"

        async def serve(closing):
            await closing
            return "closed"

        async def test_server(server):
            assert server.get_loop() is asyncio.get_running_loop()
            await asyncio.sleep(0)
            assert not server.done()
        """,
        "interlace": {"passed": 1},
        "asyncio": {"errors": 1, "says": GONE},
        "anyio": {"errors": 1, "says": GONE},
    },
    # How one had a wider loop up to 0.21; it is in thousands of conftest files.
    "overridden-for-the-session": {
        "files": {
            "conftest.py": """
            import asyncio
            import pytest

            @pytest.fixture(scope="session")
            def event_loop():
                loop = asyncio.new_event_loop()
                yield loop
                loop.close()

            @pytest.fixture(scope="session")
            async def pool(event_loop):
                assert event_loop is asyncio.get_running_loop()
                return asyncio.get_running_loop()
            """
        },
        "source": """
        import asyncio

        async def test_pool(pool):
            assert pool is asyncio.get_running_loop()

        async def test_again(pool, event_loop):
            assert pool is asyncio.get_running_loop() is event_loop
        """,
        "interlace": {"passed": 2},
        # The override is still called, and what it returns is used by nobody.
        "asyncio": {"errors": 2, "says": "assert event_loop is asyncio.get_running_loop()"},
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
