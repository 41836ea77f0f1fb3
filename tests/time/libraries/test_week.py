"""A week of a service with timers, over the change to summer time: every firing, at its moment."""

from __future__ import annotations

import asyncio
import datetime as dt
from zoneinfo import ZoneInfo

import interlace

BERLIN = ZoneInfo("Europe/Berlin")
START = "2026-03-26T00:00:00+01:00"
FIRST = dt.datetime(2026, 3, 26, tzinfo=BERLIN)
DAYS = 7


def is_due_daily(hour: int, minute: int, after: dt.datetime) -> dt.datetime:
    """Returns the next time after a moment at which the clock on the wall shows this."""
    due = after.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
    while due.timestamp() <= after.timestamp():
        due += dt.timedelta(days=1)
    return due


async def service(world: interlace.World) -> dict[str, list[str]]:
    """Takes a backup at 02:30 of the local clock, mails at 08:00, and asks for news every 15 minutes."""
    fired: dict[str, list[str]] = {"backup": [], "mail": [], "poll": []}

    def note(name: str) -> None:
        # Through UTC, so that 02:30 on a day that has none shows as what it is.
        now = dt.datetime.now(dt.UTC).astimezone(BERLIN)
        fired[name].append(now.isoformat(timespec="seconds"))

    async def daily(name: str, hour: int, minute: int) -> None:
        while True:
            now = dt.datetime.now(BERLIN)
            await asyncio.sleep(is_due_daily(hour, minute, now).timestamp() - now.timestamp())
            note(name)

    async def poll() -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += 900
            await asyncio.sleep(due - loop.time())
            note("poll")

    end = FIRST + dt.timedelta(days=DAYS)  # seven days of the calendar, which are an hour less than 168
    try:
        async with asyncio.timeout(end.timestamp() - FIRST.timestamp()), asyncio.TaskGroup() as group:
            group.create_task(daily("backup", 2, 30))
            group.create_task(daily("mail", 8, 0))
            group.create_task(poll())
    except TimeoutError:
        pass
    assert len(fired["backup"]) == len(fired["mail"]) == DAYS
    return fired


def test_every_firing_of_a_week_with_a_change_to_summer_time() -> None:
    outcome = interlace.run(service, now=START, tz="Europe/Berlin")
    assert outcome.error is None
    fired = outcome.value
    assert outcome.elapsed == 167 * 3600
    assert fired["backup"] == [
        "2026-03-26T02:30:00+01:00",
        "2026-03-27T02:30:00+01:00",
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:30:00+02:00",  # there is no 02:30
        "2026-03-30T02:30:00+02:00",
        "2026-03-31T02:30:00+02:00",
        "2026-04-01T02:30:00+02:00",
    ]
    assert fired["mail"] == [
        "2026-03-26T08:00:00+01:00",
        "2026-03-27T08:00:00+01:00",
        "2026-03-28T08:00:00+01:00",
        "2026-03-29T08:00:00+02:00",
        "2026-03-30T08:00:00+02:00",
        "2026-03-31T08:00:00+02:00",
        "2026-04-01T08:00:00+02:00",
    ]
    quarters = [
        dt.datetime.fromtimestamp(FIRST.timestamp() + 900 * number, BERLIN).isoformat(timespec="seconds")
        for number in range(1, 167 * 4)
    ]
    assert fired["poll"] == quarters
    assert "2026-03-29T01:45:00+01:00" in quarters
    assert quarters[quarters.index("2026-03-29T01:45:00+01:00") + 1] == "2026-03-29T03:00:00+02:00"


def test_no_schedule_makes_it_fail() -> None:
    result = interlace.explore(service, schedules=50, now=START, tz="Europe/Berlin")
    assert result.failure is None
    assert not result.latent
