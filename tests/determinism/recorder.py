"""Explores every program with ten seeds; prints the failing tokens and what came of them, as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import programs

import interlace


def main() -> None:
    listing = []
    for name, (program, settings) in programs.PROGRAMS.items():
        for seed in range(10):
            failure = interlace.explore(program, seed=seed, **settings).failure
            assert failure is not None, f"{name} was not found with seed {seed}"
            outcome = failure.first if seed % 2 else failure.smallest
            told = [type(outcome.error).__name__, str(outcome.error), outcome.trace_hash]
            listing.append([name, outcome.token, told])
    json.dump(listing, sys.stdout)


if __name__ == "__main__":
    main()
