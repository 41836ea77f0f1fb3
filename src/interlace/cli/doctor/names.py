"""What the names in a file stand for, and how a line reads with a piece of it replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from interlace.cli.doctor.facts import UNKNOWN

Defined = ast.FunctionDef | ast.AsyncFunctionDef


class Names:
    """The imports and the plain assignments of a file.

    Args:
        tree: the file.
        text: its text.
    """

    def __init__(self, tree: ast.Module, text: str) -> None:
        self._lines = text.split("\n")  # as the syntax tree counts them
        self._imported: dict[str, str] = {}
        self._assigned: dict[str, ast.expr] = {}
        self.stars: list[tuple[str, int]] = []
        self.origins: dict[str, tuple[str, int, str]] = {}
        for node in _statements(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._imported[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                self._add_from(node)
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target = statement.targets[0]
                if isinstance(target, ast.Name):
                    self._assigned[target.id] = statement.value

    def _add_from(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.stars.append((node.module or "", node.level))
                continue
            name = alias.asname or alias.name
            self._imported[name] = f"{node.module}.{alias.name}" if node.module else alias.name
            self.origins[name] = (node.module or "", node.level, alias.name)

    def dotted(self, node: ast.expr) -> str:
        """Returns what an expression names, with its module before it; "" if it names nothing."""
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        if not isinstance(node, ast.Name):
            return ""
        assigned = self._assigned.get(node.id)
        if node.id not in self._imported and isinstance(assigned, ast.Attribute):
            return self.dotted(assigned)
        return self._imported.get(node.id, node.id)

    def resolved(self, node: ast.expr) -> ast.expr:
        """Returns what was assigned to a name, or the expression itself."""
        for _ in range(5):
            if not (isinstance(node, ast.Name) and node.id in self._assigned):
                break
            node = self._assigned[node.id]
        return node

    def literal(self, node: ast.expr) -> object:
        """Returns the value of an expression that is written out; else UNKNOWN."""
        try:
            return ast.literal_eval(self.resolved(node))
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return UNKNOWN

    def called(self, module: str) -> str:
        """Returns the name by which the file calls a module; that of the module if it does not import it."""
        return next((name for name, dotted in self._imported.items() if dotted == module), module)

    def line(self, number: int) -> str:
        """Returns a line."""
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    def replace(self, node: ast.expr, text: str) -> str:
        """Returns the line that an expression stands on with another text in its place; "" if it has several."""
        if node.end_lineno != node.lineno or node.end_col_offset is None:
            return ""
        # The columns of the syntax tree count bytes.
        raw = self.line(node.lineno).encode()
        before, after = raw[: node.col_offset].decode(), raw[node.end_col_offset :].decode()
        if text.startswith("await ") and after[:1] in (".", "[", "("):
            text = f"({text})"
        return f"{before}{text}{after}"

    def around(self, node: ast.expr, inner: ast.expr) -> tuple[str, str, str]:
        """Returns what stands on a line before an expression, a part of it, and what stands after it."""
        if node.end_lineno != node.lineno:
            return "", "", ""
        raw = self.line(node.lineno).encode()
        before, after = raw[: node.col_offset], raw[node.end_col_offset :]
        return before.decode(), raw[inner.col_offset : inner.end_col_offset].decode(), after.decode()


def own_calls(function: Defined) -> Iterator[tuple[ast.Call, ast.AST]]:
    """Yields the calls that a function makes itself, each with the node that it stands in.

    Not those in functions nested in it that are not async: they may be meant for a thread.
    """
    waiting: list[tuple[ast.AST, ast.AST]] = [(statement, function) for statement in function.body]
    while waiting:
        node, parent = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        if isinstance(node, ast.Call):
            yield node, parent
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                waiting += [(one, node) for one in value if isinstance(one, ast.AST)]
            elif isinstance(value, ast.AST) and value._fields:
                waiting.append((value, node))


def has_yield(function: Defined) -> bool:
    """Tells whether a function is a generator."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))
    return False


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yields all statements in their order, those in functions and classes included."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        for name in ("finalbody", "orelse", "cases", "handlers", "body"):
            some = getattr(node, name, None)
            if isinstance(some, list):
                waiting += reversed(some)
        yield node
