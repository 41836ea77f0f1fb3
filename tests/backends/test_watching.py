"""The user's own lines of each step, recorded only where a story is told."""

from __future__ import annotations

import asyncio
import sys
from types import FrameType
from typing import Any

import pytest

import interlace


async def story(world: interlace.World) -> int:
    async def child() -> int:
        value = 1
        await asyncio.sleep(1)
        return value

    first = child.__code__.co_firstlineno
    assert await child() == 1
    return first


def test_lines_are_recorded_by_step() -> None:
    outcome = interlace.replay(story, interlace.run(story).token, detail=True)
    first = outcome.value
    assert len(outcome.passages) == 2
    before, after = outcome.passages
    assert [place.line - first for place in before.lines if place.function == "child"] == [1, 2]
    assert [place.line - first for place in after.lines if place.function == "child"] == [2, 3]
    assert before.waits is not None
    assert before.waits.line == first + 2
    assert after.waits is None
    assert (before.time, after.time) == (0, 1_000_000_000)
    assert all(place.file == __file__ for passage in outcome.passages for place in passage.lines)


def test_plain_runs_record_none() -> None:
    assert interlace.run(story).passages == ()
    token = interlace.run(story).token
    assert interlace.replay(story, token).passages == ()


def test_watching_changes_nothing() -> None:
    plain = interlace.run(story, seed=5)
    assert interlace.replay(story, plain.token, detail=True).trace_hash == plain.trace_hash


def test_the_tracer_that_was_there_is_put_back() -> None:
    def tracer(frame: FrameType, event: str, argument: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        interlace.replay(story, interlace.run(story).token, detail=True)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


def test_the_tracer_is_put_back_after_an_interrupt() -> None:
    async def interrupted(world: interlace.World) -> None:
        raise KeyboardInterrupt

    async def quiet(world: interlace.World) -> None:
        pass

    before = sys.gettrace()
    with pytest.raises(KeyboardInterrupt):
        interlace.replay(interrupted, interlace.run(quiet).token, detail=True)
    assert sys.gettrace() is before
