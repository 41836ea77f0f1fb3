"""The benchmarks run; what they measure is nobody's business here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    "arguments",
    [
        ["throughput", "--rounds", "1"],
        ["overhead", "--rounds", "1", "--scale", "200", "--only", "IsolatedAsyncioTestCase"],
        ["renewal", "--rounds", "1", "--scale", "50", "--only", "three"],
        ["sleeps", "--rounds", "1", "--scale", "100", "--only", "none of the peers"],
        ["redis", "--rounds", "1", "--scale", "10"],
        ["bugs", "--seeds", "1", "--cap", "20"],
    ],
)
def test_a_table_is_printed(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "median" in done.stdout


def test_without_valgrind_it_says_what_to_install() -> None:
    command = [sys.executable, "-m", "benchmarks", "instructions"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "apt-get install valgrind" in " ".join(done.stdout.split())
