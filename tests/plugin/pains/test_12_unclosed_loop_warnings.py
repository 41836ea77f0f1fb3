"""12. "unclosed event loop", about a loop that the user did not open (pytest-asyncio #724, #433)."""

import pytest

STRICT = ["-Werror", "-Werror::ResourceWarning", "-Werror::pytest.PytestUnraisableExceptionWarning"]

CASES = {
    # #724
    "asyncio-run-after-an-async-fixture": {
        "source": """
        import asyncio
        import gc
        import pytest

        @pytest.fixture
        async def demo():
            yield

        async def test_json(demo):
            await asyncio.sleep(0)

        def test_redirect():
            async def amain():
                pass

            asyncio.run(amain())
            gc.collect()

        async def test_last(demo):
            gc.collect()
        """,
        "options": STRICT,
        "interlace": {"passed": 3, "apart": True, "hides": "unclosed"},
        "asyncio": {"passed": 3, "hides": "unclosed", "ini": "asyncio_default_fixture_loop_scope = function"},
        "anyio": {"passed": 3, "hides": "unclosed"},
    },
    # #433
    "skipped-test-case": {
        "source": """
        import gc
        import unittest

        class TestCase(unittest.IsolatedAsyncioTestCase):
            async def test_1(self):
                pass

            @unittest.skip("reason")
            async def test_2(self):
                pass

            def tearDown(self):
                gc.collect()

        def test_collected():
            gc.collect()
        """,
        "options": STRICT,
        "interlace": {"passed": 2, "skipped": 1, "apart": True, "hides": "unclosed"},
        "asyncio": {
            "passed": 2,
            "skipped": 1,
            "hides": "unclosed",
            "ini": "asyncio_default_fixture_loop_scope = function",
        },
        "anyio": {"passed": 2, "skipped": 1, "hides": "unclosed"},
    },
    # Wider loops, a failing setup and a generator that is left half-way.
    "loops-of-every-kind": {
        "source": """
        import asyncio
        import gc
        import pytest

        @pytest.fixture(scope="module")
        async def wide():
            yield

        @pytest.fixture
        async def broken():
            raise ValueError("broken setup")
            yield

        async def test_wide(wide):
            pass

        async def test_broken(broken):
            pass

        async def test_stopped_generator():
            async def numbers():
                yield 1
                yield 2

            async for number in numbers():
                break

        def test_collected():
            gc.collect()
        """,
        "options": STRICT,
        "interlace": {"passed": 3, "errors": 1, "apart": True, "hides": "unclosed"},
        "asyncio": {
            "passed": 3,
            "errors": 1,
            "hides": "unclosed",
            "ini": "asyncio_default_fixture_loop_scope = module",
        },
        "anyio": {"passed": 3, "errors": 1, "hides": "unclosed"},
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
