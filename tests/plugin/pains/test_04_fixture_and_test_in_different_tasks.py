"""4. What a fixture opens around its yield belongs to a task, and the test runs in another one.

pytest-asyncio #1191, #1083, anyio #345, #805, #1179.
"""

import pytest

SCOPE = "Attempted to exit cancel scope in a different task than it was entered in"

CASES = {
    # #1191
    "cancel-scope": {
        "source": """
        import anyio
        import pytest

        @pytest.fixture
        async def scope():
            with anyio.CancelScope() as scope:
                yield scope

        async def test_scope(scope):
            await anyio.sleep(0)
            assert not scope.cancel_called
        """,
        "interlace": {"passed": 1},
        "asyncio": {"passed": 1, "errors": 1, "says": SCOPE},
        "anyio": {"passed": 1},
    },
    # anyio #345
    "anyio-task-group": {
        "source": """
        import anyio
        import pytest

        @pytest.fixture
        async def group():
            async with anyio.create_task_group() as group:
                yield group
                group.cancel_scope.cancel()

        @pytest.fixture
        async def server(group):
            send, receive = anyio.create_memory_object_stream(1)
            group.start_soon(echo, receive)
            async with send:
                yield send

        async def echo(receive):
            async with receive:
                async for answer in receive:
                    answer.set()

        async def test_server(server):
            answer = anyio.Event()
            await server.send(answer)
            await answer.wait()
        """,
        "interlace": {"passed": 1},
        "asyncio": {"passed": 1, "errors": 1, "says": SCOPE},
        "anyio": {"passed": 1},
    },
    # asyncio.timeout and asyncio.TaskGroup remember the task that entered them.
    "timeout-of-asyncio": {
        "source": """
        import asyncio
        import pytest

        @pytest.fixture
        async def deadline():
            async with asyncio.timeout(3600) as deadline:
                yield deadline

        async def test_in_time(deadline):
            assert not deadline.expired()

        async def test_too_late(deadline):
            deadline.reschedule(asyncio.get_running_loop().time())
            await asyncio.sleep(60)
            raise AssertionError("the deadline of the fixture was not kept")
        """,
        "interlace": {
            "passed": 1,
            "failed": 1,
            "says": "TimeoutError",
            "hides": "AssertionError: the deadline",
        },
        # The time is up in a task that ended long ago.
        "asyncio": {"hangs": True},
        # The cancellation meets the task that runs every test and fixture, and ends it.
        "anyio": {
            "passed": 1,
            "failed": 1,
            "errors": 1,
            "says": "ClosedResourceError",
            "hides": "TimeoutError",
        },
    },
    # #1083: a child of the group fails, and what waits in the test is never told.
    "child-fails-during-the-test": {
        "source": """
        import asyncio
        import pytest

        @pytest.fixture
        async def server():
            async with asyncio.TaskGroup() as group:
                yield group.create_task(serve())

        async def serve():
            await asyncio.sleep(0)
            raise ConnectionError("the port is taken")

        async def test_server(server):
            await asyncio.wait_for(asyncio.Event().wait(), 0.5)  # an answer of the server
        """,
        "interlace": {"failed": 1, "says": "ConnectionError: the port is taken", "hides": "TimeoutError"},
        # Half a second is waited for nothing; without the wait_for it would be for ever.
        "asyncio": {"failed": 1, "errors": 1, "says": "TimeoutError"},
        "anyio": {"hangs": True},
    },
    # It does not have to be in the fixture itself, nor in a fixture of the test.
    "child-of-a-server-for-the-module": {
        "source": """
        import asyncio
        import contextlib
        import pytest

        class Server:
            def __init__(self, group):
                self.group = group

            async def serve(self):
                await asyncio.sleep(0)
                raise ConnectionError("the disk is full")

        @contextlib.asynccontextmanager
        async def running():
            async with asyncio.TaskGroup() as group:
                yield Server(group)

        @pytest.fixture(scope="module")
        async def server():
            async with contextlib.AsyncExitStack() as stack:
                yield await stack.enter_async_context(running())

        async def test_server(server):
            server.group.create_task(server.serve())
            await asyncio.Event().wait()

        async def test_other(server):
            await asyncio.sleep(0)

        @pytest.fixture
        async def deadline():
            async with asyncio.timeout(0):
                yield

        async def test_deadline(deadline):
            await asyncio.Event().wait()
        """,
        "interlace": {
            "passed": 1,
            "failed": 2,
            "says": [
                "ConnectionError: the disk is full",
                "a child of the task group in the fixture 'server' has cancelled the test",
                "the timeout in the fixture 'deadline' has cancelled the test",
            ],
        },
        "asyncio": {"hangs": True},
        "anyio": {"failed": 2, "errors": 2, "says": "ClosedResourceError", "hides": "the disk is full"},
    },
    # #1083, in its first form: the child fails when the test is over.
    "child-fails-after-the-test": {
        "source": """
        import asyncio
        import pytest

        @pytest.fixture
        async def buddy():
            over = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(forever())
                group.create_task(fail(over))
                yield
                over.set()

        async def forever():
            while True:
                await asyncio.sleep(3600)

        async def fail(over):
            await over.wait()
            raise ValueError("out of the fixture")

        async def test_example(buddy):
            pass
        """,
        "interlace": {"passed": 1, "errors": 1, "says": "ValueError: out of the fixture"},
        "asyncio": {"hangs": True},
        "anyio": {"passed": 1, "errors": 1, "says": "ValueError: out of the fixture"},
    },
    # anyio #1179: a skip in between must not leave the scope of the session to another task.
    "skip-under-a-session-scope": {
        "source": """
        import anyio
        import pytest

        @pytest.fixture(scope="session")
        async def group():
            async with anyio.create_task_group() as group:
                yield group

        async def test_before(group):
            pass

        async def test_skipped(group):
            pytest.skip("not here")

        async def test_after(group):
            with pytest.raises(ValueError):
                raise ValueError
        """,
        "interlace": {"passed": 2, "skipped": 1},
        "asyncio": {"passed": 2, "skipped": 1, "errors": 1, "says": SCOPE},
        "anyio": {"passed": 2, "skipped": 1},
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
