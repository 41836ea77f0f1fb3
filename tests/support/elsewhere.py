"""The same programs in other processes, with other hash seeds."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import interlace

_SCRIPT = """
import importlib, sys
sys.path[:0] = {folders!r}
import interlace
for name, program in getattr(importlib.import_module({module!r}), {attribute!r}).items():
    outcome = interlace.run(program, seed=7)
    print(name, outcome.token, outcome.trace_hash)
"""


def check_repeats(programs: Mapping[str, Callable[..., Any]], file: str, attribute: str = "PROGRAMS") -> None:
    """Checks that programs take the same course in other processes, and when they are replayed.

    Args:
        programs: by name.
        file: the module that they stand in.
        attribute: their name there.
    """
    here = {name: interlace.run(program, seed=7) for name, program in programs.items()}
    told = "".join(f"{name} {outcome.token} {outcome.trace_hash}\n" for name, outcome in here.items())
    path = Path(file)
    script = _SCRIPT.format(
        folders=[str(path.parent), str(Path(__file__).parent)], module=path.stem, attribute=attribute
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout == told
    for name, outcome in here.items():
        assert interlace.replay(programs[name], outcome.token).trace_hash == outcome.trace_hash
