"""The fifteen pains: suites as users write them, and what becomes of them under interlace and elsewhere.

Each file is one pain, and its CASES a table: a name, the suite, and what is expected of each runner.

    source      the test file; `files` are others beside it, `ini` the lines below `[pytest]`
    options     of the command line, for every runner
    interlace   what interlace makes of it: a count for each outcome, and `says`, patterns that the output has
    asyncio     what pytest-asyncio makes of it, in its auto mode, and
    anyio       the plugin of anyio in its own; each has its own `source`, `ini` or `options` where it needs them,
                and `hangs` where it never comes to an end
    both        the two at once, and `beside`: interlace at the side of both

Outcomes that are not named are expected not to occur, unless none is. The two others run in an environment of their own,
kept in .cache/pains or in the folder that INTERLACE_CACHE names; those tests are marked `peers`.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import textwrap
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from environments import ROOT, choose, environment

PINS = (
    "pytest==9.2.0",
    "pytest-asyncio==1.5.0",
    "anyio==4.16.0",
    "hypothesis==6.170.17",
)

OTHERS = {
    "asyncio": ("-p", "no:anyio", "--asyncio-mode=auto"),
    "anyio": ("-p", "no:asyncio", "--anyio-mode=auto"),
    "both": (),
    "beside": ("-p", "interlace.plugin"),
}
"""The runners that interlace is compared with, alone and together, and interlace beside them."""

NEIGHBOURS = ("anyio", "asyncio", "randomly", "timeout", "xdist")

ANYIO_BACKEND = """
import pytest

@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"
"""
"""What anyio asks of every suite that is for asyncio alone: without it, each test runs on Trio too."""

HANGS = ("-ofaulthandler_timeout=4", "-ofaulthandler_exit_on_timeout=true")
"""Whatever is expected to hang is given seconds for what takes milliseconds, and ended by pytest itself."""

OUTCOMES = ("passed", "failed", "errors", "skipped", "xfailed", "xpassed", "deselected")

Case = dict[str, Any]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    cases: dict[str, Case] = getattr(metafunc.module, "CASES", {})
    if "elsewhere" in metafunc.fixturenames:
        pairs = [(name, other) for name, case in cases.items() for other in OTHERS if other in case]
        ids = [f"{name}-{other}" for name, other in pairs]
        metafunc.parametrize("elsewhere", [(cases[name], other) for name, other in pairs], ids=ids)
    elif "case" in metafunc.fixturenames:
        ours = {name: case for name, case in cases.items() if "interlace" in case}
        metafunc.parametrize("case", ours.values(), ids=ours)


def written(case: Case, runner: str) -> tuple[dict[str, str], list[str]]:
    """The files of a suite, and the options it is run with."""
    own = {**case, **case[runner]}
    files = {"test_it.py": own["source"], **own.get("files", {})}
    files["pytest.ini"] = "[pytest]\n" + textwrap.dedent(own.get("ini", ""))
    if runner == "anyio" and own.get("backend", True):
        files["conftest.py"] = ANYIO_BACKEND + textwrap.dedent(files.get("conftest.py", ""))
    options = [*case.get("options", ()), *case[runner].get("options", ())]
    options += HANGS if case[runner].get("hangs") else ()
    return {name: textwrap.dedent(text) for name, text in files.items()}, options


def compare(case: Case, runner: str, printed: str) -> None:
    """Asserts that the outcomes and the output are those of the table."""
    expected = case[runner]
    if expected.get("hangs"):
        assert "Timeout (0:00:0" in printed, printed
    elif any(name in expected for name in OUTCOMES):
        found = pytest.RunResult.parse_summary_nouns(printed.splitlines())
        outcomes = {name: found[name] for name in OUTCOMES if name in found}
        assert outcomes == {name: expected[name] for name in OUTCOMES if name in expected}, printed
    for pattern in lines(expected.get("says", ())):
        assert re.search(pattern, printed), f"{pattern!r} is not in:\n{printed}"
    for pattern in lines(expected.get("hides", ())):
        assert not re.search(pattern, printed), f"{pattern!r} is in:\n{printed}"


def lines(patterns: str | Iterable[str]) -> Iterable[str]:
    return [patterns] if isinstance(patterns, str) else patterns


@pytest.fixture
def interlace(pytester: pytest.Pytester) -> Callable[[Case], None]:
    """Runs a suite under interlace, with no other runner about."""

    def _interlace(case: Case) -> None:
        files, options = written(case, "interlace")
        for name, text in files.items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        alone = [part for name in NEIGHBOURS for part in ("-p", f"no:{name}")]
        # The filters of the session outside, which make an error of a warning, hold inside as well.
        outside = case["interlace"].get("apart", False)
        run = pytester.runpytest_subprocess if outside else pytester.runpytest_inprocess
        result = run("--color=no", "-Wdefault", *alone, *options)
        compare(case, "interlace", result.stdout.str() + result.stderr.str())

    return _interlace


@pytest.fixture
def peer(tmp_path: Path) -> Callable[..., None]:
    """Runs a suite where pytest-asyncio and anyio are installed: `peer(case, "asyncio")`."""

    def _peer(case: Case, runner: str, *, seconds: float = 120) -> None:
        files, options = written(case, runner)
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        command = [
            python_of_peers(),
            "-m",
            "pytest",
            "--color=no",
            "-pno:cacheprovider",
            *OTHERS.get(runner, ()),
        ]
        done = subprocess.run(
            [*command, *options],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTEST_ADDOPTS": ""},
            capture_output=True,
            encoding="utf-8",
            timeout=seconds,
            check=False,
        )
        compare(case, runner, done.stdout + done.stderr)

    return _peer


@cache
def python_of_peers() -> Path:
    """The Python of the environment with the others, made if it is not there yet."""
    return environment("pains", choose(f"=={platform.python_version()}"), PINS)
