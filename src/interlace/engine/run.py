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
from interlace.model.start import Start
from interlace.sim.faults import Faults
from interlace.sim.randomness import seeded
from interlace.sim.world import World
from interlace.strategies.replay import Replay


class Running(Protocol):
    """One run, opened by a backend."""

    @property
    def world(self) -> World:
        """The world that it takes place in."""
        ...

    def main(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Runs a coroutine to its end, as a task of its own, and returns its result or raises its error."""
        ...

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Does the same in the one task that all calls share."""
        ...

    def take(self, value: Any, error: BaseException | None) -> Ending:
        """Takes the outcome; once taken, it stays."""
        ...

    def close(self) -> None:
        """Ends what the program left running."""
        ...


class Backend(Protocol):
    """Opens runs in worlds."""

    def open(self, world: World) -> Any:
        """Returns a `Running` in this world."""
        ...


Program = Callable[[Any], Any]
"""Takes a `Running`, runs the program on it, and returns its result or raises its error."""


@dataclass
class Runner:
    """Runs one program again and again, each time in a world of its own.

    Args:
        program: runs the program, given a `Running`.
        backend: what drives it.
        order: which orders of steps are allowed unless a run says otherwise.
        faults: the faults that were asked for, as the user wrote them.
        seed: the seed of the world's random values.
        start: when and where the virtual time begins.
        prepared: the first run, where its set-up begins before the search does.
        after: called with the outcome of each run; what it raises ends the search.

    Attributes:
        runs: how many runs there were.
    """

    program: Program
    backend: Backend
    order: Order = "realistic"
    faults: tuple[str, ...] = ()
    seed: int = 0
    start: Start = field(default_factory=Start)
    prepared: Any = None
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
        running, self.prepared = self.prepared, None
        if running is None:
            faults = Faults.parse(self.faults)
            world = World(
                answering, order=order, faults=faults, seed=self.seed, detail=detail, start=self.start
            )
            running = self.backend.open(world)
        world = running.world
        collects = gc.isenabled()
        gc.disable()  # a collection at an arbitrary moment runs finalizers at an arbitrary moment
        try:
            with seeded(self.seed):
                ending = drive(running, self.program)
        finally:
            if collects:
                gc.enable()
        if world.diverged:
            raise Diverged(world.diverged)
        outcome = Outcome(
            recipe=Recipe(Schedule.of(world.answers), order, self.faults, self.seed, start=self.start),
            points=world.points,
            answers=world.answers,
            asking_steps=world.asking_steps,
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


def drive(running: Running, program: Program) -> Ending:
    """Runs the program to its end and takes the outcome before anything is torn down."""
    value: Any = None
    error: BaseException | None = None
    try:
        try:
            value = program(running)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as caught:
            error = caught
        return running.take(value, error)
    finally:
        running.close()
        error = None  # its traceback holds this frame
