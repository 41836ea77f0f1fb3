"""Functions as they were when interlace was imported, before a test could put something else in their place."""

from __future__ import annotations

import builtins
import os
import select
import time
from types import BuiltinFunctionType, ModuleType
from typing import Any

FCNTL: Any
try:
    import fcntl as FCNTL  # noqa: N812
except ImportError:  # on Windows
    FCNTL = None

_HELD = {module: dict(vars(module)) for module in (builtins, os, select, time, FCNTL) if module is not None}


def is_built_in(module: ModuleType, name: str) -> bool:
    """Tells whether a module had a built-in function of this name."""
    return isinstance(_HELD[module].get(name), BuiltinFunctionType)


def built_in(module: ModuleType, name: str) -> Any:
    """Returns the function that a module had under a name."""
    return _HELD[module][name]
