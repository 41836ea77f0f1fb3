"""14. Hypothesis runs every example on the same fixtures (pytest-asyncio #145, hypothesis #377, #4036)."""

import pytest

CASES = {
    "fixture-made-afresh": {
        "source": """
        import asyncio
        import pytest
        from hypothesis import given, settings, strategies as st

        opened, closed = [], []

        @pytest.fixture
        async def account():
            await asyncio.sleep(0)
            account = {"balance": 0, "loop": asyncio.get_running_loop()}
            opened.append(account)
            yield account
            closed.append(account)

        @pytest.fixture
        def entries(account):
            return []

        @settings(max_examples=12, database=None)
        @given(amount=st.integers(1, 100))
        async def test_deposit(account, entries, amount):
            assert account["balance"] == 0
            assert entries == []
            assert account["loop"] is asyncio.get_running_loop()
            await asyncio.sleep(0)
            account["balance"] += amount
            entries.append(amount)

        def test_each_was_closed():
            assert opened == closed
            assert len(opened) >= 12
        """,
        "interlace": {"passed": 2},
        # Hypothesis itself refuses, and the check can only be switched off.
        "asyncio": {"failed": 2, "says": "FailedHealthCheck.*function-scoped fixture"},
        "anyio": {"failed": 2, "says": "FailedHealthCheck.*function-scoped fixture"},
    },
    # What one does then: the account has the money of the example before.
    "check-switched-off": {
        "source": """
        import pytest
        from hypothesis import HealthCheck, given, settings, strategies as st

        @pytest.fixture
        async def account():
            return {"balance": 0}

        @settings(
            max_examples=12, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
        )
        @given(amount=st.integers(1, 100))
        async def test_deposit(account, amount):
            account["balance"] += amount
            assert account["balance"] == amount
        """,
        "interlace": {"passed": 1},
        "asyncio": {"failed": 1, "says": r"E +assert \d{3} == \d"},
        "anyio": {"failed": 1, "says": r"E +assert \d{3} == \d"},
    },
    "a-failing-example-is-shrunk": {
        "source": """
        import asyncio
        import pytest
        from hypothesis import given, settings, strategies as st

        @pytest.fixture(scope="module")
        async def loop():
            return asyncio.get_running_loop()

        @settings(database=None)
        @given(amount=st.integers(0, 10_000))
        async def test_small(loop, amount):
            assert loop is asyncio.get_running_loop()
            await asyncio.sleep(0)
            assert amount < 1234
        """,
        "interlace": {"failed": 1, "says": "amount=1234"},
        "asyncio": {"failed": 1, "hides": "amount=1234", "says": "assert loop is asyncio.get_running_loop"},
        "anyio": {"failed": 1, "says": "amount=1234"},
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
