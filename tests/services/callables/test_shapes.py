"""A fake is of the shape of what it stands for: signatures, what is async, what is an iterator, what is a property."""

import asyncio
import contextlib
import functools
import inspect
import json
import types
from collections.abc import AsyncIterator, Callable
from typing import Any

import far_shop as shop
import pytest
from far_shop import AbstractStore, InMemory, Store, UserRepo, fetch, parse, ticks

import interlace
from interlace import BadCall, UnexpectedCall

Passes = Callable[..., interlace.Outcome]


def test_what_is_async_stays_async(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo)
        for is_async in (inspect.iscoroutinefunction, asyncio.iscoroutinefunction):
            assert is_async(repo.get)
            assert is_async(repo.connect)
            assert is_async(world.fake(fetch))
            assert not is_async(repo.close)
            assert not is_async(repo.all)
            assert not is_async(repo.transaction)
        assert inspect.isasyncgenfunction(repo.all)
        assert inspect.isasyncgenfunction(world.fake(ticks))
        assert inspect.signature(repo.get) == inspect.signature(UserRepo("x").get)
        assert inspect.signature(repo.key) == inspect.signature(UserRepo.key)
        assert (repo.get.__name__, repo.get.__qualname__, repo.get.__doc__) == (
            "get",
            "UserRepo.get",
            "Reads one user.",
        )
        coroutine = repo.save(1, {})
        assert inspect.iscoroutine(coroutine)
        assert coroutine.__qualname__ == "UserRepo.save"
        await coroutine
        assert inspect.isasyncgen(repo.all())

    passes(program)


