"""A websocket that goes the steps of a script."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

from interlace.errors import UnexpectedMessage
from interlace.services.http.ws import Close, Message, Recv, Send, Step, shown
from interlace.sim.network.fault import Fault
from interlace.sim.network.service import After, Break

if TYPE_CHECKING:
    from interlace.services.http.calls import WsCall
    from interlace.services.http.frames import Frames
    from interlace.services.http.websockets import WsRoute

_UNEXPECTED = 1008


class Spoken:
    """A websocket after its handshake; a conversation, see `sim.network.service`."""

    def __init__(self, route: WsRoute, call: WsCall, frames: Frames) -> None:
        self._route = route
        self._call = call
        self._frames = frames

    def begin(self, data: bytes) -> Generator[Any, Any, None]:
        """Answers the handshake, and takes what has come after it."""
        yield from self._frames.moves()
        if data:
            yield from self.receive(data)
        else:
            yield from self._go_on()

    def receive(self, data: bytes) -> Generator[Any, Any, None]:
        """Takes what has arrived."""
        self._frames.take(data)
        moves = self._frames.moves()
        yield from (move for move in moves if not isinstance(move, Break))
        yield from self._go_on()
        yield from (move for move in moves if isinstance(move, Break))

    def meanwhile(self, data: bytes) -> list[bytes | Break]:
        """Takes what arrives while something takes time."""
        self._frames.take(data)
        return self._frames.moves()

    def end(self) -> None:
        """Takes note that the connection is gone."""
        self._frames.lose()

    def _go_on(self) -> Iterator[Any]:
        raise NotImplementedError


class Scripted(Spoken):
    """A websocket that goes the steps of a script."""

    def __init__(self, route: WsRoute, call: WsCall, frames: Frames, script: tuple[Step, ...] | None) -> None:
        super().__init__(route, call, frames)
        self._script = script or ()
        self._has_script = script is not None
        self._at = 0
        self._last: Message | None = None
        self._owes_answer = False
        self._is_failed = False

    @property
    def rest(self) -> str:
        """Which step it has not gone, in words; "" if all are."""
        if self._at >= len(self._script) or self._is_failed:
            return ""
        if not self._frames.was_left and not self._route.is_still():
            return ""  # what it waits for may be on its way
        left = f"; the client had left with {self._call.close_code}" if self._call.close_code else ""
        return (
            f"the script of the connection of {self._call.time:g} s stopped before step {self._at + 1} of "
            f"{len(self._script)}, {_shown_step(self._script[self._at])}{left}"
        )

    def _go_on(self) -> Iterator[Any]:
        frames = self._frames
        while self._at < len(self._script) and not self._is_failed:
            step = self._script[self._at]
            if isinstance(step, Recv):
                if not frames.inbox:
                    return
                self._last = frames.inbox.popleft()
                if found := step.misses(self._last):
                    yield from self._fail(f"step {self._at + 1} of the script, {step!r}, was not met", found)
                    return
                self._owes_answer = True
            elif isinstance(step, After):
                if not frames.was_left:
                    yield step
                if frames.was_left:
                    return
            elif isinstance(step, Fault):
                if frames.was_left:
                    return
                self._at += 1
                yield from step.answering()
                return
            else:
                delays = step.delays if isinstance(step, Send) else None
                if delays is None and self._owes_answer:
                    delays = self._route.delays
                self._owes_answer = False
                self._at += 1  # what is on its way when the client leaves, or the test ends, counts as sent
                if delays is not None and not frames.was_left:
                    yield After(delays, "websocket message")
                if frames.is_open:
                    if isinstance(step, Close):
                        frames.close(step.code, step.reason)
                    else:
                        frames.send(step.message(self._last))
                    yield from frames.moves()
                continue
            self._at += 1
        if frames.inbox and self._has_script and not self._is_failed and not self._has_closed:
            message = frames.inbox.popleft()
            yield from self._fail("a message came after the end of the script", f"it is {shown(message)}")

    @property
    def _has_closed(self) -> bool:
        return bool(self._script) and isinstance(self._script[-1], Close)

    def _fail(self, what: str, found: str) -> Iterator[Any]:
        self._is_failed = True
        where = f"websocket {self._call.target} ({self._route})"
        self._route.complain(UnexpectedMessage(where, what, found))
        self._frames.close(_UNEXPECTED, "unexpected message")
        yield from self._frames.moves()


def _shown_step(step: Step) -> str:
    return "the fault" if isinstance(step, Fault) else repr(step)
