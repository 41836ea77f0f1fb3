"""How a call to a fake is made: what comes of it, and the time that takes, on the way there and back."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

from interlace.errors import UnexpectedCall
from interlace.services.callables.answers import Answer, Script, is_error, raised
from interlace.services.callables.calls import Call
from interlace.services.callables.failures import Failures
from interlace.services.callables.signatures import Bound
from interlace.services.callables.specs import UNSET, Function
from interlace.services.callables.wording import show_call
from interlace.sim.carrier import Carrier
from interlace.sim.network.service import After

if TYPE_CHECKING:
    from interlace.sim.world import World


@dataclass
class Surroundings:
    """What the functions of one fake share.

    Args:
        carrier: has calls take time.
        failures: which of them fail.
        implement: how a test is told to give the fake an implementation.

    Attributes:
        calls: all calls, in order.
        answerers: the functions.
    """

    carrier: Carrier
    failures: Failures
    implement: str = ""
    calls: list[Call] = field(default_factory=list)
    answerers: list[Answerer] = field(default_factory=list)
    _run: ref[World] | None = None
    _kept: list[Call] = field(default_factory=list)

    def enter(self, world: World | None) -> None:
        """Begins anew if this is another run than that of the last call: with what was said outside of all runs."""
        if world is None or (self._run is not None and self._run() is world):
            return
        if self._run is None:
            self._kept = list(self.calls)
            for one in self.answerers:
                one.script.keep()
                one.kept = list(one.calls)
        else:
            self._begin_anew()
        self._run = ref(world)

    def leave(self, world: World | None) -> None:
        """Forgets what runs have changed, if something is said outside of them."""
        if world is None and self._run is not None:
            self._begin_anew()
            self._run = None

    def _begin_anew(self) -> None:
        self.calls[:] = self._kept
        self.failures.renew()
        for one in self.answerers:
            one.script.renew()
            one.calls[:] = one.kept


@dataclass
class Answerer:
    """What answers the calls to one function of a fake.

    Args:
        function: how it is to be called, and what comes of it.
        owner: the name of what it belongs to, with a dot at its end; "" for a function.
        around: what it shares with others.
        original: answers where the test has said nothing; None: nobody does.
        default: what it returns then; `UNSET`: that is an error.
        delays: how long it takes, in ns, the boring one first.
        errors: what it may fail with.
        undo: leaves what it has entered, given what `__aexit__` is given; None: there is nothing to leave.

    Attributes:
        script: what the test has said.
        calls: the calls.
        kept: those that were made before the first run.
        name: what it is called in stories.
        access: how the test names it.
    """

    function: Function
    owner: str
    around: Surroundings
    original: Callable[..., Any] | None = None
    default: Any = UNSET
    delays: tuple[int, ...] = (0,)
    errors: tuple[Any, ...] = ()
    undo: Callable[..., Awaitable[Any]] | None = None
    script: Script = field(default_factory=Script)
    calls: list[Call] = field(default_factory=list)
    kept: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = f"{self.owner}{self.function.name}"
        self.access = f"fake.{self.function.name}" if self.owner else "fake"
        self.around.answerers.append(self)


class Given(NamedTuple):
    """The arguments of a call.

    Args:
        args: the positional ones.
        kwargs: those given by name.
        bound: all of them, as the signature takes them.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    bound: Bound


