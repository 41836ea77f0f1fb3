"""What the faults of `interlace.fault` are to a call: it has no bytes, but it can hang, and a connection be lost."""

from __future__ import annotations

import errno
import os

from interlace.errors import UsageError
from interlace.sim.clock import SECOND
from interlace.sim.network.fault import Fault

_ERRORS = {
    "reset": (ConnectionResetError, errno.ECONNRESET),
    "hang": (ConnectionResetError, errno.ECONNRESET),
    "refuse": (ConnectionRefusedError, errno.ECONNREFUSED),
    "unreachable": (TimeoutError, errno.ETIMEDOUT),
}
_GIVES_UP = (127 * SECOND,)
"""When a request to connect that nobody answers ends, in ns, as on the simulated network."""


def check_fault(fault: Fault, takes_time: bool, where: str) -> Fault:
    """Returns a fault that can happen to a call.

    Args:
        fault: the fault.
        takes_time: whether the call can take time.
        where: where it stands, in words.

    Raises:
        UsageError: it cannot.
    """
    if fault.kind not in _ERRORS or fault.has_answer:
        raise UsageError(
            f"{where} is given {fault!r}: that happens to bytes, and a call has none; give fault.hang(), fault.reset(), "
            "fault.refuse(), fault.unreachable(), or latency="
        )
    if not takes_time and (lasts_for_ever(fault) or time_of(fault)):
        raise UsageError(
            f"{where} is given {fault!r}, but it is not async: while a plain call waits nothing else runs; give an exception"
        )
    return fault


def lasts_for_ever(fault: Fault) -> bool:
    """Tells whether a call that meets it never ends."""
    return fault.kind == "hang" and not fault.delays


def time_of(fault: Fault) -> tuple[int, ...]:
    """Returns how long it takes until the call fails, in ns, the boring one first; (): no time of its own."""
    return _GIVES_UP if fault.kind == "unreachable" else fault.delays


def error_of(fault: Fault) -> Exception:
    """Returns what the caller is told at the end."""
    kind, number = _ERRORS[fault.kind]
    return kind(number, os.strerror(number))
