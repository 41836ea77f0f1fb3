"""The commands that the README of the example promises, as a user types them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("aiohttp")

ROOT = Path(__file__).resolve().parents[2]
TARGET = "examples/vending_machine/test_machine.py"


def typed(*command: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=kept | {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )


def test_interlace_explore_finds_the_bug() -> None:
    done = typed("interlace", "explore", f"{TARGET}:test_the_last_chips")
    assert done.returncode == 1, done.stdout
    assert "IndexError: pop from empty list" in done.stdout
    assert "what ann awaits (price, examples/vending_machine/machine.py:30) must be slower" in done.stdout


def test_interlace_explore_passes_the_fixed_machine() -> None:
    done = typed("interlace", "explore", f"{TARGET}:test_the_last_chips_from_the_fixed_machine")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("passed")


def test_pytest_passes_both() -> None:
    done = typed("pytest", "examples/vending_machine", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_pytest_explore_finds_the_bug() -> None:
    done = typed("pytest", "examples/vending_machine", "-p", "no:cacheprovider", "--explore")
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 passed" in done.stdout
    assert "pop from empty list" in done.stdout
