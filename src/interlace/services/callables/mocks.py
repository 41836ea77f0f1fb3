"""`AsyncMock` and `MagicMock` of `unittest.mock`, whose async calls take a virtual time in a simulated run."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, NamedTuple
from unittest import mock

from interlace.sim.carrier import Carrier
from interlace.sim.latency import Latency, parse_latency

_DEFAULT = parse_latency("0ms..100ms")


class Family(NamedTuple):
    """What mocks of one kind are made with.

    Args:
        of_async: the class of what is async.
        of_others: the class of what is not.
        carrier: has their calls take time.
    """

    of_async: type[SlowAsyncMock]
    of_others: type[SlowMagicMock]
    carrier: Carrier


class Slow:
    """What both kinds of mocks have in common: a latency, which their children have as well.

    Args:
        arguments: as for the stock mock.
        latency: how long async calls take, as for `World.latency`; None: 0 to 100 ms.
        options: as for the stock mock.

    Raises:
        UsageError: `latency` is none.
    """

    _interlace: ClassVar[Family]

    def __init__(self, /, *arguments: Any, latency: Latency | None = None, **options: Any) -> None:
        # Not as an attribute: each name of those may be one of the spec.
        self.__dict__["_interlace_delays"] = _DEFAULT if latency is None else parse_latency(latency)
        super().__init__(*arguments, **options)

    def _get_child_mock(self, /, **options: Any) -> Any:
        stock: Any = super()
        return _related(self, stock._get_child_mock(**options), options)


class SlowMagicMock(Slow, mock.MagicMock):
    """A `MagicMock` whose async children take time."""


class SlowAsyncMock(Slow, mock.AsyncMock):
    """An `AsyncMock` whose calls take time."""

    async def _execute_mock_call(self, /, *args: Any, **kwargs: Any) -> Any:
        carrier = self._interlace.carrier
        if carrier.world is None:
            return await super()._execute_mock_call(*args, **kwargs)
        self.await_count += 1
        self.await_args = mock._Call((args, kwargs), two=True)
        self.await_args_list.append(self.await_args)
        delays: tuple[int, ...] = self.__dict__["_interlace_delays"]
        name = _name_of(self)
        there = tuple(dict.fromkeys(delay // 2 for delay in delays))
        back = tuple(dict.fromkeys(delay - delay // 2 for delay in delays))
        await carrier.carry(f"{name} request", there, may_be_instant=True)
        try:
            result = await _effect(self, args, kwargs)
        except Exception:
            await carrier.carry(f"{name} latency", back, may_be_instant=False)
            raise
        await carrier.carry(f"{name} latency", back, may_be_instant=False)
        return result


async def _effect(of: SlowAsyncMock, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Returns or raises what a mock is configured to, as the stock one does when it is awaited."""
    configured = of.side_effect
    source = configured if callable(configured) else of._mock_wraps
    try:
        # That of a mock which is not async: the async one would record the call once more.
        result = mock.CallableMixin._execute_mock_call(of, *args, **kwargs)  # type: ignore[attr-defined]
    except StopIteration:  # of an iterator of effects; it cannot leave a coroutine
        raise StopAsyncIteration from None
    if inspect.iscoroutinefunction(source) and inspect.isawaitable(result):
        result = await result
    return of.return_value if result is mock.DEFAULT else result


def _related(parent: Slow, child: Any, options: dict[str, Any]) -> Any:
    """Returns the child that a mock is about to have, of our own classes and with the same latency."""
    family = parent._interlace
    kind: Any
    if isinstance(child, mock.AsyncMock):
        kind = family.of_async
    elif isinstance(child, mock.MagicMock):
        kind = family.of_others
    else:
        return child
    made = kind(**options)
    made.__dict__["_interlace_delays"] = parent.__dict__["_interlace_delays"]
    return made


def _name_of(one: SlowAsyncMock) -> str:
    """Returns what a mock is called in stories: with the name of what it stands for, if it has none itself."""
    root: Any = one
    while root._mock_new_parent is not None:
        root = root._mock_new_parent
    name = one._extract_mock_name()
    spec = root.__dict__.get("_spec_class")
    if spec is not None and name.partition(".")[0] == "mock":
        name = f"{spec.__name__}{name[len('mock') :]}"
    return name
