"""The composition root: the one place where the engine meets a backend and a report.

`run`, `explore` and `replay` are all that the command line and the pytest plugin use.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from unittest.mock import DEFAULT

from interlace.api.mocks import AsyncMock, MagicMock
from interlace.api.patching import patch
from interlace.api.world import World
from interlace.backends.aio.run import MAX_STEPS, MAX_TIME, Asyncio, Running, new_event_loop
from interlace.engine.explore import Progress, Search
from interlace.engine.plan import Plan, check_order
from interlace.engine.run import Program, Runner
from interlace.errors import UsageError
from interlace.model.choice import Order
from interlace.model.outcome import Outcome
from interlace.model.schedule import Recipe, Schedule
from interlace.model.start import Start
from interlace.model.verdict import Failure, Findings, Verdict
from interlace.report.json import findings_to_json
from interlace.report.text import findings_to_text
from interlace.services import faults as fault
from interlace.services.http import replies as reply
from interlace.services.http import ws
from interlace.services.order import in_order
from interlace.sim.faults import Faults
from interlace.sim.network.service import after
from interlace.sim.world import World as SimWorld
from interlace.strategies.replay import Replay
from interlace.strategies.uniform import Uniform

Main = Callable[..., Coroutine[Any, Any, Any]]


class Stage:
    """A program with a set-up of its own before each run; the pytest plugin has one for each test.

    `run`, `explore` and `replay` take one in the place of a coroutine function.

    Attributes:
        prepared: the first run, where the set-up for it begins earlier; see `open_first`.
        start: when and where the virtual time of each run begins.
        backend: what drives them.
    """

    prepared: Running | None = None
    start: Start = Start()
    backend: Asyncio = Asyncio()

    def enter(self, running: Running) -> Any:
        """Sets up for one run, runs the program with `running.call`, and raises its error."""
        raise NotImplementedError

    def leave(self, outcome: Outcome) -> None:
        """Looks at the outcome of one run; what it raises ends a search."""


@dataclass(frozen=True)
class Result(Findings):
    """What `explore` found. See `Findings` for the fields."""

    target: str = "MODULE:FUNC"

    def report(self, *, color: bool = False, width: int = 100, verbose: int = 0) -> str:
        """Returns the report as text.

        Args:
            color: whether to use terminal colours.
            width: in columns.
            verbose: 2 shows the frames of libraries too.
        """
        return findings_to_text(self, target=self.target, color=color, width=width, verbose=verbose)

    def to_json(self) -> dict[str, Any]:
        """Returns the report as data, see docs/reference/json.md for its schema."""
        return findings_to_json(self)


def run(
    main: Main | Stage,
    *,
    order: Order = "realistic",
    schedule: Schedule | Iterable[int] | None = None,
    seed: int | None = None,
    now: str | datetime | None = None,
    tz: str | None = None,
    max_steps: int = MAX_STEPS,
    max_time: float = MAX_TIME,
) -> Outcome:
    """Runs `main` once in a fresh world and returns what came of it; never raises its error.

    Args:
        main: a coroutine function that takes nothing, or the `World`.
        order: which orders of steps are allowed: "realistic", "batch" or "any".
        schedule: the answers to give; None is the plain run.
        seed: where given, and no schedule is, the answers are random, drawn from it.
        now: the date and time at the beginning, in ISO 8601 or as a datetime, with its offset; None:
            2026-01-01T00:00:00Z.
        tz: the IANA name of the local time zone; None: UTC, or that of `now` where it has a `ZoneInfo`.
        max_steps: the run is stopped with `Runaway` after this many steps, and with `Standstill` where far
            fewer have led nowhere; 0: never.
        max_time: the run is stopped with `Runaway` after this many virtual seconds; 0: never.

    Raises:
        UsageError: `main` is not a coroutine function, an order or a zone that does not exist, or a
            date and time without an offset.
    """
    check_order(order)
    runner = _runner(
        main, Recipe(order=order, seed=_check_seed(seed), start=Start.parse(now, tz)), max_steps, max_time
    )
    if schedule is not None:
        return runner.run(Replay(_check_answers(schedule)))
    return runner.run(Uniform() if seed is not None else None, seed=seed or 0)


def explore(
    main: Main | Stage,
    *,
    schedules: int = 200,
    order: Order = "realistic",
    faults: Iterable[str] = (),
    seed: int = 0,
    stop_on_failure: bool = True,
    progress: Progress | None = None,
    target: str | None = None,
    now: str | datetime | None = None,
    tz: str | None = None,
    max_steps: int = MAX_STEPS,
    max_time: float = MAX_TIME,
) -> Result:
    """Runs `main` under many schedules, and makes the first failure small.

    Args:
        main: a coroutine function that takes nothing, or the `World`; called afresh for every run.
        schedules: how many runs at most, the plain one included; shrinking is not counted.
        order: which orders of steps are allowed: "realistic", "batch" or "any".
        faults: what to inject: "cancel", "slow", "crash", "net", and others; see docs/reference/api.md.
        seed: what every random answer is drawn from.
        stop_on_failure: whether the search ends with the first failure.
        progress: called with (runs so far, runs at most) after each run.
        target: what the replay command in the report names; None: made up from `main`.
        now: as for `run`.
        tz: as for `run`.
        max_steps: as for `run`, of each run.
        max_time: as for `run`, of each run.

    Raises:
        UsageError: an argument that cannot work.
    """
    words = (faults,) if isinstance(faults, str) else tuple(faults)
    plan = Plan(schedules, order, words, _check_seed(seed), stop_on_failure)
    start = main.start if isinstance(main, Stage) else Start.parse(now, tz)
    runner = _runner(
        main, Recipe(order=order, faults=words, seed=plan.seed, start=start), max_steps, max_time
    )
    findings = Search(runner, plan, progress).run()
    return Result(**vars(findings), target=target or target_of(main))


def replay(
    main: Main | Stage,
    token: str,
    *,
    detail: bool = False,
    max_steps: int = MAX_STEPS,
    max_time: float = MAX_TIME,
) -> Outcome:
    """Runs `main` exactly as the run did that the token was printed for.

    Args:
        main: as for `explore`.
        token: the token, as printed.
        detail: whether the lines that each step ran are recorded in `Outcome.passages`.
        max_steps: as for `run`.
        max_time: as for `run`.

    Raises:
        BadToken: the token is torn, mistyped or of another version.
        Diverged: the program asks other questions than when the token was printed.
    """
    recipe = Recipe.parse(token)
    runner = _runner(main, recipe, max_steps, max_time)
    return runner.run(Replay(recipe.schedule.answers), detail=detail)


def open_first(recipe: Recipe, backend: Asyncio, *, detail: bool = False) -> Running:
    """Opens the first run of a `Stage`, so that its set-up can begin before the search does.

    Args:
        recipe: what that run replays; without a schedule, the plain run.
        backend: what drives it.
        detail: whether the lines that each step ran are recorded.
    """
    faults = Faults.parse(recipe.faults)
    answers = Replay(recipe.schedule.answers)
    world = SimWorld(
        answers, order=recipe.order, faults=faults, seed=recipe.seed, detail=detail, start=recipe.start
    )
    return backend.open(world)


def target_of(main: Main | Stage) -> str:
    """Returns `MODULE:FUNC` for a function, as the command line names it."""
    return f"{getattr(main, '__module__', '?')}:{getattr(main, '__qualname__', type(main).__name__)}"


def _runner(main: Main | Stage, recipe: Recipe, max_steps: int, max_time: float) -> Runner:
    """Returns what runs a program in worlds of the kind that the recipe names."""
    program = main.enter if isinstance(main, Stage) else _program(main)
    backend = main.backend if isinstance(main, Stage) else Asyncio(max_steps=max_steps, max_time=max_time)
    runner = Runner(
        program, backend, order=recipe.order, faults=recipe.faults, seed=recipe.seed, start=recipe.start
    )
    if isinstance(main, Stage):
        runner.prepared, runner.after = main.prepared, main.leave
    return runner


def _program(main: Main) -> Program:
    """Turns what the user gave into what runs it."""
    if not callable(main) or not _is_coroutine_function(main):
        raise UsageError(
            f"{getattr(main, '__qualname__', main)!r} is not a coroutine function: "
            "give a function defined with 'async def', not its result"
        )
    wanted = [
        parameter
        for parameter in inspect.signature(main).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    patched = [
        one for one in getattr(main, "patchings", ()) if one.new is DEFAULT and one.attribute_name is None
    ]
    wanted = wanted[: max(len(wanted) - len(patched), 0)]  # unittest.mock.patch gives these
    if len(wanted) > 1:
        names = ", ".join(parameter.name for parameter in wanted)
        raise UsageError(
            f"{main.__qualname__}({names}) takes more than a world: wrap it in a function that takes none"
        )
    if not wanted:
        return lambda running: running.main(main())
    if wanted[0].kind is inspect.Parameter.KEYWORD_ONLY:
        return lambda running: running.main(main(**{wanted[0].name: World(running.world)}))
    return lambda running: running.main(main(World(running.world)))


def _is_coroutine_function(main: Any) -> bool:
    while hasattr(main, "func") and hasattr(main, "keywords"):  # functools.partial
        main = main.func
    return inspect.iscoroutinefunction(main) or inspect.iscoroutinefunction(type(main).__call__)


def _check_seed(seed: int | None) -> int:
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool)):
        raise UsageError(f"seed is {seed!r}: give a whole number")
    return seed or 0


def _check_answers(schedule: Iterable[int]) -> tuple[int, ...]:
    answers = tuple(schedule)
    for answer in answers:
        if not isinstance(answer, int) or answer < 0:
            raise UsageError(f"a schedule is made of whole numbers from 0 up, not {answer!r}")
    return answers


__all__ = [
    "AsyncMock",
    "Failure",
    "Faults",
    "MagicMock",
    "Main",
    "Outcome",
    "Result",
    "Running",
    "Schedule",
    "Stage",
    "Verdict",
    "World",
    "after",
    "explore",
    "fault",
    "in_order",
    "new_event_loop",
    "patch",
    "replay",
    "reply",
    "run",
    "ws",
]
