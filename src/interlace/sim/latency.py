"""The one vocabulary for how long something takes: `"5ms"`, `"5ms..200ms"`, seconds as a number, a list of these."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from interlace.errors import UsageError
from interlace.sim.clock import nanoseconds

Latency = str | float | tuple[float, float] | list[Any]
"""A duration (`"5ms"`, or seconds), a range (`"5ms..200ms"`, or a pair of seconds), or a list of them: one of these."""

_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0, "h": 3600.0}
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|ms|us|µs|min|h)\s*")
_SHARES = (0, 0.001, 0.01, 0.03, 0.1, 0.3, 0.6, 1)
"""Where in a range the lengths on offer lie: mixed scales, the boring one at the lower end."""


def parse_latency(spec: Latency) -> tuple[int, ...]:
    """Reads a latency and returns the lengths on offer in ns, the boring one first.

    Args:
        spec: a duration (`"5ms"`, or seconds as a number), a range (`"5ms..200ms"`, or a pair of
            seconds), or a list of durations and ranges: it takes as long as one of them says, and
            in the plain run as long as the first.

    Raises:
        UsageError: not a duration, below zero, a range that ends before it begins, or an empty list.
    """
    if not isinstance(spec, list):
        return _parse_one(spec)
    if not spec or any(isinstance(part, list) for part in spec):
        raise UsageError(f"latency {spec!r} is no list of durations: write such as ['5ms', '50ms..2s']")
    return tuple(dict.fromkeys(length for part in spec for length in _parse_one(part)))


def _parse_one(spec: Any) -> tuple[int, ...]:
    try:
        return _parse_known(spec)
    except TypeError:  # it has no hash
        return _parse_known(repr(spec))


@lru_cache(maxsize=256, typed=True)
def _parse_known(spec: Any) -> tuple[int, ...]:
    if isinstance(spec, str):
        bounds = [_parse_duration(part, spec) for part in spec.split("..", 1)]
    elif isinstance(spec, tuple) and len(spec) == 2:
        bounds = [_check_seconds(part, spec) for part in spec]
    else:
        bounds = [_check_seconds(spec, spec)]
    low, high = bounds[0], bounds[-1]
    if high < low:
        raise UsageError(f"latency {spec!r} ends before it begins: write the shorter duration first")
    return tuple(dict.fromkeys(low + round((high - low) * share) for share in _SHARES))


def _parse_duration(part: str, spec: str) -> int:
    match = _DURATION.fullmatch(part)
    if match is None and part.strip().startswith("-"):
        raise UsageError(
            f"latency {spec!r} cannot be read at {part!r}: that is below zero; leave the '-' out"
        )
    if match is None:
        raise UsageError(
            f"latency {spec!r} cannot be read at {part!r}: write a number and a unit (us, ms, s, min, h), "
            "such as '5ms' or '5ms..200ms'"
        )
    return nanoseconds(float(match[1]) * _UNITS[match[2]])


def _check_seconds(value: object, spec: object) -> int:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1e9:
        raise UsageError(
            f"latency {spec!r} is not a duration: give seconds from 0 up, or text such as '5ms..200ms'"
        )
    return nanoseconds(value)
