"""What the thing is made of that a fake stands for: its members, of which kind each is, and its signatures."""

from __future__ import annotations

import builtins
import inspect
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, EnumType
from functools import cached_property, partial, partialmethod, singledispatchmethod
from typing import Any, get_origin
from unittest import mock

from interlace.errors import UsageError
from interlace.services.callables.wording import show

UNSET: Any = object()
"""Stands for no value at all."""


class Kind(Enum):
    """What comes of calling something."""

    PLAIN = "is not async"
    ASYNC = "is async"
    STREAM = "is an async iterator"
    SESSION = "is an async context manager"


@dataclass(frozen=True)
class Function:
    """A function or a method, as a fake has to be called.

    Args:
        name: its name.
        kind: what comes of calling it.
        signature: how it is called, without `self`; None: unknown.
        returns_none: whether it says that it returns None.
        doc: its docstring.
    """

    name: str
    kind: Kind
    signature: inspect.Signature | None
    returns_none: bool = False
    doc: str | None = None

    @property
    def is_surely_plain(self) -> bool:
        """Whether what it returns is for sure nothing to be awaited: some say so by a name that is hard to look up."""
        said = UNSET if self.signature is None else self.signature.return_annotation
        known = (
            said in (inspect.Signature.empty, None, "None")
            or getattr(builtins, _name_in(said), None) is not None
        )
        return self.kind is Kind.PLAIN and known


@dataclass(frozen=True)
class Property:
    """A property, read by a function without arguments.

    Args:
        getter: that function.
        settable: whether it can be assigned to.
    """

    getter: Function
    settable: bool


@dataclass(frozen=True)
class Value:
    """Something else: a constant, a class, an attribute that is only annotated.

    Args:
        value: what it is; `UNSET`: nothing is known of it.
    """

    value: Any


Member = Function | Property | Value

SPECIAL = (
    *("__call__", "__await__", "__len__", "__bool__", "__contains__", "__getitem__", "__setitem__"),
    *("__delitem__", "__iter__", "__next__", "__enter__", "__exit__"),
    *("__aenter__", "__aexit__", "__aiter__", "__anext__"),
)
"""The methods with a name of Python's own that a fake has if what it stands for has them."""

_STREAMS = {"AsyncIterator", "AsyncIterable", "AsyncGenerator"}
_SESSIONS = {"AbstractAsyncContextManager", "AsyncContextManager"}
_AWAITABLES = {"Awaitable", "Coroutine"}
_VALUES = (
    *(str, bytes, bytearray, int, float, complex, type(None), list, tuple, dict, set, frozenset),
    *(
        types.CoroutineType,
        types.GeneratorType,
        types.AsyncGeneratorType,
        property,
        BaseException,
        EnumType,
        Enum,
    ),
)
_VALUE_MODULES = ("builtins", "typing", "types")
_NOT_MEMBERS = {object, type}


def is_function(thing: object) -> bool:
    """Tells whether a fake of this is something to call, and not an object with methods."""
    return isinstance(thing, partial) or inspect.isroutine(thing)


def check_spec(spec: object) -> None:
    """Refuses what no fake can be made of.

    Raises:
        UsageError: it is a plain value, or no object with methods.
    """
    if isinstance(spec, mock.NonCallableMock):
        raise UsageError(
            f"{show(spec)} is a mock already: give what it stands for, a class, a function, an instance or a module"
        )
    if is_function(spec) or isinstance(spec, (types.ModuleType, types.SimpleNamespace)):
        return
    kind = spec if isinstance(spec, type) else type(spec)
    if issubclass(kind, _VALUES) or kind.__module__ in _VALUE_MODULES:
        raise UsageError(
            f"no fake can be made of {show(spec)}: give a class, a Protocol, an instance, a function or a module whose "
            "calls are slow"
        )


def members_of(spec: object) -> dict[str, Member]:
    """Returns the members of a class, an instance or a module, by name, in the order in which they were defined."""
    if isinstance(spec, types.ModuleType):
        return {
            name: member_of(name, value, bound=True)
            for name, value in vars(spec).items()
            if not (name.startswith("__") and name.endswith("__"))
        }
    owner = spec if isinstance(spec, type) else type(spec)
    found = {name: member_of(name, raw) for name, raw in _raw_members(owner)}
    if owner is not spec:
        for name, value in getattr(spec, "__dict__", {}).items():
            found[name] = member_of(name, value, bound=True)
    return found


