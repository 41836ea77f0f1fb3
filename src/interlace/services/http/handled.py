"""A websocket that an async function speaks with."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from interlace.services.http.scripted import Spoken
from interlace.services.http.ws import Closed, Message, close, message_of
from interlace.sim.network.service import After, Break, Hand, Held

if TYPE_CHECKING:
    from interlace.services.http.calls import WsCall
    from interlace.services.http.frames import Frames
    from interlace.services.http.websockets import WsRoute

_FAILED = 1011


class Socket:
    """A websocket in the hands of the async function that was given to `WsRoute.handle`.

    Attributes:
        call: the request that has asked for it.
    """

    def __init__(self, call: WsCall, frames: Frames, held: Held, delays: tuple[int, ...] | None) -> None:
        self.call = call
        self._frames = frames
        self._held = held
        self._delays = delays
        self._owes_answer = False

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was agreed on."""
        return self.call.subprotocol

    async def recv(self) -> Message:
        """Waits for a message from the client.

        Raises:
            Closed: the client has left, and all that it has sent was received.
        """
        frames = self._frames
        while not frames.inbox:
            if not frames.is_open:
                raise Closed(*frames.closing)
            await self._held.more()
        self._owes_answer = True
        return frames.inbox.popleft()

    async def recv_json(self) -> Any:
        """Waits for a message in JSON; errors as for `recv`, and `ValueError` where it is none."""
        return json.loads(await self.recv())

    async def send(self, data: Any) -> None:
        """Sends a message: a text, bytes, or data for JSON.

        Raises:
            UsageError: it cannot be sent.
            Closed: the client has left.
        """
        message = message_of(data)
        if self._owes_answer and self._delays is not None:
            self._owes_answer = False
            await self._held.pause(After(self._delays, "websocket message"))
        if not self._frames.is_open:
            raise Closed(*self._frames.closing)
        self._frames.send(message)
        self._flush()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes it in order; arguments as for `interlace.ws.close`."""
        made = close(code, reason)
        self._frames.close(made.code, made.reason)
        self._flush()

    def reset(self) -> None:
        """Resets the connection."""
        self._frames.lose()
        self._held.end(Break.RESET)

    def __aiter__(self) -> Socket:
        return self

    async def __anext__(self) -> Message:
        """Waits for the next message; ends when the client has left."""
        try:
            return await self.recv()
        except Closed:
            raise StopAsyncIteration from None

    def _flush(self) -> None:
        for move in self._frames.moves():
            if isinstance(move, Break):
                self._held.end(move)
            else:
                self._held.write(move)


class Handled(Spoken):
    """A websocket that an async function speaks with."""

    def __init__(
        self,
        route: WsRoute,
        call: WsCall,
        frames: Frames,
        handler: Callable[[Socket], Coroutine[Any, Any, object]],
    ) -> None:
        super().__init__(route, call, frames)
        self._handler = handler
        self._has_begun = False

    def _go_on(self) -> Iterator[Any]:
        if self._has_begun:
            return
        self._has_begun = True
        yield Hand(self._run)
        yield from self._frames.moves()

    async def _run(self, held: Held) -> None:
        code = _FAILED
        try:
            await self._handler(Socket(self._call, self._frames, held, self._route.delays))
            code = 1000
        except Closed:
            code = 1000
        except Exception as error:
            self._route.complain(error)
        self._frames.close(code, "")
