"""Every row becomes an event or is rejected with its reason."""

from __future__ import annotations

import numpy as np
import pytest

from src.dataset.columns import KIND, PRODUCT, TIME, USER, VALUE, Layout
from src.dataset.loading import RawBlock
from src.dataset.preprocessing import CleanBlock, Limits, clean
from src.domain import NO_TIME
from src.ids import clean_id

NOW = 1_700_000_000
LIMITS = Limits(1.0, 5.0, NOW)
RATINGS = Layout({USER: 0, PRODUCT: 1, VALUE: 2, TIME: 3}, 4, header=False)
TIMELESS = Layout({USER: 0, PRODUCT: 1, VALUE: 2}, 3, header=False)
EVENTS = Layout({USER: 0, PRODUCT: 1, KIND: 2, VALUE: 3, TIME: 4}, 5, header=True)


def cleaned(*rows: list[str], layout: Layout = RATINGS) -> CleanBlock:
    return clean(RawBlock(list(range(1, len(rows) + 1)), list(rows)), layout, LIMITS)


def reason(row: list[str], layout: Layout = RATINGS) -> str:
    """Why a row is rejected, "" if it is not; it must fare the same alone and among good and bad ones."""
    good = {
        RATINGS.width: ["u", "p", "3", "1"],
        TIMELESS.width: ["u", "p", "3"],
        EVENTS.width: ["u", "p", "view", "", ""],
    }
    good_row = good[layout.width]
    alone = cleaned(row, layout=layout)
    among = cleaned(good_row, row, ["x"], good_row, layout=layout)
    assert len(alone.events) + len(alone.rejected) == 1
    said = alone.rejected[0].reason if alone.rejected else ""
    assert [r.reason for r in among.rejected if r.line == 2] == ([said] if said else [])
    assert [r.line for r in among.rejected] == ([2, 3] if said else [3])
    return said


def test_a_good_row_becomes_an_event() -> None:
    block = cleaned(["A1", "P1", "4.5", "1300000000"])
    assert (block.events.user_id, block.events.product_id, block.events.kind) == (["A1"], ["P1"], ["rating"])
    assert block.events.value.tolist() == [4.5]
    assert block.events.value.dtype == np.float64
    assert block.events.at.tolist() == [1_300_000_000]
    assert block.events.at.dtype == np.int64
    assert block.rejected == []


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["u", "p", "3"], "missing field"),
        (["u"], "missing field"),
        (["u", "p", "3", "1", ""], "too many fields"),
        (["", "p", "3", "1"], "empty user id"),
        ([" \t", "p", "3", "1"], "empty user id"),
        (["u", "", "3", "1"], "empty product id"),
        (["u" * 257, "p", "3", "1"], "user id is longer than 256"),
        (["u", "é" * 257, "3", "1"], "product id is longer than 256"),
        (["u" * 256, "p" * 256, "3", "1"], ""),
        (["u", "p", "", "1"], "rating is empty"),
        (["u", "p", "  ", "1"], "rating is empty"),
        (["u", "p", "good", "1"], "rating is not a number"),
        (["u", "p", "nan", "1"], "rating is not a number"),
        (["u", "p", "inf", "1"], "rating is not a number"),
        (["u", "p", "-Infinity", "1"], "rating is not a number"),
        (["u", "p", "1e400", "1"], "rating is not a number"),
        (["u", "p", "4,5", "1"], "rating is not a number"),
        (["u", "p", "0x4", "1"], "rating is not a number"),
        (["u", "p", "0.99", "1"], "rating is out of range"),
        (["u", "p", "5.01", "1"], "rating is out of range"),
        (["u", "p", "-1", "1"], "rating is out of range"),
        (["u", "p", "1", "1"], ""),
        (["u", "p", "5.0", "1"], ""),
        (["u", "p", " 5 ", "1"], ""),
        (["", "", "", "x"], "empty user id"),
    ],
)
def test_every_wrong_row_is_rejected_with_the_first_reason(row: list[str], expected: str) -> None:
    assert reason(row) == expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("", ""),
        ("  ", ""),
        ("0", ""),
        ("1300000000.0", ""),
        ("1.3e9", ""),
        ("-1", "time is before 1970"),
        ("-0.5", "time is before 1970"),
        ("-2", "time is before 1970"),
        ("-86400", "time is before 1970"),
        ("nan", "time is not a number"),
        ("inf", "time is not a number"),
        ("-inf", "time is not a number"),
        ("2013-05-01", "time is not a number"),
        ("yesterday", "time is not a number"),
        ("1e400", "time is not a number"),
        ("99999999999999999999999", "time is not a number"),
        ("-99999999999999999999999", "time is not a number"),
        (str(NOW + 86_400), ""),
        (str(NOW + 86_401), "time is in the future"),
        ("1609459200000", ""),
        ("99999999999999", "time is in the future"),
    ],
)
def test_a_wrong_time_rejects_its_row(time: str, expected: str) -> None:
    assert reason(["u", "p", "3", time]) == expected


