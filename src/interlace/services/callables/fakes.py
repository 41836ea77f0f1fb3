"""Fakes of objects and functions, made from what they stand for."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, get_origin

from interlace.errors import UsageError
from interlace.services.callables.answerers import Answerer, Surroundings
from interlace.services.callables.failures import Fail, Failures, read_failures
from interlace.services.callables.functions import DEFAULT_LATENCY, FakeFunction
from interlace.services.callables.implementations import check_function, check_implementation
from interlace.services.callables.specs import (
    SPECIAL,
    UNSET,
    Function,
    Kind,
    Member,
    Property,
    Value,
    check_spec,
    function_of,
    is_function,
    members_of,
)
from interlace.services.callables.wording import nearest, show
from interlace.sim.carrier import Carrier
from interlace.sim.latency import Latency, parse_latency

Latencies = Latency | Mapping[str, Latency] | None
"""How long calls take, or that by the names of methods; `"*"` stands for those that are not named."""


def make_fake(
    spec: Any,
    implementation: Any = None,
    *,
    carrier: Carrier,
    latency: Latencies = None,
    fail: Fail = None,
    at_most: int = 1,
    name: str = "",
    bound: bool = True,
    hint: str = "",
) -> Any:
    """Returns a fake: of an instance, given a class; else of what it is given.

    Args:
        spec: what it stands for: a class, an instance, a function or a module; of a fake: what that stands for.
        implementation: answers in its place where the test has said nothing; None: nobody does.
        carrier: has its calls take time.
        latency: how long they take; None: 0 to 100 ms.
        fail: what they may fail with.
        at_most: how many of them fail in one run, at most.
        name: what it is called in stories; "": as the spec.
        bound: whether a function is called as it is; else its first parameter is the instance.
        hint: how a test gives an implementation, in words; "": to `world.fake`.

    Raises:
        UsageError: an argument that cannot work.
    """
    spec = get_origin(spec) or spec  # Repo[User]
    if isinstance(spec, Fake):
        spec = spec.__interlace__.spec
    around = Surroundings(carrier, Failures(at_most))
    if isinstance(spec, FakeFunction):
        function = replace(spec.answerer.function, name=name or spec.answerer.name)
        return _fake_function(function, implementation, around, latency, fail, at_most, hint)
    check_spec(spec)
    if is_function(spec):
        function = function_of(name or _name_of_function(spec), spec, bound=bound)
        return _fake_function(function, implementation, around, latency, fail, at_most, hint)
    shown = name or _name_of(spec)
    members = members_of(spec)
    functions = _functions_in(members)
    if not functions:
        raise UsageError(f"{shown} has no methods: there is nothing in it that a fake could answer")
    if implementation is not None:
        check_implementation(implementation, members, shown)
    else:
        around.implement = f"; or give {hint or f'the fake an implementation: world.fake({shown}, ...)'}"
    delays = _read_latencies(latency, functions, shown)
    named = {one: member.kind is not Kind.PLAIN for one, member in functions.items() if one not in SPECIAL}
    errors = read_failures(fail, at_most, named, shown, is_function=False)
    return _assemble(spec, shown, members, implementation, around, delays, errors)


class State:
    """What a fake knows of itself.

    Args:
        name: what it stands for, in words.
        spec: that.
        members: its members.
        implementation: answers in its place; None: nobody does.
        around: what its functions share.
    """

    def __init__(
        self,
        name: str,
        spec: Any,
        members: Mapping[str, Member],
        implementation: Any,
        around: Surroundings,
    ) -> None:
        self.name = name
        self.spec = spec
        self.members = members
        self.implementation = implementation
        self.around = around

    def read(self, name: str) -> Any:
        """Returns an attribute that is neither a function nor a property.

        Raises:
            AttributeError: it is not there, or has no value yet.
        """
        member = self.members.get(name)
        if isinstance(member, Value):
            if self.implementation is not None and hasattr(self.implementation, name):
                return getattr(self.implementation, name)
            if member.value is not UNSET:
                return member.value
            raise AttributeError(
                f"{self.name}.{name} has no value yet: set it in the test, fake.{name} = ..."
            )
        if name == "calls":
            return self.around.calls
        raise AttributeError(self.lack(name))

    def lack(self, name: str) -> str:
        """Says that there is no member of this name."""
        return f"{self.name} has no attribute {name!r}{nearest(name, self.members)}"


class Fake:
    """A fake of an object; what it stands for is its class to `isinstance`. Made by `World.fake`."""

    __interlace__: State

    def __getattr__(self, name: str) -> Any:
        return self.__interlace__.read(name)

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__interlace__
        if name not in state.members:
            raise AttributeError(state.lack(name))
        if state.implementation is not None and isinstance(state.members[name], Value):
            setattr(state.implementation, name, value)
        else:
            object.__setattr__(self, name, value)

    def __dir__(self) -> Iterable[str]:
        return [*self.__interlace__.members, "calls"]

    def __repr__(self) -> str:
        return f"<fake {self.__interlace__.name}>"


class FakeProperty:
    """A property of a fake: `type(fake).size.returns(3)` says what it answers.

    Args:
        owner: the name of what it belongs to.
        name: its own.
        getter: answers.
        settable: whether it can be assigned to.
        implementation: what it is assigned to then; None: the getter returns it from then on.
    """

    def __init__(
        self, owner: str, name: str, getter: FakeFunction, settable: bool, implementation: Any
    ) -> None:
        self._owner = owner
        self._name = name
        self._getter = getter
        self._settable = settable
        self._implementation = implementation
        getter.answerer.access = f"type(fake).{name}"

    def __repr__(self) -> str:
        return f"<fake property {self._owner}.{self._name}>"

    def __get__(self, fake: Any, owner: Any = None) -> Any:
        return self._getter if fake is None else self._getter()

    def __set__(self, fake: Any, value: Any) -> None:
        if not self._settable:
            raise AttributeError(
                f"property {self._name!r} of {self._owner} has no setter; a test says what it is by "
                f"{self._getter.answerer.access}.returns(...)"
            )
        if self._implementation is not None:
            setattr(self._implementation, self._name, value)
        else:
            self._getter.returns(value)


def _fake_function(
    function: Function,
    implementation: Any,
    around: Surroundings,
    latency: Latencies,
    fail: Fail,
    at_most: int,
    hint: str,
) -> FakeFunction:
    shown = function.name
    if isinstance(latency, Mapping):
        raise UsageError(f"latency={latency!r}: {shown} is a function; give its latency without a name")
    if implementation is not None:
        if not callable(implementation):
            raise UsageError(
                f"implementation is {show(implementation)}, which cannot be called: give a function"
            )
        check_function(implementation, function, getattr(implementation, "__name__", "it"), shown)
    else:
        around.implement = (
            f"; or give {hint or f'the fake a function that answers: world.fake({shown}, ...)'}"
        )
    delays = _read_latencies(latency, {shown: function}, shown)
    errors = read_failures(fail, at_most, {shown: function.kind is not Kind.PLAIN}, shown, is_function=True)
    answerer = Answerer(
        function,
        "",
        around,
        implementation,
        delays=delays.get(shown, (0,)),
        errors=errors.get(shown, ()),
    )
    return FakeFunction(answerer)


def _assemble(
    spec: Any,
    shown: str,
    members: dict[str, Member],
    implementation: Any,
    around: Surroundings,
    delays: Mapping[str, tuple[int, ...]],
    errors: Mapping[str, tuple[Any, ...]],
) -> Fake:
    kind = spec if isinstance(spec, type) else type(spec)
    state = State(shown, spec, members, implementation, around)
    namespace: dict[str, Any] = {
        "__class__": property(lambda self: kind),
        "__doc__": getattr(spec, "__doc__", None),
        "__interlace__": state,
    }
    made: dict[str, FakeFunction] = {}

    def function(one: Function, original: Callable[..., Any] | None) -> FakeFunction:
        slow, failing = delays.get(one.name, (0,)), errors.get(one.name, ())
        return FakeFunction(Answerer(one, f"{shown}.", around, original, delays=slow, errors=failing))

    for name, member in members.items():
        if isinstance(member, Function):
            made[name] = function(member, getattr(implementation, name, None))
            if name in SPECIAL:
                namespace[name] = _special(made[name])
        elif isinstance(member, Property):
            read = None if implementation is None else _reader(implementation, name)
            namespace[name] = FakeProperty(
                shown, name, function(member.getter, read), member.settable, implementation
            )
    fake: Fake = type(kind.__name__, (Fake,), namespace)()
    for name, one in made.items():
        object.__setattr__(fake, name, one)
        if name in ("__aenter__", "__enter__", "__aiter__", "__iter__"):
            one.answerer.default = fake
            if name == "__aenter__":
                one.answerer.undo = getattr(implementation, "__aexit__", None)
        elif name in ("__aexit__", "__exit__"):
            one.answerer.default = None
        elif name == "__bool__":
            one.answerer.default = True
    return fake


def _special(function: FakeFunction) -> Callable[..., Any]:
    """Returns what Python finds in the class under a name of its own."""

    def call(fake: Fake, /, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


def _reader(implementation: Any, name: str) -> Callable[[], Any]:
    return lambda: getattr(implementation, name)


def _functions_in(members: Mapping[str, Member]) -> dict[str, Function]:
    found: dict[str, Function] = {}
    for name, member in members.items():
        if isinstance(member, Function):
            found[name] = member
        elif isinstance(member, Property):
            found[name] = member.getter
    return found


def _read_latencies(
    latency: Latencies, functions: Mapping[str, Function], shown: str
) -> dict[str, tuple[int, ...]]:
    slow = [name for name, function in functions.items() if function.kind is not Kind.PLAIN]
    if latency is not None and not slow:
        raise UsageError(
            f"latency={latency!r}: nothing in {shown} is async, and while a plain call waits nothing else runs, so there "
            "is nothing to explore. Leave latency= out"
        )
    if not isinstance(latency, Mapping):
        delays = parse_latency(DEFAULT_LATENCY if latency is None else latency)
        return dict.fromkeys(slow, delays)
    for name in latency:
        if name != "*" and name not in functions:
            raise UsageError(
                f"latency has {name!r}, which is no method of {shown}{nearest(str(name), functions)}"
            )
        if name != "*" and name not in slow:
            raise UsageError(
                f"latency has {name!r}, but {shown}.{name} is not async: while a plain call waits nothing else runs, so "
                "there is nothing to explore. Leave it out"
            )
    rest = latency.get("*", DEFAULT_LATENCY)
    return {name: parse_latency(latency.get(name, rest)) for name in slow}


def _name_of_function(spec: Any) -> str:
    while isinstance(spec, partial):
        spec = spec.func
    return getattr(spec, "__name__", "") or show(spec)


def _name_of(spec: Any) -> str:
    if isinstance(spec, types.ModuleType):
        return spec.__name__.rpartition(".")[2]
    return spec.__name__ if isinstance(spec, type) else type(spec).__name__
