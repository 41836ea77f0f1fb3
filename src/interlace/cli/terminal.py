"""The terminal: its width and colours, silence for the program under test, a progress bar; and files written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from types import FrameType
from typing import IO, Any

from interlace.cli.target import Wrong


class Quiet:
    """Throws away what the program prints while it is on, down to the file descriptors.

    Args:
        start: whether it is on from `with` on, or only after `start()`.
    """

    def __init__(self, *, start: bool = True) -> None:
        self._starts = start
        self._saved: list[int] = []
        self._streams: tuple[Any, Any] | None = None
        self.screen: IO[str] | None = None

    def start(self) -> None:
        """Begins to throw away; `screen` is the standard error that was."""
        if self._streams is not None:
            return
        self._streams = sys.stdout, sys.stderr
        for stream in self._streams:
            stream.flush()
        self.screen = sys.stderr
        sink = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (closed in __exit__)
        try:
            self._saved = [os.dup(1), os.dup(2)]
            os.dup2(sink.fileno(), 1)
            os.dup2(sink.fileno(), 2)
            if os.isatty(self._saved[1]):
                encoding = sys.stderr.encoding
                self.screen = os.fdopen(os.dup(self._saved[1]), "w", encoding=encoding, errors="replace")
        except OSError:  # somebody closed them
            self._saved = []
        sys.stdout = sys.stderr = sink

    def __enter__(self) -> Quiet:
        if self._starts:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._streams is None:
            return
        sys.stdout.close()
        sys.stdout, sys.stderr = self._streams
        for number, saved in enumerate(self._saved, 1):
            os.dup2(saved, number)
            os.close(saved)
        self._streams = None


class CtrlC:
    """Remembers Ctrl-C, because Python may lose it.

    A KeyboardInterrupt that comes up in a weak reference's callback or a `__del__` is thrown away by
    the interpreter, and a simulated run is full of such moments; the program under test may catch it
    too. A search that went on then would report a run that was disturbed as one that passed.
    """

    def __init__(self) -> None:
        self._seen = False
        self._before: Any = None

    def __enter__(self) -> CtrlC:
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._seen = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raises KeyboardInterrupt if Ctrl-C was pressed, whatever became of it then."""
        if self._seen:
            raise KeyboardInterrupt


class Bar:
    """A progress bar on a terminal, for searches that take longer than a moment."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None
        self._shown = False
        self._wanted = sys.stderr.isatty()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._progress.stop()

    def show(self, runs: int, at_most: int, quiet: Quiet) -> None:
        """Shows how far the search is."""
        if not self._wanted:
            return
        if self._progress is None:
            from rich.console import Console
            from rich.progress import Progress

            # Without a thread of its own: the program under test must not meet a stranger.
            self._progress = Progress(
                console=Console(file=quiet.screen), auto_refresh=False, transient=True,
                redirect_stdout=False, redirect_stderr=False,
            )  # fmt: skip
            self._task = self._progress.add_task("exploring", total=at_most)
        self._progress.update(self._task, completed=runs)
        if not self._shown and self._progress.tasks[0].elapsed > 0.5:
            self._shown = True
            self._progress.start()
        if self._shown and runs % max(1, at_most // 100) == 0:
            self._progress.refresh()


def wants_color() -> bool:
    """Tells whether standard output takes colours, and nobody said that it shall not."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (sys.stdout.isatty() and os.environ.get("TERM") != "dumb")


def width() -> int:
    """Returns how wide a report may be."""
    return min(shutil.get_terminal_size((100, 24)).columns, 160)


def check_writable(path: str) -> None:
    """Complains before the search, not after it."""
    directory = os.path.dirname(path) or "."
    if os.path.isdir(path):
        reason = "it is a directory"
    elif not os.path.isdir(directory):
        reason = f"there is no directory {directory!r}"
    elif not os.access(path if os.path.exists(path) else directory, os.W_OK):
        reason = "permission denied"
    else:
        return
    raise Wrong(f"--json {path!r} cannot be written: {reason}", "--json report.json")


def write_json(path: str, data: object) -> None:
    """Writes a report as JSON.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=2, ensure_ascii=False)
            file.write("\n")
    except OSError as error:
        raise Wrong(f"--json {path!r} cannot be written: {error}", "--json report.json") from error
