"""Fakes in tests under pytest: what they find wrong fails the test, plain and explored."""

import pytest

FAKES = """
import aiohttp
import pytest

@pytest.fixture
async def api(world):
    api = world.http("http://api")
    api.get("/users/{id}").json({"name": "ann"}, latency="1ms..20ms")
    return api

@pytest.fixture
async def session(api):
    async with aiohttp.ClientSession() as session:
        yield session

async def test_good(session, api):
    async with session.get("http://api/users/1") as answer:
        assert (await answer.json())["name"] == "ann"
    assert len(api.calls) == 1

async def test_typo(session):
    async with session.get("http://api/users/1"):
        pass
    async with session.post("http://api/users/1"):
        pass

async def test_typo_that_raises(session):
    async with session.post("http://api/users/1") as answer:
        answer.raise_for_status()

async def test_unused(session):
    pass

async def test_own_error(session):
    assert not "own"
"""


@pytest.mark.parametrize("options", [(), ("--explore=5",)])
def test_what_they_find_wrong_fails_the_test(suite, options: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    result = suite(FAKES, *options)
    result.assert_outcomes(passed=1, failed=4)
    result.stdout.fnmatch_lines_random(
        [
            "*UnmatchedRequest: no route for POST http://api/users/1. Nearest routes*",
            "*GET /users/{id}: it is GET, not POST*",
            "*UnusedRoute: *",
            "*http://api: GET /users/{id} was never asked*",
            "*FAILED *test_typo_that_raises* *UnmatchedRequest*",
            "*FAILED *test_own_error* *",
        ]
    )


LATE = """
import asyncio
import aiohttp
import pytest

@pytest.fixture
async def session(world):
    world.http("http://api")
    async with aiohttp.ClientSession() as session:
        yield session
        async with session.get("http://api/goodbye"):
            pass

async def test_it(session):
    pass
"""


@pytest.mark.parametrize(
    ("options", "outcomes"), [((), {"passed": 1, "errors": 1}), (("--explore=5",), {"failed": 1})]
)
def test_a_request_while_fixtures_are_torn_down(suite, options, outcomes) -> None:  # type: ignore[no-untyped-def]
    result = suite(LATE, *options)
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines(["*no route for GET http://api/goodbye*"])


EXAMPLES = """
import aiohttp
from hypothesis import given, settings, strategies as st

@settings(max_examples=20, database=None)
@given(n=st.integers(0, 3))
async def test_it(n, world):
    world.http("http://api").get("/{n}", when=lambda call: call.path["n"] != "3")
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://api/{n}"):
            pass
"""


def test_one_example_of_several(suite) -> None:  # type: ignore[no-untyped-def]
    pytest.importorskip("hypothesis")
    result = suite(EXAMPLES)
    result.stdout.fnmatch_lines(["*no route for GET http://api/3*"])
