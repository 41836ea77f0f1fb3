"""The values in a failing `assert`, read from the frame that raised it.

Nothing of the program under test is run for that: names, attributes that are plainly there, constant
subscripts of built-in containers and `len` of them. A property, an overloaded operator or a
`__repr__` of the user's could do anything, and this stands between a failure and its report.
"""

from __future__ import annotations

import ast
import inspect
import operator
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import islice
from reprlib import Repr
from types import FrameType, MemberDescriptorType, ModuleType, TracebackType
from typing import Any, TypeGuard

from interlace.model.source import is_user_file, line_of
from interlace.model.statements import Sources
from interlace.model.trace import Place

_CONTAINERS = (list, tuple, dict, set, frozenset, str, bytes, bytearray)
_SCALARS = (int, float, complex, bool, str, bytes, type(None))
_HARMLESS = {"datetime", "decimal", "fractions", "uuid", "ipaddress"}
"""Modules of the standard library whose objects have a `__repr__` that only reads."""

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}


class _Unknown(Exception):
    """The value of an expression cannot be had without running something."""


def asserted_values(traceback: TracebackType | None) -> tuple[str, ...]:
    """Returns the values in the assertion that failed, as `expression = value`, in reading order.

    Empty if the last line of the user's own code is not an `assert`, or if what was asserted holds
    by now: then the values are no longer those that failed.
    """
    frame, place = _last_user_frame(traceback)
    if frame is None or place is None:
        return ()
    sources = Sources()
    node = sources.at(place).node
    if not isinstance(node, ast.Assert):
        return ()
    if _holds(node.test, frame):
        return ()
    source = "".join(sources.lines(place.file))
    found: dict[str, str] = {}
    for expression in _parts(node.test):
        for part, value in _values(expression, frame):
            text = ast.get_source_segment(source, part) or ""
            found.setdefault(ast.unparse(part) if "\n" in text or not text else text, value)
    return tuple(f"{text} = {value}" for text, value in found.items())


def show_value(value: object) -> str | None:
    """Words a value without running anything of the user's; None if only its class is known."""
    return _SHOW.repr(value) if _is_plain(value) else None


def _last_user_frame(traceback: TracebackType | None) -> tuple[FrameType | None, Place | None]:
    frame = place = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_user_file(code.co_filename):
            frame, place = traceback.tb_frame, Place(code.co_filename, line_of(traceback), code.co_name)
        traceback = traceback.tb_next
    return frame, place


def _parts(test: ast.expr) -> Iterator[ast.expr]:
    """Returns the operands of comparisons and of `and`, `or` and `not`."""
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from _parts(value)
    elif isinstance(test, ast.UnaryOp):
        yield from _parts(test.operand)
    elif isinstance(test, ast.Compare):
        yield test.left
        yield from test.comparators
    else:
        yield test


def _values(expression: ast.AST, frame: FrameType) -> Iterator[tuple[ast.expr, str]]:
    """Returns the largest parts of an expression whose values can be had, with these."""
    if isinstance(expression, (ast.Constant, ast.Lambda)):
        return
    if isinstance(expression, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
        # What a comprehension binds is not in the frame; only what it walks over is.
        yield from _values(expression.generators[0].iter, frame)
        return
    if isinstance(expression, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
        try:
            value = _evaluate(expression, frame)
        except _Unknown:
            pass
        else:
            shown = show_value(value)
            if shown is not None:
                yield expression, shown
            return
    children: list[ast.AST] = list(ast.iter_child_nodes(expression))
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name):
        children = [*expression.args, *(keyword.value for keyword in expression.keywords)]
    for child in children:
        yield from _values(child, frame)


def _evaluate(node: ast.AST, frame: FrameType) -> Any:
    """Returns the value of an expression.

    Raises:
        _Unknown: it cannot be had without running something.
    """
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _name(node.id, frame)
    if isinstance(node, ast.Attribute):
        return _attribute(_evaluate(node.value, frame), node.attr)
    if isinstance(node, ast.Subscript):
        container, index = _evaluate(node.value, frame), _index(node.slice)
        if type(container) not in (list, tuple, dict, str, bytes):
            raise _Unknown
        try:
            return container[index]
        except (LookupError, TypeError) as error:
            raise _Unknown from error
    if _is_len(node, frame):
        argument = _evaluate(node.args[0], frame)
        if type(argument) in _CONTAINERS:
            return len(argument)
    raise _Unknown


def _is_len(node: ast.AST, frame: FrameType) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "len"
        and len(node.args) == 1
        and not node.keywords
        and _name("len", frame) is len
    )


