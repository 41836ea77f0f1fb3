"""Injected cancellation: where it is offered, to whom, and what comes of it."""

from __future__ import annotations

import asyncio
from typing import Any

import interlace


def offers(main: Any, *faults: str) -> list[str]:
    """Returns the places at which one run asks whether to cancel."""
    points = interlace.explore(main, schedules=1, faults=faults).plain.points
    return [point.subject for point in points if point.kind == "cancel"]


async def two_workers(world: interlace.World) -> list[Any]:
    async def work(name: str) -> str:
        await world.latency("1ms..9ms")
        await asyncio.sleep(0)
        return name

    tasks = [asyncio.create_task(work(name), name=name) for name in ("ann", "bob")]
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_nobody_is_cancelled_unless_asked() -> None:
    assert offers(two_workers) == []
    assert offers(two_workers, "slow") == []


def test_each_await_has_two_moments_and_a_task_one_before_them() -> None:
    subjects = offers(two_workers, "cancel")
    for path in ("work", "work#2"):
        mine = [subject for subject in subjects if subject.split()[0].rpartition("/")[2] == path]
        assert [subject.split()[1] for subject in mine] == [
            "begins",
            "work:waits",
            "work:wakes",
            "work:wakes",
        ]


def test_a_pattern_picks_tasks_by_name() -> None:
    assert len(offers(two_workers, "cancel:ann")) == 4
    assert len(offers(two_workers, "cancel:*b")) == 4
    assert offers(two_workers, "cancel:nobody") == []


def test_the_test_itself_is_never_cancelled() -> None:
    async def main(world: interlace.World) -> None:
        await world.latency("1ms..9ms")
        await asyncio.sleep(1)

    assert offers(main, "cancel", "cancel:*") == []


def test_tasks_of_libraries_are_not_cancelled_blindly() -> None:
    """A stream server makes a task for each connection; the test's own code did not ask for it."""

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readline())
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        server.close()

    assert offers(main, "cancel") == []
    assert offers(main, "cancel:serve") != []


def test_one_cancellation_per_run_at_most() -> None:
    seen: list[int] = []

    async def main(world: interlace.World) -> None:
        results = await two_workers(world)
        seen.append(sum(isinstance(result, asyncio.CancelledError) for result in results))

    interlace.explore(main, faults=["cancel"], schedules=80)
    assert max(seen) == 1
    assert seen[0] == 0


def test_a_run_that_ends_by_the_injected_cancellation_is_no_failure() -> None:
    async def main(world: interlace.World) -> None:
        async with asyncio.TaskGroup() as group:
            worker = group.create_task(world.latency("1ms..9ms"))
            await worker

    result = interlace.explore(main, faults=["cancel"])
    assert result.failure is None


def test_a_sweep_tries_every_place_and_the_report_says_which() -> None:
    async def main(world: interlace.World) -> None:
        free = True

        async def use() -> None:
            nonlocal free
            free = False
            await world.latency("1ms..9ms")
            await asyncio.sleep(0)
            free = True

        await asyncio.gather(asyncio.create_task(use(), name="user"), return_exceptions=True)
        assert free, "never given back"

    failure = interlace.explore(main, faults=["cancel"]).failure
    assert failure is not None
    assert failure.message.startswith("never given back")
    assert failure.smallest.injected[0].startswith("user must be cancelled ")
    assert "in use" in failure.smallest.injected[0]


def counting(*, locked: bool) -> Any:
    """Three clerks count to three; whether they leave the counter in one piece depends on `locked`."""

    async def main(world: interlace.World) -> None:
        counter, busy = 0, 0

        async def clerk() -> None:
            nonlocal counter, busy
            busy += 1
            try:
                await world.latency("1ms..9ms")
                counter += 1
            finally:
                if locked:
                    busy -= 1
            if not locked:
                busy -= 1

        await asyncio.wait([asyncio.create_task(clerk(), name=name) for name in ("ann", "bob", "cyd")])
        assert busy == 0, "somebody never left"
        assert counter == 3, "somebody is missing"

    return main


def test_a_task_that_the_test_needs_is_no_failure() -> None:
    """Without ann there are two: so there are if she never comes, which is no matter of moments."""
    result = interlace.explore(counting(locked=True), faults=["cancel"])
    assert result.failure is None
    assert result.needed == ("ann", "bob", "cyd")
    assert "with ann, bob or cyd cancelled" in " ".join(result.report().split())


def test_what_only_the_moment_breaks_is_a_failure_all_the_same() -> None:
    failure = interlace.explore(counting(locked=False), faults=["cancel"]).failure
    assert failure is not None
    assert failure.message.startswith("somebody never left")


def test_a_task_that_was_named_may_not_be_needed() -> None:
    result = interlace.explore(counting(locked=True), faults=["cancel:bob"])
    assert result.failure is not None
    assert result.failure.message.startswith("somebody is missing")
    assert result.needed == ()


def test_a_task_that_was_named_is_cancelled_before_it_begins_too() -> None:
    """Who is given something at birth must give it back even if never woken."""

    async def main() -> None:
        free = asyncio.Semaphore(1)

        async def use() -> None:
            try:
                await asyncio.sleep(0.01)
            finally:
                free.release()

        await free.acquire()
        await asyncio.wait([asyncio.create_task(use(), name="user")])
        assert not free.locked(), "never given back"

    failure = interlace.explore(main, faults=["cancel:user"]).failure
    assert failure is not None
    assert failure.constraints[0].startswith("user must be cancelled before it begins, at ")
    assert interlace.explore(main, faults=["cancel"]).failure is None
