"""How a call to a fake is made: what comes of it, and the time that takes, on the way there and back."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from interlace.errors import UnexpectedCall
from interlace.services.callables.answerers import Answerer
from interlace.services.callables.answers import Answer, is_error, raised
from interlace.services.callables.calls import Call
from interlace.services.callables.faults import error_of, lasts_for_ever, time_of
from interlace.services.callables.signatures import Bound
from interlace.services.callables.specs import UNSET, Kind
from interlace.services.callables.wording import show_call
from interlace.services.order import Moment
from interlace.sim.network.fault import Fault
from interlace.sim.network.service import After


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
        self._call: Call | None = None

    def begin(self) -> None:
        """Records the call, and decides what comes of it."""
        fake, given = self._fake, self._given
        world = fake.around.carrier.world
        fake.around.enter(world)
        task, host = "", ""
        if world is not None:
            host = world.network.here.name
            task = world.events[-1][1] if world.events else ""
        call = Call(fake.name, given.args, given.kwargs, given.bound.arguments, self._now, task, host)
        self._call = call
        fake.calls.append(call)
        fake.around.calls.append(call)
        self._answer = self.draw_failure() or fake.script.take()

    def end(self) -> None:
        """Records that the caller has got the answer, or does not wait for it any more."""
        if self._call is not None:
            self._call.ended = self._now

    @property
    def _now(self) -> Moment:
        world = self._fake.around.carrier.world
        return Moment(0.0, -1) if world is None else Moment(world.clock.elapsed, world.step)

    def draw_failure(self) -> Answer | None:
        """Asks whether what comes now fails, and returns with what; None: it does not."""
        fake = self._fake
        if not fake.errors:
            return None
        around = fake.around
        return around.failures.draw(around.carrier.world, fake.name, len(fake.calls), fake.errors)

    async def fail(self, failure: Answer) -> None:
        """Has it fail."""
        result = self._give(failure)
        if inspect.isawaitable(result):
            await result

    def effect(self) -> Any:
        """Returns what comes of it now, for an async answer an awaitable; raises what is to be raised."""
        fake, given = self._fake, self._given
        if self._answer is not None:
            return self._give(self._answer)
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
        if self._answer is None:
            return self._fake.original is not None
        return self._answer.how in ("called", "fault")

    def _give(self, answer: Answer) -> Any:
        if answer.how == "raised":
            raise raised(answer.value)
        if answer.how == "called":
            bound = self._given.bound
            return answer.value(*bound.args, **bound.kwargs)
        if answer.how != "fault":
            return answer.value
        if self._fake.function.kind is Kind.PLAIN:
            raise error_of(answer.value)
        return self._suffer(answer.value)

    async def _suffer(self, fault: Fault) -> None:
        """Has a fault happen to it."""
        if lasts_for_ever(fault):
            await self._fake.around.carrier.hang(self._fake.name)
        delays = time_of(fault)
        if delays:
            await self._carry(fault.kind, delays, may_be_instant=False)
        raise error_of(fault)

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
        return await _call_there_and_back(made)
    finally:
        made.end()


async def _call_there_and_back(made: Making) -> Any:
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
    failure: Answer | None = None
    try:
        while True:
            await made.go()
            try:
                if items is None:
                    items = _iterate(made, made.effect())
                elif failure is not None:
                    await made.fail(failure)
                item = await anext(items)
            except StopAsyncIteration:
                await made.come_back()
                return
            except Exception:
                await made.come_back()
                raise
            await made.come_back()
            yield item
            failure = made.draw_failure()
    finally:
        made.end()
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
        self._made.begin()
        try:
            return await self._enter(self._made)
        except BaseException:
            self._made.end()
            raise

    async def _enter(self, made: Making) -> Any:
        await made.go()
        try:
            value = made.effect()
            if made.may_be_awaited and hasattr(value, "__aenter__"):
                self._inner, value = value, await value.__aenter__()
            elif made.may_be_awaited and inspect.iscoroutine(value):
                value = await value
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
        try:
            if kind is GeneratorExit:  # its coroutine is closed, and must not wait
                return await self._leave(kind, error, traceback)
            return await self._exit(self._made, kind, error, traceback)
        finally:
            self._made.end()

    async def _exit(self, made: Making, kind: Any, error: Any, traceback: Any) -> Any:
        failure = made.draw_failure()
        try:
            await made.go("exit ")
            if failure is not None:
                try:
                    await made.fail(failure)
                except Exception:
                    await made.come_back("exit ")
                    raise
        except BaseException as interruption:
            await self._leave(type(interruption), interruption, None)
            raise
        try:
            result = await self._leave(kind, error, traceback)
        except Exception:
            await made.come_back("exit ")
            raise
        await made.come_back("exit ")
        return result

    async def _leave(self, kind: Any, error: Any, traceback: Any) -> Any:
        return None if self._inner is None else await self._inner.__aexit__(kind, error, traceback)
