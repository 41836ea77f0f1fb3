"""Virtual environments with pinned packages, kept between runs.

They are kept in .cache at the root of the repository, or in the folder that INTERLACE_CACHE names.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent.parent
CACHE = Path(os.environ.get("INTERLACE_CACHE") or ROOT / ".cache").resolve()

LONGEST_NAME = 120

NEEDS: tuple[str, ...] = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
)
"""What interlace itself needs."""


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


def choose(ranges: str) -> Interpreter:
    """Returns an interpreter of one of the versions; skips the test where there is none."""
    fitting = [interpreter for interpreter in interpreters() if interpreter.fits(ranges)]
    if not fitting:
        there = ", ".join(interpreter.version for interpreter in interpreters())
        pytest.skip(f"needs a Python {ranges}; found: {there}")
    return fitting[0]


def environment(folder: str, interpreter: Interpreter, pins: Iterable[str]) -> Path:
    """Returns the Python of an environment with these packages and with those that interlace needs.

    It is made if it is not there yet. Only the one without pins has a pip of its own, which serves the others.
    """
    return _made(CACHE / folder, interpreter, tuple(pins))


@cache
def _made(home: Path, interpreter: Interpreter, pins: tuple[str, ...]) -> Path:
    final = home / _name(interpreter, pins)
    python = Path("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not final.exists():
        with kept(final) as draft:
            check([interpreter.path, "-m", "venv", *(["--without-pip"] if pins else []), draft])
            pip = (
                [_made(home, interpreter, ()), "-m", "pip", "--python", draft / python]
                if pins
                else [draft / python, "-m", "pip"]
            )
            fetch([*pip, "install", "--no-compile"], [*NEEDS, *pins])
    return final / python


def _name(interpreter: Interpreter, pins: tuple[str, ...]) -> str:
    digest = hashlib.sha256(" ".join([*NEEDS, *pins]).encode()).hexdigest()[:12]
    name = "-".join([interpreter.version, *pins, digest]).replace("==", "-")
    return (
        name if len(name) <= LONGEST_NAME else f"{interpreter.version}-{pins[0].replace('==', '-')}-{digest}"
    )


def plugin_path(folder: Path) -> str:
    """Installs interlace as far as pytest can see: its code as it is here, and its entry points."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = project["entry-points"]["pytest11"]
    told = folder / "interlace-0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: interlace\nVersion: 0\n")
    (told / "entry_points.txt").write_text(
        "\n".join(["[pytest11]", *(f"{name} = {target}" for name, target in points.items())]) + "\n"
    )
    return os.pathsep.join([str(folder), str(ROOT / "src")])


class kept:  # noqa: N801
    """Makes a folder under another name and renames it when it is whole, so that a torn one is never used."""

    def __init__(self, final: Path) -> None:
        self._final = final
        self._draft = final.with_name(f"{final.name}.{os.getpid()}")

    def __enter__(self) -> Path:
        self._final.parent.mkdir(parents=True, exist_ok=True)
        (self._final.parent / ".gitignore").write_text("*\n")
        return self._draft

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            shutil.rmtree(self._draft, ignore_errors=True)
            return
        try:
            self._draft.rename(self._final)
        except OSError:  # another process was faster
            shutil.rmtree(self._draft)


def fetch(pip: list[Any], packages: list[str]) -> None:
    """Has pip download packages, patiently."""
    patient = ["-q", "--disable-pip-version-check", "--retries", "8", "--timeout", "60"]
    done = subprocess.run(
        [*pip, *patient, *packages], capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode:
        pytest.fail(
            f"pip could not get {', '.join(packages)} from the package index. Is there a network, and is the "
            "index of your pip configuration reachable? What was fetched before is kept: run the same command "
            f"again to go on from there. It said:\n{done.stdout}{done.stderr}",
            pytrace=False,
        )


def check(command: list[Any], **options: Any) -> None:
    """Runs a command that has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
