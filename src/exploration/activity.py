"""Events over time: by day, week, month or year, whichever is not too many."""

from __future__ import annotations

import numpy as np

from src.core.domain import DAY, NO_TIME, IntArray
from src.exploration.profile_types import Activity
from src.interactions.event_weights import KIND_ORDER

MAX_PERIODS = 200
"""Bars of the activity over time; beyond it the next longer period is taken."""


def activity(at: IntArray, kind: IntArray) -> Activity | None:
    """Events over time, and of each kind; None without times. at: UTC seconds. kind: places in KIND_ORDER."""
    timed = at != NO_TIME
    at, kind = at[timed], kind[timed]
    if not len(at):
        return None
    day = at // DAY
    first = int(day.min())
    on_day = np.bincount(day - first)
    days = first + np.flatnonzero(on_day)
    for period in ("day", "week", "month", "year"):
        number = _number(days, period)
        if number[-1] - number[0] < MAX_PERIODS:
            break
    starts = _first_day(np.arange(number[0], number[-1] + 1), period)
    place = np.zeros(len(on_day), np.int32)  # of every day: its period
    place[on_day > 0] = number - number[0]
    count = np.bincount(place[day - first], minlength=len(starts))
    by_kind = {
        each.value: np.bincount(place[day[kind == code] - first], minlength=len(starts)).tolist()
        for code, each in enumerate(KIND_ORDER)
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


_UNIT = {"month": "M8[M]", "year": "M8[Y]"}
_MONDAY = 3  # days since 1970 are counted from a Thursday


def _number(day: IntArray, period: str) -> IntArray:
    """Which day, week, month or year since 1970 a day since 1970 is in."""
    if period in _UNIT:
        return day.astype("M8[D]").astype(_UNIT[period]).astype(np.int64)
    return day if period == "day" else (day + _MONDAY) // 7


def _first_day(number: IntArray, period: str) -> list[str]:
    """The first day of periods, as 2024-05-31; the inverse of _number."""
    unit = _UNIT.get(period, "M8[D]")
    days = (number * 7 - _MONDAY if period == "week" else number).astype(unit).astype("M8[D]")
    return [str(day) for day in days]
