"""Count events over time: by the shortest period (day, week, month, year) that gives few enough bars."""

from __future__ import annotations

import datetime as dt

import numpy as np

from src.core.domain import NO_TIME, IntArray
from src.core.shop_days import shop_days
from src.exploration.profile_types import Activity
from src.interactions.event_weights import KIND_ORDER

MAX_PERIODS = 200
"""Bars at most; with more, the next longer period is used."""


def activity(at: IntArray, kind: IntArray, zone: dt.tzinfo) -> Activity | None:
    """Count events over time, in all and of each kind.

    Args:
        at: int64[n], UTC seconds, NO_TIME where unknown.
        kind: int[n], positions in KIND_ORDER.
        zone: The shop's time zone.

    Returns:
        The counts; None if no event has a time.
    """
    has_time = at != NO_TIME
    at, kind = at[has_time], kind[has_time]
    if not len(at):
        return None
    day = shop_days(at, zone)
    first = int(day.min())
    count_by_day = np.bincount(day - first)
    days = first + np.flatnonzero(count_by_day)
    for period in ("day", "week", "month", "year"):
        number = _period_number(days, period)
        if number[-1] - number[0] < MAX_PERIODS:
            break
    starts = _first_days(np.arange(number[0], number[-1] + 1), period)
    period_of_day = np.zeros(len(count_by_day), np.int32)
    period_of_day[count_by_day > 0] = number - number[0]
    count = np.bincount(period_of_day[day - first], minlength=len(starts))
    by_kind = {
        event_kind.value: np.bincount(period_of_day[day[kind == code] - first], minlength=len(starts)).tolist()
        for code, event_kind in enumerate(KIND_ORDER)
        if (kind == code).any()
    }
    return Activity(
        n_timed=len(at),
        oldest_at=int(at.min()),
        newest_at=int(at.max()),
        period=period,
        counts=dict(zip(starts, count.tolist(), strict=True)),
        by_kind=by_kind,
    )


_NUMPY_UNIT = {"month": "M8[M]", "year": "M8[Y]"}
_MONDAY = 3  # day 0 of 1970 was a Thursday


def _period_number(day: IntArray, period: str) -> IntArray:
    """Return the number since 1970 of the day, week, month or year of a day since 1970."""
    if period in _NUMPY_UNIT:
        return day.astype("M8[D]").astype(_NUMPY_UNIT[period]).astype(np.int64)
    return day if period == "day" else (day + _MONDAY) // 7


def _first_days(number: IntArray, period: str) -> list[str]:
    """Return the first day of each period as 2024-05-31; the inverse of _period_number."""
    unit = _NUMPY_UNIT.get(period, "M8[D]")
    days = (number * 7 - _MONDAY if period == "week" else number).astype(unit).astype("M8[D]")
    return [str(day) for day in days]
