"""What a fake was asked: one recorded request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from interlace.services.http.multipart import Upload, read_multipart
from interlace.services.order import Asked, Moment


class Headers(Mapping[str, str]):
    """Header fields, whatever the case of their names; those that come several times are joined by commas.

    Args:
        pairs: names and values as they came.

    Attributes:
        pairs: the same.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.pairs = tuple(pairs)

    @cached_property
    def _values(self) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, value in self.pairs:
            key = name.lower()
            values[key] = f"{values[key]}, {value}" if key in values else value
        return values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._values!r})"


class Call(Asked):
    """One request to a fake.

    Args:
        method: in capitals.
        target: path and query as they came.
        headers: names and values.
        body: all of it.
        began: when it had arrived.

    Attributes:
        path: what stood in the holes of the route's template.
        headers: the header fields, a `Headers`.
    """

    def __init__(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes, began: Moment
    ) -> None:
        super().__init__(began)
        self.method = method
        self.target = target
        self.headers = Headers(headers)
        self.body = body
        self.path: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"<Call {self.method} {self.target} at {self.time:g} s>"

    @property
    def raw_path(self) -> str:
        """The path as it came, without the query."""
        return self.target.partition("?")[0]

    @property
    def full_path(self) -> str:
        """The path without the query, percent-decoded."""
        return unquote(self.raw_path)

    @cached_property
    def queries(self) -> tuple[tuple[str, str], ...]:
        """All pairs of the query, in order."""
        return tuple(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def query(self) -> dict[str, str]:
        """The query; the last value where a name comes several times."""
        return dict(self.queries)

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        """The body read as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The body read as a form, without its files; the last value where a name comes several times."""
        return dict(self.forms)

    @property
    def files(self) -> dict[str, Upload]:
        """The files of a form that has some (multipart/form-data); the last one where a name comes several times."""
        return dict(self.uploads)

    @property
    def forms(self) -> tuple[tuple[str, str], ...]:
        """All pairs of a form, in order, without its files."""
        return self._fields[0]

    @property
    def uploads(self) -> tuple[tuple[str, Upload], ...]:
        """All names and files of a form, in order."""
        return self._fields[1]

    @cached_property
    def _fields(self) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, Upload], ...]]:
        kind = self.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() == "multipart/form-data":
            return read_multipart(kind, self.body)
        return tuple(parse_qsl(self.text, keep_blank_values=True)), ()


class WsMessage(NamedTuple):
    """A message of a websocket.

    Args:
        data: a text, or bytes.
        time: when it had come or was sent, in virtual seconds since the run began.
        is_sent: whether the fake has sent it.
    """

    data: str | bytes
    time: float
    is_sent: bool


class WsCall(Call):
    """A request that has asked for a websocket, and what was said on it.

    Attributes:
        messages: what came and what the fake sent, in order.
        subprotocol: the one that was agreed on; None: none.
        close_code: the code with which the first of both has closed it, 1006 if it just broke; None while it is open.
    """

    def __init__(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes, began: Moment
    ) -> None:
        super().__init__(method, target, headers, body, began)
        self.messages: list[WsMessage] = []
        self.subprotocol: str | None = None
        self.close_code: int | None = None

    @property
    def received(self) -> list[str | bytes]:
        """The messages that have come."""
        return [message.data for message in self.messages if not message.is_sent]

    @property
    def sent(self) -> list[str | bytes]:
        """The messages that the fake has sent."""
        return [message.data for message in self.messages if message.is_sent]