class Making:
    """A call that is being made.

    Args:
        fake: what is called.
        given: with what.
    """

    def __init__(self, fake: Answerer, given: Given) -> None:
        self._fake = fake
        self._given = given
        self._answer: Answer | None = None
        self._failure: Exception | None = None

    def begin(self) -> None:
        """Records the call, and decides what comes of it."""
        fake, carrier = self._fake, self._fake.around.carrier
        world = carrier.world
        fake.around.enter(world)
        time, task, host = 0.0, "", ""
        if world is not None:
            time, host = world.clock.elapsed, world.network.here.name
            task = world.events[-1][1] if world.events else ""
        given = self._given
        call = Call(fake.name, given.args, given.kwargs, given.bound.arguments, time, task, host)
        fake.calls.append(call)
        fake.around.calls.append(call)
        self.ask_for_failure()
        if self._failure is None:
            self._answer = fake.script.take()

    def ask_for_failure(self) -> None:
        """Asks whether what comes now fails."""
        fake = self._fake
        if fake.errors:
            around = fake.around
            self._failure = around.failures.draw(
                around.carrier.world, fake.name, len(fake.calls), fake.errors
            )

    @property
    def failure(self) -> Exception | None:
        """What it fails with; None: it does not."""
        return self._failure

    def effect(self) -> Any:
        """Returns what comes of it now, for an async answer an awaitable; raises what is to be raised."""
        fake, answer, given = self._fake, self._answer, self._given
        if self._failure is not None:
            raise self._failure
        if answer is not None:
            if answer.how == "raised":
                raise raised(answer.value)
            if answer.how == "called":
                return answer.value(*given.bound.args, **given.bound.kwargs)
            return answer.value
        if fake.original is not None:
            return fake.original(*given.args, **given.kwargs)
        if fake.default is not UNSET:
            return fake.default
        if fake.function.returns_none:
            return None
        error = UnexpectedCall(
            show_call(fake.name, given.args, given.kwargs), fake.access, fake.around.implement
        )
        world = fake.around.carrier.world
        if world is not None:
            world.complaints.append(error)
        raise error

    @property
    def may_be_awaited(self) -> bool:
        """Whether an awaitable that came of it is to be awaited: what a test gives as a value is not."""
        return self._fake.original is not None if self._answer is None else self._answer.how == "called"

    @property
    def must_happen(self) -> bool:
        """Whether it takes effect even if the caller is interrupted on the way there."""
        return self._fake.function.name == "__aexit__"

    async def take_back(self, interruption: BaseException) -> None:
        """Undoes what has happened, where nobody else can: the caller is interrupted on the way back."""
        if self._fake.undo is not None and self._answer is None:
            await self._fake.undo(type(interruption), interruption, None)

    async def go(self, about: str = "") -> None:
        """Takes the time of the way there."""
        await self._carry(f"{about}request", tuple(delay // 2 for delay in self._delays), may_be_instant=True)

    async def come_back(self, about: str = "") -> None:
        """Takes the time of the way back."""
        await self._carry(
            f"{about}latency", tuple(delay - delay // 2 for delay in self._delays), may_be_instant=False
        )

    async def wait(self, pause: After) -> None:
        """Takes the time that an answer says."""
        await self._carry(pause.what, pause.delays, may_be_instant=False)

    @property
    def _delays(self) -> tuple[int, ...]:
        said = self._answer.delays if self._answer is not None else None
        return self._fake.delays if said is None else said

    async def _carry(self, what: str, delays: tuple[int, ...], *, may_be_instant: bool) -> None:
        fake = self._fake
        if fake.function.name == "__aexit__" and self._given.args and self._given.args[0] is GeneratorExit:
            return  # its coroutine is closed, and must not wait
        menu = tuple(dict.fromkeys(delays))
        await fake.around.carrier.carry(f"{fake.name} {what}", menu, may_be_instant=may_be_instant)


async def call(made: Making) -> Any:
    """Makes a call to something async."""
    made.begin()
    try:
        await made.go()
    except GeneratorExit:
        raise
    except BaseException:
        if made.must_happen:
            await _result_of(made)
        raise
    try:
        result = await _result_of(made)
    except Exception:
        await made.come_back()
        raise
    try:
        await made.come_back()
    except GeneratorExit:
        raise
    except BaseException as interruption:
        await made.take_back(interruption)
        raise
    return result


async def _result_of(made: Making) -> Any:
    result = made.effect()
    if made.may_be_awaited and inspect.isawaitable(result):
        result = await result
    return result


async def stream(made: Making) -> AsyncIterator[Any]:
    """Gives the items of an async iterator, each of which takes its time."""
    made.begin()
    items: AsyncIterator[Any] | None = None
    try:
        while True:
            await made.go()
            try:
                if items is None:
                    items = _iterate(made, made.effect())
                elif made.failure is not None:
                    raise made.failure
                item = await anext(items)
            except StopAsyncIteration:
                await made.come_back()
                return
            except Exception:
                await made.come_back()
                raise
            await made.come_back()
            yield item
            made.ask_for_failure()
    finally:
        close = getattr(items, "aclose", None)
        if close is not None:
            await close()


async def _iterate(made: Making, source: Any) -> AsyncIterator[Any]:
    if inspect.isawaitable(source):
        source = await source
    if hasattr(source, "__aiter__"):
        try:
            async for item in source:
                yield item
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                await close()
        return
    for item in source:
        if isinstance(item, After):
            await made.wait(item)
        elif is_error(item):
            raise raised(item)
        else:
            yield item


class Session:
    """An async context manager that a fake has made: entering and leaving it take time.

    Who is interrupted while it is entered or left leaves nothing open, as with the real thing, which gets the same
    interruption where it waits.

    Args:
        made: the call that has made it.
    """

    def __init__(self, made: Making) -> None:
        self._made = made
        self._inner: Any = None

    async def __aenter__(self) -> Any:
        made = self._made
        made.begin()
        await made.go()
        try:
            value = made.effect()
            if made.may_be_awaited and hasattr(value, "__aenter__"):
                self._inner, value = value, await value.__aenter__()
        except Exception:
            await made.come_back()
            raise
        try:
            await made.come_back()
        except BaseException as interruption:
            await self._leave(type(interruption), interruption, None)
            raise
        return value

    async def __aexit__(self, kind: Any, error: Any, traceback: Any) -> Any:
        made = self._made
        if kind is GeneratorExit:  # its coroutine is closed, and must not wait
            return await self._leave(kind, error, traceback)
        made.ask_for_failure()
        failure = made.failure
        try:
            await made.go("exit ")
        except BaseException as interruption:
            await self._leave(type(interruption), interruption, None)
            raise
        try:
            if failure is not None:
                await self._leave(type(failure), failure, None)
                raise failure
            result = await self._leave(kind, error, traceback)
        except Exception:
            await made.come_back("exit ")
            raise
        await made.come_back("exit ")
        return result

    async def _leave(self, kind: Any, error: Any, traceback: Any) -> Any:
        return None if self._inner is None else await self._inner.__aexit__(kind, error, traceback)
