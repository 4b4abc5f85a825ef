"""A reading is doubted where unused cells look like what was not found, whatever their column is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import kinds, notes, read, table

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
