"""The task that runs fixtures and tests one after another, on the stock loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from interlace.backends.aio.stock import OpenLoop

SOON = 0.05
"""Real seconds that only pass where a cancellation is lost."""


async def child() -> None:
    raise LookupError("the child")


async def group() -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        group.create_task(child())
        await asyncio.sleep(0)  # it fails now, and the group hears of it once this job is over
        yield


async def first_of(generator: AsyncIterator[None]) -> None:
    await anext(generator)


def test_a_cancellation_between_two_jobs_is_for_the_next_one() -> None:
    opened = OpenLoop()
    generator = group()
    opened.call(first_of(generator))
    with pytest.raises(asyncio.CancelledError):
        opened.call(asyncio.Event().wait(), timeout=SOON)
    with pytest.raises(ExceptionGroup) as told:
        opened.call(first_of(generator))
    assert [str(error) for error in told.value.exceptions] == ["the child"]
    opened.call(asyncio.sleep(0))  # and not for the one after that
    opened.close()


def test_a_job_that_has_nobody_to_wait_for_is_not_cancelled() -> None:
    opened = OpenLoop()
    opened.call(asyncio.sleep(0))
    assert opened.call(asyncio.sleep(0, "done"), timeout=SOON) == "done"
    opened.close()
