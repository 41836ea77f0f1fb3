"""Whether a call fits a signature, and whether one signature admits all calls that another one does."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from interlace.errors import BadCall
from interlace.services.callables.specs import Function
from interlace.services.callables.wording import nearest, show_call, without_addresses

_P = inspect.Parameter

_MANY = 20
"""How many arguments stand for any number of them."""


def show_signature(name: str, signature: inspect.Signature) -> str:
    """Words a signature with the name of what it belongs to."""
    return without_addresses(f"{name}{signature}")


class Bound(NamedTuple):
    """The arguments of a call, as a signature takes them.

    Args:
        args: those that can be given by position.
        kwargs: the others.
        arguments: all by the names of the parameters, defaults included.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    arguments: dict[str, Any]


def bind(name: str, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Bound:
    """Returns the arguments of a call as a signature takes them.

    Args:
        name: what is called, such as `UserRepo.get`.
        function: how it is to be called.
        args: the positional arguments.
        kwargs: those given by name.

    Raises:
        BadCall: they do not fit.
    """
    if function.signature is None:
        return Bound(args, kwargs, {**{str(number): value for number, value in enumerate(args)}, **kwargs})
    try:
        bound = function.signature.bind(*args, **kwargs)
    except TypeError as error:
        names = list(function.signature.parameters)
        unknown = next((key for key in kwargs if key not in names), None)
        near = nearest(unknown, names) if unknown is not None and "unexpected" in str(error) else ""
        raise BadCall(
            f"{show_signature(name, function.signature)} was called as {show_call(name, args, kwargs)}: {error}{near}"
        ) from None
    by_position, by_name = bound.args, bound.kwargs
    bound.apply_defaults()
    return Bound(by_position, by_name, bound.arguments)


def refusal(wanted: inspect.Signature, function: Callable[..., Any]) -> str:
    """Says why a function does not take the least that a signature asks for, by position; "" if it does."""
    try:
        offered = inspect.signature(function)
    except (TypeError, ValueError):  # a function in C that does not say
        return ""
    args, kwargs = _calls(wanted)[1]
    try:
        offered.bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return ""


def misfit(wanted: inspect.Signature, offered: inspect.Signature) -> str:
    """Says which call a signature does not admit that another one does, in words; "" if there is none.

    Args:
        wanted: the one whose calls are to be admitted.
        offered: the one that is to admit them.
    """
    for args, kwargs in _calls(wanted):
        try:
            bound = offered.bind(*args, **kwargs).arguments
        except TypeError as error:
            return str(error)
        for name, value in wanted.bind(*args, **kwargs).arguments.items():
            kind = wanted.parameters[name].kind
            if kind in (_P.POSITIONAL_ONLY, _P.VAR_POSITIONAL, _P.VAR_KEYWORD):
                continue
            taken = next((key for key, found in bound.items() if found is value), None)
            if taken is not None and taken != name:
                return f"the argument {name!r} is called {taken!r} there"
    return ""


def _calls(signature: inspect.Signature) -> list[tuple[list[Any], dict[str, Any]]]:
    """Returns calls that stand for all which a signature admits: by position, by name, without what is optional."""
    calls = []
    for by_name in (False, True):
        for short in (False, True):
            args: list[Any] = []
            kwargs: dict[str, Any] = {}
            for name, parameter in signature.parameters.items():
                if parameter.kind is _P.VAR_POSITIONAL:
                    if not short and not by_name:
                        args += [object() for _ in range(_MANY)]
                elif parameter.kind is _P.VAR_KEYWORD:
                    if not short:
                        kwargs["any_other_name"] = object()
                elif short and parameter.default is not _P.empty:
                    continue
                elif parameter.kind is _P.KEYWORD_ONLY or (
                    by_name and parameter.kind is not _P.POSITIONAL_ONLY
                ):
                    kwargs[name] = object()
                else:
                    args.append(object())
            calls.append((args, kwargs))
    return calls
