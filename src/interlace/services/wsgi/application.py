"""A WSGI application (PEP 3333): each request is one call of it, in a thread of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any

from interlace.errors import UsageError
from interlace.services.http import replies
from interlace.services.http.address import Base
from interlace.services.http.answers import Reply
from interlace.services.http.calls import Call
from interlace.services.http.conversation import HttpConversation, load_h11
from interlace.services.order import Moment
from interlace.services.wsgi.environ import environ_of
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.fault import Fault
from interlace.sim.network.service import Outlet
from interlace.sim.world import World

_MOST_CHUNKS = 100_000
"""How many pieces an answer may have: one without an end would never be sent."""

Apart = Callable[[Callable[[], Reply]], Awaitable[Reply]]


class WsgiApp:
    """A WSGI application that is served on a host.

    Args:
        app: the application.
        world: the world.
        base: where it is.
        shown: what the application is and where, in words.
        apart: runs a function in a thread of its own.
        latency: how long its answers take; None: as the links between hosts say.

    Raises:
        UsageError: what serves it is not installed, or the latency is none.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        world: World,
        base: Base,
        shown: str,
        apart: Apart,
        latency: Latency | None,
    ) -> None:
        load_h11()
        if latency is not None:
            parse_latency(latency)
        self._app = app
        self._world = world
        self._base = base
        self._shown = shown
        self._apart = apart
        self._latency = latency

    def connect(self) -> HttpConversation:
        """Returns the conversation for a new connection."""
        world = self._world
        return _Conversation(lambda: Moment(world.clock.elapsed, world.step), self._answer)

    def _answer(self, client: str, call: Call) -> Generator[Any, Any, Reply]:
        def ask() -> Reply:
            return self._ask(environ_of(call, self._base, client))

        ask.__qualname__ = f"{call.method} {call.raw_path}"
        reply: Reply = yield self._apart(ask)
        return reply.after(self._latency)

    def _ask(self, environ: dict[str, Any]) -> Reply:
        """Calls the application, and returns what it answers; an error of it is answered by 500."""
        answer = _Answer()
        try:
            answer.take(self._app(environ, answer.start), environ["REQUEST_METHOD"])
        except Exception as error:
            asked = f"{environ['REQUEST_METHOD']} {environ['RAW_URI'].partition('?')[0]}"
            self._world.remark(self._shown, error, f"when it was asked {asked}")
            return answer.torn() if answer.is_sent else replies.text("Internal Server Error", 500)
        return answer.whole()


class _Conversation(HttpConversation):
    """An `HttpConversation` that knows who the client is."""

    def __init__(
        self, now: Callable[[], Moment], answer: Callable[[str, Call], Generator[Any, Any, Reply]]
    ) -> None:
        super().__init__(now, lambda call: answer(self._peer, call))
        self._peer = ""

    def begin(self, outlet: Outlet) -> None:
        """Takes note of who the client is."""
        self._peer = outlet.peer


class _Answer:
    """What an application answers to one request.

    Attributes:
        is_sent: whether a part of it has been sent, as far as the application can tell.
    """

    def __init__(self) -> None:
        self.is_sent = False
        self._head: tuple[int, bytes, tuple[tuple[str, str], ...]] | None = None
        self._chunks: list[bytes] = []
        self._is_one = False

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """Is the `start_response` that the application is given."""
        if exc_info is not None:
            try:
                if self.is_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # its traceback holds this frame
        elif self._head is not None:
            raise RuntimeError("start_response() was called a second time, without exc_info")
        self._head = _parse_head(status, headers)
        return self._write

    def take(self, body: Iterable[bytes], method: str) -> None:
        """Takes the body, all of it, and has it closed.

        Raises:
            Exception: what the application raises, and for what it must not do.
        """
        try:
            self._is_one = isinstance(body, (list, tuple)) and len(body) == 1 and not self._chunks
            for chunk in body:
                self._write(chunk)
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
        if self._head is None:
            raise RuntimeError("it has not called start_response()")
        length = next((value for name, value in self._head[2] if name.lower() == "content-length"), None)
        sent = sum(map(len, self._chunks))
        if (
            length is not None
            and int(length) != sent
            and method != "HEAD"
            and self._head[0] not in (204, 304)
        ):
            self.is_sent = False
            raise RuntimeError(f"its Content-Length is {length}, and it has sent {sent} bytes")

    def whole(self) -> Reply:
        """Returns the answer."""
        assert self._head is not None
        status, reason, headers = self._head
        body: Any = tuple(self._chunks)
        if self._is_one or any(name.lower() == "content-length" for name, _ in headers):
            body = b"".join(body)
        return Reply(status, headers, body, reason=reason)

    def torn(self) -> Reply:
        """Returns as much of the answer as there was when the application failed."""
        assert self._head is not None
        status, reason, headers = self._head
        return Reply(status, headers, (*self._chunks, Fault("empty")), reason=reason)

    def _write(self, chunk: bytes) -> None:
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise TypeError(f"it has sent {chunk!r}, which is not bytes")
        if chunk:
            if self._head is None:
                raise RuntimeError("it has sent something before it called start_response()")
            self.is_sent = True
            self._chunks.append(bytes(chunk))
            if len(self._chunks) > _MOST_CHUNKS:
                raise UsageError(
                    f"its answer has more than {_MOST_CHUNKS:,} pieces: what a WSGI application answers is sent once all "
                    "of it is there, so it must have an end"
                )


def _parse_head(status: Any, headers: Any) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
    code, _, reason = status.partition(" ") if isinstance(status, str) else ("", "", "")
    if not (code.isascii() and code.isdigit() and len(code) == 3 and code >= "200"):
        raise ValueError(f"its status is {status!r}: that must be a text such as '200 OK'")
    fields = []
    for name, value in headers:
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"its header has {name!r}: {value!r}, which are not both texts")
        fields.append((name, value))
    return int(code), reason.encode("latin-1"), tuple(fields)
