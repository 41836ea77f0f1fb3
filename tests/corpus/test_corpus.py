"""Real bugs of released packages: the release with the bug fails, the one without it never does.

Each entry of entries.toml is explored as a user would do it, by the command line, in a virtual
environment that holds the pinned packages. The environments are kept in .cache/corpus at the root of
the repository, or in the folder that INTERLACE_CACHE names.
"""

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from environments import ROOT, choose, environment

HERE = Path(__file__).parent

DURATIONS = ("must be held up for", "must be slower than", "must take", "must arrive in pieces")

ENTRIES: dict[str, dict[str, Any]] = tomllib.loads((HERE / "entries.toml").read_text(encoding="utf-8"))

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

each = pytest.mark.parametrize("name", ENTRIES)


def python_of(release: dict[str, Any]) -> Path:
    """Returns the Python of an environment with this release."""
    return environment("corpus", choose(release["python"]), release["pins"])


def interlace(command: str, name: str, side: str, folder: Path, *extra: str) -> tuple[int, str]:
    """Runs the command line on a scenario; returns its exit status and what it printed."""
    python = python_of(ENTRIES[name][side])
    done = subprocess.run(
        [python, "-m", "interlace", command, f"{HERE / name / 'scenario.py'}:main", *extra],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def explore(name: str, side: str, folder: Path, *extra: str) -> tuple[int, dict[str, Any], str]:
    """Explores a scenario; returns the exit status, the report as data, and what was printed."""
    options = ["--json", "report.json", *ENTRIES[name]["explore"], *extra]
    status, printed = interlace("explore", name, side, folder, *options)
    assert status in (0, 1), printed
    return status, json.loads((folder / "report.json").read_text(encoding="utf-8")), printed


@each
def test_the_bug_is_found(name: str, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    status, report, printed = explore(name, "buggy", tmp_path)
    assert status == 1, printed
    assert report["verdict"]["status"] == "failed"
    assert report["plain"]["passed"], "a bug that the plain run shows needs no search"
    failure = report["failure"]
    assert (failure["type"], failure["label"]) == (entry["error"], "real")
    told = failure["constraints"]
    words = [entry["moment"]] if "moment" in entry else DURATIONS
    assert 1 <= len(told) <= (1 if "moment" in entry else 3), told
    assert all(any(word in constraint for word in words) for constraint in told), told
    assert failure["runs_to_failure"] <= entry["within"]
    assert not failure["note"], "the same schedule did not lead to the same failure"
    assert failure["token"] in printed

    status, printed = interlace("replay", name, "buggy", tmp_path, failure["token"])
    assert status == 1, printed
    assert entry["error"] in printed
    assert "this is not the run of the token" not in printed


@each
@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_the_fixed_release_passes(name: str, seed: str, tmp_path: Path) -> None:
    status, report, printed = explore(name, "fixed", tmp_path, "--seed", seed)
    assert status == 0, printed
    assert report["verdict"]["status"] == "passed"
    assert report["failure"] is None
    # Other bugs of that release may show in orders that stock asyncio does not produce; this one may not.
    assert ENTRIES[name]["error"] not in [found["type"] for found in report["latent"]], printed


def test_every_scenario_is_in_the_table() -> None:
    assert {folder.parent.name for folder in HERE.glob("*/scenario.py")} == set(ENTRIES)
