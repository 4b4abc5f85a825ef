"""Days of the shop's calendar: a day begins at midnight in the shop's time zone, in summer and in winter.

Many files give the day of an event and no time. It is read as midnight UTC, and an event of that second counts on that
day in every zone: a shop west of Greenwich would see all its sales a day early otherwise.
"""

from __future__ import annotations

import datetime as dt
from typing import overload

import numpy as np

from src.core.domain import DAY, BoolArray, IntArray

_QUARTER = 900
"""Clocks are changed at a whole quarter of an hour of UTC."""
_EPOCH = dt.date(1970, 1, 1)


@overload
def has_only_a_day(at: int) -> bool: ...
@overload
def has_only_a_day(at: IntArray) -> BoolArray: ...
def has_only_a_day(at: int | IntArray) -> bool | BoolArray:
    """Return whether no more than the day of an event is known, by its UTC seconds."""
    return at % DAY == 0


def shop_days(at: IntArray, zone: dt.tzinfo) -> IntArray:
    """Return the days of events.

    Args:
        at: int64[n], UTC seconds.
        zone: The shop's time zone.

    Returns:
        int64[n], days since 1970 on the shop's calendar.
    """
    at = np.asarray(at, np.int64)
    quarters, place = np.unique(at // _QUARTER, return_inverse=True)
    days = np.array([shop_day(each * _QUARTER, zone) for each in quarters.tolist()], np.int64)
    return np.where(has_only_a_day(at), at // DAY, days[place])


def shop_day(at: float, zone: dt.tzinfo) -> int:
    """Return the day of a moment of a clock.

    Args:
        at: UTC seconds.
        zone: The shop's time zone.

    Returns:
        Days since 1970 on the shop's calendar.
    """
    return (dt.datetime.fromtimestamp(at, zone).date() - _EPOCH).days


def midnight(day: int, zone: dt.tzinfo) -> int:
    """Return when a day begins.

    Args:
        day: Days since 1970 on the shop's calendar.
        zone: The shop's time zone.

    Returns:
        UTC seconds.
    """
    return int(dt.datetime.combine(_EPOCH + dt.timedelta(days=day), dt.time(), zone).timestamp())
