"""Applications in tests under pytest: they start, shut down and fail as in any run, plain and explored."""

import pytest

SHOP = """
from contextlib import asynccontextmanager
import asyncio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

LOG = []

def app_of(name, fails=""):
    @asynccontextmanager
    async def lifespan(app):
        await asyncio.sleep(1)
        if fails == "startup":
            raise ConnectionError("no database")
        LOG.append(f"{name} starts")
        try:
            yield
        finally:
            LOG.append(f"{name} ends")
        if fails == "shutdown":
            raise ConnectionError("the database is gone")

    async def answer(request):
        return PlainTextResponse(name)

    async def boom(request):
        raise ValueError("no tea")

    return Starlette(routes=[Route("/", answer), Route("/boom", boom)], lifespan=lifespan)
"""

GOOD = (
    SHOP
    + """
@pytest.fixture
def shop(world):
    return world.asgi("http://shop", app_of("shop"))

@pytest.fixture
async def client(shop):
    async with httpx.AsyncClient(base_url="http://shop", verify=False) as client:
        yield client
        assert (await client.get("/")).text == "shop"
        LOG.append("client ends")

async def test_it(client):
    assert (await client.get("/")).text == "shop"

@pytest.fixture(scope="session", autouse=True)
def log():
    yield
    assert LOG and LOG == ["shop starts", "client ends", "shop ends"] * (len(LOG) // 3)
"""
)


@pytest.mark.parametrize("options", [(), ("--explore=5",)])
def test_one_in_fixtures_shuts_down_after_them(suite, options: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    result = suite(GOOD, *options)
    result.assert_outcomes(passed=1)
    assert "left pending" not in result.stdout.str()


BAD = (
    SHOP
    + """
async def test_start(world):
    world.asgi("http://shop", app_of("shop", "startup"))
    await asyncio.sleep(2)

async def test_start_unseen(world):
    world.asgi("http://shop", app_of("shop", "startup"))

async def test_end(world):
    world.asgi("http://shop", app_of("shop", "shutdown"))

async def test_boom(world):
    world.asgi("http://shop", app_of("shop"))
    async with httpx.AsyncClient(verify=False) as client:
        assert (await client.get("http://shop/boom")).status_code == 200

async def test_nothing_is_shut_down_after_a_failure(world):
    world.asgi("http://shop", app_of("shop", "shutdown"))
    await asyncio.sleep(2)
    assert not "tea"

async def test_skipped(world):
    world.asgi("http://shop", app_of("shop"))
    pytest.skip("not today")
"""
)


@pytest.mark.parametrize(
    ("options", "outcomes"),
    [
        (
            (),
            {"passed": 2, "failed": 3, "errors": 2, "skipped": 1},
        ),  # what comes after a test is an error of its own
        (("--explore=5",), {"failed": 5, "skipped": 1}),
    ],
)
def test_what_fails_in_them_fails_the_test(suite, options, outcomes) -> None:  # type: ignore[no-untyped-def]
    result = suite(BAD, *options)
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines_random(
        [
            "*LifespanFailed: the application Starlette at http://shop has failed in its*",
            "*startup: ConnectionError: no database*",
            "*shutdown: ConnectionError: the database is gone*",
            "*interlace: the application Starlette at http://shop raised ValueError: no tea at *",
        ]
    )
