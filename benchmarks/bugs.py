"""How many schedules it takes to find each classic bug, for the portfolio and for each strategy alone.

python -m benchmarks bugs
python -m benchmarks bugs --search-only
python -m benchmarks bugs --only "cache stampede" --seeds 5
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import repeat

from rich.table import Table

import interlace
from benchmarks.options import Options
from benchmarks.programs.catalogue import Bug, catalogue
from interlace.api import _program
from interlace.backends.aio.run import Asyncio
from interlace.engine.run import Runner
from interlace.model.choice import Strategy
from interlace.model.outcome import Outcome, innermost
from interlace.strategies.pct import Priorities
from interlace.strategies.portfolio import seeds
from interlace.strategies.pos import PartialOrder
from interlace.strategies.replay import Named
from interlace.strategies.reversal import pair_reversals, single_reversals
from interlace.strategies.uniform import Paced, Uniform, Walk

_SAMPLERS: dict[str, Callable[[int], Strategy]] = {
    "Uniform": lambda horizon: Uniform(),
    "Walk": lambda horizon: Walk(),
    "Paced": lambda horizon: Paced(),
    "PartialOrder": lambda horizon: PartialOrder(),
    "Priorities(3)": lambda horizon: Priorities(3, horizon),
}


def columns(options: Options) -> tuple[str, ...]:
    """Returns what is measured: the search as users run it, and the strategies that it is made of."""
    return ("portfolio", *_SAMPLERS, "reversal") if options.alone else ("portfolio",)


@dataclass
class Row:
    """What one bug took.

    Args:
        name: that of the bug.
        cells: for each column and seed, the number of the run that failed; None: not within the cap.
        alarms: how many searches through the fixed twin ended with a failure.
        latent: how many of them ended with a latent finding.
        seconds: how long all of that took.
    """

    name: str
    cells: dict[str, list[int | None]] = field(default_factory=dict)
    alarms: int = 0
    latent: int = 0
    seconds: float = 0.0


def measure(bug: Bug, options: Options) -> Row:
    """Looks for one bug in every way, and for none in its fixed twin."""
    begun = time.perf_counter()
    row = Row(bug.name)
    runner = Runner(_program(bug.broken), Asyncio(), order=bug.order, faults=bug.faults)
    plain = runner.run(None)
    assert not plain.failed, f"{bug.name}: the plain run fails: {plain.error!r}"
    row.cells["portfolio"] = [_explore(bug, seed, options.cap) for seed in range(options.seeds)]
    for name, make in _SAMPLERS.items() if options.alone else ():
        strategy = make(len(plain.points))
        row.cells[name] = [
            _first(_sampled(runner, strategy, seed), bug, options.cap) for seed in range(options.seeds)
        ]
    if options.alone:
        row.cells["reversal"] = [_first(_reversed(runner, plain), bug, options.cap)]
    for seed in range(options.seeds):
        found = interlace.explore(
            bug.fixed, schedules=options.twin_runs, order=bug.order, faults=bug.faults, seed=seed
        )
        row.alarms += bool(found.failures)
        row.latent += bool(found.latent)
    row.seconds = time.perf_counter() - begun
    return row


def _explore(bug: Bug, seed: int, cap: int) -> int | None:
    found = interlace.explore(bug.broken, schedules=cap, order=bug.order, faults=bug.faults, seed=seed)
    if found.failure is None:
        return None
    assert found.failure.type == bug.raises, f"{bug.name}: another failure: {found.failure.error!r}"
    return found.failure.runs_to_failure


def _sampled(runner: Runner, strategy: Strategy, seed: int) -> Iterator[Outcome]:
    for number in seeds(seed):
        yield runner.run(strategy, seed=number)


def _reversed(runner: Runner, plain: Outcome) -> Iterator[Outcome]:
    for deviation in single_reversals(plain):
        yield runner.run(Named([deviation]))
    for pair in pair_reversals(plain):
        yield runner.run(Named(pair))


def _first(outcomes: Iterator[Outcome], bug: Bug, cap: int) -> int | None:
    """Returns the number of the first outcome that shows the bug, counted from 1."""
    for number, outcome in zip(range(1, cap + 1), outcomes, strict=False):
        if outcome.error is not None and type(innermost(outcome.error)).__name__ == bug.raises:
            return number
    return None


def show(cell: list[int | None], cap: int) -> str:
    """Words a cell: the median, and the maximum in brackets where it differs."""
    numbers = sorted(cap + 1 if number is None else number for number in cell)
    median = statistics.median(numbers)
    worst = numbers[-1]

    def word(number: float) -> str:
        return "-" if number > cap else f"{number:g}"

    return word(median) if median == worst else f"{word(median)} ({word(worst)})"


def tables(options: Options) -> Iterator[Table]:
    """Measures all bugs and returns the table."""
    bugs = [bug for bug in catalogue().values() if not options.only or options.only in bug.name]
    rows: list[Row] = []
    with ProcessPoolExecutor(options.jobs) if options.jobs > 1 else nullcontext() as pool:
        for row in (pool.map if pool else map)(measure, bugs, repeat(options)):
            rows.append(row)
            cells = ", ".join(
                f"{column} {show(row.cells[column], options.cap)}" for column in columns(options)
            )
            print(f"{row.name}: {cells}, {row.seconds:.0f} s", file=sys.stderr, flush=True)
    table = Table(
        title=f"Schedules to the first failure: median (maximum) of {options.seeds} seeds, at most {options.cap:,}"
    )
    table.add_column("bug")
    table.add_column("order")
    for column in columns(options):
        table.add_column(column, justify="right")
    table.add_column("false alarms", justify="right")
    for bug, row in zip(bugs, rows, strict=True):
        setting = "+".join((bug.order, *bug.faults))
        alarms = str(row.alarms) + (f" (+{row.latent} latent)" if row.latent else "")
        table.add_row(
            bug.name, setting, *(show(row.cells[column], options.cap) for column in columns(options)), alarms
        )
    yield table
