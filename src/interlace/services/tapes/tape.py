"""What is on a tape."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["exchange", "connection"]


class Said(NamedTuple):
    """Something that one side has said.

    Args:
        by_peer: whether it was the real peer; else it was the program.
        data: what it has said; b"" when the peer has closed the connection. A message of HTTP is its head, in lines
            that end with a line feed each, an empty line, and the body as it is without framing or compression.
        delay: how long after what was said before, in nanoseconds; 0 of the program.
        line: where it stands on the tape; 0: nowhere.
    """

    by_peer: bool
    data: bytes
    delay: int = 0
    line: int = 0


class Talk(NamedTuple):
    """A request of HTTP and its answer, or all that was said on a connection.

    Args:
        kind: which of both.
        said: what was said, in order.
        line: where it begins on the tape; 0: nowhere.
        is_whole: whether the answer to a request came to its end before the program had left.
    """

    kind: Kind
    said: tuple[Said, ...]
    line: int = 0
    is_whole: bool = True


class Tape(NamedTuple):
    """What a real peer has said.

    Args:
        peer: who that is, as the test names it.
        talks: what was said, in the order in which it began.
        recorded: when that was, in words.
    """

    peer: str
    talks: tuple[Talk, ...]
    recorded: str = ""


def rounded(delay: int) -> int:
    """Returns a measured time in ns so that its last digits do not change from one recording to the next by much."""
    step = 100_000 if delay < 100_000_000 else 1_000_000
    return max(round(delay / step) * step, step)
