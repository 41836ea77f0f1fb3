"""What goes wrong in the place of an answer: `interlace.fault.reset()` and its kin."""

from __future__ import annotations

from interlace.services.http.replies import Reply
from interlace.sim.latency import Latency
from interlace.sim.network.service import Break

_GARBAGE = b"\x15\x03 this is no answer of HTTP\r\n\r\n"


def reset(*, latency: Latency | None = None) -> Reply:
    """Resets the connection instead of an answer.

    Args:
        latency: how long that takes, as for `World.latency`.
    """
    return Reply(fault=Break.RESET).after(latency)


def hang() -> Reply:
    """Never answers, and keeps the connection open."""
    return Reply(fault=Break.HANG)


def empty(*, latency: Latency | None = None) -> Reply:
    """Closes the connection without an answer; `latency` as for `reset`."""
    return Reply(fault=Break.CLOSE).after(latency)


def malformed(*, latency: Latency | None = None) -> Reply:
    """Answers something that is not HTTP, and closes the connection; `latency` as for `reset`."""
    return Reply(fault=Break.CLOSE, raw=_GARBAGE).after(latency)
