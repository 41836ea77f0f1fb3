"""What comes in between: Ctrl-C, the debugger, a session that stops early, a fixture that fails half-way."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import pytest

WORLDS = pytest.mark.parametrize("options", [(), ("--explore=20",)], ids=["once", "explored"])

INTERRUPTED = """
import asyncio
import os
import pathlib
import signal
import pytest

runs = []

def note(line):
    with open("log", "a") as log:
        print(line, file=log)

@pytest.fixture
async def resource():
    note("up")
    yield
    await asyncio.sleep(0)
    note("down")

async def test_it(resource):
    runs.append(1)
    await asyncio.gather(asyncio.sleep(0.001), asyncio.sleep(0.002), asyncio.sleep(0.003))
    if len(runs) == {run}:
        {how}
        await asyncio.sleep(0.001)
        note("went on")

def test_after():
    note("after")
"""


@pytest.mark.parametrize("how", ["os.kill(os.getpid(), signal.SIGINT)", "raise KeyboardInterrupt"])
@pytest.mark.parametrize(("options", "run"), [((), 1), (("--explore=20",), 3)], ids=["once", "explored"])
def test_ctrl_c_ends_the_session_and_fixtures_are_torn_down(
    suite, pytester: pytest.Pytester, options: tuple[str, ...], run: int, how: str
) -> None:
    source = INTERRUPTED.format(run=run, how=how).replace("runs.append(1)", "runs.append(1); note('run')")
    done = suite(source, *options, world="stock", apart=True)
    assert done.ret == pytest.ExitCode.INTERRUPTED
    done.stdout.fnmatch_lines(["!!!*KeyboardInterrupt*"])
    done.stdout.no_fnmatch_line("*never awaited*")
    told = (pytester.path / "log").read_text().split("\n")
    assert told.count("run") == run
    assert told.count("up") == told.count("down") == run
    assert "after" not in told
    assert "went on" not in told
    assert "Traceback" not in done.stderr.str()


@WORLDS
@pytest.mark.parametrize(("limit", "failed"), [("-x", 1), ("--maxfail=2", 2)])
def test_a_session_that_stops_early_tears_down(
    suite, pytester: pytest.Pytester, options: tuple[str, ...], limit: str, failed: int
) -> None:
    source = """
        import asyncio
        import interlace
        import pytest

        @interlace.fixture(scope="session")
        async def shared():
            yield asyncio.get_running_loop()
            await asyncio.sleep(0)
            with open("log", "a") as log:
                log.write("down ")

        @pytest.mark.parametrize("number", range(4))
        async def test_it(shared, number):
            await asyncio.sleep(0.001)
            assert not number % 2
        """
    source = source.replace("not number % 2", "False")
    done = suite(source, limit, *options, world="stock")
    done.assert_outcomes(failed=failed)
    done.stdout.fnmatch_lines([f"*stopping after {failed} failure*"])
    told = (pytester.path / "log").read_text().split()
    assert told
    assert set(told) == {"down"}


def test_the_debugger_stands_where_the_smallest_failure_was_raised(
    suite, pytester: pytest.Pytester, lost_update: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is handed the traceback of the error: the user's frame, with its variables."""
    pytester.makepyfile(
        debugger="""
        class Debugger:
            def __init__(self, *arguments, **options):
                pass

            def reset(self):
                pass

            def interaction(self, frame, traceback):
                traceback = getattr(traceback, "__traceback__", traceback)  # the exception, from 3.13 on
                while traceback.tb_next is not None:
                    traceback = traceback.tb_next
                frame = traceback.tb_frame
                print("STANDS IN", frame.f_code.co_name, frame.f_locals.get("account"))
        """
    )
    monkeypatch.syspath_prepend(pytester.path)
    done = suite(lost_update, "--pdb", "--pdbcls=debugger:Debugger", "-s")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*must be slower than*", "*STANDS IN test_deposits {'balance': 1}*"])


@WORLDS
def test_leaving_the_debugger_ends_the_session(pytester: pytest.Pytester, options: tuple[str, ...]) -> None:
    pytester.makepyfile(
        test_it="""
        import asyncio

        async def test_it():
            await asyncio.sleep(0.001)
            breakpoint()
            await asyncio.sleep(0.001)

        async def test_after():
            pass
        """
    )
    alone = ("-p", "no:randomly", "-p", "no:asyncio", "-p", "no:cacheprovider")
    command = (sys.executable, "-m", "pytest", "-v", *alone, *options)
    done = pytester.run(*command, stdin=b"where\nq\n", timeout=60)
    done.stdout.fnmatch_lines(["*> *test_it.py(*)test_it()*", "*Exit: Quitting debugger*"])
    assert done.ret == pytest.ExitCode.INTERRUPTED
    done.stdout.no_fnmatch_line("*test_after PASSED*")
    gone_on = pytester.run(*command, stdin=b"c\n" * 20, timeout=60)
    gone_on.assert_outcomes(passed=2)


