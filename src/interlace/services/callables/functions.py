"""One function or method of a fake: what the test says that it answers, and what it was called with."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterable
from types import CodeType
from typing import Any

from interlace.errors import UsageError
from interlace.services.callables.answerers import Answerer
from interlace.services.callables.answers import (
    Answer,
    check_error,
    check_function,
    check_latency,
    check_times,
    is_error,
)
from interlace.services.callables.calls import Call
from interlace.services.callables.faults import check_fault
from interlace.services.callables.making import Given, Making, Session, call, stream
from interlace.services.callables.signatures import bind, refusal, show_signature
from interlace.services.callables.specs import Kind
from interlace.services.callables.wording import show
from interlace.sim.latency import Latency
from interlace.sim.network.fault import Fault

DEFAULT_LATENCY = "0ms..100ms"
"""What an async call takes of which nothing was said, as for `World.latency`."""

_OF_MOCKS = {"return_value", "side_effect", "called", "call_count", "call_args", "call_args_list"} | {
    *("await_count", "await_args", "await_args_list", "mock_calls", "method_calls", "reset_mock"),
}
"""Names that somebody takes who is used to mocks."""


class FakeFunction:
    """A function or a method of a fake.

    Args:
        answerer: answers its calls.
    """

    def __init__(self, answerer: Answerer) -> None:
        function = answerer.function
        self.answerer = answerer
        self.__name__ = function.name.rpartition(".")[2]
        self.__qualname__ = answerer.name
        self.__doc__ = function.doc
        if function.signature is not None:
            self.__signature__ = function.signature
        code = {Kind.ASYNC: _async_code, Kind.STREAM: _stream_code}.get(function.kind)
        if code is not None:  # inspect looks there for whether it is async
            self.__code__: CodeType = code.__code__
            self.__defaults__ = self.__kwdefaults__ = None

    def __repr__(self) -> str:
        kind = "" if self.answerer.function.kind is Kind.PLAIN else f", {self.answerer.function.kind.value}"
        return f"<fake {self.answerer.name}{kind}>"

    @property
    def calls(self) -> list[Call]:
        """The calls, in the order in which they were made; async ones when they were awaited."""
        return self.answerer.calls

    def __getattr__(self, name: str) -> Any:
        if name in _OF_MOCKS or name.startswith("assert_"):
            raise AttributeError(
                f"{self.answerer.access}.{name} is of unittest.mock, and this is a fake of interlace: it has .calls, and is told "
                "what to answer by .returns(...), .raises(...), .sequence(...) or .does(function). interlace.AsyncMock has both "
                f"{name} and a time that is explored"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OF_MOCKS:
            getattr(self, name)
        super().__setattr__(name, value)

    # -- what the test says ----------------------------------------------------------------------

    def returns(
        self, value: Any, *, times: int | None = None, latency: Latency | None = None
    ) -> FakeFunction:
        """Answers this value: of an async iterator its items, of an async context manager what `as` gives.

        Args:
            value: the very object that is returned. Among items an exception is raised, and
                `interlace.after(...)` is a time that passes.
            times: for so many calls, then as was said besides; None: for all.
            latency: how long it takes, as for `World.latency`; None: as the fake says.

        Raises:
            UsageError: an argument that cannot work.
        """
        return self._say("returns", (value,), times, latency)

    def raises(self, error: Any, *, times: int | None = None, latency: Latency | None = None) -> FakeFunction:
        """Raises an exception, given as such or as a class, or meets a fault; other arguments and errors as for `returns`."""
        return self._say("raises", (error,), times, latency, how="raised")

    def sequence(self, *answers: Any, latency: Latency | None = None) -> FakeFunction:
        """Answers one after the other, the last one again and again.

        Args:
            answers: values as for `returns`; exceptions, and classes of them, are raised; a fault of
                `interlace.fault` happens.
            latency: as for `returns`, of each.

        Raises:
            UsageError: an argument that cannot work, or no answer at all.
        """
        if not answers:
            raise UsageError(f"{self.answerer.access}.sequence() without answers: give at least one")
        return self._say("sequence", answers, None, latency, how="")

    def does(
        self, function: Callable[..., Any], *, times: int | None = None, latency: Latency | None = None
    ) -> FakeFunction:
        """Answers what a function returns, or raises, that is called with the same arguments.

        Args:
            function: it may be async where the fake is; for an async iterator it returns what `returns` takes, or
                an async iterator.
            times: as for `returns`.
            latency: as for `returns`.

        Raises:
            UsageError: an argument that cannot work, or the function does not admit the same calls.
        """
        where = f"{self.answerer.access}.does"
        check_function(function, where)
        if self.answerer.function.is_surely_plain and inspect.iscoroutinefunction(function):
            raise UsageError(
                f"{where}: {self.answerer.name} is not async, so what answers it must not be; write it without 'async'"
            )
        wanted = self.answerer.function.signature
        if wanted is not None and (wrong := refusal(wanted, function)):
            raise UsageError(
                f"{where}: the function cannot be called as {show_signature(self.answerer.name, wanted)}: {wrong}"
            )
        return self._say("does", (function,), times, latency, how="called")

    def _say(
        self,
        method: str,
        values: tuple[Any, ...],
        times: int | None,
        latency: Latency | None,
        how: str = "returned",
    ) -> FakeFunction:
        where = f"{self.answerer.access}.{method}"
        kind = self.answerer.function.kind
        delays = check_latency(latency, kind is not Kind.PLAIN, self.answerer.name)
        answers = []
        for value in values:
            meant = how or ("raised" if is_error(value) else "returned")
            if isinstance(value, Fault) and meant != "called":
                meant = "fault"
                check_fault(value, kind is not Kind.PLAIN, where)
            elif meant == "raised":
                check_error(value, where)
            elif meant == "returned":
                value = self._check_value(value, where)
            answers.append(Answer(value, meant, delays))
        around = self.answerer.around
        around.leave(around.carrier.world)
        self.answerer.script.add(answers, check_times(times, where))
        return self

    def _check_value(self, value: Any, where: str) -> Any:
        if inspect.iscoroutine(value):
            value.close()
            raise UsageError(f"{where} is given a coroutine: give the value that it would return")
        if self.answerer.function.kind is not Kind.STREAM or hasattr(value, "__aiter__"):
            return value
        if not isinstance(value, Iterable) or isinstance(value, (str, bytes)) or hasattr(value, "__next__"):
            raise UsageError(
                f"{where}({show(value)}): {self.answerer.name} is an async iterator; give a list of its items, or "
                ".does(function) with a function that returns an iterator"
            )
        return tuple(value)

    # -- what the code under test does -----------------------------------------------------------

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Answers as the test has said; arguments that do not fit are a `BadCall`."""
        made = Making(
            self.answerer, Given(args, kwargs, bind(self.answerer.name, self.answerer.function, args, kwargs))
        )
        match self.answerer.function.kind:
            case Kind.PLAIN:
                made.begin()
                try:
                    return made.effect()
                finally:
                    made.end()
            case Kind.ASYNC:
                coroutine: Any = call(made)
                coroutine.__name__, coroutine.__qualname__ = self.__name__, self.__qualname__
                return coroutine
            case Kind.STREAM:
                generator: Any = stream(made)
                generator.__name__, generator.__qualname__ = self.__name__, self.__qualname__
                return generator
            case Kind.SESSION:
                return Session(made)


async def _async_code() -> None: ...


async def _stream_code() -> AsyncIterator[None]:
    yield
