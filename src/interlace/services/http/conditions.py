"""What a route asks of a request besides method and path, and why a request does not fulfil it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from interlace.errors import UsageError
from interlace.services.http.calls import Call

ABSENT: Any = object()
_SHOWN = 80


class Conditions:
    """Conditions of a route; each that is given must hold.

    Args:
        query: names and values that the query has; it may have more.
        headers: names and values that the header has.
        json: what the body is, read as JSON.
        form: names and values that the body has, read as a form.
        body: what the body is, as bytes or as text in UTF-8.
        when: called with the `Call`; whether the route is for it.

    Raises:
        UsageError: one that cannot be.
    """

    __slots__ = ("_body", "_form", "_headers", "_json", "_query", "_when", "count")

    def __init__(
        self,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        json: Any = ABSENT,
        form: Mapping[str, Any] | None = None,
        body: bytes | str | None = None,
        when: Callable[[Call], object] | None = None,
    ) -> None:
        self._query = _texts("query", query)
        self._headers = {name.lower(): value for name, value in _texts("headers", headers).items()}
        self._form = _texts("form", form)
        self._json = json
        if body is not None and not isinstance(body, (bytes, str)):
            raise UsageError(f"body={body!r}: give bytes or text; for JSON json=..., for a form form={{...}}")
        self._body = body.encode() if isinstance(body, str) else body
        if when is not None and not callable(when):
            raise UsageError(
                f"when={when!r}: give a function that takes the request and tells whether it fits"
            )
        if sum(one is not ABSENT and one is not None for one in (json, form, body)) > 1:
            raise UsageError("a body has one form: give one of json=, form= and body=")
        self._when = when
        self.count = (
            len(self._query) + len(self._headers) + len(self._form)
            + (json is not ABSENT) + (body is not None) + (when is not None)
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Conditions):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def misses(self, call: Call) -> list[str]:
        """Returns why a request does not fulfil them, a phrase for each reason; none if it does."""
        found = _missing("query", self._query, call.query)
        found += _missing("header", self._headers, call.headers)
        if self._form:
            found += _missing("form", self._form, call.form)
        if self._body is not None and call.body != self._body:
            found.append(f"its body is {_short(call.body)}, not {_short(self._body)}")
        if self._json is not ABSENT:
            found += _differences(self._json, call)
        if self._when is not None and not found and not self._when(call):
            found.append(f"{getattr(self._when, '__qualname__', self._when)} says no")
        return found

    @property
    def shown(self) -> str:
        """The conditions in words; "" without any."""
        parts = [f"query {name}={value!r}" for name, value in self._query.items()]
        parts += [f"header {name}: {value!r}" for name, value in self._headers.items()]
        parts += [f"form {name}={value!r}" for name, value in self._form.items()]
        parts += [f"body {_short(self._body)}"] if self._body is not None else []
        parts += [f"json {_short(self._json)}"] if self._json is not ABSENT else []
        parts += [f"when {getattr(self._when, '__qualname__', '...')}"] if self._when is not None else []
        return ", ".join(parts)


def _texts(what: str, given: Mapping[str, Any] | None) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"{what}={given!r}: give names and values, such as {{'name': 'value'}}")
    for name, value in given.items():
        if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise UsageError(
                f"{what} has {name!r}: {value!r}; on the wire it is text: give a text or a number"
            )
    return {name: str(value) for name, value in given.items()}


def _missing(what: str, wanted: Mapping[str, str], there: Mapping[str, str]) -> list[str]:
    found = []
    for name, value in wanted.items():
        if name not in there:
            found.append(f"its {what} has no {name!r}")
        elif there[name] != value:
            found.append(f"its {what} has {name!r}: {there[name]!r}, not {value!r}")
    return found


def _differences(wanted: Any, call: Call) -> list[str]:
    try:
        there = call.json
    except ValueError:
        return [f"its body is no JSON: {_short(call.body)}"]
    if there == wanted:
        return []
    if isinstance(there, dict) and isinstance(wanted, dict):
        for name in {**wanted, **there}:
            if name not in there:
                return [f"its JSON has no {name!r}"]
            if name not in wanted:
                return [f"its JSON has {name!r} besides"]
            if there[name] != wanted[name]:
                return [f"its JSON has {name!r}: {_short(there[name])}, not {_short(wanted[name])}"]
    return [f"its JSON is {_short(there)}, not {_short(wanted)}"]


def _short(value: Any) -> str:
    try:
        text = repr(value) if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
