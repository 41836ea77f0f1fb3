"""Runs the programs of one file of the matrix, and prints what came of each as a line of JSON.

Usage: drive.py FILE SCHEDULES [NAME...]
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
import time
from pathlib import Path

from place import Program, variants

import interlace

SEEDS = 3


def programs(file: Path) -> dict[str, Program]:
    spec = importlib.util.spec_from_file_location(f"matrix_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: dict[str, Program] = {}
    for function in list(vars(module).values()):
        if inspect.isfunction(function) and {"tls", "alone"} & vars(function).keys():
            found |= variants(function)
    return found


def try_out(program: Program, schedules: int) -> dict[str, object]:
    """Runs one program plainly, under a few drawn schedules and under many explored ones."""
    begun = time.perf_counter()
    problems: list[str] = []
    hashes: list[str] = []
    for seed in (None, *range(SEEDS)):
        outcome = interlace.run(program, seed=seed)
        if outcome.error is not None:
            problems.append(f"seed {seed}: {type(outcome.error).__name__}: {outcome.error}")
        problems += [f"seed {seed}, in the background: {line}" for line in outcome.background]
        hashes.append(outcome.trace_hash)
        if problems:
            break
    if schedules and not problems:
        result = interlace.explore(program, schedules=schedules)
        if result.verdict.status != "passed" or result.latent:
            problems.append(f"explored: {result.verdict}\n{result.report()}")
    return {"problems": problems, "hashes": hashes, "seconds": round(time.perf_counter() - begun, 2)}


def main() -> None:
    file, schedules, *names = sys.argv[1:]
    for name, program in programs(Path(file)).items():
        if not names or name in names:
            print(json.dumps({"name": name, **try_out(program, int(schedules))}), flush=True)


if __name__ == "__main__":
    main()
