"""In which order fakes were asked, and whether what they were asked overlapped."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from interlace.errors import OutOfOrder, UsageError

_SHOWN = 12


class Moment(NamedTuple):
    """A moment of a run.

    Args:
        time: in virtual seconds since the run began.
        step: the number of the step that ran then; of moments of the same time it tells which was first.
    """

    time: float
    step: int


class Asked:
    """Something that a fake was asked, and when.

    Args:
        began: when it was asked.

    Attributes:
        ended: when it was answered, or whoever asked did not wait any more; None while it is not.
    """

    __slots__ = ("began", "ended")

    def __init__(self, began: Moment) -> None:
        self.began = began
        self.ended: Moment | None = None

    @property
    def time(self) -> float:
        """When it was asked, in virtual seconds since the run began; 0 outside of a run."""
        return self.began.time

    @property
    def end(self) -> float | None:
        """When it was answered, in virtual seconds; None while it is not."""
        return None if self.ended is None else self.ended.time

    def overlaps(self, other: Asked) -> bool:
        """Tells whether one of both was asked before the other was answered."""
        return not (
            (self.ended is not None and self.ended <= other.began)
            or (other.ended is not None and other.ended <= self.began)
        )


def in_order(*asked: Any, overlapping: bool = False) -> None:
    """Asserts that fakes were asked one after the other: each was done with its answer before the next was asked.

    Args:
        asked: calls, or what has `calls`: routes, web APIs, other fakes; of those all calls are meant.
        overlapping: whether it is enough that each was asked before the next, done or not.

    Raises:
        OutOfOrder: they were not, or one was not asked at all.
        UsageError: fewer than two, or something that has no calls.
    """
    if len(asked) < 2:
        raise UsageError(f"in_order() is given {len(asked)}: give at least two calls or routes")
    calls = [_calls_of(one) for one in asked]
    for one, found in zip(asked, calls, strict=True):
        if not found:
            raise OutOfOrder(f"{one!r} was never asked", _told(calls))
    for (one, before), (other, after) in pairwise(zip(asked, calls, strict=True)):
        last = max(before, key=_asked if overlapping else _done)
        first = min(after, key=_began)
        if (_asked if overlapping else _done)(last) > _began(first):
            if overlapping:
                what = "was asked"
            elif getattr(last, "end", 0) is None:
                what = "was done, which it is not yet"
            else:
                what = f"was done, at {_done(last)[0]:g} s"
            raise OutOfOrder(
                f"{_name(other, first)} was asked before {_name(one, last)} {what}", _told(calls)
            )


def _calls_of(one: Any) -> list[Any]:
    if isinstance(getattr(one, "time", None), (int, float)):
        return [one]
    calls = getattr(one, "calls", None)
    if not isinstance(calls, (list, tuple)) or not all(hasattr(call, "time") for call in calls):
        raise UsageError(
            f"in_order() is given {one!r}, which has no calls: give calls such as route.calls[0], routes, or fakes"
        )
    return list(calls)


def _began(call: Any) -> tuple[float, float]:
    """When it was asked; what happens at the same time is in order where the steps are not known."""
    began = getattr(call, "began", None)
    return began if isinstance(began, Moment) else (call.time, float("inf"))


def _asked(call: Any) -> tuple[float, float]:
    began = getattr(call, "began", None)
    return began if isinstance(began, Moment) else (call.time, -1)


def _done(call: Any) -> tuple[float, float]:
    if getattr(call, "end", 0) is None:
        return (float("inf"), 0)
    ended = getattr(call, "ended", None)
    return ended if isinstance(ended, Moment) else (getattr(call, "end", call.time), -1)


def _name(one: Any, call: Any) -> str:
    return f"{call!r}" if one is call else f"{call!r} ({one!r})"


def _told(calls: list[list[Any]]) -> tuple[str, ...]:
    """Returns a line for each call, in the order in which they were made."""
    every = sorted((call for found in calls for call in found), key=_began)
    lines = [
        f"{call!r}" + (f", done at {call.end:g} s" if getattr(call, "end", None) is not None else "")
        for call in every
    ]
    return (*lines[:_SHOWN], *([f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []))
