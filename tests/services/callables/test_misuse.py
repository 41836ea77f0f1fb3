"""What cannot work is said at once, with the next thing to type."""

import asyncio
import enum
import types
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest import mock

import pytest
from far_shop import AbstractStore, InMemory, Store, UserRepo, fetch, parse

import interlace
from interlace import UsageError

ErrorOf = Callable[..., BaseException]


async def _coroutine() -> None: ...


class Color(enum.Enum):
    RED = 1


@pytest.mark.parametrize(
    "spec",
    [
        *(3, "text", None, [1], {"a": 1}, int, dict, property(lambda self: 1), mock.MagicMock(), (1,)),
        *(object(), object, type, Exception("x"), KeyError, range(3), Any, int | str, ..., Color, Color.RED),
    ],
)
def test_a_spec_that_is_none(error_of: ErrorOf, spec: Any) -> None:
    error = error_of(spec)
    assert isinstance(error, UsageError)
    assert "give" in str(error)


def test_a_coroutine_and_what_is_empty_are_no_spec(error_of: ErrorOf) -> None:
    coroutine = _coroutine()
    assert "no fake can be made of <coroutine object _coroutine>" in str(error_of(coroutine))
    coroutine.close()
    assert "Empty has no methods" in str(error_of(type("Empty", (), {})))
    assert "empty has no methods" in str(error_of(types.ModuleType("empty")))


@pytest.mark.parametrize(
    "latency", [-1, "-5ms", "5ms..1ms", "soon", True, [], (1, 2, 3), {"get": -1}, {"*": "x"}, float("nan")]
)
def test_a_latency_that_cannot_be(error_of: ErrorOf, latency: Any) -> None:
    error = error_of(UserRepo, latency=latency)
    assert isinstance(error, UsageError)
    assert "latency" in str(error)
    if not isinstance(latency, dict):
        assert isinstance(
            error_of(UserRepo, use=lambda repo: repo.get.returns({}, latency=latency)), UsageError
        )


def test_a_latency_of_what_takes_no_time(error_of: ErrorOf) -> None:
    assert "latency has 'gett', which is no method of UserRepo; did you mean 'get'" in str(
        error_of(UserRepo, latency={"gett": 1})
    )
    assert "latency has 'count', but UserRepo.count is not async" in str(
        error_of(UserRepo, latency={"count": 1})
    )
    assert "nothing in parse is async" in str(error_of(parse, latency="1ms"))
    assert "UserRepo.count is not async, and cannot take latency='1ms'" in str(
        error_of(UserRepo, use=lambda repo: repo.count.returns(1, latency="1ms"))
    )
    assert "fetch is a function; give its latency without a name" in str(
        error_of(fetch, latency={"fetch": 1})
    )


@pytest.mark.parametrize(
    ("fail", "told"),
    [
        ({"sav": [TimeoutError]}, "fail has 'sav', which is no method of UserRepo; did you mean 'save'"),
        ({"save": []}, "fail['save'] is empty"),
        ({"save": [3]}, "fail['save']: 3 cannot be raised"),
        ({"save": ["TimeoutError"]}, "'TimeoutError' cannot be raised"),
        ({"save": "TimeoutError"}, "fail['save']: give a list of exceptions"),
        ({"save": [asyncio.CancelledError]}, "for cancellations there is faults=['cancel']"),
        ({"save": [UnicodeDecodeError]}, "UnicodeDecodeError cannot be made without arguments"),
        ([int], "<class 'int'> cannot be raised"),
        (3, "give a list of exceptions"),
        ("save", "give a list of exceptions"),
    ],
)
def test_a_failure_that_cannot_be(error_of: ErrorOf, fail: Any, told: str) -> None:
    error = error_of(UserRepo, fail=fail)
    assert isinstance(error, UsageError)
    assert told in str(error)


@pytest.mark.parametrize("at_most", [0, -1, True, "2", 1.5])
def test_a_number_of_failures_that_cannot_be(error_of: ErrorOf, at_most: Any) -> None:
    assert "at_most=" in str(error_of(UserRepo, fail=[TimeoutError], at_most=at_most))


def test_failures_of_a_function_have_no_names(error_of: ErrorOf) -> None:
    assert "fetch is a function; give a list of errors" in str(error_of(fetch, fail={"fetch": [OSError]}))


# -- implementations -------------------------------------------------------------------------------


class Reads:
    async def read(self, key: str) -> bytes:
        return b""


class Lacks:
    async def reed(self, key: str) -> bytes:
        return b""


class Plain:
    def read(self, key: str) -> bytes:
        return b""


class OtherName:
    async def read(self, name: str) -> bytes:
        return b""


class WantsMore:
    async def read(self, key: str, size: int) -> bytes:
        return b""


class WantsLess:
    async def read(self) -> bytes:
        return b""


class TakesAll:
    async def read(self, *args: Any, **kwargs: Any) -> bytes:
        return b""


class Iterates:
    async def read(self, key: str) -> AsyncIterator[bytes]:
        yield b""


class TakesOptional:
    async def read(self, key: str = "", *, size: int = 3) -> bytes:
        return b""


@pytest.mark.parametrize("implementation", [Reads(), TakesAll(), TakesOptional()])
def test_an_implementation_that_fits(passes: Callable[..., Any], implementation: Any) -> None:
    async def program(world: interlace.World) -> None:
        store = world.fake(AbstractStore, implementation)
        assert await store.read("x") == await store.read(key="x") == b""

    passes(program)


