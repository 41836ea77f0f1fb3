"""`interlace demo`: runs the example of the vending machine and tells what happens.

The example is an ordinary project (`examples/vending_machine`) that knows nothing of interlace. A
wheel carries a copy of it; it is unpacked into a directory of its own before it is run, so that the
commands shown at the end work and the files can be changed.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from types import ModuleType

from rich.console import Console
from rich.rule import Rule
from rich.syntax import Syntax
from rich.text import Text

from interlace.api import Result, explore, run
from interlace.model.source import show_path

_STORY = "vending_machine"
_CARRIED = Path(__file__).parent / _STORY
"""Where a wheel carries the example; a source tree has it in `examples`."""

_MODULES = ("machine", "fixed_machine", "warehouse", "test_machine")
_BUGGY = "test_the_last_chips"
_FIXED = "test_the_last_chips_from_the_fixed_machine"
_SCHEDULES = 100
"""How many schedules the mended machine must pass here; a second or two."""


def main() -> int:
    """Shows the demo.

    Returns:
        0 if all went as told; 1 if not; 2 if aiohttp is missing.
    """
    console = Console(highlight=False)
    if find_spec("aiohttp") is None:
        missing = "The demo runs a real aiohttp client and server. Type: pip install 'interlace[http]'"
        console.print(missing, markup=False, soft_wrap=True)
        return 2
    folder = _unpack()
    with _imported(folder) as story:
        return _Demo(console, folder, story).show()


class _Demo:
    """One showing.

    Args:
        console: where to.
        folder: where the files of the example are.
        story: its tests.
    """

    def __init__(self, console: Console, folder: Path, story: ModuleType) -> None:
        self._console = console
        self._folder = folder
        self._story = story
        self._as_told = True

    def show(self) -> int:
        """Shows all four parts; returns the exit status."""
        self._the_test_passes()
        result = self._the_bug_is_found()
        self._the_mended_machine_passes()
        self._what_next(result)
        return 0 if self._as_told else 1

    def _the_test_passes(self) -> None:
        self._title("1", "A test that passes")
        self._say(
            "A vending machine asks the warehouse over HTTP: a real aiohttp client and a real aiohttp "
            "server, on a simulated network. When the shelf is empty, a courier needs an hour."
        )
        self._code("machine.py", "    async def buy", "pop()")
        self._say("One packet of chips is left. ann wants it, bob comes a moment later, carol wants nuts.")
        began = perf_counter()
        outcome = run(getattr(self._story, _BUGGY))
        real = perf_counter() - began
        took = f"{outcome.elapsed / 60:.0f} virtual minutes in {real * 1000:.0f} real milliseconds"
        self._verdict(not outcome.failed, f"the test passed: {took}", f"the test failed: {outcome.error!r}")

    def _the_bug_is_found(self) -> Result:
        self._title("2", "What that test does not see")
        self._say(
            "The same test again and again, each time with other delays, as a network and a busy machine "
            "have them."
        )
        began = perf_counter()
        result = explore(getattr(self._story, _BUGGY), target=self._target(_BUGGY))
        real = perf_counter() - began
        colours = self._console.color_system is not None
        report = result.report(color=colours, width=min(self._console.width, 100)).rstrip()
        self._console.print(Text.from_ansi(report) if colours else report, markup=False, soft_wrap=True)
        self._console.print()
        found = result.failure
        self._verdict(
            found is not None and found.type == "IndexError",
            f"found and made small in {real:.1f} real seconds",
            "the bug was not found",
        )
        return result

    def _the_mended_machine_passes(self) -> None:
        self._title("3", "Mended")
        self._say(
            "Ask for the price first: then nothing is awaited between the look at the shelf and the grip "
            "into it."
        )
        self._code("fixed_machine.py", "    async def buy", "pop()")
        began = perf_counter()
        result = explore(getattr(self._story, _FIXED), schedules=_SCHEDULES, target=self._target(_FIXED))
        real = perf_counter() - began
        self._verdict(
            not result.failures,
            f"passed under all of {result.runs} schedules, in {real:.1f} real seconds",
            f"the mended machine failed: {result.failures[0].error!r}" if result.failures else "",
        )

    def _what_next(self, result: Result) -> None:
        self._title("4", "What to type next")
        command = _command("interlace")
        if result.failure is not None:
            again = f"replay {self._target(_BUGGY)} {result.failure.token}"
            self._next("see the failure again", f"{command} {again}")
        without = "" if find_spec("pytest") else " (after: pip install pytest)"
        folder = show_path(str(self._folder))
        self._next(f"the same from pytest{without}", f"{_command('pytest')} {folder} --explore")
        self._next("explore a test of your own", f"{command} explore path/to/test_file.py:test_name")
        self._say("Then, in the documentation, tutorial/first-test.md: from nothing to a found bug.")

    # -- how it looks ----------------------------------------------------------------------------

    def _target(self, function: str) -> str:
        return f"{show_path(str(self._folder / 'test_machine.py'))}:{function}"

    def _title(self, number: str, words: str) -> None:
        self._console.print(Rule(f"[bold]{number}. {words}[/bold]", align="left", style="cyan"))

    def _say(self, words: str) -> None:
        self._console.print(Text(words), width=min(self._console.width, 100))
        self._console.print()

    def _code(self, file: str, first: str, last: str) -> None:
        """Shows a file from the line that starts with `first` to the next one that ends with `last`."""
        path = self._folder / file
        lines = path.read_text(encoding="utf-8").splitlines()
        begin = next(number for number, line in enumerate(lines) if line.startswith(first))
        end = next(number for number, line in enumerate(lines[begin:], begin) if line.endswith(last))
        code = "\n".join(lines[begin : end + 1])
        self._console.print(Text(show_path(str(path)), style="dim"))
        shown = Syntax(code, "python", theme="ansi_dark", line_numbers=True, start_line=begin + 1)
        shown.background_color = "default"
        self._console.print(shown)
        self._console.print()

    def _verdict(self, good: bool, told: str, otherwise: str) -> None:
        self._as_told = self._as_told and good
        style = "bold green" if good else "bold red"
        self._console.print(Text(f"→ {told if good else otherwise}", style=style))
        self._console.print()

    def _next(self, what: str, command: str) -> None:
        self._console.print(Text(f"{what}:", style="dim"))
        self._console.print(Text(f"    {command}", style="bold"), soft_wrap=True)


def _unpack() -> Path:
    """Returns the folder of the example: that of the source tree, else a fresh copy of the wheel's."""
    if not _CARRIED.is_dir():
        return Path(__file__).parents[3] / "examples" / _STORY
    folder = Path(tempfile.mkdtemp(prefix="interlace-demo-")) / _STORY
    shutil.copytree(_CARRIED, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@contextmanager
def _imported(folder: Path) -> Iterator[ModuleType]:
    """Imports the tests of the example, and forgets its modules afterwards."""
    hidden = {name: sys.modules.pop(name) for name in _MODULES if name in sys.modules}
    sys.path.insert(0, str(folder))
    try:
        yield import_module("test_machine")
    finally:
        sys.path.remove(str(folder))
        for name in _MODULES:
            sys.modules.pop(name, None)
        sys.modules.update(hidden)


def _command(name: str) -> str:
    """Returns what to type for a command: its path where a shell would find another one, or none."""
    beside = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    if not beside.exists() or (found is not None and os.path.samefile(found, beside)):
        return name
    return show_path(str(beside))
