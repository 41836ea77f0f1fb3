"""What a document of OpenAPI makes of a fake: routes that answer its examples, and a check of what is asked."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Any

from interlace.errors import BrokenContract, UsageError
from interlace.services.http import replies
from interlace.services.http.answers import Reply
from interlace.services.http.asked import Asked
from interlace.services.http.calls import Call
from interlace.services.http.conditions import Conditions
from interlace.services.http.openapi.document import Document, Node
from interlace.services.http.openapi.examples import example_of
from interlace.services.http.openapi.requests import request_problems
from interlace.services.http.templates import Template
from interlace.sim.latency import Latency, parse_latency

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_HOLE = re.compile(r"\{([^{}]*)\}")


class ContractRoute(Asked):
    """A route that a document has; answers an example. It need not be asked, and other routes go before it.

    Args:
        document: the document.
        name: the path, as the document has it.
        item: what the document says of the path.
        operation: what it says of the method.
        method: in capitals.
        base: the path that stands before it.
        latency: how long answers take; None: nobody has said so.

    Attributes:
        operation_id: what the document calls it; "" if it does not.
    """

    calls: list[Call]
    precedence = 1

    def __init__(
        self,
        document: Document,
        name: str,
        item: Node,
        operation: Node,
        method: str,
        base: str,
        latency: Latency | None,
    ) -> None:
        self._names = _HOLE.findall(name)
        holes = iter(range(len(self._names)))
        super().__init__(
            method, Template(_HOLE.sub(lambda _: f"{{p{next(holes)}}}", name), base), Conditions()
        )
        self.template.text = name
        self.is_optional = True
        self._document = document
        self._path = name
        self._item = item
        self._operation = operation
        self._latency = latency
        self._made: Reply | None = None
        self.operation_id: str = operation.value.get("operationId", "")

    def __repr__(self) -> str:
        return f"{self.method} {self._path} of {self._document!r}"

    @property
    def likeness(self) -> tuple[Any, ...]:
        """See `Asked`: routes of a test do not hide those of a document."""
        return (*super().likeness, "contract")

    def required(self) -> ContractRoute:
        """Must be asked."""
        self.is_optional = False
        return self

    def take(self, call: Call) -> Generator[Any, Any, Reply]:
        """Records a request, and returns the answer to it; see `Asked`."""
        yield from ()
        call.path = self.holes(call)
        self.calls.append(call)
        if self._made is None:
            self._made = self._example()
        return self._made.after(self._latency)

    def holes(self, call: Call) -> dict[str, str]:
        """Returns what stands in the path of a request, by the names of the document."""
        found = self.template.match(call.raw_path) or {}
        return {name: found[f"p{number}"] for number, name in enumerate(self._names)}

    def problems(self, call: Call) -> list[str]:
        """Returns what is wrong with a request, a phrase for each."""
        return request_problems(self._operation, self._item, call, self.holes(call))

    def _example(self) -> Reply:
        """Returns what the document gives as the best answer.

        Raises:
            UsageError: no example is there, and none could be made up.
        """
        code, response = self._best()
        headers = {}
        for name, header in _below(response, "headers"):
            value = _given(header)
            schema = header.get("schema")
            if value is None and schema is not None and header.value.get("required"):
                value = example_of(schema, f"header {name} of {self}")
            if value is not None and name.lower() != "content-type":
                headers[name] = value if isinstance(value, str) else str(value)
        content = _below(response, "content")
        if not content:
            return replies.status(code, headers=headers)
        kind, media = min(content, key=lambda pair: "json" not in pair[0])
        value, schema = _given(media), media.get("schema")
        if value is None and schema is not None:
            value = example_of(schema, f"answer {code} to {self}")
        kind = "application/json" if kind == "*/*" else kind
        if "json" in kind:
            return replies.json(value, code, headers={"Content-Type": kind, **headers})
        text = "" if value is None else value if isinstance(value, str) else str(value)
        return replies.content(text.encode(), code, media_type=kind, headers=headers)

    def _best(self) -> tuple[int, Node]:
        known = dict(_below(self._operation, "responses"))
        for code in sorted(known, key=lambda code: (code[:1] != "2", code == "default", code)):
            number = code if code.isdigit() else f"{code[0]}00" if code[:1].isdigit() else "200"
            if int(number) >= 200:
                return int(number), known[code]
        raise UsageError(f"{self} has no answer in the document: make a route that answers")


class Contract:
    """A document of OpenAPI that a fake keeps to. Made by `api.openapi(...)`.

    Args:
        document: the document.
        base: the path that stands before the paths of the document.
        latency: how long answers take; None: nobody has said so.
        validate: whether requests are looked at.

    Attributes:
        routes: a route for each operation of the document.

    Raises:
        UsageError: an argument that cannot work.
    """

    def __init__(self, document: Document, base: str, latency: Latency | None, validate: bool) -> None:
        if latency is not None:
            parse_latency(latency)
        if not isinstance(validate, bool):
            raise UsageError(f"validate={validate!r}: give True or False")
        self._document = document
        self._validate = validate
        self.routes = [
            ContractRoute(document, name, item, operation, method.upper(), base, latency)
            for name, item in _below(document.root, "paths")
            for method, operation in item.items()
            if method in _METHODS
        ]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._document!r}>"

    def __iter__(self) -> Iterator[ContractRoute]:
        return iter(self.routes)

    def __getitem__(self, name: str) -> ContractRoute:
        """Returns a route by its operationId, or by its method and path: `"GET /users/{id}"`.

        Raises:
            UsageError: the document has none that is called so.
        """
        for route in self.routes:
            if name and name in (route.operation_id, f"{route.method} {route._path}"):
                return route
        known = ", ".join(
            repr(route.operation_id or f"{route.method} {route._path}") for route in self.routes[:5]
        )
        raise UsageError(f"{self._document!r} has no operation {name!r}: it has {known}, ...")

    def check(self, call: Call, shown: str) -> BrokenContract | None:
        """Returns what is wrong with a request; None if nothing is, or the document does not know of it.

        Args:
            call: the request.
            shown: the same in words.
        """
        if not self._validate:
            return None
        fitting = [route for route in self.routes if route.method == call.method and not route.misses(call)]
        if not fitting:
            return None
        problems = min(fitting, key=lambda route: route.rank).problems(call)
        return BrokenContract(shown, tuple(problems)) if problems else None


def _given(node: Node) -> Any:
    """Returns the example that is written there; None if none is."""
    if "example" in node.value:
        return node.value["example"]
    for _, one in _below(node, "examples"):
        if isinstance(one.value, dict) and "value" in one.value:
            return one.value["value"]
    return None


def _below(node: Node, name: str) -> list[tuple[str, Node]]:
    found = node.get(name)
    return [] if found is None else list(found.items())
