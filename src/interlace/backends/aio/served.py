"""Fakes that listen on a host: protocols, `(reader, writer)` functions, and conversations without a loop.

All that a conversation does is a step of the connection's own end: it has no task. What a `(reader, writer)`
function runs in is a task of the host, named after the connection.
"""

from __future__ import annotations

import asyncio
import errno
import inspect
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.backends.aio.connections import security_of
from interlace.backends.aio.servers import Server
from interlace.errors import UsageError
from interlace.model.source import show_place
from interlace.model.trace import Place
from interlace.sim.network.life import Stay, current_host
from interlace.sim.network.link import DEFAULT, Line
from interlace.sim.network.service import After, Break

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interlace.backends.aio.loop import Loop
    from interlace.sim.network.host import Listener
    from interlace.sim.network.life import Served

_AT_ONCE = Line((0,))


def listen(loop: Loop, service: Served) -> None:
    """Has a fake listen on its host.

    Raises:
        UsageError: a handler that cannot work, or somebody listens there already.
    """
    factory = _factory(loop, service)
    host = service.host
    try:
        listener = host.bind(service.address, service.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise UsageError(
            f"somebody listens at {host.name}:{service.port} already; have each fake and server of a host listen at "
            "a port of its own"
        ) from None
    if service.line is not None:
        listener.is_there = partial(_set_line, listener, service.line)
    server = Server(loop, [listener], factory, None, security_of(service.security, None, None))
    token = current_host.set(Stay(host, host.life))
    try:
        server.listen()
    finally:
        current_host.reset(token)


def _set_line(listener: Listener, line: Line) -> bool:
    network = listener.host.network
    network.set_link(listener.host.name, network.here.name, line)
    return True


def _factory(loop: Loop, service: Served) -> Callable[[], asyncio.BaseProtocol]:
    """Returns what makes the protocol of each connection.

    Raises:
        UsageError: a handler that cannot work.
    """
    handler: Any = service.handler
    where = f"{service.host.name}:{service.port}"
    shown = getattr(handler, "__qualname__", repr(handler))
    if not callable(handler):
        hint = (
            "the class itself, or a function that makes one"
            if hasattr(handler, "receive")
            else "one of these"
        )
        raise UsageError(
            f"{shown} cannot serve {where}: give a coroutine function that takes a reader and a writer, or what makes, "
            f"for each connection, an asyncio.Protocol or an object with receive(data); {hint}"
        )
    if inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__):
        _check_call(handler, shown, where, ("reader", "writer"))
        return lambda: _Streams(loop, handler)
    _check_call(handler, shown, where, ())

    def make() -> asyncio.BaseProtocol:
        try:
            made = handler()
            if isinstance(made, asyncio.BaseProtocol):
                return made
            if callable(getattr(made, "receive", None)):
                return Conversing(loop, made)
            if inspect.iscoroutine(made):
                made.close()
            raise UsageError(
                f"{shown} has made {made!r} for a connection to {where}: that must be an asyncio.Protocol, or have a "
                "method receive(data)"
            )
        except Exception as error:
            loop.world.complaints.append(error)
            raise

    return make


def _check_call(handler: Any, shown: str, where: str, arguments: tuple[str, ...]) -> None:
    try:
        signature = inspect.signature(handler)
    except (TypeError, ValueError):  # some that are written in C have none
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        wanted = f"is called with {' and '.join(arguments)}" if arguments else "is called without arguments"
        code = getattr(handler, "__code__", None)
        at = f" ({show_place(Place(code.co_filename, code.co_firstlineno, shown))})" if code else ""
        raise UsageError(
            f"{shown}{signature}{at} cannot serve {where}: for each connection it {wanted}, and {error}"
        ) from None


class _Streams(asyncio.StreamReaderProtocol):
    """Runs a `(reader, writer)` function for a connection."""

    def __init__(self, loop: Loop, handler: Callable[..., Any]) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await handler(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):  # the client has gone
                writer.close()
            except Exception as error:
                loop.world.complaints.append(error)
                writer.close()

        talk.__qualname__ = talk.__name__ = getattr(handler, "__qualname__", type(handler).__name__)
        super().__init__(asyncio.StreamReader(loop=loop), talk, loop=loop)


class Conversing(asyncio.Protocol):
    """Carries a conversation over a connection: what arrives is told in turn, and its moves are made one by one.

    Args:
        loop: the loop.
        conversation: see `sim.network.service.Conversation`.
    """

    _transport: Any

    def __init__(self, loop: Loop, conversation: Any) -> None:
        self._loop = loop
        self._conversation = conversation
        self._arrived: deque[bytes] = deque()
        self._moves: Generator[Any, Any, None] | None = None
        self._told = b""
        self._is_spared = False
        self._is_over = False

    # -- what asyncio calls ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = transport
        self._actor = self._loop.actor
        self._end = self._loop.world.network.here.ends[self._actor]

    def data_received(self, data: bytes) -> None:
        """Tells the conversation, once it is done with what came before."""
        self._arrived.append(data)
        self._go_on()

    def eof_received(self) -> bool:
        """Tells the conversation; the connection stays open until that is done."""
        self._arrived.append(b"")
        self._go_on()
        return self._transport.get_extra_info("sslcontext") is None and not self._is_over

    def connection_lost(self, exc: BaseException | None) -> None:
        """Ends."""
        self._is_over = True
        if self._moves is not None:
            self._moves.close()

    # -- moves -----------------------------------------------------------------------------------

    def _go_on(self) -> None:
        while self._moves is None and self._arrived and not self._is_over:
            self._told = data = self._arrived.popleft()
            with self._reporting():
                self._moves = _moves_of(self._conversation.receive(data))
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
                loop = self._loop
                name = loop.names.unique(f"{self._end.connection} {move.what}")
                loop.world.flight.post(self._actor, name, self._resume, move.delays)
                return
            if isinstance(move, Break):
                self._break(move)
            elif inspect.isawaitable(move):
                task = self._loop.create_task(move if inspect.iscoroutine(move) else _awaited(move))
                task.add_done_callback(self._landed)
                return
            else:
                self._write(move)

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


def _moves_of(answer: Any) -> Generator[Any, Any, None]:
    """Returns the moves of an answer one by one."""
    if answer is None:
        return
    if isinstance(answer, (bytes, bytearray, memoryview, After, Break)) or not isinstance(answer, Iterable):
        yield answer
    else:
        yield from answer


async def _awaited(awaitable: Any) -> Any:
    return await awaitable
