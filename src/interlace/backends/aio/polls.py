"""`select.select`, `select.poll` and `selectors` for simulated descriptors; real ones among them are really asked.

What asks without waiting is given an answer at once: connection pools look so whether a server has hung up. What would
wait does so in a thread of the run only; in the loop's own the time passes, and nothing comes.
"""

from __future__ import annotations

import select
import selectors
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from interlace.backends.aio.descriptors import FIRST_NUMBER, Descriptors, loop_of
from interlace.backends.aio.refused import refuse
from interlace.backends.aio.socketwait import is_in_loop, wait_for
from interlace.backends.replaced import Replaced
from interlace.untouched import is_built_in

if TYPE_CHECKING:
    from interlace.sim.network.sockets import Socket

_ALWAYS = select.POLLERR | select.POLLHUP | select.POLLNVAL
_READS = select.POLLIN | select.POLLHUP | select.POLLERR
_WRITES = select.POLLOUT | select.POLLERR

Wanted = Mapping[int, int]
"""Numbers of descriptors, and what each is polled for."""


def number_of(file: Any) -> int:
    """Returns the number of a descriptor, or of an object that has one, as `select` takes it.

    Raises:
        TypeError: it has none.
        ValueError: it is negative.
    """
    number = file if isinstance(file, int) else getattr(file, "fileno", lambda: None)()
    if not isinstance(number, int):
        raise TypeError("argument must be an int, or have a fileno() method")
    if number < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({number})")
    return number


def ask(loop: Descriptors, wanted: Wanted) -> dict[int, int]:
    """Returns what is the case now, of what was asked of simulated descriptors."""
    found = {}
    for number, events in wanted.items():
        plug = loop._plugs.get(number)
        now = select.POLLNVAL if plug is None else plug.events & (events | _ALWAYS)
        if now:
            found[number] = now
    return found


def pass_until(loop: Descriptors, wanted: Wanted, seconds: float | None, api: str) -> dict[int, int]:
    """Waits until something is the case of what was asked of simulated descriptors, and returns it.

    Args:
        loop: the loop of the run.
        wanted: the numbers, and what they are asked for.
        seconds: how long at most, in virtual time; None: for ever.
        api: what was called.

    Raises:
        NotSimulated: the loop's own thread would wait for ever.
    """
    found = ask(loop, wanted)
    if found or seconds == 0:
        return found
    if is_in_loop(loop):
        if seconds is None:
            refuse(
                f"{api} that would have to wait",
                "It would hold up the loop: await loop.sock_recv, or add_reader",
            )
        passing: Any = loop
        passing.pass_time(seconds, f"{api} for {seconds:g} s", "await loop.sock_recv, or use loop.add_reader")
        return {}
    watched: list[tuple[Socket, int]] = [(loop._plugs[number], events) for number, events in wanted.items()]
    wait_for(loop, watched, seconds)
    return ask(loop, wanted)


def select_mixed(
    loop: Descriptors,
    reads: Iterable[Any],
    writes: Iterable[Any],
    others: Iterable[Any],
    timeout: float | None = None,
) -> tuple[list[Any], list[Any], list[Any]]:
    """Is `select.select` where a descriptor may be simulated."""
    given = [list(reads), list(writes), list(others)]
    numbers = [[number_of(file) for file in files] for files in given]
    wanted: dict[int, int] = {}
    for kind, event in ((0, select.POLLIN), (1, select.POLLOUT)):
        for number in numbers[kind]:
            if number >= FIRST_NUMBER:
                wanted[number] = wanted.get(number, 0) | event
    if not wanted:
        plainly: tuple[list[Any], list[Any], list[Any]] = _SELECT.real(*given, timeout)
        return plainly
    real = [
        [file for file, number in zip(files, own, strict=True) if number < FIRST_NUMBER]
        for files, own in zip(given, numbers, strict=True)
    ]
    truly: Any = _SELECT.real(real[0], real[1], real[2], 0) if any(real) else ([], [], [])
    found = pass_until(loop, wanted, 0 if any(truly) else timeout, "select.select")
    answers = []
    for kind, mask in ((0, _READS), (1, _WRITES), (2, 0)):
        files = given[kind]
        answers.append(
            [
                file
                for file, number in zip(files, numbers[kind], strict=True)
                if (found.get(number, 0) & mask if number >= FIRST_NUMBER else file in truly[kind])
            ]
        )
    return answers[0], answers[1], answers[2]


