"""What was heard of a real peer while a tape was recorded, and how it becomes what is on the tape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from interlace.services.tapes.scrub import Scrubber
from interlace.services.tapes.tape import Said, Talk, rounded
from interlace.sim.clock import MILLISECOND

TOGETHER = 5 * MILLISECOND
"""What a peer says within this real time, in ns, it says at once."""


class Heard(NamedTuple):
    """Bytes that went over a real connection.

    Args:
        by_peer: whether the peer has sent them.
        data: the bytes; b"" at the end of the stream.
        time: when, in nanoseconds of real time.
    """

    by_peer: bool
    data: bytes
    time: int


class Log:
    """What went over one real connection.

    Args:
        now: returns the real time in nanoseconds.

    Attributes:
        began: when it was opened.
        heard: what went over it, in order.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.began = now()
        self.heard: list[Heard] = []
        self._has_ended = False
        self._is_left = False

    def sent(self, data: bytes) -> None:
        """Notes what the program has sent; b"" at its end."""
        if data:
            self.heard.append(Heard(False, data, self._now()))
        else:
            self._has_ended = True

    def said(self, data: bytes) -> None:
        """Notes what the peer has said; b"" at its end, which says nothing if the program has ended before."""
        if not self._is_left and (data or not self._has_ended):
            self.heard.append(Heard(True, data, self._now()))

    def leave(self) -> None:
        """Takes note that the program hears nothing any more."""
        self._is_left = True


def connection(log: Log, scrub: Scrubber) -> Talk:
    """Returns what was said on a connection of any protocol."""
    return Talk("connection", tuple(_scrubbed(_joined(log), scrub)))


def _joined(log: Log) -> Iterator[Said]:
    """Yields what was said at once in one piece, and what the program has said before it heard anything."""
    before, kept, last = log.began, bytearray(), log.began
    by_peer = False
    for heard in log.heard:
        new = heard.by_peer != by_peer or (by_peer and heard.time - last > TOGETHER) or not heard.data
        if new and kept:
            yield Said(by_peer, bytes(kept), rounded(last - before) if by_peer else 0)
            kept.clear()
            before = last
        by_peer, last = heard.by_peer, heard.time
        kept += heard.data
        if not heard.data:
            yield Said(True, b"", rounded(last - before))
            return
    if kept:
        yield Said(by_peer, bytes(kept), rounded(last - before) if by_peer else 0)


def _scrubbed(said: Iterator[Said], scrub: Scrubber) -> Iterator[Said]:
    for one in said:
        data = one.data and scrub.raw("answer" if one.by_peer else "request", one.data)
        if data or not one.data:
            yield one._replace(data=data)
