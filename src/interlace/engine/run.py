"""One run: a fresh world, one program, one strategy, one outcome."""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from interlace.errors import Diverged
from interlace.model.choice import Order, Strategy
from interlace.model.outcome import Ending, Outcome
from interlace.model.schedule import Recipe, Schedule
from interlace.sim.faults import Faults
from interlace.sim.randomness import seeded
from interlace.sim.world import World
from interlace.strategies.replay import Replay

Program = Callable[[World], Coroutine[Any, Any, Any]]


class Backend(Protocol):
    """Drives a program inside a world."""

    def run(self, program: Program, world: World) -> Ending:
        """Runs the program to its end and says how it ended."""
        ...


@dataclass
class Runner:
    """Runs one program again and again, each time in a world of its own.

    Args:
        program: makes the coroutine to run, given the world.
        backend: what drives it.
        order: which orders of steps are allowed unless a run says otherwise.
        faults: the faults that were asked for, as the user wrote them.
        seed: the seed of the world's random values.
        prepared: the world of the first run, where its set-up begins before the run does.
        after: called with the outcome of each run; what it raises ends the search.

    Attributes:
        runs: how many runs there were.
    """

    program: Program
    backend: Backend
    order: Order = "realistic"
    faults: tuple[str, ...] = ()
    seed: int = 0
    prepared: World | None = None
    after: Callable[[Outcome], None] | None = None
    runs: int = field(default=0, init=False)

    def run(
        self,
        strategy: Strategy | None = None,
        *,
        order: Order | None = None,
        seed: int = 0,
        detail: bool = False,
    ) -> Outcome:
        """Runs the program once.

        Args:
            strategy: answers the questions; None: the boring answer to each.
            order: which orders of steps are allowed; None: those of this runner.
            seed: what the strategy draws its random answers from.
            detail: whether the user's lines are recorded, so that a story can be told.

        Raises:
            Diverged: the strategy gave an answer that the program does not offer.
        """
        self.runs += 1
        answering = strategy or Replay()
        answering.start(seed)
        order = order or self.order
        world, self.prepared = self.prepared, None
        if world is None:
            faults = Faults.parse(self.faults)
            world = World(answering, order=order, faults=faults, seed=self.seed, detail=detail)
        collects = gc.isenabled()
        gc.disable()  # a collection at an arbitrary moment runs finalizers at an arbitrary moment
        try:
            with seeded(self.seed):
                ending = self.backend.run(self.program, world)
        finally:
            if collects:
                gc.enable()
        if world.diverged:
            raise Diverged(world.diverged)
        outcome = Outcome(
            recipe=Recipe(Schedule.of(world.answers), order, self.faults, self.seed),
            points=tuple(world.points),
            answers=tuple(world.answers),
            asking_steps=tuple(world.asking_steps),
            trace=world.trace,
            value=ending.value,
            error=ending.error,
            elapsed=world.elapsed,
            interrupted=ending.interrupted,
            injected=tuple(world.injected),
            background=ending.background,
            passages=tuple(world.passages or ()),
            names=ending.names,
            asserted=ending.asserted,
        )
        if self.after is not None:
            self.after(outcome)
        return outcome

    def replay(self, outcome: Outcome, *, detail: bool = False) -> Outcome:
        """Runs exactly the same schedule again."""
        return self.run(Replay(outcome.answers), order=outcome.recipe.order, detail=detail)

    def under(self, **changes: Any) -> Runner:
        """Returns a runner of the same program with other settings."""
        return replace(self, **changes)
