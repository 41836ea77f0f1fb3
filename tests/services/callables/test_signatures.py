"""Which signatures admit all calls that another one admits, by the calls themselves."""

import inspect
from itertools import chain, combinations
from typing import Any

import pytest

from interlace.services.callables.signatures import misfit


def admits(wanted: inspect.Signature, offered: inspect.Signature) -> bool:
    """Whether each of many calls that fit one signature fits the other one, with the same arguments by name."""
    names = [*"abc", "z"]
    for count in range(6):
        for keys in chain.from_iterable(combinations(names, size) for size in range(5)):
            args, kwargs = [object() for _ in range(count)], {key: object() for key in keys}
            try:
                asked = wanted.bind(*args, **kwargs).arguments
            except TypeError:
                continue
            try:
                given = offered.bind(*args, **kwargs).arguments
            except TypeError:
                return False
            for name, value in asked.items():
                if wanted.parameters[name].kind in (
                    inspect.Parameter.POSITIONAL_OR_KEYWORD,
                    inspect.Parameter.KEYWORD_ONLY,
                ):
                    taken = [key for key, other in given.items() if other is value]
                    if taken and taken != [name]:
                        return False
    return True


FUNCTIONS: list[Any] = [
    lambda: 0,
    lambda a: 0,
    lambda b: 0,
    lambda a=1: 0,
    lambda a, b: 0,
    lambda b, a: 0,
    lambda a, b=1: 0,
    lambda a=1, b=1: 0,
    lambda a, /: 0,
    lambda b, /: 0,
    lambda a, /, b=1: 0,
    lambda *, a: 0,
    lambda *, a=1: 0,
    lambda a, *, b: 0,
    lambda a, *, b=1: 0,
    lambda *args: 0,
    lambda a, *args: 0,
    lambda *args, a: 0,
    lambda **kwargs: 0,
    lambda a, **kwargs: 0,
    lambda *args, b=1, **kwargs: 0,
    lambda *args, **kwargs: 0,
]


@pytest.mark.parametrize("number", range(len(FUNCTIONS)))
def test_what_is_said_of_two_signatures_is_so(number: int) -> None:
    wanted = inspect.signature(FUNCTIONS[number])
    for function in FUNCTIONS:
        offered = inspect.signature(function)
        said = misfit(wanted, offered)
        assert (said == "") is admits(wanted, offered), f"{offered} for {wanted}: {said!r}"
