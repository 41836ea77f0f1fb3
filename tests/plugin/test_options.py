"""That a mistake in an option or a marker is told in one line, at its place, with what to write instead."""

from __future__ import annotations

import pytest

TEST = "async def test_it(world):\n    await world.latency('1ms..2ms')\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--explore=0"], "schedules is 0: give a whole number of runs, at least 1"),
        (["--explore=-3"], "schedules is -3: give a whole number of runs, at least 1"),
        (["--explore=many"], "--explore=many is not a whole number"),
        (
            ["--explore", "--explore-order=fifo"],
            "no order is called 'fifo': use one of realistic, batch, any",
        ),
        (["--explore-order=fifo"], "no order is called 'fifo': use one of realistic, batch, any"),
        (["--explore", "--explore-faults=slow,fire"], "no fault is called 'fire': use 'cancel', *"),
        (["--explore", "--explore-seed=x"], "--explore-seed=x is not a whole number"),
        (
            ["--explore", "--replay=i1.r...ffff"],
            "--replay runs one schedule and --explore many: give one of them",
        ),
        (["--replay=i1.r..AA"], "token 'i1.r..AA' is torn or mistyped: copy it whole from the report"),
        (["--replay=no-such-file"], "'no-such-file' is not a replay token: *"),
        (["--replay=" + "i1." * 2000], "token 'i1.i1.*' is torn or mistyped: *"),
        (["--replay=token.txt"], "token 'i1.r.torn' is torn or mistyped: *"),
        (["--replay=binary.txt"], "the token file binary.txt cannot be read (*): explore again"),
    ],
)
def test_an_option_that_cannot_work(suite, pytester, options: list[str], message: str) -> None:
    (pytester.path / "token.txt").write_text("i1.r.torn\n")
    (pytester.path / "binary.txt").write_bytes(b"\xff\xfe\x00")
    result = suite(TEST, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("explore(schedules=0)", "schedules is 0: give a whole number of runs, at least 1"),
        ("explore(schedules='9')", "schedules is '9': give a whole number of runs, at least 1"),
        ("explore(schedules=None)", "schedules is None: give a whole number of runs, at least 1"),
        ("explore(order='fifo')", "no order is called 'fifo': use one of realistic, batch, any"),
        ("explore(faults='fire')", "no fault is called 'fire': use 'cancel', *"),
        ("explore(faults=['slow', 'fire'])", "no fault is called 'fire': use 'cancel', *"),
        ("explore(faults=3)", "faults is 3: give a tuple of names, such as ('cancel',)"),
        ("explore(seed='x')", "seed is 'x': give a whole number"),
        (
            "explore(runs=3)",
            "@pytest.mark.explore has no argument 'runs': it takes schedules, order, faults, seed, now, tz",
        ),
        ("explore(300)", "@pytest.mark.explore takes named arguments only: write schedules=300"),
        (
            "interlace(300)",
            "@pytest.mark.interlace takes now= and tz= only, not 300: *use @pytest.mark.explore",
        ),
        (
            "interlace(schedules=300)",
            "@pytest.mark.interlace takes now= and tz= only, not schedules: *use @pytest.mark.explore",
        ),
        (
            "interlace(tz='Europe/Berln')",
            "no time zone is called 'Europe/Berln': did you mean 'Europe/Berlin'?",
        ),
        ("interlace(now='2026-02-28T23:59:00')", "now is '2026-02-28T23:59:00', which has no time zone: *"),
        ("explore(now='yesterday')", "now is 'yesterday': *write it as in '2026-02-28T23:59:00+01:00'"),
    ],
)
def test_a_marker_that_cannot_work(suite, marker: str, message: str) -> None:
    result = suite(f"import pytest\n\n\n@pytest.mark.{marker}\nasync def test_it():\n    pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR collecting test_it.py*", f"*test_it.py:4: in test_it: {message}"])
    result.stdout.no_fnmatch_line("*options.py*")


def test_a_marker_of_a_class_that_cannot_work(suite) -> None:
    result = suite(
        """
        import pytest

        @pytest.mark.explore(order="fifo")
        class TestIt:
            async def test_method(self):
                pass
        """
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_it.py:5: in test_method: no order is called 'fifo'*"])


@pytest.mark.parametrize("marker", ["interlace", "explore"])
@pytest.mark.parametrize("source", ["def test_it():\n    pass", "async def test_it():\n    yield"])
def test_a_marker_on_a_test_that_is_not_async(suite, marker: str, source: str) -> None:
    result = suite(f"import pytest\n\n\n@pytest.mark.{marker}\n{source}\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [f"*in test_it: @pytest.mark.{marker} is for a test that is defined with 'async def'*"]
    )


def test_a_token_from_a_file_below_the_rootdir(suite, pytester) -> None:
    from interlace.model.schedule import Recipe

    pytester.makeini("[pytest]")
    (pytester.path / "token").write_text(Recipe().token + "\n")
    below = pytester.mkdir("below")
    (below / "test_below.py").write_text(TEST)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(below)
        result = pytester.runpytest_inprocess("-p", "no:randomly", "-p", "no:asyncio", "--replay=token")
    result.assert_outcomes(passed=1)


def test_options_can_stand_in_the_ini_file(suite, pytester) -> None:
    pytester.makeini("[pytest]\naddopts = --explore\n")
    suite(TEST, "test_it.py").stdout.fnmatch_lines(["interlace: 1 test explored, 200 schedules"])


def test_help_names_the_options_and_markers(suite) -> None:
    result = suite(TEST, "--help")
    result.stdout.fnmatch_lines(
        ["simulated async tests (interlace):", "*--explore*", "*--replay*", "*interlace_mode*"]
    )
    result = suite(TEST, "--markers")
    result.stdout.fnmatch_lines(["@pytest.mark.interlace(now=*", "@pytest.mark.explore(schedules=200, *"])


def test_strict_markers_know_ours(suite) -> None:
    source = f"import pytest\n\n\n@pytest.mark.explore(schedules=2)\n@pytest.mark.interlace\n{TEST}"
    suite(source, "--strict-markers").assert_outcomes(passed=1)
