"""The doctor finds the configuration and the tests that pytest itself finds."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import iniconfig
import pytest
from _pytest.config.findpaths import determine_setup

from interlace.cli.doctor import about_tests, examined, settings
from interlace.cli.doctor.collecting import Suite
from interlace.cli.doctor.settings import find_settings
from interlace.cli.doctor.written import read_ini
from interlace.errors import UsageError
from interlace.plugin import declare, markers, options

VERSION = tuple(int(part) for part in pytest.__version__.split(".")[:2])
since_9 = pytest.mark.skipif(VERSION < (9,), reason="this pytest does not read pytest.toml")

Plant = Callable[..., Path]


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Write files, go there, and return the directory that is named."""

    def write(files: dict[str, str], named: str = ".", cwd: str = ".") -> Path:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        monkeypatch.chdir(tmp_path / cwd)
        return Path(os.path.abspath(tmp_path / named))

    return write


def pytest_finds(start: Path) -> tuple[Path, Path | None, dict[str, Any]]:
    found = determine_setup(
        inifile=None, override_ini=None, args=[str(start)], rootdir_cmd_arg=None, invocation_dir=Path.cwd()
    )
    return found[0], found[1], {key: getattr(value, "value", value) for key, value in found[2].items()}


@pytest.mark.parametrize(
    ("files", "named", "cwd"),
    [
        ({"pytest.ini": "[pytest]\na = 1\n", "pyproject.toml": "[tool.pytest.ini_options]\na = 2\n"}, ".", "."),
        ({"pytest.ini": ""}, ".", "."),
        ({".pytest.ini": "[pytest]\na = 1\n", "tox.ini": "[pytest]\na = 2\n"}, ".", "."),
        ({"tox.ini": "[tox]\n", "setup.cfg": "[tool:pytest]\na: 1\n"}, ".", "."),
        ({"tox.ini": "[pytest]\n", "setup.cfg": "[tool:pytest]\na: 1\n"}, ".", "."),
        ({"pyproject.toml": "[project]\n", "tox.ini": "[pytest]\na = 1\n"}, ".", "."),
        ({"pyproject.toml": "[project]\n", "sub/x.py": ""}, "sub", "."),
        ({"pyproject.toml": "[tool.pytest.ini_options]\nx = 1\ny = ['a', 'b']\nz = true\n"}, ".", "."),
        ({"pytest.ini": "[pytest]\na = 1\n", "sub/tox.ini": "[pytest]\na = 2\n"}, "sub", "."),
        ({"pytest.ini": "[pytest]\na = 1\n", "sub/tox.ini": "[tox]\n", "sub/deep/x.py": ""}, "sub/deep/x.py", "."),
        ({"proj/setup.py": "", "proj/tests/x.py": ""}, "proj/tests", "."),
        ({"proj/tests/x.py": ""}, "proj/tests", "."),
        ({"proj/tests/x.py": "", "other/x.py": ""}, "proj/tests", "other"),
        ({"pytest.ini": "[pytest]\na =\n    one\n    # not this\n    two\nb : c=d\ne = 100%\n[other]\na = 1\n"}, ".", "."),
        pytest.param({"pytest.toml": "", "pytest.ini": "[pytest]\na = 1\n"}, ".", ".", marks=since_9),
        pytest.param({".pytest.toml": "[pytest]\na = ['x']\n"}, ".", ".", marks=since_9),
        pytest.param({"pyproject.toml": "[tool.pytest]\na = ['x']\n"}, ".", ".", marks=since_9),
        pytest.param({"pyproject.toml": "[tool.pytest.ini_options]\na = 'x'\n[tool.pytest]\n"}, ".", ".", marks=since_9),
    ],
)  # fmt: skip
def test_the_same_configuration(plant: Plant, files: dict[str, str], named: str, cwd: str) -> None:
    start = plant(files, named, cwd)
    root, file, values = pytest_finds(start)
    settings = find_settings(start, {}, VERSION)
    assert settings.root == root
    assert (settings.section.file if settings.section else None) == file
    ours = dict(settings.section.values) if settings.section else {}
    # Of TOML pytest makes text at once, the doctor when it is asked.
    assert {key: as_text(value) for key, value in ours.items()} == {
        key: as_text(value) for key, value in values.items()
    }


def as_text(value: object) -> object:
    return value if isinstance(value, list) else str(value)


