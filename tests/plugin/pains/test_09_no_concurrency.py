"""9. Tests that only wait, wait one after the other (pytest-asyncio #69, #118)."""

import pytest

CASES = {
    # No clock is needed to see it: each test waits until all three have come.
    "three-tests-meet": {
        "source": """
        import asyncio
        import pytest

        arrived = []
        everybody = asyncio.Event()

        async def meet(name):
            arrived.append(name)
            if len(arrived) == 3:
                everybody.set()
            await asyncio.wait_for(everybody.wait(), 2)

        @pytest.mark.overlap
        @pytest.mark.parametrize("name", ["ann", "bob", "cleo"])
        async def test_meeting(name):
            await meet(name)
        """,
        "interlace": {"passed": 3},
        "asyncio": {
            "passed": 1,  # the last one finds the two others gone
            "failed": 2,
            "says": "TimeoutError",
            "ini": """
            asyncio_default_test_loop_scope = session
            markers = overlap
            """,
        },
        "anyio": {"passed": 1, "failed": 2, "says": "TimeoutError", "ini": "markers = overlap"},
    },
    # Each has its own fixtures, its own context, its own output and its own failure.
    "apart-although-together": {
        "source": """
        import asyncio
        import contextvars
        import pytest

        pytestmark = pytest.mark.overlap
        here = set()
        user = contextvars.ContextVar("user")

        async def meet(name, number):
            here.add(name)
            for _ in range(1000):
                await asyncio.sleep(0)
            assert len(here) == number, "alone"

        @pytest.fixture(params=["ann", "bob", "cleo"])
        async def name(request):
            user.set(request.param)
            await asyncio.sleep(0)
            yield request.param
            assert user.get() == request.param

        async def test_user(name, tmp_path):
            print("this is", name)
            (tmp_path / "name").write_text(name)
            await meet(name, 3)
            assert user.get() == name
            assert (tmp_path / "name").read_text() == name
            assert name != "bob", "bob is not let in"
        """,
        "interlace": {
            "passed": 2,
            "failed": 1,
            "says": ["test_user\\[bob\\].*bob is not let in", "this is bob"],
            "hides": ["this is ann", "this is cleo"],
        },
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
