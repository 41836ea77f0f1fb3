"""What a request takes through world.http, as a part of what it takes behind other fakes and against a real server.

python -m benchmarks http --rounds 7
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table

from benchmarks.options import Options
from benchmarks.suites import Bench, Candidate, environment

REQUESTS = 400

SCRIPT = Path(__file__).parent / "programs" / "asking.py"

# aioresponses 0.7.9 fails with aiohttp 3.14.
PINS = (
    *("aiohttp==3.13.5", "aioresponses==0.7.9", "h11==0.16.0", "httpx==0.28.1", "python-multipart==0.0.34"),
    *("respx==0.23.1", "rich==15.0.0", "time-machine==3.6.0", "websockets==17.4"),
)

COMPARED = (
    ("world.http, aiohttp", "aioresponses, aiohttp", "1.00"),
    ("world.http, aiohttp", "respx, httpx", "1.00"),
    ("world.http, aiohttp", "a loopback server, aiohttp", ""),
    ("world.http, httpx", "a loopback server, httpx", "1.00"),
    ("world.http, httpx", "respx, httpx", ""),
)


def tables(options: Options) -> Iterator[Table]:
    """Returns the table."""
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        candidate = Candidate("asking", peer=" ".join(PINS))
        if not bench.can_run(candidate):
            raise RuntimeError(f"what is compared cannot be installed: {bench.missing}")
        count = max(REQUESTS // options.scale, 5)
        done = subprocess.run(
            [str(bench.python(candidate)), str(SCRIPT), str(options.rounds), str(count)],
            env=environment(bench.directory),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    taken: dict[str, list[tuple[float, float]]] = json.loads(done.stdout.splitlines()[-1])
    table = Table(title="a request through world.http, over the same elsewhere")
    for column in ("here", "elsewhere", "µs here", "CPU: median", "worst", "wall: median", "worst", "bar"):
        table.add_column(column)
    for here, elsewhere, bar in COMPARED:
        if options.only not in f"{here} {elsewhere}":
            continue
        pairs = list(zip(taken[here], taken[elsewhere], strict=True))
        cpu = [ours[0] / theirs[0] for ours, theirs in pairs]
        wall = [ours[1] / theirs[1] for ours, theirs in pairs]
        ours = statistics.median(one for one, _ in taken[here]) / count * 1e6
        shown = [
            f"{part:.2f}" for part in (statistics.median(cpu), max(cpu), statistics.median(wall), max(wall))
        ]
        table.add_row(here, elsewhere, f"{ours:.0f}", *shown, bar)
    yield table
