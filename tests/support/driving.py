"""Runs the programs of the matrix in environments of their own, see tests/matrix."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from environments import CACHE, ROOT, choose, environment

SCHEDULES = 50

LIBRARIES = (
    "aiohttp==3.14.5",
    "aio-pika==10.2.1",
    "aiocache==0.12.3",
    "aiofiles==25.1.0",
    "aioftp==0.28.3",
    "aiojobs==1.4.0",
    "aiosmtpd==1.4.6",
    "aiosmtplib==5.1.3",
    "aiosqlite==0.22.1",
    "anyio==4.16.0",
    "asgiref==3.13.0",
    "async-lru==2.4.0",
    "asyncssh==2.24.1",
    "distributed==2026.8.0",
    "greenlet==3.5.6",
    "httpx[http2]==0.28.1",
    "hypercorn==0.18.0",
    "janus==2.0.0",
    "nats-py==2.16.0",
    "pytest==9.2.0",
    "redis==8.1.0",
    "sqlalchemy==2.1.9",
    "starlette==1.10.0",
    "tornado==6.6.1",
    "trustme==1.2.1",
    "uvicorn==0.54.0",
    "websockets==17.4",
)
"""The libraries of the matrix."""

MATRIX = ROOT / "tests" / "matrix"

Told = dict[str, dict[str, Any]]
"""What came of each program, by its name."""


def python_with(pins: Iterable[str]) -> Path:
    """Returns the Python of an environment with these packages, of the version that runs this.

    Where one of them cannot be fetched, the test is skipped: this tests interlace, not the index.
    """
    made = _tried(tuple(pins))
    if isinstance(made, str):
        pytest.skip(made)
    return made


@cache
def _tried(pins: tuple[str, ...]) -> Path | str:
    """Returns the Python, or why there is none. pip is patient, so it is asked once and not for each test."""
    try:
        return environment("matrix", choose(f"=={platform.python_version()}"), pins)
    except pytest.fail.Exception as failure:
        told = (failure.msg or "").strip().splitlines()
        return f"{told[0]} {told[-1]}"
    except subprocess.TimeoutExpired as late:
        return f"pip took more than {late.timeout:.0f} s for {', '.join(pins)}"


def drive(file: Path, pins: Iterable[str], schedules: int, *, hash_seed: int, **variables: str) -> Told:
    """Runs the programs of one file in a process of its own; returns what came of each."""
    told = script("drive.py", pins, file, str(schedules), hash_seed=hash_seed, **variables)
    assert told, f"no program in {file}"
    return {one["name"]: one for one in told}


def script(
    name: str, pins: Iterable[str], *args: str | Path, hash_seed: int, **variables: str
) -> list[dict[str, Any]]:
    """Runs a script of tests/matrix in a process of its own; returns the lines of JSON that it prints."""
    started = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "COV_"))}
    started |= {
        "PYTHONHASHSEED": str(hash_seed),
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", MATRIX))),
        **variables,
    }
    done = subprocess.run(
        [python_with(pins), MATRIX / name, *args],
        cwd=CACHE,
        env=started,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_runs(found: Told, again: Told, *, may_differ: bool = False) -> None:
    """Checks that all programs passed, and that they took the same course in another process."""
    problems = [f"{one}: {problem}" for one, told in found.items() for problem in told["problems"]]
    assert not problems, "\n".join(problems)
    differ = [one for one, told in found.items() if told["hashes"] != again[one]["hashes"]]
    assert not differ or may_differ, f"not the same run in another process: {differ}"
