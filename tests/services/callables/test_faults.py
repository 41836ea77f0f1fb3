"""The faults of `interlace.fault` in the place of an answer, and as choices; in which order fakes were called."""

import asyncio
import errno
from collections.abc import Callable
from typing import Any

import pytest
from far_shop import InMemory, UserRepo, fetch

import interlace
from interlace import UsageError, fault

Passes = Callable[..., interlace.Outcome]
ErrorOf = Callable[..., BaseException]


async def told(awaitable: Any) -> str:
    try:
        return repr(await awaitable)
    except OSError as error:
        return f"{type(error).__name__} {errno.errorcode[error.errno or 0]}"


def test_what_each_fault_is_to_a_call(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        fake = world.fake(fetch, latency="2s")
        fake.sequence(
            fault.reset(),
            fault.refuse(),
            fault.unreachable(),
            fault.hang("30s"),
            fault.reset(latency="5s"),
            b"x",
        )
        seen = []
        for _ in range(6):
            before = world.clock.elapsed
            seen.append((await told(fake("u")), world.clock.elapsed - before))
        assert seen == [
            ("ConnectionResetError ECONNRESET", 2),
            ("ConnectionRefusedError ECONNREFUSED", 2),
            ("TimeoutError ETIMEDOUT", 129),
            ("ConnectionResetError ECONNRESET", 32),
            ("ConnectionResetError ECONNRESET", 7),
            ("b'x'", 2),
        ]
        fake.raises(fault.hang())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1000):
                await fake("u")

    passes(program)


def test_iterators_and_sessions_meet_them_as_well(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo)
        repo.all.returns(fault.reset())
        with pytest.raises(ConnectionResetError):
            await anext(repo.all())
        repo.transaction.sequence(fault.refuse(), 3)
        with pytest.raises(ConnectionRefusedError):
            async with repo.transaction():
                raise AssertionError
        async with repo.transaction() as value:
            assert value == 3
        repo.count.raises(fault.reset())
        with pytest.raises(ConnectionResetError):
            repo.count()

    passes(program)


def test_a_call_that_hangs_and_nobody_limits_is_a_deadlock() -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo, InMemory())
        repo.save.returns(fault.hang())
        await repo.save(1, {})

    error = interlace.run(program).error
    assert isinstance(error, interlace.Deadlock)


@pytest.mark.parametrize("kind", ["save", "all", "transaction"])
def test_a_missing_timeout_is_found(kind: str) -> None:
    def program(limited: bool) -> Callable[..., Any]:
        async def run(world: interlace.World) -> None:
            repo = world.fake(UserRepo, InMemory(), fail={kind: [fault.hang()]})

            async def use() -> None:
                if kind == "save":
                    await repo.save(1, {})
                elif kind == "all":
                    async for _ in repo.all():
                        pass
                else:
                    async with repo.transaction():
                        pass

            if not limited:
                await use()
                return
            try:
                async with asyncio.timeout(5):
                    await use()
            except TimeoutError:
                pass

        return run

    assert not interlace.run(program(False)).failed
    result = interlace.explore(program(False), schedules=30)
    assert result.failure is not None
    assert result.failure.type == "Deadlock"
    assert result.failure.constraints == (f"UserRepo.{kind} (call 1) must meet fault.hang()",)
    result = interlace.explore(program(True), schedules=60)
    assert result.verdict.status == "passed", result.report()


@pytest.mark.parametrize(
    ("use", "told"),
    [
        (
            lambda repo: repo.get.sequence(fault.empty()),
            "that happens to bytes, and a call has none; give fault.hang()",
        ),
        (lambda repo: repo.get.returns(fault.latency("1s").on(3)), "or latency="),
        (lambda repo: repo.get.raises(fault.slicer()), "that happens to bytes"),
        (
            lambda repo: repo.count.returns(fault.hang()),
            "fake.count.returns is given fault.hang(), but it is not async",
        ),
        (lambda repo: repo.count.returns(fault.reset(latency="1s")), "but it is not async"),
    ],
)
def test_a_fault_that_cannot_happen_to_a_call(error_of: ErrorOf, use: Any, told: str) -> None:
    error = error_of(UserRepo, use=use)
    assert isinstance(error, UsageError)
    assert told in str(error)


def test_a_fault_that_cannot_be_a_choice(error_of: ErrorOf) -> None:
    assert "fail['count'] is given fault.hang(), but it is not async" in str(
        error_of(UserRepo, fail={"count": fault.hang()})
    )
    assert "that happens to bytes" in str(error_of(UserRepo, fail=[fault.malformed()]))


def test_outside_of_a_run_nothing_hangs() -> None:
    with interlace.patch("far_shop.fetch") as fake:
        fake.returns(fault.hang())
        with pytest.raises(UsageError, match="fetch is to hang, which it does in a simulated run only"):
            asyncio.run(fake("u"))


def test_in_which_order_fakes_were_called(passes: Passes) -> None:
    async def program(world: interlace.World) -> None:
        repo = world.fake(UserRepo, InMemory(), latency="1s")
        other = world.fake(fetch, latency="3s").returns(b"")
        await repo.save(1, {})
        task = asyncio.create_task(other("u"))
        await asyncio.sleep(1)
        assert other.calls[0].end is None
        await repo.get(1)
        await task
        interlace.in_order(repo.save, other)
        interlace.in_order(repo.save, repo.get)
        interlace.in_order(other, repo.get, overlapping=True)
        with pytest.raises(interlace.OutOfOrder):
            interlace.in_order(other, repo.get)
        (save,), (get,), (fetched,) = repo.save.calls, repo.get.calls, other.calls
        assert (save.time, save.end, fetched.time, fetched.end) == (0, 1, 1, 4)
        assert fetched.overlaps(get)
        assert not fetched.overlaps(save)
        repo.close()
        assert repo.close.calls[0].end == 4
        async with repo.transaction():
            await asyncio.sleep(5)
        assert repo.transaction.calls[0].end == 11
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await repo.get(1)
        assert repo.get.calls[1].end == 11.5

    passes(program)
