"""The lifespan of an application: how it is started and shut down (ASGI, "Lifespan Protocol", version 2.0)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from interlace.errors import LifespanFailed, UsageError

Lifespan: TypeAlias = bool | Literal["auto"]
"""Whether an application takes part in it: it must, it is not asked to, or it need not."""

_NONE = "say so with lifespan=False, or 'auto'"


def check_lifespan(lifespan: object, call: str) -> None:
    """Refuses what is no value of `lifespan=`.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(lifespan, bool) and lifespan != "auto":
        raise UsageError(
            f"{call}: lifespan={lifespan!r}: give True, False, or 'auto' (an application that takes no part in it "
            "goes on without)"
        )


class Life:
    """One lifespan: from the start of the application on its host to the end of the run, or to a crash.

    Args:
        number: the how-manieth of the host.
        shown: the application and where it is, in words.
        complain: told what is wrong with it.

    Attributes:
        state: what the application has put into its state, as requests are given a copy of it.
        ended: set once the application has nothing more to do.
        failure: why it did not start, or did not shut down as it should; None: it did.
    """

    def __init__(self, number: int, shown: str, complain: Callable[[BaseException], None]) -> None:
        self.number = number
        self.state: dict[str, Any] = {}
        self.ended = asyncio.Event()
        self.failure: LifespanFailed | None = None
        self._started = asyncio.Event()
        self._shown = shown
        self._complain = complain
        self._leaving = asyncio.Event()
        self._is_told = False
        self._is_complete = False

    async def run(self, app: Callable[..., Any], lifespan: Lifespan) -> None:
        """Has an application start, and shut down when `leave` is called."""
        if lifespan is False:
            self._end()
            return
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        try:
            await app(scope, self._receive, self._send)
        except Exception as error:
            if self.failure is not None:  # it has said so before
                self.failure.__cause__ = error
                self.failure.__traceback__ = error.__traceback__
            elif self._is_complete:
                self._fail(self._phase, f"{type(error).__name__}: {error}", error)
            elif lifespan is True:
                reason = f"{type(error).__name__}: {error}".rstrip(".")
                self._fail("startup", f"{reason}. If it takes no part in lifespan, {_NONE}", error)
        else:
            if not self._is_complete and self.failure is None and lifespan is True:
                self._fail("startup", f"it has returned without an answer to lifespan.startup; {_NONE}")
        finally:
            self._end()

    async def start(self) -> None:
        """Waits until requests can be answered, or never will be."""
        if not self._started.is_set():
            await self._started.wait()

    def leave(self) -> None:
        """Has the application shut down."""
        self._leaving.set()

    async def _receive(self) -> dict[str, Any]:
        if not self._is_told:
            self._is_told = True
            return {"type": "lifespan.startup"}
        await self._leaving.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._is_complete = True
            self._started.set()
        elif kind == "lifespan.shutdown.complete":
            self._end()
        elif kind in ("lifespan.startup.failed", "lifespan.shutdown.failed"):
            self._fail(kind.split(".")[1], _reason(message.get("message")))
            self._end()
        else:
            raise RuntimeError(f"an application sends nothing of the type {kind!r} for its lifespan")

    @property
    def _phase(self) -> str:
        return "shutdown" if self._leaving.is_set() else "life"

    def _fail(self, phase: str, reason: str, cause: BaseException | None = None) -> None:
        self.failure = LifespanFailed(self._shown, phase, reason)
        self.failure.__cause__ = cause
        self.failure.__traceback__ = None if cause is None else cause.__traceback__
        self._complain(self.failure)

    def _end(self) -> None:
        self._started.set()
        self.ended.set()


def _reason(message: object) -> str:
    """Returns what an application says of its failure; of a traceback, which Starlette sends, the last line."""
    text = str(message or "it does not say why").strip()
    return text.rpartition("\n")[2] if text.startswith("Traceback ") else text
