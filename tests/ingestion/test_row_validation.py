"""Every row becomes events or products, or is rejected with its reason."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from reading import NOW, RULES

from src.core.domain import NO_TIME, EventKind
from src.core.ids import clean_id
from src.ingestion.column_names import (
    EVENT_ID,
    INVOICE,
    KIND,
    MARK,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    TIME,
    TITLE,
    USER,
    VALUE,
)  # fmt: skip
from src.ingestion.layout import CLICKS, EVENTS, LISTS, PAIRS, PRODUCTS, PURCHASES, RATINGS, Layout
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import RejectedRow, Rejection, RejectionCode
from src.ingestion.row_validation import ValidatedBlock, validate_rows


def layout(name: str, *roles: str, kind: EventKind = EventKind.PURCHASE) -> Layout:
    return Layout(name, {role: at for at, role in enumerate(roles)}, kind=kind)


RATED = layout(RATINGS, USER, PRODUCT, VALUE, TIME)
TIMELESS = layout(RATINGS, USER, PRODUCT, VALUE)
SEEN = layout(EVENTS, USER, PRODUCT, KIND, VALUE, TIME)
SOLD = layout(PURCHASES, USER, PRODUCT, QUANTITY, INVOICE, TIME)
CLICKED = layout(CLICKS, USER, PRODUCT, PURCHASED)


def cleaned(*rows: Sequence[object], layout: Layout = RATED) -> ValidatedBlock:
    return validate_rows(RawBlock(list(range(1, len(rows) + 1)), list(rows)), layout, RULES)


def reason(row: list[str], layout: Layout, good: list[str]) -> str:
    """Return why a row is rejected, "" if it is kept; the result must not depend on other rows."""
    alone = cleaned(row, layout=layout)
    among = cleaned(good, row, good, layout=layout)
    assert len(alone.events) > 0 or len(alone.rejected) == 1
    reason_text = alone.rejected[0].reason if alone.rejected else ""
    assert [(each.line, each.reason) for each in among.rejected] == ([(2, reason_text)] if reason_text else [])
    return reason_text


def test_a_good_row_becomes_an_event() -> None:
    block = cleaned(["A1", "P1", "4.5", "1300000000"])
    assert (block.events.user_id, block.events.product_id, block.events.kind) == (["A1"], ["P1"], ["rating"])
    assert (block.events.value.tolist(), block.events.value.dtype) == ([4.5], np.float64)
    assert (block.events.at.tolist(), block.events.at.dtype) == ([1_300_000_000], np.int64)
    assert (block.events.dedupe_key, block.rejected, block.n_rows) == ([""], [], 1)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["", "p", "3", "1"], "empty user id"),
        ([" \t", "p", "3", "1"], "empty user id"),
        (["nan", "p", "3", "1"], "empty user id"),
        (["u", "", "3", "1"], "empty product id"),
        (["u", "null", "3", "1"], "empty product id"),
        (["u" * 257, "p", "3", "1"], "user id is longer than 256"),
        (["u", "é" * 257, "3", "1"], "product id is longer than 256"),
        (["u" * 256, "p" * 256, "3", "1"], ""),
        (["u", "p", "", "1"], "rating is empty"),
        (["u", "p", "  ", "1"], "rating is empty"),
        (["u", "p", "nan", "1"], "rating is empty"),
        (["u", "p", "good", "1"], "rating is not a number"),
        (["u", "p", "inf", "1"], "rating is not a number"),
        (["u", "p", "-Infinity", "1"], "rating is not a number"),
        (["u", "p", "1e400", "1"], "rating is not a number"),
        (["u", "p", "4,5", "1"], "rating is not a number"),
        (["u", "p", "0x4", "1"], "rating is not a number"),
        (["u", "p", "0.99", "1"], "rating is out of range (1 to 5; AISLE_RATING_MIN, AISLE_RATING_MAX)"),
        (["u", "p", "5.01", "1"], "rating is out of range (1 to 5; AISLE_RATING_MIN, AISLE_RATING_MAX)"),
        (["u", "p", "-1", "1"], "rating is out of range (1 to 5; AISLE_RATING_MIN, AISLE_RATING_MAX)"),
        (["u", "p", "1", "1"], ""),
        (["u", "p", " 5.0 ", "1"], ""),
        (["", "", "", "x"], "empty product id"),
        (["u", "p", "3", ""], ""),
        (["u", "p", "3", "nan"], ""),
        (["u", "p", "3", "0"], ""),
        (["u", "p", "3", "1.3e9"], ""),
        (["u", "p", "3", "-1"], "time is before 1970"),
        (["u", "p", "3", "-0.5"], "time is before 1970"),
        (["u", "p", "3", "-2"], "time is before 1970"),
        (["u", "p", "3", "inf"], "time is not readable"),
        (["u", "p", "3", "yesterday"], "time is not readable"),
        (["u", "p", "3", "2013-05-01"], "time is not readable"),
        (["u", "p", "3", "9" * 40], "time is not readable"),
        (["u", "p", "3", str(NOW + 86_400)], ""),
        (["u", "p", "3", str(NOW + 86_401)], "time is in the future"),
        (["u", "p", "3", "1609459200000"], ""),
        (["u", "p", "3", "99999999999999"], "time is in the future"),
    ],
)
def test_every_wrong_rating_is_rejected_with_the_first_reason(row: list[str], expected: str) -> None:
    assert reason(row, RATED, ["u", "p", "3", "1"]) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["u", "p", "purchase", "300", "1"], ""),
        (["u", "p", "purchase", "", "1"], ""),
        (["u", "p", "purchase", "many", "1"], "rating is not a number"),
        (["u", "p", "purchase", "0", "1"], "value is not above 0"),
        (["u", "p", "purchase", "-2", "1"], "value is not above 0"),
        (["u", "p", "purchase", "1e10", "1"], "value is above 1,000,000,000"),
        (["u", "p", "rating", "300", "1"], "rating is out of range (1 to 5; AISLE_RATING_MIN, AISLE_RATING_MAX)"),
        (["u", "p", "rating", "", "1"], "rating is empty"),
        (["u", "p", "", "3", "1"], "unknown kind of event ''"),
        (["u", "p", "remove_from_cart", "3", "1"], "'remove_from_cart' is no act of a user on a product"),
    ],
)
def test_every_wrong_event_is_rejected_with_the_first_reason(row: list[str], expected: str) -> None:
    assert reason(row, SEEN, ["u", "p", "view", "", ""]) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["u", "p", "3", "i", "1"], ""),
        (["u", "p", "", "", ""], ""),
        (["u", "p", "-3", "C1", "1"], ""),
        (["u", "p", "0", "i", "1"], "quantity is 0"),
        (["u", "p", "many", "i", "1"], "quantity is not a number"),
        (["u", "p", "2e9", "i", "1"], "quantity is too large"),
        (["u", "p", "-2e9", "i", "1"], "quantity is too large"),
        (["u", "p", "1", "i" * 257, "1"], "invoice is too long"),
        (["u", "p", "1", "i\x00", "1"], "invoice has control characters or is not UTF-8"),
        (["", "p", "1", "", "1"], "empty user id"),
        (["", "p", "1", "i", "1"], "sale without a customer (at the till, or by a guest)"),
    ],
)
def test_every_wrong_line_of_an_invoice_is_rejected_with_the_first_reason(row: list[str], expected: str) -> None:
    assert reason(row, SOLD, ["u", "p", "1", "i", "1"]) == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (" Purchase ", "purchase"), ("buy", "purchase"), ("transaction", "purchase"), ("ORDER", "purchase"),
        ("addtocart", "cart"), ("add_to_cart", "cart"), ("Add to Cart", "cart"), ("add-to-cart", "cart"),
        ("CLICK", "click"), ("pv", "view"), ("page_view", "view"), ("refund", "return"), ("rating", "rating"),
        ("cancelled", "return"),
    ],
)  # fmt: skip
def test_kinds_are_read_in_the_writings_of_many_shops(name: str, kind: str) -> None:
    assert cleaned(["u", "p", name, "2", "1"], layout=SEEN).events.kind == [kind]


def test_a_negative_quantity_is_a_return() -> None:
    events = cleaned(["u", "p", "3", "1", "5"], ["u", "p", "-2", "C1", "6"], layout=SOLD).events
    assert (events.kind, events.value.tolist()) == (["purchase", "return"], [3.0, 2.0])


@pytest.mark.parametrize(
    ("flag", "bought"),
    [
        ("1", 1), ("yes", 1), ("TRUE", 1), ("y", 1), ("3", 3), ("1.0", 1), ("2.5", 2.5), ("0", 0), ("no", 0),
        ("False", 0), ("", 0), ("0.0", 0),
    ],
)  # fmt: skip
def test_a_click_is_two_events_where_something_was_bought(flag: str, bought: float) -> None:
    block = cleaned(["u", "p", flag], layout=CLICKED)
    kinds = ["click", "purchase"] if bought else ["click"]
    assert (block.events.kind, block.n_rows) == (kinds, 1)
    assert block.events.value.tolist() == [1.0, bought][: len(kinds)]
    assert len(block.counted) == len(block.events) == len(block.events.dedupe_key or [])


@pytest.mark.parametrize("flag", ["maybe", "-1", "inf", "2e9", "x"])
def test_a_click_that_says_neither_yes_nor_no_is_rejected(flag: str) -> None:
    assert reason(["u", "p", flag], CLICKED, ["u", "p", "0"]) == "purchased is neither yes nor no"


def test_purchases_stay_with_their_clicks_when_rows_between_are_rejected() -> None:
    block = cleaned(["u", "p", "1"], ["", "q", "1"], ["v", "r", "0"], ["w", "s", "4"], layout=CLICKED)
    sold = [at for at, kind in enumerate(block.events.kind) if kind == "purchase"]
    assert [block.events.user_id[at] for at in sold] == ["u", "w"]
    assert block.events.value[sold].tolist() == [1.0, 4.0]
    assert [row.line for row in block.rejected] == [2]


@pytest.mark.parametrize(
    ("text", "at"),
    [("", NO_TIME), (" ", NO_TIME), ("0", 0), (" 12 ", 12), ("12.9", 12), ("1365811200999", 1_365_811_200)],
)
def test_times_are_whole_utc_seconds(text: str, at: int) -> None:
    assert cleaned(["u", "p", "3", text]).events.at.tolist() == [at]


def test_a_file_without_a_column_of_times_has_no_times() -> None:
    assert cleaned(["u", "p", "3"], ["u", "p", "4"], layout=TIMELESS).events.at.tolist() == [NO_TIME, NO_TIME]


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("17850.0", "17850"), (" 17850.0 ", "17850"), ("0.0", "0"), ("007.0", "007"), (" A1 ", "A1"),
        ("17850", "17850"), ("17850.00", "17850.00"), ("17850.5", "17850.5"), ("A1.0", "A1.0"), ("-5.0", "-5.0"),
        (".0", ".0"), ("1.0.0", "1.0.0"), ("1e5", "1e5"), ("nano", "nano"),
    ],
)  # fmt: skip
def test_an_id_that_a_numeric_column_wrote_loses_its_point_zero(text: str, id_: str) -> None:
    assert clean_id(text) == id_
    events = cleaned([text, text, "3", "1"]).events
    assert (events.user_id, events.product_id) == ([id_], [id_])


@pytest.mark.parametrize("character", ["\x00", "\x01", "\t", "\n", "\x1f", "\x7f", "\x85", "\x9f", "\udcff"])
def test_ids_with_control_characters_or_broken_text_are_rejected(character: str) -> None:
    good, bad = ["u", "p", "3", "1"], f"a{character}b"
    assert reason([bad, "p", "3", "1"], RATED, good) == "user id has control characters or is not UTF-8"
    assert reason(["u", bad, "3", "1"], RATED, good) == "product id has control characters or is not UTF-8"
    lists = layout(LISTS, USER, PRODUCT)
    for row in ([bad, "p"], ["u", "p", bad]):
        assert reason(row, lists, ["u", "p"]) == "an id has control characters or is not UTF-8"


@pytest.mark.parametrize(
    "id_", ["日本", "é", "😀", "a b", "'; DROP TABLE events; --", '"', "a\u00a0b", "x/y?z=1&q#", "~"]
)
def test_every_other_character_is_allowed_in_an_id(id_: str) -> None:
    assert cleaned([id_, id_, "3", "1"]).events.user_id == [id_]


def test_lists_are_a_user_and_all_her_products() -> None:
    block = cleaned(["0", "7", "8.0"], ["1"], ["2", "p" * 257], ["3", ""], layout=layout(LISTS, USER, PRODUCT))
    assert (block.events.user_id, block.events.product_id, block.n_rows) == (["0", "0"], ["7", "8"], 4)
    reasons = ["user without products", "an id is longer than 256", "empty id"]
    assert [(row.line, row.reason) for row in block.rejected] == list(enumerate(reasons, 2))


def test_pairs_are_of_the_kind_that_the_layout_says() -> None:
    assert cleaned(["u", "p"], layout=layout(PAIRS, USER, PRODUCT, kind=EventKind.VIEW)).events.kind == ["view"]


# --- What tells events apart ------------------------------------------------------------------------------------------


def marks(*rows: list[str], roles: Sequence[str]) -> list[tuple[str, bool]]:
    block = cleaned(*rows, layout=layout(EVENTS, USER, PRODUCT, KIND, *roles))
    return list(zip(block.events.dedupe_key or [], block.counted.tolist(), strict=True))


def test_a_mark_is_the_files_own_else_the_event_id_else_time_and_invoice() -> None:
    bought = ["u", "p", "purchase"]
    assert marks([*bought, "m", "e", "i", "5"], roles=(MARK, EVENT_ID, INVOICE, TIME)) == [("m", False)]
    assert marks([*bought, "", "e", "i", "5"], roles=(MARK, EVENT_ID, INVOICE, TIME)) == [("id:e", False)]
    assert marks([*bought, "", "", "i", "5"], roles=(MARK, EVENT_ID, INVOICE, TIME)) == [("5/i", True)]
    assert marks([*bought, "", "", "", "5"], roles=(MARK, EVENT_ID, INVOICE, TIME)) == [("5", True)]
    assert marks(bought, roles=()) == [("-1", True)]


def test_a_rating_has_no_mark_even_if_the_file_has_one() -> None:
    rows = ["u", "p", "rating", "3", "m", "e"], ["u", "p", "view", "", "m", "e"]
    assert marks(*rows, roles=(VALUE, MARK, EVENT_ID)) == [("", False), ("m", False)]


# --- Whole blocks -----------------------------------------------------------------------------------------------------


def test_events_keep_the_order_of_the_file_and_rejected_rows_their_fields() -> None:
    rows = [["c", "1", "3", "9"], ["", "2", "3", "9"], ["a", "3", "3", "1"], ["b", "4", "3", "5"]]
    broken = RejectedRow(3, Rejection(RejectionCode.MISSING_FIELD), ["b"])
    block = validate_rows(RawBlock([1, 2, 4, 5], list(rows), [broken]), RATED, RULES)
    assert (block.events.user_id, block.n_rows) == (["c", "a", "b"], 5)
    assert [(row.line, row.fields) for row in block.rejected] == [(2, rows[1]), (3, ["b"])]


@pytest.mark.parametrize("of", [RATED, TIMELESS, SEEN, SOLD, CLICKED, layout(PRODUCTS, PRODUCT, TITLE)])
def test_a_block_of_wrong_rows_and_an_empty_block_are_no_trouble(of: Layout) -> None:
    wrong = cleaned([""] * len(of.columns), [""] * len(of.columns), layout=of)
    assert (len(wrong.events), len(wrong.rejected), wrong.products) == (0, 2, [])
    empty = cleaned(layout=of)
    assert (empty.n_rows, len(empty.events), empty.rejected, empty.products) == (0, 0, [], [])


def test_cleaning_leaves_the_rows_it_was_given_alone() -> None:
    row = [" 5.0 ", " p ", " 3 ", " 1 "]
    cleaned(row)
    assert row == [" 5.0 ", " p ", " 3 ", " 1 "]


def test_a_returned_purchase_does_not_change_the_title() -> None:
    of = layout(PURCHASES, USER, PRODUCT, QUANTITY, TITLE)
    rows = ["u", "p", "1", "Lamp"], ["u", "p", "2", "Blue lamp"], ["u", "p", "-1", "BROKEN"], ["", "q", "1", "No user"]
    assert [(p.product_id, p.title) for p in cleaned(*rows, layout=of).products] == [("p", "Blue lamp")]


def test_what_is_missing_is_counted_of_the_rows_kept() -> None:
    assert cleaned(["u", "p", "3", ""], ["u", "q", "3", "1"], ["", "q", "3", ""]).nulls == {TIME: 1}
    catalogue = cleaned(["p", ""], ["q", "Lamp"], ["", ""], layout=layout(PRODUCTS, PRODUCT, TITLE))
    assert catalogue.nulls == {TITLE: 1}
