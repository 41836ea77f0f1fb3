"""What a loop of asyncio has inside, and what of it can serve the next loop: private names like those of `inside`.

A new loop opens a selector and a pair of sockets that wakes it, which takes longer than all the rest. Where
one test ends and nothing is left in them, the loop of the next test gets them. The loop itself is a new one.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
from typing import Any, NamedTuple

_NEW_LOOP = asyncio.new_event_loop
_KIND: Any = asyncio.SelectorEventLoop


def waiting_handles(loop: asyncio.AbstractEventLoop) -> int | None:
    """Returns how many callbacks a loop calls in its next iteration; None: it does not show them."""
    ready = getattr(loop, "_ready", None)
    return None if ready is None else len(ready)


class _Parts(NamedTuple):
    """What a loop waits with.

    Args:
        selector: tells what can be read and written.
        reader: what the loop reads from when it is woken.
        writer: what is written to then.
        process: the process they were opened in, since a fork shares them with it.
    """

    selector: selectors.BaseSelector
    reader: socket.socket
    writer: socket.socket
    process: int


class Spares:
    """Opens loops as asyncio does, from what is left of an earlier one where that makes no difference."""

    def __init__(self) -> None:
        self._parts: _Parts | None = None

    def open(self) -> asyncio.AbstractEventLoop:
        """Returns a new loop."""
        parts, self._parts = self._parts, None
        if parts is None or parts.process != os.getpid() or not _is_usual():
            _throw_away(parts)
            return asyncio.new_event_loop()
        return _loop_of(parts)

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Closes a loop."""
        if self._parts is None:
            self._parts = _take_parts(loop)
        loop.close()
        vars(loop).pop("_close_self_pipe", None)

    def clear(self) -> None:
        """Closes what is left."""
        parts, self._parts = self._parts, None
        _throw_away(parts)


def _is_usual() -> bool:
    """Tells whether asyncio makes its loops as it does out of the box."""
    policy: Any = asyncio.get_event_loop_policy()
    return (
        asyncio.new_event_loop is _NEW_LOOP
        and type(policy) is asyncio.DefaultEventLoopPolicy
        and getattr(policy, "_loop_factory", None) is _KIND
    )


def _take_parts(loop: Any) -> _Parts | None:
    """Takes from a loop, which is about to be closed, what it waits with; None: there is something left in it."""
    if os.name != "posix" or type(loop) is not _KIND or loop.is_closed() or loop.is_running():
        return None
    selector, reader, writer = loop._selector, loop._ssock, loop._csock
    if (
        type(selector) is not selectors.DefaultSelector
        or list(selector.get_map()) != [reader.fileno()]
        or loop._signal_handlers
        or selector.select(0)
        or not vars(loop).keys().isdisjoint(("close", "_close_self_pipe"))
    ):
        return None
    selector.modify(reader.fileno(), selectors.EVENT_READ, (None, None))  # so that it lets go of the loop
    loop._close_self_pipe = _nothing
    loop._selector = loop._ssock = loop._csock = None
    loop._internal_fds -= 1
    return _Parts(selector, reader, writer, os.getpid())


def _loop_of(parts: _Parts) -> asyncio.AbstractEventLoop:
    """Returns a new loop that waits with these."""
    loop: Any = _KIND.__new__(_KIND)
    loop._make_self_pipe = _nothing
    loop.__init__(parts.selector)
    del loop._make_self_pipe
    loop._ssock, loop._csock = parts.reader, parts.writer
    loop._internal_fds += 1
    loop._add_reader(parts.reader.fileno(), loop._read_from_self)
    made: asyncio.AbstractEventLoop = loop
    return made


def _throw_away(parts: _Parts | None) -> None:
    if parts is not None:
        parts.selector.close()
        parts.reader.close()
        parts.writer.close()


def _nothing() -> None:
    pass
