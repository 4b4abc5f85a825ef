"""The moments at which the daily training is due, through changes of the clock."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo


def due_before(now: dt.datetime, at: dt.time, zone: ZoneInfo) -> dt.datetime:
    """Return the last due moment that is not after `now`.

    A time of day that a clock change skips is due when the clock is put forward; one that comes twice, the first time.

    Args:
        now: the moment to look back from, with a time zone.
        at: the time of day, as clocks in `zone` show it.
        zone: the time zone.

    Returns:
        The moment, in UTC.
    """
    return max(moment for moment in _around(now, at, zone) if moment <= now)


def due_after(now: dt.datetime, at: dt.time, zone: ZoneInfo) -> dt.datetime:
    """Return the first due moment after `now`.

    Args:
        now: the moment to look forward from, with a time zone.
        at: the time of day, as clocks in `zone` show it.
        zone: the time zone.

    Returns:
        The moment, in UTC.
    """
    return min(moment for moment in _around(now, at, zone) if moment > now)


def _around(now: dt.datetime, at: dt.time, zone: ZoneInfo) -> list[dt.datetime]:
    """Return the due moments of the days around `now`; three on each side, as a zone may skip a whole day."""
    today = now.astimezone(zone).date()
    days = (today + dt.timedelta(days=offset) for offset in range(-3, 4))
    return [dt.datetime.combine(day, at, zone).astimezone(dt.UTC) for day in days]
