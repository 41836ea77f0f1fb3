"""What a fake was asked: one recorded request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote


class Headers(Mapping[str, str]):
    """Header fields, whatever the case of their names; those that come several times are joined by commas.

    Args:
        pairs: names and values as they came.

    Attributes:
        pairs: the same.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.pairs = tuple(pairs)
        self._values: dict[str, str] = {}
        for name, value in self.pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

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


class Call:
    """One request to a fake.

    Args:
        method: in capitals.
        target: path and query as they came.
        headers: names and values.
        body: all of it.
        time: when it had arrived, in virtual seconds since the run began.

    Attributes:
        path: what stood in the holes of the route's template.
        headers: the header fields, a `Headers`.
    """

    def __init__(
        self, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes, time: float
    ) -> None:
        self.method = method
        self.target = target
        self.headers = Headers(headers)
        self.body = body
        self.time = time
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

    @cached_property
    def form(self) -> dict[str, str]:
        """The body read as a form (application/x-www-form-urlencoded)."""
        return dict(parse_qsl(self.text, keep_blank_values=True))
