"""What it costs to set a test up anew for the next schedule, and that many schedules leave nothing behind.

python -m benchmarks renewal
python -m benchmarks renewal --rounds 3 --only tmp_path
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.options import Options
from benchmarks.suites import environment

TIMED = 1000
WATCHED = 10_000
EARLY = 100
"""How many schedules are timed; how many are watched, and from which of them on."""

ARGUMENTS = {
    "no fixture": "",
    "three sync generators": "plain_3",
    "three async generators": "third",
    "tmp_path": "tmp_path",
    "a fixture on a shared one": "on_shared",
}

BARS = {"no fixture": 40, "three sync generators": 200}
"""Microseconds."""

_TEST = """
import asyncio
import pytest

@pytest.fixture
def plain_1():
    yield 1

@pytest.fixture
def plain_2(plain_1):
    yield plain_1 + 1

@pytest.fixture
def plain_3(plain_2):
    yield plain_2 + 1

@pytest.fixture
async def first():
    yield 1

@pytest.fixture
async def second(first):
    yield first + 1

@pytest.fixture
async def third(second):
    yield second + 1

@pytest.fixture(scope="session")
def shared():
    yield 1

@pytest.fixture
def on_shared(shared):
    yield shared + 1

async def steps():
    for _ in range(4):
        await asyncio.sleep(0)

@pytest.mark.explore(schedules=SCHEDULES, order="any")
async def test_it(ARGUMENTS):
    await asyncio.gather(*(steps() for _ in range(5)))
"""

_PROBE = """
import gc
import json
import time
import tracemalloc
from pathlib import Path

from interlace.plugin.compat import Renewal

SETTING_UP = TEARING_DOWN = RUNS = 0
SEEN = {}

def timed(name, function):
    def wrapped(renewal):
        begun = time.process_time_ns()
        try:
            function(renewal)
        finally:
            globals()[name] += time.process_time_ns() - begun
    return wrapped

def look(item):
    state = item.session._setupstate.stack
    finalizers = sum(len(one[0]) for one in state.values())
    known = item._fixtureinfo.name2fixturedefs.values()
    finalizers += sum(len(one._finalizers) for found in known for one in found)
    gc.collect()
    return {"finalizers": finalizers, "memory": tracemalloc.get_traced_memory()[0]}

tear_down, set_up = timed("TEARING_DOWN", Renewal.tear_down), timed("SETTING_UP", Renewal.set_up)

def counted(renewal):
    global RUNS
    tear_down(renewal)
    RUNS += 1
    if RUNS in LOOKS:
        SEEN[RUNS] = look(renewal._item)

Renewal.tear_down, Renewal.set_up = counted, set_up

def pytest_sessionstart():
    if LOOKS:
        tracemalloc.start()

def pytest_sessionfinish():
    seen = {"runs": RUNS, "setting up": SETTING_UP, "tearing down": TEARING_DOWN, "seen": list(SEEN.values())}
    Path("seen.json").write_text(json.dumps(seen))
"""


def tables(options: Options) -> Iterator[Table]:
    """Returns the table."""
    timed, watched = TIMED // options.scale, WATCHED // options.scale
    kinds = [kind for kind in ARGUMENTS if options.only in kind]
    up: dict[str, list[float]] = {kind: [] for kind in kinds}
    down: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(options.rounds):
        for kind in kinds:
            seen = _run(kind, timed)
            up[kind].append(seen["setting up"] / seen["runs"] / 1000)
            down[kind].append(seen["tearing down"] / seen["runs"] / 1000)
        print(f"renewal: round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)

    table = Table(
        title=f"setting a test up anew, microseconds of CPU time a schedule: median (lowest to highest) of "
        f"{options.rounds} rounds of {timed:,} schedules; and what {watched:,} schedules leave behind"
    )
    headings = ("", "tearing down", "setting up", "both", "bar", "finalizers", "bytes a schedule")
    for column in headings:
        table.add_column(column, justify="right" if column else "left")
    for kind in kinds:
        early, late = _run(kind, watched, EARLY // options.scale or 1)["seen"]
        grown = (late["memory"] - early["memory"]) / (watched - EARLY)
        both = [sum(pair) for pair in zip(up[kind], down[kind], strict=True)]
        bar = f"{BARS[kind]}" if kind in BARS else ""
        table.add_row(
            kind,
            *(_spread(figures) for figures in (down[kind], up[kind], both)),
            bar,
            f"{early['finalizers']}, then {late['finalizers']}",
            f"{grown:.1f}",
        )
    yield table


def _run(kind: str, schedules: int, *looks: int) -> dict[str, Any]:
    """Explores one test; returns what the probe has seen, in nanoseconds."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        looks = (*looks, schedules) if looks else ()
        (directory / "pytest.ini").write_text("[pytest]\n")
        (directory / "conftest.py").write_text(f"LOOKS = {looks}\n{_PROBE}")
        test = _TEST.replace("SCHEDULES", str(schedules)).replace("ARGUMENTS", ARGUMENTS[kind])
        (directory / "test_it.py").write_text(test)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "interlace.plugin"]
        done = subprocess.run(
            command, cwd=directory, env=environment(directory), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{kind}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        seen: dict[str, Any] = json.loads((directory / "seen.json").read_text())
    if seen["runs"] < schedules:
        raise RuntimeError(f"{kind}: only {seen['runs']} of {schedules} schedules were run")
    return seen


def _spread(figures: list[float]) -> str:
    return f"{statistics.median(figures):.0f} ({min(figures):.0f} to {max(figures):.0f})"
