"""What the tests of fake callables share."""

from collections.abc import Callable
from typing import Any

import pytest

import interlace


@pytest.fixture
def passes() -> Callable[..., interlace.Outcome]:
    """Runs a program once; its error is that of the test."""

    def run(program: Callable[..., Any], **options: Any) -> interlace.Outcome:
        outcome = interlace.run(program, **options)
        if outcome.error is not None:
            raise outcome.error
        return outcome

    return run


@pytest.fixture
def error_of() -> Callable[..., BaseException]:
    """Makes a fake in a world, and returns the error that this ends with."""

    def make(
        *arguments: Any, use: Callable[[Any], object] = lambda fake: None, **options: Any
    ) -> BaseException:
        async def program(world: interlace.World) -> None:
            use(world.fake(*arguments, **options))

        error = interlace.run(program).error
        assert error is not None
        return error

    return make
