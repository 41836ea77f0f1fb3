"""What stays behind of worlds with connections: sockets, threads, memory, objects.

python -m benchmarks leaks
python -m benchmarks leaks --only secured
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from benchmarks.options import Options
from benchmarks.programs.worlds import PROGRAMS, run_once

WORLDS = 10_000

WARM = 50
"""How many worlds after which whatever is made once in a process is there."""


class Holding(NamedTuple):
    """What a process holds.

    Args:
        descriptors: how many are open; -1 where nobody tells.
        threads: how many there are.
        kilobytes: of memory; -1 where nobody tells.
        objects: how many of each type the garbage collector knows.
    """

    descriptors: int
    threads: int
    kilobytes: int
    objects: Counter[str]


def holding() -> Holding:
    """Returns what this process holds now, after everything that can be let go of is."""
    for _ in range(3):
        gc.collect()
    descriptors = kilobytes = -1
    if sys.platform == "linux":
        descriptors = len(os.listdir("/proc/self/fd"))
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        kilobytes = pages * os.sysconf("SC_PAGE_SIZE") // 1024
    objects = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())
    return Holding(descriptors, threading.active_count(), kilobytes, objects)


def grown(run: Callable[[int], object], worlds: int, warm: int = WARM) -> tuple[Holding, Holding, list[str]]:
    """Runs something so many times; returns what is held before and after, and what seems to leak.

    A type of which there is one more for each run, or nearly, leaks.
    """
    for number in range(warm):
        run(number)
    before = holding()
    for number in range(worlds):
        run(number)
    after = holding()
    leaking = [
        f"{name}: {more:+,}"
        for name, more in (after.objects - before.objects).most_common()
        if more >= worlds * 0.9
    ]
    if after.descriptors > before.descriptors:
        leaking.append(f"descriptors: {after.descriptors - before.descriptors:+,}")
    if after.threads > before.threads:
        leaking.append(f"threads: {after.threads - before.threads:+,}")
    return before, after, leaking


def tables(options: Options) -> Iterator[Table]:
    """Returns the table."""
    worlds = max(WORLDS // options.scale, 1)
    table = Table(title=f"What {worlds:,} worlds of each kind leave behind")
    for column in ("worlds", "seconds", "descriptors", "threads", "memory, KiB", "objects", "leaking"):
        table.add_column(column, justify="left" if column in ("worlds", "leaking") else "right")
    for name, program in PROGRAMS.items():
        if options.only not in name:
            continue
        began = time.perf_counter()
        before, after, leaking = grown(lambda number, program=program: run_once(program, number), worlds)  # type: ignore[misc]
        table.add_row(
            name,
            f"{time.perf_counter() - began:.1f}",
            *(f"{one:,} → {other:,}" for one, other in zip(before[:3], after[:3], strict=True)),
            f"{before.objects.total():,} → {after.objects.total():,}",
            ", ".join(leaking) or "nothing",
        )
        print(f"leaks: {name}", file=sys.stderr, flush=True)
    yield table
