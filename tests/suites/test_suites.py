"""The test suites of other projects, on interlace's plugin: what passes on theirs passes on ours.

Each suite of suites.toml is taken from its source distribution and run twice, in two environments with the
same pinned packages: with the plugin that it was written for, and with ours in its place. The environments, the
distributions and the results of the first run are kept in .cache/suites.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from environments import CACHE, choose, environment, fetch, kept, plugin_path

HERE = Path(__file__).parent

SUITES: dict[str, dict[str, Any]] = tomllib.loads((HERE / "suites.toml").read_text(encoding="utf-8"))

# A test that fails is run again, alone with the others that failed: some measure real seconds.
MOST_REPEATED = 40

Results = dict[str, str]
Record = Callable[[str, object], None]

pytestmark = [pytest.mark.suites, pytest.mark.slow]


def unpacked(suite: dict[str, Any]) -> Path:
    """Returns the folder of the source distribution of a suite, fetched if it is not there yet."""
    name, version = suite["project"], suite["version"]
    final = CACHE / "suites" / f"{name}-{version}-source"
    if not final.exists():
        with kept(final) as draft:
            draft.mkdir()
            pip = [environment("suites", choose(suite["python"]), ()), "-m", "pip"]
            fetch([*pip, "download", "--no-deps", "--no-binary", name, "-d", draft], [f"{name}=={version}"])
            (archive,) = draft.glob("*.tar.gz")
            with tarfile.open(archive) as packed:
                packed.extractall(draft, filter="data")
            archive.unlink()
    (folder,) = (path for path in final.iterdir() if path.is_dir())
    return folder


def run(suite: dict[str, Any], ours: bool, folder: Path, *extra: str) -> Results:
    """Runs a suite and returns what became of each of its tests."""
    pins = [*suite["pins"], *([] if ours else suite["stock"])]
    python = environment("suites", choose(suite["python"]), pins)
    source = folder / "source"
    shutil.copytree(unpacked(suite), source)
    for name in suite["remove"]:
        shutil.rmtree(source / name)
    told = (HERE / "plugins", *([plugin_path(folder / "plugin")] if ours else []))
    started = {
        name: value
        for name, value in os.environ.items()
        # Where the bytecode of rewritten modules is not kept, hypothesis is rewritten by each test of a plugin.
        if not name.startswith(("PYTEST_", "INTERLACE_", "COV_", "PYTHON"))
    }
    started |= {"PYTHONPATH": os.pathsep.join(map(str, told)), **(suite.get("ours", {}) if ours else {})}
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit1"]
    command += [*suite.get("options", ()), *extra] if ours else []

    def results(arguments: list[str], file: Path) -> Results:
        done = subprocess.run(
            [*command, f"--junitxml={file}", *arguments],
            cwd=source,
            env=started,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=1800,
            check=False,
        )
        assert done.returncode in (0, 1), (
            f"{' '.join(arguments)}\n{done.stdout[-10000:]}{done.stderr[-10000:]}"
        )
        file.with_suffix(".txt").write_text(done.stdout + done.stderr, encoding="utf-8")
        return read(file)

    where, *others = suite["arguments"]
    found = results([where, *suite.get("files", ()), *others], folder / "first.xml")
    again = [name for name, outcome in found.items() if outcome == "failed"]
    if 0 < len(again) <= MOST_REPEATED:
        found |= results([*again, *others], folder / "again.xml")
    return found


def read(file: Path) -> Results:
    """Returns the outcome of each test of a report: passed, failed or skipped; the worst of a test's."""
    found: Results = {}
    for case in ET.parse(file).iter("testcase"):
        path, owner = case.get("file", ""), case.get("classname", "")
        if path:
            inner = owner.removeprefix(path.removesuffix(".py").replace("/", ".")).strip(".")
            name = "::".join([path, *inner.split(".")] if inner else [path]) + f"::{case.get('name')}"
        else:
            name = f"{owner}::{case.get('name')}"
        kinds = {child.tag for child in case}
        outcome = "failed" if kinds & {"failure", "error"} else "skipped" if "skipped" in kinds else "passed"
        found[name] = min(outcome, found.get(name, outcome), key=["failed", "skipped", "passed"].index)
    return found


