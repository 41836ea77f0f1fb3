"""The search as a user sees it: what is found, how it is labelled, and what is claimed."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import interlace
from interlace.errors import UsageError
from interlace.strategies.reversal import parse_delay

Main = Callable[..., Coroutine[Any, Any, Any]]


async def lost_update(world: interlace.World) -> None:
    stock = 0

    async def add(name: str) -> None:
        nonlocal stock
        seen = stock
        await world.latency("1ms..50ms")
        stock = seen + 1

    async with asyncio.TaskGroup() as group:
        group.create_task(add("ann"), name="ann")
        await world.latency("60ms")
        group.create_task(add("bob"), name="bob")
    assert stock == 2, f"stock is {stock}"


async def overtaking(world: interlace.World) -> None:
    """Fails only if the first of two requests is the slower one."""
    page = ""

    async def load(text: str) -> None:
        nonlocal page
        await world.latency("1ms..50ms")
        page = text

    first = asyncio.create_task(load("old"), name="old")
    await world.latency("1ms")
    second = asyncio.create_task(load("new"), name="new")
    await asyncio.gather(first, second)
    assert page == "new", f"the page shows {page}"


async def step_order() -> None:
    """Fails only if tasks do not start in the order in which they were made."""
    got: list[int] = []

    async def put(number: int) -> None:
        got.append(number)

    await asyncio.gather(*(put(number) for number in range(3)))
    assert got == [0, 1, 2]


def test_a_failure_is_found_shrunk_explained_and_replayed() -> None:
    result = interlace.explore(overtaking)
    failure = result.failure
    assert failure is not None
    assert result.verdict.status == "failed"
    assert (failure.type, failure.label) == ("AssertionError", "real")
    assert len(failure.deviations) == 1
    assert len(failure.constraints) == 1
    assert "must be slower than" in failure.constraints[0]
    assert failure.twin is not None
    assert failure.twin.error is None
    assert failure.runs_to_failure == result.runs <= 20
    again = interlace.replay(overtaking, failure.token)
    assert str(again.error).startswith("the page shows old")
    assert again.trace_hash == failure.smallest.trace_hash


def test_two_completions_may_come_in_one_poll() -> None:
    """Whatever the lengths on the menu: what starts later can end together with what is in flight."""

    async def main(world: interlace.World) -> None:
        at: list[float] = []

        async def call(begin: float) -> None:
            await world.latency(begin)  # fixed
            await world.latency("1ms..50ms")
            at.append(world.clock.elapsed)

        await asyncio.gather(call(0), call(0.0123))
        assert at[0] != at[1], "together"

    failure = interlace.explore(main).failure
    assert failure is not None
    assert failure.message.startswith("together")
    assert all(0.001 <= parse_delay(one.option) / 1e9 <= 0.05 for one in failure.deviations)
    assert interlace.replay(main, failure.token).failed


def test_durations_are_the_only_unknowns() -> None:
    """60 ms apart, with 50 ms at most: the updates cannot overlap, whatever the durations."""
    assert interlace.explore(lost_update, schedules=500).failure is None


def test_what_needs_another_order_of_steps_is_latent() -> None:
    result = interlace.explore(step_order)
    assert result.failure is None
    assert result.verdict.status == "passed"
    assert [finding.label for finding in result.latent] == ["latent"]
    asked_for = interlace.explore(step_order, order="any")
    assert asked_for.failure is not None
    assert asked_for.failure.label == "latent"
    assert asked_for.latent == ()


def test_a_wide_finding_with_durations_is_real() -> None:
    """Found under `any`, and then durations are found that make stock asyncio do the same."""
    result = interlace.explore(overtaking, order="any")
    assert result.failure is not None
    assert result.failure.label == "real"
    assert result.failure.smallest.recipe.order == "realistic"


async def always() -> None:
    raise LookupError("no such thing")


def test_what_always_fails_needs_no_constraint() -> None:
    result = interlace.explore(always)
    assert result.runs == 1
    assert result.failure is not None
    assert (result.failure.constraints, result.failure.twin, result.failure.token.count(".")) == ((), None, 5)


def racing(tasks: int, steps: int) -> Main:
    async def main() -> str:
        log: list[str] = []

        async def work(name: str) -> None:
            for _ in range(steps):
                log.append(name)
                await asyncio.sleep(0)
            log.append(name)

        await asyncio.gather(*(work(chr(97 + number)) for number in range(tasks)))
        seen.add("".join(log))
        return "".join(log)

    seen: set[str] = set()
    main.seen = seen  # type: ignore[attr-defined]
    return main


def test_exhausted_means_every_order() -> None:
    """Two tasks of two steps: all 6 interleavings, each of them really run."""
    main = racing(2, 1)
    result = interlace.explore(main, order="any", schedules=500)
    assert result.verdict.kind == "exhausted"
    assert main.seen == {"".join(order) for order in itertools.permutations("aabb")}  # type: ignore[attr-defined]


def test_a_program_without_questions_is_exhausted_by_one_run() -> None:
    result = interlace.explore(racing(2, 1))
    assert (result.verdict.extent, result.verdict.status) == ("exhausted 1", "passed")


def test_too_many_schedules_are_never_called_exhausted() -> None:
    result = interlace.explore(racing(3, 4), order="any", schedules=50)
    assert (result.verdict.extent, result.runs) == ("sampled 50", 50)


def test_a_delay_is_never_exhausted() -> None:
    async def main(world: interlace.World) -> None:
        await world.latency()

    assert interlace.explore(main, schedules=300).verdict.kind == "sampled"


def test_a_sweep_that_does_not_fit_is_truncated() -> None:
    async def main() -> None:
        tasks = [asyncio.create_task(asyncio.sleep(0.01)) for _ in range(20)]
        await asyncio.wait(tasks)

    result = interlace.explore(main, faults=["cancel"], schedules=10)
    assert result.verdict.extent == "truncated by budget 10"
    assert "places for a cancellation were not tried" in result.verdict.note
    assert interlace.explore(main, faults=["cancel"], schedules=100).verdict.kind == "sampled"


def test_shrinking_never_slips_to_another_failure() -> None:
    """The same race fails in two ways; each report must show the failure that was found."""

    async def main(world: interlace.World) -> None:
        order: list[str] = []

        async def call(name: str) -> None:
            await world.latency("1ms..50ms")
            order.append(name)

        await asyncio.gather(*(call(name) for name in "abc"))
        assert order != ["b", "a", "c"], "early"
        if order[0] == "c":
            raise KeyError("late")

    result = interlace.explore(main, schedules=300, stop_on_failure=False)
    assert {failure.type for failure in result.failures} == {"AssertionError", "KeyError"}
    for failure in result.failures:
        assert failure.smallest.signature == failure.first.signature
        assert type(interlace.replay(main, failure.token).error).__name__ == failure.type


def test_the_smallest_schedule_needs_every_deviation() -> None:
    async def main(world: interlace.World) -> None:
        order: list[str] = []

        async def call(name: str) -> None:
            await world.latency("1ms..50ms")
            order.append(name)

        await asyncio.gather(*(call(name) for name in "abcdef"))
        assert order[-2:] != ["a", "b"]

    failure = interlace.explore(main, schedules=2000).failure
    assert failure is not None
    assert 1 < len(failure.deviations) <= 2
    assert failure.twin is not None


def test_a_program_that_does_not_repeat_is_said_not_to() -> None:
    turns = itertools.count()

    async def main(world: interlace.World) -> None:
        await world.latency()
        assert next(turns) != 3

    failure = interlace.explore(main).failure
    assert failure is not None
    assert "depends on something outside of the simulation" in failure.note


def test_a_cancellation_that_reaches_the_test_is_an_expected_end() -> None:
    async def main() -> None:
        await asyncio.create_task(asyncio.sleep(1))

    result = interlace.explore(main, faults=["cancel"])
    assert result.failure is None
    assert result.runs > 2


def test_a_cancellation_of_the_tests_own_is_a_failure() -> None:
    async def main() -> None:
        task = asyncio.create_task(asyncio.sleep(1))
        task.cancel()
        await task

    failure = interlace.explore(main, faults=["cancel"]).failure
    assert failure is not None
    assert failure.type == "CancelledError"


def test_every_run_is_the_same_on_every_call() -> None:
    first, second = interlace.explore(overtaking, seed=7), interlace.explore(overtaking, seed=7)
    assert first.failure is not None
    assert second.failure is not None
    assert first.failure.token == second.failure.token
    assert first.runs == second.runs


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"schedules": 0}, "schedules is 0"),
        ({"schedules": 1.5}, "schedules is 1.5"),
        ({"order": "random"}, "no order is called 'random'"),
        ({"faults": ["crush"]}, "no fault is called 'crush'"),
        ({"faults": ["net:noise"]}, "no fault is called 'net:noise'"),
        ({"faults": ["at_most=0"]}, "no fault is called 'at_most=0'"),
        ({"faults": "cancel:"}, "no fault is called 'cancel:'"),
        ({"seed": "x"}, "seed is 'x'"),
    ],
)
def test_bad_settings(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        interlace.explore(always, **settings)


@pytest.mark.parametrize("main", [always(), lambda: None, 3, len])
def test_what_is_not_a_coroutine_function(main: Any) -> None:
    with pytest.raises(UsageError, match="is not a coroutine function"):
        interlace.run(main)
    if asyncio.iscoroutine(main):
        main.close()


def test_main_may_take_nothing_or_a_world() -> None:
    async def nothing() -> int:
        return 1

    async def world(world: interlace.World) -> float:
        return world.clock.elapsed

    async def keyword(*, world: interlace.World) -> float:
        return world.clock.elapsed

    async def both(world: interlace.World, other: int) -> None:
        pass

    assert [interlace.run(main).value for main in (nothing, world, keyword)] == [1, 0.0, 0.0]
    with pytest.raises(UsageError, match="takes more than a world"):
        interlace.run(both)


def test_what_spins_is_not_starved_to_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order that is not fair lets it go round for ever: no loop does that, and it takes long."""
    from interlace.backends.aio.run import Asyncio
    from interlace.engine import explore
    from interlace.engine.plan import Plan
    from interlace.engine.run import Runner
    from interlace.strategies.uniform import Uniform

    class Unfair(Uniform):
        def choose(self, point: Any) -> int:
            return next((n for n, option in enumerate(point.options) if "bring" not in option), 0)

    ordinary = explore.samplers
    monkeypatch.setattr(
        explore,
        "samplers",
        lambda order, *sizes: itertools.repeat(Unfair()) if order == "any" else ordinary(order, *sizes),
    )

    async def main() -> None:
        come: list[int] = []

        async def bring() -> None:
            await asyncio.sleep(0)
            come.append(1)

        task = asyncio.create_task(bring())
        while not come:
            await asyncio.sleep(0)
        await task

    errors: list[type[Any]] = []
    runner = Runner(
        lambda running: running.main(main()),
        Asyncio(max_steps=500),
        after=lambda outcome: errors.append(type(outcome.error)),
    )
    findings = explore.Search(runner, Plan(200)).run()
    assert errors.count(interlace.Runaway) == 1
    assert (findings.failures, findings.latent) == ((), ())