@pytest.mark.parametrize(
    "text",
    [
        "[a]\nx = 1\ny: 2\nz = a:b\nw : a=b\n",
        "# top\n[a] # why\nx = 1 # stays\n;\n  y\n\n  z\n[b]\nx=\n",
        "[a]\nx =\n  [not a section]\n",
        "[a]\nx = 1\n[open\n",
        "\ufeff[a]\nx = ü\n",
        "x = 1\n",
        "[a]\n[a]\n",
        "[a]\nx = 1\nx = 2\n",
        "[a]\nwords\n",
        "[a]\n  y\n",
        "[]\n",
    ],
)
def test_the_same_ini(tmp_path: Path, text: str) -> None:
    file = tmp_path / "some.ini"
    file.write_text(text, encoding="utf-8")
    try:
        theirs = iniconfig.IniConfig(file, data=text)
    except iniconfig.ParseError as error:
        with pytest.raises(UsageError, match=f"some.ini:{error.lineno + 1}: "):
            read_ini(file)
        return
    ours = read_ini(file)
    assert {name: dict(section.values) for name, section in ours.items()} == theirs.sections
    for name, section in ours.items():
        assert {key: theirs.lineof(name, key) for key in section.values} == section.lines


SUITE = {
    "base.py": "class Base:\n    def test_inherited(self): ...\n    async def test_async(self): ...\n",
    "tests/test_one.py": """
import unittest, pytest
from base import Base
def test_plain(): ...
async def test_async(): ...
def tested(): ...
def helper(): ...
@pytest.fixture
def test_fixture(): ...
if True:
    def test_below_if(): ...
class TestIt(Base):
    def test_own(self): ...
    def check(self): ...
    class TestNested:
        def test_deep(self): ...
class TestWithInit:
    def __init__(self): ...
    def test_never(self): ...
class Other:
    def test_never(self): ...
class Case(unittest.TestCase):
    def test_case(self): ...
    def check(self): ...
class Isolated(unittest.IsolatedAsyncioTestCase):
    async def test_isolated(self): ...
""",
    "tests/one_test.py": "def test_it(): ...\n",
    "tests/helper.py": "def test_it(): ...\n",
    "tests/build/test_it.py": "def test_it(): ...\n",
    "tests/.hidden/test_it.py": "def test_it(): ...\n",
    "tests/deep/test_deep.py": "from helper import *\ndef test_it(): ...\n",
    "tests/deep/helper.py": "x = 1\n",
    "env/pyvenv.cfg": "",
    "env/test_it.py": "def test_it(): ...\n",
    "test_top.py": "def test_it(): ...\n",
    "spec_it.py": "class Spec:\n    def it_works(self): ...\n    def test_it(self): ...\n",
}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("", "."),
        ("", "tests"),
        ("", "tests/test_one.py"),
        ("testpaths = tests", "."),
        ("testpaths = tests/de*", "."),
        ("testpaths = nowhere", "."),
        ("python_files = spec_*.py\npython_classes = Spec\npython_functions = it_*", "."),
        ("python_classes = *er", "tests"),
        ("norecursedirs = deep .*", "."),
        ("addopts = --ignore=tests/one_test.py --ignore tests/deep", "."),
        ("addopts = --ignore-glob=*_test.py", "."),
    ],
)
def test_the_same_tests(plant: Plant, options: str, named: str) -> None:
    start = plant({**SUITE, "pytest.ini": f"[pytest]\npythonpath = . tests/deep\n{options}\n"}, named)
    settings = find_settings(start, {}, VERSION)
    suite = Suite(start, settings)
    ours = {
        f"{os.path.relpath(module.file, settings.root)}::{test.function.name.replace('.', '::')}"
        for module in suite.modules
        for test in module.tests
    }
    assert ours == collected_by_pytest(*([] if named == "." else [named]))
    assert ours


def collected_by_pytest(*arguments: str) -> set[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        [*command, "--import-mode=importlib"],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return {line for line in done.stdout.splitlines() if "::" in line}


def test_the_same_words() -> None:
    """The plugin and the command line may not import each other, so that both have these."""
    assert examined.SCOPES == declare.SCOPES
    assert about_tests._MARK_ARGUMENTS["explore"] == set(markers._ARGUMENTS)
    assert about_tests._MARK_ARGUMENTS["interlace"] == set(markers._START)
    assert settings.TAKE_OVER == options.TAKE_OVER
