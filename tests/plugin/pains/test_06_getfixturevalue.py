"""6. request.getfixturevalue of an async fixture inside of an async test (pytest-asyncio #112, #976, anyio #705)."""

import pytest

CASES = {
    "in-a-test": {
        "source": """
        import asyncio
        import pytest

        log = []

        @pytest.fixture
        async def connection():
            await asyncio.sleep(0)
            log.append("opened")
            yield "connection"
            await asyncio.sleep(0)
            log.append("closed")

        @pytest.fixture
        async def user(connection):
            await asyncio.sleep(0)
            return f"user of {connection}"

        @pytest.mark.parametrize("name", ["connection", "user"])
        async def test_dynamic(request, name):
            assert log == []
            await asyncio.sleep(0)
            value = request.getfixturevalue(name)
            assert value.endswith("connection")
            assert request.getfixturevalue(name) is value
            assert log == ["opened"]
            await asyncio.sleep(0)

        @pytest.fixture(autouse=True)
        def closed():
            yield
            assert log == ["opened", "closed"]
            log.clear()
        """,
        "interlace": {"passed": 2},
        "asyncio": {
            "failed": 2,
            "errors": 2,
            "says": "Runner.run\\(\\) cannot be called from a running event loop",
        },
        "anyio": {"failed": 2, "errors": 2, "says": "Cannot schedule a coroutine in the test runner"},
    },
    # One async fixture chooses another.
    "in-a-fixture": {
        "source": """
        import asyncio
        import pytest

        @pytest.fixture
        async def memory():
            await asyncio.sleep(0)
            yield "memory"

        @pytest.fixture
        async def disk():
            await asyncio.sleep(0)
            yield "disk"

        @pytest.fixture(params=["memory", "disk"])
        async def storage(request):
            await asyncio.sleep(0)
            yield request.getfixturevalue(request.param)

        async def test_storage(storage, request):
            assert storage == request.node.callspec.params["storage"]
        """,
        "interlace": {"passed": 2},
        "asyncio": {"errors": 2, "says": "Runner.run\\(\\) cannot be called from a running event loop"},
        "anyio": {"errors": 2, "says": "Cannot schedule a coroutine in the test runner"},
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
