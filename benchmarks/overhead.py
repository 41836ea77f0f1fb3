"""What it costs to run an async test, as ratios of CPU time above that of as many sync tests.

python -m benchmarks overhead
python -m benchmarks overhead --rounds 3 --only anyio
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.table import Table

from benchmarks.options import Options
from benchmarks.suites import AUTO, FLOOR, KINDS, OURS, PEERS, Bench, Candidate, write

TESTS = 2000

BARS = {"no fixture": 0.25, "one async fixture": 0.5, "three async generators": 0.5}
"""At most this part of what pytest-asyncio costs in its auto mode."""

COLLECTION = 1.03
"""At most this part of the time that collecting takes without interlace."""

Suites = dict[tuple[Candidate, str], Path]
Times = dict[tuple[Candidate, str], list[float]]


def tables(options: Options) -> Iterator[Table]:
    """Returns one table for running tests and one for collecting them."""
    tests = TESTS // options.scale
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        yield _running(bench, options, tests)
        yield _collecting(bench, options, tests)


def _running(bench: Bench, options: Options, tests: int) -> Table:
    compared = [peer for peer in PEERS if options.only in peer.name and bench.can_run(peer)]
    candidates = [FLOOR, OURS, *compared]
    suites: Suites = {
        (candidate, kind): write(candidate, kind, tests, bench.directory / candidate.name / kind)
        for candidate in candidates
        for kind in KINDS
    }
    times: Times = {key: [] for key in suites}
    for number in range(options.rounds + 1):
        for key, suite in suites.items():
            seconds = bench.seconds(key[0], suite, tests)
            if number:  # the first round compiles the files
                times[key].append(seconds)
        print(f"overhead: round {number} of {options.rounds}", file=sys.stderr, flush=True)

    table = Table(
        title=f"CPU time of a test above that of a sync test without fixtures, in ms, and as a part of what "
        f"{AUTO.name} takes; {tests:,} tests, {options.rounds} rounds: median (lowest to highest)"
    )
    table.add_column("")
    for kind in KINDS:
        table.add_column(kind, justify="right")
        table.add_column("ratio", justify="right")
    for candidate in candidates:
        cells: list[str] = []
        for kind in KINDS:
            above = _above(times, candidate, kind)
            cells.append(_spread([second / tests * 1000 for second in above]))
            theirs = _above(times, AUTO, kind) if AUTO in candidates else []
            cells.append(_spread([mine / other for mine, other in zip(above, theirs, strict=False)]))
        table.add_row(candidate.name, *cells)
    table.add_row("bar for interlace", *(cell for kind in KINDS for cell in ("", f"{BARS[kind]:.2f}")))
    floor = statistics.median(times[FLOOR, KINDS[0]]) / tests * 1000
    caption = [f"a sync test takes {floor:.2f} ms"]
    caption += [f"{peer} cannot be installed: {reason}" for peer, reason in bench.missing.items()]
    table.caption = "; ".join(caption)
    return table


def _above(times: Times, candidate: Candidate, kind: str) -> list[float]:
    """Returns what a candidate took in each round above the floor of the same round."""
    floor = times[FLOOR, KINDS[0]]
    return [mine - least for mine, least in zip(times[candidate, kind], floor, strict=True)]


def _collecting(bench: Bench, options: Options, tests: int) -> Table:
    # Whatever -p names, pytest reads the entry points of all packages first; as it does anyway without it.
    bare = replace(OURS, name="without interlace", plugins=("keyword",))
    table = Table(
        title=f"CPU time of collecting {tests:,} tests with interlace, as a part of that without: "
        "median (lowest to highest quarter)"
    )
    for column in ("suite", "without, ms", "with, ms", "ratio", "bar"):
        table.add_column(column, justify="right")
    for name, model in (("sync tests", FLOOR), ("async tests", OURS)):
        suite = write(model, KINDS[0], tests, bench.directory / "collected" / name)
        pairs: list[tuple[float, float]] = []
        repetitions = options.rounds * 5
        for number in range(repetitions + 1):
            # In turns, each first as often as the other.
            order = (bare, OURS) if number % 2 else (OURS, bare)
            taken = {one.name: bench.seconds(one, suite, None) for one in order}
            if number:
                pairs.append((taken[bare.name], taken[OURS.name]))
        print(f"overhead: {name} collected {repetitions} times", file=sys.stderr, flush=True)
        without, within = ([pair[side] * 1000 for pair in pairs] for side in (0, 1))
        ratios = sorted(mine / other for other, mine in pairs)
        quarter = len(ratios) // 4
        table.add_row(
            name,
            f"{statistics.median(without):.0f}",
            f"{statistics.median(within):.0f}",
            f"{statistics.median(ratios):.3f} ({ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f})",
            f"{COLLECTION:.2f}",
        )
    return table


def _spread(figures: list[float]) -> str:
    if not figures:
        return ""
    return f"{statistics.median(figures):.2f} ({min(figures):.2f} to {max(figures):.2f})"
