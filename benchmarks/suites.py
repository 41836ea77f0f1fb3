"""Suites of trivial tests, one for each way to run async tests under pytest, and where the peers are installed.

pytest loads no plugin here by itself: each suite names the one that runs it, so that it makes no
difference what else an environment holds.
"""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CACHE = Path(os.environ.get("INTERLACE_CACHE") or ROOT / ".cache").resolve() / "peers"

KINDS = ("no fixture", "one async fixture", "three async generators")

FILE = 100
"""How many tests stand in one file."""


@dataclass(frozen=True)
class Candidate:
    """One way to run tests.

    Args:
        name: what it is called in the tables.
        plugins: what pytest is told to load.
        peer: the packages to install in an environment of its own; "": none.
        ini: the lines of the ini file.
        fixture: how a fixture is declared.
        mark: what stands above each test.
        imports: what the files import.
        keyword: "async " or, for the floor, "".
        conftest: further lines of conftest.py.
        case: whether the tests are methods of an IsolatedAsyncioTestCase.
    """

    name: str
    plugins: tuple[str, ...] = ()
    peer: str = ""
    ini: str = ""
    fixture: str = "@pytest.fixture"
    mark: str = ""
    imports: str = "import pytest"
    keyword: str = "async "
    conftest: str = ""
    case: bool = False


FLOOR = Candidate("sync tests, no plugin", keyword="")
OURS = Candidate("interlace auto", ("interlace.plugin",))
AUTO = Candidate(
    "pytest-asyncio auto", ("pytest_asyncio.plugin",), "pytest-asyncio==1.5.*", "asyncio_mode = auto"
)
PEERS = (
    AUTO,
    Candidate(
        "pytest-asyncio strict",
        AUTO.plugins,
        AUTO.peer,
        "asyncio_mode = strict",
        "@pytest_asyncio.fixture",
        "@pytest.mark.asyncio",
        "import pytest\nimport pytest_asyncio",
    ),
    Candidate(
        "anyio, function lease",
        ("anyio.pytest_plugin",),
        "anyio",
        "anyio_mode = auto",
        conftest="@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'",
    ),
    Candidate(
        "pytest-asyncio-cooperative",
        ("pytest_asyncio_cooperative.plugin",),
        "pytest-asyncio-cooperative",
        mark="@pytest.mark.asyncio_cooperative",
    ),
    Candidate("IsolatedAsyncioTestCase", case=True),
)

_FIXTURES = """
{fixture}
{keyword}def alone():
    return 1

{fixture}
{keyword}def first():
    yield 1

{fixture}
{keyword}def second(first):
    yield first + 1

{fixture}
{keyword}def third(second):
    yield second + 1
"""

_ARGUMENTS = {"no fixture": "", "one async fixture": "alone", "three async generators": "third"}

_CASES = {
    "no fixture": "",
    "one async fixture": "async def asyncSetUp(self): self.alone = 1",
    "three async generators": """
    async def asyncSetUp(self):
        self.first = await self.enterAsyncContext(first())
        self.second = await self.enterAsyncContext(second(self.first))
        self.third = await self.enterAsyncContext(third(self.second))
    """,
}

_CASE_FILE = """
import contextlib
import unittest

@contextlib.asynccontextmanager
async def first():
    yield 1

@contextlib.asynccontextmanager
async def second(value):
    yield value + 1

third = second

class TestIt(unittest.IsolatedAsyncioTestCase):
"""


def write(candidate: Candidate, kind: str, tests: int, directory: Path) -> Path:
    """Writes a suite of trivial tests and returns its directory."""
    directory.mkdir(parents=True)
    directory.joinpath("pytest.ini").write_text(f"[pytest]\n{candidate.ini}\n")
    if not candidate.case:
        fixtures = _FIXTURES.format(fixture=candidate.fixture, keyword=candidate.keyword)
        text = f"{candidate.imports}\n{candidate.conftest}\n{fixtures}"
        directory.joinpath("conftest.py").write_text(text)
    for start in range(0, tests, FILE):
        numbers = range(start, min(start + FILE, tests))
        directory.joinpath(f"test_{start:05}.py").write_text(_file(candidate, kind, numbers))
    return directory