def function_of(name: str, raw: Any, *, bound: bool = False) -> Function:
    """Reads a function.

    Args:
        name: its name.
        raw: the function, or what stands in a class for it.
        bound: whether it is called as it is; else its first parameter is the instance.
    """
    if isinstance(raw, staticmethod):
        raw, bound = raw.__func__, True
    elif isinstance(raw, classmethod):
        raw, bound = raw.__func__, False
    elif not inspect.isfunction(raw) and not inspect.ismethoddescriptor(raw):
        bound = True  # something else that can be called, which a class hands out as it is
    try:
        signature: inspect.Signature | None = inspect.signature(raw)
    except (TypeError, ValueError):  # a function in C that does not say
        signature = None
    if signature is not None and not bound:
        parameters = list(signature.parameters.values())
        if parameters and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
            signature = signature.replace(parameters=parameters[1:])
    said = UNSET if signature is None else signature.return_annotation
    return Function(name, kind_of(raw), signature, said in (None, "None"), inspect.getdoc(raw))


def member_of(name: str, raw: Any, *, bound: bool = False) -> Member:
    """Reads one member; `bound` as for `function_of`."""
    if isinstance(raw, property):
        getter = raw.fget or _nothing
        return Property(function_of(name, getter), raw.fset is not None)
    if isinstance(raw, cached_property):
        return Property(function_of(name, raw.func), True)
    if isinstance(raw, partialmethod):
        return function_of(name, partial(raw.func, None, *raw.args, **raw.keywords), bound=True)
    if isinstance(raw, singledispatchmethod):
        return function_of(name, raw.func)
    if isinstance(raw, (types.MemberDescriptorType, types.GetSetDescriptorType)):
        return Value(UNSET)
    if isinstance(raw, (staticmethod, classmethod)) or (callable(raw) and not isinstance(raw, type)):
        return function_of(name, raw, bound=bound)
    return Value(raw)


def kind_of(raw: Any) -> Kind:
    """Returns what comes of calling a function: as it is defined, or as its return annotation says."""
    inner = inspect.unwrap(raw)
    called = raw if inspect.isroutine(raw) or isinstance(raw, partial) else getattr(raw, "__call__", raw)  # noqa: B004
    if inspect.iscoroutinefunction(called):
        return Kind.ASYNC
    if inspect.isasyncgenfunction(called):
        return Kind.STREAM
    if inspect.isasyncgenfunction(inner):  # contextlib.asynccontextmanager, and its like
        return Kind.SESSION
    if inspect.iscoroutinefunction(inner):
        return Kind.ASYNC
    said = _said(raw)
    if said in _STREAMS:
        return Kind.STREAM
    if said in _SESSIONS:
        return Kind.SESSION
    return Kind.ASYNC if said in _AWAITABLES else Kind.PLAIN


def _raw_members(owner: type) -> Iterator[tuple[str, Any]]:
    found: dict[str, Any] = {}
    for part in reversed(owner.__mro__):
        if part in _NOT_MEMBERS or part.__module__ in ("typing", "abc", "typing_extensions"):
            continue
        for name in inspect.get_annotations(part):
            found.setdefault(name, UNSET)
        found.update(vars(part))
    for name, raw in found.items():
        if name in SPECIAL:
            if raw is not None:  # None takes a method of a base class away
                yield name, raw
        elif not (name.startswith("__") and name.endswith("__")):
            yield name, raw


def _said(raw: Any) -> str:
    """Returns the name of the class that a function says it returns; "" if it does not."""
    return _name_in(getattr(raw, "__annotations__", {}).get("return", ""))


def _name_in(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation.partition("[")[0].rpartition(".")[2].strip()
    name: str = getattr(get_origin(annotation) or annotation, "__name__", "")
    return name


def _nothing(self: object) -> Any:
    raise AttributeError("unreadable")


Caller = Callable[..., Any]
