"""The floors: import-linter holds most of them, and what it cannot say is read from the syntax tree."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "interlace"
FILES = {path.relative_to(SRC).as_posix(): path for path in sorted(SRC.rglob("*.py"))}
CHILDREN = {path.stem for path in SRC.iterdir() if path.suffix == ".py" or path.is_dir()}

CLOCKS = {
    *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"),
    *("process_time", "process_time_ns", "thread_time", "thread_time_ns", "sleep", "localtime", "gmtime"),
}
# The demo tells how many real milliseconds a virtual hour took.
READS_THE_WALL_CLOCK = {"engine/plan.py", "demo/__init__.py"}
# Names the functions of the wall clock because it replaces them for the program under test.
REPLACES_THE_WALL_CLOCK = {"backends/clocks.py"}


def test_import_linter_is_satisfied() -> None:
    linter = [sys.executable, "-c", "from importlinter.cli import import_linter; import_linter()"]
    options = ["lint", "--no-cache", "--no-logo", "--config", str(ROOT / "pyproject.toml")]
    done = subprocess.run([*linter, *options], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def facade_imports(tree: ast.AST, package: list[str]) -> Iterator[str]:
    """Imports that reach for a name of the facade, in a file of the given package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "interlace" or (alias.name.startswith("interlace.") and not alias.asname):
                    yield f"line {node.lineno}: import {alias.name}"
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            if origin == "interlace":
                for alias in node.names:
                    if alias.name not in CHILDREN:
                        yield f"line {node.lineno}: from interlace import {alias.name}"


def wall_clocks(tree: ast.AST) -> Iterator[str]:
    """Places that name a function of the wall clock, called or not."""
    modules = {"time"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name for alias in node.names if alias.name == "time"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "time" and not node.level:
            for alias in node.names:
                if alias.name in CLOCKS or alias.name == "*":
                    yield f"line {node.lineno}: from time import {alias.name}"
        elif isinstance(node, ast.Attribute):
            owner = node.value
            if isinstance(owner, ast.Name) and owner.id in modules and node.attr in CLOCKS:
                yield f"line {node.lineno}: {owner.id}.{node.attr}"
            last = getattr(owner, "attr", getattr(owner, "id", ""))
            if last in {"datetime", "date"} and node.attr in {"now", "utcnow", "today"}:
                yield f"line {node.lineno}: {last}.{node.attr}"


@pytest.mark.parametrize("file", FILES)
def test_nothing_inside_imports_the_facade(file: str) -> None:
    package = ["interlace", *Path(file).parts[:-1]]
    found = list(facade_imports(ast.parse(FILES[file].read_text()), package))
    assert not found, f"{file} imports the facade; import from the file that has the thing: {found}"


@pytest.mark.parametrize("file", sorted(set(FILES) - READS_THE_WALL_CLOCK - REPLACES_THE_WALL_CLOCK))
def test_the_wall_clock_stays_in_the_plan(file: str) -> None:
    found = list(wall_clocks(ast.parse(FILES[file].read_text())))
    assert not found, f"{file} reads the wall clock, which only engine.plan may: {found}"


@pytest.mark.parametrize(
    "source",
    [
        "import interlace",
        "import interlace as il",
        "import interlace.api",
        "from interlace import explore",
        "from .. import explore",
        "def f():\n    from interlace import explore",
    ],
)
def test_a_facade_import_is_seen(source: str) -> None:
    assert list(facade_imports(ast.parse(source), ["interlace", "sim"]))


@pytest.mark.parametrize(
    "source",
    [
        "from interlace.api import explore",
        "from . import explore",
        "from ..api import explore",
        "import rich",
    ],
)
def test_other_imports_are_left_alone(source: str) -> None:
    assert not list(facade_imports(ast.parse(source), ["interlace", "sim"]))


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.monotonic()",
        "import time as t\nclock = t.perf_counter",
        "from time import sleep",
        "import datetime\ndatetime.datetime.now()",
        "from datetime import date\ndate.today()",
    ],
)
def test_a_wall_clock_is_seen(source: str) -> None:
    assert list(wall_clocks(ast.parse(source)))


@pytest.mark.parametrize("source", ["loop.time()", "world.clock.now", "import time\ntime.struct_time"])
def test_other_clocks_are_left_alone(source: str) -> None:
    assert not list(wall_clocks(ast.parse(source)))
