"""Whose callback is it: names that repeat, and only the oldest callback of an actor is an option."""

from __future__ import annotations

import asyncio
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

import interlace
from interlace.backends.aio import loop as loop_module
from interlace.backends.aio.actors import Names, Task, heads


def handle(actor: str, *, cancelled: bool = False) -> Any:
    return SimpleNamespace(is_of=actor, actor=None, label="", _cancelled=cancelled)


def identify(thing: Any) -> None:
    thing.actor, thing.label = thing.is_of, "step"


def test_only_the_oldest_callback_of_an_actor_is_an_option() -> None:
    ready = deque([handle("a"), handle("b"), handle("a"), handle("c", cancelled=True), handle("d")])
    assert heads(ready, 5, identify) == {"a": 0, "b": 1, "d": 4}
    assert heads(ready, 2, identify) == {"a": 0, "b": 1}
    assert heads(ready, 0, identify) == {}


def test_names_repeat_and_are_counted() -> None:
    async def work() -> None:
        pass

    for names in (Names(), Names()):
        coroutines = [work() for _ in range(3)]
        found = [names.next_task(parent, coro) for parent, coro in zip(("", "", "main"), coroutines)]
        assert [path for _, path in found] == ["work", "work#2", "main/work"]
        assert [ordinal for ordinal, _ in found] == [1, 2, 3]
        for coroutine in coroutines:
            coroutine.close()


def test_a_task_made_by_hand_gets_a_name_too() -> None:
    async def child() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.Task(child())

    outcomes = [interlace.run(main) for _ in range(2)]
    assert any(event.actor == "child" or event.actor.endswith(".child") for event in outcomes[0].trace)
    assert outcomes[0].trace_hash == outcomes[1].trace_hash


def test_tasks_hash_by_their_ordinal_and_compare_by_identity() -> None:
    async def main() -> tuple[list[int], bool]:
        tasks = [asyncio.create_task(asyncio.sleep(0)) for _ in range(3)]
        hashes = [hash(task) - hash(tasks[0]) for task in tasks]
        return hashes, tasks[0] == tasks[1]

    assert interlace.run(main).value == ([0, 1, 2], False)


async def a_group_cancels_in_the_order_of_its_set() -> list[int]:
    junk = [object() for _ in range(hash(object()) % 977)]
    got: list[int] = []

    async def child(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            got.append(number)

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(8):
                group.create_task(child(number))
                junk.extend([object() for _ in range(number * 7)])
            await asyncio.sleep(1)
            raise OSError
    except* OSError:
        pass
    return got


def test_a_group_cancels_in_one_order() -> None:
    values = {tuple(interlace.run(a_group_cancels_in_the_order_of_its_set).value) for _ in range(30)}
    assert values == {(0, 1, 2, 3, 4, 5, 6, 7)}


def test_ablation_without_hashes_of_our_own_the_order_is_that_of_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Task, "__hash__", object.__hash__)
    kept: list[Any] = []
    values = set()
    for _ in range(60):
        kept.append(outcome := interlace.run(a_group_cancels_in_the_order_of_its_set))
        values.add(tuple(outcome.value))
    assert values != {(0, 1, 2, 3, 4, 5, 6, 7)}


async def callbacks_of_the_loop_keep_their_order(world: interlace.World) -> None:
    got: list[int] = []
    for number in range(4):
        asyncio.get_running_loop().call_soon(got.append, number)
    await world.latency("1ms..50ms")
    await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))
    assert got == [0, 1, 2, 3]


def test_an_actor_keeps_its_order_even_under_any() -> None:
    assert interlace.explore(callbacks_of_the_loop_keep_their_order, order="any").failure is None


def test_ablation_without_the_actor_rule_a_correct_program_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_of_them(ready: deque[Any], limit: int, identify: Any) -> dict[str, int]:
        found: dict[str, int] = {}
        for place, one in enumerate(ready):
            if not one._cancelled:
                identify(one)
                found[f"{one.actor} {place}"] = place
        return found

    monkeypatch.setattr(loop_module, "heads", all_of_them)
    result = interlace.explore(callbacks_of_the_loop_keep_their_order, order="any")
    assert result.failure is not None
