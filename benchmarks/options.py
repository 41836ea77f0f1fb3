"""What one call of the benchmarks measures, and how long it takes over it."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """The settings of a measurement.

    Args:
        seeds: how many seeds each search is repeated with.
        cap: after how many schedules a search gives up.
        twin_runs: how many schedules of each fixed twin are run for each seed.
        jobs: how many processes search at once; timings are taken in one.
        rounds: how often each timing is taken, in turns; the best of each counts.
        scale: what the sizes of the timed programs are divided by.
        only: a part of the name of what is measured: bugs, runners or fixtures; "": all.
        alone: whether each strategy is measured by itself too, which takes most of the time.
    """

    seeds: int = 20
    cap: int = 2000
    twin_runs: int = 200
    jobs: int = os.cpu_count() or 1
    rounds: int = 9
    scale: int = 1
    only: str = ""
    alone: bool = True

    @staticmethod
    def tiny() -> Options:
        """Returns settings that show only that everything works."""
        return Options(seeds=1, cap=5, twin_runs=5, jobs=1, rounds=1, scale=50)