@pytest.mark.parametrize(
    ("text", "at"),
    [
        *[
            ("", NO_TIME),
            (" ", NO_TIME),
            ("0", 0),
            ("12", 12),
            (" 12 ", 12),
            ("12.0", 12),
            ("12.9", 12),
            ("1.2e3", 1200),
        ],
        *[("1365811200000", 1_365_811_200), ("1365811200999", 1_365_811_200)],
    ],
)
def test_times_are_whole_utc_seconds(text: str, at: int) -> None:
    assert cleaned(["u", "p", "3", text]).events.at.tolist() == [at]


def test_a_file_without_a_column_of_times_has_no_times() -> None:
    assert cleaned(["u", "p", "3"], ["u", "p", "4"], layout=TIMELESS).events.at.tolist() == [NO_TIME, NO_TIME]
    assert reason(["u", "p", "7"], TIMELESS) == "rating is out of range"


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("17850.0", "17850"),
        (" 17850.0 ", "17850"),
        ("0.0", "0"),
        ("007.0", "007"),
        (" A1 ", "A1"),
        ("17850", "17850"),
        ("17850.00", "17850.00"),
        ("17850.5", "17850.5"),
        ("A1.0", "A1.0"),
        ("-5.0", "-5.0"),
        (".0", ".0"),
        ("1.0.0", "1.0.0"),
        ("1e5", "1e5"),
        ("", ""),
    ],
)
def test_an_id_that_a_numeric_column_wrote_loses_its_point_zero(text: str, id_: str) -> None:
    assert clean_id(text) == id_
    if id_:
        events = cleaned([text, text, "3", "1"]).events
        assert (events.user_id, events.product_id) == ([id_], [id_])


@pytest.mark.parametrize("character", ["\x00", "\x01", "\t", "\n", "\x1f", "\x7f", "\x85", "\x9f", "\udcff"])
def test_ids_with_control_characters_or_broken_text_are_rejected(character: str) -> None:
    bad = f"a{character}b"
    assert reason([bad, "p", "3", "1"]) == "user id has control characters or is not UTF-8"
    assert reason(["u", bad, "3", "1"]) == "product id has control characters or is not UTF-8"


@pytest.mark.parametrize(
    "id_", ["日本", "é", "😀", "a b", "'; DROP TABLE events; --", '"', "a\u00a0b", "x/y?z=1&q#", "~"]
)
def test_every_other_character_may_stand_in_an_id(id_: str) -> None:
    assert cleaned([id_, id_, "3", "1"]).events.user_id == [id_]


def test_kinds_are_read_without_case_and_unknown_ones_are_rejected() -> None:
    block = cleaned(
        ["u", "p", " Purchase ", "2", "1"], ["u", "p", "CLICK", "", "1"], ["u", "p", "refund", "1", "1"], layout=EVENTS
    )
    assert block.events.kind == ["purchase", "click"]
    assert block.events.value.tolist() == [2.0, 1.0]
    assert [(row.line, row.reason) for row in block.rejected] == [(3, "unknown kind of event")]


def test_only_ratings_need_a_value_on_the_scale() -> None:
    assert reason(["u", "p", "purchase", "300", "1"], EVENTS) == ""
    assert reason(["u", "p", "purchase", "", "1"], EVENTS) == ""
    assert reason(["u", "p", "purchase", "many", "1"], EVENTS) == "rating is not a number"
    assert reason(["u", "p", "rating", "300", "1"], EVENTS) == "rating is out of range"
    assert reason(["u", "p", "rating", "", "1"], EVENTS) == "rating is empty"
    assert reason(["u", "p", "", "3", "1"], EVENTS) == "unknown kind of event"


def test_events_keep_the_order_of_the_file_and_rejected_rows_their_fields() -> None:
    rows = [["c", "1", "3", "9"], ["", "2", "3", "9"], ["a", "3", "3", "1"], ["b"], ["b", "4", "3", "5"]]
    block = cleaned(*rows)
    assert block.events.user_id == ["c", "a", "b"]
    assert [(row.line, row.fields) for row in block.rejected] == [(2, rows[1]), (4, rows[3])]


def test_a_block_of_wrong_rows_and_an_empty_block_are_no_trouble() -> None:
    assert len(cleaned(["x"], ["y"]).events) == 0
    assert len(cleaned(["x"], ["y"]).rejected) == 2
    empty = cleaned()
    assert (len(empty.events), empty.rejected) == (0, [])


def test_cleaning_leaves_the_rows_it_was_given_alone() -> None:
    row = [" 5.0 ", " p ", " 3 ", " 1 "]
    cleaned(row)
    assert row == [" 5.0 ", " p ", " 3 ", " 1 "]