def _file(candidate: Candidate, kind: str, numbers: range) -> str:
    if candidate.case:
        setup = textwrap.indent(textwrap.dedent(_CASES[kind]), "    ")
        tests = [f"    async def test_{number}(self): pass" for number in numbers]
        return "\n".join([_CASE_FILE, setup, *tests, ""])
    arguments = _ARGUMENTS[kind]
    tests = [
        f"{candidate.mark}\n{candidate.keyword}def test_{number}({arguments}): pass" for number in numbers
    ]
    return "\n".join([candidate.imports, *tests, ""])


@dataclass
class Bench:
    """Runs pytest on suites, and says what of it cannot be run here.

    Args:
        directory: where the suites are written.
        missing: what could not be installed, and why.
    """

    directory: Path
    missing: dict[str, str] = field(default_factory=dict)
    _pythons: dict[str, Path | None] = field(default_factory=dict)

    def can_run(self, candidate: Candidate) -> bool:
        """Tells whether the package of a candidate is here, and installs it where it is not."""
        return self.python(candidate) is not None

    def seconds(self, candidate: Candidate, suite: Path, passed: int | None, *options: str) -> float:
        """Runs a suite and returns the CPU time that took.

        Args:
            candidate: how.
            suite: the directory.
            passed: how many tests have to pass; None: they are collected only.
            options: more options of pytest.

        Raises:
            RuntimeError: they did not.
        """
        collect = ["--collect-only"] if passed is None else []
        command = [self.python(candidate), *arguments(candidate)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [*map(str, command), *collect, *options],
            cwd=suite,
            env=environment(self.directory),
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode != 0 or (
            passed is not None and not re.search(rf"^{passed} passed", done.stdout, re.MULTILINE)
        ):
            raise RuntimeError(f"{candidate.name}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def python(self, candidate: Candidate) -> Path | None:
        """Returns the Python that has the packages of a candidate; None where they cannot be installed."""
        peer = candidate.peer
        if peer not in self._pythons:
            try:
                self._pythons[peer] = install(peer)
            except subprocess.CalledProcessError as error:
                self._pythons[peer] = None
                self.missing[peer] = error.stderr.strip().splitlines()[-1] if error.stderr else str(error)
        return self._pythons[peer]


def arguments(candidate: Candidate) -> list[str]:
    """Returns what a Python of a candidate is told to run its pytest."""
    plugins = [word for plugin in candidate.plugins for word in ("-p", plugin)]
    return ["-m", "pytest", "-qx", "-p", "no:cacheprovider", *plugins]


def environment(directory: Path) -> Mapping[str, str]:
    """Returns the environment of the runs: compiled files are kept, below a directory, as those of an installed package are."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTHON", "PYTEST", "INTERLACE"))
    }
    own = {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT / "src"),
        "PYTHONPYCACHEPREFIX": str(directory / "compiled"),
        "PYTHONHASHSEED": "0",
    }
    return {**kept, **own}


def install(peer: str) -> Path:
    """Returns the Python of an environment with a peer and our own pytest; makes it if it is not there yet."""
    if not peer:
        return Path(sys.executable)
    pins = [f"pytest=={pytest.__version__}", *peer.split()]
    name = "-".join([platform.python_version(), *pins])
    final = CACHE / re.sub(r"[=*]+", "-", name).strip("-.")
    python = Path("bin/python")
    if not final.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        (CACHE / ".gitignore").write_text("*\n")
        draft = final.with_name(f"{final.name}.{os.getpid()}")  # so that a torn one is never used
        _run(sys.executable, "-m", "venv", "--without-pip", draft)
        pip = (sys.executable, "-m", "pip", "--python", draft / python)
        _run(*pip, "install", "-q", "--disable-pip-version-check", *pins)
        try:
            draft.rename(final)
        except OSError:  # another process was faster
            shutil.rmtree(draft)
    return final / python


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
