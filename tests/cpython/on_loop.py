"""Runs CPython's own asyncio tests, those of the Python that runs this, on an event loop of one's choice.

    python on_loop.py LOOP RESULTS [NAME ...]

LOOP is `stock`, `interlace` or `uvloop`; each outcome becomes one line of JSON in the file RESULTS. A NAME is that of a
module, of a class in it or of a test: `test_tasks.CoroutineGatherTests`. Without one, all tests are run.

The loop is installed through the event loop policy, the default one included: tests set that again. Tests of the
functional kind name `asyncio.SelectorEventLoop` instead, once for each selector. That name gives them the loop too,
and only those of one selector are run, since the loop has none.

A test that hangs ends the process. Who has started it starts it again, with the same file, and it goes on after that
test.
"""

from __future__ import annotations

import asyncio
import faulthandler
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
import threading
import time
import traceback
import unittest
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

HANGS_AFTER = 40
"""Real seconds that a test may take."""

OTHER_SELECTORS = ("EPoll", "Poll", "Kqueue")
"""What the names of the classes begin with that repeat the tests of `Select…` with another selector."""

LOOPS: dict[str, Callable[[], Callable[[], asyncio.AbstractEventLoop]]] = {
    "stock": lambda: asyncio.SelectorEventLoop,
    "interlace": lambda: importlib.import_module("interlace").new_event_loop,
    # The tests' own teardown looks at a private attribute, which uvloop is given so as to be measured by the rest.
    "uvloop": lambda: type("Loop", (importlib.import_module("uvloop").Loop,), {"_default_executor": None}),
}


clock = time.perf_counter  # the real one, whatever a test puts in its place

# -- the loop --------------------------------------------------------------------------------------