def stock(suite: dict[str, Any], folder: Path) -> Results:
    """Returns what becomes of each test with the plugin that the suite was written for; kept between runs."""
    asked = ("version", "python", "pins", "stock", "remove", "arguments", "files")
    told = json.dumps([choose(suite["python"]).version, *(suite[key] for key in asked if key in suite)])
    file = CACHE / "suites" / f"{suite['project']}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.json"
    if not file.exists():
        found = run(suite, False, folder)
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.write_text(json.dumps(found, indent=1), encoding="utf-8")
        # What is not as it should be is not kept, and is measured anew.
        draft.rename(file if passed(found) == suite["passes"] else folder / "stock.json")
        return found
    kept_results: Results = json.loads(file.read_text(encoding="utf-8"))
    return kept_results


def seconds(folder: Path) -> tuple[float, float]:
    """Returns how long the tests of a run took, and how long with all that is done before and after each."""
    report = ET.parse(folder / "first.xml")
    tests, whole = (
        sum(float(one.get("time", 0)) for one in report.iter(tag)) for tag in ("testcase", "testsuite")
    )
    return tests, whole


def passed(results: Results) -> int:
    return sum(outcome == "passed" for outcome in results.values())


def lost(before: Results, after: Results, excused: dict[str, str]) -> tuple[list[str], list[str], list[str]]:
    """Returns the tests that passed and do not any more, the excused ones of them, and stale excuses."""
    names = [name for name, outcome in before.items() if outcome == "passed" and after.get(name) != "passed"]

    def excuse(name: str) -> str | None:
        return next((known for known in (name, name.partition("[")[0]) if known in excused), None)

    used = {excuse(name) for name in names}
    return (
        [f"{name}: {after.get(name, 'not there')}" for name in names if excuse(name) is None],
        [name for name in names if excuse(name) is not None],
        [known for known in excused if known not in used],
    )


@pytest.mark.parametrize("name", SUITES)
def test_what_passes_on_stock_passes_on_ours(name: str, tmp_path: Path, record_property: Record) -> None:
    suite = SUITES[name]
    expected = stock(suite, tmp_path / "stock")
    record_property("suite", name)
    record_property("stock passed", passed(expected))
    ours = run(suite, True, tmp_path / "ours")
    unexcused, excused, stale = lost(expected, ours, suite.get("excused", {}))
    record_property("ours passed", passed(ours))
    record_property("excused", len(excused))
    if (tmp_path / "stock" / "first.xml").exists():  # else it was measured on another day
        (before, before_all), (after, after_all) = seconds(tmp_path / "stock"), seconds(tmp_path / "ours")
        record_property(
            "seconds", f"{before:.1f} of {before_all:.0f} on stock, {after:.1f} of {after_all:.0f} on ours"
        )
    assert passed(expected) == suite["passes"], "the table says how many pass on stock"
    assert not unexcused, "these pass on stock only:\n" + "\n".join(unexcused)
    assert not stale, "excused, and passes"


@pytest.mark.parametrize("name", [name for name, suite in SUITES.items() if "explore" in suite])
def test_what_passes_is_correct_in_other_orders_too(
    name: str, tmp_path: Path, record_property: Record
) -> None:
    suite = SUITES[name]
    expected = stock(suite, tmp_path / "stock")
    explored = run(suite, True, tmp_path / "explored", f"--explore={suite['explore']}")
    unexcused, deviates, stale = lost(
        expected, explored, {**suite.get("excused", {}), **suite.get("deviates", {})}
    )
    record_property("suite", name)
    record_property("explored passed", passed(explored))
    record_property("explored deviates", len(deviates))
    assert not unexcused, "these pass without --explore only:\n" + "\n".join(unexcused)
    assert not [known for known in stale if known in suite.get("deviates", {})], "said to deviate, and passes"


def test_every_excuse_has_a_reason() -> None:
    reasons = [
        reason
        for suite in SUITES.values()
        for key in ("excused", "deviates")
        for reason in suite.get(key, {}).values()
    ]
    assert all(len(reason.split()) >= 3 for reason in reasons)
