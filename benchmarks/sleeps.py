"""What a virtual sleep costs, in CPU seconds, beside the other packages with a virtual clock.

python -m benchmarks sleeps
python -m benchmarks sleeps --rounds 3 --only trio
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from benchmarks.options import Options
from benchmarks.programs.sleepers import LENGTHS
from benchmarks.suites import Bench, Candidate, environment

TASKS = 1000
SLEEPS = 100

SCRIPT = Path(__file__).parent / "programs" / "sleepers.py"

# Each is named after its function in sleepers.py.
OURS = (Candidate("interlace_runner"), Candidate("interlace_run"))
PEERS = (
    Candidate("looptime", peer="looptime==0.9"),
    Candidate("async_solipsism", peer="async-solipsism==0.10"),
    # Which imports typing_extensions without saying that it needs it.
    Candidate("aiotools", peer="aiotools==2.2.4 typing_extensions"),
    Candidate("trio", peer="trio==0.35.0"),
    Candidate("simloop", peer="simloop==0.2.2"),
    Candidate("simloom", peer="simloom==0.5.0"),
    Candidate("seedloop", peer="seedloop==0.4.1"),
)


def tables(options: Options) -> Iterator[Table]:
    """Returns the table."""
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        compared = [peer for peer in PEERS if options.only in peer.name and bench.can_run(peer)]
        candidates = [*OURS, *compared]
        times: dict[tuple[str, str], list[float]] = {}
        for number in range(options.rounds):
            for candidate in candidates:
                for kind in LENGTHS:
                    seconds = _seconds(bench, candidate, kind, options.scale)
                    times.setdefault((candidate.name, kind), []).append(seconds)
            print(f"sleeps: round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)

    tasks, sleeps = _size(options.scale)
    table = Table(
        title=f"CPU seconds of {tasks * sleeps:,} virtual sleeps of {tasks:,} tasks, {options.rounds} rounds: best "
        "(median), and the best of interlace.run as a part of it"
    )
    table.add_column("")
    for kind in LENGTHS:
        table.add_column(f"lengths: {kind}", justify="right")
        table.add_column("ratio", justify="right")
    for candidate in candidates:
        cells: list[str] = []
        for kind in LENGTHS:
            taken = times[candidate.name, kind]
            ours = min(times["interlace_run", kind])
            cells += [f"{min(taken):.2f} ({statistics.median(taken):.2f})", f"{ours / min(taken):.2f}"]
        table.add_row(candidate.name, *cells)
    caption = [f"{peer} cannot be installed: {reason}" for peer, reason in bench.missing.items()]
    table.caption = "; ".join(caption) or None
    yield table


def _size(scale: int) -> tuple[int, int]:
    return max(TASKS // scale, 2), SLEEPS


def _seconds(bench: Bench, candidate: Candidate, kind: str, scale: int) -> float:
    """Returns what one run took in a process of its own, in CPU seconds, imports left out."""
    done = subprocess.run(
        [str(bench.python(candidate)), str(SCRIPT), candidate.name, kind, *map(str, _size(scale))],
        env=environment(bench.directory),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{candidate.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    seconds: float = json.loads(done.stdout.splitlines()[-1])
    return seconds