def test_it_is_an_instance_of_what_it_stands_for(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo, store = world.fake(UserRepo), world.fake(AbstractStore)
        assert isinstance(repo, UserRepo)
        assert isinstance(store, AbstractStore)
        assert isinstance(world.fake(UserRepo("x")), UserRepo)
        match repo:
            case UserRepo():
                pass
            case _:
                raise AssertionError("no match")
        assert repr(repo) == "<fake UserRepo>"
        assert repr(repo.get) == "<fake UserRepo.get, is async>"
        assert (repo.table, repo.NotFound) == ("users", shop.NotFound)
        assert {"get", "save", "size", "calls"} <= set(dir(repo))

    passes(program)


def test_kinds_that_only_annotations_tell(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        store = world.fake(Store)
        store.read.returns(b"tea")
        store.watch.returns([b"a", b"b"])
        store.lock.returns(None)
        assert await store.read("x") == b"tea"
        assert [item async for item in store.watch("x")] == [b"a", b"b"]
        async with store.lock("x") as lock:
            assert lock is None
        with pytest.raises(AttributeError, match="has no value yet: set it in the test, fake.name = ..."):
            store.name  # noqa: B018
        store.name = "x"
        assert store.name == "x"

    passes(program)


def test_static_and_class_methods_and_properties(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo)
        repo.key.returns("k")
        repo.connect.returns(repo)
        assert repo.key(3) == "k"
        assert await repo.connect("u") is repo
        assert repo.connect.calls[0].arguments == {"url": "u"}
        type(repo).size.sequence(3, KeyError("x"))
        assert repo.size == 3
        with pytest.raises(KeyError):
            repo.size  # noqa: B018
        with pytest.raises(AttributeError, match="property 'size' of UserRepo has no setter"):
            repo.size = 4
        repo.limit = 5
        assert repo.limit == 5
        type(repo).version.returns("v")
        assert repo.version == "v"
        assert len(repo.calls) == 6

    passes(program)


def test_special_methods(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo)
        getattr(repo, "__len__").returns(4)  # noqa: B009
        assert len(repo) == 4
        async with repo as entered:
            assert entered is repo
        assert [call.name for call in repo.calls] == [
            "UserRepo.__len__",
            "UserRepo.__aenter__",
            "UserRepo.__aexit__",
        ]
        with pytest.raises(TypeError):
            repo()

    passes(program)


def test_what_can_be_awaited_and_entered(passes: Passes) -> None:
    class Connection:
        def __await__(self) -> Any:
            raise OSError

        async def __aenter__(self) -> "Connection":
            raise OSError

        async def __aexit__(self, *error: object) -> None:
            raise OSError

    async def program(world: interlace.World) -> None:
        connection = world.fake(Connection)
        async with connection as entered:
            assert entered is connection
        connection.__await__.does(lambda: iter(()))
        assert await connection is None

    passes(program)


def test_iterators_that_are_classes(passes: Passes) -> None:
    class Feed:
        def __aiter__(self) -> "Feed":
            raise OSError

        async def __anext__(self) -> int:
            raise OSError

    class Shelf:
        async def __aiter__(self) -> AsyncIterator[int]:
            raise OSError
            yield 1

        def __call__(self, n: int) -> int:
            raise OSError

    async def program(world: interlace.World) -> None:
        feed, shelf = world.fake(Feed), world.fake(Shelf)
        getattr(feed, "__anext__").sequence(1, 2, StopAsyncIteration)  # noqa: B009
        assert [item async for item in feed] == [1, 2]
        getattr(shelf, "__aiter__").returns([3, 4])  # noqa: B009
        assert [item async for item in shelf] == [3, 4]
        getattr(shelf, "__call__").does(lambda n: n + 1)  # noqa: B004, B009
        assert shelf(1) == 2

    passes(program)


def test_functions_and_modules(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        fake = world.fake(fetch)
        fake.returns(b"tea")
        assert await fake("http://x") == b"tea"
        assert fake.calls[0].arguments == {"url": "http://x", "retries": 3}
        assert world.fake(parse).returns({})("x") == {}
        bound = world.fake(UserRepo("x").get)
        bound.returns({})
        assert await bound(1) == {}
        assert repr(bound) == "<fake get, is async>"
        module = world.fake(shop)
        module.fetch.returns(b"1")
        assert await module.fetch("x") == b"1"
        assert module.NotFound is shop.NotFound
        assert isinstance(module, type(shop))
        builtin = world.fake(json.loads)
        builtin.returns(1)
        assert builtin("2", parse_int=int) == 1

    passes(program)


def test_an_instance_with_what_its_init_has_set(passes: Passes) -> None:
    class Client:
        def __init__(self) -> None:
            self.name = "c"
            self.send = fetch

    async def program(world: interlace.World) -> None:
        client = world.fake(Client())
        client.send.returns(b"x")
        assert client.name == "c"
        assert await client.send("u") == b"x"

    passes(program)


def test_wrapped_functions_are_what_they_are_when_called(passes: Passes) -> None:
    class Api:
        @contextlib.contextmanager
        def plain(self) -> Any:
            yield 1

        @contextlib.asynccontextmanager
        async def session(self) -> Any:
            yield 1

        async def aiter(self) -> AsyncIterator[int]:
            return ticks(1)

    async def program(world: interlace.World) -> None:
        api = world.fake(Api)
        api.plain.returns(contextlib.nullcontext(3))
        with api.plain() as value:
            assert value == 3
        api.session.returns(4)
        async with api.session() as value:
            assert value == 4
        api.aiter.returns(ticks(1))
        assert inspect.isasyncgen(await api.aiter())

    passes(program)


def test_a_fake_of_a_fake_is_one_of_the_same(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(world.fake(UserRepo))
        assert isinstance(repo, UserRepo)
        again = world.fake(repo.get)
        again.returns({"n": 1})
        assert await again(1) == {"n": 1}
        assert not repo.get.calls
        assert repr(again) == "<fake UserRepo.get, is async>"

    passes(program)


def test_other_ways_to_write_a_method(passes: Passes) -> None:
    class Odd:
        __slots__ = ("kept",)

        async def base(self, a: int, b: int) -> int:
            raise OSError

        part = functools.partialmethod(base, 1)
        small = lambda self, x: x  # noqa: E731

        @functools.singledispatchmethod
        async def by_type(self, x: object) -> int:
            raise OSError

        def __interlace__(self) -> None: ...

        async def calls(self) -> int:
            raise OSError

    async def program(world: interlace.World) -> None:
        odd = world.fake(Odd)
        odd.part.returns(1)
        assert await odd.part(2) == 1
        assert odd.part.calls[0].arguments == {"b": 2}
        odd.small.returns(3)
        assert odd.small(1) == 3
        odd.by_type.returns(4)
        assert await odd.by_type("x") == 4
        odd.calls.returns(5)
        assert await odd.calls() == 5
        part = world.fake(functools.partial(fetch, retries=1))
        part.returns(b"x")
        assert await part("u") == b"x"
        assert repr(part) == "<fake fetch, is async>"
        space = world.fake(types.SimpleNamespace(fetch=fetch, n=3))
        space.fetch.returns(b"y")
        assert (await space.fetch("u"), space.n) == (b"y", 3)

    passes(program)


# -- calls that do not fit -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "told"),
    [
        ((), {}, "missing a required argument: 'number'"),
        ((1, 2), {}, "too many positional arguments"),
        ((1,), {"frehs": True}, "got an unexpected keyword argument 'frehs'; did you mean 'fresh'?"),
        ((1,), {"number": 2}, "multiple values for argument 'number'"),
    ],
)
def test_arguments_that_do_not_fit(passes: Passes, args: Any, kwargs: Any, told: str) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo)
        repo.get.returns({})
        with pytest.raises(BadCall) as caught:
            repo.get(*args, **kwargs)
        assert isinstance(caught.value, TypeError)
        assert told in str(caught.value)
        assert "UserRepo.get(number: 'int', *, fresh: 'bool' = False)" in str(caught.value)
        with pytest.raises(TypeError):
            UserRepo("x").get(*args, **kwargs)
        assert not repo.calls

    passes(program)


def test_attributes_that_are_not_there(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo)
        with pytest.raises(AttributeError, match=r"UserRepo has no attribute 'gett'; did you mean 'get'"):
            repo.gett  # noqa: B018
        with pytest.raises(AttributeError, match=r"did you mean 'save'"):
            repo.savee = 1
        assert not hasattr(repo, "delete")

    passes(program)


def test_a_call_that_nobody_answers_fails_the_test() -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo)
        await repo.save(1, {})  # returns None, as it says
        repo.close()
        with contextlib.suppress(Exception):
            await repo.get(1, fresh=True)

    error = interlace.run(program).error
    assert isinstance(error, UnexpectedCall)
    assert isinstance(error, AssertionError)
    assert str(error) == (
        "UserRepo.get(1, fresh=True) was called, and nothing says what it answers. Say so in the test: "
        "fake.get.returns(...), .raises(...), .sequence(...) or .does(function); or give the fake an implementation: "
        "world.fake(UserRepo, ...)"
    )


@pytest.mark.parametrize("wrap", ["group", "cause", "none"])
def test_such_an_error_is_told_once(wrap: str) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo)
        if wrap == "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(repo.get(1))
        elif wrap == "cause":
            try:
                await repo.get(1)
            except UnexpectedCall as error:
                raise RuntimeError from error
        else:
            await repo.get(1)

    error = interlace.run(program).error
    assert isinstance(error, UnexpectedCall)
    assert error.__context__ is None
    result = interlace.explore(program, schedules=3)
    assert "nothing says what it answers" in result.report()


def test_an_implementation_answers(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        inner = InMemory()
        repo = world.fake(UserRepo, inner)
        await repo.save(1, {"name": "ann"})
        assert await repo.get(number=1) == {"name": "ann"}
        with pytest.raises(shop.NotFound):
            await repo.get(2)
        assert [name async for name in repo.all()] == ["ann"]
        async with repo.transaction() as number:
            assert number == 7
        with pytest.raises(KeyError):
            async with repo.transaction():
                raise KeyError
        repo.close()
        assert (repo.count(), repo.key(1), len(repo), repo.size, repo.version) == (1, "user:1", 1, 1, "3")
        assert inner.events == ["closed", "begin", "commit", "begin", "rollback KeyError", "close"]
        repo.limit = 9
        assert inner.limit == 9
        repo.get.raises(TimeoutError, times=1)
        with pytest.raises(TimeoutError):
            await repo.get(1)
        assert await repo.get(1) == {"name": "ann"}
        assert [call.arguments["number"] for call in repo.get.calls] == [1, 2, 1, 1]
        repo.url = "there"
        assert repo.url == inner.url == "there"  # type: ignore[attr-defined]
        double = world.fake(parse, lambda text: {text: text})
        assert double("a") == {"a": "a"}

    passes(program)
