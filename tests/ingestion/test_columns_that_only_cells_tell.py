"""Columns that tell which rows count or what was bought, though no name says so; and advice that cannot mislead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from src.core.errors import UnclearLayout
from src.ingestion.column_words import is_test_tag, role_by_words
from src.ingestion.event_kind_names import is_ignored_kind, kind_of
from src.ingestion.layout import Hints
from src.ingestion.no_products import is_charge, may_be_extra
from src.ingestion.second_headers import joined_names
from src.ingestion.url_products import product_in
from src.ingestion.worded_ratings import rating_in_words
from tests.ingestion import reading
from tests.ingestion.reading import notes, read

Write = Callable[[str], Path]
table = partial(reading.table, n=60)


def day(at: int) -> str:
    return f"2023-0{1 + at % 9}-{1 + at % 28:02}"


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("NIP nabywcy", "user"), ("Č. člena", "user"), ("Mitglieds-Nr.", "user"), ("Nº socio", "user"),
        ("Jäsennumero", "user"), ("会員番号", "user"), ("P.IVA", "user"), ("USt-IdNr.", "user"), ("Kundnr", "user"),
        ("Låntagarnr", "user"), ("Předmět", "product"), ("Voorwerp", "product"), ("č. objednávky", "invoice"),
    ],
)  # fmt: skip
def test_names_of_customers_and_products_in_many_languages(name: str, role: str) -> None:
    found = role_by_words(name)
    assert found is not None
    assert found[0] == role


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Test order – ignore", True), ("Testbestellung bitte löschen", True), ("Prueba: no enviar", True),
        ("TEST - do not ship", True), ("test kit please", False), ("please test before shipping", False),
    ],
)  # fmt: skip
def test_a_remark_may_call_an_order_a_test(text: str, expected: bool) -> None:
    assert is_test_tag(text) is expected


def test_orders_whose_remarks_call_them_tests_do_not_count(write: Write) -> None:
    rows = table(
        "Order,Customer,SKU,Qty,Date,Remarks",
        lambda at: f"{at},c{at % 9},S{at % 7},1,{day(at)},{'TEST - please ignore' if at % 20 == 3 else ''}",
    )
    assert len(read(write(rows)).events) == 57


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Kundenretoure", "return"), ("Retour client", "return"), ("Zwrot od klienta", "return"),
        ("Lieferantenretoure", ""), ("Retour fournisseur", ""), ("Inventurdifferenz", ""),
    ],
)  # fmt: skip
def test_returns_of_customers_are_told_from_those_to_suppliers(name: str, kind: str) -> None:
    assert kind_of(name) == kind
    assert is_ignored_kind(name) is (kind == "")


def test_sales_below_zero_are_those_of_a_stock(write: Write) -> None:
    def row(at: int) -> str:
        kind, pieces = ("Retour client", "1") if at % 10 == 0 else ("Vente", "-2")
        return f"{day(at)};{kind};c{at % 9};A{at % 7};{pieces}"

    found = read(write(table("date;mouvement;client;article;quantite", row)))
    assert Counter(event[2] for event in found.events) == {"purchase": 54, "return": 6}
    assert {event[3] for event in found.events if event[2] == "purchase"} == {2.0}


@pytest.mark.parametrize(
    ("header", "states", "n"),
    [
        ("Verleih-Nr;Kunde;Artikel;Datum;Status", ("zurückgegeben", "ausgeliehen", "storniert"), 40),
        ("Order;Customer;Item;Date;Status", ("returned", "rented", "cancelled"), 40),
        ("Order;Customer;Item;Date;Status", ("returned", "shipped", "cancelled"), 20),
    ],
)
def test_what_comes_back_of_a_rental_took_place(header: str, states: tuple[str, ...], n: int, write: Write) -> None:
    found = read(write(table(header, lambda at: f"{at};k{at % 9};W{at % 7};{day(at)};{states[at % 3]}")))
    assert len(found.events) == n


def test_transport_is_no_product_and_assembly_is_said_aloud() -> None:
    assert is_charge("Usługa transportowa")
    assert is_charge("TRANSPORT")
    assert not is_charge("Transport box")
    assert may_be_extra("Montage vor Ort")
    assert may_be_extra("Assembly service")
    assert not may_be_extra("Assembly hall model kit")


@pytest.mark.parametrize(
    ("header", "codes"),
    [("控件,sku,title,price", "nud"), ("mode,sku,title,price", "aud"), ("Aktion,sku,title,price", "DUN")],
)
def test_a_control_column_hides_what_is_to_be_deleted(header: str, codes: str, write: Write) -> None:
    rows = table(header, lambda at: f"{codes[at % 3]},P{at},Mug {at},9.50")
    found = read(write(rows))
    n_hidden = sum(bool(product.unlisted) for product in found.products)
    assert n_hidden == (
        0 if header.startswith("控件") else 20
    )  # letters under a name that says nothing may be anything


@pytest.mark.parametrize("name", ["非表示", "Gesperrt", "masqué", "ukryty"])
def test_a_flag_that_hides_is_not_read_as_one_that_shows(name: str, write: Write) -> None:
    found = read(write(table(f"sku,title,price,{name}", lambda at: f"P{at},Mug {at},9.50,{int(at % 6 == 0)}")))
    assert sum(bool(product.withdrawn) for product in found.products) == 10


def test_an_unknown_flag_is_asked_about_in_both_directions(write: Write) -> None:
    said = notes(read(write(table("sku,title,price,abc", lambda at: f"P{at},Mug {at},9.50,{int(at % 6 == 0)}"))))
    assert "listed=abc" in said
    assert "withdrawn=abc" in said


def test_variants_join_their_parents_by_the_id_that_they_name(write: Write) -> None:
    def row(at: int) -> str:
        group = at // 3 * 3
        return f"{500 + at},W-{at},Mug {group},9.50,{f'W-{group}' if at % 3 else ''}"

    found = read(write(table("ID,UGS,Nom,Tarif régulier,Parent", row)))
    assert found.products[0].product_id == "W-0"


def test_a_refund_of_the_goods_takes_the_purchase_back(write: Write) -> None:
    rows = table(
        "order,customer,sku,qty,price,refund,date",
        lambda at: f"{at},c{at % 9},S{at % 7},2,5.00,{'10.00' if at % 10 == 0 else ''},{day(at)}",
    )
    assert len(read(write(rows)).events) == 54
    said = notes(read(write(rows), Hints(columns={"price": ""})))
    assert "WARNING: 'refund' has refunds" in said


@pytest.mark.parametrize("sign", ["👍", "👍🏽", "❤️", ":thumbs_up:"])
def test_thumbs_and_hearts_are_ratings(sign: str) -> None:
    assert rating_in_words(sign) == "5"
    assert rating_in_words("👎🏿") == "1"


def test_thumbs_are_found_beside_places_on_a_list(write: Write) -> None:
    rows = table(
        "ts,who,item,reaction,slot", lambda at: f"{day(at)},u{at % 10},P{at % 7},{'👎👍👍'[at % 3]},{at % 5 + 1}"
    )
    found = read(write(rows))
    assert found.layout == "ratings"
    assert Counter(event[3] for event in found.events) == {5.0: 40, 1.0: 20}


@pytest.mark.parametrize(
    ("link", "product"),
    [
        ("https://shop.example/products/oak-shelf?utm_source=x", "oak-shelf"),
        ("https://shop.example/de/collections/all/products/becher-rot", "becher-rot"),
        ("/produit/1234.html#top", "1234"), ("https://shop.example/", None), ("/unsubscribe?u=1", None),
    ],
)  # fmt: skip
def test_the_product_of_a_link(link: str, product: str | None) -> None:
    assert product_in(link) == product


def test_clicks_on_links_are_clicks_on_products(write: Write) -> None:
    def row(at: int) -> str:
        page = f"produkte/p-{at % 7}?utm={at}" if at % 3 else "impressum"
        return f"u{at % 9}@x.example,click,https://x.example/{page},{day(at)}"

    found = read(write(table("E-Mail,Aktion,Link,Zeit", row)))
    assert {event[1] for event in found.events} == {f"p-{at}" for at in range(7)}
    assert len(found.events) == 40


def test_months_in_columns_are_what_was_bought_in_them(write: Write) -> None:
    rows = table("Kunde;Artikel;Jan;Feb;März;Summe", lambda at: f"k{at // 7};A{at % 7};2;0;1;3", n=28)
    found = read(write(rows, "Umsatz_2023.csv"))
    assert Counter(event[3] for event in found.events) == {2.0: 28, 1.0: 28}
    assert len({event[4] for event in found.events}) == 2


def test_a_second_line_of_names_is_no_row(write: Write) -> None:
    names = ["Taster", "", "Honey", "", "Cheese", "", "Cider", ""]
    second = ["No", "Age", "Rating", "Comment", "Rating", "Comment", "Rating", "Comment"]
    joined = joined_names(names, [second, ["1", "30", "4", "good", "5", "", "3", ""]])
    assert joined is not None
    assert joined[:4] == ["Taster No", "Taster Age", "Honey Rating", "Honey Comment"]
    assert joined_names(["user", "item", "rating", "time"], [["u1", "a", "4", "5"], ["u1", "b", "4", "5"]]) is None


def test_lists_of_impressions_become_clicks(write: Write) -> None:
    rows = "".join(
        f"{at}\tU{at % 9}\t{day(at)} 10:00\tN{at % 7}-1 N{(at + 1) % 7}-0 N{(at + 2) % 7}-0\n" for at in range(60)
    )
    found = read(write(rows, "shown.tsv"))
    assert {event[2] for event in found.events} == {"click"}
    assert len(found.events) == 60


def test_a_price_list_has_lines_above_and_headings_between(write: Write) -> None:
    head = "Listino n. 7;;;\nRossi S.n.c.;;;\n\n"
    rows = table(
        "Codice;Descrizione;U.M.;Prezzo",
        lambda at: f";SEZIONE {at};;" if at % 20 == 0 else f"{at:05};Pasta fresca {at};kg;{at},50",
    )
    found = read(write(head + rows))
    assert len(found.products) == 57


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("aaa,day,Typ,qqq,Saldo", lambda at: f"00000{at % 9:02},{day(at)},{'ABC'[at % 3]}x,{at * 7 % 90},{at}"),
        ("when,Art,Filiale,betrag", lambda at: f"{day(at)},{('Kauf', 'Bonus', 'Storno')[at % 3]},Shop {at % 4},{at}.5"),
    ],
)
def test_no_proposal_takes_types_for_users_or_ids_for_ratings(
    header: str, row: Callable[[int], str], write: Write
) -> None:
    with pytest.raises(UnclearLayout) as refused:
        read(write(table(header, row)))
    assert "rating=aaa" not in str(refused.value)
    assert "user=Typ" not in str(refused.value)
    assert "user=Art" not in str(refused.value)


def test_a_proposal_by_cells_takes_neither_orders_nor_sorts_for_users(write: Write) -> None:
    def row(at: int) -> str:
        order, product = at // 2, at * 5 % 12
        whose = f"D-{order};{'AB'[order % 2]};{day(order)};{70000 + order * 7 % 23}"
        return f"{whose};M{product:03};Red lamp {product};{product + 5},50"

    with pytest.raises(UnclearLayout) as refused:
        read(write(table("Xa;Xb;Xc;Xd;Xe;Naziv;Cena", row, n=160)))
    assert "user=Xd" in str(refused.value)
    assert "product=Xe" in str(refused.value)


def test_lines_of_a_till_without_names_are_proposed_with_their_codes(write: Write) -> None:
    def row(at: int) -> str:
        code = "S" if at % 10 else "R" if at % 20 else "V"
        person, title = at // 2 * 5 % 13, f"Tea Tin {'abcdefg'[at * 3 % 7]}"
        return f"{code}|2023-03-{1 + at // 4:02}|02-{at // 2:05}|{person:04}|1000{at * 3 % 7}|{title}|{1 + at % 2}"

    with pytest.raises(UnclearLayout) as refused:
        read(write(table(row(0), row, n=80), "till.txt"))
    assert "user=4,product=5,title=6,invoice=3,kind=1,quantity=7" in str(refused.value)
    assert "--words S=purchase" in str(refused.value)


def test_a_column_without_a_name_is_called_by_its_number(write: Write) -> None:
    found = read(write(table("user,item,rating,", lambda at: f"u{at % 9},p{at % 7},{at % 5 + 1},{'xyz'[at % 3]}")))
    assert "column 4" in found.table.describe()