def _name(name: str, frame: FrameType) -> Any:
    for names in (frame.f_locals, frame.f_globals, frame.f_builtins):
        if name in names:
            return names[name]
    raise _Unknown


def _index(node: ast.expr) -> Any:
    """Returns a constant subscript: a number, a text or a tuple of them, never anything computed."""
    try:
        index = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError) as error:
        raise _Unknown from error
    return index


def _attribute(value: Any, name: str) -> Any:
    """Returns an attribute that can be had without running a property or `__getattr__`."""
    kind = type(value)
    if kind is ModuleType:
        if name in value.__dict__:
            return value.__dict__[name]
        raise _Unknown
    if kind is not type and "__getattribute__" in {name for base in kind.__mro__[:-1] for name in vars(base)}:
        raise _Unknown
    try:
        found = inspect.getattr_static(value, name)
        if isinstance(found, MemberDescriptorType) and kind is not type:
            return found.__get__(value, kind)  # a slot: reading it runs nothing
    except AttributeError as error:
        raise _Unknown from error
    if hasattr(type(found), "__get__"):
        raise _Unknown  # a property, a method, or whatever else computes
    return found


def _is_plain(value: object) -> bool:
    kind = type(value)
    return kind in _SCALARS or kind in _CONTAINERS or kind.__module__ in _HARMLESS or issubclass(kind, Enum)


def _holds(test: ast.expr, frame: FrameType) -> bool | None:
    """Tells whether what was asserted holds by now; None if only running something could tell."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _holds(test.operand, frame)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        parts = [_holds(value, frame) for value in test.values]
        decisive = isinstance(test.op, ast.Or)
        return decisive if decisive in parts else None if None in parts else not decisive
    operands = (test.left, *test.comparators) if isinstance(test, ast.Compare) else (test,)
    try:
        values = [_evaluate_or_literal(operand, frame) for operand in operands]
        if not all(map(_is_data, values)):
            return None
        if not isinstance(test, ast.Compare):
            return bool(values[0])
        return all(
            _COMPARISONS[type(comparison)](left, right)
            for comparison, left, right in zip(test.ops, values, values[1:], strict=False)
        )
    except (_Unknown, TypeError):
        return None


def _evaluate_or_literal(node: ast.expr, frame: FrameType) -> Any:
    try:
        return _evaluate(node, frame)
    except _Unknown:
        return _index(node)


def _is_data(value: object, depth: int = 0) -> bool:
    """Tells whether comparing this value runs nothing of the user's."""
    kind = type(value)
    if kind in _SCALARS:
        return True
    if depth > 4 or kind not in _CONTAINERS:
        return False
    items = [*value.keys(), *value.values()] if isinstance(value, dict) else list(value)  # type: ignore[call-overload]
    return len(items) <= 1000 and all(_is_data(item, depth + 1) for item in items)


class _Show(Repr):
    """A `repr` that is short and runs nothing of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxstring = self.maxother = self.maxlong = 100
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 12

    def repr1(self, x: Any, level: int) -> str:
        """Words one value, `level` levels deep at most."""
        kind = type(x)
        if kind in (set, frozenset) and not all(type(item) in _SCALARS for item in x):
            return f"<{kind.__name__} of {len(x)}>"  # a set is shown sorted, and sorting runs `__lt__`
        if kind is dict:
            return self.repr_dict(x, level)
        if kind in _CONTAINERS or kind is int:
            return super().repr1(x, level)
        if kind in _SCALARS or kind.__module__ in _HARMLESS:
            return self.repr_instance(x, level)
        if issubclass(kind, Enum):
            return f"{kind.__qualname__}.{x._name_}"
        return f"<{kind.__qualname__}>"

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """Words a dict in its own order."""
        if level <= 0 and x:
            return "{...}"
        pairs = [
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in islice(x.items(), self.maxdict)
        ]
        more = ["..."] if len(x) > self.maxdict else []
        return "{" + ", ".join(pairs + more) + "}"


_SHOW = _Show()
