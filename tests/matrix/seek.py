"""Looks for the bug of one planted file, and for one in its twin; prints what it found as a line of JSON.

Usage: seek.py FILE SCHEDULES TWIN_SCHEDULES
"""

from __future__ import annotations

import json
import runpy
import sys

import interlace

SEEDS = 3


def main() -> None:
    file, schedules, twin_schedules = sys.argv[1:]
    found = runpy.run_path(file)
    plain = interlace.run(found["bug"])
    result = interlace.explore(found["bug"], schedules=int(schedules), target="bug")
    twins = [
        interlace.explore(found["twin"], schedules=int(twin_schedules), seed=seed) for seed in range(SEEDS)
    ]
    told = {
        "plain": repr(plain.error),
        "status": result.verdict.status,
        "failures": [
            {
                "label": one.label,
                "runs": one.runs_to_failure,
                "error": repr(one.error),
                "again": repr(interlace.replay(found["bug"], one.smallest.token).error),
            }
            for one in result.failures
        ],
        "report": result.report(),
        "twins": [twin.report() for twin in twins if twin.verdict.status != "passed" or twin.latent],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
