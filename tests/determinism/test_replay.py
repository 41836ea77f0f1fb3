"""The same token, the same error and the same trace: in new processes, under other hash seeds, elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from environments import choose, environment

import interlace

HERE = Path(__file__).parent

Told = list[str]


@cache
def recorded() -> tuple[tuple[tuple[str, str], ...], list[Told]]:
    """Ten failing tokens of each of the ten programs, and what a replay in this process came to."""
    listing = json.loads(_python(sys.executable, [HERE / "recorder.py"], "", "0"))
    tokens = tuple((name, token) for name, token, _ in listing)
    return tokens, [told for _, _, told in listing]


def _python(python: str, arguments: list[Any], standard_input: str, hash_seed: str) -> str:
    environment = {
        **os.environ,
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": str(Path(interlace.__file__).parent.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [python, *arguments],
        input=standard_input,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _replayed(python: str, hash_seed: str) -> list[Told]:
    tokens, _ = recorded()
    told: list[Told] = json.loads(_python(python, [HERE / "replayer.py"], json.dumps(tokens), hash_seed))
    return told


def test_there_are_a_hundred_failing_tokens() -> None:
    tokens, told = recorded()
    assert len(tokens) == 100
    assert all(error != "NoneType" for error, _, _ in told)


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_a_new_process_repeats_them_all(hash_seed: str) -> None:
    assert _replayed(sys.executable, hash_seed) == recorded()[1]


OTHER_MINORS = [minor for minor in (11, 12, 13) if minor != sys.version_info.minor]


@pytest.mark.parametrize("minor", OTHER_MINORS)
def test_another_python_repeats_them_all(minor: int) -> None:
    python = environment("pythons", choose(f"==3.{minor}.*"), ())
    assert _replayed(str(python), "7") == recorded()[1]
