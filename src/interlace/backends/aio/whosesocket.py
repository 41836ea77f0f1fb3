"""Decides at `socket.socket(...)` whether code of a run is given a simulated socket, or a real one.

What is replaced is how objects of the class are made, not the class or its name: so it does not matter where a
program has its name from. It is replaced together with the clocks, and by the same rule real for others: code outside
of a run, threads that were there before, asyncio, pytest and interlace itself.
"""

from __future__ import annotations

import _socket
import functools
import socket
import sys
import types
from types import FrameType
from typing import Any, NamedTuple

from interlace.backends.aio.descriptors import FIRST_NUMBER, loop_of
from interlace.backends.aio.ownsocket import KINDS, OwnSocket, bare_socket
from interlace.backends.aio.refused import refuse
from interlace.sim.network.local import joined

_socketpair_really = getattr(_socket, "socketpair", None)
_new_really = socket.socket.__new__


class _Sockets:
    """How sockets are made; see `Companion`."""

    def replace(self) -> None:
        """Has code of a run be given what is simulated."""
        socket.socket.__new__ = _new  # type: ignore[assignment,method-assign]
        if _socketpair_really is not None:
            _socket.socketpair = _socketpair

    def restore(self) -> None:
        """Has everybody be given what is real."""
        del socket.socket.__new__
        if _socketpair_really is not None:
            _socket.socketpair = _socketpair_really


def _new(cls: type[socket.socket], *args: Any, **options: Any) -> socket.socket:
    """Is `socket.socket.__new__` while code of a run is executed."""
    given = dict(zip(("family", "type", "proto", "fileno"), args, strict=False)) | options
    number = given.get("fileno")
    if isinstance(number, int):
        if number < FIRST_NUMBER:
            return _new_really(cls)
        loop = loop_of(None)
        if loop is None or number not in loop._plugs:
            return _new_really(cls)
        return bare_socket(_class_for(cls), loop)
    if number is not None or issubclass(cls, OwnSocket):
        return _new_really(cls)
    loop = loop_of(_calling_file())
    if loop is None:
        return _new_really(cls)
    return bare_socket(_class_for(cls), loop)


class _Half(NamedTuple):
    """Half of a pair, as `socket.socketpair` takes it from what it asks.

    Args:
        number: of its descriptor.
    """

    number: int

    def detach(self) -> int:
        """Gives the number away."""
        return self.number


def _socketpair(family: int = -1, type: int = -1, proto: int = 0, /) -> Any:  # noqa: A002
    """Is what `socket.socketpair` asks while code of a run is executed."""
    loop = loop_of(_calling_file())
    kind = socket.SOCK_STREAM if type == -1 else type & KINDS
    if loop is None or family not in (-1, socket.AF_UNIX):
        assert _socketpair_really is not None
        return _socketpair_really(family, type, proto)
    if kind != socket.SOCK_STREAM:
        refuse(
            "socket.socketpair of another type than SOCK_STREAM",
            "Take a pair of streams, or two sockets of UDP",
        )
    network = loop._world.network
    one, other = joined(network, loop._world)
    return _Half(loop._give_number(one)), _Half(loop._give_number(other))


def _calling_file() -> str:
    """Returns the file of the code that makes a socket."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename == socket.__file__:
        frame = frame.f_back
    return "" if frame is None else frame.f_code.co_filename


def _class_for(cls: type[socket.socket]) -> type[OwnSocket]:
    """Returns the class of simulated sockets that stands for a class of sockets."""
    return OwnSocket if cls is socket.socket else _derived(cls)  # type: ignore[arg-type]  # a class has a hash


@functools.lru_cache(maxsize=64)
def _derived(cls: type[socket.socket]) -> Any:
    made = types.new_class(cls.__name__, (cls, OwnSocket))
    made.__module__, made.__qualname__ = cls.__module__, cls.__qualname__
    return made


SOCKETS = _Sockets()
"""Those of this process: there is one class to do that with."""
