"""Routes: which requests they are for, and what they answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable
from typing import Any

from interlace.errors import UsageError
from interlace.services.http import replies
from interlace.services.http.calls import Call
from interlace.services.http.conditions import Conditions
from interlace.services.http.replies import Fields, Reply, reply_of
from interlace.services.http.templates import Template
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.service import After


class Route:
    """One route of a fake. Made by `api.get(...)` and its kin; answers 200 without a body until told otherwise.

    Args:
        method: in capitals; `*`: any.
        template: its path.
        conditions: what else it asks of a request.

    Attributes:
        calls: the requests it has answered, in the order in which they arrived.
        limit: how many requests it answers, and how many it must; None: any number, and at least one.
        is_optional: whether it need not be asked at all.
    """

    def __init__(self, method: str, template: Template, conditions: Conditions) -> None:
        self.method = method
        self.template = template
        self.conditions = conditions
        self.calls: list[Call] = []
        self.limit: int | None = None
        self.is_optional = False
        self._replies: list[Reply | Callable[[Call], Any]] = []
        self._latency: Latency | None = None

    def __repr__(self) -> str:
        about = f" ({self.conditions.shown})" if self.conditions.count else ""
        return f"{self.method} {self.template.text}{about}"

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

    def stream(self, chunks: Iterable[bytes | str | After], status: int = 200, **options: Any) -> Route:
        """Answers in chunks; arguments and errors as for `interlace.reply.stream`."""
        return self._answer(replies.stream(chunks, status, **options))

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

    # -- how often -------------------------------------------------------------------------------

    def once(self) -> Route:
        """Answers one request, and must be asked once."""
        return self.times(1)

    def times(self, number: int) -> Route:
        """Answers this many requests, and must be asked as often; later ones it is not for.

        Raises:
            UsageError: not a number from 1 up.
        """
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise UsageError(
                f"route {self}: times({number!r}); give a whole number from 1 up, or leave the route out"
            )
        self.limit = number
        return self

    def optional(self) -> Route:
        """Need not be asked."""
        self.is_optional = True
        return self

    # -- what the fake asks it -------------------------------------------------------------------

    def misses(self, call: Call) -> list[str]:
        """Returns why it is not for a request, a phrase for each reason; none if it is."""
        found = []
        if self.method not in ("*", call.method):
            found.append(f"it is {self.method}, not {call.method}")
        if self.template.match(call.raw_path) is None:
            found.append(f"the path does not fit {self.template.text}")
        if found:
            return found
        if self.limit is not None and len(self.calls) >= self.limit:
            found.append(f"it has answered {_times(self.limit)} already, as often as it may")
        call.path = self.template.match(call.raw_path) or {}
        return found + self.conditions.misses(call)

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

    @property
    def wants(self) -> str:
        """What it still wants when the test is over, in words; "" if nothing."""
        if self.is_optional and not self.calls:
            return ""
        if self.limit is not None and len(self.calls) < self.limit:
            return f"{self} was asked {_times(len(self.calls))}, not {_times(self.limit)}"
        return "" if self.calls else f"{self} was never asked"


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")
