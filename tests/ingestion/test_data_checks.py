"""Checks of data: each passes on ordinary data, fails on unusual data, and says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from src.core.domain import CLOCK_TOLERANCE
from src.core.records import Load
from src.ingestion.column_names import PRODUCT, TIME, USER, VALUE
from src.ingestion.data_checks import (
    Check,
    DataFigures,
    Thresholds,
    check_data,
    check_load,
)
from src.ingestion.event_rules import EventRules
from src.ingestion.layout import RATINGS, Layout
from src.ingestion.load_series import previous_of
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import Rejection, RejectionCode
from src.ingestion.row_validation import validate_rows

NOW = 1_700_000_000
FUTURE = "time is in the future"
DAY = 86_400
LOAD = Load(
    load_id="2",
    file="data/raw/ratings.csv",
    layout="ratings; user = user",
    loaded_at=NOW,
    n_read=10_000,
    n_kept=9_990,
    n_events=9_990,
    n_stored=9_000,
    n_products=0,
    newest_at=NOW - 60,
    known_users=0.4,
    known_products=0.98,
    rejected={"missing field": 10},
    nulls={"time": 0.01},
)
BEFORE = replace(LOAD, load_id="1", loaded_at=NOW - DAY, n_read=9_000, n_kept=8_995, newest_at=NOW - DAY)
FIGURES = DataFigures(n_events=50_000, n_users=4_000, n_products=900, newest_at=NOW - 60, counted_at=NOW)
FIGURES_BEFORE = DataFigures(49_000, 3_900, 890, NOW - DAY - 60, NOW - DAY)


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if not check.passed]


def the(name: str, checks: list[Check]) -> Check:
    return next(check for check in checks if check.name == name)


def test_an_ordinary_load_passes_everything_that_can_be_checked() -> None:
    checks = check_load(LOAD, BEFORE)
    assert failed(checks) == []
    assert [check.name for check in checks] == [
        "rejected rows", "future times", "empty columns", "known products", "known users", "volume", "layout",
        "newest event",
    ]  # fmt: skip


def test_a_first_load_into_an_empty_store_is_compared_with_nothing() -> None:
    checks = check_load(replace(LOAD, known_users=None, known_products=None), None)
    assert [check.name for check in checks] == ["rejected rows", "future times", "empty columns"]
    assert failed(checks) == []


BAD: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "rejected rows",
        {"rejected": {"missing field": 501}, "n_kept": 9_499},
        {"rejected": {"missing field": 500}, "n_kept": 9_500},
    ),
    ("future times", {"rejected": {FUTURE: 101}}, {"rejected": {FUTURE: 100}}),
    ("empty columns", {"nulls": {"time": 0.22}}, {"nulls": {"time": 0.2}}),
    ("empty columns", {"nulls": {"time": 0.01, "brand": 0.96}}, {"nulls": {"time": 0.01, "brand": 0.94}}),
    ("known products", {"known_products": 0.19}, {"known_products": 0.2}),
    ("known users", {"known_users": 0.0}, {"known_users": 0.01}),
    ("volume", {"n_read": 4_499, "n_kept": 4_489}, {"n_read": 4_500, "n_kept": 4_490}),
    ("volume", {"n_read": 45_001, "n_kept": 44_991}, {"n_read": 45_000, "n_kept": 44_990}),
    ("layout", {"layout": "ratings; user = customer"}, {}),
    (
        "newest event",
        {"newest_at": NOW - DAY - CLOCK_TOLERANCE - 1},
        {"newest_at": NOW - DAY - CLOCK_TOLERANCE},
    ),
    ("newest event", {"newest_at": None}, {}),
]


@pytest.mark.parametrize(("name", "wrong", "right"), BAD)
def test_what_lies_beyond_a_threshold_fails_that_check_alone(
    name: str, wrong: dict[str, Any], right: dict[str, Any]
) -> None:
    assert failed(check_load(replace(LOAD, **wrong), BEFORE)) == [name]
    assert failed(check_load(replace(LOAD, **right), BEFORE)) == []


def test_a_message_says_what_was_found_what_was_expected_and_what_to_do() -> None:
    wrong = replace(LOAD, n_read=50_000, n_kept=43_930, rejected={"rating is out of range": 20, "missing field": 6_050})
    assert the("rejected rows", check_load(wrong, None)).message == (
        "rejected rows: 12.1 % of 50,000 rows; expected at most 5 %: "
        'look into var/rejects; the most frequent reason is "missing field" (6,050 rows)'
    )


def test_a_check_that_passed_asks_for_nothing() -> None:
    assert (
        the("rejected rows", check_load(LOAD, None)).message
        == "rejected rows: 0.1 % of 10,000 rows; expected at most 5 %"
    )


@pytest.mark.parametrize(("rejected", "passed"), [(2, True), (3, False)])
def test_a_small_file_may_have_some_bad_rows_but_not_many(rejected: int, passed: bool) -> None:
    load = replace(LOAD, n_read=10, n_kept=10 - rejected, rejected={"missing field": rejected})
    assert the("rejected rows", check_load(load, None)).passed is passed


def test_a_file_without_rows_passes_no_judgement_on_rows() -> None:
    assert check_load(replace(LOAD, n_read=0, n_kept=0, rejected={}, nulls={}), None) == []


def test_few_rows_say_nothing_about_shares_and_volumes() -> None:
    few = replace(LOAD, n_read=99, n_kept=99, rejected={}, known_products=0.0, known_users=0.0, nulls={"time": 1.0})
    assert [check.name for check in check_load(few, replace(BEFORE, n_read=99, n_kept=99))] == [
        "rejected rows",
        "layout",
        "newest event",
    ]
    assert "known users" not in [check.name for check in check_load(replace(LOAD, n_kept=999, known_users=0.0), None)]


def test_a_file_that_shrank_to_a_few_rows_fails() -> None:
    assert "volume" in failed(check_load(replace(LOAD, n_read=3, n_kept=3, rejected={}), BEFORE))


def test_a_column_that_was_as_empty_before_is_how_this_shop_is() -> None:
    sparse = {"time": 0.01, "brand": 0.99}
    assert failed(check_load(replace(LOAD, nulls=sparse), replace(BEFORE, nulls=sparse))) == []
    assert failed(check_load(replace(LOAD, nulls=sparse), None)) == ["empty columns"]


def test_an_emptied_column_is_named_with_its_share_before() -> None:
    message = the("empty columns", check_load(replace(LOAD, nulls={"time": 0.5}), BEFORE)).message
    assert "time is empty in 50 % of 9,990 rows (1 % the time before)" in message


def test_files_of_different_names_need_not_have_one_layout() -> None:
    other = replace(BEFORE, file="data/raw/other.csv", layout="anything")
    assert "layout" not in [check.name for check in check_load(LOAD, other)]


def test_thresholds_can_be_set() -> None:
    assert failed(check_load(LOAD, BEFORE, Thresholds(max_reject_share=0.0005))) == ["rejected rows"]
    assert failed(check_data(FIGURES, FIGURES_BEFORE, Thresholds(max_newest_age=59))) == []
    assert failed(check_data(FIGURES, FIGURES_BEFORE, Thresholds(max_newest_step_back=-DAY - 1))) == ["newest event"]


def test_the_reason_looked_for_is_the_one_that_cleaning_gives() -> None:
    row = ["a", "p", "5", str(NOW + CLOCK_TOLERANCE + 1)]
    layout = Layout(RATINGS, {USER: 0, PRODUCT: 1, VALUE: 2, TIME: 3})
    block = validate_rows(RawBlock([1], [row]), layout, EventRules(1, 5, NOW))
    assert [rejected.rejection for rejected in block.rejected] == [Rejection(RejectionCode.TIME_IN_FUTURE)]
    assert [rejected.reason for rejected in block.rejected] == [FUTURE]


def test_the_load_to_compare_with_is_the_newest_earlier_one_of_the_same_name() -> None:
    older = replace(BEFORE, load_id="0", loaded_at=NOW - 2 * DAY)
    elsewhere = replace(BEFORE, load_id="e", file="elsewhere/ratings.csv", loaded_at=NOW - DAY // 2)
    alike = replace(BEFORE, load_id="a", file="other.csv", loaded_at=NOW - 1)
    later = replace(BEFORE, load_id="9", loaded_at=NOW + 1)
    assert previous_of(LOAD, [later, LOAD, alike, BEFORE, older]) == BEFORE
    assert previous_of(LOAD, [older, BEFORE, elsewhere]) == elsewhere


def test_without_one_of_the_same_name_the_file_of_another_day_is_taken() -> None:
    today = replace(LOAD, file="ratings-2023-11-14.csv")
    yesterday = replace(BEFORE, file="ratings-2023-11-13.csv")
    alike = replace(BEFORE, load_id="a", file="elsewhere.csv", loaded_at=NOW - 1)
    assert previous_of(today, [alike, yesterday]) == yesterday


def test_a_file_of_another_name_is_no_measure_even_in_the_same_layout() -> None:
    other = replace(BEFORE, load_id="d", file="elsewhere.csv", loaded_at=NOW - 1)
    assert previous_of(LOAD, [other]) is None


def test_a_load_that_kept_nothing_is_no_measure() -> None:
    broken = replace(BEFORE, load_id="b", loaded_at=NOW - 1, n_kept=0)
    assert previous_of(LOAD, [broken, BEFORE]) == BEFORE


def test_the_first_training_has_nothing_to_compare_with() -> None:
    assert check_data(FIGURES, None) == []


def test_data_that_grew_passes() -> None:
    checks = check_data(FIGURES, FIGURES_BEFORE)
    assert [check.name for check in checks] == ["events", "users", "products", "newest event", "fresh events"]
    assert failed(checks) == []


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("events", {"n_events": 44_099}, {"n_events": 44_100}),
        ("users", {"n_users": 3_509}, {"n_users": 3_510}),
        ("products", {"n_products": 800}, {"n_products": 801}),
        ("newest event", {"newest_at": NOW - 3 * DAY}, {"newest_at": NOW - 2 * DAY}),
        ("newest event", {"newest_at": None}, {}),
    ],
)
def test_data_that_shrank_or_went_back_fails(name: str, wrong: dict[str, Any], right: dict[str, Any]) -> None:
    assert failed(check_data(replace(FIGURES, **wrong), FIGURES_BEFORE)) == [name]
    assert failed(check_data(replace(FIGURES, **right), FIGURES_BEFORE)) == []


def test_events_that_stopped_coming_are_noticed() -> None:
    before = replace(FIGURES, counted_at=NOW + DAY)
    assert failed(check_data(replace(FIGURES, counted_at=NOW - 60 + 4 * DAY), before)) == []
    assert failed(check_data(replace(FIGURES, counted_at=NOW - 60 + 4 * DAY + 1), before)) == ["fresh events"]


def test_data_that_is_history_need_not_be_fresh() -> None:
    before = replace(FIGURES, counted_at=NOW + 400 * DAY)
    assert failed(check_data(replace(FIGURES, counted_at=NOW + 401 * DAY), before)) == []


def test_data_that_never_had_times_is_not_asked_for_them() -> None:
    timeless = replace(FIGURES, newest_at=None)
    assert [check.name for check in check_data(timeless, timeless)] == ["events", "users", "products"]
