"""Who made what happen: walks from a step back to the outside events that led to it."""

from __future__ import annotations

from interlace.model.trace import Trace


def chain(trace: Trace, step: int) -> list[int]:
    """Returns the steps that led to `step`, the nearest first, beginning with `step` itself."""
    steps: list[int] = []
    while 0 <= step < len(trace):
        steps.append(step)
        cause = trace[step].cause
        if cause >= step:
            break
        step = cause
    return steps
