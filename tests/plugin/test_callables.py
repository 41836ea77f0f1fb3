"""Fakes of callables, mocks and patches in tests under pytest, plain, explored and on the stock loop."""

import pytest

COMMON = """
import asyncio
import sys
import types
import pytest
import interlace
from interlace import patch

class Repo:
    async def get(self, user: int) -> int: raise OSError("no network here")
    async def put(self, user: int, n: int) -> None: raise OSError("no network here")

class InMemory:
    def __init__(self): self.n = 0
    async def get(self, user: int) -> int: return self.n
    async def put(self, user: int, n: int) -> None: self.n = n

async def fetch(url: str) -> str: raise OSError("no network here")

mod = types.ModuleType("mod_of_test")
mod.fetch, mod.repo = fetch, Repo()
sys.modules["mod_of_test"] = mod

async def add(repo):
    n = await repo.get(1)
    await repo.put(1, n + 1)

async def add_later(repo):
    await asyncio.sleep(0.02)
    await add(repo)
"""

FAKES = (
    COMMON
    + """
@pytest.fixture
def kept():
    return InMemory()

@pytest.fixture
def repo(world, kept):
    return world.fake(Repo, kept)

async def test_race(repo, kept):
    await asyncio.gather(add(repo), add_later(repo))
    assert kept.n == 2
    assert len(repo.get.calls) == 2

async def test_race_of_mocks():
    kept, repo = InMemory(), interlace.AsyncMock(spec=Repo)
    repo.get.side_effect, repo.put.side_effect = kept.get, kept.put
    await asyncio.gather(add(repo), add_later(repo))
    repo.put.assert_awaited()
    assert kept.n == 2

async def test_race_of_a_patch(kept):
    with patch("mod_of_test.repo", implementation=kept):
        await asyncio.gather(add(mod.repo), add_later(mod.repo))
    assert kept.n == 2

async def test_one_at_a_time(repo, kept):
    await add(repo)
    await add(repo)
    assert kept.n == 2
"""
)


def test_races_are_found_where_they_are_explored(suite) -> None:  # type: ignore[no-untyped-def]
    suite(FAKES).assert_outcomes(passed=4)
    result = suite(FAKES, "--explore=30")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines_random(["*assert kept.n == 2*"])


PATCHES = (
    COMMON
    + """
@pytest.fixture
def fetched():
    with patch("mod_of_test.fetch") as fetched:
        fetched.returns("once", times=1).returns("more")
        yield fetched

@pytest.fixture
async def later():
    async with asyncio.timeout(1000):
        with patch("mod_of_test.fetch") as fetched:
            fetched.returns("later")
            yield fetched

@pytest.fixture(scope="module")
def everywhere():
    with patch("mod_of_test.fetch") as fetched:
        fetched.returns("once", times=1).returns("more")
        yield fetched

async def test_fixture(fetched, world):
    assert [await mod.fetch("u"), await mod.fetch("u")] == ["once", "more"]
    assert len(fetched.calls) == 2

async def test_async_fixture(later):
    assert await mod.fetch("u") == "later"

@patch("mod_of_test.fetch")
async def test_decorator(fetched, world):
    fetched.returns("deco")
    assert await mod.fetch(url="u") == "deco"
    assert fetched.calls[0].arguments == {"url": "u"}

@pytest.mark.parametrize("n", [1, 2])
@patch.object(mod, "repo")
@patch("mod_of_test.fetch")
async def test_several(fetched, repo, n):
    repo.get.returns(n)
    assert await mod.repo.get(1) == n

class TestClass:
    @patch("mod_of_test.fetch")
    async def test_method(self, fetched):
        fetched.raises(KeyError)
        with pytest.raises(KeyError):
            await mod.fetch("u")

@pytest.mark.parametrize("n", [1, 2])
async def test_wider_scope(everywhere, n):
    assert [await mod.fetch("u"), await mod.fetch("u")] == ["once", "more"]

async def test_started(everywhere):
    patch.object(mod, "fetch").start().returns("started")
    assert await mod.fetch("u") == "started"

def test_plain(fetched):
    assert mod.fetch is fetched

def test_nothing_else_is_left(everywhere):
    assert mod.fetch is everywhere
"""
)


@pytest.mark.parametrize("options", [(), ("--explore=5",)])
def test_patches(suite, options: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    suite(PATCHES, *options).assert_outcomes(passed=11)


STOCK = (
    COMMON
    + """
@patch("mod_of_test.fetch", latency="1h")
async def test_patch(fetched):
    fetched.returns("x")
    assert await mod.fetch("u") == "x"

async def test_mock():
    repo = interlace.AsyncMock(spec=Repo, latency="1h")
    repo.get.return_value = 3
    assert await repo.get(1) == 3
    repo.get.assert_awaited_once_with(1)
"""
)


def test_on_the_stock_loop_no_call_takes_time(suite) -> None:  # type: ignore[no-untyped-def]
    suite(STOCK, world="stock").assert_outcomes(passed=2)


WRONG = (
    COMMON
    + """
@pytest.fixture
def repo(world):
    return world.fake(Repo)

async def test_nobody_answers(repo):
    try:
        await repo.get(1)
    except Exception:
        pass

async def test_no_such_name():
    with patch("mod_of_test.fetsh"):
        pass
"""
)


@pytest.mark.parametrize("options", [(), ("--explore=5",)])
def test_what_is_wrong_fails_the_test(suite, options: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    result = suite(WRONG, *options)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "*UnexpectedCall: Repo.get(1) was called, and nothing says what it answers*",
            "*mod_of_test.fetsh cannot be patched: there is no 'fetsh' there; did*",
        ]
    )
