"""Tills and systems of several countries: flags of returns, cards, names, months side by side, ids of the catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.ingestion.layout import Hints, parse_columns
from src.ingestion.layout_detection import open_table
from src.ingestion.line_items import find_items
from src.ingestion.prices import price_in
from src.ingestion.rating_scales import Scale, without_whole
from tests.ingestion.reading import Reading, kinds, notes, read, table


def columns(found: Reading) -> dict[str, str]:
    return {role: found.table.layout.names[at] for role, at in found.table.layout.columns.items()}


@pytest.mark.parametrize(
    ("header", "back", "sold"),
    [
        ("Scontrino;Giorno;Tessera;Codice;Pezzi;Reso", "S", "N"),
        ("Nr paragonu;Data;Karta klienta;Kod towaru;Ilość;Zwrot", "T", "N"),
        ("Fiş No;Tarih;Müşteri No;Stok Kodu;Miktar;İade", "Evet", "Hayır"),
    ],
)
def test_a_flag_of_returns_makes_no_file_of_returns(header: str, back: str, sold: str, tmp_path: Path) -> None:
    path = tmp_path / "till.csv"
    path.write_text(
        table(
            header,
            lambda at: f"{at // 2};2022-03-0{1 + at % 9};K{at // 2 % 9};C{at % 7};1;{back if at % 10 == 9 else sold}",
        ),
        encoding="utf-8",
    )
    found = read(path)
    assert kinds(found) == {"purchase": 36}
    assert columns(found)["cancelled"] == header.rpartition(";")[2]


def test_a_card_of_loyalty_has_the_customers_and_not_the_number_of_the_ticket(tmp_path: Path) -> None:
    (path := tmp_path / "caisse.csv").write_text(
        table(
            "N° ticket;Jour;Carte fidélité;Code article;Désignation;Qté;P.U. TTC",
            lambda at: f"{at // 2};0{1 + at % 9}/03/2022;{700 + at // 2 % 9};ART{at % 7};Tasse {at % 7};1;7,9{at % 7}",
        ),
        encoding="utf-8",
    )
    found = columns(read(path))
    assert (found["user"], found["invoice"], found["price"]) == ("Carte fidélité", "N° ticket", "P.U. TTC")


def test_turkish_letters_are_told_by_all_words_of_a_name(tmp_path: Path) -> None:
    (path := tmp_path / "satis.csv").write_text(
        table(
            "Fiş No;Tarih;Müşteri No;Stok Kodu;Ürün Adı;Miktar",
            lambda at: f"{at};0{1 + at % 9}.03.2022;M{at % 9};U{at % 7};Çay;1",
        ),
        encoding="cp1254",
    )
    assert columns(read(path))["user"] == "Müşteri No"


def test_of_two_columns_of_one_name_that_of_the_customer_is_no_product(tmp_path: Path) -> None:
    (path := tmp_path / "orders.csv").write_text(
        table(
            "Order,Name,Email,Name,Qty,Date",
            lambda at: f"{at // 2},Ann {at // 2 % 9},c{at // 2 % 9}@x.org,Mug {at % 7},1,2022-03-0{1 + at % 9}",
            n=80,
        )
    )
    assert {event[1] for event in read(path).events} == {f"Mug {at}" for at in range(7)}


def test_months_side_by_side_are_said_aloud(tmp_path: Path) -> None:
    rows = table("Kunde;Artikel;Jan;Feb;Mrz;Apr", lambda at: f"K{at % 9};A{at % 7};{at % 3};0;{at % 2};1")
    (path := tmp_path / "sales.csv").write_text(rows)
    assert "WARNING: 'Jan', 'Feb', 'Mrz' and 1 more are months or years with numbers" in notes(read(path))
    (path := tmp_path / "list.csv").write_text(rows.replace("Jan;Feb;Mrz;Apr", "Wx;Bd;Lz;Qp"))
    assert "months or years" not in notes(read(path))


def test_marks_from_1_to_6_are_doubted_and_can_be_turned(tmp_path: Path) -> None:
    (path := tmp_path / "noten.csv").write_text(
        table("Kunde;Artikel;Note;Datum", lambda at: f"K{at % 9};A{at % 7};{1 + at % 6};0{1 + at % 9}.03.2022")
    )
    assert "'Note' may be a school grade, of which 1 is the best" in notes(read(path))
    turned = read(path, Hints(scale=Scale(6, 1, is_given=True)))
    assert turned.events[0][3] == 5.0
    assert "school grade" not in notes(turned)


def test_a_product_with_its_code_in_front_is_one_also_with_a_comma_in_its_title() -> None:
    cells = ["[T-1] Honey, wild", "[T-2] Red Mug", "[T-3] Tea"] * 9
    split = find_items(cells)
    assert split is not None
    assert [(item.product, item.title) for item in split(cells[0]) or ()] == [("T-1", "Honey, wild")]
    assert [item.product for item in split("[T-1] Honey, wild, [T-2] Red Mug") or ()] == ["T-1", "T-2"]


def test_the_ids_of_the_catalogue_are_the_product_whatever_their_column_is_called(tmp_path: Path) -> None:
    (path := tmp_path / "sales.csv").write_text(
        table(
            "Kunde;Datum;Tracking;Artikel", lambda at: f"K{at % 9};0{1 + at % 9}.03.2022;SKU-{at % 7};{at}-{at % 7} Mug"
        )
    )
    found = open_table(path, known=lambda ids: {each for each in ids if each.startswith("SKU-")})
    assert found.layout.names[found.layout.columns["product"]] == "Tracking"
    assert any("--columns product=Artikel" in note for note in found.layout.notes)
    given = open_table(path, Hints(columns=parse_columns("product=Artikel")), known=lambda ids: set(ids) & {"SKU-1"})
    assert given.layout.names[given.layout.columns["product"]] == "Artikel"


@pytest.mark.parametrize("text", ["4,0 von 5 Sternen", "4.0 out of 5 stars", "4 sur 5 étoiles", "4/5"])
def test_a_rating_may_say_what_it_counts(text: str) -> None:
    assert without_whole(text) in ("4,0", "4.0", "4")


def test_the_yen_of_shift_jis_is_a_sign_of_money() -> None:
    assert [price_in(text) for text in ("\\1,200", "\\ 980", "\\x")] == [(1200.0, False), (980.0, False), None]


def test_a_column_of_viewed_products_has_views(tmp_path: Path) -> None:
    (path := tmp_path / "log.csv").write_text(
        table("visitorId,serverTime,productViewSku", lambda at: f"v{at % 9},2022-03-0{1 + at % 9} 10:00:00,S{at % 7}")
    )
    assert kinds(read(path)) == {"view": 40}
