"""Names of modules and classes that stand for a fake for a while: `interlace.patch`."""

from __future__ import annotations

import builtins
import importlib
import inspect
import pkgutil
import sys
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

from interlace.errors import UsageError
from interlace.services.callables.classes import FakeClass, make_class
from interlace.services.callables.failures import Fail
from interlace.services.callables.fakes import Latencies, make_fake
from interlace.services.callables.specs import Property, member_of
from interlace.services.callables.wording import nearest, show
from interlace.sim.carrier import Carrier

if TYPE_CHECKING:
    from collections.abc import Callable

    _Patch = mock._patch[Any]
else:
    _Patch = mock._patch
"""What `mock.patch` returns: decorators, classes, coroutine functions and pytest's fixtures are its business."""


@dataclass(frozen=True)
class Wish:
    """What a fake is to be like that takes the place of a name; see `make_fake`."""

    carrier: Callable[[], Carrier]
    implementation: Any = None
    latency: Latencies = None
    fail: Fail = None
    at_most: int = 1


class Patch(_Patch):
    """Has a name stand for something else: within a `with` block, in a decorated function, or from `start` to `stop`.

    It is undone at the end of these, and at the latest when the run is over in which it began.

    Args:
        made: what `unittest.mock` has made of the same target.
        target: the dotted name, or the object that has the attribute.
        wish: what the fake is to be like; None: what it stands for is given.
        carrier: returns what carries calls where it is called.
    """

    def __init__(self, made: Any, target: Any, wish: Wish | None, carrier: Callable[[], Carrier]) -> None:
        self.__dict__.update(vars(made))
        self._target = target
        self._wish = wish
        self._carrier = carrier
        self._active = False
        if wish is not None:
            self.new_callable = self._make

    def copy(self) -> Patch:
        """Returns one for the same target; the decorator of a class makes one for each method."""
        return Patch(super().copy(), self._target, self._wish, self._carrier)

    def __enter__(self) -> Any:
        if self._active:
            raise UsageError(
                f"{self._shown} is patched by this already, and not undone yet: make a patch for each time, with a call of "
                "interlace.patch"
            )
        self._owner = self._find()
        value = self._value = super().__enter__()
        self._active = True
        world = self._carrier().world
        if world is not None:
            world.undoing.append(self._undo)
        return value

    def __exit__(self, *error: Any) -> Any:
        if not self._active:  # the run is over, and has undone it
            return None
        self._active = False
        return super().__exit__(*error)

    def _undo(self) -> None:
        """Undoes it with the run, unless somebody has put back already what was there before."""
        if inspect.getattr_static(self._owner, self.attribute, None) is not self._value:
            self._active = False
        self.stop()
        if self._active:
            self.__exit__(None, None, None)

    @property
    def _shown(self) -> str:
        if isinstance(self._target, str):
            return self._target
        return f"{getattr(self._target, '__name__', '') or type(self._target).__name__}.{self.attribute}"

    def _find(self) -> Any:
        """Returns what has the attribute.

        Raises:
            UsageError: there is no such name.
        """
        owner = find_owner(self._target) if isinstance(self._target, str) else self._target
        name = self.attribute
        known = isinstance(owner, types.ModuleType) and hasattr(builtins, name)
        if not (hasattr(owner, name) or known or inspect.getattr_static(owner, name, None) is not None):
            raise UsageError(
                f"{self._shown} cannot be patched: there is no {name!r} there{nearest(name, dir(owner))}"
            )
        return owner

    def _make(self) -> Any:
        """Returns the fake that takes the place."""
        wish, owner, name = self._wish, self._owner, self.attribute
        assert wish is not None
        options: dict[str, Any] = {
            "carrier": wish.carrier(),
            "latency": wish.latency,
            "fail": wish.fail,
            "at_most": wish.at_most,
            "hint": "the patch an implementation: interlace.patch(..., implementation=...)",
        }
        of_class = isinstance(owner, type)
        original = (
            inspect.getattr_static(owner, name)
            if of_class
            else getattr(owner, name, getattr(builtins, name, None))
        )
        if isinstance(original, FakeClass):  # patched already
            original = original.spec
        if isinstance(original, type):
            return make_class(original, wish.implementation, **options)
        if of_class and isinstance(member_of(name, original), Property):
            raise UsageError(
                f"{self._shown} is a property: give what it is to be, such as patch.object(..., {name!r}, 3)"
            )
        label = name if isinstance(owner, types.ModuleType) else f"{_name_of(owner)}.{name}"
        bound = not of_class or not inspect.isfunction(original)
        try:
            return make_fake(original, wish.implementation, name=label, bound=bound, **options)
        except UsageError as error:
            if original is None or isinstance(original, (str, bytes, int, float, tuple, list, dict, set)):
                raise UsageError(
                    f"{self._shown} is {show(original)}, of which no fake can be made: give what it is to be, as the "
                    "second argument"
                ) from None
            raise error


def check_name(target: object) -> None:
    """Refuses what is no dotted name.

    Raises:
        UsageError: it is none.
    """
    names = target.split(".") if isinstance(target, str) else []
    if len(names) < 2 or not all(name.isidentifier() for name in names):
        raise UsageError(
            f"{show(target)} cannot be patched: write the module and the name in it, such as 'shop.billing.fetch'; "
            "for an object there is interlace.patch.object(object, 'name')"
        )


def find_owner(target: str) -> Any:
    """Returns the module or the object that has the last name of a dotted one.

    Raises:
        UsageError: there is no such thing.
    """
    names = target.split(".")
    found: Any = None
    for number, name in enumerate(names[:-1]):
        path = ".".join(names[: number + 1])
        if found is None or (hasattr(found, "__path__") and not hasattr(found, name)):
            try:
                found = importlib.import_module(path)
            except ModuleNotFoundError as error:
                if error.name is None or not (path == error.name or path.startswith(f"{error.name}.")):
                    raise  # of something that the module itself imports
                known = _modules_in(found)
                raise UsageError(
                    f"{target!r} cannot be patched: there is no module {path!r}{nearest(name, known)}"
                ) from None
        elif not hasattr(found, name):
            raise UsageError(
                f"{target!r} cannot be patched: there is no {name!r} in {'.'.join(names[:number])}"
                f"{nearest(name, dir(found))}"
            )
        else:
            found = getattr(found, name)
    return found


def _modules_in(package: Any) -> list[str]:
    if package is None:
        return [name for name in sys.modules if "." not in name]
    below = [one.name for one in pkgutil.iter_modules(getattr(package, "__path__", ()))]
    return [*below, *dir(package)]


def _name_of(owner: Any) -> str:
    return owner.__name__ if isinstance(owner, type) else type(owner).__name__
