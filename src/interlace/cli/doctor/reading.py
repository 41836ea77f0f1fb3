"""Reads one file of a suite by its syntax tree: nothing of it is run."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from interlace.cli.doctor.calls import find_uses
from interlace.cli.doctor.facts import UNKNOWN, Edit, Fixture, Function, Mark, Module, Owner, Spot, Test
from interlace.cli.doctor.names import Defined, Names, has_yield

Find = Callable[[str, int, str], "Source | None"]
"""Returns another file by the name it is imported under, the number of dots before that, and a word in it.

None if it is not of the suite, or if the word is not in it: then it has nothing of what is looked for.
"""

_FIXTURES: dict[str, Literal["pytest", "pytest_asyncio", "interlace"]] = {
    "pytest.fixture": "pytest",
    "pytest_asyncio.fixture": "pytest_asyncio",
    "pytest_asyncio.plugin.fixture": "pytest_asyncio",
    "interlace.fixture": "interlace",
}
_CASES: dict[str, Owner] = {
    "unittest.IsolatedAsyncioTestCase": "isolated",
    "unittest.async_case.IsolatedAsyncioTestCase": "isolated",
    "unittest.TestCase": "unittest",
    "unittest.case.TestCase": "unittest",
}


@dataclass(frozen=True)
class Patterns:
    """Which names are those of tests.

    Args:
        classes: of classes, as prefixes or with * in them.
        functions: of functions.
    """

    classes: tuple[str, ...] = ("Test",)
    functions: tuple[str, ...] = ("test",)


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Tells whether a name begins with one of these words, or fits one of these patterns."""
    return any(
        name.startswith(one) or (any(char in one for char in "*?[") and fnmatch(name, one))
        for one in patterns
    )


