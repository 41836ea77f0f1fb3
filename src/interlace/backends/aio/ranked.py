"""Objects that libraries put into sets and then walk: given a hash that repeats from run to run.

What has no hash of its own is kept by its address. anyio cancels the scopes within a scope in the order
of such a set, aiormq the tasks of a connection; so the same schedule would lead to another run in another
process. Objects of these classes that a run makes are of a subclass, whose hash is an ordinal.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Sequence
from functools import lru_cache
from importlib.abc import Loader, MetaPathFinder
from typing import Any

from interlace.backends.clocks import CLOCKS

CLASSES = {
    "anyio._backends._asyncio": ("CancelScope",),
    "aiormq.abc": ("TaskWrapper",),
}
"""By the name of a module, those of its classes whose objects are walked in a set."""


class _Finder(MetaPathFinder):
    """Adopts the classes of modules that are there when a run begins, or are imported within it."""

    def __init__(self) -> None:
        self._adopted: set[type] = set()

    def replace(self) -> None:
        """Has runs be given objects with an ordinal."""
        for name in CLASSES:
            module = sys.modules.get(name)
            if module is not None:
                self.adopt(module)
        sys.meta_path.insert(0, self)

    def restore(self) -> None:
        """Looks at imports no more. What was adopted stays so: outside of a run it is what it was."""
        sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Has the others find a module; looks at it once it is there."""
        if fullname in CLASSES:
            for finder in sys.meta_path:
                spec = None if finder is self else finder.find_spec(fullname, path, target)
                if spec is not None:
                    if spec.loader is not None:
                        spec.loader = _Loader(spec.loader, self)
                    return spec
        return None

    def adopt(self, module: types.ModuleType) -> None:
        """Replaces how objects of a module's classes are made, if that is still to be done."""
        for name in CLASSES[module.__name__]:
            found = getattr(module, name, None)
            if isinstance(found, type) and found not in self._adopted:
                self._adopted.add(found)
                _adopt(found)


class _Loader(Loader):
    """Loads a module as another loader does, and has its classes be adopted.

    Args:
        loader: the other one.
        finder: who adopts.
    """

    def __init__(self, loader: Loader, finder: _Finder) -> None:
        self._loader = loader
        self._finder = finder

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        """Makes what the other one makes."""
        return self._loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        """Runs the module, which is from then on told to be of the other one."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._finder.adopt(module)


def _adopt(owner: type) -> None:
    original: Any = owner.__new__
    takes_nothing = original is object.__new__

    def new(cls: type, *args: Any, **options: Any) -> Any:
        loop: Any = CLOCKS.world_of()
        names = getattr(loop, "names", None)
        made = cls if names is None else _with_ordinal(cls)
        one = original(made) if takes_nothing else original(made, *args, **options)
        if names is not None:
            one._interlace_ordinal = names.next_hash()
        return one

    owner.__new__ = new  # type: ignore[method-assign,assignment]


@lru_cache(maxsize=64)
def _with_ordinal(cls: type) -> type:
    """Returns the subclass whose hash is an ordinal; a class that has it already is returned as it is."""
    if "_interlace_ordinal" in dir(cls):
        return cls

    def fill(space: dict[str, Any]) -> None:
        space["__slots__"] = ("_interlace_ordinal",)
        space["__hash__"] = lambda self: self._interlace_ordinal
        space["__module__"], space["__qualname__"] = cls.__module__, cls.__qualname__

    return types.new_class(cls.__name__, (cls,), exec_body=fill)


RANKS = _Finder()
"""That of this process: there is one path that modules are looked for on."""
