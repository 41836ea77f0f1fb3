"""What tests, their collection and virtual sleeps cost, in instructions of the processor, which no other load disturbs.

python -m benchmarks instructions
python -m benchmarks instructions --only sleeps

Each program is run in two sizes under valgrind, and the difference is divided by that of the sizes: what it
takes to start is left out. Seconds are what counts in the end, but on a machine that does other work as
well they repeat within a third, and these figures within a hundredth.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.table import Table

from benchmarks import overhead, sleeps
from benchmarks.options import Options
from benchmarks.programs.sleepers import LENGTHS
from benchmarks.suites import AUTO, FLOOR, KINDS, OURS, Bench, Candidate, arguments, environment, write

TESTS = (100, 300)
"""How many tests each suite has."""

SLEEPS = (4, 10)
"""How often each of the tasks sleeps."""

_COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")


def tables(options: Options) -> Iterator[Table]:
    """Returns one table for running tests, one for collecting them and one for virtual sleeps."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        table = Table("instructions")
        table.add_row("not counted, as valgrind is not here: apt-get install valgrind")
        yield table
        return
    with tempfile.TemporaryDirectory() as directory:
        counter = Counter(Bench(Path(directory)), valgrind)
        for name, table in (("overhead", _running), ("collection", _collecting), ("sleeps", _sleeping)):
            if options.only in name:
                yield table(counter, options.scale)


class Counter:
    """Runs programs under valgrind.

    Args:
        bench: the Pythons.
        valgrind: where it is.
    """

    def __init__(self, bench: Bench, valgrind: str) -> None:
        self.bench = bench
        self._valgrind = valgrind

    def count(self, candidate: Candidate, told: list[str], where: Path) -> int:
        """Returns how many instructions a Python of the candidate takes; the second time, so that everything is compiled.

        Raises:
            RuntimeError: it failed.
        """
        python = [str(self.bench.python(candidate)), *told]
        quiet = [self._valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
        for command in (python, [*quiet, *python]):
            done = subprocess.run(
                command,
                cwd=where,
                env={**environment(self.bench.directory), "PYTHONMALLOC": "pymalloc"},
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                raise RuntimeError(f"{candidate.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        print(f"instructions: {candidate.name} {' '.join(told[1:4])}", file=sys.stderr, flush=True)
        counted = _COUNTED.search(done.stderr)
        if counted is None:
            raise RuntimeError(f"valgrind counted nothing: {done.stderr[-2000:]}")
        return int(counted[1].replace(",", ""))

    def of_a_test(
        self, candidate: Candidate, model: Candidate, kind: str, scale: int, *options: str
    ) -> float:
        """Returns what one test costs, written as the model would write it."""
        sizes = [max(size // scale, number + 1) for number, size in enumerate(TESTS)]
        counts: list[int] = []
        for size in sizes:
            suite = self.bench.directory / "-".join([model.name, kind, str(size)])
            if not suite.exists():
                write(model, kind, size, suite)
            counts.append(self.count(candidate, [*arguments(candidate), *options], suite))
        return (counts[1] - counts[0]) / (sizes[1] - sizes[0])


def _running(counter: Counter, scale: int) -> Table:
    table = Table(
        title="Thousands of instructions of a test, and those above a sync test as a part of what "
        + AUTO.name
        + " takes"
    )
    table.add_column("")
    costs: dict[tuple[str, str], float] = {}
    candidates = [candidate for candidate in (FLOOR, OURS, AUTO) if counter.bench.can_run(candidate)]
    for kind in KINDS:
        table.add_column(kind, justify="right")
        table.add_column("ratio", justify="right")
        for candidate in candidates:
            costs[candidate.name, kind] = counter.of_a_test(candidate, candidate, kind, scale)
    for candidate in candidates:
        cells: list[str] = []
        for kind in KINDS:
            cost, floor = costs[candidate.name, kind], costs[FLOOR.name, KINDS[0]]
            theirs = costs.get((AUTO.name, kind))
            cells.append(f"{cost / 1000:,.0f}")
            cells.append(f"{(cost - floor) / (theirs - floor):.3f}" if theirs else "")
        table.add_row(candidate.name, *cells)
    table.add_row(
        "bar for interlace", *(cell for kind in KINDS for cell in ("", f"{overhead.BARS[kind]:.2f}"))
    )
    return table


def _collecting(counter: Counter, scale: int) -> Table:
    table = Table(title="Thousands of instructions of collecting a test")
    for column in ("suite", "without", "with", "ratio", "bar"):
        table.add_column(column, justify="right")
    bare = replace(OURS, name="without interlace", plugins=("keyword",))
    for name, model in (("sync tests", FLOOR), ("async tests", OURS)):
        without, within = (
            counter.of_a_test(candidate, model, KINDS[0], scale, "--collect-only")
            for candidate in (bare, OURS)
        )
        figures = (f"{without / 1000:,.0f}", f"{within / 1000:,.0f}", f"{within / without:.3f}")
        table.add_row(name, *figures, f"{overhead.COLLECTION:.2f}")
    return table


def _sleeping(counter: Counter, scale: int) -> Table:
    tasks = max(sleeps.TASKS // scale, 2)
    table = Table(
        title=f"Thousands of instructions of a virtual sleep, one of {tasks:,} tasks, and those of interlace as a part of it"
    )
    table.add_column("")
    candidates = [*sleeps.OURS, *(peer for peer in sleeps.PEERS if counter.bench.can_run(peer))]
    costs: dict[tuple[str, str], float] = {}
    for kind in LENGTHS:
        table.add_column(f"lengths: {kind}", justify="right")
        table.add_column("interlace_runner", justify="right")
        table.add_column("interlace_run", justify="right")
        for candidate in candidates:
            few, many = (
                counter.count(
                    candidate,
                    [str(sleeps.SCRIPT), candidate.name, kind, str(tasks), str(number)],
                    counter.bench.directory,
                )
                for number in SLEEPS
            )
            costs[candidate.name, kind] = (many - few) / (SLEEPS[1] - SLEEPS[0]) / tasks
    for candidate in candidates:
        cells: list[str] = []
        for kind in LENGTHS:
            cost = costs[candidate.name, kind]
            cells.append(f"{cost / 1000:,.1f}")
            cells += [f"{costs[ours.name, kind] / cost:.2f}" for ours in sleeps.OURS]
        table.add_row(candidate.name, *cells)
    return table
