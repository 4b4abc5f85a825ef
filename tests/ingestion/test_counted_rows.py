"""Notes speak of rows that count, and never advise to hide what a catalogue is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reading import notes, read, table

Write = Callable[..., Path]


def test_a_charge_that_is_left_out_by_its_number_is_not_said_to_count(write: Write) -> None:
    def row(at: int) -> str:
        order, line = divmod(at, 3)
        article, title = ("VERSAND", f"Paket {order % 3}") if line == 2 else (100 + (order + line) % 13, "Buch")
        return f"d{order % 9};B{order};{article};{title} {line};{3 + order % 4 if line == 2 else 20}.00"

    found = read(write(table("debitor;beleg;artikelnr;bezeichnung;preis", row, n=120)))
    assert len(found.events) == 80
    assert "'VERSAND'" not in notes(found)


def test_a_sort_whose_rows_are_rejected_is_not_said_to_be_taken_for_events(write: Write) -> None:
    def row(at: int) -> str:
        sort, sku = ("Shop", "") if at % 4 == 0 else ("Item", f"S{at % 11}")
        return f"{sort},m{at % 9},{sku},{1 + at % 5},2022-03-{1 + at % 28:02}"

    found = read(write(table("about,customer_id,sku,rating,date", row, n=80)))
    assert (found.layout, len(found.events)) == ("ratings", 60)
    assert "tells sorts of rows" not in notes(found)


def _catalogue(small: str, large: str) -> str:
    """A catalogue in which every sixth row is of another sort, without price or without brand."""

    def row(at: int) -> str:
        is_small = at % 6 == 0
        price, brand = ("", "Acme") if is_small else (f"{9 + at}.50", "")
        return f"P{at},Plate {at},{small if is_small else large},{price},{brand}"

    return table("sku,title,rowtype,price,brand", row, n=60)


def test_no_advice_hides_most_of_a_catalogue(write: Write) -> None:
    said = notes(read(write(_catalogue("note", "thing"))))
    assert "--words note=hidden" in said  # a few rows without prices may be no products
    assert "thing=hidden" not in said


def test_no_advice_hides_variants_or_what_has_them(write: Write) -> None:
    assert "=hidden" not in notes(read(write(_catalogue("variable", "variation"))))
    assert "=hidden" not in notes(read(write(_catalogue("variation", "simple"))))


def _movements(other: str) -> str:
    """Sales among which every fifth row is of another sort, in a column whose name says nothing."""

    def row(at: int) -> str:
        cause = other if at % 5 == 0 else ("Vendita banco", "Vendita web")[at % 2]
        return f"N{at // 2};c{at % 9};S{at % 11};{1 + at % 3};03/05/2023;{cause}"

    return table("ordine;cliente;sku;quantità;data;causale", row, n=80)


def test_rows_that_count_though_a_column_says_that_they_came_back_are_a_warning(write: Write) -> None:
    said = next(note for note in read(write(_movements("Reso per difetto"))).table.layout.notes if "'causale'" in note)
    assert said.startswith("WARNING: ")
    assert "--words 'Reso per difetto=cancelled'" in said
    assert "--words 'Reso per difetto=return,Vendita banco=purchase'" in said


def test_sorts_of_which_none_says_that_it_was_undone_are_no_warning(write: Write) -> None:
    assert "WARNING" not in notes(read(write(_movements("Mercato"))))
