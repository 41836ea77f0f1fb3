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