def install(make: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Has the default policy, and whoever names the selector loop, make this loop."""

    class Policy(asyncio.DefaultEventLoopPolicy):
        _loop_factory = staticmethod(make)

    sample = make()
    kind = type(sample)
    sample.close()

    class Named(type):
        def __call__(cls, selector: object = None) -> Any:
            return make()

        def __instancecheck__(cls, other: object) -> bool:
            return isinstance(other, kind)

    class SelectorEventLoop(metaclass=Named):
        """What tests call the loop."""

    asyncio.DefaultEventLoopPolicy = Policy
    asyncio.SelectorEventLoop = SelectorEventLoop
    if sys.version_info >= (3, 13):
        asyncio.EventLoop = SelectorEventLoop
    asyncio.set_event_loop_policy(None)


# -- what a test uses ------------------------------------------------------------------------------

USES = ("descriptors", "threads", "processes", "signals")
"""What puts a test into the other group. It counts where the test itself asks for it, not asyncio on its behalf:

descriptors  a socket, a pipe or a terminal that is not made by asyncio, and the methods of the loop that take one
threads      a thread of whatever kind, other than the one in which asyncio resolves a name
processes    a process, also where asyncio is asked for it and refuses
signals      a signal that is sent or handled, other than by asyncio.Runner
"""

TAKES = {
    **dict.fromkeys(("add_signal_handler", "remove_signal_handler"), "signals"),
    **dict.fromkeys(("subprocess_exec", "subprocess_shell"), "processes"),
    **dict.fromkeys(("run_in_executor",), "threads"),
    **dict.fromkeys(
        (
            *("add_reader", "add_writer", "remove_reader", "remove_writer"),
            *("connect_accepted_socket", "connect_read_pipe", "connect_write_pipe"),
            *("sock_accept", "sock_connect", "sock_recv", "sock_recv_into", "sock_recvfrom"),
            *("sock_recvfrom_into", "sock_sendall", "sock_sendfile", "sock_sendto"),
        ),
        "descriptors",
    ),
}
"""The methods of a loop that say what a test uses, and what."""

LIBRARY = Path(os.__file__).parent

BETWEEN = {str(LIBRARY / name) for name in ("selectors.py", "socket.py", "ssl.py", "threading.py")}

ASYNCIO = str(Path(asyncio.__file__).parent)

EXECUTORS = str(LIBRARY / "concurrent" / "futures")

RUNNERS = str(Path(asyncio.__file__).parent / "runners.py")


class Watch:
    """Notes what the test that runs uses."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.loops = 0

    def begin(self) -> None:
        self.used, self.loops = set(), 0

    def watch(self) -> None:
        sys.addaudithook(self._hear)
        for module, name, use in (
            (os, "pipe", "descriptors"),
            (os, "openpty", "descriptors"),
            (os, "kill", "signals"),
            (signal, "alarm", "signals"),
            (signal, "pthread_kill", "signals"),
            (signal, "raise_signal", "signals"),
            (signal, "set_wakeup_fd", "signals"),
            (signal, "setitimer", "signals"),
            (signal, "signal", "signals"),
            (socket, "socketpair", "descriptors"),
        ):
            setattr(module, name, self._noting(getattr(module, name), use))

    def loop(self) -> Callable[[], asyncio.AbstractEventLoop]:
        """Returns what makes a stock loop that notes which of its methods are called."""
        told = {
            name: self._noting(getattr(asyncio.SelectorEventLoop, name), use) for name, use in TAKES.items()
        }
        kind = type("Noting", (asyncio.SelectorEventLoop,), told)

        def make() -> asyncio.AbstractEventLoop:
            self.loops += 1
            loop: asyncio.AbstractEventLoop = kind()
            return loop

        return make

    def _noting(self, ordinary: Callable[..., Any], use: str) -> Callable[..., Any]:
        def noting(*args: Any, **options: Any) -> Any:
            self._note(use)
            return ordinary(*args, **options)

        return noting

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.__new__":
            self._note("descriptors")
        elif event in ("_thread.start_new_thread", "_thread.start_joinable_thread"):
            self._note("threads")
        elif event in ("subprocess.Popen", "os.fork", "os.posix_spawn"):
            self._note("processes")

    def _note(self, use: str) -> None:
        """Notes a use, unless asyncio asks for it on behalf of the test."""
        asking = next(frames(2), None)
        if asking is not None and asking.f_code.co_filename.startswith(ASYNCIO):
            names = {frame.f_code.co_name for frame in frames(2)} if use == "threads" else set()
            if use == "descriptors" or not names.isdisjoint(("getaddrinfo", "getnameinfo")):
                return
            if use == "signals" and asking.f_code.co_filename == RUNNERS:
                return
        self.used.add(use)


def frames(depth: int) -> Iterator[FrameType]:
    """Goes through the calls that led here, without those of modules that stand between asyncio and the system."""
    frame: FrameType | None = sys._getframe(depth + 1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name not in BETWEEN and name != __file__ and not name.startswith(EXECUTORS):
            yield frame
        frame = frame.f_back


# -- the tests -------------------------------------------------------------------------------------


def modules() -> list[str]:
    import test.test_asyncio as tests

    return sorted(
        found.name for found in pkgutil.iter_modules(tests.__path__) if found.name.startswith("test_")
    )


def tests_of(module: str) -> list[unittest.TestCase]:
    def flat(suite: Any) -> Iterator[unittest.TestCase]:
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                yield from flat(test)
            else:
                yield test

    try:
        loaded = importlib.import_module(f"test.test_asyncio.{module}")
    except unittest.SkipTest:  # those of Windows
        return []
    return [
        test
        for test in flat(unittest.defaultTestLoader.loadTestsFromModule(loaded))
        if not type(test).__name__.startswith(OTHER_SELECTORS)
    ]


class Results(unittest.TestResult):
    """Writes the outcome of each test."""

    def __init__(self, file: Path, watch: Watch) -> None:
        super().__init__()
        self._file = file
        self._watch = watch
        self._outcome, self._why = "passed", ""
        self._began = 0.0

    def write(self, test: str, outcome: str, why: str = "") -> None:
        told = {"test": test, "outcome": outcome, "why": why, "seconds": round(clock() - self._began, 3)}
        told |= {"uses": sorted(self._watch.used), "loops": self._watch.loops}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._outcome, self._why = "passed", ""
        self._watch.begin()
        self._began = clock()
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)

    def stopTest(self, test: unittest.TestCase) -> None:
        faulthandler.cancel_dump_traceback_later()
        super().stopTest(test)
        self.write(short(test), self._outcome, self._why)

    def _fail(self, error: Any) -> None:
        self._outcome = "failed"
        self._why += "".join(traceback.format_exception(*error))

    def addError(self, test: Any, err: Any) -> None:
        self._fail(err)
        if not isinstance(test, unittest.TestCase):  # setUpClass and the like
            self.write(str(test), "failed", self._why)

    def addFailure(self, test: Any, err: Any) -> None:
        self._fail(err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self._fail(err)

    def addSkip(self, test: Any, reason: str) -> None:
        if self._outcome == "passed":
            self._outcome, self._why = "skipped", reason

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self._outcome = "passed"

    def addUnexpectedSuccess(self, test: Any) -> None:
        self._outcome, self._why = "failed", "passes, and is expected to fail"


def short(test: unittest.TestCase) -> str:
    return test.id().removeprefix("test.test_asyncio.")


def main(loop: str, results: Path, chosen: list[str]) -> None:
    watch = Watch()
    make = LOOPS[loop]()
    if loop == "stock":
        watch.watch()
        make = watch.loop()
    install(make)
    before = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    known = {told["test"] for told in before}
    begun = results.with_suffix(".begun")
    writer = Results(results, watch)
    if begun.exists() and (hung := begun.read_text()) not in known:
        writer.write(hung, "failed", "hangs, or ends the process")
        known.add(hung)
    # Each test stands alone: what one leaves behind in a class or a module is made anew for the next one.
    wanted = {name.partition(".")[0] for name in chosen}
    for module in (name for name in modules() if not wanted or name in wanted):
        for test in tests_of(module):
            name = short(test)
            parts = {name, name.rpartition(".")[0], module}
            if name not in known and (not chosen or not parts.isdisjoint(chosen)):
                begun.write_text(name)
                asyncio.set_event_loop_policy(None)
                unittest.TestSuite([test]).run(writer)
                writer._previousTestClass = None  # type: ignore[attr-defined]
    threading._shutdown = lambda: None  # type: ignore[attr-defined]  # a thread that never ends is not waited for
    begun.unlink(missing_ok=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
