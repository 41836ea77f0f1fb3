"""Replays the tokens given on standard input; prints what came of each, as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import programs

import interlace


def main() -> None:
    results = []
    for name, token in json.load(sys.stdin):
        outcome = interlace.replay(programs.PROGRAMS[name][0], token)
        results.append([type(outcome.error).__name__, str(outcome.error), outcome.trace_hash])
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
