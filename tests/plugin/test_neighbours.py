"""That interlace and other plugins do not get in each other's way."""

from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from interlace.plugin.neighbours import is_installed


def needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not is_installed(module), reason=f"needs {module}")


WHICH_LOOP = """
import asyncio
import pytest

def loop():
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]

"""

QUIET = ("-o", "asyncio_default_fixture_loop_scope=function")


def test_loading_the_plugin_loads_nothing_slow() -> None:
    program = (
        "import sys, pytest\n"
        "before = set(sys.modules)\n"
        "import interlace.plugin\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded <= {
        "interlace",
        "interlace.errors",
        "interlace.plugin",
        "interlace.untouched",
        *(
            f"interlace.plugin.{name}"
            for name in (
                "compat",
                "declare",
                "fixtures",
                "loading",
                "markers",
                "neighbours",
                "options",
                "tally",
                "watch",
            )
        ),
    }


def test_a_suite_without_async_tests_does_not_load_the_loop(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            assert "interlace.plugin" in sys.modules
            assert "interlace.api" not in sys.modules
        """
    )
    pytester.runpytest_subprocess("-p", "no:asyncio", "-p", "no:randomly").assert_outcomes(passed=1)


@needs("pytest_asyncio")
def test_what_pytest_asyncio_claims_by_a_marker_is_left_to_it(suite) -> None:
    source = WHICH_LOOP + (
        "@pytest.mark.asyncio\n"
        "async def test_theirs():\n"
        "    assert loop() == '{theirs}'\n"
        "async def test_plain():\n"
        "    assert loop() == 'interlace'\n"
        "@pytest.mark.asyncio\n"
        "@pytest.mark.interlace\n"
        "async def test_both():\n"
        "    assert loop() == 'interlace'\n"
        "@pytest.mark.asyncio\n"
        "async def test_world(world):\n"
        "    assert loop() == 'interlace'\n"
        "@pytest.mark.asyncio\n"
        "class TestIt:\n"
        "    async def test_method(self):\n"
        "        assert loop() == '{theirs}'\n"
    )
    suite(source.format(theirs="asyncio"), *QUIET, plugins=("asyncio",)).assert_outcomes(passed=5)
    result = suite(source.format(theirs="interlace"), *QUIET, "--explore=3", plugins=("asyncio",))
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["interlace: 5 tests explored, *"])


@pytest.mark.parametrize(
    ("options", "passed"),
    [
        ((), 2),
        (("-o", "asyncio_mode=strict"), 1),
        (("--asyncio-mode=strict",), 1),
        (("-o", "asyncio_mode=strict", "-o", "interlace_mode=auto"), 2),
    ],
)
def test_a_default_mode_of_who_is_taken_over_is_not_given(
    suite, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], passed: int
) -> None:
    # What of pytest-asyncio matters here, so that it need not be installed; an old one declares no more than this.
    pytester.makefile(
        ".txt",
        **{
            "pytest_asyncio-1.5.0.dist-info/entry_points": """
        [pytest11]
        asyncio = pytest_asyncio.plugin
        """
        },
    )
    pytester.makepyfile(
        **{
            "pytest_asyncio/__init__": "",
            "pytest_asyncio/plugin": """
            def pytest_addoption(parser):
                parser.getgroup("asyncio").addoption("--asyncio-mode", dest="asyncio_mode", default=None)
                parser.addini("asyncio_mode", "the mode", default="strict")
            """,
        }
    )
    metadata = pytester.path / "pytest_asyncio-1.5.0.dist-info" / "METADATA"
    metadata.write_text("Metadata-Version: 2.1\nName: pytest-asyncio\nVersion: 1.5.0\n")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path), prepend=os.pathsep)
    result = suite(
        """
        import pytest

        async def test_unmarked():
            pass

        @pytest.mark.asyncio
        async def test_marked():
            pass
        """,
        *("-o", "interlace_take_over=asyncio", *options),
        plugins=("asyncio",),
        world="stock",
        apart=True,
    )
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] == passed
    # Before 8.4 pytest skips an async test that nobody runs.
    left = "failed" if pytest.version_tuple >= (8, 4) else "skipped"
    assert ("passed" if passed == 2 else left) in outcomes


@needs("pytest_asyncio")
def test_what_pytest_asyncio_claims_by_its_mode_is_left_to_it(suite) -> None:
    source = WHICH_LOOP + (
        "async def test_theirs():\n"
        "    assert loop() == '{theirs}'\n"
        "@pytest.mark.interlace\n"
        "async def test_ours():\n"
        "    assert loop() == 'interlace'\n"
    )
    auto = (*QUIET, "-o", "asyncio_mode=auto")
    suite(source.format(theirs="asyncio"), *auto, plugins=("asyncio",)).assert_outcomes(passed=2)
    suite(source.format(theirs="interlace"), *auto, "--explore=3", plugins=("asyncio",)).assert_outcomes(
        passed=2
    )


@needs("pytest_asyncio")
def test_an_async_fixture_that_pytest_asyncio_runs_is_not_refused(suite) -> None:
    result = suite(
        """
        import pytest
        import pytest_asyncio

        made = []

        @pytest_asyncio.fixture
        async def number():
            made.append(1)
            yield 3
            made.pop()

        @pytest.mark.explore(schedules=5)
        async def test_it(world, number):
            await world.latency("1ms..50ms")
            assert number == 3
            assert made == [1]

        def test_after():
            assert made == []
        """,
        *QUIET,
        plugins=("asyncio",),
    )
    result.assert_outcomes(passed=2)


@needs("anyio")
def test_what_the_plugin_of_anyio_claims_is_left_to_it(suite) -> None:
    source = WHICH_LOOP + (
        "@pytest.fixture(params=['asyncio'])\n"
        "def anyio_backend(request):\n"
        "    return request.param\n"
        "@pytest.mark.anyio\n"
        "async def test_theirs():\n"
        "    assert loop() == '{theirs}'\n"
        "@pytest.mark.anyio\n"
        "@pytest.mark.interlace\n"
        "async def test_ours():\n"
        "    assert loop() == 'interlace'\n"
    )
    suite(source.format(theirs="asyncio")).assert_outcomes(passed=2)
    suite(source.format(theirs="interlace"), "--explore=3").assert_outcomes(passed=2)


@needs("anyio")
def test_what_is_for_trio_is_left_to_anyio_even_when_exploring(suite) -> None:
    result = suite(
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["asyncio", ("asyncio", {"debug": True}), "none"])
        async def test_it(anyio_backend):
            pass
        """,
        "--explore=3",
        "-v",
    )
    result.stdout.fnmatch_lines(
        ["*PASSED [[]exhausted 1[]]*", "*PASSED [[]exhausted 1[]]*", "*[[]none[]] FAILED *"]
    )


