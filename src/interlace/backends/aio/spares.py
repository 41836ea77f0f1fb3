"""What a loop of asyncio has inside, and which of them can serve again: private names like those of `inside`.

A new loop opens a selector and a pair of sockets that wakes it, and closing it closes them, which takes longer
than a small test. Where a test has left its loop as it was made, and nobody refers to it any longer, nobody can
tell that loop from a new one: the next test gets it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import weakref
from typing import Any

_NEW_LOOP = asyncio.new_event_loop
_KIND: Any = asyncio.SelectorEventLoop
_COUNTS = sys.implementation.name == "cpython" and sys.version_info < (3, 14)
"""Whether a reference count tells how many there are; later versions borrow some."""


def waiting_handles(loop: asyncio.AbstractEventLoop) -> int | None:
    """Returns how many callbacks a loop calls in its next iteration; None: it does not show them."""
    ready = getattr(loop, "_ready", None)
    return None if ready is None else len(ready)


class Spares:
    """Opens loops as asyncio does, or gives out an earlier one where that makes no difference."""

    def __init__(self) -> None:
        self._loop: Any = None
        self._process = 0
        # Of the loop that was opened last: what it had inside, and how often it was referred to.
        self._inside: dict[str, Any] = {}
        self._count = 0
        self.ended = _NEW_LOOP()
        """A closed loop, for those to refer to whose loop was given back."""
        self.ended.close()

    def open(self) -> asyncio.AbstractEventLoop:
        """Returns a loop which is as good as new."""
        loop, self._loop = self._loop, None
        if loop is not None:
            if self._process == os.getpid() and _is_usual() and loop.get_debug() is _is_debug():
                found: asyncio.AbstractEventLoop = loop
                return found
            loop.close()
        loop = asyncio.new_event_loop()
        if _COUNTS and type(loop) is _KIND and _is_usual():
            self._process, self._inside = os.getpid(), dict(vars(loop))
            self._count = sys.getrefcount(loop)
        else:
            self._inside = {}
        opened: asyncio.AbstractEventLoop = loop
        return opened

    def close(self, loop: Any, held: int = 1) -> None:
        """Closes a loop, or keeps it.

        Args:
            loop: the loop.
            held: how many references to it the caller has; it does not use them any more.
        """
        if self._loop is None and self._is_as_new(loop, held):
            self._loop = loop
        else:
            loop.close()

    def _is_as_new(self, loop: Any, held: int) -> bool:
        fresh = self._inside
        # The same objects as at first, or equal ones; those that hold something must be empty again.
        if vars(loop) != fresh or loop.is_running() or loop._scheduled or loop._signal_handlers:
            return False
        loop._ready.clear()  # as it is when a loop is closed
        return (
            sys.getrefcount(loop) == self._count + 1 + held + _is_current(loop)
            and not weakref.getweakrefcount(loop)
            and not loop._asyncgens
            and not loop._transports
            and len(loop._selector.get_map()) == 1
            and not loop._selector.select(0)
            and os.getpid() == self._process
        )

    def clear(self) -> None:
        """Closes what is left."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.close()


def _is_usual() -> bool:
    """Tells whether asyncio makes its loops as it does out of the box."""
    policy: Any = asyncio.get_event_loop_policy()
    return (
        asyncio.new_event_loop is _NEW_LOOP
        and type(policy) is asyncio.DefaultEventLoopPolicy
        and getattr(policy, "_loop_factory", None) is _KIND
    )


def _is_debug() -> bool:
    """Tells whether asyncio would make a loop in debug mode."""
    flags = sys.flags
    return flags.dev_mode or bool(not flags.ignore_environment and os.environ.get("PYTHONASYNCIODEBUG"))


def _is_current(loop: Any) -> bool:
    """Tells whether the policy refers to a loop as the current one."""
    local = getattr(asyncio.get_event_loop_policy(), "_local", None)
    return getattr(local, "_loop", None) is loop
