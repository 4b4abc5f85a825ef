"""Days of the shop's calendar."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from src.core.domain import DAY
from src.core.shop_days import midnight, shop_day, shop_days

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


def at(*moment: int) -> int:
    return int(dt.datetime(*moment, tzinfo=dt.UTC).timestamp())  # type: ignore[misc]


def day(*date: int) -> int:
    return at(*date) // DAY


@pytest.mark.parametrize(
    ("moment", "zone", "expected"),
    [
        (at(2024, 7, 15, 22, 30), BERLIN, day(2024, 7, 16)),
        (at(2024, 1, 15, 22, 30), BERLIN, day(2024, 1, 15)),  # an hour later in summer
        (at(2024, 7, 15, 3, 59), NEW_YORK, day(2024, 7, 14)),
    ],
)
def test_a_day_begins_at_the_shops_midnight(moment: int, zone: ZoneInfo, expected: int) -> None:
    assert shop_day(moment, zone) == expected
    assert shop_days(np.array([moment, moment]), zone).tolist() == [expected] * 2


def test_a_day_without_a_time_is_that_day_in_every_zone() -> None:
    days = np.array([day(2024, 7, 15), day(2024, 12, 31)])
    for zone in (BERLIN, NEW_YORK, ZoneInfo("Pacific/Kiritimati"), dt.UTC):
        assert shop_days(days * DAY, zone).tolist() == days.tolist()


def test_midnight_is_the_first_second_of_its_day() -> None:
    for zone in (BERLIN, NEW_YORK):
        for number in (day(2024, 3, 31), day(2024, 11, 3)):  # clocks are changed
            assert shop_day(midnight(number, zone), zone) == number
            assert shop_day(midnight(number, zone) - 1, zone) == number - 1
