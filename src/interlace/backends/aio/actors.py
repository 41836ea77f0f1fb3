"""The actor rule: a callback belongs to a task, a connection, a job or the loop.

Only the oldest ready callback of an actor is ever an option, because asyncio promises that an
actor's own callbacks run in the order in which they were scheduled. This file is the only home of
that rule.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from interlace.model.source import caller_is_user
from interlace.sim.network.life import current_host, settled_context

if TYPE_CHECKING:
    from interlace.backends.aio.loop import Loop

LOOP = "loop"
"""The actor of every callback that belongs to nobody else."""


class Task(asyncio.Task[Any]):
    """A stock task with a name that repeats from run to run.

    Its hash is its ordinal in the loop, not its address: sets of tasks (a TaskGroup keeps one, and
    cancels in its order) are then walked in the same order in every process.

    Attributes:
        path: the actor's name: who made it, from which coroutine function, the how-manieth.
        made_by_test: whether the user's own code made it (known only where faults ask for it).
        stay: on which host it runs, until when; None: on the default host.
        steps: how many steps it has made (counted only where faults ask for it).
        spared: whether no injected cancellation is for it, by whatever name.
    """

    __slots__ = ("_ordinal", "made_by_test", "path", "spared", "stay", "steps")

    def __init__(
        self, coro: Any, *, loop: Loop, name: str | None = None, context: Any = None, **options: Any
    ) -> None:
        ordinal, self.path = loop.names.next_task(loop.actor, coro)
        self._ordinal = ordinal
        self.steps = 0
        self.spared = False
        stay = current_host.get() if context is None else context.get(current_host)
        if stay is not None and stay.life < 0:
            stay = stay.settled
            if context is None:
                context = settled_context()
        self.stay = stay
        self.made_by_test = caller_is_user() if loop.world.faults.cancel else False
        super().__init__(coro, loop=loop, name=name or f"Task-{ordinal}", context=context, **options)

    def __hash__(self) -> int:
        return self._ordinal


class Future(asyncio.Future[Any]):
    """A stock future whose hash is an ordinal, drawn when it is first asked for, for the same reason."""

    _ordinal: int

    __slots__ = ("_ordinal",)

    def __hash__(self) -> int:
        try:
            return self._ordinal
        except AttributeError:
            loop: Any = self.get_loop()
            ordinal: int = loop.names.next_hash()
            self._ordinal = ordinal
            return ordinal


class Names:
    """Gives the actors of one loop their names."""

    __slots__ = ("_counts", "_foreign", "_hashes", "_tasks")

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._foreign: WeakKeyDictionary[Any, str] | None = None
        self._tasks = 0
        self._hashes = 0

    def next_task(self, parent: str, coro: Any) -> tuple[int, str]:
        """Returns the ordinal and the path of a task that `parent` makes from this coroutine."""
        self._tasks += 1
        name = getattr(coro, "__qualname__", None) or type(coro).__name__
        name = name.rpartition("<locals>.")[2]
        return self._tasks, self.unique(f"{parent}/{name}" if parent else name)

    def next_hash(self) -> int:
        """Returns the ordinal of an object that is put into a set or a dictionary for the first time."""
        self._hashes += 1
        return self._hashes

    def unique(self, name: str) -> str:
        """Returns the name itself the first time, then `name#2`, `name#3`."""
        count = self._counts.get(name, 0) + 1
        self._counts[name] = count
        return name if count == 1 else f"{name}#{count}"

    def foreign(self, task: Any) -> str:
        """Returns the path of a task that was made past `Loop.create_task`, named when first seen."""
        if self._foreign is None:
            self._foreign = WeakKeyDictionary()
        path = self._foreign.get(task)
        if path is None:
            path = self._foreign[task] = self.next_task("", task.get_coro())[1]
        return path


class Heads:
    """The oldest ready callback of each actor.

    Where no actor has more than one, what is known of them stays true from one choice to the next but
    for what was taken and what was added: choices among many callbacks then cost no look at all of them.

    Args:
        loop: whose callbacks.
    """

    __slots__ = ("_cancellations", "_is_simple", "_loop", "_places")

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._places: dict[str, int] = {}
        self._is_simple = True
        self._cancellations = loop.cancellations

    def among(self, limit: int) -> tuple[str, ...]:
        """Returns the actors of the first `limit` ready callbacks, in the order of their oldest ones."""
        places = self._places
        if not self._is_simple or self._cancellations != self._loop.cancellations:
            self._cancellations = self._loop.cancellations
            places.clear()
        known = len(places)
        self._look(known, limit)
        self._is_simple = len(places) == limit
        if known and not self._is_simple:
            places.clear()
            self._look(0, limit)
        return tuple(places)

    def _look(self, begin: int, end: int) -> None:
        loop, places = self._loop, self._places
        ready = loop._ready
        for place in range(begin, end):
            handle = ready[place]
            if not handle._cancelled:
                if not handle.label:
                    loop.identify(handle)
                if handle.actor not in places:
                    places[handle.actor] = place

    def take(self, actor: str, position: int) -> Any:
        """Takes the oldest callback of an actor out of those that are ready.

        Args:
            actor: whose.
            position: where `among` returned it.
        """
        place = self._places.pop(actor)
        if self._is_simple:  # what came before it may have been taken since
            place = position
        ready = self._loop._ready
        handle = ready[place]
        del ready[place]
        return handle


def run_permuted(loop: Loop, count: int) -> None:
    """Runs as many steps of a loop as were ready, in a chosen order of their actors."""
    world, ready = loop.world, loop._ready
    heads = Heads(loop)
    for remaining in range(count, 0, -1):
        limit = remaining if world.order == "batch" else len(ready)
        actors = heads.among(limit)
        if not actors:
            for _ in range(limit):  # cancelled ones: left there, they would keep time from moving on
                ready.popleft()
            break
        position = world.choose("order", actors[0], actors)
        handle = heads.take(actors[position], position)
        loop._run_handle(handle)
    handle = None  # see Loop._run_handle