def test_what_failed_last_is_run_again(suite, lost_update: str) -> None:
    more = lost_update + "\n@pytest.mark.explore\nasync def test_other(world):\n    pass\n"
    suite(more).assert_outcomes(passed=1, failed=1)
    again = suite(more, "--lf")
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["*run-last-failure: rerun previous 1 failure*"])
    again.stdout.fnmatch_lines(["*must be slower than*"])
    first = suite(more, "--ff", "-v")
    first.stdout.fnmatch_lines(["*test_deposits FAILED*", "*test_other PASSED*"])
    fixed = more.replace("== 2", ">= 1")
    suite(fixed, "--lf").assert_outcomes(passed=1)
    suite(fixed, "--lf").assert_outcomes(passed=2)


FAILS_LATE = """
import asyncio
import pytest

ups = []
downs = []

@pytest.fixture{scope}
{kind} value():
    ups.append(1)
    if len(ups) == {up}:
        raise OSError("no more of these")
    yield len(ups)
    downs.append(1)
    if len(downs) == {down}:
        raise OSError("it will not go down")

@pytest.mark.explore(schedules=20)
async def test_it(world, value):
    await world.latency("1ms..50ms")
    await asyncio.gather(world.latency("1ms..50ms"), world.latency("1ms..50ms"))

@pytest.mark.explore(schedules=4)
async def test_after(world):
    await world.latency("1ms..50ms")
"""


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    ("up", "down", "says"),
    [
        (3, 0, ["*OSError: no more of these*", "*while setting up the fixtures for run 3 of test_it*"]),
        (0, 3, ["*OSError: it will not go down*", "*while tearing down the fixtures after run 3*"]),
    ],
    ids=["set-up", "teardown"],
)
def test_a_fixture_that_fails_in_the_middle_of_a_search(
    suite, pytester: pytest.Pytester, kind: str, up: int, down: int, says: list[str]
) -> None:
    source = FAILS_LATE.format(scope="", kind=kind, up=up, down=down)
    done = suite(source, "--junit-xml=out.xml")
    done.assert_outcomes(failed=1, passed=1)
    done.stdout.fnmatch_lines(says)
    assert "INTERNALERROR" not in done.stdout.str()
    root = ElementTree.parse(pytester.path / "out.xml").getroot()
    suites = root.find("testsuite")
    assert suites is not None
    assert {name: suites.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "2",
        "failures": "1",
        "errors": "0",
    }
    (message,) = [found.get("message", "") for found in root.iter("failure")]
    assert message.startswith("OSError: ")


def test_a_fixture_that_fails_at_once_is_an_error_of_the_set_up(suite, pytester: pytest.Pytester) -> None:
    done = suite(FAILS_LATE.format(scope="", kind="async def", up=1, down=0), "--junit-xml=out.xml")
    done.assert_outcomes(errors=1, passed=1)
    done.stdout.fnmatch_lines(["*ERROR at setup of test_it*", "*OSError: no more of these*"])
    root = ElementTree.parse(pytester.path / "out.xml").getroot()
    assert len(list(root.iter("error"))) == 1


def test_junit_tells_a_finding_as_one_failure_with_its_report(
    suite, pytester: pytest.Pytester, lost_update: str
) -> None:
    suite(lost_update, "--junit-xml=out.xml", "-o", "junit_logging=all")
    (case,) = ElementTree.parse(pytester.path / "out.xml").getroot().iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("test_it", "test_deposits")
    (failure,) = case.findall("failure")
    assert failure.get("message", "").endswith("assert 1 == 2")
    assert "must be slower than" in (failure.text or "")
    assert "--replay=i1." in (failure.text or "")
    told = {one.get("name"): one.get("value", "") for one in case.iter("property")}
    assert told["interlace.verdict"].startswith("failed")
    assert int(told["interlace.runs"]) > 1
    assert float(case.get("time", "0")) > 0


NO_LINES = """
import asyncio
import pytest

def without_lines(function):
    code, table, left = function.__code__, b"", len(function.__code__.co_code) // 2
    while left:  # code 15 of a location: there is none
        table += bytes([0x80 | 15 << 3 | min(8, left) - 1])
        left -= min(8, left)
    function.__code__ = code.replace(co_linetable=table)
    return function

@without_lines
def fail():
    raise LookupError("between two lines")

async def test_it():
    await asyncio.sleep(0)
    fail()

async def test_after():
    await asyncio.sleep(0)
"""


@WORLDS
def test_an_error_that_is_raised_at_no_line(suite, options: tuple[str, ...]) -> None:
    """As by a signal in the middle of a jump: pytest takes it for granted that there is one."""
    done = suite(NO_LINES, *options, world="stock")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["*LookupError: between two lines*"])
