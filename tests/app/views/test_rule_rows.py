"""Rules as rows of a form, and back."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from app.texts import phrases_in
from app.views.rule_rows import RuleRow, rows_of, rules_of
from src.core.errors import InputError
from src.core.shop_rules import parse_rules
from src.models.settings import read_settings

ZONE = ZoneInfo("Europe/Berlin")
T = phrases_in("en", read_settings())
DAYS = {"from": "2026-10-24T22:00:00Z", "until": "2026-10-25T23:00:00Z"}  # clocks go back: 25 hours
TIMES = {"from": "2026-10-24T09:30:00Z", "until": "2026-10-24T15:00:05Z"}


def test_a_rule_holds_from_its_first_day_to_the_end_of_its_last() -> None:
    row = RuleRow("exclude", "product_id", "a", from_="2026-10-25", until="2026-10-25")
    assert rules_of([row], ZONE, T) == parse_rules([{"action": "exclude", "product_id": "a", **DAYS}])


@pytest.mark.parametrize("dates", [{}, DAYS, TIMES])
def test_rules_that_were_saved_over_http_come_back_from_the_form_as_they_were(dates: dict[str, str]) -> None:
    documents = (
        {"action": "pin", "product_id": "a", "position": 3, "placement": "home"},
        {"action": "boost", "category": "Lamps & more", "factor": 1.25},
        {"action": "bury", "brand": "Müller", "factor": 0.5},
        {"action": "cap", "by": "brand", "at_most": 2},
    )
    rules = parse_rules([document | dates for document in documents])
    rows = [row for row in rows_of(rules, ZONE) if row.action]
    assert rules_of(rows, ZONE, T) == rules


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-10-26", "2026-10-25", "must not be before"),
        ("2026-10-25T12:00", "2026-10-25T11:00", "must not be before"),
        ("2026-10-25", "9999-12-31", "is no day"),
        ("2026-10-25Tx", "", "is no day"),
    ],
)
def test_dates_that_no_rule_can_have_are_named(first: str, last: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        rules_of([RuleRow("exclude", "product_id", "a", from_=first, until=last)], ZONE, T)
