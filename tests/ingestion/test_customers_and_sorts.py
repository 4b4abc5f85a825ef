"""Customers are told from cashiers, guests and orders by what stands beside them, and rows of other sorts are said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from reading import kinds, notes, read, table

from src.core.errors import UnclearLayout

Write = Callable[..., Path]


def test_many_customers_come_before_few_cashiers(write: Write) -> None:
    found = read(
        write(
            table(
                "ticket;user;buyer code;sku", lambda at: f"{at // 2};{('Ann', 'Bob')[at % 4 // 2]};C{at // 2};S{at % 5}"
            )
        )
    )
    assert set(found.users) == {f"C{at}" for at in range(20)}
    assert "'user' has 2 values only, as tills and cashiers have" in notes(found)


@pytest.mark.parametrize("shared", ["0", "1", "walk"])
def test_an_id_beside_many_people_is_nobodys(write: Write, shared: str) -> None:
    def row(at: int) -> str:
        return f"{at};{shared if at % 4 == 0 else f'4{at % 7}'};p{100 + at if at % 4 == 0 else at % 7}@x.y;S{at % 5};1"

    found = read(write(table("order;customer id;email;sku;qty", row)))
    assert shared not in found.users
    assert {"40", "p100@x.y", "p104@x.y"} <= set(found.users)
    assert f"'{shared}' in 'customer id' stands beside several 'email'" in notes(found)


def test_what_each_order_has_another_of_is_no_customer(write: Write) -> None:
    def row(at: int) -> str:
        order = at // 2
        return f"R{order};K{500 + order};2023-05-01 10:{order:02d};S{at % 5};Ann {'ABCDEFG'[order % 7]};1"

    found = read(write(table("receipt;check id;date;sku;tab;quantity", row, n=60)))
    assert set(found.users) == {f"Ann {letter}" for letter in "ABCDEFG"}
    assert "'check id' has another value for each order, and 'tab'" in notes(found)


def test_ids_of_titles_come_before_those_of_copies(write: Write) -> None:
    def row(at: int) -> str:
        return f"2023-05-01;r{at % 7};E{at % 5}{at % 3};T{at % 5};Book {at % 5} of all"

    found = read(write(table("Datum;Leser;Exemplar;Titelnr;Titel", row)))
    assert {event[1] for event in found.events} == {f"T{at}" for at in range(5)}


@pytest.mark.parametrize("name", ["Date d'annulation", "fecha de cancelación", "Data anulowania"])
def test_a_day_of_cancelling_in_the_first_row_holds_for_the_order(write: Write, name: str) -> None:
    def row(at: int) -> str:
        order, is_first = divmod(at, 2)
        head = f"u{order % 7}@x;2023-05-01;{'2023-05-02' if order % 5 == 0 else ''}" if not is_first else ";;"
        return f"{order};{head};S{at % 9};1"

    found = read(write(table(f"order;customer;date;{name};sku;qty", row)))
    assert kinds(found) == {"purchase": 32}


def test_no_in_other_languages_cancels_nothing(write: Write) -> None:
    for word in ("nein", "non", "nee", "não"):
        found = read(
            write(
                table(
                    "order;customer;sku;storno",
                    lambda at, no=word: f"{at};c{at % 7};S{at % 5};{'x' if at % 8 == 0 else no}",
                )
            )
        )
        assert len(found.events) == 35, word


def packages(without_buyer: int | None = None) -> str:
    """Return packages, each a row of its customer above two lines without one, and a whole row of another time below.

    Args:
        without_buyer: Number of the package below which the whole row lacks its customer.
    """

    def row(at: int) -> str:
        head, part = divmod(at, 4)
        time = f"2023-05-{head + 1:02d}"
        return (
            f"{at};{time};Ann {head % 4};;",
            f"{at};{time};;S1;1",
            f"{at};{time};;S2;1",
            f"{at};2023-06-01;{'' if head == without_buyer else 'Bo'};S3;1",
        )[part]

    return table("sale;date;buyer;sku;qty", row)


def test_lines_below_the_row_of_a_package_have_its_customer(write: Write) -> None:
    found = read(write(packages()))
    assert len(found.events) == 30
    assert {event[0] for event in found.events} == {"Bo", *(f"Ann {at}" for at in range(4))}


def test_the_longer_of_two_lists_has_the_lines(tmp_path: Path) -> None:
    orders = [
        {"id": at, "email": f"u{at % 5}@x", "returns": [{"items": [{"sku": "S0", "qty": 1}]}] * (at % 9 == 0),
         "items": [{"sku": f"S{at % 7}", "qty": 2}, {"sku": "T", "qty": 1}]}
        for at in range(30)
    ]  # fmt: skip
    (path := tmp_path / "orders.json").write_text(json.dumps({"items": orders}))
    found = read(path)
    assert len(found.events) == 60
    assert "'returns' has lists or objects in 8 of the first 60 rows" in notes(found)


def test_comments_above_a_header_of_unknown_words(write: Write) -> None:
    path = write(
        "# wines\n# of a club\n" + table("taster,code,points", lambda at: f"t{at % 7},W{at % 5},{80 + at % 9}")
    )
    with pytest.raises(UnclearLayout, match="its columns are taster, code, points"):
        read(path)


def test_rows_that_tell_a_sale_in_parts_and_rows_without_prices_are_said(write: Write) -> None:
    def parts(at: int) -> str:
        return f"2023-05-01 10:{at // 3:02d};u{at // 3 % 7};S{at // 3 % 5};buy;{('net', 'tax', 'cut')[at % 3]}"

    assert "WARNING: the same user, product and quantity stand in rows of several words of 'part'" in notes(
        read(write(table("time;user;sku;event;part", parts, n=60)))
    )
    priced = table(
        "order;customer;sku;qty;price;xyz",
        lambda at: f"{at};c{at % 7};S{at % 9};1;{('', '2.5')[at % 4 > 0]};{('low', 'top')[at % 4 > 0]}",
    )
    assert "WARNING: 'xyz' ('low', 'top') tells sorts of rows: those of 'top' have 'price'" in notes(
        read(write(priced))
    )


def test_rows_of_sums_are_said(write: Write) -> None:
    def row(at: int) -> str:
        return f"sum;sum;;{at};2023-05-01" if at % 5 == 4 else f"c{at % 7};S{at % 6};Mug {at % 6};1;2023-05-01"

    said = notes(read(write(table("customer;sku;title;qty;date", row))))
    assert "WARNING: rows of 'sum' have no 'title', which the others have, and count" in said


@pytest.mark.parametrize("cell", ["A-{a} (x{n}); A-{b} (x1)", "A-{a} [{n}], A-{b} [1]", "A-{a}({n}x)|A-{b}(1x)"])
def test_numbers_in_brackets_are_quantities(write: Write, cell: str) -> None:
    def row(at: int) -> str:
        return f"{at}\tc{at % 7}\t" + cell.format(a=at % 5, b=5 + at % 3, n=1 + at % 4)

    found = read(write(table("order\tcustomer\titems", row)))
    assert [(event[1], event[3]) for event in found.events[:4]] == [("A-0", 1), ("A-5", 1), ("A-1", 2), ("A-6", 1)]


def test_pieces_of_two_columns_are_taken_off(write: Write) -> None:
    def row(at: int) -> str:
        return f"{at};c{at % 7};S{at % 6};4;{at % 8 == 0:d};{at % 8 == 4:d}"

    found = read(write(table("ordine;cliente;sku;Q.tà ordinata;Q.tà annullata;Q.tà resa", row)))
    assert sorted({event[3] for event in found.events}) == [3, 4]
    assert sum(event[3] == 3 for event in found.events) == 10


def test_a_few_places_are_no_users(write: Write) -> None:
    with pytest.raises(UnclearLayout, match="No column was found for the user"):
        read(
            write(
                table("lager;artikelnr;menge;datum", lambda at: f"{('Ost', 'West')[at % 2]};S{at // 2};{at};2023-05-01")
            )
        )


def test_rows_without_a_customer_below_rows_without_a_product_are_no_lines_of_theirs(write: Write) -> None:
    """What they share is a day and a state; the rows of fees are no headings, since most stand above whole rows."""

    def row(at: int) -> str:
        time, state = f"2023-05-{at // 4 + 1:02d}", ("paid", "sent", "done", "packed", "billed")[at // 4 % 5]
        customer = "" if at in (5, 21) else f"c{at % 7}"
        sku = "" if at % 4 == 0 else f"S{at % 5}"
        return f"O{at // 2};{time};{customer};{sku};{'Delivery' if not sku else f'Thing {at % 5}'};1;{state}"

    found = read(write(table("order;date;buyer;sku;title;qty;state", row)))
    assert len(found.events) == 28
    assert "in rows of its own" not in notes(found)


def test_a_row_of_another_time_is_no_line_of_the_package_above(write: Write) -> None:
    found = read(write(packages(without_buyer=3)))
    assert "in rows of its own" in notes(found)
    assert len(found.events) == 29
