"""A reading is doubted where unused cells look like what was not found, whatever their column is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import kinds, notes, read, table

from src.core.errors import UnclearLayout
from src.ingestion.column_words import role_by_words
from src.ingestion.layout import Hints

Write = Callable[..., Path]
_TITLES = ("Red Mug", "Blue Pot", "Tin", "Tea Cup", "Spoon")


def _orders(write: Write, name: str, cell: Callable[[int], str]) -> Path:
    return write(table(f"order;customer;sku;{name}", lambda at: f"{at};c{at % 7};S{at % 5};{cell(at)}"))


@pytest.mark.parametrize("name", ["foo", "item cost"])
def test_prices_of_any_name(write: Write, name: str) -> None:
    path = _orders(write, name, lambda at: f"{10 + at % 5}.5")
    assert f"no column was found for the price, and '{name}' ('10.5', '11.5', '12.5') looks like one" in notes(
        read(path)
    )
    found = read(path, Hints(columns={"price": name}))
    assert {product.price for product in found.products} == {10.5, 11.5, 12.5, 13.5, 14.5}
    assert "no column was found for the price" not in notes(found)


def test_titles_and_sorts_of_any_name(write: Write) -> None:
    path = _orders(write, "foo", lambda at: _TITLES[at % 5])
    assert "for the title, and 'foo' ('Red Mug', 'Blue Pot', 'Tin') looks like one; if it is: --columns title=foo" in (
        notes(read(path))
    )
    assert {product.title for product in read(path, Hints(columns={"title": "foo"})).products} == set(_TITLES)
    path = _orders(write, "foo", lambda at: ("Kitchen", "Office")[at % 5 % 2])
    assert "for the category, and 'foo' ('Kitchen', 'Office') looks like one" in notes(read(path))


def test_catalogues_too(write: Write) -> None:
    rows = table(
        "sku;foo;fo;description;stock",
        lambda at: (
            f"S{at};{_TITLES[at % 5]} no {chr(97 + at)};{('Kitchen', 'Garden')[at % 2]};{'So good a thing. ' * 9};{at}"
        ),
        24,
    )
    said = notes(read(write(rows)))
    assert "for the title, and 'foo' ('Red Mug no a', 'Blue Pot no b', 'Tin no c') looks like one" in said
    assert "for the category, and 'fo' ('Kitchen', 'Garden') looks like one; if it is: --columns category=fo" in said


def test_pieces_of_any_name_but_not_numbers_of_lines(write: Write) -> None:
    path = _orders(write, "foo", lambda at: str(1 + at * at % 3))
    assert "for the quantity, and 'foo' ('1', '2') looks like one" in notes(read(path))
    rows = table("order;customer;sku;foo", lambda at: f"{at // 3};c{at // 3 % 7};S{at % 5};{1 + at % 3}")
    assert "for the quantity" not in notes(read(write(rows)))


def test_what_other_words_explain_is_no_price(write: Write) -> None:
    for name in ("weight", "shipping cost", "average rating"):
        assert "no column was found" not in notes(read(_orders(write, name, lambda at: f"{10 + at % 5}.50")))


def test_a_user_of_whom_each_product_has_one_is_doubted(write: Write) -> None:
    rows = table("sku;user;login;qty", lambda at: f"S{at % 11};A{at % 11 % 4};p{at % 7};1")
    assert (
        "every product has one 'user' only: it may tell who made or sells the products; for users: --columns user="
        in (notes(read(write(rows))))
    )
    rows = table(
        "Book Id,Title,Author,My Rating,Date Added", lambda at: f"6{at},B{at},A{at % 4},{1 + at % 5},2023-01-02", 15
    )
    assert "no product comes twice, and no word says that 'Author' has users" in notes(read(write(rows)))


def test_ids_in_paths_of_persons(write: Write) -> None:
    rows = table("appid,author.steamid,timestamp", lambda at: f"{at % 5},76{at % 7},160000000{at % 9}")
    assert kinds(read(write(rows))) == {"purchase": 40}
    assert role_by_words("reviewer.steamid") == ("user", 0.5)


@pytest.mark.parametrize("month", ["2023-{:02}", "{:02}/2023", "2023{:02}", "2023/{:02}"])
def test_months_are_times(write: Write, month: str) -> None:
    found = read(write(table("user;product;date;qty", lambda at: f"u{at % 7};S{at % 5};{month.format(1 + at % 3)};1")))
    assert {event[4] for event in found.events} == {1_672_531_200, 1_675_209_600, 1_677_628_800}
    assert "times are months" in notes(found)


def test_beginnings_of_words_with_a_point() -> None:
    names = ("P. unitario", "Pr. unit.", "Bez.", "Categ.", "Rech.-Nr.", "Best.-Nr.")
    found = [(role_by_words(name) or ("",))[0] for name in names]
    assert found == ["price", "price", "title", "category", "invoice", ""]


def test_lines_that_are_parts_of_other_lines_do_not_count_and_cancelled_pieces_are_taken_off(write: Write) -> None:
    rows = "line,order,parent,customer,sku,qty,qty_refunded,qty_canceled,price\n"
    rows += "".join(
        f"{2 * at},{at},,c{at % 4},S{at % 5},2,0,{2 * (at == 3)},9.50\n"
        f"{2 * at + 1},{at},{2 * at},c{at % 4},T{at % 5},2,0,0,0\n" for at in range(12)
    )  # fmt: skip
    found = read(write(rows))
    assert "'parent' names another line by 'line': such lines are parts of it and do not count" in notes(found)
    assert {product for _, product, _, _, _ in found.events} == {f"S{at}" for at in range(5)}
    assert len(found.events) == 11  # the whole of the fourth order was cancelled
    assert len(read(write(rows), Hints(columns={"part_of": ""})).events) == 23


def test_ids_that_a_spreadsheet_cut_are_said(write: Write) -> None:
    rows = table("order;customer;ean;qty", lambda at: f"{at};c{at % 7};4,0{at % 5}123E+12;1")
    assert "'ean' has ids such as '4,00123E+12': a spreadsheet cut their digits" in notes(read(write(rows)))


def test_rows_of_things_attributes_and_values_are_refused_with_the_reason(write: Write) -> None:
    rows = table(
        "timestamp,itemid,property,value",
        lambda at: f"14354604000{at},{at // 2},{('categoryid', 'colour')[at % 2]},{('13', 'red')[at % 2]}",
    )
    with pytest.raises(UnclearLayout) as refused:
        read(write(rows))
    assert "'property' seems to name attributes, of which each row has one: give each a column of its own" in str(
        refused.value
    )
    assert "user=" not in str(refused.value).replace("user=NAME", "")


def test_a_line_that_describes_the_columns_may_stand_above_their_names(write: Write) -> None:
    rows = "# Required | A unique id of the item,# Required | title,# Required | price,# Required | availability\n"
    rows += table(
        "id,title,price,availability", lambda at: f"P{at},Mug {at},9.50,{('in stock', 'discontinued')[at % 2]}"
    )
    found = read(write(rows))
    assert [(product.product_id, product.title, product.stock) for product in found.products[:2]] == [
        ("P0", "Mug 0", None),
        ("P1", "Mug 1", 0),
    ]


def test_a_refusal_proposes_no_order_as_product_or_user(write: Write) -> None:
    rows = table("doc,buyer,mfield,lfield,qty", lambda at: f"D10{at // 2},u{at // 2 % 7},S{at % 5}x,L{at % 3}y,1")
    with pytest.raises(UnclearLayout) as refused:
        read(write(rows))
    assert "product=mfield" in str(refused.value)
    rows = table(
        "order.id;order.contactId;item.variationId;item.quantity", lambda at: f"5{at // 2};88{at // 2 % 7};10{at % 5};1"
    )
    assert {event[0] for event in read(write(rows)).events} == {f"88{at}" for at in range(7)}
    rows = table(
        "Doc No|Posting date|Customer|StyleNo|SizeCode|Qty",
        lambda at: f"5{at}|2026-03-0{1 + at % 9}|c{at % 7}|ST{at % 5}|S|1",
    )
    assert "'StyleNo' was taken for the product by its look" in notes(read(write(rows)))


def test_gaps_that_are_written_na_are_filled_from_the_column_beside(write: Write) -> None:
    rows = table(
        "sessionId;userId;itemId;eventdate",
        lambda at: f"s{at};{'NA' if at % 3 else f'u{at}'};P{at % 5};2016-05-0{1 + at % 9}",
    )
    found = read(write(rows, "item-views.csv"))
    assert len(found.events) == 40
    assert {"u0", "s1", "s2", "u3"} <= set(found.users)
