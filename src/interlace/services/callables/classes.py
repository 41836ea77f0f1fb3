"""Fakes of classes: calling one gives a fake of an instance."""

from __future__ import annotations

from typing import Any

from interlace.errors import UsageError
from interlace.services.callables.answerers import Answerer, Surroundings
from interlace.services.callables.failures import Fail, Failures
from interlace.services.callables.fakes import Fake, Latencies, make_fake
from interlace.services.callables.functions import FakeFunction
from interlace.services.callables.specs import function_of
from interlace.sim.carrier import Carrier


class FakeClass(FakeFunction):
    """Takes the place of a class: calling it gives the fake of an instance, always the same unless told.

    Args:
        spec: the class.
        answerer: answers the calls.

    Attributes:
        spec: the class.
        instance: the fake of an instance.
    """

    def __init__(self, spec: type, answerer: Answerer) -> None:
        super().__init__(answerer)
        self.spec = spec
        self.instance: Any = answerer.default

    def __repr__(self) -> str:
        return f"<fake class {self.__name__}>"

    def __getattr__(self, name: str) -> Any:
        """Returns what the class has besides: its static and class methods, and its constants."""
        if name.startswith("__"):  # such as what inspect asks of functions
            raise AttributeError(name)
        return getattr(self.__dict__.get("instance"), name)

    def __instancecheck__(self, one: object) -> bool:
        return isinstance(one, self.spec)

    def __subclasscheck__(self, one: type) -> bool:
        return issubclass(one, self.spec)


def make_class(
    spec: type,
    implementation: Any = None,
    *,
    carrier: Carrier,
    latency: Latencies = None,
    fail: Fail = None,
    at_most: int = 1,
    hint: str = "",
) -> FakeClass:
    """Returns what takes the place of a class; arguments and errors as for `make_fake`, of an instance."""
    if issubclass(spec, BaseException):
        raise UsageError(
            f"no fake can be made of {spec.__name__}: what stands after 'except' must be a class of exceptions; give one"
        )
    instance: Fake = make_fake(
        spec, implementation, carrier=carrier, latency=latency, fail=fail, at_most=at_most, hint=hint
    )
    around = Surroundings(carrier, Failures(1))
    function = function_of(spec.__name__, spec, bound=True)
    return FakeClass(spec, Answerer(function, "", around, default=instance))
