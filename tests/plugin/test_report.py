"""What a failure looks like: the user's own code, and pytest's details; nothing of ours unless asked for."""

from __future__ import annotations

import pytest

FAILING = """
import asyncio

def check(number):
    assert number == 4, "it is not four"

async def test_it():
    numbers = asyncio.Queue(1)
    await numbers.put(3)
    check(await numbers.get())
"""

DEEP = """
import asyncio

async def test_it():
    async with asyncio.timeout(1):
        await asyncio.Event().wait()
"""


def test_a_plain_run_that_fails_looks_as_in_a_sync_test(suite) -> None:
    result = suite(FAILING)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*async def test_it():",
            "*check(await numbers.get())*",
            "*def check(number):",
            '>*assert number == 4, "it is not four"',
            "E*AssertionError: it is not four",
            "E*assert 3 == 4",
            "test_it.py:4: AssertionError",
            "FAILED test_it.py::test_it - AssertionError: it is not four",
        ]
    )


@pytest.mark.parametrize("options", [[], ["--tb=short"], ["--explore"], ["--tb=native"]])
def test_frames_of_ours_and_of_asyncio_are_left_out(suite, options: list[str]) -> None:
    result = suite(DEEP, *options)
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "TimeoutError" in text
    if "--tb=native" not in options:
        assert "asyncio/" not in text
        assert "interlace/" not in text


def test_very_verbose_shows_them(suite) -> None:
    text = suite(DEEP, "-vv").stdout.str()
    assert "timeouts.py" in text
    text = suite(DEEP, "--explore", "-vv").stdout.str()
    assert "timeouts.py" in text
    assert "plain: fails in the plain run" in text
    assert text.index("plain: fails in the plain run") < text.index("timeouts.py")


def test_a_deadlock_says_who_waits(suite) -> None:
    result = suite("import asyncio\n\nasync def test_it():\n    await asyncio.Event().wait()\n")
    result.stdout.fnmatch_lines(
        ["E*Deadlock: deadlock: every task waits*", "*test_it waits for Event.wait at test_it.py:4*"]
    )


@pytest.mark.parametrize("style", ["no", "line", "short", "native", "long"])
def test_all_styles_of_traceback(suite, lost_update: str, style: str) -> None:
    result = suite(lost_update, f"--tb={style}")
    result.assert_outcomes(failed=1)
    if style == "line":
        result.stdout.fnmatch_lines(["*test_it.py:*assert 1 == 2*"])
    elif style != "no":
        result.stdout.fnmatch_lines(["*must be slower than*"])
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_deposits*"])


def test_colours_where_pytest_has_colours(suite, lost_update: str) -> None:
    colored = suite(lost_update, "--color=yes").stdout.str()
    part = colored[colored.index("AssertionError") : colored.index("--replay=")]
    assert "\x1b[" in part
    plain = suite(lost_update).stdout.str()
    assert "\x1b[" not in plain


def test_all_assertion_details_are_kept(suite) -> None:
    result = suite(
        """
        import pytest

        @pytest.mark.explore
        async def test_it(world):
            assert {"a": 1, "b": [1, 2]} == {"a": 1, "b": [1, 3]}
        """
    )
    result.stdout.fnmatch_lines(
        ["*Omitting 1 identical items*", "*Differing items:", "*{'b': [[]1, 2[]]} != {'b': [[]1, 3[]]}"]
    )


def test_exception_groups_and_causes(suite) -> None:
    result = suite(
        """
        import asyncio

        async def fail():
            try:
                {}["key"]
            except KeyError as error:
                raise ValueError("wrapped") from error

        async def test_group():
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())

        async def test_cause():
            await fail()
        """
    )
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*ValueError: wrapped*", "*KeyError: 'key'*", "*The above exception was the direct cause*"]
    )


def test_a_debugger_is_given_the_smallest_failure(suite, pytester, lost_update: str) -> None:
    pytester.makepyfile(
        fake_debugger="""
        class Debugger:
            quitting = False

            def __init__(self, *args, **kwargs):
                pass

            def reset(self):
                pass

            def interaction(self, frame, traceback):
                traceback = getattr(traceback, "__traceback__", traceback)
                while traceback.tb_next:
                    traceback = traceback.tb_next
                frame = traceback.tb_frame
                print("debugging", frame.f_code.co_name, "with", frame.f_locals["account"])
        """
    )
    pytester.syspathinsert()
    result = suite(lost_update, "--pdb", "--pdbcls=fake_debugger:Debugger")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*>> traceback >>*", "*must be slower than*", "debugging test_deposits with {'balance': 1}"]
    )


def test_tracing_into_a_test(suite, pytester) -> None:
    pytester.makepyfile(
        fake_tracer="""
        class Debugger:
            def __init__(self, *args, **kwargs):
                pass

            def set_trace(self, *args):
                pass

            def runcall(self, func, *args, **kwargs):
                print("tracing", func.func.__name__ if hasattr(func, "func") else func.__name__)
                return func(*args, **kwargs)
        """
    )
    pytester.syspathinsert()
    source = (
        "import pytest\n\n@pytest.mark.interlace\nasync def test_it(world):\n    await world.latency('1ms')\n"
    )
    result = suite(source, "--trace", "--pdbcls=fake_tracer:Debugger")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*tracing test_it*"])


def test_the_sections_of_a_report_survive_a_trip_through_json(
    pytester: pytest.Pytester, lost_update: str
) -> None:
    import json

    pytester.makepyfile(test_it=lost_update)
    reports = pytester.inline_run("-p", "no:randomly", "-p", "no:asyncio").getreports(
        "pytest_runtest_logreport"
    )
    report = next(report for report in reports if report.failed)
    data = report._to_json()
    again = pytest.TestReport._from_json(json.loads(json.dumps(data)))
    assert "must be slower than" in str(again.longrepr)
    assert str(again.longrepr) == str(report.longrepr)
    assert again.longrepr.reprcrash.message == "assert 1 == 2"
    assert dict(again.user_properties)["interlace.verdict"].startswith("failed, sampled")


def test_nothing_of_a_failure_is_kept_after_its_test(suite, lost_update: str) -> None:
    after = """

def test_after():
    import gc
    from interlace.model.outcome import Outcome
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, Outcome)]
"""
    suite(lost_update + after, apart=True).assert_outcomes(failed=1, passed=1)


def test_paths_are_those_that_one_types_here(pytester: pytest.Pytester, lost_update: str) -> None:
    pytester.makeini("[pytest]")
    below = pytester.mkdir("below")
    (below / "test_it.py").write_text(lost_update)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(below)
        result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio")
    result.stdout.fnmatch_lines(["  pytest test_it.py::test_deposits --replay=i1.*"])
