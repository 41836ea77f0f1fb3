"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import replace

from rich.console import Console

from benchmarks.options import Options

NAMES = (
    "throughput",
    "overhead",
    "sleeps",
    "renewal",
    "instructions",
    "leaks",
    "insight",
    "redis",
    "http",
    "bugs",
)


def main(arguments: list[str] | None = None) -> None:
    """Runs the benchmarks that are named, or all, and prints their tables."""
    usual = Options()
    parser = argparse.ArgumentParser(
        "python -m benchmarks", description="What interlace finds, and what it costs."
    )
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="name", help=", ".join(NAMES))
    parser.add_argument(
        "--only", default=usual.only, help="bugs, runners or fixtures whose name contains this"
    )
    parser.add_argument("--seeds", type=int, default=usual.seeds, help=f"{usual.seeds} unless told")
    parser.add_argument(
        "--cap", type=int, default=usual.cap, help=f"schedules to give up after; {usual.cap:,}"
    )
    parser.add_argument("--jobs", type=int, default=usual.jobs, help="processes that search at once")
    parser.add_argument(
        "--rounds", type=int, default=usual.rounds, help=f"timings of each program; {usual.rounds}"
    )
    parser.add_argument(
        "--search-only",
        dest="alone",
        action="store_false",
        help="only the search that users run, no strategy alone",
    )
    parser.add_argument(
        "--scale", type=int, default=usual.scale, help="what the sizes of what is timed are divided by; 1"
    )
    told = vars(parser.parse_args(arguments))
    names = told.pop("names") or NAMES
    options = replace(usual, **told)
    console = Console(width=None if sys.stdout.isatty() else 180)
    for name in names:
        benchmark = importlib.import_module(f"benchmarks.{name}")
        for table in benchmark.tables(options):
            console.print(table)


if __name__ == "__main__":
    main()
