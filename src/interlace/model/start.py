"""When and where runs begin: the date, the time and the time zone, the same in every run."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import NamedTuple

from interlace.errors import UsageError

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_UTC = "UTC"


class Start(NamedTuple):
    """When and where the runs of a program begin, the same in every run.

    Args:
        ns: nanoseconds from 1970-01-01T00:00:00Z to the beginning.
        zone: the time zone, by its IANA name.
    """

    ns: int = 1_767_225_600 * 10**9
    """2026-01-01T00:00:00Z unless told."""

    zone: str = _UTC

    @staticmethod
    def parse(now: str | dt.datetime | None = None, tz: str | None = None) -> Start:
        """Reads what a user gave.

        Args:
            now: the date and time at the beginning, in ISO 8601 or as a datetime, with its offset.
            tz: the name of the local time zone; None: UTC, or that of `now` where it has a `ZoneInfo`.

        Raises:
            UsageError: not a date and time, one without an offset, or a zone that does not exist.
        """
        if tz is not None:
            check_zone(tz)
        if now is None:
            return Start(zone=tz or _UTC)
        if isinstance(now, str):
            try:
                when = dt.datetime.fromisoformat(now)
            except ValueError as error:
                raise UsageError(
                    f"now is {now!r}: {error}; write it as in '2026-02-28T23:59:00+01:00'"
                ) from None
        elif isinstance(now, dt.datetime):
            when = now
        else:
            raise UsageError(f"now is {now!r}: give a string or a datetime, with its offset")
        ns = since_epoch(when, "now")
        if tz is None and isinstance(when.tzinfo, zoneinfo.ZoneInfo):
            tz = when.tzinfo.key
        return Start(ns, tz or _UTC)


def check_zone(name: str) -> None:
    """Raises UsageError unless there is a time zone of this name."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        known = zoneinfo.available_timezones()
        if not known:
            remedy = "no time zones are installed on this machine: pip install tzdata"
        else:
            from difflib import get_close_matches

            near = get_close_matches(str(name), known, 1, 0.6)
            remedy = f"did you mean {near[0]!r}?" if near else "give an IANA name such as 'Europe/Berlin'"
        raise UsageError(f"no time zone is called {name!r}: {remedy}") from None


def since_epoch(when: dt.datetime, what: str) -> int:
    """Returns the nanoseconds from 1970-01-01T00:00:00Z to a date and time.

    Args:
        when: the date and time.
        what: what it is called where it is wrong.

    Raises:
        UsageError: it has no time zone.
    """
    if when.tzinfo is None:
        raise UsageError(
            f"{what} is {when.isoformat()!r}, which has no time zone: add an offset, "
            f"as in '{when.isoformat()}+00:00', or tzinfo=datetime.UTC"
        )
    return length_of(when - EPOCH)


def length_of(delta: dt.timedelta) -> int:
    """Returns a length of time in nanoseconds."""
    return (delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1000
