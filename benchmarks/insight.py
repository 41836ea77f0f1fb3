"""A lost update behind fakes that take no time, and behind those that do: in which a search finds it.

python -m benchmarks insight
python -m benchmarks insight --seeds 5
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from benchmarks.options import Options
from benchmarks.programs.counters import ASIDE, TASKS
from benchmarks.suites import Bench, Candidate, environment

SCHEDULES = 10

SCRIPT = Path(__file__).parent / "programs" / "counters.py"

# aioresponses 0.7.9 fails with aiohttp 3.14.
PINS = (
    *("aiohttp==3.13.5", "aioresponses==0.7.9", "fakeredis==2.41.0", "h11==0.16.0", "httpx==0.28.1"),
    *("redis==8.1.0", "respx==0.23.1", "rich==15.0.0", "starlette==1.10.0", "time-machine==3.6.0"),
    *("uvicorn==0.54.0", "websockets==17.4"),
)


def tables(options: Options) -> Iterator[Table]:
    """Returns the table."""
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        candidate = Candidate("counters", peer=" ".join(PINS))
        if not bench.can_run(candidate):
            raise RuntimeError(f"what is compared cannot be installed: {bench.missing}")
        seeds = options.seeds
        done = subprocess.run(
            [str(bench.python(candidate)), str(SCRIPT), str(seeds), str(SCHEDULES)],
            env=environment(bench.directory),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    lines: dict[str, tuple[int, int]] = json.loads(done.stdout.splitlines()[-1])
    table = Table(
        title=f"An update lost by {TASKS} tasks that read and write a number behind a fake: on how many of {seeds} seeds a "
        f"search finds it in {SCHEDULES} schedules"
    )
    table.add_column("behind")
    table.add_column("found", justify="right")
    table.add_column("bar", justify="right")
    table.add_column(f"false alarms, with a lock, {5 * SCHEDULES} schedules", justify="right")
    for name, (found, alarms) in lines.items():
        table.add_row(
            name, f"{found} of {seeds}", "hidden" if name in ASIDE else f"{seeds} of {seeds}", str(alarms)
        )
    yield table
