"""What a program leaves behind is ended, never waits for ever, and never changes the outcome."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest

import interlace


def test_the_outcome_is_taken_before_the_teardown() -> None:
    log: list[str] = []

    async def left() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cleaned")
            raise ValueError("too late to count")

    async def main() -> str:
        main.kept = asyncio.create_task(left())  # type: ignore[attr-defined]
        await asyncio.sleep(1)
        return "value"

    outcome = interlace.run(main)
    assert (outcome.value, outcome.error, outcome.elapsed, outcome.background) == ("value", None, 1, ())
    assert log == ["cleaned"]


def test_what_is_left_may_take_its_time_to_clean_up() -> None:
    log: list[str] = []

    async def left() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1000)
            log.append("cleaned")

    async def main() -> None:
        main.kept = asyncio.create_task(left())  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    assert interlace.run(main).elapsed == 0
    assert log == ["cleaned"]


@pytest.mark.parametrize("pause", [0, 1, None])
def test_a_task_that_will_not_end_is_left_alone(pause: float | None) -> None:
    async def stubborn() -> None:
        while True:
            try:
                await (asyncio.Event().wait() if pause is None else asyncio.sleep(pause))
            except asyncio.CancelledError:
                pass

    async def main() -> str:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        return f"value, {task.done()}"

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert interlace.run(main).value == "value, False"
        gc.collect()


def test_tasks_that_wait_for_each_other_are_let_go() -> None:
    async def main() -> None:
        tasks: list[Any] = []

        async def wait_for(index: int) -> None:
            await asyncio.sleep(0)
            await tasks[index]

        tasks.extend(asyncio.create_task(wait_for(index)) for index in (1, 2, 0))
        await asyncio.sleep(1)

    assert interlace.run(main).error is None


def test_an_open_generator_is_closed() -> None:
    log: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(5)
            log.append("closed")

    async def main() -> int:
        main.kept = numbers()  # type: ignore[attr-defined]
        return await anext(main.kept)  # type: ignore[attr-defined]

    outcome = interlace.run(main)
    assert (outcome.value, outcome.elapsed, log) == (1, 0, ["closed"])


def test_executor_threads_end() -> None:
    async def main() -> list[str]:
        return await asyncio.gather(*(asyncio.to_thread(str, number) for number in range(3)))

    before = threading.active_count()
    assert interlace.run(main).value == ["0", "1", "2"]
    assert threading.active_count() == before


def test_tasks_started_while_tearing_down_are_ended_too() -> None:
    log: list[str] = []

    async def late() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            log.append("late")
            raise

    async def left() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            main.kept = asyncio.create_task(late())  # type: ignore[attr-defined]
            await asyncio.sleep(0)

    async def main() -> None:
        main.task = asyncio.create_task(left())  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    assert interlace.run(main).error is None
    assert log == ["late"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_goes_through_and_leaves_all_in_order(kind: type[BaseException]) -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    ended: list[str] = []

    async def left() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("left")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loops.append(loop)
        main.kept = asyncio.create_task(left())  # type: ignore[attr-defined]

        def stop() -> None:
            random.random()
            raise kind

        loop.call_later(1, stop)
        await asyncio.sleep(5)

    state = random.getstate()
    with pytest.raises(kind):
        interlace.run(main)
    assert loops[0].is_closed()
    assert ended == ["left"]
    assert gc.isenabled()
    assert random.getstate() == state
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_the_collector_stays_off_if_it_was() -> None:
    async def main() -> bool:
        return gc.isenabled()

    gc.disable()
    try:
        assert interlace.run(main).value is False
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_two_thousand_runs_leave_nothing_behind() -> None:
    async def child(world: interlace.World) -> None:
        await world.latency("1ms..5ms")

    async def main(world: interlace.World) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(child(world))
            async with asyncio.timeout(10):
                await asyncio.sleep(0.01)
        main.kept = asyncio.create_task(asyncio.Event().wait())  # type: ignore[attr-defined]

    def some(count: int) -> int:
        for seed in range(count):
            interlace.run(main, seed=seed)
        gc.collect()
        return len(gc.get_objects())

    threads = threading.active_count()
    some(200)
    before = some(200)
    assert some(2000) - before < 200
    assert threading.active_count() == threads


def test_a_run_inside_of_a_running_loop_is_refused() -> None:
    async def inner() -> int:
        return 1

    async def main() -> int:
        with pytest.raises(interlace.UsageError, match="running event loop"):
            interlace.run(inner)
        return (await asyncio.to_thread(interlace.run, inner)).value

    outcome = interlace.run(main)
    assert outcome.value == 1


@pytest.mark.parametrize("order", ["realistic", "batch", "any"])
def test_who_waits_for_the_end_of_the_main_task_is_told_in_every_order(order: Any) -> None:
    told: list[int] = []

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda _: told.append(1))
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transports = [
            (await loop.create_connection(asyncio.Protocol, "127.0.0.1", port))[0] for _ in range(4)
        ]
        for transport in transports:
            transport.close()  # what follows of it is ready together with those who are told

    for seed in range(50):
        assert interlace.run(main, order=order, seed=seed).error is None
        assert len(told) == seed + 1
