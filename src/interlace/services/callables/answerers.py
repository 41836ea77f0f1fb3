"""What answers the calls to the functions of a fake, and what those share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import ref

from interlace.services.callables.answers import Script
from interlace.services.callables.calls import Call
from interlace.services.callables.failures import Failures
from interlace.services.callables.specs import UNSET, Function
from interlace.sim.carrier import Carrier

if TYPE_CHECKING:
    from interlace.sim.world import World


@dataclass
class Surroundings:
    """What the functions of one fake share.

    Args:
        carrier: has calls take time.
        failures: which of them fail.
        implement: how a test is told to give the fake an implementation.

    Attributes:
        calls: all calls, in order.
        answerers: the functions.
    """

    carrier: Carrier
    failures: Failures
    implement: str = ""
    calls: list[Call] = field(default_factory=list)
    answerers: list[Answerer] = field(default_factory=list)
    _run: ref[World] | None = None
    _kept: list[Call] = field(default_factory=list)

    def enter(self, world: World | None) -> None:
        """Begins anew if this is another run than that of the last call: with what was said outside of all runs."""
        if world is None or (self._run is not None and self._run() is world):
            return
        if self._run is None:
            self._kept = list(self.calls)
            for one in self.answerers:
                one.script.keep()
                one.kept = list(one.calls)
        else:
            self._begin_anew()
        self._run = ref(world)

    def leave(self, world: World | None) -> None:
        """Forgets what runs have changed, if something is said outside of them."""
        if world is None and self._run is not None:
            self._begin_anew()
            self._run = None

    def _begin_anew(self) -> None:
        self.calls[:] = self._kept
        self.failures.renew()
        for one in self.answerers:
            one.script.renew()
            one.calls[:] = one.kept


@dataclass
class Answerer:
    """What answers the calls to one function of a fake.

    Args:
        function: how it is to be called, and what comes of it.
        owner: the name of what it belongs to, with a dot at its end; "" for a function.
        around: what it shares with others.
        original: answers where the test has said nothing; None: nobody does.
        default: what it returns then; `UNSET`: that is an error.
        delays: how long it takes, in ns, the boring one first.
        errors: what it may fail with.
        undo: leaves what it has entered, given what `__aexit__` is given; None: there is nothing to leave.

    Attributes:
        script: what the test has said.
        calls: the calls.
        kept: those that were made before the first run.
        name: what it is called in stories.
        access: how the test names it.
    """

    function: Function
    owner: str
    around: Surroundings
    original: Callable[..., Any] | None = None
    default: Any = UNSET
    delays: tuple[int, ...] = (0,)
    errors: tuple[Any, ...] = ()
    undo: Callable[..., Awaitable[Any]] | None = None
    script: Script = field(default_factory=Script)
    calls: list[Call] = field(default_factory=list)
    kept: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = f"{self.owner}{self.function.name}"
        self.access = f"fake.{self.function.name}" if self.owner else "fake"
        self.around.answerers.append(self)
