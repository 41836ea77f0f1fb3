"""What a route asks of a request besides method and path, and why a request does not fulfil it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from interlace.errors import UsageError
from interlace.services.http.calls import Call

ABSENT: Any = object()
_SHOWN = 80


class Conditions:
    """Conditions of a route; each that is given must hold.

    Args:
        query: names and values that the query has; it may have more. A value is a text, a number, a list of all values, a
            compiled pattern that the (last) value fits, a function that is given it, or None: the name is not there.
        headers: names and values that the header has; values as for query.
        json: what the body is, read as JSON; or a function that is given that.
        form: names and values that the body has, read as a form; values as for query, and bytes: what a file has.
        body: what the body is, as bytes or as text in UTF-8; or a function that is given the bytes.
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
        body: bytes | str | Callable[[bytes], object] | None = None,
        when: Callable[[Call], object] | None = None,
    ) -> None:
        self._query = _texts("query", query)
        self._headers = {name.lower(): value for name, value in _texts("headers", headers).items()}
        self._form = _texts("form", form)
        self._json = json
        if body is not None and not isinstance(body, (bytes, str)) and not callable(body):
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
        found = []
        if self._query:
            found += _missing("query", self._query, partial(_all, call.queries))
        if self._headers:
            found += _missing("header", self._headers, partial(_all_headers, call))
        if self._form:
            found += _missing("form", self._form, partial(_all_fields, call))
        body = self._body
        if callable(body):
            found += [] if body(call.body) else [f"{_named(body)} says no to its body: {_short(call.body)}"]
        elif body is not None and call.body != body:
            found.append(f"its body is {_short(call.body)}, not {_short(body)}")
        if self._json is not ABSENT:
            found += _differences(self._json, call)
        if self._when is not None and not found and not self._when(call):
            found.append(f"{_named(self._when)} says no")
        return found

    @property
    def shown(self) -> str:
        """The conditions in words; "" without any."""
        parts = [f"query {name}={_asked(value)}" for name, value in self._query.items()]
        parts += [f"header {name}: {_asked(value)}" for name, value in self._headers.items()]
        parts += [f"form {name}={_asked(value)}" for name, value in self._form.items()]
        parts += [f"body {_asked(self._body)}"] if self._body is not None else []
        parts += (
            [f"json {_named(self._json) if callable(self._json) else _short(self._json)}"]
            if self._json is not ABSENT
            else []
        )
        parts += [f"when {_named(self._when)}"] if self._when is not None else []
        return ", ".join(parts)


def _texts(what: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"{what}={given!r}: give names and values, such as {{'name': 'value'}}")
    return {name: _wanted(what, name, value) for name, value in given.items()}


def _wanted(what: str, name: Any, value: Any) -> Any:
    """Returns what is asked of the values of one name: a text, a tuple of these, a pattern, a function, None: no value."""
    if isinstance(name, str):
        if value is None or callable(value) or (isinstance(value, bytes) and what == "form"):
            return value
        if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
            return value
        if isinstance(value, (list, tuple)):
            return tuple(_text(what, name, one) for one in value)
    return _text(what, name, value)


def _text(what: str, name: Any, value: Any) -> str:
    if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UsageError(
            f"{what} has {name!r}: {value!r}; on the wire it is text: give a text, a number, a list of these, a compiled "
            "pattern, a function of the text, or None where it must not be there"
        )
    return str(value)


def _missing(what: str, wanted: Mapping[str, Any], there: Callable[[str], list[Any]]) -> list[str]:
    found = []
    for name, asked in wanted.items():
        values = there(name)
        if asked is None:
            found += [f"its {what} has {name!r}"] if values else []
        elif not values:
            found.append(f"its {what} has no {name!r}")
        elif isinstance(asked, tuple):
            if tuple(values) != asked:
                found.append(f"its {what} has {name!r}: {values!r}, not {list(asked)!r}")
        elif callable(asked):
            if not asked(values[-1]):
                found.append(f"{_named(asked)} says no to {name!r}: {_told(values[-1])} of its {what}")
        elif isinstance(asked, re.Pattern):
            if not (isinstance(values[-1], str) and asked.fullmatch(values[-1])):
                found.append(
                    f"its {what} has {name!r}: {_told(values[-1])}, which does not fit {asked.pattern!r}"
                )
        elif values[-1] != asked:
            found.append(f"its {what} has {name!r}: {_told(values[-1])}, not {_told(asked)}")
    return found


def _all(pairs: Sequence[tuple[str, str]], name: str) -> list[Any]:
    return [value for key, value in pairs if key == name]


def _all_headers(call: Call, name: str) -> list[Any]:
    return [call.headers[name]] if name in call.headers else []


def _all_fields(call: Call, name: str) -> list[Any]:
    files = [file.content for key, file in call.uploads if key == name]
    return _all(call.forms, name) + files


def _asked(value: Any) -> str:
    if value is None:
        return "absent"
    if callable(value):
        return _named(value)
    if isinstance(value, re.Pattern):
        return f"/{value.pattern}/"
    return _told(list(value) if isinstance(value, tuple) else value)


def _told(value: Any) -> str:
    return repr(value) if isinstance(value, (str, list)) and len(repr(value)) < _SHOWN else _short(value)


def _named(function: Any) -> str:
    return getattr(function, "__qualname__", None) or repr(function)


def _differences(wanted: Any, call: Call) -> list[str]:
    try:
        there = call.json
    except ValueError:
        return [f"its body is no JSON: {_short(call.body)}"]
    if callable(wanted):
        return [] if wanted(there) else [f"{_named(wanted)} says no to its JSON: {_short(there)}"]
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
