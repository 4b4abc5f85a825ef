"""Cells are parsed as numbers and times."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from src.core.domain import NO_TIME
from src.ingestion.column_names import is_number
from src.ingestion.parsing import as_texts, decimal_of, is_nothing, parse_numbers, time_format

AT = 1_572_566_400
"""2019-11-01 00:00:00 UTC."""


def seconds(text: str, *others: str, day_first: bool | None = None) -> int:
    """Parse a column of one repeated text as times; return the only value."""
    at, sane = time_format([text, *others], day_first)[0].seconds([text])
    assert sane.tolist() == [True]
    return int(at[0])


# --- Texts and numbers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (" a ", "a"), (None, ""), (5, "5"), (5.0, "5.0"), (math.nan, ""), (True, "True"), ([1], ""), ({}, ""),
        (Decimal("5.10"), "5.10"), (10**20, str(10**20)), (b"x", ""),
    ],
)  # fmt: skip
def test_cells_of_any_type_become_texts(cell: object, text: str) -> None:
    assert as_texts([cell]) == [text]
    assert as_texts([cell, None]) == [text, ""]


@pytest.mark.parametrize("text", ["", "nan", "NaN", "NULL", "None", "n/a", "NaT", "\\N"])
def test_programs_write_nothing_in_many_ways(text: str) -> None:
    assert is_nothing(text)
    values, given = parse_numbers([text, "5"])
    assert (math.isnan(values[0]), given.tolist()) == (True, [False, True])


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), ("-5", -5), ("+.5", 0.5), ("5.", 5), ("1e3", 1000), ("1.5E-3", 0.0015), ("0", 0)]
)
@pytest.mark.parametrize("other", ["3", "x"])
def test_numbers_are_read_the_same_beside_what_is_none(text: str, value: float, other: str) -> None:
    assert parse_numbers([text, other])[0][0] == value
    assert is_number(text)


@pytest.mark.parametrize(
    "text", ["x", "0x10", "1_000", "5 stars", "--1", "e5", ".", "True", "1 000", "٣", "inf", "1e400"]
)
def test_other_texts_are_no_finite_numbers_but_something_given(text: str) -> None:
    for others in (["3"], ["x"], []):
        values, given = parse_numbers([text, *others])
        assert not math.isfinite(values[0])
        assert given[0]


@pytest.mark.parametrize("text", ["", " ", "nan", "inf", "0x10", "1_000", "1 5", "5 stars", ".", "e5", "--1", "1,5,6"])
def test_texts_are_not_taken_for_numbers_when_inspecting_a_file(text: str) -> None:
    assert not is_number(text)


@pytest.mark.parametrize(
    ("texts", "decimal", "values"),
    [
        (["4,5", "3", "-0,25"], ",", [4.5, 3, -0.25]),
        (["4,5", "", "nan"], ",", [4.5, math.nan, math.nan]),
        (["4.5", "3"], ".", [4.5, 3]),
        (["4,5", "3.5"], ".", [math.nan, 3.5]),
        (["4", "3"], ".", [4, 3]),
    ],
)
def test_decimal_commas_are_detected_in_the_whole_column(texts: list[str], decimal: str, values: list[float]) -> None:
    assert decimal_of(texts) == decimal
    assert parse_numbers(texts, decimal)[0].tolist() == pytest.approx(values, nan_ok=True)


def test_points_part_thousands_where_commas_are_decimal() -> None:
    assert parse_numbers(["1.234,5", "1.234.567,0", "7"], ",")[0].tolist() == [1234.5, 1_234_567.0, 7.0]


# --- Times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        str(AT), f"{AT}.0", f"{AT}.9", "1.5725664e9",
        str(AT * 10**3), str(AT * 10**6), str(AT * 10**9), f"{AT}999", f"{AT}999999", f"{AT}999000000",
        "2019-11-01", "2019-11-01 00:00:00", "2019-11-01 00:00:00 UTC", "2019-11-01T00:00:00Z", "2019-11-01T00:00",
        "2019-11-01T02:00:00+02:00", "2019-10-31 19:00:00-05:00", "2019-11-01 00:00:00.999", "2019-11-01 02:00+0200",
        "20191101", "2019/11/01", "2019/11/01 00:00:00",
        "11 01, 2019", "11 1, 2019", "Nov 1, 2019", "November 1, 2019", "1 Nov 2019", "01-Nov-2019", "1 November 2019",
        "Fri Nov 01 00:00:00 2019",
    ],
)  # fmt: skip
def test_times_of_every_kind_become_utc_seconds(text: str) -> None:
    assert seconds(text) == AT
    assert seconds(text, "", "nan") == AT


@pytest.mark.parametrize(
    ("text", "at"), [("0", 0), ("12", 12), ("12.9", 12), ("1.2e3", 1200), ("-1", -2), ("-0.5", -2), ("-86400", -86_400)]
)
def test_small_numbers_are_seconds_and_a_given_minus_one_is_not_no_time(text: str, at: int) -> None:
    assert seconds(text) == at
    assert at != NO_TIME


def test_each_cell_of_a_column_tells_its_own_unit() -> None:
    texts = [str(AT), str(AT * 1_000), "", "x"]
    at, sane = time_format(texts)[0].seconds(texts)
    assert at.tolist() == [AT, AT, NO_TIME, NO_TIME]
    assert sane.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "inf",
        "-inf",
        "1e400",
        "9" * 30,
        "-" + "9" * 30,
        "2019-13-01",
        "2019-02-30",
        "31/31/2019",
        "\udcff",
        "\0",
    ],
)
@pytest.mark.parametrize("others", [[str(AT)] * 5, ["2019-11-01"] * 5, ["13/11/2019"] * 5])
def test_texts_are_not_taken_for_times(text: str, others: list[str]) -> None:
    at, sane = time_format([*others, text])[0].seconds([text, others[0]])
    assert sane.tolist() == [False, True]
    assert at[0] == NO_TIME


@pytest.mark.parametrize(
    ("texts", "at", "doubtful"),
    [
        (["12/1/2010 8:26", "12/13/2010 9:00"], 1_291_191_960, False),
        (["1/12/2010 8:26", "13/12/2010 9:00"], 1_291_191_960, False),
        (["12/1/2010 8:26", "12/2/2010 9:00"], 1_291_191_960, True),
        (["1.12.2010 8:26", "2.12.2010 9:00"], 1_291_191_960, True),
        (["12/01/10 8:26", "12/13/10 9:00"], 1_291_191_960, False),
        (["01/12/10 8:26", "13/12/10 9:00"], 1_291_191_960, False),
        (["12-01-2010 08:26:00", "12-31-2010 08:26:00"], 1_291_191_960, False),
        (["12/1/2010 8:26 AM", "12/13/2010 9:00 PM"], 1_291_191_960, False),
        (["01.12.2010", "31.12.2010"], 1_291_161_600, False),
        (["12/01/10", "12/31/10"], 1_291_161_600, False),
        (["12/01/69", "12/31/69"], -2_678_400, False),
    ],
)
def test_the_order_of_days_and_months_is_detected_by_a_day_above_the_twelfth(
    texts: list[str], at: int, doubtful: bool
) -> None:
    found, is_doubtful = time_format(texts)
    assert is_doubtful == doubtful
    assert found.seconds(texts)[0][0] == at
    assert found.seconds(texts)[1].all()


def test_a_hint_gives_the_order_of_days_and_months() -> None:
    assert seconds("12/1/2010 8:26", day_first=True) == 1_263_284_760
    assert seconds("12/1/2010 8:26", day_first=False) == 1_291_191_960
    assert not time_format(["12/1/2010"], day_first=True)[1]


def test_a_column_of_several_shapes_is_read_by_the_first_that_fits() -> None:
    texts = ["13/12/2010", "14/12/2010 9:00", "1/2/2010", "2010"]
    at, sane = time_format(texts)[0].seconds(texts)
    assert sane.tolist() == [True, True, True, False]
    assert at.tolist() == [1_292_198_400, 1_292_317_200, 1_264_982_400, NO_TIME]


def test_a_column_of_nothing_has_no_times() -> None:
    for texts in ([], ["", "nan"]):
        at, sane = time_format(texts)[0].seconds(texts)
        assert at.tolist() == [NO_TIME] * len(texts)
        assert sane.all()
