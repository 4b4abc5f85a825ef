"""Which column means what."""

from __future__ import annotations

import pytest

from src.dataset.columns import KIND, PRODUCT, TIME, USER, VALUE, detect_layout, is_number
from src.errors import UnusableFile

PLAIN = {USER: 0, PRODUCT: 1, VALUE: 2, TIME: 3}


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("userId,productId,Rating,timestamp", PLAIN),
        ("user_id,product_id,rating,timestamp", PLAIN),
        ("UserId,ProductId,Rating,Timestamp", PLAIN),
        ("userid,productid,ratings,timestamp", PLAIN),
        ("user_id,parent_asin,rating,timestamp", PLAIN),
        ("user,item,rating,timestamp", PLAIN),
        ("userId,movieId,rating,timestamp", PLAIN),
        ("USER ID, Prod-Id , Rating,Unix Time", PLAIN),
        ("reviewerID,asin,overall,unixReviewTime", PLAIN),
        ("asin,reviewerID,reviewerName,overall,unixReviewTime", {PRODUCT: 0, USER: 1, VALUE: 3, TIME: 4}),
        ("rating,product_id,user_id", {VALUE: 0, PRODUCT: 1, USER: 2}),
        ("user_id,product_id,kind,value,timestamp", {USER: 0, PRODUCT: 1, KIND: 2, VALUE: 3, TIME: 4}),
        (",user_id,product_id,rating", {USER: 1, PRODUCT: 2, VALUE: 3}),
    ],
)
def test_the_usual_headers_are_understood(header: str, columns: dict[str, int]) -> None:
    layout = detect_layout([header.split(","), ["x"] * len(header.split(","))], "f")
    assert layout.header
    assert layout.columns == columns
    assert layout.width == len(header.split(","))


def test_of_two_columns_with_the_same_meaning_the_first_counts() -> None:
    assert detect_layout([["user", "asin", "parent_asin", "rating"]], "f").columns[PRODUCT] == 1


@pytest.mark.parametrize("width", [3, 4])
def test_a_file_without_header_is_user_product_rating_and_perhaps_time(width: int) -> None:
    layout = detect_layout([["A2", "B0", "5.0", "1300000000"][:width]], "f")
    assert not layout.header
    assert layout.width == width
    assert layout.columns == {role: at for role, at in PLAIN.items() if at < width}


def test_a_bad_first_row_does_not_hide_the_layout() -> None:
    rows = [["what is this"], ["a", "p", "4", "1"], ["b", "p", "5", "2"], ["c", "p", "5", "2"]]
    layout = detect_layout(rows, "f")
    assert (layout.header, layout.width) == (False, 4)


def test_the_commoner_width_wins() -> None:
    rows = [["a", "p", "4"], ["b", "p", "5", "2"], ["c", "p", "5", "2"]]
    assert detect_layout(rows, "f").width == 4


@pytest.mark.parametrize(
    "rows",
    [
        [["title", "price"], ["Phone", "3"]],
        [["a", "b", "not a number", "1"]],
        [["a", "b"]],
        [["a", "b", "1", "2", "3"]],
        [["user_id", "rating"], ["a", "5"]],
    ],
)
def test_an_unknown_layout_is_refused_with_what_was_found_and_expected(rows: list[list[str]]) -> None:
    with pytest.raises(UnusableFile) as caught:
        detect_layout(rows, "some/file.csv")
    message = str(caught.value)
    assert message.startswith("some/file.csv")
    assert ",".join(rows[0]) in message
    assert "user_id,product_id,rating,timestamp" in message


@pytest.mark.parametrize("rows", [[], [["", " "]], [[""], []]])
def test_a_file_without_a_filled_row_is_empty(rows: list[list[str]]) -> None:
    with pytest.raises(UnusableFile, match="is empty"):
        detect_layout(rows, "f")


def test_the_description_names_every_column_in_its_order() -> None:
    layout = detect_layout([["rating", "asin", "user"]], "f")
    assert layout.describe() == "a header; column 1 is the value, column 2 is the product, column 3 is the user"


@pytest.mark.parametrize("text", ["5", "-5", "+.5", "5.", " 4.5 ", "1e9", "1.5E-3"])
def test_decimal_numbers_are_numbers(text: str) -> None:
    assert is_number(text)


@pytest.mark.parametrize("text", ["", " ", "nan", "inf", "0x10", "1_000", "1,5", "5 stars", ".", "e5", "--1"])
def test_other_text_is_no_number(text: str) -> None:
    assert not is_number(text)