@needs("anyio")
def test_a_fixture_that_anyio_runs_is_not_refused(suite) -> None:
    result = suite(
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.fixture
        async def number(anyio_backend):
            return 3

        @pytest.mark.anyio
        async def test_it(number):
            assert number == 3
        """,
        "--explore=3",
    )
    result.assert_outcomes(passed=1)


@needs("xdist")
def test_on_several_processes(suite, lost_update: str, pytester: pytest.Pytester) -> None:
    more = lost_update + (
        "\n@pytest.mark.explore(schedules=20)\n@pytest.mark.parametrize('number', range(4))\n"
        "async def test_ok(world, number):\n"
        "    for _ in range(5):\n"
        "        await world.latency('1ms..50ms')\n"
        "\nasync def test_latent(world):\n"
        "    order = []\n"
        "    async def note(name):\n"
        "        order.append(name)\n"
        "    await asyncio.gather(note('a'), note('b'))\n"
        "    assert order == ['a', 'b']\n"
        "\ntest_latent = pytest.mark.explore(test_latent)\n"
    )
    result = suite(more, "-n2", "-v", "--junit-xml=out.xml", apart=True)
    result.assert_outcomes(passed=5, failed=1, warnings=1)
    result.stdout.fnmatch_lines(["*must be slower than*", "  pytest test_it.py::test_deposits --replay=i1.*"])
    result.stdout.fnmatch_lines(["*PASSED [[]sampled 20[]]*"])
    result.stdout.fnmatch_lines(["interlace: 6 tests explored, * schedules, 1 failed, 1 latent"])
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_deposits - *assert 1 == 2"])
    root = ElementTree.parse(pytester.path / "out.xml").getroot()
    assert len(root.findall(".//property[@name='interlace.verdict']")) == 6


@needs("xdist")
def test_mistakes_on_several_processes(suite) -> None:
    result = suite("async def test_it():\n    pass\n", "-n2", "--explore=0", apart=True)
    result.stderr.fnmatch_lines(["ERROR: schedules is 0: *"])
    result = suite(
        "import pytest\n@pytest.mark.explore(1)\nasync def test_it():\n    pass\n", "-n2", apart=True
    )
    result.stdout.fnmatch_lines(["*@pytest.mark.explore takes named arguments only*"])
    assert "INTERNALERROR" not in result.stdout.str()


@needs("pytest_randomly")
def test_with_another_seed_for_each_session(suite, lost_update: str) -> None:
    source = lost_update.replace("assert account", "import random; assert random.random() and account")
    tokens = set()
    for seed in ("1", "2"):
        result = suite(source, "-p", "randomly", f"--randomly-seed={seed}", plugins=("randomly",), apart=True)
        result.assert_outcomes(failed=1)
        tokens |= {line for line in result.outlines if "--replay=" in line}
    assert len(tokens) == 1


@needs("pytest_timeout")
@pytest.mark.parametrize("where", ["await asyncio.sleep(0)", "sum(range(1_000))"])
def test_a_test_that_hangs_is_ended_once(suite, where: str) -> None:
    result = suite(
        f"""
        import asyncio
        import pytest

        runs = []

        @pytest.mark.explore
        @pytest.mark.timeout(0.5, method="signal")
        async def test_hangs(world):
            runs.append(1)
            await world.latency("1ms..50ms")
            while len(runs) == 3:
                {where}

        def test_after():
            assert len(runs) <= 3
        """,
        plugins=("timeout",),
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*Timeout (>0.5s) from pytest-timeout*"])


@needs("hypothesis")
def test_hypothesis_is_left_alone(suite) -> None:
    result = suite(
        """
        from hypothesis import given, settings
        from hypothesis import strategies as st

        @settings(max_examples=5, database=None)
        @given(st.integers())
        def test_sync(number):
            pass
        """,
        "--explore=3",
    )
    result.assert_outcomes(passed=1)
