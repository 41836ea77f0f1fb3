"""Whose callback is it: names that repeat, and only the oldest callback of an actor is an option."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

import interlace
from interlace.backends.aio.actors import Heads, Names, Task
from interlace.backends.aio.loop import Loop
from interlace.sim.world import World


def loop_of(*actors: str) -> Loop:
    loop = Loop(World())
    for actor in actors:
        loop._call_as(actor, print)
    return loop


def walk(loop: Loop, *positions: int) -> list[tuple[str, ...]]:
    """Returns what was offered before each position was taken, and after the last."""
    heads = Heads(loop)
    offered = []
    for position in positions:
        actors = heads.among(len(loop._ready))
        assert heads.take(actors[position], position).actor == actors[position]
        offered.append(actors)
    return [*offered, heads.among(len(loop._ready))]


def test_only_the_oldest_callback_of_an_actor_is_an_option() -> None:
    loop = loop_of("a", "b", "a", "c", "d")
    loop._ready[3].cancel()
    oldest = loop._ready[0]
    heads = Heads(loop)
    assert heads.among(5) == ("a", "b", "d")
    assert heads.among(2) == ("a", "b")
    assert heads.among(0) == ()
    assert heads.among(5) == ("a", "b", "d")
    assert heads.take("a", 0) is oldest
    assert heads.among(4) == ("b", "a", "d")
    loop.close()


def test_what_is_known_of_the_heads_stays_true_from_one_choice_to_the_next() -> None:
    loop = loop_of("a", "b", "c", "d")
    assert walk(loop, 2, 0, 1, 0) == [("a", "b", "c", "d"), ("a", "b", "d"), ("b", "d"), ("b",), ()]
    loop.close()


@pytest.mark.parametrize("seed", range(40))
def test_heads_that_are_kept_are_those_that_a_fresh_look_finds(seed: int) -> None:
    chance = random.Random(seed)
    loop = loop_of(*(chance.choice("abcdefgh") for _ in range(chance.randint(0, 6))))
    kept = Heads(loop)
    for _ in range(60):
        for _ in range(chance.choice((0, 0, 1, 3))):
            loop._call_as(chance.choice("abcdefghijklmnopq"), print)
        if loop._ready and chance.random() < 0.2:
            chance.choice(loop._ready).cancel()
        actors = kept.among(len(loop._ready))
        assert actors == Heads(loop).among(len(loop._ready))
        if actors:
            position = chance.randrange(len(actors))
            oldest = next(
                handle
                for handle in loop._ready
                if handle.actor == actors[position] and not handle.cancelled()
            )
            assert kept.take(actors[position], position) is oldest
    loop.close()


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
    identify = Loop.identify

    def each_its_own(self: Loop, handle: Any) -> None:
        identify(self, handle)
        handle.actor = f"{handle.actor} {id(handle)}"

    monkeypatch.setattr(Loop, "identify", each_its_own)
    result = interlace.explore(callbacks_of_the_loop_keep_their_order, order="any")
    assert result.failure is not None
