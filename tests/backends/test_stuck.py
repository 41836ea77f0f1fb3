"""A deadlock is reported at once, with who waits for what, and where."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import interlace


def line_of(function: Callable[..., Any], text: str) -> int:
    lines, first = inspect.getsourcelines(function)
    return first + next(number for number, line in enumerate(lines) if text in line)


def waiting(main: Callable[..., Any]) -> dict[str, str]:
    """Returns who waits for what, without the path of this file."""
    error = interlace.run(main).error
    assert isinstance(error, interlace.Deadlock), error
    found = {}
    for line in error.waiting:
        name, _, what = line.partition(" waits for ")
        awaited, _, place = what.partition(" at ")
        found[name] = f"{awaited} at {place.rpartition('test_stuck.py:')[2]}"
    assert str(error).startswith("deadlock: every task waits")
    return found


@pytest.fixture(autouse=True)
def no_real_waiting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert interlace.run  # only now is it imported, and keeps what waits really
    if "real" not in request.keywords and "thread" not in request.node.name:
        monkeypatch.setattr(threading.Condition, "wait", None)


def test_a_lock() -> None:
    lock = asyncio.Lock()

    async def main() -> None:
        await lock.acquire()
        async with lock:  # again
            pass

    assert waiting(main) == {"main": f"Lock.acquire at {line_of(main, '# again')} in main"}


def test_an_event_and_a_task() -> None:
    async def listen(event: asyncio.Event) -> None:
        await event.wait()

    async def main() -> None:
        task = asyncio.create_task(listen(asyncio.Event()), name="listener")
        await task

    assert waiting(main) == {
        "main": f"the end of listener at {line_of(main, 'await task')} in main",
        "listener": f"Event.wait at {line_of(listen, 'await')} in listen",
    }


def test_a_queue() -> None:
    async def consume(queue: asyncio.Queue[int]) -> int:
        return await queue.get()

    async def main() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue(1)
        async with asyncio.TaskGroup() as group:
            group.create_task(consume(queue))
            group.create_task(consume(queue))

    found = waiting(main)
    assert found["consume"] == f"Queue.get at {line_of(consume, 'await')} in consume"
    assert found["consume#2"] == found["consume"]
    assert found["main"].startswith("TaskGroup.")


def test_a_gather() -> None:
    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        await asyncio.gather(forever(), asyncio.sleep(5))

    assert waiting(main) == {
        "main": f"a future at {line_of(main, 'gather')} in main",
        "forever": f"a future at {line_of(forever, 'await')} in forever",
    }


def test_tasks_that_wait_for_each_other() -> None:
    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []

        async def wait_for(index: int) -> None:
            await asyncio.sleep(1)
            await tasks[index]

        tasks.extend(asyncio.create_task(wait_for(index), name=f"t{index}") for index in (1, 0))
        await asyncio.wait(tasks)

    found = waiting(main)
    assert found["t1"].startswith("the end of t0 at")
    assert found["t0"].startswith("the end of t1 at")


def test_virtual_time_moves_on_before_a_deadlock() -> None:
    async def main() -> None:
        await asyncio.sleep(100)
        await asyncio.Event().wait()

    outcome = interlace.run(main)
    assert isinstance(outcome.error, interlace.Deadlock)
    assert outcome.elapsed == 100


def test_a_timeout_is_no_deadlock() -> None:
    async def main() -> None:
        await asyncio.wait_for(asyncio.Event().wait(), 3600)

    outcome = interlace.run(main)
    assert isinstance(outcome.error, TimeoutError)
    assert outcome.elapsed == 3600


def test_a_loop_for_a_runner_says_so_too() -> None:
    with asyncio.Runner(loop_factory=interlace.new_event_loop) as runner:
        with pytest.raises(interlace.Deadlock, match="waits for Event.wait"):
            runner.run(asyncio.Event().wait())  # type: ignore[arg-type]


def test_a_program_that_only_spins_is_stopped() -> None:
    from interlace.backends.aio.run import Asyncio
    from interlace.engine.run import drive
    from interlace.sim.world import World

    async def main(world: World) -> None:
        while True:
            await asyncio.sleep(0)

    ending = drive(Asyncio(max_steps=500).open(World()), lambda running: running.main(main(running.world)))
    assert isinstance(ending.error, interlace.Runaway)
    assert "after 500 steps, 0 virtual seconds after it began" in str(ending.error)
    assert ending.error.busy[0].startswith("main: ")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_job_that_blocks_a_thread_for_ever(gate: threading.Event) -> None:
    async def main() -> None:
        await asyncio.to_thread(gate.wait)

    assert waiting(main) == {"main": f"to_thread at {line_of(main, 'await')} in main"}


def test_a_busy_thread_is_no_deadlock() -> None:
    def work() -> int:
        return sum(range(3_000_000))

    async def main() -> int:
        return await asyncio.wait_for(asyncio.to_thread(work), 0.5)

    outcome = interlace.run(main)
    assert outcome.value == sum(range(3_000_000))
    assert outcome.elapsed < 0.5
