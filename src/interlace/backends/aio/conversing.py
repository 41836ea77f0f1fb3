"""Carries a conversation, which knows no loop, over a connection.

All that it does is a step of the connection's own end: it has no task.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.errors import UsageError
from interlace.model.source import show_place
from interlace.model.trace import Place
from interlace.sim.network.fault import Fault, Step
from interlace.sim.network.link import DEFAULT, Detour, Line
from interlace.sim.network.service import After, Break, Hand

if TYPE_CHECKING:
    from interlace.backends.aio.loop import Loop
    from interlace.sim.network.life import Served
    from interlace.sim.network.service import Conversation
    from interlace.sim.network.stream import End

_AT_ONCE = Line((0,))


def check_call(service: Served, when: str, arguments: tuple[str, ...]) -> None:
    """Checks that the handler of a fake can be called.

    Raises:
        UsageError: it cannot.
    """
    handler: Any = service.handler
    shown, where = service.shown, service.where
    if not callable(handler):
        one = hasattr(handler, "receive")
        hint = "the class itself, or a function that makes one" if one else "a class, or a function"
        raise UsageError(f"{shown} cannot serve {where}: {when} something is made by calling it; give {hint}")
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):  # some that are written in C have none
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        wanted = f"with {' and '.join(arguments)}" if arguments else "without arguments"
        code = getattr(handler, "__code__", None)
        at = f" ({show_place(Place(code.co_filename, code.co_firstlineno, shown))})" if code else ""
        raise UsageError(
            f"{shown}{signature}{at} cannot serve {where}: {when} it is called {wanted}, and {error}"
        ) from None


class Conversing(asyncio.Protocol):
    """Carries a conversation over a connection: what arrives is told in turn, and its moves are made one by one.

    Args:
        loop: the loop.
        conversation: see `sim.network.service.Conversation`.
    """

    _transport: Any

    def __init__(self, loop: Loop, conversation: Conversation) -> None:
        self._loop = loop
        self._conversation = conversation
        self._arrived: deque[bytes] = deque()
        self._moves: Generator[Any, Any, None] | None = None
        self._told = b""
        self._meanwhile = getattr(conversation, "meanwhile", None)
        self._waiting: asyncio.Future[None] | None = None
        self._is_spared = False
        self._is_over = False

    # -- what asyncio calls ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = transport
        self._context = copy_context()
        self._actor = self._loop.actor
        self._end: End = self._loop.world.network.here.ends[self._actor]
        begin = getattr(self._conversation, "begin", None)
        if begin is not None:
            with self._reporting():
                begin(self)

    def data_received(self, data: bytes) -> None:
        """Tells the conversation, once it is done with what came before."""
        if self._moves is None or not self._overhear(data):
            self._arrived.append(data)
            self._go_on()

    def eof_received(self) -> bool:
        """Tells the conversation; the connection stays open until that is done."""
        if self._moves is None or not self._overhear(b""):
            self._arrived.append(b"")
            self._go_on()
        return self._transport.get_extra_info("sslcontext") is None and not self._is_over

    def connection_lost(self, exc: BaseException | None) -> None:
        """Ends."""
        self._is_over = True
        if self._moves is not None:
            self._moves.close()
        end = getattr(self._conversation, "end", None)
        if end is not None:
            with self._reporting():
                end()
        self._wake()

    # -- what a conversation calls by itself -----------------------------------------------------

    @property
    def wire(self) -> End:
        """The end of the connection, beneath TLS."""
        return self._end

    @property
    def name(self) -> str:
        """The name of the connection."""
        return self._end.connection

    @property
    def peer(self) -> str:
        """The address and port of the other end."""
        return ":".join(map(str, self._end.remote[:2]))

    def send(self, data: bytes, delays: tuple[int, ...] | None) -> None:
        """Sends bytes; see `sim.network.service.Outlet`."""
        if self._is_over or self._end.closed:
            return
        if delays is None:
            self._transport.write(data)
            return
        wire = self._end.peer.link
        link, wire.link = wire.link, Line(delays) if wire.link is DEFAULT else Detour(wire.link, delays)
        try:
            self._transport.write(data)
        finally:
            wire.link = link

    def later(self, delay: int, what: str, call: Callable[[], None]) -> Callable[[], None]:
        """Has a function called as a step of the connection; returns what prevents that."""
        world = self._loop.world
        name = self._loop.names.unique(f"{self._end.connection} {what}")
        deliver: Any = partial(self._context.run, partial(self._call, call))
        number = world.flight.at(world.clock.ns + delay, self._actor, name, deliver, world.step)
        return partial(world.flight.drop, lambda arrival: arrival.number == number)

    def close(self) -> None:
        """Ends the connection."""
        self._break(Break.CLOSE)

    def _call(self, call: Callable[[], None]) -> None:
        if not (self._is_over or self._end.closed):
            with self._reporting():
                call()

    # -- what an async function that holds the connection calls -----------------------------------

    def write(self, data: bytes) -> None:
        """Sends bytes; see `sim.network.service.Held`."""
        if not self._is_over:
            self._write(data)
            self._is_spared = False

    def end(self, how: Break) -> None:
        """Ends the connection."""
        if not self._is_over:
            self._break(how)

    async def more(self) -> None:
        """Waits until something was told to the conversation, or the connection is gone."""
        if not self._is_over:
            self._waiting = self._loop.create_future()
            await self._waiting

    async def pause(self, pause: After) -> None:
        """Lets a virtual time pass."""
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._post(pause, partial(_settle, waiting))
        await waiting
        self._is_spared = True  # the next bytes only

    def _wake(self) -> None:
        if self._waiting is not None:
            _settle(self._waiting)
            self._waiting = None

    # -- moves -----------------------------------------------------------------------------------

    def _overhear(self, data: bytes) -> bool:
        """Tells the conversation what arrives while it makes a move; returns whether it has taken it."""
        if self._meanwhile is None or self._arrived or self._is_over:
            return False
        was_spared, self._is_spared = self._is_spared, False
        with self._reporting():
            moves = self._meanwhile(data)
            if moves is None:
                return False
            for move in moves:
                if isinstance(move, Break):
                    self._break(move)
                    break
                self._write(move)
        self._is_spared = was_spared
        self._wake()
        return True

    def _go_on(self) -> None:
        while self._moves is None and self._arrived and not self._is_over:
            self._told = data = self._arrived.popleft()
            with self._reporting():
                answer = self._conversation.receive(data)
                if answer is not None:
                    self._moves = moves_of(answer)
                    self._step(None)
            self._close_after(data)

    def _close_after(self, told: bytes) -> None:
        """Closes the connection once the end of the stream has been told, and what that led to is done."""
        if not told and self._moves is None and not self._is_over:
            self._is_over = True
            self._transport.close()

    def _step(self, value: Any, error: BaseException | None = None) -> None:
        """Makes moves until one takes time."""
        moves = self._moves
        while moves is not None and not self._is_over:
            try:
                move = moves.throw(error) if error is not None else moves.send(value)
            except StopIteration:
                self._moves = moves = None
                self._is_spared = False
                return
            value = error = None
            if isinstance(move, After):
                self._post(move, partial(self._context.run, self._resume))
                return
            if isinstance(move, Fault):
                self._moves = moves = _chained(_steps_of(move), moves)
            elif isinstance(move, Break):
                self._break(move)
            elif isinstance(move, Hand) or inspect.isawaitable(move):
                running = move.function(self) if isinstance(move, Hand) else move
                task = self._loop.create_task(running if inspect.iscoroutine(running) else _awaited(running))
                task.add_done_callback(self._landed, context=self._context)
                return
            else:
                self._write(move)

    def _post(self, pause: After, then: Callable[[], None]) -> None:
        loop = self._loop
        name = loop.names.unique(f"{self._end.connection} {pause.what}")
        loop.world.flight.post(self._actor, name, then, pause.delays)

    def _write(self, data: Any) -> None:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise UsageError(
                f"{type(self._conversation).__qualname__}.receive has given {data!r}: give bytes, or interlace.after(...)"
            )
        wire = self._end.peer.link
        if not self._is_spared or wire.link is not DEFAULT:
            self._transport.write(data)
            return
        # What was said to take so long does not take longer because nothing was said of the link.
        wire.link = _AT_ONCE
        try:
            self._transport.write(data)
        finally:
            wire.link = DEFAULT

    def _break(self, how: Break) -> None:
        self._is_over = True
        if how is Break.CLOSE:
            self._transport.close()
        elif how is Break.RESET:
            self._end.reset()
            self._transport.abort()
        else:
            self._end.peer.stall()

    def _resume(self) -> None:
        """Goes on after a pause."""
        self._is_spared = True
        self._carry_on(None, None)

    def _landed(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            self._is_over = True
            self._transport.abort()
        else:
            self._loop._call_as(
                self._actor, self._carry_on, None if task.exception() else task.result(), task.exception()
            )

    def _carry_on(self, value: Any, error: BaseException | None) -> None:
        if self._is_over or self._end.closed:
            return
        with self._reporting():
            self._step(value, error)
        self._close_after(self._told)
        self._go_on()

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._loop.world.complaints.append(error)
            self._is_over = True
            self._transport.abort()


def moves_of(answer: Any) -> Generator[Any, Any, None]:
    """Returns the moves of an answer one by one."""
    if answer is None:
        return
    if isinstance(answer, (bytes, bytearray, memoryview, After, Break, Fault)) or not isinstance(
        answer, Iterable
    ):
        yield answer
    else:
        yield from answer


def _steps_of(fault: Fault) -> Iterator[Step]:
    """Yields the moves that a fault stands for.

    Raises:
        UsageError: it cannot stand in the place of an answer, or what it happens to is none.
    """
    fault.check_answering()
    given = moves_of(fault.answer) if fault.has_answer else ()
    steps = [bytes(step) if isinstance(step, (bytearray, memoryview)) else step for step in given]
    for step in steps:
        if not isinstance(step, (bytes, After)):
            raise UsageError(
                f"{fault}: an answer is made of bytes and interlace.after(...), and {step!r} is neither"
            )
    return fault.answering(steps)


def _chained(first: Iterator[Step], rest: Generator[Any, Any, None]) -> Generator[Any, Any, None]:
    yield from first
    yield from rest


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def _settle(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
