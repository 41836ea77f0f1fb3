"""The part of the loop that reads and writes pipes, `os.pipe()`, between what runs in one run.

Such a pipe is a real one, and the transports are those of asyncio: what they need of the loop is here. Both ends are in
this process, so that nothing but a step of the run, or a thread in lockstep with it, can make an end ready. They are
looked at once in each iteration, before time may move on: what is found is then the same in every process.
"""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from interlace.backends.aio import inside
from interlace.backends.aio.descriptors import FIRST_NUMBER
from interlace.backends.aio.localconnections import LocalConnections
from interlace.backends.aio.refused import refuse
from interlace.sim.network.life import current_host

if TYPE_CHECKING:
    import asyncio

_DESCRIPTORS = "/proc/self/fd"

_REMEDY = (
    "Only os.pipe() with both ends in the run is simulated: put a fake in the place of what is at the other end; an "
    "asyncio.StreamReader can be fed by hand"
)


class _Watch:
    """A callback for an end that is ready.

    Args:
        callback: what is called.
        args: with what.
    """

    __slots__ = ("_args", "_callback", "_context", "is_due", "is_over")

    def __init__(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._callback = callback
        self._args = args
        self._context: Context = copy_context()
        self.is_due = False
        self.is_over = False

    def run(self) -> None:
        """Calls it, unless it was taken away meanwhile or its host has crashed."""
        self.is_due = False
        stay = self._context.get(current_host)
        if not (self.is_over or (stay is not None and stay.is_over)):
            self._context.run(self._callback, *self._args)


class _End:
    """One end of a pipe that the loop knows.

    Args:
        name: its name in traces.
        identity: what tells its descriptor from a later one of the same number.
    """

    __slots__ = ("identity", "name", "reader", "writer")

    def __init__(self, name: str, identity: tuple[int, int]) -> None:
        self.name = name
        self.identity = identity
        self.reader: _Watch | None = None
        self.writer: _Watch | None = None


class Pipes(LocalConnections):
    """Pipes of the loop: `connect_read_pipe` and `connect_write_pipe`."""

    _pipe_ends: dict[int, _End] | None = None

    def _make_read_pipe_transport(
        self, pipe: Any, protocol: asyncio.BaseProtocol, waiter: Any = None, extra: Any = None
    ) -> asyncio.ReadTransport:
        self._take_pipe(pipe, "loop.connect_read_pipe")
        return inside.read_pipe(self, pipe, protocol, waiter, extra)

    def _make_write_pipe_transport(
        self, pipe: Any, protocol: asyncio.BaseProtocol, waiter: Any = None, extra: Any = None
    ) -> asyncio.WriteTransport:
        self._take_pipe(pipe, "loop.connect_write_pipe")
        return inside.write_pipe(self, pipe, protocol, waiter, extra)

    def close(self) -> None:
        """Closes the loop."""
        super().close()
        if self._pipe_ends is not None:
            self._pipe_ends = None
            vars(self).pop("_run_once", None)

    def _take_pipe(self, pipe: Any, api: str) -> None:
        """Has the loop know an end of a pipe.

        Raises:
            NotSimulated: it is no pipe, or its other end is not in this process.
        """
        if not hasattr(pipe, "fileno") or self._learn_of(pipe.fileno()) is None:
            refuse(api, _REMEDY)

    def _learn_of(self, number: int) -> _End | None:
        """Has the loop know a descriptor, if that is an end of a pipe whose other end is in this process, too."""
        try:
            found = os.fstat(number)
        except OSError:
            return None
        # asyncio's selector loop has no pipes on Windows
        if sys.platform == "win32" or not stat.S_ISFIFO(found.st_mode) or not _is_within(number, found):
            return None
        if self._pipe_ends is None:
            self._pipe_ends = {}
            # Other runs do not pay for it: what a loop does in each iteration is the line that counts.
            vars(self)["_run_once"] = partial(_run_once, self, type(self)._run_once)  # type: ignore[attr-defined]
        name = self._world.network.numbered("pipe")
        end = self._pipe_ends[number] = _End(name, (found.st_dev, found.st_ino))
        return end

    # -- watching --------------------------------------------------------------------------------

    def _add_reader(self, fd: Any, callback: Callable[..., object], *args: Any) -> Any:
        end = self._pipe_end(fd) or self._learn_of_any(fd)
        if end is None:
            return super()._add_reader(fd, callback, *args)
        self._remove_reader(fd)
        end.reader = _Watch(callback, args)
        return None

    def _add_writer(self, fd: Any, callback: Callable[..., object], *args: Any) -> Any:
        end = self._pipe_end(fd) or self._learn_of_any(fd)
        if end is None:
            return super()._add_writer(fd, callback, *args)
        self._remove_writer(fd)
        end.writer = _Watch(callback, args)
        return None

    def _remove_reader(self, fd: Any) -> bool:
        end = self._pipe_end(fd)
        if end is None:
            return super()._remove_reader(fd)
        watch, end.reader = end.reader, None
        if watch is not None:
            watch.is_over = True
        return watch is not None

    def _remove_writer(self, fd: Any) -> bool:
        end = self._pipe_end(fd)
        if end is None:
            return super()._remove_writer(fd)
        watch, end.writer = end.writer, None
        if watch is not None:
            watch.is_over = True
        return watch is not None

    def _pipe_end(self, fd: Any) -> _End | None:
        """Returns the end that a descriptor is; None if it is none, or another one by now."""
        if not self._pipe_ends:
            return None
        if not isinstance(fd, int):
            fd = getattr(fd, "fileno", lambda: -1)()
        end = self._pipe_ends.get(fd)
        if end is None or end.reader is not None or end.writer is not None:
            return end
        try:
            found = os.fstat(fd)
        except OSError:
            return None
        return end if (found.st_dev, found.st_ino) == end.identity else None

    def _learn_of_any(self, fd: Any) -> _End | None:
        """Does as `_learn_of` for what `add_reader` is given: a number, or an object that has one."""
        if not isinstance(fd, int):
            fd = getattr(fd, "fileno", lambda: -1)()
        return self._learn_of(fd) if 0 <= fd < FIRST_NUMBER else None

    def _look_at_pipes(self) -> None:
        """Has what is ready be told of in this iteration."""
        poll = select.poll()
        watched = {number: end for number, end in (self._pipe_ends or {}).items() if end.reader or end.writer}
        for number, end in watched.items():
            poll.register(
                number, (select.POLLIN if end.reader else 0) | (select.POLLOUT if end.writer else 0)
            )
        found = dict(poll.poll(0)) if watched else {}
        for number, end in watched.items():
            happened = found.get(number, 0)
            # as asyncio's selectors have it: what is broken is both
            if happened & ~select.POLLOUT:
                self._tell_of(end, end.reader, "readable")
            if happened & ~select.POLLIN:
                self._tell_of(end, end.writer, "writable")

    def _tell_of(self, end: _End, watch: _Watch | None, what: str) -> None:
        if watch is not None and not watch.is_due:
            watch.is_due = True
            world = self._world
            world.flight.at(world.clock.ns, end.name, f"{end.name} {what}", watch.run, world.step)


def _run_once(loop: Any, run_once: Callable[[Any], None]) -> None:
    """Runs one iteration of a loop that has pipes."""
    loop._look_at_pipes()
    run_once(loop)


def _is_within(number: int, found: os.stat_result) -> bool:
    """Tells whether the other end of a pipe is in this process, too; where nothing tells, it is believed."""
    if not os.path.isdir(_DESCRIPTORS):
        return True
    wanted = _access(number)
    for name in os.listdir(_DESCRIPTORS):
        other = int(name)
        try:
            seen = os.fstat(other)
            is_same = other != number and (seen.st_dev, seen.st_ino) == (found.st_dev, found.st_ino)
            if is_same and (wanted == os.O_RDWR or _access(other) != wanted):
                return True
        except OSError:  # closed meanwhile: the listing itself had it
            continue
    return False


def _access(number: int) -> int:
    import fcntl  # where there is none there is no /proc either

    return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
