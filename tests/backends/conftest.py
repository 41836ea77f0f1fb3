"""What the tests of the asyncio backend share."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import interlace

Log = list[Any]
Program = Callable[[Log], Coroutine[Any, Any, Any]]
Factory = Callable[[], asyncio.AbstractEventLoop] | None
Bare = Callable[[Log, Factory], Any]


def normal(value: Any) -> Any:
    """Takes the counter of the process (`Task-7`) out of what was logged or returned."""
    if isinstance(value, str):
        return re.sub(r"Task-\d+", "Task-N", value)
    if isinstance(value, BaseException):
        parts = value.exceptions if isinstance(value, BaseExceptionGroup) else ()
        arguments = value.args[:1] if parts else value.args
        return type(value).__qualname__, normal(arguments), normal(parts)
    if isinstance(value, (list, tuple)):
        return type(value)(map(normal, value))
    return value


def outcome_of(start: Callable[[], Any]) -> Any:
    try:
        return "returned", normal(start())
    except BaseException as error:
        return "raised", normal(error)


def on_runner(program: Program, factory: Factory) -> Any:
    log: Log = []

    def start() -> Any:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(program(log))

    return outcome_of(start), normal(log)


def on_interlace(program: Program) -> Any:
    log: Log = []

    async def main() -> Any:
        return await program(log)

    def start() -> Any:
        outcome = interlace.run(main)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    return outcome_of(start), normal(log)


def check_same(program: Program) -> None:
    """Fails unless a program does the same on the stock loop and, in both ways, on ours."""
    stock = on_runner(program, None)
    assert on_runner(program, interlace.new_event_loop) == stock
    assert on_interlace(program) == stock


def check_same_bare(program: Bare) -> None:
    """Is `check_same` for a program that makes its loop by itself, with the given factory."""

    def run(factory: Factory) -> Any:
        log: Log = []
        return outcome_of(lambda: program(log, factory)), normal(log)

    assert run(interlace.new_event_loop) == run(None)


@pytest.fixture
def same() -> Callable[[Program], None]:
    return check_same


@pytest.fixture
def same_bare() -> Callable[[Bare], None]:
    return check_same_bare
