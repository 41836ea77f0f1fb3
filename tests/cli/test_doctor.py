"""What `interlace doctor` says of planted suites: who runs what, and what to type in the place of what."""

import json
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from interlace.cli import main

PLUGINS = {"pytest-asyncio": "asyncio", "pytest-xdist": "xdist", "pytest-tornasync": "tornado"}


class Report(NamedTuple):
    """How the command ended, what it printed, and the same as data."""

    status: int
    out: str
    err: str
    data: dict[str, Any]

    def change(self, code: str) -> dict[str, Any]:
        found = [change for change in self.data["changes"] if change["code"] == code]
        assert len(found) == 1, (code, self.data["changes"])
        return found[0]

    @property
    def codes(self) -> list[str]:
        return [change["code"] for change in self.data["changes"]]

    def typed(self, code: str) -> list[str]:
        return [edit["text"] for place in self.change(code)["places"] for edit in place["type"]]

    def runs(self, name: str) -> tuple[str, str, str]:
        found = [test for test in self.data["tests"] if test["name"] == name]
        assert len(found) == 1, (name, self.data["tests"])
        return tuple(
            found[0][f"{word}"] for word in ("without_interlace", "with_interlace", "with_take_over")
        )


Doctor = Callable[..., Report]


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Examine files with the given packages installed: "name" or "name==version"."""
    suite, packages = tmp_path / "suite", tmp_path / "packages"
    suite.mkdir()
    monkeypatch.chdir(suite)
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "PYTEST_ADDOPTS", "PYTEST_PLUGINS", "INTERLACE_TAKE_OVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    monkeypatch.setattr(
        "interlace.cli.doctor.find_packages", lambda: list(distributions(path=[str(packages)]))
    )

    def examine(
        files: dict[str, str], *installed: str, arguments: tuple[str, ...] = (), pytest_version: str = "9.0.2"
    ) -> Report:
        for name, text in files.items():
            file = suite / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        for package in (*installed, f"pytest=={pytest_version}" if pytest_version else "nothing"):
            name, _, version = package.partition("==")
            folder = packages / f"{name.replace('-', '_')}-{version or '1.5.0'}.dist-info"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "METADATA").write_text(f"Name: {name}\nVersion: {version or '1.5.0'}\n")
            entry = PLUGINS.get(name, name.removeprefix("pytest-"))
            if name not in ("pytest", "trio", "nothing"):
                (folder / "entry_points.txt").write_text(f"[pytest11]\n{entry} = planted\n")
        status = main(["doctor", *arguments, "--json", "report.json"])
        out, err = capsys.readouterr()
        file = Path("report.json")
        return Report(status, out, err, json.loads(file.read_text("utf-8")) if file.exists() else {})

    return examine


def planted(body: str, head: str = "") -> dict[str, str]:
    return {"test_it.py": f"import asyncio\nimport time\nimport pytest\n{head}\n\n{body}\n"}


# -- who runs what -----------------------------------------------------------------------------------

MIXED = """
@pytest.mark.asyncio
async def test_asyncio(): ...
@pytest.mark.anyio
async def test_anyio(): ...
async def test_backend(anyio_backend): ...
async def test_plain(): ...
@pytest.mark.trio
async def test_trio(): ...
@pytest.mark.interlace
async def test_marked(): ...
async def test_world(world): ...
"""
LOST = "nobody: fails"
SIMULATED = "interlace, simulated"


@pytest.mark.parametrize(
    ("options", "installed", "expected"),
    [
        (
            "",
            (),
            {
                "test_asyncio": (LOST, "interlace", "interlace"),
                "test_anyio": (LOST, "interlace", "interlace"),
                "test_plain": (LOST, "interlace", "interlace"),
                "test_trio": (LOST, LOST, LOST),
                "test_marked": (LOST, SIMULATED, SIMULATED),
                "test_world": (LOST, SIMULATED, SIMULATED),
            },
        ),
        (
            "",
            ("pytest-asyncio", "anyio", "pytest-trio"),
            {
                "test_asyncio": ("pytest-asyncio", "pytest-asyncio", "interlace"),
                "test_anyio": ("anyio (asyncio)", "anyio (asyncio)", "interlace"),
                "test_backend": ("anyio (asyncio)", "anyio (asyncio)", "interlace"),
                "test_plain": (LOST, "interlace", "interlace"),  # the default of pytest-asyncio is not given
                "test_trio": ("pytest-trio", "pytest-trio", "pytest-trio"),
                "test_world": (LOST, SIMULATED, SIMULATED),
            },
        ),
        (
            "asyncio_mode = auto",
            ("pytest-asyncio",),
            {
                "test_plain": ("pytest-asyncio", "pytest-asyncio", "interlace"),
                "test_anyio": ("pytest-asyncio", "pytest-asyncio", "interlace"),
                "test_marked": ("pytest-asyncio", SIMULATED, SIMULATED),
            },
        ),
        (
            "asyncio_mode = strict",
            ("pytest-asyncio",),
            {"test_plain": (LOST, "interlace", LOST), "test_asyncio": ("pytest-asyncio",) * 2 + ("interlace",)},
        ),
        ("asyncio_mode = strict", (), {"test_plain": (LOST, LOST, LOST)}),
        ("asyncio_mode = strict\naddopts = --asyncio-mode=auto", (), {"test_plain": (LOST, "interlace", "interlace")}),
        ("asyncio_mode = strict\ninterlace_mode = auto", (), {"test_plain": (LOST, "interlace", "interlace")}),
        ("addopts = -p no:asyncio", ("pytest-asyncio",), {"test_asyncio": (LOST, "interlace", "interlace")}),
        ("interlace_world = simulated", (), {"test_plain": (LOST, SIMULATED, SIMULATED)}),
        ("anyio_mode = auto", ("anyio", "trio"), {"test_plain": ("anyio (asyncio, trio)",) * 2 + ("interlace (Trio: by anyio)",)}),
        ("interlace_take_over = asyncio", ("pytest-asyncio",), {"test_asyncio": ("pytest-asyncio", "interlace", "interlace")}),
        ("trio_mode = true", ("pytest-trio",), {"test_plain": ("pytest-trio",) * 3}),
    ],
)  # fmt: skip
def test_who_runs_what(
    doctor: Doctor, options: str, installed: tuple[str, ...], expected: dict[str, tuple[str, ...]]
) -> None:
    report = doctor({**planted(MIXED), "pytest.ini": f"[pytest]\n{options}\n"}, *installed)
    assert {name: report.runs(name) for name in expected} == expected


def test_arguments_with_a_default_are_no_fixtures(doctor: Doctor) -> None:
    body = "async def test_named(x=1, *, world, y=2): ...\nasync def test_optional(x, *, world=1): ..."
    report = doctor(planted(body))
    assert report.runs("test_named")[1] == SIMULATED
    assert report.runs("test_optional")[1] == "interlace"


def test_who_runs_what_on_an_older_pytest(doctor: Doctor) -> None:
    assert doctor(planted("async def test_plain(): ..."), pytest_version="8.3.5").runs("test_plain")[0] == (
        "nobody: skipped"
    )


def test_the_environment_counts(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    files = planted("@pytest.mark.asyncio\nasync def test_one(): ...\nasync def test_two(): ...")
    monkeypatch.setenv("INTERLACE_TAKE_OVER", "asyncio,anyio")
    assert doctor(files, "pytest-asyncio").runs("test_one")[1] == "interlace"
    monkeypatch.delenv("INTERLACE_TAKE_OVER")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--asyncio-mode=auto")
    assert doctor(files, "pytest-asyncio").runs("test_two")[1] == "pytest-asyncio"
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    report = doctor(files, "pytest-asyncio")
    assert report.runs("test_one")[0] == LOST
    assert report.change("interlace-off")["setting"]["type"] == "pytest -p interlace.plugin"


def test_markers_of_a_module_a_class_and_a_hook(doctor: Doctor) -> None:
    files = planted(
        "class TestIt:\n    async def test_one(self): ...\n"
        "    class TestNested:\n        pytestmark = [slow]\n        async def test_two(self): ...\n"
        "@io.mark.usefixtures('anyio_backend')\nasync def test_three(): ...",
        "import pytest as io\nslow = io.mark.asyncio(loop_scope='class')\npytestmark = [io.mark.interlace]",
    )
    report = doctor(files, "pytest-asyncio", "anyio")
    markers = {test["name"]: [mark["name"] for mark in test["markers"]] for test in report.data["tests"]}
    assert markers["TestIt.test_one"] == ["interlace"]
    assert markers["TestIt.TestNested.test_two"] == ["asyncio", "interlace"]
    assert report.runs("TestIt.test_one") == ("nobody: fails", SIMULATED, SIMULATED)
    hook = "import pytest\ndef pytest_collection_modifyitems(items):\n    items[0].add_marker(pytest.mark.asyncio)\n"
    report = doctor({**planted("async def test_plain(): ..."), "conftest.py": hook}, "pytest-asyncio")
    assert report.runs("test_plain")[0] == "pytest-asyncio"


@pytest.mark.parametrize(
    ("fixture", "who"),
    [
        ("@pytest.fixture\ndef anyio_backend(): return 'asyncio'", "anyio (asyncio)"),
        ("@pytest.fixture\ndef anyio_backend(): return 'asyncio', {'debug': True}", "anyio (asyncio)"),
        ("@pytest.fixture(params=['trio', 'asyncio'])\ndef anyio_backend(request): return request.param", "anyio (trio, asyncio)"),
        ("@pytest.fixture\ndef anyio_backend(): return choose()", "anyio (backend not told)"),
    ],
)  # fmt: skip
def test_the_backends_of_anyio(doctor: Doctor, fixture: str, who: str) -> None:
    files = {
        **planted("@pytest.mark.anyio\nasync def test_it(anyio_backend): ..."),
        "conftest.py": f"import pytest\n{fixture}\n",
    }
    assert doctor(files, "anyio", "trio").runs("test_it")[1] == who


def test_classes_of_unittest(doctor: Doctor) -> None:
    files = {
        "base.py": "import unittest\nclass Base(unittest.IsolatedAsyncioTestCase): ...\n",
        **planted(
            "class Case(Base):\n    async def test_one(self): ...\n"
            "    @pytest.mark.explore\n    async def test_explored(self): ...\n"
            "class Plain(TestCase):\n    async def test_two(self): ...",
            "from base import Base\nfrom unittest import TestCase",
        ),
    }
    report = doctor(files)
    assert report.runs("Case.test_one") == ("unittest", "unittest", "unittest")
    assert report.runs("Case.test_explored") == ("unittest", SIMULATED, SIMULATED)
    assert report.runs("Plain.test_two")[0] == "nobody: never awaited"
    assert report.codes == ["async-in-testcase"]


# -- what to change ----------------------------------------------------------------------------------

GOOD = "@pytest.mark.asyncio\nasync def test_it(): ..."


def test_nothing_to_change(doctor: Doctor) -> None:
    report = doctor(planted(GOOD))
    assert (report.status, report.codes, report.err) == (0, [], "")
    assert report.out.endswith("nothing to change\n")


@pytest.mark.parametrize(
    ("code", "body", "typed"),
    [
        (
            "event-loop",
            "@pytest.mark.asyncio\nasync def test_it(event_loop, x: int = 1):\n    event_loop.call_soon(print)",
            ["async def test_it(x: int=1):", "    event_loop = asyncio.get_running_loop()"],
        ),
        (
            "event-loop",
            "def test_it(event_loop):\n    assert event_loop.run_until_complete(asyncio.sleep(0, 'ü')).upper() == 'Ü'",
            ["async def test_it():", "assert (await asyncio.sleep(0, 'ü')).upper() == 'Ü'"],
        ),
        ("event-loop", "@pytest.fixture\nasync def server(event_loop): ...", ["async def server():"]),
        (
            "mark-scope",
            "@pytest.mark.asyncio(scope='module')\nasync def test_it(): ...",
            ['@pytest.mark.asyncio(loop_scope="module")'],
        ),
        (
            "mark-scope",
            "pytestmark = [pytest.mark.slow, pytest.mark.asyncio(scope='session', loop_factories=['a'])]\nasync def test_it(): ...",
            ["pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope=\"session\", loop_factories=['a'])]"],
        ),
        ("mark-argument", "@pytest.mark.asyncio(loop_scop='module')\nasync def test_it(): ...", []),
        ("mark-argument", "@pytest.mark.asyncio('module')\nasync def test_it(): ...", []),
        ("mark-argument", "@pytest.mark.asyncio(loop_scope='modul')\nasync def test_it(): ...", []),
        ("mark-argument", "@pytest.mark.explore(schedule=5)\nasync def test_it(): ...", []),
        ("mark-argument", "@pytest.mark.interlace(5)\nasync def test_it(): ...", []),
        ("marked-sync", "@pytest.mark.asyncio\ndef test_it(): ...", ["async def test_it"]),
        ("test-yields", "@pytest.mark.asyncio\nasync def test_it():\n    yield", []),
        ("no-runner", "@pytest.mark.trio\nasync def test_it(): ...", []),
        ("asyncio-run", "async def test_it():\n    x = asyncio.run(f(1))  # why", ["x = await f(1)  # why"]),
        ("asyncio-run", "async def test_it():\n    return asyncio.run(a or b).c", ["return (await (a or b)).c"]),
        ("asyncio-run", "async def test_it(loop):\n    loop.run_until_complete(f())", ["await f()"]),
        ("asyncio-run", "async def test_it():\n    with asyncio.Runner() as runner: ...", []),
        ("time-sleep", "async def test_it():\n    time.sleep(0.1)", ["await asyncio.sleep(0.1)"]),
        ("time-sleep", "@pytest.fixture\nasync def it():\n    if 1: time.sleep(2)", ["if 1: await asyncio.sleep(2)"]),
        ("wall-clock", "async def test_it():\n    time.monotonic()", []),
        ("sync-loop", "def test_it():\n    asyncio.run(f())", ["await f()"]),
        ("get-event-loop", "@pytest.fixture\ndef it():\n    return asyncio.get_event_loop()", []),
        ("loop-policy", "@pytest.fixture\ndef event_loop_policy(): ...", []),
    ],
)  # fmt: skip
def test_what_is_found_and_what_to_type(doctor: Doctor, code: str, body: str, typed: list[str]) -> None:
    report = doctor(planted(body))
    assert report.codes == [code]
    assert report.typed(code) == typed
    must = report.change(code)["must"]
    assert report.status == (1 if must else 0)
    for text in typed:
        assert text.strip() in report.out


@pytest.mark.parametrize(
    "body",
    [
        "async def test_it():\n    await asyncio.to_thread(time.sleep, 1)",
        "async def test_it():\n    def blocking(): time.sleep(1)\n    await asyncio.to_thread(blocking)",
        "async def test_it():\n    await asyncio.to_thread(lambda: asyncio.run(f()))",
        "async def test_it():\n    asyncio.get_running_loop().time()",
        "def test_it():\n    time.sleep(1)",
        "async def helper():\n    time.sleep(1)",
        "@pytest.mark.anyio\nclass TestIt:\n    def test_sync(self): ...\n    async def test_async(self): ...",
        "async def test_it(event_loop_of_mine): ...",
        "@pytest.mark.asyncio(loop_factories=['a', 'b'])\nasync def test_it(): ...",
        "@pytest.mark.explore(schedules=5, order='any', faults=['cancel'], seed=1)\nasync def test_it(): ...",
    ],
)
def test_what_is_left_alone(doctor: Doctor, body: str) -> None:
    report = doctor(planted(body))
    assert (report.status, report.codes) == (0, [])


def test_a_clock_is_said_to_be_real_or_virtual_and_is_no_fault(doctor: Doctor) -> None:
    report = doctor(planted("async def test_it():\n    time.time()"))
    change = report.change("wall-clock")
    assert not change["must"]
    assert "real on the stock loop; in a simulated world virtual" in change["title"]


def test_names_are_followed_through_imports(doctor: Doctor) -> None:
    files = planted(
        "async def test_it():\n    nap(1)\n    aio.run(f())\n    t.time()",
        "from time import sleep as nap\nimport asyncio as aio\nimport time as t",
    )
    report = doctor(files)
    assert report.codes == ["asyncio-run", "time-sleep", "wall-clock"]
    assert report.typed("time-sleep") == ["await asyncio.sleep(1)"]


def test_an_override_of_event_loop_is_to_be_deleted(doctor: Doctor) -> None:
    conftest = (
        "import asyncio\nimport pytest\n\n\n@pytest.fixture(scope='session')\ndef event_loop():\n"
        "    loop = asyncio.new_event_loop()\n    yield loop\n    loop.close()\n"
    )
    report = doctor(
        {**planted(GOOD), "conftest.py": conftest, "pyproject.toml": "[tool.pytest.ini_options]\n"}
    )
    change = report.change("event-loop-override")
    assert [(place["file"], place["line"], place["delete_to"]) for place in change["places"]] == [
        ("conftest.py", 5, 9)
    ]
    assert change["setting"]["type"] == 'asyncio_default_test_loop_scope = "session"'
    assert "delete lines 5 to 9" in report.out


@pytest.mark.parametrize(
    ("installed", "options", "must"),
    [
        ((), "", False),
        (("pytest-asyncio==1.5.0",), "", True),
        (("pytest-asyncio==0.26.0",), "", False),
        (("pytest-asyncio==1.5.0",), "interlace_take_over = asyncio", False),
    ],
)
def test_who_still_has_the_fixture_event_loop(
    doctor: Doctor, installed: tuple[str, ...], options: str, must: bool
) -> None:
    body = "@pytest.fixture\ndef event_loop(): ...\n@pytest.mark.asyncio\nasync def test_it(event_loop): ..."
    report = doctor({**planted(body), "pytest.ini": f"[pytest]\n{options}\n"}, *installed)
    assert [report.change(code)["must"] for code in ("event-loop", "event-loop-override")] == [must, must]
    assert report.status == (1 if must else 0)


POOL = "import pytest_asyncio\n@pytest_asyncio.fixture(scope='session')\nasync def pool(): ...\n@pytest_asyncio.fixture\nasync def client(pool): ...\n"


def test_a_session_fixture_beside_a_function_loop(doctor: Doctor) -> None:
    files = {**planted("@pytest.mark.asyncio\nasync def test_it(client): ..."), "conftest.py": POOL}
    report = doctor(files, "pytest-asyncio")
    assert report.typed("loops-differ") == ['@pytest.mark.asyncio(loop_scope="session")']
    assert report.change("loops-differ")["setting"] == {
        "where": "a new file pytest.ini, below the line [pytest]",
        "type": "asyncio_default_test_loop_scope = session",
    }
    assert {one["name"]: one["loop_scope"] for one in report.data["fixtures"]} == {
        "pool": "session",
        "client": "function",
    }


@pytest.mark.parametrize(
    ("mark", "options", "installed", "differ"),
    [
        ("", "", (), False),  # interlace takes the widest loop
        ("", "interlace_take_over = asyncio", ("pytest-asyncio",), False),
        ("(loop_scope='session')", "", ("pytest-asyncio",), False),
        ("", "asyncio_default_test_loop_scope = session", ("pytest-asyncio",), False),
        ("", "asyncio_default_fixture_loop_scope = session", ("pytest-asyncio",), True),
        ("(loop_scope='module')", "", ("pytest-asyncio",), True),
        ("(loop_scope='module')", "", (), True),
        ("", "asyncio_default_fixture_loop_scope = session", (), False),
    ],
)
def test_loops_that_differ(
    doctor: Doctor, mark: str, options: str, installed: tuple[str, ...], differ: bool
) -> None:
    body = f"@pytest.mark.asyncio{mark}\nasync def test_it(client): ..."
    report = doctor(
        {**planted(body), "conftest.py": POOL, "pytest.ini": f"[pytest]\n{options}\n"}, *installed
    )
    assert report.codes == (["loops-differ"] if differ else [])


@pytest.mark.parametrize(("mark", "differ"), [("@pytest.mark.asyncio", True), ("", False)])
def test_a_loop_that_a_fixture_names_is_taken_literally(doctor: Doctor, mark: str, differ: bool) -> None:
    pool = POOL.replace("scope='session'", "loop_scope='session'")
    report = doctor({**planted(f"{mark}\nasync def test_it(client): ..."), "conftest.py": pool})
    assert report.codes == (["loops-differ"] if differ else [])


def test_a_fixture_whose_loop_ends_before_it(doctor: Doctor) -> None:
    body = "import pytest_asyncio\n@pytest_asyncio.fixture(scope='module', loop_scope='function')\nasync def it(): ...\n"
    files = {**planted(GOOD), "conftest.py": body}
    assert doctor(files).codes == []
    assert doctor(files, "pytest-asyncio").typed("fixture-loop") == [
        '@pytest_asyncio.fixture(scope="module", loop_scope="module")'
    ]


def test_async_fixtures_in_strict_mode(doctor: Doctor) -> None:
    body = (
        "@pytest.fixture(params=[1])\nasync def one(): ...\n@pytest.mark.asyncio\nasync def test_it(one): ..."
    )
    assert doctor(planted(body)).codes == []
    for installed in ((), ("pytest-asyncio",)):
        report = doctor({**planted(body), "pytest.ini": "[pytest]\nasyncio_mode = strict\n"}, *installed)
        assert report.typed("strict-fixture") == ["@pytest_asyncio.fixture(params=[1])"]


def test_a_fixture_that_overrides_itself(doctor: Doctor) -> None:
    files = {
        **planted(
            "@pytest.fixture\nasync def pool(pool): ...\n@pytest.mark.asyncio\nasync def test_it(pool): ..."
        ),
        "conftest.py": POOL,
    }
    assert doctor(files, "pytest-asyncio").codes == ["strict-fixture", "loops-differ"]


def test_unmarked_tests_in_strict_mode(doctor: Doctor) -> None:
    report = doctor({**planted("async def test_it(): ..."), "tox.ini": "[pytest]\nasyncio_mode = strict\n"})
    assert report.change("no-runner")["setting"] == {
        "where": "[pytest] of tox.ini",
        "type": "interlace_mode = auto",
    }


@pytest.mark.parametrize(
    ("line", "code", "typed"),
    [
        ("asyncio_mode = legacy", "legacy-mode", "asyncio_mode = auto"),
        ("asyncio_mode = atuo", "bad-option", "asyncio_mode = auto"),
        ("interlace_mode = atuo", "bad-option", "interlace_mode = auto"),
        ("interlace_world = real", "bad-option", "interlace_world = stock"),
        ("interlace_background = fail", "bad-option", "interlace_background = error"),
        (
            "asyncio_default_test_loop_scope = sesion",
            "bad-option",
            "asyncio_default_test_loop_scope = function",
        ),
        ("interlace_take_over = trio", "bad-option", "interlace_take_over = asyncio anyio"),
        ("addopts = -p no:interlace", "interlace-off", None),
    ],
)
def test_options_that_cannot_work(doctor: Doctor, line: str, code: str, typed: str | None) -> None:
    report = doctor({**planted(GOOD), "pytest.ini": f"[pytest]\nminversion = 8\n{line}\n"})
    assert code in report.codes
    change = report.change(code)
    assert [place["line"] for place in change["places"]] == [3]
    assert (change["setting"] or {"type": None})["type"] == typed
    assert report.status == 1


def test_what_pytest_there_is(doctor: Doctor) -> None:
    assert (
        doctor(planted(GOOD), pytest_version="")
        .change("no-pytest")["setting"]["type"]
        .endswith("install pytest")
    )
    assert doctor(planted(GOOD), pytest_version="8.1.0").codes == ["old-pytest"]


@pytest.mark.parametrize("mark", ["anyio", "trio"])
def test_plugins_in_each_others_way(doctor: Doctor, mark: str) -> None:
    body = f"@pytest.mark.{mark}\nasync def test_it(): ..."
    files = {
        **planted(body),
        "pytest.ini": "[pytest]\nasyncio_mode = auto\nrequired_plugins = pytest-asyncio\n",
    }
    report = doctor(files, "pytest-asyncio", "anyio", "pytest-trio")
    assert report.codes == ["two-runners", "required-plugin"]
    assert report.change("two-runners")["setting"]["type"] == "asyncio_mode = strict"


# -- how it is said ----------------------------------------------------------------------------------


def test_the_way_to_take_over_is_told(doctor: Doctor) -> None:
    report = doctor(
        {**planted(MIXED), "pyproject.toml": "[tool.pytest]\nminversion = '9'\n"}, "pytest-asyncio", "anyio"
    )
    assert 'interlace_take_over = ["anyio", "asyncio"]' in report.out
    assert "INTERLACE_TAKE_OVER=anyio,asyncio pytest" in report.out
    assert "interlace_mode" not in report.out
    strict = {**planted(MIXED), "pyproject.toml": "[tool.pytest]\nasyncio_mode = 'strict'\n"}
    # for test_plain, which interlace would lose
    assert 'interlace_mode = "auto"' in doctor(strict, "pytest-asyncio").out
    assert "INTERLACE_TAKE_OVER" not in doctor({"pyproject.toml": "[tool.pytest]\ninterlace_take_over = ['asyncio', 'anyio']\n"}).out  # fmt: skip


def test_it_fits_80_columns_but_for_what_is_to_be_typed(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    body = (
        MIXED + "class Case(unittest.IsolatedAsyncioTestCase):\n    async def test_it(self): time.sleep(1)\n"
    )
    report = doctor(
        planted(body, "import unittest"), "pytest-asyncio", "anyio", "pytest-trio", "pytest-tornasync"
    )
    assert [line for line in report.out.splitlines() if len(line) > 80] == []
    assert "\x1b" not in report.out
    assert "IsolatedAsyncioTestCase   1" in report.out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in doctor({}).out


def test_many_places_are_cut_unless_asked_for(doctor: Doctor) -> None:
    body = "\n".join(f"async def test_{number}():\n    time.sleep({number})" for number in range(9))
    assert "… 4 more; -v shows all" in doctor(planted(body)).out
    report = doctor({}, arguments=("-v",))
    assert "more; -v" not in report.out
    assert report.out.count("await asyncio.sleep") == 9


def test_what_is_in_the_files_cannot_steer_the_terminal(doctor: Doctor) -> None:
    report = doctor(planted('async def test_it():\n    time.sleep("\x1b[31m")'))
    assert "\x1b" not in report.out


def test_the_data_has_a_schema(doctor: Doctor) -> None:
    report = doctor({**planted(MIXED), "pytest.ini": "[pytest]\naddopts = -ra\n"}, "anyio==4.9.0")
    assert report.data["schema"] == "interlace-doctor/1"
    assert report.data["configuration"] == {
        "file": "pytest.ini", "section": "pytest", "options": {"addopts": "-ra"}, "take_over": [],
    }  # fmt: skip
    assert report.data["plugins"] == [
        {"package": "anyio", "version": "4.9.0", "names": ["anyio"], "loaded": True}
    ]
    assert report.data["tests"][0] == {
        "name": "test_asyncio",
        "file": "test_it.py",
        "line": 8,
        "kind": "marked asyncio",
        "markers": [{"name": "asyncio", "arguments": {}}],
        "without_interlace": "nobody: fails",
        "with_interlace": "interlace",
        "with_take_over": "interlace",
    }


def test_no_file_of_the_suite_is_run(doctor: Doctor) -> None:
    doctor({**planted("raise SystemExit(3)"), "conftest.py": "raise SystemExit(3)\n"})
    assert "test_it" not in sys.modules


# -- what cannot be read -----------------------------------------------------------------------------


def test_a_file_that_is_not_python_is_something_to_change(doctor: Doctor) -> None:
    report = doctor(
        {
            **planted("def f(:"),
            "test_other.py": "async def test_it(): ...\n",
            "test_bytes.py": "x = '\udc80'\n".encode("utf-8", "surrogatepass").decode("latin1"),
        }
    )
    assert report.change("unreadable")["places"][0] == {
        "file": "test_it.py", "line": 6, "about": "SyntaxError: invalid syntax", "type": [], "delete_to": None,
    }  # fmt: skip
    assert len(report.data["tests"]) == 1


@pytest.mark.parametrize(
    ("files", "arguments", "said", "then"),
    [
        ({"pyproject.toml": "[tool\n"}, (), "pyproject.toml:1: ", "mend line 1 of pyproject.toml"),
        ({"pyproject.toml": "[tool.x]\ny = 1\nz = \n"}, (), "pyproject.toml:3: Invalid value", "mend line 3"),
        ({"pyproject.toml": "[tool.x]\ny = [1,\n"}, (), "pyproject.toml:2: ", "mend line 2"),
        ({"pytest.ini": "[pytest]\na = 1\na = 2\n"}, (), "pytest.ini:3: 'a' is given twice", "mend line 3"),
        ({"pytest.ini": "a = 1\n"}, (), "pytest.ini:1: 'a = 1' stands before the first [section]", "mend"),
        ({"pytest.ini": "[pytest]\njust words\n"}, (), "'just words' is neither a [section] nor name = value", "mend"),
        ({"pytest.ini": "[pytest]\n[pytest]\n"}, (), "there are two sections [pytest]", "mend line 2"),
        ({"pytest.ini": "  a\n"}, (), "'a' continues nothing", "mend line 1"),
        ({"setup.cfg": "[pytest]\n"}, (), "pytest refuses the section [pytest]", "call it [tool:pytest] in setup.cfg"),
        ({"pytest.toml": "a = 1\n"}, (), "a stands outside of the table [pytest]", "put [pytest] on top"),
        ({"pyproject.toml": "[tool.pytest]\na=1\n[tool.pytest.ini_options]\nb=1\n"}, (), "pytest takes only one", "move all"),
        ({"pytest.ini": "[pytest]\naddopts = 'a\n"}, (), "addopts cannot be split into words", "close the quotes"),
        ({}, ("nowhere",), "there is no file or directory 'nowhere'", "interlace doctor tests"),
        ({"a.txt": ""}, ("a.txt",), "'a.txt' is not a Python file", "interlace doctor"),
        ({}, ("--json", "no/where.json"), "there is no directory 'no'", "--json report.json"),
        ({}, ("one", "two"), "unrecognized arguments: two", "interlace --help"),
    ],
)  # fmt: skip
def test_wrong_input(
    doctor: Doctor, files: dict[str, str], arguments: tuple[str, ...], said: str, then: str
) -> None:
    if "--json" in arguments:
        status, out, err = main(["doctor", *arguments]), "", None
    else:
        status, out, err, _ = doctor(files, arguments=arguments)
    if err is not None:
        first, second, *rest = err.splitlines()
        assert (out, rest) == ("", [])
        assert first.startswith("interlace: ")
        assert said in first
        assert second.startswith(f"try: {then}")
    assert status == 2
