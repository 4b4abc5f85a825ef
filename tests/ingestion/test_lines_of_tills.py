"""Lines of tills and tables that are no sale: places at a table, voided lines, training; pieces by a short name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import kinds, read, table

from src.ingestion.column_words import is_training_tag
from src.ingestion.no_products import is_charge, may_be_extra
from src.ingestion.voided_lines import without_void_words

Write = Callable[..., Path]


@pytest.mark.parametrize(
    "title",
    ["COPERTO", "Coperto e servizio", "Cover charge", "Corkage fee", "Servis ücreti", "Coperti 2 x persona", "Kuver"],
)
def test_a_place_at_a_table_is_no_product(title: str) -> None:
    assert is_charge(title)


@pytest.mark.parametrize("title", ["Cover", "Table cover", "Servizio piatti 12 pezzi", "Kuvertüre", "Corkscrew"])
def test_goods_for_a_table_are(title: str) -> None:
    assert not is_charge(title)
    assert not may_be_extra(title) or title == "Cover"


@pytest.mark.parametrize("title", ["Gedeck", "Couvert", "Cubiertos", "servizio"])
def test_words_that_mean_cutlery_too_are_left_to_the_cells(title: str) -> None:
    assert may_be_extra(title)
    assert not is_charge(title)


def test_lines_that_take_another_one_back_have_its_product() -> None:
    ids = ["Mug", "STORNO Mug", "ANNULLATO: Tea", "Tea", "Void check", "Fake fur", "fur"]
    assert without_void_words(ids) == ["Mug", "Mug", "Tea", "Tea", "Void check", "Fake fur", "fur"]
    assert without_void_words(["STORNO Mug", "Tea"]) == ["STORNO Mug", "Tea"]


def test_voided_lines_take_back_what_was_bought(write: Write) -> None:
    rows = table(
        "order,date,customer,product,qty",
        lambda at: (
            f"{at // 2},2023-05-{1 + at // 2:02d},c{at % 9},{'VOID ' * (at % 8 == 7)}{'ABCDE'[at % 5] * 4},"
            f"{-1 if at % 8 == 7 else 2}"
        ),
    )
    found = read(write(rows))
    assert kinds(found) == {"purchase": 35, "return": 5}
    assert {event[1] for event in found.events} == {letter * 4 for letter in "ABCDE"}


@pytest.mark.parametrize(
    ("tag", "is_one"),
    [("Training", True), ("Mode formation", True), ("Schulungsbon", True), ("Training shoes", False), ("Bon", False)],
)
def test_remarks_on_tills_in_training(tag: str, is_one: bool) -> None:
    assert is_training_tag(tag) == is_one


def test_receipts_of_a_training_do_not_count_and_anz_is_the_quantity(write: Write) -> None:
    rows = table(
        "Bon;Datum;Artikelnummer;Anz;Kunde;Bemerkung",
        lambda at: (
            f"{400 + at // 2};1{at % 10}.01.2023;P{at % 6};{at % 3 + 1};c{at % 9};{'Schulung' if at in (8, 9) else ''}"
        ),
    )
    found = read(write(rows))
    assert (len(found.events), {event[3] for event in found.events}) == (38, {1.0, 2.0, 3.0})


def test_a_sort_called_training_counts(write: Write) -> None:
    rows = table(
        "order,date,sku,qty,customer,sort",
        lambda at: f"{at // 2},2023-05-1{at % 10},P{at % 6},1,c{at % 9},{('Training', 'Running', 'Yoga')[at % 3]}",
    )
    assert len(read(write(rows)).events) == 40