@pytest.mark.parametrize(
    ("implementation", "told"),
    [
        (Lacks(), "Lacks cannot stand for AbstractStore: it has no method 'read'; did you mean 'reed'?"),
        (Plain(), "that is async, and Plain.read is not async; write it with 'async'"),
        (OtherName(), "OtherName.read(name: str) -> bytes: got an unexpected keyword argument 'key'|missing"),
        (WantsMore(), "missing a required argument: 'size'"),
        (WantsLess(), "too many positional arguments"),
        (Iterates(), "An abstract async generator is declared without 'async'"),
        (Reads, "implementation is the class Reads: give an instance, Reads()"),
        (3, "int cannot stand for AbstractStore: it has no method 'read'"),
    ],
)
def test_an_implementation_that_does_not_fit(error_of: ErrorOf, implementation: Any, told: str) -> None:
    error = error_of(AbstractStore, implementation)
    assert isinstance(error, UsageError)
    if "|" not in told:
        assert told in str(error)
    else:
        assert "OtherName.read cannot answer for AbstractStore.read" in str(error)
        assert "key" in str(error)


def test_an_implementation_lacks_a_property(error_of: ErrorOf) -> None:
    class Without(InMemory):
        pass

    for name in ("size", "limit", "version"):
        delattr(InMemory, name)
    try:
        assert "Without cannot stand for UserRepo: it has no attribute 'size'" in str(
            error_of(UserRepo, Without())
        )
    finally:
        InMemory.size, InMemory.limit, InMemory.version = 1, 2, "3"


def test_an_implementation_of_a_function(error_of: ErrorOf) -> None:
    assert "'x', which cannot be called" in str(error_of(fetch, "x"))
    assert "that is async, and parse is not async" in str(error_of(fetch, parse))
    assert "cannot answer for parse" in str(error_of(parse, lambda *, text: {}))


# -- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "told"),
    [
        (lambda repo: repo.get.raises("x"), "fake.get.raises: 'x' cannot be raised"),
        (lambda repo: repo.get.raises(UnicodeDecodeError), "cannot be made without arguments"),
        (lambda repo: repo.get.sequence(), "fake.get.sequence() without answers"),
        (lambda repo: repo.get.returns(1, times=0), "fake.get.returns: times=0"),
        (lambda repo: repo.get.returns(1, times=True), "times=True"),
        (lambda repo: repo.get.does(3), "3 cannot be called; for a value there is .returns(...)"),
        (lambda repo: repo.get.does(lambda: 1), "too many positional arguments"),
        (
            lambda repo: repo.count.does(_coroutine),
            "UserRepo.count is not async, so what answers it must not be",
        ),
        (lambda repo: repo.all.returns(3), "UserRepo.all is an async iterator; give a list of its items"),
        (lambda repo: repo.all.returns("abc"), "give a list of its items"),
        (
            lambda repo: repo.all.returns(iter([1])),
            ".does(function) with a function that returns an iterator",
        ),
        (lambda repo: repo.all.sequence([1], 2), "give a list of its items"),
        (lambda repo: repo.get.returns(_coroutine()), "give the value that it would return"),
    ],
)
def test_an_answer_that_cannot_be(error_of: ErrorOf, use: Any, told: str) -> None:
    error = error_of(UserRepo, use=use)
    assert isinstance(error, UsageError)
    assert told in str(error)


# -- the wrong place -------------------------------------------------------------------------------


def test_outside_of_a_run_an_async_call_says_so() -> None:
    kept: list[Any] = []

    async def program(world: interlace.World) -> None:
        kept.append(world.fake(Store))
        kept[0].read.returns(b"")

    assert not interlace.run(program).failed
    with pytest.raises(
        UsageError, match=r"Store\.read is a fake in a simulated world, and was called outside"
    ):
        asyncio.run(kept[0].read("x"))
    with pytest.raises(UsageError, match=r"elsewhere use interlace.AsyncMock"):
        kept[0].read("x").send(None)  # no loop at all

    async def another(world: interlace.World) -> None:
        await kept[0].read("x")

    error = interlace.run(another).error
    assert isinstance(error, UsageError)
    assert "Store.read is a fake of another run, which is over: make it anew in each run" in str(error)


def test_under_trio_an_async_call_says_so() -> None:
    trio = pytest.importorskip("trio")
    kept: list[Any] = []

    async def program(world: interlace.World) -> None:
        kept.append(world.fake(Store))
        kept[0].read.returns(b"")

    interlace.run(program)
    with pytest.raises(UsageError, match="was called outside of its run"):
        trio.run(kept[0].read, "x")


def test_who_is_used_to_mocks_is_told_what_a_fake_has_instead() -> None:
    async def program(world: interlace.World) -> None:
        fake = world.fake(UserRepo)
        assert not hasattr(fake.get, "assert_awaited_once_with")
        with pytest.raises(AttributeError, match=r"told what to answer by .returns\(...\)"):
            fake.get.return_value = 7
        with pytest.raises(AttributeError, match=r"interlace.AsyncMock has both assert_awaited_once"):
            fake.get.assert_awaited_once()
        fake.get.note = "its own"
        assert fake.get.note == "its own"

    assert interlace.run(program).error is None
