"""CPython's own asyncio tests, those of the Python that runs, on our loop: as on the stock loop, and no less than on uvloop.

What a test uses is seen as it runs on the stock loop, see `on_loop.USES`. Those that use none of it are the first
group; each of them that fails on ours is listed in failures.toml. The others are counted.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from environments import CACHE, ROOT, environment, interpreters
from packaging.specifiers import SpecifierSet

HERE = Path(__file__).parent
UVLOOP = "uvloop==0.23.0"
JOBS = 2

MOST_HANGS = 50
"""So many tests of one module may hang before that is taken for more than they do."""

SELECTED_ALONE = ("test_ssl", "test_sslproto", "test_subprocess", "test_tasks")
"""The modules that take longest, which therefore begin first."""

Told = dict[str, Any]
Outcomes = dict[str, Told]
Record = Callable[[str, object], None]

pytestmark = [
    pytest.mark.cpython,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("test") is None or importlib.util.find_spec("test.test_asyncio") is None,
        reason=f"{sys.executable} comes without test.test_asyncio, as Debian's python3 does: use one of python.org",
    ),
]


# -- running ---------------------------------------------------------------------------------------


def names_by_module(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.partition(".")[0], []).append(name)
    return found


def run(loop: str, folder: Path, names: Iterable[str] | None = None) -> Outcomes:
    """Runs tests on a loop, each module in a process of its own; all tests if no names are given."""
    python = environment("cpython", interpreters()[0], [UVLOOP])
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "INTERLACE_"))
    }
    kept |= {"PYTHONPATH": str(ROOT / "src")}
    folder.mkdir(parents=True)
    if names is None:
        import test.test_asyncio as tests

        chosen = {file.stem: [file.stem] for file in Path(tests.__path__[0]).glob("test_*.py")}
    else:
        chosen = names_by_module(names)

    def run_module(module: str) -> Outcomes:
        place = folder / module
        place.mkdir()
        file = place / "results.jsonl"
        for _ in range(MOST_HANGS):
            done = subprocess.run(
                [python, HERE / "on_loop.py", loop, file, *chosen[module]],
                cwd=place,
                env=kept,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=1200,
                check=False,
            )
            if done.returncode == 0:
                break
        else:
            pytest.fail(f"{module} on {loop} does not come to an end:\n{done.stdout}{done.stderr[-10000:]}")
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return {told["test"]: told for told in map(json.loads, lines)}

    order = sorted(chosen, key=lambda module: (module not in SELECTED_ALONE, module))
    with ThreadPoolExecutor(JOBS) as pool:
        return {name: told for found in pool.map(run_module, order) for name, told in found.items()}


def kept_run(loop: str, folder: Path, names: Iterable[str] | None = None) -> Outcomes:
    """Runs tests on a loop that is not ours; kept between runs."""
    told = [sys.version, UVLOOP, (HERE / "on_loop.py").read_text(encoding="utf-8"), sorted(names or ())]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]
    file = CACHE / "cpython" / f"{loop}-{sys.version_info.major}.{sys.version_info.minor}-{digest}.json"
    if not file.exists():
        found = run(loop, folder, names)
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.write_text(json.dumps(found, indent=1), encoding="utf-8")
        draft.rename(file)
    outcomes: Outcomes = json.loads(file.read_text(encoding="utf-8"))
    return outcomes


def passing(outcomes: Outcomes) -> set[str]:
    return {name for name, told in outcomes.items() if told["outcome"] == "passed"}


# -- what may fail ---------------------------------------------------------------------------------


class Listed:
    """The tests of failures.toml that are of this Python."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self.flaky: set[str] = set()
        for entry in ENTRIES:
            if SpecifierSet(entry.get("python", "")).contains(
                f"{sys.version_info.major}.{sys.version_info.minor}"
            ):
                self.reasons |= dict.fromkeys(entry["tests"], entry["reason"])
                if entry.get("flaky", False):
                    self.flaky |= set(entry["tests"])


ENTRIES: list[dict[str, Any]] = tomllib.loads((HERE / "failures.toml").read_text(encoding="utf-8"))[
    "failures"
]


@cache
def measured(folder: Path) -> tuple[Outcomes, Outcomes, list[str]]:
    """Returns the outcomes on the stock loop and on ours, and the tests of the first group."""
    expected = kept_run("stock", folder / "stock")
    ours = run("interlace", folder / "ours")
    first = [name for name, told in expected.items() if not told["uses"]]
    known = Listed().reasons
    lost = [name for name in first if name in passing(expected) - passing(ours) and name not in known]
    return expected, steady("interlace", folder / "again", ours, lost), first


def steady(loop: str, folder: Path, outcomes: Outcomes, lost: list[str]) -> Outcomes:
    """Runs tests once more that have failed: for want of time, or since one before them has left something behind."""
    return outcomes | run(loop, folder, lost) if lost else outcomes


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cpython")


# -- the tests -------------------------------------------------------------------------------------


def test_what_passes_on_the_stock_loop_passes_on_ours(folder: Path, record_property: Record) -> None:
    expected, ours, first = measured(folder)
    failing = {name for name in first if name in passing(expected) - passing(ours)}
    listed = Listed()
    loops = [name for name in first if expected[name]["loops"]]
    others = set(expected) - set(first)
    record_property("group", f"{len(first)} tests, {len(loops)} of them on a loop of the policy")
    record_property("stock", f"{len(passing(expected).intersection(first))} pass")
    record_property("ours", f"{len(passing(ours).intersection(first))} pass")
    record_property(
        "the others", f"{len(others & passing(ours))} of {len(others & passing(expected))} pass on ours"
    )
    unlisted = [f"{name}\n{ours.get(name, {}).get('why')}" for name in sorted(failing - set(listed.reasons))]
    assert not unlisted, f"{len(unlisted)} fail on ours only:\n" + "\n".join(unlisted)
    stale = sorted(set(listed.reasons) - failing - listed.flaky)
    assert not stale, "listed in failures.toml, and not of the first group or not failing:\n" + "\n".join(
        stale
    )


def test_no_more_pass_on_uvloop(folder: Path, record_property: Record) -> None:
    if sys.platform == "win32":
        pytest.skip("there is no uvloop for Windows")
    expected, ours, first = measured(folder)
    group = passing(expected).intersection(name for name in first if expected[name]["loops"])
    theirs = kept_run("uvloop", folder / "uvloop", sorted(group))
    theirs = steady("uvloop", folder / "uvloop again", theirs, sorted(group - passing(theirs)))
    on_ours, on_theirs = len(group & passing(ours)), len(group & passing(theirs))
    record_property(
        "on a loop of the policy", f"{len(group)} on stock, {on_ours} on ours, {on_theirs} on uvloop"
    )
    assert on_ours >= on_theirs, sorted(group & passing(theirs) - passing(ours))


def test_nearly_all_tests_are_there(folder: Path) -> None:
    expected, _, first = measured(folder)
    assert len(first) > 1500
    assert len([name for name in first if expected[name]["loops"]]) > 500
    assert len(passing(expected)) > 0.95 * len(expected)


def test_every_listed_test_stands_there_once_and_has_a_reason() -> None:
    known = {"tests", "reason", "python", "flaky"}
    assert all(set(entry) <= known and len(entry["reason"].split()) > 3 for entry in ENTRIES)
    for minor in (11, 12, 13):
        there = [
            name
            for entry in ENTRIES
            if SpecifierSet(entry.get("python", "")).contains(f"3.{minor}")
            for name in entry["tests"]
        ]
        assert len(there) == len(set(there))
