"""Hints on the layout of a file are followed, or refused with a message that says what to give instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import read

from src.core.domain import EventKind
from src.core.errors import InputError, UnusableFile
from src.ingestion.column_names import ROLES
from src.ingestion.layout import LAYOUTS, Hints, parse_columns

Write = Callable[..., Path]
AT = 1_300_000_000
FOUR = f"A1,B1,5.0,{AT}\nA2,B2,4.0,{AT + 1}\n"
NAMED = f"who,what,how much,when,title\nA1,B1,5,{AT},A lamp\n"
RETAIL = "invoice,user,item,description,quantity\n7,A1,B1,A lamp,2\n"


def hints(columns: str = "", **others: object) -> Hints:
    return Hints(columns=parse_columns(columns), **others)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "columns", ["user=who,product=what,rating=how much,time=when", "user=1,product=2,rating=3,time=4"]
)
def test_columns_are_named_by_name_or_number(write: Write, columns: str) -> None:
    if "=who" in columns:
        assert read(write(NAMED), hints(columns)).events == [("A1", "B1", "rating", 5.0, AT)]
    assert read(write(FOUR), hints("user=1,product=2,rating=3,time=4")).events[0] == ("A1", "B1", "rating", 5.0, AT)


def test_a_number_means_a_column_of_a_file_with_names_too(write: Write) -> None:
    found = read(write("user,a,b\nA1,B1,5\n"), hints("product=2,rating=3"))
    assert found.events == [("A1", "B1", "rating", 5.0, -1)]


def test_a_hinted_column_has_no_other_role(write: Write) -> None:
    found = read(write("user_id,name,rating\nA1,B1,5\n"), hints("product=name"))
    assert found.events == [("A1", "B1", "rating", 5.0, -1)]
    assert found.products == []


def test_a_hint_can_say_that_a_role_has_no_column(write: Write) -> None:
    assert read(write(RETAIL)).products[0].title == "A lamp"
    assert read(write(RETAIL), hints("title=")).products == []
    assert read(write("user,item,rating,time\nA1,B1,5,soon\n"), hints("time=")).events == [
        ("A1", "B1", "rating", 5.0, -1)
    ]
    assert read(write(FOUR), hints("time=")).events[0] == ("A1", "B1", "rating", 5.0, -1)
    assert read(write("user,item,rating\nA1,B1,5\n"), hints("rating=")).layout == "pairs"


def test_a_hint_can_give_the_kind_of_pairs_and_lists(write: Write) -> None:
    for text in ("user,item\nA1,B1\n", "1 7 8\n2 9\n3 1 2 4\n"):
        found = read(write(text), Hints(kind=EventKind.VIEW))
        assert {event[2] for event in found.events} == {"view"}
        assert found.table.layout.notes == ()


def test_a_hint_can_give_the_layout(write: Write) -> None:
    rated = "user,item,rating,quantity,invoice\nA1,B1,5,2,7\n"
    assert read(write(rated)).events == [("A1", "B1", "rating", 5.0, -1)]
    assert read(write(rated), hints(layout="purchases")).events == [("A1", "B1", "purchase", 2.0, -1)]
    assert read(write("A1,B1\nA2,B2\n"), hints(layout="pairs")).users == ["A1", "A2"]
    assert [p.title for p in read(write("B1,A lamp\nB2,A bed\n"), hints(layout="products")).products] == [
        "A lamp",
        "A bed",
    ]
    assert read(write("1,7,8\n2,9\n"), hints(layout="lists", separator=",")).users == ["1", "1", "2"]
    assert read(write("sku\nB1\n"), hints(layout="products")).products[0].product_id == "B1"


def test_a_catalogue_without_header_has_only_the_hinted_columns(write: Write) -> None:
    found = read(write("x,B1,9.5,A lamp\ny,B2,8.5,A bed\n"), hints("product=2,title=4,price=3"))
    assert [(p.product_id, p.title, p.price, p.category) for p in found.products] == [
        ("B1", "A lamp", 9.5, None),
        ("B2", "A bed", 8.5, None),
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "text",
    [FOUR, NAMED, RETAIL, "1 7 8\n2 9\n", "x\n", '{"user": "A1", "item": "B1"}\n', "user,item\nA1,B1\n", "a::b\n"],
)
@pytest.mark.parametrize("columns", ["", "user=1,product=2", "user=user", "rating=1", "title="])
def test_with_any_hinted_layout_a_file_is_read_or_refused_with_advice(
    write: Write, layout: str, text: str, columns: str
) -> None:
    path = write(text)
    try:
        found = read(path, hints(columns, layout=layout))
    except UnusableFile as error:
        message = str(error)
    else:
        assert (found.layout, found.n_rows > 0) == (layout, True)
        return
    assert message.startswith(str(path))
    assert "--columns" in message or "--layout" in message


@pytest.mark.parametrize(("layout", "missing"), [("ratings", "rating"), ("events", "kind"), ("clicks", "purchased")])
def test_a_layout_without_the_column_it_needs_is_refused_by_that_columns_role(
    write: Write, layout: str, missing: str
) -> None:
    with pytest.raises(UnusableFile, match=f"--columns {missing}=COLUMN"):
        read(write("user,item\nA1,B1\n"), hints(layout=layout))


@pytest.mark.parametrize("column", ["nothing", "5", "0", "-1", "²"])
def test_a_column_that_is_not_there_is_refused_with_those_that_are(write: Write, column: str) -> None:
    with pytest.raises(UnusableFile, match=f"no column '{column}' for the user; expected one of 1 to 4"):
        read(write(FOUR), hints(f"user={column}"))
    with pytest.raises(UnusableFile, match=f"no column '{column}' for the user; expected one of item, rating"):
        read(write("item,rating\nB1,5\n"), hints(f"user={column}"))


@pytest.mark.parametrize("text", ["user", "colour=1", "=1", "user=1,product", "user:1"])
def test_an_unknown_role_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(InputError, match="--columns: found") as caught:
        parse_columns(text)
    assert all(role in str(caught.value) for role in ROLES)


def test_columns_are_parsed_without_case_and_blanks() -> None:
    assert parse_columns(" User = who , PRODUCT=2,title=,") == {"user": "who", "product": "2", "title": ""}
    assert parse_columns("") == {}