class Source:
    """One file.

    Args:
        file: the file.
        text: its text.
        find: finds the files that it imports.

    Raises:
        SyntaxError: it is not Python.
    """

    def __init__(self, file: Path, text: str, find: Find) -> None:
        self.file = file
        self.tree = ast.parse(text, str(file))
        self.names = Names(self.tree, text)
        self.classes = {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}
        self._find = find

    def read(self, patterns: Patterns) -> Module:
        """Returns what it says."""
        tests = list(self._tests(patterns))
        return Module(
            file=self.file,
            tests=tuple(tests),
            fixtures=tuple(self.fixtures()),
            marks_all=frozenset(self._marks_of_hooks()),
        )

    # -- fixtures --------------------------------------------------------------------------------

    def fixtures(self) -> list[Fixture]:
        """Returns its fixtures, and those that it imports from files of the suite."""
        found = list(self.own_fixtures)
        for module, level in self.names.stars:
            source = self._find(module, level, "fixture")
            if source is not None:
                found += (one for one in source.own_fixtures if not one.holder)
        for name, (_, level, original) in self.names.origins.items():
            # A class is no fixture, and most names that a test file imports are those of classes.
            if level or not original[:1].isupper():
                found += self._imported(name, 5)
        return found

    @cached_property
    def own_fixtures(self) -> tuple[Fixture, ...]:
        """The fixtures that are written in it."""
        functions = [(node, "") for node in self._functions(self.tree.body)]
        for name, owner in self.classes.items():
            functions += [(node, name) for node in self._functions(owner.body)]
        return tuple(one for node, holder in functions for one in self._fixture(node, holder))

    def _imported(self, name: str, hops: int) -> list[Fixture]:
        """Returns the fixture that it imports under a name, from wherever that is written."""
        origin = self.names.origins.get(name)
        source = self._find(*origin[:2], origin[2]) if origin is not None and hops else None
        if origin is None or source is None:
            return []
        own = [one for one in source.own_fixtures if not one.holder and one.function.name == origin[2]]
        return own or source._imported(origin[2], hops - 1)

    def _fixture(self, node: Defined, holder: str) -> Iterator[Fixture]:
        for decorator in node.decorator_list:
            func = decorator.func if isinstance(decorator, ast.Call) else decorator
            by = _FIXTURES.get(self.names.dotted(func))
            if by is None:
                continue
            given: dict[str, Any] = {}
            if isinstance(decorator, ast.Call):
                given = {word.arg: self.names.literal(word.value) for word in decorator.keywords if word.arg}
            name = given.get("name") or node.name
            scope, loop_scope = given.get("scope", "function"), given.get("loop_scope") or ""
            yield Fixture(
                name=name if isinstance(name, str) else node.name,
                function=self._function(node, holder),
                by=by,
                scope=scope if isinstance(scope, str) else "",
                loop_scope=loop_scope if isinstance(loop_scope, str) else "",
                autouse=given.get("autouse") is True,
                holder=holder,
                value=given["params"] if "params" in given else [self._returned(node)],
                decorator=Edit(
                    Spot(self.file, decorator.lineno), self.names.replace(func, "pytest_asyncio.fixture")
                ),
            )
            return

    def _returned(self, node: Defined) -> object:
        found = [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value is not None]
        return self.names.literal(found[0]) if len(found) == 1 else UNKNOWN

    # -- tests -----------------------------------------------------------------------------------

    def _tests(self, patterns: Patterns) -> Iterator[Test]:
        ours = self._marks_assigned(self.tree.body)
        for node in self._functions(self.tree.body):
            if matches(node.name, patterns.functions) and not self._is_fixture(node):
                yield self._test(node, "", ours, "")
        for owner in self.classes.values():
            yield from self._tests_of(owner, "", ours, patterns)

    def _tests_of(
        self, owner: ast.ClassDef, prefix: str, ours: list[Mark], patterns: Patterns
    ) -> Iterator[Test]:
        lineage = list(self._lineage(owner))
        cases: list[Owner] = [one.case for one in lineage if one.case is not None]
        kind = cases[0] if cases else "class"
        if kind == "class" and not matches(owner.name, patterns.classes):
            return
        methods: dict[str, tuple[Defined, Source]] = {}
        marks = list(ours)
        for node, source in ((one.node, one.source) for one in reversed(lineage)):
            marks = [*source._marks_of(node.decorator_list), *source._marks_assigned(node.body), *marks]
            if kind == "class" and any(one.name == "__init__" for one in self._functions(node.body)):
                return  # pytest does not collect it, and warns
            for method in self._functions(node.body):
                methods[method.name] = (method, source)
        names = ("test",) if kind in ("unittest", "isolated") else patterns.functions
        path = f"{prefix}{owner.name}."
        for name, (method, source) in methods.items():
            if matches(name, names) and not source._is_fixture(method):
                yield source._test(method, path, marks, kind)
        for nested in owner.body:
            if isinstance(nested, ast.ClassDef) and kind == "class":
                yield from self._tests_of(nested, path, marks, patterns)

    def _lineage(self, owner: ast.ClassDef, depth: int = 0) -> Iterator[_Base]:
        """Yields a class and those that it derives from, as far as they are in the suite."""
        yield _Base(owner, self)
        if depth >= 8:
            return
        for base in owner.bases:
            if isinstance(base, ast.Name) and base.id in self.classes and self.classes[base.id] is not owner:
                yield from self._lineage(self.classes[base.id], depth + 1)
            elif isinstance(base, ast.Name) and base.id in self.names.origins:
                module, level, original = self.names.origins[base.id]
                source = self._find(module, level, original)
                if source is not None and original in source.classes:
                    yield from source._lineage(source.classes[original], depth + 1)

    def _test(self, node: Defined, prefix: str, marks: list[Mark], owner: Owner) -> Test:
        decorators = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
        return Test(
            function=self._function(node, prefix.rstrip(".")),
            marks=(*self._marks_of(node.decorator_list), *marks),
            owner=owner,
            decorators=tuple(filter(None, map(self.names.dotted, decorators))),
        )

    def _is_fixture(self, node: Defined) -> bool:
        functions = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
        return any(self.names.dotted(one) in _FIXTURES for one in functions)

    # -- functions and marks ---------------------------------------------------------------------

    def _functions(self, body: list[ast.stmt]) -> Iterator[Defined]:
        """Yields the functions of a body, those below an `if` or `try` included."""
        for node in body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node
            elif isinstance(node, (ast.If, ast.Try, ast.With)):
                yield from self._functions([*node.body, *getattr(node, "orelse", [])])

    def _function(self, node: Defined, holder: str) -> Function:
        given = node.args
        before = [*given.posonlyargs, *given.args]
        needed = before[: len(before) - len(given.defaults)]
        needed += [
            one for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value is None
        ]
        named = [one.arg for one in needed]
        static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in node.decorator_list)
        wants = tuple(named[1:] if holder and not static else named)
        is_async = isinstance(node, ast.AsyncFunctionDef)
        asks = "event_loop" in wants
        first = min((one.lineno for one in node.decorator_list), default=node.lineno)
        return Function(
            name=f"{holder}.{node.name}" if holder else node.name,
            spot=Spot(self.file, node.lineno),
            is_async=is_async,
            has_yield=is_async and has_yield(node),
            wants=wants,
            uses=find_uses(self.file, node, self.names),
            body=(first, node.end_lineno or node.lineno),
            without_loop=_without_loop(node) if asks else "",
            runs_loop=asks
            and any(isinstance(one, ast.Name) and one.id == "event_loop" for one in ast.walk(node)),
        )

    def _marks_of(self, expressions: list[ast.expr]) -> list[Mark]:
        found = []
        for expression in expressions:
            node = self.names.resolved(expression)
            if isinstance(node, (ast.List, ast.Tuple)):
                found += self._marks_of(node.elts)
                continue
            call = node if isinstance(node, ast.Call) else None
            dotted = self.names.dotted(call.func if call else node)
            if dotted.startswith("pytest.mark."):
                found.append(self._mark(dotted.removeprefix("pytest.mark."), node, call))
        return found

    def _mark(self, name: str, node: ast.expr, call: ast.Call | None) -> Mark:
        spot, line = Spot(self.file, node.lineno), self.names.around(node, call.func if call else node)
        if call is None:
            return Mark(name, spot, line=line)
        given = {word.arg: self.names.literal(word.value) for word in call.keywords if word.arg}
        first = self.names.literal(call.args[0]) if call.args else None
        return Mark(name, spot, len(call.args), given, first, line)

    def _marks_assigned(self, body: list[ast.stmt]) -> list[Mark]:
        """Returns the markers in `pytestmark`."""
        found: list[Mark] = []
        for node in body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            value = getattr(node, "value", None)
            if isinstance(value, ast.expr) and any(
                isinstance(one, ast.Name) and one.id == "pytestmark" for one in targets
            ):
                found += self._marks_of([value])
        return found

    def _marks_of_hooks(self) -> Iterator[str]:
        """Yields the markers that are named in hooks which may put them on tests."""
        for node in self._functions(self.tree.body):
            if node.name in (
                "pytest_collection_modifyitems",
                "pytest_itemcollected",
                "pytest_pycollect_makeitem",
            ):
                for one in ast.walk(node):
                    if isinstance(one, ast.Attribute) and (dotted := self.names.dotted(one)).startswith(
                        "pytest.mark."
                    ):
                        yield dotted.removeprefix("pytest.mark.")


@dataclass(frozen=True)
class _Base:
    """A class, and the file it stands in."""

    node: ast.ClassDef
    source: Source

    @property
    def case(self) -> Owner | None:
        """Which class of unittest it derives from itself; None for none."""
        bases = map(self.source.names.dotted, self.node.bases)
        return next((_CASES[name] for name in bases if name in _CASES), None)


def _without_loop(node: Defined) -> str:
    """Returns the first line of a function without the argument event_loop, and async."""
    arguments = copy.deepcopy(node.args)
    for group in (arguments.posonlyargs, arguments.args, arguments.kwonlyargs):
        group[:] = [one for one in group if one.arg != "event_loop"]
    return f"async def {node.name}({ast.unparse(arguments)}):"
