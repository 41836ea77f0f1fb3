"""Examples of what a schema allows: those that it names, else made up, the same ones each time."""

from __future__ import annotations

from typing import Any

from interlace.errors import UsageError
from interlace.services.http.openapi.document import Node

_TEXTS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "",
    "binary": "",
}
_ABSENT: Any = object()


def example_of(schema: Node, what: str) -> Any:
    """Returns an example.

    Args:
        schema: the schema.
        what: what it is an example of, in words.

    Raises:
        UsageError: none could be made up.
    """
    made = _made(schema, ())
    problems = ["its schema goes round in circles"] if made is _ABSENT else []
    problems = problems or schema.document.problems(made, schema, "the example", "read")
    if problems:
        raise UsageError(
            f"no example of {what} could be made up: {problems[0]}. Write an 'example' into the document, or make a "
            "route that answers"
        )
    return made


def _made(schema: Node, above: tuple[Node, ...]) -> Any:
    """Returns an example; `_ABSENT` where a schema is within itself."""
    schema = schema.followed()
    rules = schema.value
    if not isinstance(rules, dict):
        return {} if rules is True else _ABSENT
    if any((one.uri, one.path) == (schema.uri, schema.path) for one in above):
        return _ABSENT
    above = (*above, schema)
    for name in ("const", "example", "default"):
        if name in rules:
            return rules[name]
    for name in ("examples", "enum"):
        if isinstance(rules.get(name), list) and rules[name]:
            return rules[name][0]
    if "allOf" in rules:
        return _all_of(schema, above)
    for name in ("oneOf", "anyOf"):
        for _, one in _below(schema, name):
            made = _made(one, above)
            if made is not _ABSENT:
                own = _of_type(schema, rules, above) if "properties" in rules else {}
                return {**own, **made} if isinstance(made, dict) and isinstance(own, dict) else made
    return _of_type(schema, rules, above)


def _all_of(schema: Node, above: tuple[Node, ...]) -> Any:
    whole: Any = _of_type(schema, schema.value, above) if "properties" in schema.value else {}
    for _, one in _below(schema, "allOf"):
        made = _made(one, above)
        if made is _ABSENT:
            return _ABSENT
        both = isinstance(made, dict) and isinstance(whole, dict)
        whole = {**whole, **made} if both else made
    return whole


def _of_type(schema: Node, rules: dict[str, Any], above: tuple[Node, ...]) -> Any:
    kind = rules.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = _guessed(rules)
    match kind:
        case "object":
            return _object(schema, rules, above)
        case "array":
            return _array(schema, rules, above)
        case "string":
            return _text(rules)
        case "integer":
            return int(_number(rules, 1))
        case "number":
            return _number(rules, 0.5)
        case "boolean":
            return True
        case _:
            return None if kind == "null" else {}


def _guessed(rules: dict[str, Any]) -> str:
    named = {
        "object": ("properties", "additionalProperties", "required"),
        "array": ("items", "minItems", "prefixItems"),
        "string": ("pattern", "minLength", "maxLength", "format"),
        "number": ("minimum", "maximum", "multipleOf"),
    }
    return next((kind for kind, names in named.items() if any(name in rules for name in names)), "")


def _object(schema: Node, rules: dict[str, Any], above: tuple[Node, ...]) -> Any:
    made: dict[str, Any] = {}
    required = rules.get("required", [])
    for name, one in _below(schema, "properties"):
        if isinstance(one.value, dict) and one.value.get("writeOnly"):
            continue
        value = _made(one, above)
        if value is not _ABSENT:
            made[name] = value
        elif name in required:
            return _ABSENT
    more = schema.get("additionalProperties")
    for number in range(len(made), rules.get("minProperties", 0)):
        made[f"key{number + 1}"] = (
            _made(more, above) if more is not None and isinstance(more.value, dict) else ""
        )
    return made


def _array(schema: Node, rules: dict[str, Any], above: tuple[Node, ...]) -> Any:
    made = [_made(one, above) for _, one in _below(schema, "prefixItems")]
    items = schema.get("items")
    while items is not None and len(made) < max(rules.get("minItems", 1), 1) and rules.get("maxItems", 1):
        value = _made(items, above)
        if value is _ABSENT:
            return _ABSENT if rules.get("minItems", 0) > len(made) else made
        if rules.get("uniqueItems") and isinstance(value, (int, float)) and not isinstance(value, bool):
            value += len(made)
        elif rules.get("uniqueItems") and isinstance(value, str) and made:
            value += str(len(made) + 1)
        made.append(value)
    return made


def _text(rules: dict[str, Any]) -> str:
    text: str = _TEXTS.get(rules.get("format", ""), "string")
    least, most = rules.get("minLength", 0), rules.get("maxLength")
    text += "x" * (least - len(text))
    return text if most is None else text[:most]


def _number(rules: dict[str, Any], least_step: float) -> float:
    """Returns the number nearest to zero that fits."""
    step = rules.get("multipleOf", least_step)
    low, high = rules.get("minimum"), rules.get("maximum")
    above, below = rules.get("exclusiveMinimum"), rules.get("exclusiveMaximum")
    if above is True and low is not None:  # so in OpenAPI 3.0
        above = low
    if below is True and high is not None:
        below = high
    number: float = 0
    if low is not None and number < low:
        number = -(-low // step) * step
    if isinstance(above, (int, float)) and not isinstance(above, bool) and number <= above:
        number = (above // step + 1) * step
    if high is not None and number > high:
        number = high // step * step
    if isinstance(below, (int, float)) and not isinstance(below, bool) and number >= below:
        number = -(-below // step - 1) * step if below % step else below - step
    return number


def _below(schema: Node, name: str) -> list[tuple[str, Node]]:
    found = schema.get(name)
    return [] if found is None else list(found.items())
