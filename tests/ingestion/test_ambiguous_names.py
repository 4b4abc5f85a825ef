"""Names that mean something else in another language: cells decide, and what no event has a time for is said aloud."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.core.errors import UnclearLayout
from src.ingestion.ambiguous_names import other_meanings
from src.ingestion.column_profile import ColumnProfile
from src.ingestion.layout import Hints
from tests.ingestion.reading import Reading, kinds, notes, read, table


def day(at: int) -> str:
    return f"{1 + at * 7 % 28:02d}.{1 + at % 12:02d}.2022"


def columns(found: Reading) -> dict[str, str]:
    return {role: found.table.layout.names[at] for role, at in found.table.layout.columns.items()}


def write(tmp_path: Path, text: str) -> Path:
    (path := tmp_path / "file.csv").write_text(text)
    return path


@pytest.mark.parametrize(
    ("header", "cell", "role"),
    [
        ("Tag;Kunde;Artikel;Menge", day, "time"),
        ("Verkaufstag;Kunde;Artikel;Menge", day, "time"),
        ("Nota;Cliente;Produto;Data", lambda at: f"{5000 + at // 3}", "invoice"),
        ("OS;Cliente;Produto;Data", lambda at: f"{7000 + at // 3}", "invoice"),
        ("Rate;Party;Item;Date", lambda at: f"{120 + at % 7 * 35.5:.2f}", "price"),
    ],
)
def test_a_word_of_two_languages_means_what_its_cells_are(header: str, cell: object, role: str, tmp_path: Path) -> None:
    assert callable(cell)
    is_dated = role != "time"
    found = read(
        write(
            tmp_path,
            table(
                header, lambda at: f"{cell(at)};K{at // 3 % 13};A{at % 7};{day(at // 3) if is_dated else 1 + at % 3}"
            ),
        )
    )
    assert columns(found)[role] == header.partition(";")[0]
    assert kinds(found) == {"purchase": 40}
    assert all(event[4] > 0 for event in found.events)


@pytest.mark.parametrize(
    ("name", "cells", "meaning"),
    [
        ("Tag", ("Sommer", "Neu"), "Tag"),
        ("Note", ("1,3", "2,0"), "Note"),
        ("Note", ("please ring twice", "leave at the door"), "comment"),
        ("rate", ("4", "5", "3"), "rate"),
        ("tax rate", ("19.00", "119.00"), "tax rate"),
        ("No. Resi", ("8800001", "8800002"), "no tracking"),
        ("resi", ("1", "0"), "resi"),
    ],
)
def test_the_usual_meaning_stays_where_cells_do_not_contradict_it(
    name: str, cells: tuple[str, ...], meaning: str
) -> None:
    assert ColumnProfile(name, cells, len(cells)).meaning == meaning


def test_a_plain_name_has_no_other_meaning() -> None:
    assert [other_meanings(name) for name in ("Datum", "order_id")] == [(), ()]


@pytest.mark.parametrize("name", ["Rechnung", "order", "visit", "purchased", "gift", "Besuch"])
def test_a_column_of_days_is_the_time_whatever_else_it_is_called(name: str, tmp_path: Path) -> None:
    found = read(write(tmp_path, table(f"Kunde;Artikel;{name}", lambda at: f"K{at % 13};A{at % 7};{day(at)}")))
    assert columns(found) == {"user": "Kunde", "product": "Artikel", "time": name}
    assert len(found.events) == 40


def test_a_weekday_before_a_date_is_read_over(tmp_path: Path) -> None:
    week = ("Mo", "Di", "Mi", "Do", "Fr")
    found = read(
        write(tmp_path, table("Kunde;Artikel;Tag", lambda at: f"K{at % 9};A{at % 7};{week[at % 5]}, {day(at)}"))
    )
    assert columns(found)["time"] == "Tag"
    assert not found.rejected


def test_bought_pieces_are_no_flag(tmp_path: Path) -> None:
    found = read(
        write(tmp_path, table("customer;product;date;bought", lambda at: f"K{at % 9};A{at % 7};{day(at)};{1 + at % 4}"))
    )
    assert columns(found)["quantity"] == "bought"
    assert kinds(found) == {"purchase": 40}


@pytest.mark.parametrize("name", ["Lieferdatum", "fecha entrega", "updated", "fecha de vencimiento"])
def test_that_no_event_has_a_time_is_a_warning_with_advice_that_works(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, table(f"Kunde;Artikel;Menge;{name}", lambda at: f"K{at % 13};A{at % 7};1;{day(at)}"))
    said = [note for note in read(path).table.layout.notes if note.startswith("WARNING: no column has the times")]
    assert len(said) == 1
    assert f"time={name}" in said[0]
    again = read(path, Hints(columns={"time": name}))
    assert not again.rejected
    assert all(event[4] > 0 for event in again.events)


def test_an_empty_column_of_times_gives_way_to_a_filled_one(tmp_path: Path) -> None:
    path = write(tmp_path, table("Kunde;Artikel;Datum;Buchungstag", lambda at: f"K{at % 13};A{at % 7};;{day(at)}"))
    assert columns(read(path))["time"] == "Buchungstag"
    path = write(tmp_path, table("Kunde;Artikel;Datum;updated", lambda at: f"K{at % 13};A{at % 7};;{day(at)}"))
    assert "WARNING: 'Datum', which was taken for the time, is empty, and 'updated'" in notes(read(path))


def test_days_of_birth_are_no_times_and_are_not_advised(tmp_path: Path) -> None:
    path = write(
        tmp_path, table("Kunde;Geburtsdatum;Artikel;Menge", lambda at: f"K{at % 9};0{1 + at % 9}.03.1980;A{at % 7};1")
    )
    found = read(path)
    assert "time" not in columns(found)
    assert "time=Geburtsdatum" not in notes(found)


def test_a_name_beside_a_first_name_is_no_title(tmp_path: Path) -> None:
    people = ("Petit", "Leroy", "Morel", "Roux")
    text = table(
        "Commande;Date;Nom;Prénom;Email;Produit;Qté",
        lambda at: f"{5000 + at // 2};{day(at)};{people[at % 4]};Ann;c{at // 2 % 9}@x.fr;REF-{at % 7};1",
    )
    found = read(write(tmp_path, text))
    assert "title" not in columns(found)
    assert not [product for product in found.products if product.title in people]


def test_a_first_name_leaves_no_product_to_guess(tmp_path: Path) -> None:
    text = table(
        "Pedido;Fecha;Nombre;Apellidos;Referencia;Cantidad",
        lambda at: f"{5000 + at // 2};{day(at)};Ana;Gil;R-{at % 7};{1 + at % 3}",
    )
    with pytest.raises(UnclearLayout, match="user=Pedido"):
        read(write(tmp_path, text))


def test_a_store_that_differs_for_one_product_is_no_brand(tmp_path: Path) -> None:
    text = table(
        "receipt,date,store,loyalty card,sku,product name,qty",
        lambda at: (
            f"{at // 2},2022-03-0{1 + at % 9},{('Berlin', 'Ulm')[at % 2]},L{at // 2 % 9},A{at % 7},Mug {at % 7},1"
        ),
    )
    found = read(write(tmp_path, text))
    assert "brand" not in columns(found)
    assert "'store' differs for one product" in notes(found)


def test_a_rating_that_is_the_same_for_each_product_is_doubted(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        table(
            "Date,Customer,Item,Rate", lambda at: f"2022-03-0{1 + at % 9},P{at % 13},A{at % 7},{1 + at % 7 * 0.5:.2f}"
        ),
    )
    found = read(path)
    assert "WARNING: every product has one 'Rate' only" in notes(found)
    assert "--columns rating=,price=Rate" in notes(found)
    again = read(path, Hints(columns={"rating": "", "price": "Rate"}))
    assert kinds(again) == {"purchase": 40}
