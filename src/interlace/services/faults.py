"""The one vocabulary of what goes wrong: `interlace.fault.reset()` and its kin.

Each is for an answer of a fake, for a service as a whole, and for a link; see docs/reference/faults-and-latency.md.
The names are those of Toxiproxy's toxics (its `timeout` is `hang`, its `reset_peer` is `reset`), and of WireMock's faults.
"""

from __future__ import annotations

from typing import Any

from interlace.errors import UsageError
from interlace.sim.latency import Latency, parse_latency
from interlace.sim.network.fault import Fault
from interlace.sim.network.links import parse_rate

_GARBAGE = b"\x15\x03 this is no answer of HTTP\r\n\r\n"


def latency(delay: Latency = "10s") -> Fault:
    """Has what is sent arrive later.

    Args:
        delay: by how much, as for `World.latency`.
    """
    return Fault("latency", parse_latency(delay))


def bandwidth(rate: str | float = "1kB/s") -> Fault:
    """Has what is sent trickle in pieces, each connection by itself.

    Args:
        rate: bytes a second, or text such as `"10kB/s"` or `"1Mbit/s"`.
    """
    return Fault("bandwidth", rate=parse_rate(rate))


def slow_close(delay: Latency = "10s") -> Fault:
    """Has the end of the connection arrive later.

    Args:
        delay: by how much, as for `World.latency`.
    """
    return Fault("slow_close", parse_latency(delay))


def hang(timeout: Latency | None = None) -> Fault:
    """Has nothing arrive any more, while the connection stays open.

    Args:
        timeout: when it is closed nevertheless; None: never.
    """
    return Fault("hang", () if timeout is None else parse_latency(timeout))


def reset(*, latency: Latency | None = None) -> Fault:
    """Resets the connection, in the place of what is sent.

    Args:
        latency: how long that takes, as for `World.latency`; None: no time of its own.
    """
    return Fault("reset", () if latency is None else parse_latency(latency))


def slicer(size: int = 1, delay: Latency = "1ms") -> Fault:
    """Has what is sent arrive in slices.

    Args:
        size: bytes of a slice.
        delay: the time between two of them, more than none: what arrives at one moment is read as one.
    """
    delays = parse_latency(delay)
    if min(delays) <= 0:
        raise UsageError(
            f"fault.slicer(delay={delay!r}): slices that arrive at one moment are read as one; give them some time, such as '1ms'"
        )
    return Fault("slicer", delays, size=_check_size("slicer", size, 1))


def limit_data(size: int = 10) -> Fault:
    """Closes the connection after so many bytes.

    Args:
        size: how many bytes arrive; 0: none.
    """
    return Fault("limit_data", size=_check_size("limit_data", size, 0))


def partial() -> Fault:
    """Closes the connection after half of what is sent first; of an answer of HTTP, after half of its body."""
    return Fault("partial")


def malformed(data: bytes = _GARBAGE, *, latency: Latency | None = None) -> Fault:
    """Sends garbage in the place of what is sent, and closes the connection.

    Args:
        data: the garbage.
        latency: as for `reset`.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)) or not len(data):
        raise UsageError(f"fault.malformed({data!r}): give bytes, such as b'\\x00\\xff'")
    return Fault("malformed", () if latency is None else parse_latency(latency), data=bytes(data))


def empty(*, latency: Latency | None = None) -> Fault:
    """Closes the connection, in the place of what is sent; `latency` as for `reset`."""
    return Fault("empty", () if latency is None else parse_latency(latency))


def refuse() -> Fault:
    """Refuses connections."""
    return Fault("refuse")


def unreachable() -> Fault:
    """Leaves requests to connect without an answer: who has no timeout gives up after 127 s, with ETIMEDOUT."""
    return Fault("unreachable")


def _check_size(name: str, size: Any, least: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or size < least:
        raise UsageError(f"fault.{name}({size!r}): give a whole number of bytes, from {least} up")
    return size
