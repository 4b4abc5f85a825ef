"""A word for "none" among ids of variants is no product: the id of the product beside it is taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from reading import notes, read, table

from src.ingestion.layout import Hints

Write = Callable[..., Path]


def _line(at: int, none: str) -> tuple[str, str, str]:
    """Return article, variant and title: two of seven articles have variants."""
    article = at % 7
    size = at // 7 % 3
    return (
        (f"A{article}", f"V{article}{size}", f"Shirt {article} in {size}") if article < 2
        else (f"A{article}", none, f"Bowl {article}")
    )  # fmt: skip


def _lines(none: str, *, is_titled: bool = True) -> str:
    def row(at: int) -> str:
        article, variant, title = _line(at, none)
        return f"R{at // 2};k{at % 9};{article};{variant};1;03.05.2023" + (f";{title}" if is_titled else "")

    header = "bestellnr;kundennr;produkt_id;varianten_id;menge;datum"
    return table(header + (";produktname" if is_titled else ""), row, n=84)


_EXPECTED = {f"A{article}" for article in range(2, 7)} | {
    f"V{article}{size}" for article in (0, 1) for size in range(3)
}


@pytest.mark.parametrize("none", ["0", "-", "none", "keine", ""])
def test_products_without_variants_keep_their_own_ids(write: Write, none: str) -> None:
    found = read(write(_lines(none)))
    assert len(found.events) == 84
    assert {event[1] for event in found.events} == _EXPECTED
    assert "there 'produkt_id' was taken for the product" in notes(found)


def test_without_titles_a_zero_means_none_and_a_word_that_is_an_id_does_not(write: Write) -> None:
    assert {event[1] for event in read(write(_lines("000", is_titled=False))).events} == _EXPECTED
    assert "means none" not in notes(read(write(_lines("WRAP", is_titled=False))))


def test_the_zero_of_a_json_file_is_a_number(write: Write) -> None:
    rows = []
    for at in range(84):
        article, variant, title = _line(at, "0")
        ids = {
            "product_id": 500 + int(article[1:]),
            "variation_id": int(variant.strip("V") or 0) + 900 * (variant > "1"),
        }
        rows.append({"order_id": at // 2, "customer_id": f"c{at % 9}", **ids, "name": title, "quantity": 1})
    found = read(write("".join(f"{json.dumps(row)}\n" for row in rows), "lines.jsonl"))
    assert {event[1] for event in found.events} == {str(500 + each) for each in range(2, 7)} | {
        str(900 + 10 * article + size) for article in (0, 1) for size in range(3)
    }


def test_an_option_that_names_the_product_is_not_doubted(write: Write) -> None:
    settled = read(write(_lines("0")), Hints(columns={"product": "varianten_id"}))
    assert "0" in {event[1] for event in settled.events}
    assert "means none" not in notes(settled)


def test_a_product_of_several_listings_under_one_title_stays_itself(write: Write) -> None:
    def row(at: int) -> str:
        listing, line = at % 6, at // 6 % 3
        sku, title = ("BAG", "Paper bag") if line == 2 else (f"S{listing}{line}", f"Tea {listing} {line}0 g")
        return f"{at // 3},u{at % 9},{listing + 7000},{sku},{title},1"

    found = read(write(table("order_id,customer_id,listing_id,sku,title,quantity", row, n=90)))
    assert "means none" not in notes(found)
