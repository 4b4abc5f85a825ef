"""What stands in lines of orders beside products, and words in names and states of real exports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import kinds, notes, read, table

from src.ingestion.column_words import role_by_words
from src.ingestion.event_kind_names import is_ignored_kind, kind_of
from src.ingestion.given_words import parse_words
from src.ingestion.layout import Hints
from src.ingestion.order_states import OrderState, order_state

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("name", "words"),
    [("Positionstyp", ("Artikel", "Versandkosten", "Gutschein")), ("Art", ("product", "promotion", "component"))],
)
def test_kinds_of_lines_tell_what_is_no_product(write: Write, name: str, words: tuple[str, ...]) -> None:
    rows = table(f"order;customer;sku;qty;{name}", lambda at: f"{at // 3};c{at % 7};S{at % 5};1;{words[at % 3]}")
    found = read(write(rows))
    assert kinds(found) == {"purchase": 14}
    assert not any(product.category for product in found.products)


def test_an_unknown_kind_of_line_can_be_given_its_meaning(write: Write) -> None:
    rows = table(
        "order;customer;sku;qty;line_type",
        lambda at: f"{at};c{at % 7};S{at % 5};1;{('item', 'shipping', 'zzz')[at % 3]}",
    )
    assert kinds(read(write(rows))) == {"purchase": 27}
    assert kinds(read(write(rows), Hints(words=parse_words("zzz=none")))) == {"purchase": 14}


def test_names_of_customers_are_no_titles(write: Write) -> None:
    rows = table("order;email;Bill-to Name;sku;qty", lambda at: f"{at};c{at % 7}@x.test;Ann B{at % 7};S{at % 5};1")
    found = read(write(rows))
    assert not any(product.title for product in found.products)
    assert "'Bill-to Name' tells customers apart, and no products" in notes(found)


def test_a_till_called_register_is_no_kind_of_event(write: Write) -> None:
    rows = table("sale;customer;sku;qty;Register", lambda at: f"{at};c{at % 7};S{at % 5};1;Register {at % 2}")
    assert kinds(read(write(rows))) == {"purchase": 40}


def test_abbreviations_with_points_are_words() -> None:
    found = [(role_by_words(name) or ("",))[0] for name in ("P.V.P.", "Q.tà", "Returnerat antal", "Q.tà resa")]
    assert found == ["price", "quantity", "returned", "returned"]


def test_words_of_logs_and_states() -> None:
    assert kind_of("clickout item") == kind_of("interaction item image") == "click"
    assert is_ignored_kind("search for destination")
    assert not is_ignored_kind("search_click")
    found = [order_state(text) for text in ("Rückerstattet", "freigegeben", "angelegt")]
    assert found == [OrderState.UNDONE, OrderState.DONE, OrderState.PENDING]


def test_the_returned_quantity_of_a_line_decides_what_is_left_of_a_partly_refunded_order(write: Write) -> None:
    back = ("0", "1", "")
    rows = table(
        "order,customer,sku,qty,Quantity refunded,Payment status",
        lambda at: f"{at},c{at % 7},S{at % 5},2,{back[at % 3]},Partially refunded",
        n=30,
    )
    assert [event[3] for event in read(write(rows)).events] == [2.0, 1.0, 1.0] * 10


@pytest.mark.parametrize("written", ["{:02d}.05 Uhr", "{:02d}:05 h", "{:02d}.05.00 uhr"])
def test_a_time_of_day_may_say_that_it_is_one(write: Write, written: str) -> None:
    rows = table(
        "Beleg;Datum;Uhrzeit;Kunde;Artikel", lambda at: f"{at};01.05.2023;{written.format(at % 24)};c{at % 7};S{at % 5}"
    )
    assert [event[4] % 86_400 for event in read(write(rows)).events] == [at % 24 * 3_600 + 300 for at in range(40)]