class Poll:
    """Is what `select.poll()` returns, where a descriptor may be simulated.

    Args:
        loop: the loop of the run.
    """

    def __init__(self, loop: Descriptors) -> None:
        self._loop = loop
        self._wanted: dict[int, int] = {}
        self._real: Any = None

    def register(self, fd: Any, eventmask: int = select.POLLIN | select.POLLPRI | select.POLLOUT, /) -> None:
        """Has a descriptor be polled, or be polled for something else."""
        number = number_of(fd)
        if number >= FIRST_NUMBER:
            self._wanted[number] = eventmask
        else:
            self._truly.register(number, eventmask)

    def modify(self, fd: Any, eventmask: int, /) -> None:
        """Has a descriptor be polled for something else.

        Raises:
            FileNotFoundError: it is not polled at all.
        """
        number = number_of(fd)
        if number < FIRST_NUMBER:
            self._truly.modify(number, eventmask)
        elif number in self._wanted:
            self._wanted[number] = eventmask
        else:
            raise FileNotFoundError(2, "No such file or directory")

    def unregister(self, fd: Any, /) -> None:
        """Has a descriptor be polled no more.

        Raises:
            KeyError: it was not.
        """
        number = number_of(fd)
        if number < FIRST_NUMBER:
            self._truly.unregister(number)
        else:
            del self._wanted[number]

    @property
    def _truly(self) -> Any:
        if self._real is None:
            assert _POLL is not None
            self._real = _POLL.real()
        return self._real

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        """Returns the numbers of what is ready, and for what; waits so many milliseconds at most."""
        if not self._wanted:
            return list(self._truly.poll(timeout))
        truly = [] if self._real is None else self._real.poll(0)
        seconds = None if timeout is None or timeout < 0 else timeout / 1000
        found = pass_until(self._loop, self._wanted, 0 if truly else seconds, "poll()")
        return [*truly, *found.items()]


class Selector(selectors.SelectSelector):
    """Is a selector of `selectors`, where a descriptor may be simulated.

    Args:
        loop: the loop of the run.
    """

    _loop: Descriptors

    def _select(self, *given: Any) -> Any:
        """Is the function that a `SelectSelector` asks."""
        return select_mixed(self._loop, *given)


SELECTORS: tuple[type[selectors.BaseSelector], ...] = tuple(
    getattr(selectors, name)
    for name in ("SelectSelector", "PollSelector", "EpollSelector", "DevpollSelector", "KqueueSelector")
    if hasattr(selectors, name)
)
"""The classes that a program may ask for a selector."""


def become_simulated(made: Any, loop: Descriptors) -> None:
    """Has a selector that is being made be one for code of a run."""
    made.__class__ = Selector
    made._loop = loop
    _init_really(made)


_init_really = selectors.SelectSelector.__init__


# -- whose poll ------------------------------------------------------------------------------------


def _select(reads: Any, writes: Any, others: Any, timeout: Any = None, /) -> Any:
    """Is `select.select` while code of a run is executed."""
    loop = loop_of(sys._getframe(1).f_code.co_filename)
    if loop is None:
        return _SELECT.real(reads, writes, others, timeout)
    return select_mixed(loop, reads, writes, others, timeout)


def _poll() -> Any:
    """Is `select.poll` while code of a run is executed."""
    loop = loop_of(sys._getframe(1).f_code.co_filename)
    assert _POLL is not None
    return _POLL.real() if loop is None else Poll(loop)


# Wherever their names are bound, as by `from select import select`.
_SELECT = Replaced(select, "select", _select)
_POLL = Replaced(select, "poll", _poll) if is_built_in(select, "poll") else None

_INITS = {cls: vars(cls).get("__init__") for cls in SELECTORS}


def _init_of(cls: type[selectors.BaseSelector]) -> Callable[[Any], None]:
    """Returns what is the `__init__` of a class of selectors while code of a run is executed.

    Not its `__new__`: once a class has had one, CPython does not forget that, and is stricter with its subclasses.
    """

    def init(made: Any) -> None:
        loop = loop_of(sys._getframe(1).f_code.co_filename) if type(made) is cls else None
        original: Any = _INITS[cls]
        if loop is not None:
            become_simulated(made, loop)
        elif original is not None:
            original(made)
        else:
            super(cls, made).__init__()

    return init


_OURS = {cls: _init_of(cls) for cls in SELECTORS}


class _Polls:
    """How descriptors are polled; see `Companion`."""

    def replace(self) -> None:
        """Has code of a run ask for what is simulated."""
        _SELECT.replace()
        if _POLL is not None:
            _POLL.replace()
        for cls, ours in _OURS.items():
            setattr(cls, "__init__", ours)  # noqa: B010

    def restore(self) -> None:
        """Has everybody ask for what is real."""
        _SELECT.restore()
        if _POLL is not None:
            _POLL.restore()
        for cls, init in _INITS.items():
            if init is None:
                del cls.__init__
            else:
                setattr(cls, "__init__", init)  # noqa: B010


POLLS = _Polls()
"""Those of this process."""
