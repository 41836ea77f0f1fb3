"""What routes answer."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterable, Callable, Generator, Iterator
from typing import Any

from interlace.errors import UsageError
from interlace.services.http import replies
from interlace.services.http.answers import Fields, Reply
from interlace.services.http.asked import Asked
from interlace.services.http.calls import Call
from interlace.services.http.conditions import Conditions
from interlace.services.http.files import File
from interlace.services.http.replies import reply_of
from interlace.services.http.templates import Template
from interlace.sim.latency import Latency, parse_latency


class Route(Asked):
    """One route of a fake. Made by `api.get(...)` and its kin; answers 200 without a body until told otherwise.

    Arguments and attributes as of `Asked`.
    """

    calls: list[Call]

    def __init__(self, method: str, template: Template, conditions: Conditions) -> None:
        super().__init__(method, template, conditions)
        self._replies: list[Reply | Callable[[Call], Any]] = []
        self._latency: Latency | None = None

    # -- what it answers -------------------------------------------------------------------------

    def json(
        self, data: Any, status: int = 200, *, headers: Fields = None, latency: Latency | None = None
    ) -> Route:
        """Answers in JSON; arguments and errors as for `interlace.reply.json`."""
        return self._answer(replies.json(data, status, headers=headers, latency=latency))

    def text(
        self, content: str, status: int = 200, *, headers: Fields = None, latency: Latency | None = None
    ) -> Route:
        """Answers in plain text; arguments and errors as for `interlace.reply.text`."""
        return self._answer(replies.text(content, status, headers=headers, latency=latency))

    def content(self, body: bytes, status: int = 200, **options: Any) -> Route:
        """Answers these bytes; arguments and errors as for `interlace.reply.content`."""
        return self._answer(replies.content(body, status, **options))

    def file(self, path: str | os.PathLike[str], status: int = 200, **options: Any) -> Route:
        """Answers a file, or the part of it that is asked for.

        Args:
            path: the file; it is read now.
            status: the status code where all of it is sent.
            options: `media_type` (else as its name says), `headers` and `latency`.

        Raises:
            UsageError: it cannot be read, or another argument cannot work.
        """
        return self._answer(File(path, status, **options).answer)

    def stream(self, chunks: Any, status: int = 200, **options: Any) -> Route:
        """Answers in chunks; arguments and errors as for `interlace.reply.stream`.

        Instead of chunks it also takes a function of the `Call` that returns them, or yields them, async or not.
        """
        if callable(chunks):
            replies.stream((), status, **options)
            function: Callable[[Call], Any] = chunks
            return self._answer(lambda call: replies.stream(function(call), status, **options))
        return self._answer(replies.stream(_repeatable(self, "stream", chunks), status, **options))

    def sse(self, events: Any, **options: Any) -> Route:
        """Answers in server-sent events; arguments and errors as for `interlace.reply.sse`.

        Instead of events it also takes a function of the `Call` that returns them, or yields them, async or not.
        """
        if callable(events):
            replies.sse((), **options)
            function: Callable[[Call], Any] = events
            return self._answer(lambda call: replies.sse(function(call), **options))
        return self._answer(replies.sse(_repeatable(self, "sse", events), **options))

    def redirect(
        self, location: str, status: int = 302, *, headers: Fields = None, latency: Latency | None = None
    ) -> Route:
        """Sends the client elsewhere; arguments and errors as for `interlace.reply.redirect`."""
        return self._answer(replies.redirect(location, status, headers=headers, latency=latency))

    def status(self, code: int, *, headers: Fields = None, latency: Latency | None = None) -> Route:
        """Answers without a body; arguments and errors as for `interlace.reply.status`."""
        return self._answer(replies.status(code, headers=headers, latency=latency))

    def reply(self, answer: Any, *, latency: Latency | None = None) -> Route:
        """Answers what a function says, or one value.

        Args:
            answer: a function, async or not, that takes the `Call` and returns a value; or that value: a reply
                (`interlace.reply`), a fault (`interlace.fault`), a status code, a text, bytes, or data for JSON.
            latency: how long the answer takes, as for `World.latency`, where it does not say so itself.

        Raises:
            UsageError: an argument that cannot work.
        """
        return self.sequence(answer, latency=latency)

    def sequence(self, *answers: Any, latency: Latency | None = None) -> Route:
        """Answers one after the other; the last one again and again.

        Args:
            answers: values or functions, as for `reply`.
            latency: as for `reply`, of each.

        Raises:
            UsageError: an argument that cannot work, or no answer at all.
        """
        if not answers:
            raise UsageError(f"route {self}: sequence() without answers; give at least one")
        for answer in answers:
            if inspect.isclass(answer) or inspect.isawaitable(answer):
                raise UsageError(
                    f"route {self} cannot answer {answer!r}: give a function that takes the request"
                )
        made = [answer if callable(answer) else reply_of(answer) for answer in answers]
        for one in made:
            if isinstance(one, Reply) and isinstance(one.body, (Iterator, AsyncIterable)):
                raise UsageError(
                    f"route {self} is given a stream that can be sent only once: give a function of the request that "
                    "returns it"
                )
        return self._answer(*made, latency=latency)

    def _answer(self, *answers: Reply | Callable[[Call], Any], latency: Latency | None = None) -> Route:
        if self._replies:
            raise UsageError(
                f"route {self} has its answer already: for one after the other write .sequence(first, second)"
            )
        if latency is not None:
            parse_latency(latency)
        self._replies = list(answers)
        self._latency = latency
        return self

    # -- what the fake asks it -------------------------------------------------------------------

    def take(self, call: Call) -> Generator[Any, Any, Reply]:
        """Records a request, and returns the answer to it; yields what is to be awaited for that."""
        call.path = self.template.match(call.raw_path) or {}
        self.calls.append(call)
        if not self._replies:
            return replies.status(200)
        answer = self._replies[min(len(self.calls), len(self._replies)) - 1]
        if not isinstance(answer, Reply):
            value = answer(call)
            if inspect.isawaitable(value):
                value = yield value
            if value is None:
                raise UsageError(
                    f"the function that answers {self} has returned None: return a reply, a status code, a text, "
                    "bytes or data for JSON; interlace.reply.json(None) if it is to be null"
                )
            answer = reply_of(value)
        return answer.after(self._latency)


def _repeatable(route: Route, name: str, pieces: Any) -> Any:
    if isinstance(pieces, AsyncIterable):
        raise UsageError(
            f"route {route}: {name}() is given what can be sent only once: give the function itself; it is given the request"
        )
    return list(pieces) if isinstance(pieces, Iterator) else pieces
