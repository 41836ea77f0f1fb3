"""The plugin with the oldest pytest that it supports and those since, and beside the plugins that suites have.

Each runs in an environment of its own, see tests/support/environments.py.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from environments import ROOT, choose, environment, plugin_path

pytestmark = [pytest.mark.peers, pytest.mark.slow]

VERSIONS = ("8.2.2", "8.3.5", "8.4.2", "9.0.3")
"""The last release of each series; the newest is the one that all other tests run on."""

ESSENTIAL = (
    "test_compat",
    "test_fixtures_anew",
    "test_endings",
    "test_cases",
    "test_claims",
)
"""What depends on the inside of pytest."""

NEWEST = "pytest==9.2.0"

Run = Callable[..., pytest.RunResult]


def started(
    python: Path, folder: Path, arguments: list[str], directory: Path, **more: str
) -> tuple[int, str]:
    """Runs pytest with interlace's code as it is here; returns its exit code and its output."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "INTERLACE_", "COV_", "PYTHON"))
    }
    path = os.pathsep.join([plugin_path(folder), *filter(None, [more.pop("PYTHONPATH", "")])])
    done = subprocess.run(
        [python, "-m", "pytest", "--color=no", "-p", "no:cacheprovider", *arguments],
        cwd=directory,
        env={**kept, "PYTHONPATH": path, **more},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_what_depends_on_pytest_works_with_it(version: str, tmp_path: Path) -> None:
    pins = [f"pytest=={version}", "pytest-xdist==3.8.0", "hypothesis==6.170.17", "anyio==4.16.0"]
    python = environment("beside", choose(f"=={platform.python_version()}"), pins)
    files = [f"tests/plugin/{name}.py" for name in ESSENTIAL]
    code, told = started(
        python,
        tmp_path / "plugin",
        ["-q", "-m", "not peers", f"--basetemp={tmp_path / 'base'}", *files],
        ROOT,
    )
    assert code == 0, told[-10000:]
    assert " passed" in told


def test_nothing_is_left_out_of_what_is_tested_beside_neighbours(tmp_path: Path) -> None:
    """What is skipped elsewhere, since a plugin is not there."""
    pins = [NEWEST, "pytest-asyncio==1.5.0", "anyio==4.16.0", "trio==0.35.0", "hypothesis==6.170.17"]
    pins += ["pytest-randomly==5.1.0", "pytest-timeout==2.4.0", "pytest-xdist==3.8.0"]
    python = environment("beside", choose(f"=={platform.python_version()}"), pins)
    files = ["tests/plugin/test_neighbours.py", "tests/plugin/test_endings.py"]
    options = [
        "-q",
        "-m",
        "not peers",
        "-p",
        "no:randomly",
        "-p",
        "no:asyncio",
        f"--basetemp={tmp_path / 'base'}",
    ]
    code, told = started(python, tmp_path / "plugin", [*options, *files], ROOT)
    assert code == 0, told[-10000:]
    assert "skipped" not in told.splitlines()[-1]


def outcomes(told: str) -> dict[str, int]:
    found = pytest.RunResult.parse_summary_nouns(told.splitlines())
    return {name: number for name, number in found.items() if name not in ("warnings", "deselected")}


@pytest.fixture
def beside(tmp_path: Path) -> Callable[..., str]:
    """Runs a suite beside plugins, once and explored, and returns the output of the last.

    Called with the pins of the plugins, the source, what becomes of it, and options of the command line.
    """

    def _beside(
        pins: list[str],
        source: str,
        expected: dict[str, int],
        *options: str,
        explored: dict[str, int] | None = None,
        files: dict[str, str] | None = None,
        newest: str = NEWEST,
        **variables: str,
    ) -> str:
        python = environment("beside", choose(f"=={platform.python_version()}"), [newest, *pins])
        suite = tmp_path / "suite"
        suite.mkdir()
        for name, text in {"test_it.py": source, "pytest.ini": "[pytest]\n", **(files or {})}.items():
            (suite / name).write_text(textwrap.dedent(text), encoding="utf-8")
        told = ""
        for number, more in enumerate(((), ("--explore=4",))):
            folder = tmp_path / f"plugin{number}"
            _, told = started(python, folder, ["-rA", *options, *more], suite, **variables)
            assert "INTERNALERROR" not in told, told
            wanted = expected if not more or explored is None else explored
            assert outcomes(told) == wanted, f"{' '.join(more)}\n{told}"
        assert " explored, " in told
        return told

    return _beside


def test_xdist(beside) -> None:
    source = """
        import asyncio
        import os
        import pytest

        @pytest.mark.parametrize("number", range(6))
        async def test_it(number):
            await asyncio.sleep(0)
            assert os.environ["PYTEST_XDIST_WORKER"]
            assert number != 5, "on another process"
        """
    told = beside(["pytest-xdist==3.8.0"], source, {"passed": 5, "failed": 1}, "-n2", "--dist=load")
    assert "AssertionError: on another process" in told
    assert "interlace: 6 tests explored, 6 schedules, 1 failed" in told


def test_randomly(beside) -> None:
    """Each run of a test begins with the numbers that the plugin would give it."""
    source = """
        import asyncio
        import random
        import pytest

        drawn = {}

        @pytest.fixture
        async def value():
            await asyncio.sleep(0)
            return random.random()

        @pytest.mark.parametrize("number", range(3))
        async def test_it(number, value):
            drawn.setdefault(number, set()).add((value, random.random()))
            await asyncio.gather(asyncio.sleep(0.01), asyncio.sleep(0.01))
            assert len(drawn[number]) == 1
        """
    told = beside(["pytest-randomly==5.1.0"], source, {"passed": 3}, "-p", "randomly", "--randomly-seed=7")
    assert "Using --randomly-seed=7" in told


def test_timeout(beside) -> None:
    source = """
        import asyncio
        import pytest

        @pytest.mark.timeout(1, method="signal")
        async def test_hangs():
            while True:
                await asyncio.sleep(0)

        async def test_after():
            await asyncio.sleep(0)
        """
    told = beside(["pytest-timeout==2.4.0"], source, {"passed": 1, "failed": 1})
    assert "Timeout (>1.0s) from pytest-timeout" in told


def test_cov(beside) -> None:
    """Lines after an await are counted, and those of fixtures; the explorer's own tracer gives back what it found."""
    source = """
        import asyncio
        import pytest

        @pytest.fixture
        async def value():
            await asyncio.sleep(0)
            value = 2
            yield value
            await asyncio.sleep(0)
            value = 3

        async def test_it(value):
            await asyncio.sleep(0.01)
            assert value == 2

        async def test_fails():
            order = []

            async def note(name, delay):
                await asyncio.sleep(delay)
                order.append(name)

            await asyncio.gather(note("b", 0.02), note("a", 0.01))
            assert order == ["b", "a"]

        async def test_last(value):
            await asyncio.sleep(0)
            value = 4
        """
    told = beside(
        ["pytest-cov==7.1.0"],
        source,
        {"passed": 2, "failed": 1},
        "--cov=test_it",
        "--cov-report=term-missing",
        COVERAGE_FILE="coverage.data",
    )
    assert re.search(r"^test_it.py +\d+ +0 +100%$", told, re.MULTILINE), told


def test_mock(beside) -> None:
    source = """
        import asyncio
        import test_it

        async def ask():
            return "really"

        async def test_it_(mocker):
            mocked = mocker.patch("test_it.ask", return_value="mocked")
            assert await test_it.ask() == "mocked"
            mocked.assert_awaited_once()
            stub = mocker.AsyncMock(side_effect=[1, 2])
            assert await asyncio.gather(stub(), stub()) == [1, 2]

        async def test_undone():
            assert await test_it.ask() == "really"
        """
    beside(["pytest-mock==3.17.0"], source, {"passed": 2})


def test_rerunfailures(beside) -> None:
    """A rerun is a whole one: its fixtures are made anew, on a loop that is open."""
    source = """
        import asyncio
        import pytest

        tries = []
        made = []

        @pytest.fixture
        async def value():
            made.append(1)
            await asyncio.sleep(0)
            yield len(made)
            await asyncio.sleep(0)
            made.append(1)

        @pytest.mark.flaky(reruns=2)
        async def test_flaky(value):
            tries.append(1)
            await asyncio.sleep(0.01)
            assert len(tries) > 2
            assert value == len(made)

        @pytest.mark.flaky(reruns=1)
        async def test_broken(value):
            assert not value
        """
    # The runs of a search count as tries.
    explored = {"passed": 1, "failed": 1, "rerun": 1}
    beside(["pytest-rerunfailures==16.7"], source, {"passed": 1, "failed": 1, "rerun": 3}, explored=explored)


def test_django(beside) -> None:
    source = """
        import pytest

        async def test_view(async_client):
            response = await async_client.get("/")
            assert response.content == b"hello"

        @pytest.mark.parametrize("number", range(2))
        @pytest.mark.django_db(transaction=True)
        async def test_rows(number):
            from django.contrib.auth.models import User

            assert await User.objects.acount() == 0
            await User.objects.acreate(username="ann")
            assert [user.username async for user in User.objects.all()] == ["ann"]

        def test_sync(db):
            from django.contrib.auth.models import User

            assert User.objects.count() == 0
        """
    site = """
        from django.http import HttpResponse
        from django.urls import path

        SECRET_KEY = "none"
        MEMORY = "file:memory?mode=memory&cache=shared"
        DATABASES = {
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": MEMORY, "TEST": {"NAME": MEMORY}}
        }
        INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
        ROOT_URLCONF = "site_it"
        USE_TZ = True

        async def hello(request):
            return HttpResponse("hello")

        urlpatterns = [path("", hello)]
        """
    beside(
        ["pytest-django==4.14.0", "django==5.2.19"],
        source,
        {"passed": 4},
        files={"site_it.py": site},
        DJANGO_SETTINGS_MODULE="site_it",
        PYTHONPATH=".",
    )


def test_hypothesis(beside) -> None:
    source = """
        import asyncio
        import pytest
        from hypothesis import given, settings
        from hypothesis import strategies as st

        @pytest.fixture
        async def base():
            await asyncio.sleep(0)
            return 1

        @settings(max_examples=10, database=None)
        @given(number=st.integers(0, 100))
        async def test_holds(base, number):
            await asyncio.sleep(0)
            assert number + base > 0

        @settings(max_examples=200, database=None)
        @given(number=st.integers(0, 1000))
        async def test_fails(number):
            await asyncio.sleep(0)
            assert number < 10

        async def test_explored():
            await asyncio.sleep(0)
        """
    told = beside(["hypothesis==6.170.17"], source, {"passed": 2, "failed": 1})
    assert "number=10" in told


SUBTESTS = """
import asyncio

async def test_it(subtests):
    for number in range(3):
        with subtests.test(number=number):
            await asyncio.sleep(0.01)
            assert number != 1

async def test_after():
    await asyncio.sleep(0)
"""


def test_subtests_of_pytest(beside) -> None:
    told = beside([], SUBTESTS, {"passed": 1, "failed": 2})
    assert "number=1" in told


def test_subtests_of_the_plugin(beside) -> None:
    old = "pytest==8.4.2"  # the plugin is for those that have no fixture of this name themselves
    told = beside(
        ["pytest-subtests==0.15.0"], SUBTESTS, {"passed": 2, "failed": 1, "subtests": 2}, newest=old
    )
    assert "number=1" in told
