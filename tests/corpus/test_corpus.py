"""Real bugs of released packages: the release with the bug fails, the one without it never does.

Each entry of entries.toml is explored as a user would do it, by the command line, in a virtual
environment that holds the pinned packages. The environments are kept in .cache/corpus at the root of
the repository, or in the folder that INTERLACE_CACHE names.
"""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.specifiers import SpecifierSet

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
CACHE = Path(os.environ.get("INTERLACE_CACHE") or ROOT / ".cache").resolve() / "corpus"

DURATIONS = ("must be held up for", "must be slower than", "must take", "must arrive in pieces")

ENTRIES: dict[str, dict[str, Any]] = tomllib.loads((HERE / "entries.toml").read_text(encoding="utf-8"))

pytestmark = [pytest.mark.corpus, pytest.mark.slow]

each = pytest.mark.parametrize("name", ENTRIES)


class Interpreter(NamedTuple):
    version: str
    path: Path

    def fits(self, ranges: str) -> bool:
        return any(SpecifierSet(part.strip()).contains(self.version) for part in ranges.split("||"))


@cache
def interpreters() -> tuple[Interpreter, ...]:
    """Every CPython that can be found here: the one that runs this, those on PATH, those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    names = [f"python3.{minor}" for minor in range(11, 20)] + ["python3", "python"]
    paths = [Path(sys.executable)]
    paths += [Path(where) for name in names if (where := shutil.which(name))]
    paths += sorted(pyenv.glob("versions/*/bin/python"))
    found: dict[str, Interpreter] = {}
    for path in paths:
        tell = "import platform as p; print(p.python_implementation(), p.python_version())"
        try:
            # A shim of pyenv exists even where no Python is behind it, so each one has to run.
            told = subprocess.run([path, "-c", tell], capture_output=True, text=True, timeout=60, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        kind, version = told.stdout.split()
        if kind == "CPython":
            found.setdefault(version, Interpreter(version, path))
    return tuple(found.values())


def environment(release: dict[str, Any]) -> Path:
    """Returns the Python of an environment with this release, made if it is not there yet."""
    fitting = [interpreter for interpreter in interpreters() if interpreter.fits(release["python"])]
    if not fitting:
        there = ", ".join(interpreter.version for interpreter in interpreters())
        pytest.skip(f"needs a Python {release['python']}; found: {there}")
    return make(fitting[0], tuple(release["pins"]))


@cache
def make(interpreter: Interpreter, pins: tuple[str, ...]) -> Path:
    """Makes an environment. Only the one without pins has a pip of its own, which serves the others."""
    final = CACHE / "-".join([interpreter.version, *pins]).replace("==", "-")
    python = Path("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not final.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n")
        draft = final.with_name(f"{final.name}.{os.getpid()}")  # so that a torn one is never used
        check([interpreter.path, "-m", "venv", *(["--without-pip"] if pins else []), draft])
        pip = (
            [make(interpreter, ()), "-m", "pip", "--python", draft / python]
            if pins
            else [draft / python, "-m", "pip"]
        )
        check([*pip, "install", "-q", "--disable-pip-version-check", "--no-compile", "rich>=13.7", *pins])
        try:
            draft.rename(final)
        except OSError:  # another process was faster
            shutil.rmtree(draft)
    return final / python


def check(command: list[Any]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"


def interlace(command: str, name: str, side: str, folder: Path, *extra: str) -> tuple[int, str]:
    """Runs the command line on a scenario; returns its exit status and what it printed."""
    python = environment(ENTRIES[name][side])
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
