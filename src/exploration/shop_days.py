"""Days of the shop's calendar: a day begins at midnight in the shop's time zone, in summer and in winter."""

from __future__ import annotations

import datetime as dt

import numpy as np

from src.core.domain import IntArray

_QUARTER = 900
"""Clocks are changed at a whole quarter of an hour of UTC."""
_EPOCH = dt.date(1970, 1, 1)


def shop_days(at: IntArray, zone: dt.tzinfo) -> IntArray:
    """Return the days of moments.

    Args:
        at: int64[n], UTC seconds.
        zone: The shop's time zone.

    Returns:
        int64[n], days since 1970 on the shop's calendar.
    """
    quarters, place = np.unique(np.asarray(at, np.int64) // _QUARTER, return_inverse=True)
    days = [(dt.datetime.fromtimestamp(each * _QUARTER, zone).date() - _EPOCH).days for each in quarters.tolist()]
    return np.array(days, np.int64)[place]


def midnight(day: int, zone: dt.tzinfo) -> int:
    """Return when a day begins.

    Args:
        day: Days since 1970 on the shop's calendar.
        zone: The shop's time zone.

    Returns:
        UTC seconds.
    """
    return int(dt.datetime.combine(_EPOCH + dt.timedelta(days=day), dt.time(), zone).timestamp())
