"""The moments at which the daily training is due, through changes of the clock."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from app.background.due_times import due_after, due_before

MIDNIGHT = dt.time(0, 0)
HOUR = 3_600


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("zone", "at", "now", "expected"),
    [
        ("UTC", "00:00", "2026-03-01T00:00", "2026-03-01T00:00"),
        ("UTC", "00:00", "2026-03-01T23:59", "2026-03-01T00:00"),
        ("Europe/Berlin", "00:00", "2026-03-28T23:30", "2026-03-28T23:00"),
        # 02:30 is skipped on 2026-03-29: due when the clock is put forward, and the next day as always.
        ("Europe/Berlin", "02:30", "2026-03-29T01:30", "2026-03-29T01:30"),
        ("Europe/Berlin", "02:30", "2026-03-30T00:30", "2026-03-30T00:30"),
        # 02:30 comes twice on 2026-10-25: the first one counts.
        ("Europe/Berlin", "02:30", "2026-10-25T01:45", "2026-10-25T00:30"),
        # Midnight itself is skipped in Cairo on 2026-04-24, and the next midnight must not be lost with it.
        ("Africa/Cairo", "00:00", "2026-04-23T22:00", "2026-04-23T22:00"),
        ("Africa/Cairo", "00:00", "2026-04-24T21:00", "2026-04-24T21:00"),
        # Apia had no 30 December 2011 at all.
        ("Pacific/Apia", "00:00", "2011-12-30T10:00", "2011-12-30T10:00"),
        ("Pacific/Apia", "00:00", "2011-12-31T09:59", "2011-12-30T10:00"),
    ],
)
def test_the_last_due_moment_survives_clock_changes(zone: str, at: str, now: str, expected: str) -> None:
    moment = due_before(_utc(now), dt.time.fromisoformat(at), ZoneInfo(zone))
    assert moment == _utc(expected)


def test_every_day_of_a_year_has_exactly_one_due_moment() -> None:
    zone = ZoneInfo("Europe/Berlin")
    now, moments = _utc("2026-01-01T12:00"), set()
    while now < _utc("2027-01-01T12:00"):
        moments.add(due_before(now, MIDNIGHT, zone))
        assert due_before(now, MIDNIGHT, zone) <= now < due_after(now, MIDNIGHT, zone)
        now += dt.timedelta(minutes=30)
    assert len(moments) == 366  # 1 January 2026 to 1 January 2027, both ends


# more zones


@pytest.mark.parametrize(
    ("zone", "at", "day", "expected"),
    [
        # Days whose clock was put forward at midnight: due at that moment.
        ("America/Sao_Paulo", "00:00", "2018-11-04", "2018-11-04T03:00"),
        ("Asia/Beirut", "00:00", "2026-03-29", "2026-03-28T22:00"),
        ("America/Asuncion", "00:00", "2023-10-01", "2023-10-01T04:00"),
        # Days on which midnight came twice: the first one.
        ("America/Havana", "00:30", "2026-11-01", "2026-11-01T04:30"),
        # Half an hour: 02:15 is skipped on Lord Howe.
        ("Australia/Lord_Howe", "02:15", "2026-10-04", "2026-10-03T15:45"),
    ],
)
def test_a_day_without_its_time_of_day_still_has_a_due_moment(zone: str, at: str, day: str, expected: str) -> None:
    time, its = dt.time.fromisoformat(at), ZoneInfo(zone)
    moment = _utc(expected)
    assert due_before(moment, time, its) == moment
    assert due_after(moment - dt.timedelta(seconds=1), time, its) == moment
    # And the days around it have theirs.
    around = {due_before(moment + dt.timedelta(hours=h), time, its) for h in range(-60, 61)}
    assert len(around) in (6, 7)


@pytest.mark.parametrize(
    ("zone", "year"),
    [
        ("America/Sao_Paulo", 2018),
        ("Africa/Cairo", 2026),
        ("Asia/Beirut", 2026),
        ("America/Asuncion", 2023),
        ("Pacific/Apia", 2011),
        ("Australia/Lord_Howe", 2026),
    ],
)
@pytest.mark.parametrize("at", ["00:00", "00:30", "02:15", "02:30", "23:59"])
def test_due_moments_of_a_year_are_about_a_day_apart_in_every_zone(zone: str, year: int, at: str) -> None:
    time, its = dt.time.fromisoformat(at), ZoneInfo(zone)
    moment, end, moments = _utc(f"{year}-01-01T12:00"), _utc(f"{year + 1}-01-01T12:00"), []
    while moment < end:
        moment = due_after(moment, time, its)
        moments.append(moment)
    days = [(after - before).total_seconds() / HOUR for before, after in pairwise(moments)]
    assert min(days) >= 22
    assert max(days) <= 26
    assert len(moments) in (365, 366)
