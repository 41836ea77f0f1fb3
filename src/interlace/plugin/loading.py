"""How the rest of interlace is imported in a pytest session: as Python does it.

pytest loads what belongs to a plugin by a loader of its own, which rewrites assertions, and reads compiled
files some times as slowly as Python. There are none to rewrite but in `interlace.conformance`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_ROOMS = ("interlace.plugin.", "interlace.backends", "interlace.model")


class PlainFinder:
    """Finds modules of interlace without what pytest puts between."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Returns the spec of a module of interlace; None for all others."""
        return PathFinder.find_spec(name, path, target) if name.startswith(_ROOMS) else None


if PlainFinder not in sys.meta_path:
    sys.meta_path.insert(0, PlainFinder)
