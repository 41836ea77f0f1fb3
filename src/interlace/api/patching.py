"""`interlace.patch`: a name of a module, or an attribute, stands for a fake for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unittest import mock

from interlace.backends.aio.carriers import Anywhere, InWorld, world_here
from interlace.errors import UsageError
from interlace.services.callables.failures import Fail
from interlace.services.callables.fakes import Latencies
from interlace.services.callables.patches import Patch, Wish, check_name
from interlace.sim.carrier import Carrier

_SAID_LATER = {
    "return_value": ".returns(...)",
    "side_effect": ".raises(...), .sequence(...) or .does(function)",
    "wraps": "implementation=",
}


class Patcher:
    """What `interlace.patch` is."""

    def __call__(
        self,
        target: str,
        new: Any = mock.DEFAULT,
        *,
        implementation: Any = None,
        latency: Latencies = None,
        fail: Fail = None,
        at_most: int = 1,
        **others: Any,
    ) -> Patch:
        """Has a dotted name stand for something else: a context manager, and a decorator of functions and classes.

        The context manager gives what it stands for. A decorated function, async or not, is given that as a further
        argument at the end, unless it was given `new`. It is undone at the end, and at the latest with the run.

        Args:
            target: such as `"shop.billing.fetch"`: where the name is looked up, not where it was defined.
            new: what it is to stand for; if nothing is given, a fake of what it stood for, as `World.fake` makes them:
                of a class one that makes fakes of instances.
            implementation: as for `World.fake`.
            latency: as for `World.fake`; outside of a simulated run no call takes time.
            fail: as for `World.fake`.
            at_most: as for `World.fake`.
            others: none.

        Raises:
            UsageError: an argument that cannot work. When it begins: there is no such name, or no fake of it.
        """
        check_name(target)
        wish = _wish(new, implementation, latency, fail, at_most, others)
        return Patch(mock.patch(target, new), target, wish, _carrier)

    def object(
        self,
        target: Any,
        attribute: str,
        new: Any = mock.DEFAULT,
        *,
        implementation: Any = None,
        latency: Latencies = None,
        fail: Fail = None,
        at_most: int = 1,
        **others: Any,
    ) -> Patch:
        """Does the same with an attribute of an object: a module, a class, an instance."""
        if not isinstance(attribute, str) or isinstance(target, str):
            raise UsageError(
                f"patch.object({target!r}, {attribute!r}): give an object and the name of its attribute; for a dotted name "
                "there is interlace.patch('module.name')"
            )
        wish = _wish(new, implementation, latency, fail, at_most, others)
        return Patch(mock.patch.object(target, attribute, new), target, wish, _carrier)


patch = Patcher()


def _wish(
    new: Any,
    implementation: Any,
    latency: Latencies,
    fail: Fail,
    at_most: int,
    others: Mapping[str, Any],
) -> Wish | None:
    for name in others:
        instead = _SAID_LATER.get(name)
        remedy = (
            f"say it to the fake that the patch gives: {instead}"
            if instead
            else "it takes implementation=, latency=, fail= and at_most="
        )
        raise UsageError(
            f"patch() takes no {name}=: {remedy}. For a mock write unittest.mock.patch(..., new_callable=interlace.AsyncMock)"
        )
    if new is mock.DEFAULT:
        return Wish(_carrier, implementation, latency, fail, at_most)
    given = {"implementation": implementation, "latency": latency, "fail": fail}
    for name, value in given.items():
        if value is not None:
            raise UsageError(
                f"patch() is given {new!r} and {name}=: that is of the fake which it makes by itself; give one of them"
            )
    return None


def _carrier() -> Carrier:
    world = world_here()
    return Anywhere() if world is None else InWorld(world)
