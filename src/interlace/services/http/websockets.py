"""Routes for websockets: what is done with those who connect, by a script or by a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from interlace.errors import UsageError
from interlace.services.http import replies
from interlace.services.http.answers import Reply
from interlace.services.http.asked import Asked
from interlace.services.http.calls import Call, WsCall
from interlace.services.http.conditions import Conditions
from interlace.services.http.frames import Frames, asks_for_websocket, load_websockets
from interlace.services.http.handled import Handled, Socket
from interlace.services.http.scripted import Scripted
from interlace.services.http.templates import Template
from interlace.services.http.ws import Step, check_script, shown
from interlace.services.order import Moment
from interlace.sim.latency import Latency, parse_latency


class WsRoute(Asked):
    """A route for websockets. Made by `api.ws(...)`; takes messages and says nothing until told otherwise.

    Args:
        template: its path.
        conditions: what else it asks of a request.
        subprotocols: those it can speak, the best one first; it is for requests that offer one of them.
        latency: how long a connection takes to be accepted, and an answer to a message; None: nobody has said so.
        now: returns the moment.
        complain: told what is wrong with the test.
        is_still: tells whether nothing is on its way through the network.
    """

    kind = "WS"
    calls: list[WsCall]

    def __init__(
        self,
        template: Template,
        conditions: Conditions,
        subprotocols: tuple[str, ...],
        latency: Latency | None,
        now: Callable[[], Moment],
        complain: Callable[[BaseException], None],
        is_still: Callable[[], bool],
    ) -> None:
        load_websockets()
        super().__init__("GET", template, conditions)
        self.subprotocols = subprotocols
        self.delays = None if latency is None else parse_latency(latency)
        self.now = now
        self.complain = complain
        self.is_still = is_still
        self._script: tuple[Step, ...] | None = None
        self._handler: Callable[[Socket], Coroutine[Any, Any, object]] | None = None
        self._scripted: list[Scripted] = []

    def script(self, *steps: Step) -> WsRoute:
        """Has each connection go these steps, which all must be gone when the test ends.

        Args:
            steps: `ws.recv(...)`, `ws.send(...)`, `ws.close(...)`, `interlace.after(...)`, faults such as
                `fault.reset()`.

        Raises:
            UsageError: something else, or a step that would never be reached.
        """
        self._check_free()
        self._script = check_script(steps, self)
        return self

    def handle(self, handler: Callable[[Socket], Coroutine[Any, Any, object]]) -> WsRoute:
        """Has an async function speak with each who connects; when it returns, the websocket is closed.

        Args:
            handler: is given the `Socket`.

        Raises:
            UsageError: it is no async function of one argument.
        """
        self._check_free()
        call = getattr(handler, "__call__", None)  # noqa: B004  (an object may have an async one)
        if not inspect.iscoroutinefunction(handler) and not inspect.iscoroutinefunction(call):
            raise UsageError(f"{self}: handle({shown(handler)}); give a function 'async def handler(socket)'")
        try:
            inspect.signature(handler).bind(None)
        except TypeError as error:
            raise UsageError(
                f"{self}: the handler is given the socket, and {error}: 'async def handler(socket)'"
            ) from None
        self._handler = handler
        return self

    def _check_free(self) -> None:
        if self._script is not None or self._handler is not None:
            raise UsageError(
                f"{self} has its script already: for one connection after the other write .once() at this route and "
                "make another one"
            )

    # -- what the fake asks it -------------------------------------------------------------------

    def misses(self, call: Call) -> list[str]:
        """Returns why it is not for a request; see `Asked`."""
        found = super().misses(call)
        if call.method == "GET" and not asks_for_websocket(call):
            found.append("it is for websockets, and the request asks for none")
        if self.subprotocols:
            offered = [one.strip() for one in call.headers.get("sec-websocket-protocol", "").split(",")]
            if not {*offered} & {*self.subprotocols}:
                offers = ", ".join(map(repr, filter(None, offered))) or "none"
                found.append(
                    f"it speaks the subprotocol {' or '.join(map(repr, self.subprotocols))}, offered is {offers}"
                )
        return found

    def take(self, call: Call) -> Generator[Any, Any, Reply]:
        """Records a request, and returns the answer to it."""
        yield from ()
        assert isinstance(call, WsCall)
        call.path = self.template.match(call.raw_path) or {}
        self.calls.append(call)
        frames = Frames(call, self.subprotocols, self.now)
        if frames.status != 101:
            return replies.text(frames.text, frames.status, headers=frames.headers)
        if self._handler is not None:
            return Reply(101, delays=self.delays, successor=Handled(self, call, frames, self._handler))
        scripted = Scripted(self, call, frames, self._script)
        self._scripted.append(scripted)
        return Reply(101, delays=self.delays, successor=scripted)

    @property
    def rank(self) -> tuple[Any, ...]:
        """Sorts the routes that are for a request: before one of plain HTTP, all else the same."""
        return (self.template.rank, -self.conditions.count - 1)

    @property
    def likeness(self) -> tuple[Any, ...]:
        """See `Asked`."""
        return (*super().likeness, self.subprotocols)

    @property
    def wants(self) -> str:
        """What it still wants when the test is over; see `Asked`."""
        if found := super().wants:
            return found
        rests = [] if self.is_optional else [one.rest for one in self._scripted if one.rest]
        return f"{self}: {rests[0]}" if rests else ""
