"""13. Two plugins are installed, and each does half of a test (pytest-asyncio #76, anyio #505)."""

import pytest

TAKE_OVER = """
asyncio_mode = auto
interlace_take_over = asyncio anyio
"""

# A library of tests for anyio, in a project whose other tests are for pytest-asyncio.
MIXED = """
import asyncio
import pytest

@pytest.fixture
async def connection():
    loop = asyncio.get_running_loop()
    yield loop
    assert asyncio.get_running_loop() is loop

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_for_anyio(connection):
    assert asyncio.get_running_loop() is connection, "two loops"

@pytest.mark.asyncio
async def test_for_asyncio(connection):
    assert asyncio.get_running_loop() is connection, "two loops"
"""

CASES = {
    # #76: the fixture is made by one of them, and the test run by the other.
    "one-fixture-for-both": {
        "source": MIXED,
        "interlace": {"passed": 2},
        "both": {"passed": 1, "failed": 1, "ini": "asyncio_mode = auto", "says": "two loops"},
        "beside": {"passed": 2, "ini": TAKE_OVER},
    },
    # anyio #505: a test that is marked for one of them is run by the other, who knows nothing of its backend.
    "left-to-them": {
        "source": """
        import asyncio
        import pytest

        @pytest.mark.asyncio
        async def test_theirs():
            assert not hasattr(asyncio.get_running_loop(), "world")

        @pytest.mark.interlace
        async def test_ours(world):
            await asyncio.sleep(3600)

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio"])
        async def test_anyios(anyio_backend_name):
            assert anyio_backend_name == "asyncio"
        """,
        "beside": {"passed": 3, "ini": "asyncio_mode = strict"},
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
