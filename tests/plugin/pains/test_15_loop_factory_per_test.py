"""15. Which loop a test runs on can be chosen for all tests only (pytest-asyncio #1101, #796, #1463)."""

import pytest

LOOPS = """
import asyncio

class FastLoop(asyncio.SelectorEventLoop):
    pass

def pytest_asyncio_loop_factories(config, item):
    return {"stock": asyncio.SelectorEventLoop, "fast": FastLoop}
"""

CASES = {
    # #1101
    "chosen-by-the-marker": {
        "files": {"conftest.py": LOOPS},
        "source": """
        import asyncio
        import pytest

        seen = []

        @pytest.fixture
        async def loop():
            return type(asyncio.get_running_loop()).__name__

        @pytest.mark.asyncio(loop_factories=["fast"])
        async def test_fast(loop):
            assert loop == "FastLoop"

        @pytest.mark.asyncio
        async def test_each(loop):
            seen.append(loop)

        def test_sync():
            assert sorted(seen) == ["FastLoop", "_UnixSelectorEventLoop"]
        """,
        "interlace": {"passed": 4},
        "asyncio": {"passed": 4},  # since 1.4
    },
    # #1463: the marker is given by a parameter.
    "marker-by-parameter": {
        "files": {"conftest.py": LOOPS.replace('"stock": asyncio.SelectorEventLoop, ', "")},
        "source": """
        import asyncio
        import pytest

        @pytest.mark.parametrize("name", [pytest.param("marked", marks=pytest.mark.asyncio)])
        async def test_marked(name):
            assert type(asyncio.get_running_loop()).__name__ == "FastLoop"
        """,
        "interlace": {"passed": 1},
        "asyncio": {
            "failed": 1,
            "says": "_UnixSelectorEventLoop",
            "options": ["--asyncio-mode=strict"],
        },
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
