"""Tapes in tests of pytest: recorded, replayed, and what is said when they are not as they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

SOURCE = """
import asyncio
import threading
import pytest

async def serve(begun, stop, asked):
    async def talk(reader, writer):
        while line := await reader.readline():
            asked.append(line)
            writer.write(line.upper())
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    begun.append(server.sockets[0].getsockname()[1])
    await asyncio.to_thread(stop.wait)
    server.close()

@pytest.fixture(scope="session")
def asked():
    return []

@pytest.fixture(scope="session")
def port(asked):
    begun, stop = [], threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(serve(begun, stop, asked)))
    thread.start()
    while not begun:
        threading.Event().wait(0.01)
    yield begun[0]
    stop.set()
    thread.join()

@pytest.fixture
async def shout(world, port):
    world.tape("shouter:7", "tapes/shout.tape", to=f"127.0.0.1:{port}")
    reader, writer = await asyncio.open_connection("shouter", 7)

    async def shout(word):
        writer.write(word + b"\\n")
        return (await reader.readline()).strip()

    yield shout
    assert await shout(b"teardown") == b"TEARDOWN"
    writer.close()

WORD = b"tea"

async def test_shout(shout):
    assert await shout(WORD) == WORD.upper()
"""


def lines_of(folder: Path) -> list[str]:
    return (folder / "tapes" / "shout.tape").read_text().split("\n")


@pytest.mark.parametrize("explored", [(), ("--explore=20",)])
@pytest.mark.parametrize("mode", ["record", "new"])
def test_a_tape_is_recorded_with_what_is_said_while_tearing_down(
    suite, pytester: pytest.Pytester, mode: str, explored: tuple[str, ...]
) -> None:
    suite(SOURCE, f"--tapes={mode}", *explored).assert_outcomes(passed=1)
    lines = lines_of(pytester.path)
    assert lines[:2] == ["interlace tape 1", "peer shouter:7"]
    assert [line for line in lines if line[:1] in "<>" and line] == [
        *("> tea", ">", "< TEA", "<", "> teardown", ">", "< TEARDOWN", "<")
    ]
    assert lines[-2:] == ["end", ""]
    suite(SOURCE).assert_outcomes(passed=1)


def test_replay_never_asks_the_peer(suite, pytester: pytest.Pytester) -> None:
    suite(SOURCE, "--tapes=record").assert_outcomes(passed=1)
    counted = SOURCE + "\ndef test_nobody_was_asked(asked):\n    assert asked == []\n"
    suite(counted).assert_outcomes(passed=2)
    suite(counted, "--tapes=new", "--explore=20").assert_outcomes(passed=2)
    suite(counted, "--tapes=record").assert_outcomes(passed=1, failed=1)


def test_without_a_tape_the_command_is_told(suite) -> None:
    result = suite(SOURCE)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*there is no tape tapes/shout.tape of shouter:7 yet*pytest --tapes=record test_*.py::test_shout"]
    )


def test_a_stale_tape_shows_how_and_what_to_type(suite) -> None:
    suite(SOURCE, "--tapes=record").assert_outcomes(passed=1)
    result = suite(SOURCE.replace('WORD = b"tea"', 'WORD = b"tee"'))
    assert result.parseoutcomes().get("passed", 0) == 0
    result.stdout.fnmatch_lines(
        [
            "*StaleTape*b'tee\\n' is not on the tape tapes/shout.tape (1 connection of shouter:7). Nearest there:",
            "*--- tapes/shout.tape line 6",
            "*+++ this run",
            "*-tea",
            "*+tee",
            "*pytest --tapes=record test_*.py::test_shout",
        ]
    )


def test_the_ini_file_may_say_the_mode_and_the_command_line_has_the_last_word(
    suite, pytester: pytest.Pytester
) -> None:
    pytester.makeini("[pytest]\ninterlace_tapes = new\n")
    suite(SOURCE, "--tapes=replay").assert_outcomes(errors=1)
    suite(SOURCE).assert_outcomes(passed=1)
    assert lines_of(pytester.path)


def test_two_tests_do_not_write_over_the_tape_of_each_other(suite) -> None:
    result = suite(SOURCE + "\nasync def test_other(shout):\n    await shout(b'x')\n", "--tapes=record")
    assert result.parseoutcomes()["passed"] == 1
    result.stdout.fnmatch_lines(
        ["*::test_shout has recorded the tape */shout.tape in this session*::test_other*"]
    )


@pytest.mark.parametrize("word", ["rec", ""])
def test_a_mode_that_there_is_not_is_refused(suite, pytester: pytest.Pytester, word: str) -> None:
    result = suite(SOURCE, f"--tapes={word}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--tapes is '{word}': use one of replay, record, new"])
