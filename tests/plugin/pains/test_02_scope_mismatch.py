"""2. ScopeMismatch, about a fixture that the user has never heard of (pytest-asyncio #171, #1175)."""

import pytest

CASES = {
    # #1175: the option that silences a warning of pytest-asyncio breaks each wider fixture that says nothing.
    "default-loop-scope-is-function": {
        "source": """
        import pytest

        @pytest.fixture(scope="session")
        async def database():
            yield {"users": 3}

        async def test_users(database):
            assert database["users"] == 3
        """,
        "ini": "asyncio_default_fixture_loop_scope = function",
        "interlace": {"passed": 1},
        "asyncio": {"errors": 1, "says": "ScopeMismatch.*_function_scoped_runner.*session scoped request"},
    },
    # #1175, as it was found in the wild: there is nothing asynchronous in it.
    "sync-fixture-of-theirs": {
        "source": """
        import pytest_asyncio

        @pytest_asyncio.fixture(scope="session")
        def server_version():
            return (7, 2)

        def test_version(server_version):
            assert server_version == (7, 2)
        """,
        "ini": "asyncio_default_fixture_loop_scope = function",
        "interlace": {"passed": 1},
        "asyncio": {"errors": 1, "says": "ScopeMismatch.*_function_scoped_runner.*session scoped request"},
    },
    # #171: a fixture for the whole session, used by tests on loops of their own.
    "every-scope-at-once": {
        "source": """
        import asyncio
        import pytest

        @pytest.fixture(scope="session")
        async def for_session():
            return asyncio.get_running_loop()

        @pytest.fixture(scope="module")
        async def for_module(for_session):
            return [for_session, asyncio.get_running_loop()]

        @pytest.fixture(scope="class")
        async def for_class(for_module):
            return [*for_module, asyncio.get_running_loop()]

        @pytest.fixture
        async def for_test(for_class):
            return [*for_class, asyncio.get_running_loop()]

        class TestAll:
            async def test_one_loop(self, for_test):
                assert set(for_test) == {asyncio.get_running_loop()}
        """,
        "interlace": {"passed": 1},
        # No mismatch nowadays, and four loops instead.
        "asyncio": {"failed": 1, "says": "assert {<"},
        # Its fixture anyio_backend has module scope unless the suite overrides it.
        "anyio": {
            "errors": 1,
            "backend": False,
            "says": "ScopeMismatch.*module scoped fixture anyio_backend",
        },
    },
}


def test_interlace(case, interlace):
    interlace(case)


@pytest.mark.peers
def test_elsewhere(elsewhere, peer):
    peer(*elsewhere)
