"""Whether a request is what an operation of a contract asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

from interlace.services.http.calls import Call
from interlace.services.http.openapi.document import Node

_ABSENT: Any = object()
_OWN_HEADERS = ("accept", "content-type", "authorization")
"""Headers that are no parameters (OpenAPI, "Parameter Object")."""

_STYLES = {"path": "simple", "header": "simple", "query": "form", "cookie": "form"}
_BETWEEN = {"spaceDelimited": " ", "pipeDelimited": "|"}
_INTEGER, _NUMBER = re.compile(r"-?\d+"), re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


def request_problems(operation: Node, path: Node, call: Call, holes: Mapping[str, str]) -> list[str]:
    """Returns what is wrong with a request, a phrase for each.

    Args:
        operation: the operation.
        path: the path item in which it stands.
        call: the request.
        holes: what stood in the path, by the names of the contract.
    """
    found: list[str] = []
    for parameter in _parameters(operation, path):
        found += _parameter_problems(parameter, call, holes)
    body = operation.get("requestBody")
    return found if body is None else found + _body_problems(body, call)


def _parameters(operation: Node, path: Node) -> list[Node]:
    """Returns the parameters of an operation; its own ones go before those of its path."""
    known: dict[tuple[Any, Any], Node] = {}
    for where in (path, operation):
        listed = where.get("parameters")
        for _, one in listed.items() if listed is not None else ():
            known[one.value.get("in"), one.value.get("name")] = one
    return list(known.values())


def _parameter_problems(parameter: Node, call: Call, holes: Mapping[str, str]) -> list[str]:
    rules = parameter.value
    name, where = rules["name"], rules["in"]
    if where == "header" and name.lower() in _OWN_HEADERS:
        return []
    content = parameter.get("content")
    what = f"{where} {name!r}"
    if content is not None:
        values = _values(where, name, call, holes)
        if not values:
            return [f"{what} is missing ({parameter!r})"] if rules.get("required") else []
        for kind, media in content.items():
            if "json" in kind and (schema := media.get("schema")) is not None:
                try:
                    value = json.loads(values[-1])
                except ValueError:
                    return [f"{what}: {values[-1]!r} is no JSON ({media!r})"]
                return schema.document.problems(value, schema, what, "write")
        return []
    schema = parameter.get("schema")
    if schema is None:
        return []
    read = _decoded(parameter, schema, call, holes)
    if read is _ABSENT:
        return [f"{what} is missing ({parameter!r})"] if rules.get("required") else []
    if read == "" and rules.get("allowEmptyValue"):
        return []
    return schema.document.problems(read, schema, what, "write")


def _values(where: str, name: str, call: Call, holes: Mapping[str, str]) -> list[str]:
    match where:
        case "query":
            return [value for key, value in call.queries if key == name]
        case "path":
            return [holes[name]] if name in holes else []
        case "header":
            return [call.headers[name]] if name in call.headers else []
        case _:
            try:
                cookies = SimpleCookie(call.headers.get("cookie", ""))
            except CookieError:
                return []
            return [cookies[name].value] if name in cookies else []


def _decoded(parameter: Node, schema: Node, call: Call, holes: Mapping[str, str]) -> Any:
    """Returns the value of a parameter as its style says (OpenAPI, "Style Values")."""
    rules = parameter.value
    name, where = rules["name"], rules["in"]
    style = rules.get("style", _STYLES.get(where, "form"))
    explode = rules.get("explode", style == "form")
    kinds = types_of(schema)
    if style == "deepObject":
        prefix, end = f"{name}[", "]"
        given = {
            key.removeprefix(prefix).removesuffix(end): value
            for key, value in call.queries
            if key.startswith(prefix) and key.endswith(end)
        }
        return _cast_object(given, schema) if given else _ABSENT
    if "object" in kinds and style == "form" and explode:
        names = schema.get("properties")
        known = [] if names is None else [key for key, _ in names.items()]
        given = {key: value for key, value in call.queries if key in known}
        return _cast_object(given, schema) if given else _ABSENT
    values = _values(where, name, call, holes)
    if not values:
        return _ABSENT
    if style in ("label", "matrix"):
        prefix = "." if style == "label" else f";{name}="
        values = [values[-1].removeprefix(prefix)]
    between = _BETWEEN.get(style, ",")
    if "array" in kinds:
        items = schema.get("items")
        parts = values if explode and where == "query" else values[-1].split(between)
        return [cast(part, items) for part in parts]
    if "object" in kinds:
        parts = values[-1].split(between)
        pairs = (
            [part.split("=", 1) for part in parts] if explode else zip(parts[::2], parts[1::2], strict=False)
        )
        return _cast_object({pair[0]: pair[-1] for pair in map(tuple, pairs)}, schema)
    return cast(values[-1], schema)


def types_of(schema: Node | None, deep: int = 5) -> set[str]:
    """Returns the types that a schema allows, those of its parts included; none if it says nothing of them."""
    if schema is None or not isinstance(schema.value, dict) or not deep:
        return set()
    kind = schema.value.get("type")
    found = {kind} if isinstance(kind, str) else {*kind} if isinstance(kind, list) else set()
    if schema.value.get("nullable"):
        found.add("null")
    for name in ("allOf", "oneOf", "anyOf"):
        parts = schema.get(name)
        for _, one in parts.items() if parts is not None else ():
            found |= types_of(one, deep - 1)
    return found


def cast(text: str, schema: Node | None) -> Any:
    """Returns what a text stands for where a schema asks for a number and such; else the text."""
    kinds = types_of(schema)
    if "integer" in kinds and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in kinds and _NUMBER.fullmatch(text):
        return float(text)
    if "boolean" in kinds and text in ("true", "false"):
        return text == "true"
    if "null" in kinds and text in ("", "null") and "string" not in kinds:
        return None
    if not kinds and schema is not None and isinstance(schema.value, dict) and "enum" in schema.value:
        return next((one for one in schema.value["enum"] if str(one) == text), text)
    return text


def _cast_object(given: Mapping[str, Any], schema: Node) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in given.items():
        rules = schema.get("properties", name)
        made[name] = cast(value, rules) if isinstance(value, str) else value
    return made


def _body_problems(body: Node, call: Call) -> list[str]:
    if not call.body:
        return [f"the body is missing ({body!r})"] if body.value.get("required") else []
    content = body.get("content")
    offered = [] if content is None else list(content.items())
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    media = _fitting(kind, offered)
    if media is None:
        known = ", ".join(key for key, _ in offered) or "nothing"
        return [f"the body is {kind or 'without a Content-Type'}; the contract knows {known} ({body!r})"]
    schema = media.get("schema")
    if schema is None:
        return []
    if kind.endswith(("/json", "+json")):
        try:
            value = call.json
        except ValueError as error:
            return [f"the body is no JSON: {error} ({media!r})"]
        return schema.document.problems(value, schema, "body", "write")
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return schema.document.problems(_form(call, schema), schema, "body", "write")
    return []


def _fitting(kind: str, offered: list[tuple[str, Node]]) -> Node | None:
    """Returns what is said of a media type; the nearest range if it is not named."""
    names = {key.partition(";")[0].strip().lower(): media for key, media in offered}
    main = kind.partition("/")[0]
    return next((names[one] for one in (kind, f"{main}/*", "*/*") if one in names), None)


def _form(call: Call, schema: Node) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in dict.fromkeys(key for key, _ in (*call.forms, *call.uploads)):
        rules = schema.get("properties", name)
        values: list[Any] = [cast(value, rules) for key, value in call.forms if key == name]
        values += [file.content.decode("latin-1") for key, file in call.uploads if key == name]
        if "array" in types_of(rules):
            items = rules.get("items") if rules is not None else None
            made[name] = [cast(value, items) if isinstance(value, str) else value for value in values]
        elif "object" in types_of(rules) and isinstance(values[-1], str):
            try:
                made[name] = json.loads(values[-1])
            except ValueError:
                made[name] = values[-1]
        else:
            made[name] = values[-1]
    return made
