"""Whether an object can answer in the place of what a fake stands for."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from interlace.errors import UsageError
from interlace.services.callables.signatures import misfit, show_signature
from interlace.services.callables.specs import Function, Kind, Member, Property, function_of
from interlace.services.callables.wording import nearest

DEFAULTS = ("__aenter__", "__aexit__", "__enter__", "__exit__", "__aiter__", "__iter__", "__bool__")
"""Methods that answer by themselves where nobody else does."""


def check_implementation(implementation: Any, members: Mapping[str, Member], owner: str) -> None:
    """Refuses an object that lacks a method, or has it otherwise.

    Args:
        implementation: the object.
        members: what it must have; names that begin with `_` it need not.
        owner: what the fake stands for.

    Raises:
        UsageError: it is a class, or does not fit.
    """
    if isinstance(implementation, type):
        raise UsageError(
            f"implementation is the class {implementation.__name__}: give an instance, {implementation.__name__}()"
        )
    there = type(implementation).__name__
    for name, member in members.items():
        if isinstance(member, Function):
            found = getattr(implementation, name, None)
            if found is None and (name in DEFAULTS or (name.startswith("_") and not name.endswith("__"))):
                continue
            if not callable(found):
                have = [one for one in dir(implementation) if not one.startswith("_")]
                raise UsageError(
                    f"{there} cannot stand for {owner}: it has no method {name!r}{nearest(name, have)}"
                )
            check_function(found, member, f"{there}.{name}", f"{owner}.{name}")
        elif isinstance(member, Property) and not name.startswith("_") and name not in dir(implementation):
            raise UsageError(f"{there} cannot stand for {owner}: it has no attribute {name!r}")


def check_function(found: Any, wanted: Function, there: str, here: str) -> None:
    """Refuses a function that cannot be called as another one, or is not async as that one is.

    Args:
        found: the function.
        wanted: the other one.
        there: what the function is called.
        here: what the other one is called.

    Raises:
        UsageError: it does not fit.
    """
    offered = function_of(wanted.name, found, bound=True)
    if offered.kind is not wanted.kind and not _may_be(offered, wanted):
        raise UsageError(
            f"{there} cannot answer for {here}: that {wanted.kind.value}, and {there} {offered.kind.value}"
            f"{_remedy(offered.kind, wanted.kind)}"
        )
    if wanted.signature is None or offered.signature is None:
        return
    wrong = misfit(wanted.signature, offered.signature)
    if wrong:
        raise UsageError(
            f"{there} cannot answer for {here}: calls that {show_signature(here, wanted.signature)} admits do not fit "
            f"{show_signature(there, offered.signature)}: {wrong}"
        )


def _may_be(offered: Function, wanted: Function) -> bool:
    """Tells whether a plain function, which does not say what it returns, may return what is wanted."""
    said = offered.signature is None or offered.signature.return_annotation is inspect.Signature.empty
    return offered.kind is Kind.PLAIN and said and wanted.kind in (Kind.STREAM, Kind.SESSION)


def _remedy(offered: Kind, wanted: Kind) -> str:
    if (offered, wanted) == (Kind.STREAM, Kind.ASYNC):
        return (
            ". An abstract async generator is declared without 'async': def name(self) -> AsyncIterator[...]"
        )
    if {offered, wanted} == {Kind.PLAIN, Kind.ASYNC}:
        return f"; write it {'with' if wanted is Kind.ASYNC else 'without'} 'async'"
    return ""
