"""What a test says that a function of a fake answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from interlace.errors import UsageError
from interlace.sim.latency import Latency, parse_latency


@dataclass(frozen=True)
class Answer:
    """One answer.

    Args:
        value: what is returned; an exception, or a class, where it is raised; a function where that says it; a fault.
        how: whether `value` is "returned", "raised" or "called", or a "fault".
        delays: how long it takes, in ns, the boring one first; None: nobody has said so.
    """

    value: Any
    how: str = "returned"
    delays: tuple[int, ...] | None = None


class Script:
    """The answers of one function: those for so many calls one after the other, then the one for all others."""

    def __init__(self) -> None:
        self._limited: list[list[Any]] = []  # pairs of an answer and for how many calls it is still
        self._rest: list[Answer] = []
        self._kept: tuple[list[list[Any]], list[Answer]] = ([], [])

    def keep(self) -> None:
        """Remembers what is said now."""
        self._kept = [list(pair) for pair in self._limited], list(self._rest)

    def renew(self) -> None:
        """Says again what was remembered, and no more."""
        limited, rest = self._kept
        self._limited, self._rest = [list(pair) for pair in limited], list(rest)

    def add(self, answers: Sequence[Answer], times: int | None) -> None:
        """Adds answers: for so many calls each; None: one after the other, and the last one again and again."""
        if times is None:
            self._rest = list(answers)
        else:
            self._limited += [[answer, times] for answer in answers]

    def take(self) -> Answer | None:
        """Returns the answer to the call that is made now; None if nobody has said any."""
        if self._limited:
            pair = self._limited[0]
            pair[1] -= 1
            if not pair[1]:
                del self._limited[0]
            answer: Answer = pair[0]
            return answer
        if not self._rest:
            return None
        return self._rest.pop(0) if len(self._rest) > 1 else self._rest[0]


def check_error(error: Any, where: str) -> Any:
    """Returns an error that can be raised, as it is.

    Raises:
        UsageError: it is none, or a class that needs arguments.
    """
    if isinstance(error, Exception):
        return error
    if not (isinstance(error, type) and issubclass(error, Exception)):
        about = " (for cancellations there is faults=['cancel'])" if _is_base(error) else ""
        raise UsageError(f"{where}: {error!r} cannot be raised: give an exception, or a class of them{about}")
    try:
        error()
    except TypeError as reason:
        raise UsageError(
            f"{where}: {error.__name__} cannot be made without arguments ({reason}): give an exception, "
            f"{error.__name__}(...), in the place of the class"
        ) from None
    return error


def is_error(value: object) -> bool:
    """Tells whether a value is an exception or a class of them, and so to be raised."""
    return isinstance(value, Exception) or (isinstance(value, type) and issubclass(value, Exception))


def _is_base(error: Any) -> bool:
    return isinstance(error, BaseException) or (isinstance(error, type) and issubclass(error, BaseException))


def raised(error: Any) -> Exception:
    """Returns the exception to raise, without what it has gone through before."""
    made: Exception = error() if isinstance(error, type) else error
    return made.with_traceback(None)


def check_times(times: object, where: str) -> int | None:
    """Returns for how many calls an answer is.

    Raises:
        UsageError: not a number from 1 up, nor None.
    """
    if times is None or (isinstance(times, int) and not isinstance(times, bool) and times > 0):
        return times
    raise UsageError(
        f"{where}: times={times!r}; give a whole number from 1 up, or leave it out for all calls"
    )


def check_latency(latency: Latency | None, takes_time: bool, where: str) -> tuple[int, ...] | None:
    """Reads a latency.

    Raises:
        UsageError: it is none, or what it is for takes no time.
    """
    if latency is None:
        return None
    if not takes_time:
        raise UsageError(
            f"{where} is not async, and cannot take latency={latency!r}: while a plain call waits nothing else runs, so "
            "there is nothing to explore. Leave latency= out"
        )
    return parse_latency(latency)


def check_function(function: object, where: str) -> Callable[..., Any]:
    """Returns what can be called.

    Raises:
        UsageError: it cannot.
    """
    if not callable(function):
        raise UsageError(f"{where}: {function!r} cannot be called; for a value there is .returns(...)")
    return function
