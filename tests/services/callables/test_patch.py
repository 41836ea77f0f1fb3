"""`interlace.patch` puts a fake in the place of a name, and takes it away again."""

import asyncio
from collections.abc import Callable
from typing import Any
from unittest import mock

import far_shop as shop
import pytest
from far_shop import InMemory, UserRepo
from visitors import ten

import interlace
from interlace import BadCall, UnexpectedCall, UsageError

Passes = Callable[..., interlace.Outcome]

FETCH, USERS, REPO = shop.fetch, shop.users, shop.UserRepo


@pytest.fixture(autouse=True)
def _all_is_undone() -> Any:
    yield
    assert (shop.fetch, shop.users, shop.UserRepo, shop.limit) == (FETCH, USERS, REPO, 10)
    assert "get" in vars(UserRepo)


# -- what takes the place --------------------------------------------------------------------------


def test_a_function(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        with interlace.patch("far_shop.fetch", latency="2s") as fetch:
            assert shop.fetch is fetch
            fetch.returns(b"tea")
            assert await shop.size_of("u") == 3
            assert world.clock.elapsed == 2
            assert fetch.calls[0].arguments == {"url": "u", "retries": 3}
            assert fetch.calls[0].time == 0
            with pytest.raises(BadCall, match=r"fetch\(url: 'str', /, retries"):
                shop.fetch(url="u")
        assert shop.fetch is FETCH

    passes(program)


def test_an_object_with_its_class_and_an_implementation(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        inner = InMemory()
        inner.users[1] = {"name": "ann"}
        with interlace.patch(
            "far_shop.users", implementation=inner, latency="1s", fail={"get": [OSError]}
        ) as users:
            assert isinstance(shop.users, UserRepo)
            assert await shop.name_of(1) == "ann"
            users.get.returns({"name": "bob"})
            assert await shop.name_of(1) == "bob"

    passes(program)


def test_a_class(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        with interlace.patch("far_shop.UserRepo") as repo:
            repo.instance.get.returns({"name": "ann"})
            repo.key.returns("k")
            assert await shop.name_at("db", 1) == "ann"
            assert repo.calls[0].arguments == {"url": "db"}
            assert repo.instance.get.calls[0].arguments["number"] == 1
            assert isinstance(shop.UserRepo("x"), shop.UserRepo)
            assert isinstance(USERS, shop.UserRepo)
            assert issubclass(UserRepo, shop.UserRepo)
            assert (shop.UserRepo.key(1), shop.UserRepo.table) == ("k", "users")
            assert repr(repo) == "<fake class UserRepo>"
            with pytest.raises(BadCall, match="missing a required argument: 'url'"):
                shop.UserRepo()  # type: ignore[call-arg]
            repo.raises(ConnectionError)
            with pytest.raises(ConnectionError):
                await shop.name_at("db", 1)

    passes(program)


def test_methods_of_a_class_and_of_an_instance(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        with interlace.patch.object(UserRepo, "get") as get:
            get.returns({"name": "ann"})
            assert await shop.name_of(7) == "ann"
            assert get.calls[0].arguments == {"number": 7, "fresh": False}
            assert get.calls[0].name == "UserRepo.get"
        with interlace.patch("far_shop.UserRepo.key") as key:
            key.returns("k")
            assert UserRepo.key(1) == USERS.key(1) == "k"
        with interlace.patch.object(UserRepo, "connect") as connect:
            connect.returns(USERS)
            assert await UserRepo.connect("u") is USERS
        with interlace.patch.object(shop.users, "count") as count:
            count.returns(3)
            assert shop.users.count() == 3
        assert "count" not in vars(shop.users)
        with interlace.patch.object(UserRepo, "all") as everybody:
            everybody.returns(["a"])
            assert [name async for name in shop.users.all()] == ["a"]

    passes(program)


def test_a_module(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        with interlace.patch.object(interlace, "replay"), interlace.patch("test_patch_user.shop") as faked:
            faked.fetch.returns(b"1")
            import test_patch_user

            assert await test_patch_user.shop.fetch("u") == b"1"

    import sys
    import types

    user = types.ModuleType("test_patch_user")
    user.shop = shop  # type: ignore[attr-defined]
    sys.modules["test_patch_user"] = user
    try:
        passes(program)
    finally:
        del sys.modules["test_patch_user"]


def test_what_is_given(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        with interlace.patch("far_shop.limit", 3) as limit:
            assert limit == shop.limit == 3
        with interlace.patch.object(UserRepo, "size", 4):
            assert shop.users.size == 4
        with interlace.patch("far_shop.fetch", interlace.AsyncMock(return_value=b"12")) as fetch:
            assert await shop.size_of("u") == 2
            fetch.assert_awaited_once_with("u")
        with mock.patch("far_shop.fetch", new_callable=interlace.AsyncMock) as fetch:
            fetch.return_value = b"1"
            assert await shop.size_of("u") == 1

    passes(program)


def test_a_name_of_the_builtins(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        with interlace.patch("far_shop.len") as fake:
            fake.returns(9)
            with interlace.patch("far_shop.fetch") as fetch:
                fetch.returns(b"")
                assert await shop.size_of("u") == 9
        assert not hasattr(shop, "len")

    passes(program)


# -- decorators ------------------------------------------------------------------------------------


def test_decorators_of_functions_and_classes() -> None:
    @interlace.patch("far_shop.fetch")
    async def program(world: interlace.World, fetch: Any) -> None:
        fetch.sequence(b"1", b"22")
        assert await shop.size_of("u") == 1
        assert await shop.size_of("u") == 2
        assert len(fetch.calls) == 2

    @interlace.patch.object(UserRepo, "get")
    @interlace.patch("far_shop.limit", 3)
    @interlace.patch("far_shop.fetch")
    async def several(fetch: Any, get: Any) -> None:
        assert (shop.fetch, shop.limit) == (fetch, 3)
        assert vars(UserRepo)["get"] is get

    @interlace.patch("far_shop.limit", 3)
    def plain() -> int:
        return shop.limit

    @interlace.patch("far_shop.fetch")
    class Tests:
        async def test_one(self, fetch: Any) -> None:
            assert shop.fetch is fetch

        async def other(self) -> None:
            assert shop.fetch is FETCH

    assert interlace.explore(program, schedules=20).verdict.status == "passed"
    assert interlace.explore(several, schedules=3).verdict.status == "passed"
    assert plain() == 3
    assert not interlace.run(Tests().test_one).failed
    assert not interlace.run(Tests().other).failed


def test_start_and_stop() -> None:
    patch = interlace.patch("far_shop.limit", 3)
    assert patch.start() == 3 == shop.limit
    patch.stop()
    assert shop.limit == 10
    patch.start()
    mock.patch.stopall()
    assert shop.limit == 10


# -- undone with the run ---------------------------------------------------------------------------


def test_a_run_leaves_nothing_behind() -> None:
    async def starts(world: interlace.World) -> None:
        interlace.patch("far_shop.fetch").start()
        interlace.patch.object(UserRepo, "get").start()
        interlace.patch.object(UserRepo, "get").start()

    async def never_ends(world: interlace.World) -> None:
        async def hold() -> None:
            with interlace.patch("far_shop.fetch"):
                while True:
                    try:
                        await asyncio.Event().wait()
                    except asyncio.CancelledError:
                        pass

        task = asyncio.create_task(hold())
        await asyncio.sleep(1)
        assert shop.fetch is not FETCH
        assert not task.done()

    async def crashes(world: interlace.World) -> None:
        host = world.host("h")

        async def hold() -> None:
            with interlace.patch("far_shop.fetch"):
                await asyncio.Event().wait()

        host.start(hold)
        await asyncio.sleep(1)
        host.crash()

    for program in (starts, never_ends, crashes):
        interlace.run(program)
        assert (shop.fetch, "get" in vars(UserRepo)) == (FETCH, True), program
    result = interlace.explore(starts, schedules=5)
    assert result.verdict.status == "passed"


def test_what_was_put_back_meanwhile_stays() -> None:
    async def program() -> None:
        interlace.patch("far_shop.fetch").start()
        outer.stop()

    outer = interlace.patch("far_shop.fetch")
    for _ in range(2):
        outer.start()
        assert not interlace.run(program).failed
        assert shop.fetch is FETCH
        mock.patch.stopall()
        assert shop.fetch is FETCH


def test_a_fake_that_outlives_runs_begins_each_with_what_was_said_before() -> None:
    async def program() -> None:
        sizes = [await shop.size_of("u") for _ in range(3)]
        assert sizes == [1, 2, 2]
        assert len(fetch.calls) == 3
        fetch.returns(b"never seen in another run")

    with interlace.patch("far_shop.fetch") as fetch:
        fetch.returns(b"1", times=1).returns(b"22")
        assert interlace.explore(program, schedules=10).verdict.status == "passed"
        assert len(fetch.calls) == 3
        assert fetch.calls[0].task
        fetch.returns(b"333")
        assert asyncio.run(shop.size_of("u")) == 1
        assert asyncio.run(shop.size_of("u")) == 3


def test_failures_of_a_fake_that_outlives_runs_are_bounded_in_each() -> None:
    seen: set[int] = set()

    async def program() -> None:
        results = await asyncio.gather(*(shop.size_of("u") for _ in range(5)), return_exceptions=True)
        seen.add(sum(isinstance(result, OSError) for result in results))

    with interlace.patch("far_shop.fetch", fail=[OSError]) as fetch:
        fetch.returns(b"1")
        for seed in range(3):
            assert interlace.explore(program, schedules=50, seed=seed).verdict.status == "passed"
    assert seen == {0, 1}


def test_a_lost_update_is_found_on_every_seed_behind_it() -> None:
    def adding(locked: bool) -> Callable[..., Any]:
        async def program() -> None:
            kept = InMemory()
            kept.users[1] = {"n": 0}

            async def add() -> None:
                user = await shop.users.get(1)
                await shop.users.save(1, {"n": user["n"] + 1})

            with interlace.patch("far_shop.users", implementation=kept):
                await ten(add, locked=locked)
            assert kept.users[1]["n"] == 10

        return program

    assert not interlace.run(adding(False)).failed
    for seed in range(3):
        assert interlace.explore(adding(False), schedules=10, seed=seed).verdict.status == "failed"
    assert interlace.explore(adding(True), schedules=50).verdict.status == "passed"


def test_outside_of_a_run_calls_take_no_time() -> None:
    with interlace.patch("far_shop.fetch", latency="1h") as fetch:
        fetch.returns(b"tea")
        assert asyncio.run(shop.size_of("u")) == 3
        fetch.sequence(KeyError)
        with pytest.raises(KeyError):
            asyncio.run(shop.size_of("u"))
    with interlace.patch("far_shop.fetch"), pytest.raises(UnexpectedCall) as caught:
        asyncio.run(shop.size_of("u"))
    assert "or give the patch an implementation: interlace.patch(..., implementation=...)" in str(
        caught.value
    )


# -- what cannot be --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (
            "far_shop.fetsh",
            "far_shop.fetsh cannot be patched: there is no 'fetsh' there; did you mean 'fetch'",
        ),
        ("far_shopp.fetch", "there is no module 'far_shopp'; did you mean 'far_shop'"),
        ("far_shop.UserRep.get", "there is no 'UserRep' in far_shop; did you mean 'UserRepo'"),
        ("far_shop.UserRepo.gett", "there is no 'gett' there; did you mean 'get'"),
        ("interlace.ap.run", "there is no module 'interlace.ap'; did you mean 'interlace.api'|'api'"),
        ("far_shop.UserRepo.size", "is a property: give what it is to be"),
        ("far_shop.limit", "far_shop.limit is 10, of which no fake can be made: give what it is to be"),
        ("far_shop.NotFound", "what stands after 'except' must be a class of exceptions"),
    ],
)
def test_a_target_that_is_not_there(target: str, told: str) -> None:
    with pytest.raises(UsageError) as caught, interlace.patch(target):
        pass
    assert any(part in str(caught.value) for part in told.split("|")), str(caught.value)


@pytest.mark.parametrize("target", ["fetch", "", "far_shop.", ".fetch", "a b.c", 3, None, shop])
def test_a_target_that_is_no_name(target: Any) -> None:
    with pytest.raises(UsageError, match=r"cannot be patched: write the module and the name in it"):
        interlace.patch(target)


def test_other_arguments() -> None:
    with pytest.raises(UsageError, match=r"patch\(\) takes no return_value=: say it to the fake .*\.returns"):
        interlace.patch("far_shop.fetch", return_value=3)
    with pytest.raises(UsageError, match=r"takes no lat=: it takes implementation=, latency="):
        interlace.patch("far_shop.fetch", lat=3)
    with pytest.raises(UsageError, match=r"patch\(\) is given 3 and latency="):
        interlace.patch("far_shop.limit", 3, latency="1ms")
    with pytest.raises(UsageError, match="give an object and the name of its attribute"):
        interlace.patch.object("far_shop", "fetch")
    for options in ({"latency": -1}, {"fail": {"x": [OSError]}}, {"fail": [3]}, {"implementation": 3}):
        with pytest.raises(UsageError), interlace.patch("far_shop.fetch", **options):
            pass


def test_one_patch_twice_at_a_time() -> None:
    patch = interlace.patch("far_shop.limit", 3)
    with patch:
        with pytest.raises(UsageError, match="far_shop.limit is patched by this already"):
            patch.start()
    with patch:
        assert shop.limit == 3


def test_a_module_that_cannot_be_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    tmp_path.joinpath("torn_module_x.py").write_text("import no_such_module_y\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module_y"), interlace.patch("torn_module_x.f"):
        pass
