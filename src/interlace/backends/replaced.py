"""Built-in functions that are made to call Python ones, wherever their names are bound: see decision 0009."""

from __future__ import annotations

import builtins
import ctypes
from collections.abc import Callable
from types import ModuleType
from typing import Any

from interlace.untouched import built_in

_HEAD = object.__basicsize__

# Objects/methodobject.c: behind its head a function object has a pointer to its definition, the object that
# it is called on, its module, its weak references, and how it is called. A definition (Include/methodobject.h)
# has a pointer to the C function.
_Fields = ctypes.c_void_p * 5


class _Definition(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("method", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_FAST, _KEYWORDS = 0x80, 0x02

_CALLS = {
    0x0004: "PyObject_CallNoArgs",  # METH_NOARGS
    0x0008: "PyObject_CallOneArg",  # METH_O
    0x0001: "PyObject_CallObject",  # METH_VARARGS
    _FAST | _KEYWORDS: "PyObject_Vectorcall",  # METH_FASTCALL | METH_KEYWORDS
}
"""By the flags of a definition, the function of CPython that is called in just that way and calls what it is given."""


class Replaced:
    """One built-in function that can be made to call another.

    Args:
        module: where it is found.
        name: its name.
        function: what it is to call.

    Attributes:
        real: the function as it was, for those who need it.
    """

    __slots__ = ("_fields", "_kept", "_original", "_replacement", "real")

    def __init__(self, module: ModuleType, name: str, function: Callable[..., Any]) -> None:
        original = built_in(module, name)
        self._fields = _Fields.from_address(id(original) + _HEAD)
        definition, own, *_, way = self._fields
        assert definition is not None
        self._original = (definition, own, way)
        was = _Definition.from_address(definition)
        flags = was.flags
        if flags == _FAST:
            # No function of CPython is called in that way: it is called as `open` is, which takes keywords.
            flags |= _KEYWORDS
            way = _Fields.from_address(id(builtins.open) + _HEAD)[4]
        call = ctypes.cast(getattr(ctypes.pythonapi, _CALLS[flags]), ctypes.c_void_p).value
        replacing = _Definition(was.name, call, flags, was.doc)
        copy = _Definition(was.name, was.method, was.flags, was.doc)
        self._kept = (replacing, copy, function)
        self._replacement = (ctypes.addressof(replacing), id(function), way)
        # The function object owns what it is called on; it is given a share that it keeps for ever.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(function))
        new = ctypes.pythonapi.PyCFunction_NewEx
        new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
        self.real: Callable[..., Any] = new(ctypes.addressof(copy), original.__self__, module.__name__)

    def replace(self) -> None:
        """Has the function call the other one. All fields change at once as far as Python code can tell."""
        self._set(*self._replacement)

    def restore(self) -> None:
        """Has the function do what it did."""
        self._set(*self._original)

    def _set(self, definition: int | None, own: int | None, way: int | None) -> None:
        fields = self._fields
        fields[:] = [definition, own, fields[2], fields[3], way]
