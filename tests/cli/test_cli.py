"""The commands, and what they print and return."""

import json
import os
import re
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interlace import api
from interlace.cli import main
from interlace.model.outcome import Outcome

Interlace = Callable[..., Any]


def test_without_a_command_it_helps(interlace: Interlace) -> None:
    done = interlace()
    assert done.status == 0
    assert "examples:" in done.out


@pytest.mark.parametrize("arguments", [["--help"], ["explore", "--help"], ["--version"]])
def test_help_and_version(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(("usage: interlace", "interlace 0."))


def test_run_shows_the_prints_the_time_and_the_value(interlace: Interlace) -> None:
    done = interlace("run", "prog.py:good")
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[0] == "good prints"
    assert re.search(r"passed · prog.py:good · 2.000 virtual s in \d+ steps\nreturned 42\n$", done.out)


def test_run_tells_a_failure_and_prints_only_once(interlace: Interlace) -> None:
    seeds = (interlace("run", "prog.py:bad", "--seed", str(seed)) for seed in range(20))
    done = next(done for done in seeds if done.status)
    assert (done.status, done.out.splitlines().count("bad prints")) == (1, 1)
    assert "where  value = 1" in done.out
    assert "fails here" in done.out
    assert "The plain run passes." in done.out


def test_a_module_is_found_from_the_working_directory(interlace: Interlace) -> None:
    assert interlace("run", "prog:good").status == 0
    assert interlace("run", "prog:Shop.static").status == 0


def test_explore_shows_the_prints_of_the_plain_run_only(interlace: Interlace) -> None:
    done = interlace("explore", "prog.py:bad")
    assert (done.status, done.err) == (1, "")
    assert done.out.splitlines().count("bad prints") == 1
    assert "\x1b" not in done.out
    assert "interlace replay prog.py:bad i1.r." in done.out


def test_what_explore_prints_can_be_replayed(interlace: Interlace) -> None:
    token = interlace("explore", "prog.py:bad").out.split()[-1]
    done = interlace("replay", "prog.py:bad", token)
    assert (done.status, done.err) == (1, "")
    assert "fails here" in done.out
    Path("token.txt").write_text(token + "\n")
    assert interlace("replay", "prog.py:bad", "token.txt") == done


def test_replay_says_when_the_program_has_changed(interlace: Interlace) -> None:
    token = interlace("explore", "prog.py:bad").out.split()[-1]
    changed = (
        Path("prog.py")
        .read_text()
        .replace("0.005", "0.004")
        .replace("await asyncio.gather", "await asyncio.sleep(1); await asyncio.gather")
    )
    Path("changed.py").write_text(changed)
    done = interlace("replay", "changed.py:bad", token)
    assert "this is not the run of the token" in done.err
    assert "has changed since" in done.err


def test_replay_of_a_plain_failure_has_no_because(interlace: Interlace) -> None:
    token = interlace("explore", "prog.py:wrong").out.split()[-1]
    done = interlace("replay", "prog.py:wrong", token, "-vv")
    assert done.status == 1
    assert "because" not in done.out
    assert "Traceback" in done.out


def test_explore_passes(interlace: Interlace) -> None:
    done = interlace(
        "explore", "prog.py:good", "--schedules", "5", "--order", "any", "--faults", "cancel,slow"
    )
    assert done.status == 0
    assert "passed · prog.py:good · " in done.out


def test_explore_writes_json(interlace: Interlace) -> None:
    assert interlace("explore", "prog.py:bad", "--json", "report.json").status == 1
    report = json.loads(Path("report.json").read_text(encoding="utf-8"))
    assert report["verdict"]["status"] == "failed"
    assert report["failure"]["story"]


@pytest.mark.parametrize(
    ("variables", "colours"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_colours_are_for_terminals(
    interlace: Interlace, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], colours: bool
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in interlace("explore", "prog.py:bad").out) is colours


def test_the_report_fits_the_terminal(interlace: Interlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = interlace("explore", "prog.py:bad").out.splitlines()
    assert all(len(line) <= 60 or "interlace replay" in line for line in lines)


def test_ctrl_c_says_how_far_it_came(interlace: Interlace, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, progress: api.Progress, **__: object) -> api.Result:
        progress(7, 200)
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "explore", interrupted)
    done = interlace("explore", "prog.py:good")
    assert (done.status, done.out) == (130, "")
    assert "7 of 200 schedules were run" in done.err


def lose_an_interrupt() -> None:
    """Get Ctrl-C where Python throws the exception away: in the callback of a weak reference."""
    target = frozenset([1])
    watched = weakref.ref(target, lambda _: signal.raise_signal(signal.SIGINT))
    before, sys.unraisablehook = sys.unraisablehook, lambda _: None
    del target
    sys.unraisablehook = before
    assert watched() is None


@pytest.mark.parametrize(("in_run", "told"), [(1, "1 of 3"), (3, "2 of 3")])
def test_ctrl_c_that_python_loses_does_not_pass(
    interlace: Interlace, monkeypatch: pytest.MonkeyPatch, in_run: int, told: str
) -> None:
    def disturbed(main: api.Main, *, progress: api.Progress, **_: object) -> api.Result:
        for number in range(1, 4):
            if number == in_run:
                lose_an_interrupt()
            if number < 3:
                progress(number, 3)
        return explored

    explored = api.explore(fine, schedules=1)
    monkeypatch.setattr(api, "explore", disturbed)
    inherited = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # ignored, where a shell started us by "&"
    done = interlace("explore", "prog.py:good", "--schedules", "3")
    assert (done.status, "passed" in done.out) == (130, False)
    assert f"stopped by Ctrl-C: {told} schedules were run" in done.err  # at once, not at the end
    assert signal.signal(signal.SIGINT, inherited) is signal.default_int_handler


async def fine() -> None:
    pass


def test_ctrl_c_in_a_single_run(interlace: Interlace, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> Outcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "run", interrupted)
    assert interlace("run", "prog.py:good").status == 130


def test_as_a_module_in_another_process(interlace: Interlace) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "interlace", "run", "prog.py:wrong"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 1
    assert "assert 1 == 2" in done.stdout


def test_explore_has_links_meet_faults(interlace: Interlace) -> None:
    Path("links.py").write_text(
        "import asyncio\n\n"
        "class Echo:\n"
        "    def receive(self, data):\n"
        "        return data\n\n"
        "async def asks(world):\n"
        "    world.tcp('echo:7', Echo)\n"
        "    reader, writer = await asyncio.open_connection('echo', 7)\n"
        "    writer.write(b'tea')\n"
        "    await reader.readexactly(3)\n"
        "    writer.close()\n",
        encoding="utf-8",
    )
    assert interlace("explore", "links.py:asks").status == 0
    done = interlace("explore", "links.py:asks", "--faults", "net:hang,net:latency")
    assert done.status == 1
    assert "Hung: a fault has local→echo:7#1 hang" in done.out
    assert interlace("explore", "links.py:asks", "--faults", "net:hanging").status == 2
