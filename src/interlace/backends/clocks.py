"""Every clock that a program can read, replaced while code under test runs.

The wall clock is replaced by time-machine. The others (`time.monotonic`, `perf_counter` and their
like, and `time.sleep`) it leaves alone; they are replaced here in the way that it replaces its own:
not the name in a module, but what the function object calls, so that a name which was bound long
before, as by `from time import monotonic`, reads virtual time as well. See decision 0009.

So does `threading.Condition.wait` with a limit, and with it whatever waits by one: events, queues, the
results of jobs. Whoever keeps real time for a real purpose goes on reading it: other threads than those
of the run, and the modules in `_REAL`.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
import threading
import time
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import time_machine

from interlace.backends.replaced import Replaced
from interlace.sim.clock import SECOND
from interlace.untouched import is_built_in

if TYPE_CHECKING:
    from interlace.sim.clock import Clock
    from interlace.sim.files import Files

_SLEEP_REALLY = (
    *("subprocess", "multiprocessing", "socketserver"),
    *(
        "pytest",
        "_pytest",
        "pluggy",
        "xdist",
        "execnet",
        "pytest_timeout",
        "hypothesis",
        "coverage",
        "rich",
        "trio",
    ),
)
"""Modules and packages for which `time.sleep` stays what it is."""

_REAL = (
    *_SLEEP_REALLY,
    *("selectors", "asyncio"),
    *("interlace.engine", "interlace.plugin", "interlace.cli", "interlace.report"),
)
"""Modules and packages that measure real time, for a purpose of their own. Our backends do not, and what they call,
as an executor job or a callback, may be a clock itself."""

_REAL_THINGS = (*_REAL, "interlace.backends")
"""Modules and packages that do real things in the midst of a run."""


class Blocking(Protocol):
    """What blocks in real life, and takes virtual time here."""

    @property
    def files(self) -> Files | None:
        """What the test says about real files; None: nothing."""
        ...

    def claim(self, threads: set[threading.Thread], *, ours: bool) -> None:
        """Takes note of whether threads are of the run, whenever they were started."""
        ...

    def hold(self, seconds: float, what: str, remedy: str) -> None:
        """Lets time pass for the calling thread, which does what is said; the remedy is for one that should not."""
        ...

    def in_lockstep(self) -> bool:
        """Tells whether the calling thread and the loop never are at work at one time."""
        ...

    def sleep(self, seconds: float) -> None:
        """Is `time.sleep`."""
        ...

    def wait(self, condition: threading.Condition, seconds: float) -> bool:
        """Is `threading.Condition.wait` with a limit: returns whether it was notified."""
        ...


class Companion(Protocol):
    """Something else that is replaced while code under test runs."""

    def replace(self) -> None:
        """Puts what is simulated in place of what is real."""
        ...

    def restore(self) -> None:
        """Undoes that."""
        ...


class _Shown(NamedTuple):
    """A clock that is shown.

    Args:
        clock: the clock.
        world: what `time.sleep` and waits with a limit do.
        strangers: threads that were there before, and go on reading real time.
    """

    clock: Clock
    world: Blocking
    strangers: set[threading.Thread]


class Clocks:
    """The clocks of this process, and which virtual ones are shown in their place.

    Attributes:
        started: how many threads have been started while one was shown.
    """

    def __init__(self) -> None:
        self.started = 0
        self._shown: list[_Shown] = []
        self._lock = threading.RLock()
        self._replaced: dict[str, Replaced] = {}
        self._really: dict[str, Callable[..., Any]] = {}
        self._is_real: dict[tuple[str, tuple[str, ...]], bool] = {}
        self._travels: dict[str, Any] = {}
        self._companions: list[Companion] = []
        clocks = self

        def wait(condition: threading.Condition, timeout: float | None = None) -> bool:
            """Is `Condition.wait` while a clock is shown."""
            if timeout is None or not 0 < timeout < _LONGEST:
                return wait_really(condition, timeout)
            shown = clocks._clock_of(threading.get_ident())
            owned: bool = condition._is_owned()  # type: ignore[attr-defined]
            if shown is None or not owned:  # the real one words what is wrong
                return wait_really(condition, timeout)
            return shown.world.wait(condition, timeout)

        self._wait = wait

        def start(*args: Any, **options: Any) -> Any:
            """Is what `Thread.start` calls while a clock is shown."""
            clocks.started += 1
            clocks._inherit(getattr(args[0], "__self__", None))
            return _start_really(*args, **options)

        self._start = start

    @contextmanager
    def show(self, clock: Clock, world: Blocking) -> Iterator[None]:
        """Shows a virtual clock to this thread, and to those that begin within the block.

        Args:
            clock: the clock.
            world: what `time.sleep` and waits with a limit do.
        """
        shown = self._shown
        if shown and shown[-1].clock is clock:
            yield
            return
        strangers = set(threading.enumerate()) - {threading.current_thread()}
        entry = _Shown(clock, world, strangers)
        with self._lock:
            travel = self._depart(clock.start.zone)
            if not shown:
                self._replace()
            shown.append(entry)
        try:
            yield
        finally:
            with self._lock:
                shown.remove(entry)
                if not shown:
                    for one in self._replaced.values():
                        one.restore()
                    threading.Condition.wait = wait_really  # type: ignore[method-assign]
                    for companion in self._companions:
                        companion.restore()
                    setattr(threading, _STARTER, _start_really)
                if travel is not None:
                    travel.stop()

    # -- replacing -------------------------------------------------------------------------------

    def _replace(self) -> None:
        if not self._replaced:
            for name in dir(time):
                function = getattr(self, f"_{name}", None)
                if function is not None and is_built_in(time, name):
                    self._replaced[name] = one = Replaced(time, name, function)
                    self._really[name] = one.real
        for one in self._replaced.values():
            one.replace()
        threading.Condition.wait = self._wait  # type: ignore[method-assign,assignment]
        for companion in self._companions:
            companion.replace()
        setattr(threading, _STARTER, self._start)

    def accompany(self, *companions: Companion) -> None:
        """Has something else be replaced whenever the clocks are; to be told before any is shown."""
        self._companions += companions

    def _depart(self, zone: str) -> Any:
        """Has time-machine show the wall clock; None where freezegun shows one already."""
        if dt.datetime.__name__ == "FakeDatetime":
            return None
        key = "" if zone == _local_zone() else zone
        travel = self._travels.get(key)
        if travel is None:
            there = dt.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo(zone)) if key else 0
            travel = self._travels[key] = time_machine.travel(there, tick=False)
        # What time-machine's own functions ask; it has no other way to be told of a clock that moves.
        setattr(travel.start(), "time_ns", self._wall_ns)  # noqa: B010
        return travel

    def _inherit(self, thread: Any) -> None:
        """Has a thread that a stranger starts be one as well, as those are that a real server has for its requests."""
        starter = ALIVE.get(threading.get_ident())
        for entry in self._shown:
            if starter in entry.strangers and isinstance(thread, threading.Thread):
                entry.strangers.add(thread)
                entry.world.claim({thread}, ours=False)

    # -- whose clock -----------------------------------------------------------------------------

    def _clock_of(self, thread: int) -> _Shown | None:
        who = ALIVE.get(thread)  # an ident is given to another thread as soon as the first has ended
        for entry in reversed(self._shown):
            if who not in entry.strangers:
                return entry
        return None

    def _clock_here(self, real: tuple[str, ...] = _REAL) -> _Shown | None:
        """Returns what is shown to the caller of a replaced function; None: the real time."""
        file = sys._getframe(2).f_code.co_filename
        return None if self._stays_real(file, real) else self._clock_of(threading.get_ident())

    def _stays_real(self, file: str, real: tuple[str, ...]) -> bool:
        is_real = self._is_real.get((file, real))
        if is_real is None:
            is_real = self._is_real[file, real] = belongs_to(file, real)
        return is_real

    def world_of(self, file: str | None = None) -> Blocking | None:
        """Returns the loop of the run that this thread belongs to; None: what it does is real.

        Args:
            file: where the code stands that asks; some does real things in the midst of a run.
        """
        if file is not None and self._stays_real(file, _REAL_THINGS):
            return None
        shown = self._clock_of(threading.get_ident())
        return None if shown is None else shown.world

    def strangers_here(self) -> set[threading.Thread]:
        """Returns the threads that were there before the run that this thread belongs to, and read real time."""
        shown = self._clock_of(threading.get_ident())
        return set() if shown is None else shown.strangers

    def keeps_real_time(self, frame: FrameType | None) -> bool:
        """Tells whether something that keeps real time has called this frame."""
        while frame is not None:
            if self._stays_real(frame.f_code.co_filename, _REAL):
                return True
            frame = frame.f_back
        return False

    def real_ns(self) -> int:
        """Returns the real time in ns that goes on evenly, whoever asks."""
        really = self._really.get("perf_counter_ns", time.perf_counter_ns)
        found: int = really()
        return found

    # -- the replacements, each named after the function of the time module ----------------------

    def _wall_ns(self) -> int:
        shown = self._clock_of(threading.get_ident())
        if shown is None:
            return time_machine.escape_hatch.time.time_ns()
        return shown.clock.here_wall_ns

    def _monotonic(self) -> Any:
        shown = self._clock_here()
        return self._really["monotonic"]() if shown is None else shown.clock.here_ns / SECOND

    def _monotonic_ns(self) -> Any:
        shown = self._clock_here()
        return self._really["monotonic_ns"]() if shown is None else shown.clock.here_ns

    def _perf_counter(self) -> Any:
        shown = self._clock_here()
        return self._really["perf_counter"]() if shown is None else shown.clock.here_ns / SECOND

    def _perf_counter_ns(self) -> Any:
        shown = self._clock_here()
        return self._really["perf_counter_ns"]() if shown is None else shown.clock.here_ns

    def _clock_gettime(self, which: Any, /) -> Any:
        shown = self._clock_here()
        if shown is None or which not in _SYSTEM:
            return self._really["clock_gettime"](which)
        return (shown.clock.here_wall_ns if _SYSTEM[which] else shown.clock.here_ns) / SECOND

    def _clock_gettime_ns(self, which: Any, /) -> Any:
        shown = self._clock_here()
        if shown is None or which not in _SYSTEM:
            return self._really["clock_gettime_ns"](which)
        return shown.clock.here_wall_ns if _SYSTEM[which] else shown.clock.here_ns

    def _ctime(self, *given: Any) -> Any:
        moment = given if given and given != (None,) else (time.time(),)
        return self._really["ctime"](*moment)

    def _asctime(self, *given: Any) -> Any:
        return self._really["asctime"](*given or (time.localtime(),))

    def _sleep(self, seconds: Any, /) -> None:
        shown = self._clock_here(_SLEEP_REALLY)
        is_length = isinstance(seconds, (int, float)) and 0 <= seconds < _LONGEST
        if shown is None or not is_length:  # the real one words what is wrong with the others
            self._really["sleep"](seconds)
        else:
            shown.world.sleep(seconds)


ALIVE: Mapping[int, threading.Thread] = threading._active  # type: ignore[attr-defined]
"""The threads that `threading.enumerate` lists, which takes a lock for it; always the same object."""

_STARTER = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else "_start_new_thread"
"""The function that `Thread.start` calls, as `threading` has it; not `start` itself, which others wrap."""

_start_really: Callable[..., Any] = getattr(threading, _STARTER)

wait_really = threading.Condition.wait
"""`Condition.wait` as it was before any run has replaced it."""

_LONGEST = 1 << 33
"""Seconds: `time.sleep` refuses to sleep for longer than about this."""

_SYSTEM = {
    getattr(time, name): is_wall
    for is_wall, names in (
        (True, ("CLOCK_REALTIME", "CLOCK_TAI")),
        (
            False,
            ("CLOCK_MONOTONIC", "CLOCK_MONOTONIC_RAW", "CLOCK_BOOTTIME", "CLOCK_UPTIME_RAW", "CLOCK_UPTIME"),
        ),
    )
    for name in names
    if hasattr(time, name)
}
"""The clocks of the operating system that are shown, and whether each tells the date."""


def belongs_to(file: str, names: tuple[str, ...]) -> bool:
    """Tells whether a file is one of some modules, or stands in one of some packages."""
    for name in names:
        module = sys.modules.get(name)
        if module is not None:
            own = getattr(module, "__file__", None) or ""
            if file == own or any(file.startswith(path + os.sep) for path in getattr(module, "__path__", ())):
                return True
    return False


def _local_zone() -> str:
    """Returns the name of the local time zone where that is known for certain; else ""."""
    named = os.environ.get("TZ")
    if named is not None:
        return named
    return "UTC" if time.tzname == ("UTC", "UTC") else ""


CLOCKS = Clocks()
"""Those of this process: there is one set of functions to replace."""
