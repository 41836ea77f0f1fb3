"""A document of OpenAPI 3.0 or 3.1: read, checked, and looked up by pointers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

from interlace.errors import UsageError

_INSTALL = "pip install 'interlace[openapi]'"
_MOST_LINKS = 50


def load_libraries() -> Any:
    """Returns what reads and checks documents.

    Raises:
        UsageError: something is not installed.
    """
    names = {
        "schemas": "openapi_schema_validator",
        "documents": "openapi_spec_validator",
        "referencing": "referencing",
        "dialects": "referencing.jsonschema",
        "yaml": "yaml",
    }
    try:
        return SimpleNamespace(**{key: import_module(name) for key, name in names.items()})
    except ImportError as error:
        raise UsageError(
            f"contracts of OpenAPI need libraries of which {error.name} is not installed: {_INSTALL}"
        ) from None


class Node(NamedTuple):
    """A place in a document, and what is there.

    Args:
        document: the document.
        uri: which of its files.
        path: the keys that lead there.
        value: what is there.
    """

    document: Document
    uri: str
    path: tuple[str, ...]
    value: Any

    def __repr__(self) -> str:
        return f"{self.document.name_of(self.uri)}#{self.pointer}"

    @property
    def pointer(self) -> str:
        """The keys as a JSON pointer (RFC 6901)."""
        return "".join(f"/{key.replace('~', '~0').replace('/', '~1')}" for key in self.path)

    def get(self, *keys: str) -> Node | None:
        """Returns a place below; None if nothing is there. References on the way are followed."""
        node = self.followed()
        for key in keys:
            value = node.value
            if isinstance(value, list) and key.isdigit() and int(key) < len(value):
                found = value[int(key)]
            elif isinstance(value, dict) and key in value:
                found = value[key]
            else:
                return None
            node = Node(node.document, node.uri, (*node.path, key), found).followed()
        return node

    def items(self) -> Iterator[tuple[str, Node]]:
        """Yields the keys here, and what is there; none if this is neither an object nor a list."""
        value = self.value
        keys = (
            list(value)
            if isinstance(value, dict)
            else map(str, range(len(value) if isinstance(value, list) else 0))
        )
        for key in keys:
            found = self.get(key)
            if found is not None:
                yield key, found

    def followed(self) -> Node:
        """Returns the place that a reference leads to; the same one if it is none.

        Raises:
            UsageError: it leads nowhere, or in a circle.
        """
        node = self
        for _ in range(_MOST_LINKS):
            link = node.value.get("$ref") if isinstance(node.value, dict) else None
            if not isinstance(link, str):
                return node
            node = node.document.at(urljoin(node.uri, link), node)
        raise UsageError(f"{self!r} is a reference that leads in a circle")


class Document:
    """A document, and the files that it refers to.

    Args:
        name: what it is called in messages.
        uri: where it is.
        root: what is in it.

    Attributes:
        is_31: whether it is of OpenAPI 3.1, and not of 3.0.

    Raises:
        UsageError: it is no document of OpenAPI 3.0 or 3.1.
    """

    def __init__(self, name: str, uri: str, root: Any) -> None:
        self._library = library = load_libraries()
        self._name = name
        self._uri = uri
        self._files = {uri: root}
        version = root.get("openapi") if isinstance(root, dict) else None
        if not isinstance(version, str) or not version.startswith(("3.0", "3.1")):
            told = f"its 'openapi' is {version!r}" if version is not None else "it has no 'openapi'"
            raise UsageError(f"{name} is no document of OpenAPI 3.0 or 3.1: {told}")
        self.is_31 = version.startswith("3.1")
        self._check()
        schemas = library.schemas
        self._registry = library.referencing.Registry(retrieve=self._resource)
        self._kinds = {
            "write": schemas.OAS31Validator if self.is_31 else schemas.OAS30WriteValidator,
            "read": schemas.OAS31Validator if self.is_31 else schemas.OAS30ReadValidator,
        }
        self._formats = schemas.oas31_format_checker if self.is_31 else schemas.oas30_format_checker

    def __repr__(self) -> str:
        return self._name

    @property
    def root(self) -> Node:
        """All of it."""
        return Node(self, self._uri, (), self._files[self._uri])

    def name_of(self, uri: str) -> str:
        """Returns what one of its files is called in messages."""
        return self._name if uri == self._uri else os.path.basename(uri)

    def at(self, uri: str, asker: Node) -> Node:
        """Returns the place that a reference names.

        Raises:
            UsageError: nothing is there, or it is not on this machine.
        """
        file, fragment = urldefrag(uri)
        if fragment and not fragment.startswith("/"):
            raise UsageError(
                f"{asker!r} refers to {uri!r}: references are JSON pointers, such as '#/components/schemas/User'"
            )
        keys = [key.replace("~1", "/").replace("~0", "~") for key in unquote(fragment).split("/")[1:]]
        value = self._file(file, asker)
        for key in keys:
            if isinstance(value, dict) and key in value:
                value = value[key]
            elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            else:
                raise UsageError(f"{asker!r} refers to {self.name_of(file)}#{fragment}, and nothing is there")
        return Node(self, file, tuple(keys), value)

    def _file(self, uri: str, asker: Any) -> Any:
        if uri not in self._files:
            if not uri.startswith("file:"):
                raise UsageError(
                    f"{asker!r} refers to {uri!r}: only files are read; download it, and refer to the file"
                )
            path = Path(unquote(uri.removeprefix("file://")))
            self._files[uri] = _parse(_read(path), path)
        return self._files[uri]

    def _resource(self, uri: str) -> Any:
        library = self._library
        kind = library.dialects.DRAFT202012
        return library.referencing.Resource(contents=self._file(uri, self), specification=kind)

    def _check(self) -> None:
        """Checks it against the specification of OpenAPI."""
        documents = self._library.documents
        kind = documents.OpenAPIV31SpecValidator if self.is_31 else documents.OpenAPIV30SpecValidator
        root = self._files[self._uri]
        try:
            errors = list(kind(root, base_uri=self._uri).iter_errors())
        except Exception as error:  # of references that lead nowhere
            raise UsageError(f"{self._name} is no right document of OpenAPI: {error}") from None
        if errors:
            deepest = _deepest(errors[0])
            node = Node(self, self._uri, tuple(map(str, deepest.absolute_path)), None)
            more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
            raise UsageError(
                f"{self._name} is no right document of OpenAPI: at {node!r}: {_short(deepest.message)}{more}. "
                "See them all with: python -m openapi_spec_validator FILE"
            )

    def problems(self, value: Any, schema: Node, where: str, direction: str) -> list[str]:
        """Returns what is wrong with a value, a phrase for each.

        Args:
            value: the value.
            schema: its schema.
            where: what the value is called.
            direction: "write" where a client sends it, "read" where it is sent one.
        """
        kind = self._kinds[direction]
        link = {"$ref": f"{schema.uri}#{schema.pointer}"}
        checker = kind(link, registry=self._registry, format_checker=self._formats)
        found = []
        for error in checker.iter_errors(value):
            deepest = _deepest(error)
            at = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in deepest.absolute_path)
            place = _place(schema, deepest.absolute_schema_path)
            found.append(f"{where}{at}: {_short(deepest.message)} ({place!r})")
        return sorted(found)


def _deepest(error: Any) -> Any:
    """Returns the error that tells most, where one of several schemas should have fitted."""
    while error.context:
        error = max(
            error.context, key=lambda one: (len(one.path), one.validator == "type", str(one.schema_path))
        )
    return error


def _place(schema: Node, path: Any) -> Node:
    """Returns where in the document a rule is that was broken."""
    node = schema
    for key in path:
        found = node.get(str(key))
        if found is None:
            break
        node = found
    return node


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."


def load(source: Any) -> Document:
    """Returns the document of a file, or the one that a dict is.

    Raises:
        UsageError: it cannot be read, or is no document of OpenAPI 3.0 or 3.1.
    """
    load_libraries()
    if isinstance(source, Mapping):
        try:
            return _document(
                "the document", Path("document").absolute().as_uri(), json.dumps(source), ".json"
            )
        except (TypeError, ValueError) as error:
            raise UsageError(f"openapi() is given a dict that is no JSON: {error}") from None
    if not isinstance(source, (str, os.PathLike)):
        raise UsageError(f"openapi({source!r}): give the path of a document (.yaml, .yml, .json), or a dict")
    path = Path(os.fspath(source)).absolute()
    return _document(path.name, path.as_uri(), _read(path), path.suffix)


@lru_cache(maxsize=16)
def _document(name: str, uri: str, text: str, suffix: str) -> Document:
    return Document(name, uri, _parse(text, Path(f"{name}{suffix}" if name == "the document" else name)))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"the document {str(path)!r} cannot be read: {error}") from None


def _parse(text: str, path: Path) -> Any:
    yaml = load_libraries().yaml
    try:
        return _with_text_keys(json.loads(text) if path.suffix == ".json" else yaml.load(text, _loader()))
    except (ValueError, yaml.YAMLError) as error:
        kind = "JSON" if path.suffix == ".json" else "YAML"
        raise UsageError(f"{path.name} is no {kind}: {error}") from None


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Returns a loader of YAML that leaves dates as the texts that they are in JSON."""
    yaml = load_libraries().yaml
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    kept = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    return type("Loader", (base,), {"yaml_implicit_resolvers": kept})


def _with_text_keys(value: Any) -> Any:
    """In YAML 200 is a number; as a key of JSON it is a text."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else json.dumps(key): _with_text_keys(one)
            for key, one in value.items()
        }
    return [_with_text_keys(one) for one in value] if isinstance(value, list) else value
