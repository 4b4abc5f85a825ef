"""What rows mean where names mislead: titles that repeat, numbered lists of products, prices of whole lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.core.errors import UnclearLayout
from src.ingestion.layout import Hints
from tests.ingestion.reading import notes, read, table

COURSES = table(
    "entry_id,cid,course_name,posted,learnerid,stars,helped",
    lambda at: f"{70000 + at},c{at % 7},Course {at % 7},2023-03-0{at % 9 + 1},{5000 + at % 11},{at % 5 + 1},{at % 4}",
)
PLAYS = table(
    "Nr;Titelcode;Filmtitel;Zeit;Konto",
    lambda at: f"{900 + at};{3000 + at % 6};Film {at % 6};2023-03-0{at % 9 + 1} 10:00;K{at % 7}X{at % 7}",
)
VARIANTS = table(
    "sku,parent_code,title,created,colour_id,price",
    lambda at: f"S{at},p{at % 7},Shirt {at % 7},2023-03-0{at % 9 + 1},{100 + at // 7},9.50",
)


@pytest.mark.parametrize(
    ("text", "layout", "columns"),
    [
        (COURSES, "ratings", {"user": "learnerid", "product": "cid", "rating": "stars", "time": "posted"}),
        (PLAYS, "pairs", {"user": "Konto", "product": "Titelcode", "title": "Filmtitel", "time": "Zeit"}),
        (VARIANTS, "products", {"product": "sku", "title": "title"}),
    ],
)
def test_rows_whose_titles_repeat_with_another_id_are_events(
    text: str, layout: str, columns: dict[str, str], tmp_path: Path
) -> None:
    (path := tmp_path / "file.csv").write_text(text)
    found = read(path)
    names = {role: found.table.layout.names[at] for role, at in found.table.layout.columns.items()}
    assert (found.layout, {role: names.get(role) for role in columns}) == (layout, columns)


def test_repeated_titles_without_times_are_doubted_with_columns_that_work(tmp_path: Path) -> None:
    (path := tmp_path / "file.csv").write_text(
        table("sku,tid,title,kid,brand", lambda at: f"9{at:03},t{at % 7},Mug {at % 7},k{at % 11},Ovo")
    )
    assert "if rows are events: --columns user=kid,product=tid" in notes(read(path))
    assert read(path, Hints(columns={"user": "kid", "product": "tid"})).layout == "pairs"


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (
            table(
                "order,customer,date,Line 1,Line 2",
                lambda at: f"{at},K{at % 7},2023-03-02,2 x Mug {at % 5}," + (f"3 x Pot {at % 4}" if at % 2 else ""),
            ),
            {("Mug 1", 2.0), ("Pot 1", 3.0)},
        ),
        (
            table(
                "Bestellung;Kunde;Datum;Position_1;Position_2",
                lambda at: f"{at};K{at % 7};02.03.2023;sku:M{at % 5}|qty:2;sku:P{at % 4}|qty:3",
            ),
            {("M1", 2.0), ("P1", 3.0)},
        ),
        (
            table(
                "order,customer,date,sku,sku_2,qty,qty_2",
                lambda at: f"{at},K{at % 7},2023-03-02,M{at % 5},M{at * 3 % 5},2,3",
            ),
            {("M1", 2.0), ("M3", 3.0)},
        ),
    ],
)
def test_numbered_columns_of_products_are_one_list(text: str, events: set[tuple[str, float]], tmp_path: Path) -> None:
    (path := tmp_path / "file.csv").write_text(text)
    found = read(path)
    assert {(product, value) for user, product, _, value, _ in found.events if user == "K1"} >= events
    assert "each number became a row of its own" in notes(found)


@pytest.mark.parametrize(
    ("text", "column", "price"),
    [
        (
            table(
                "order,customer,sku,qty,price",
                lambda at: f"{at},K{at % 7},M{at % 5},{at % 3 + 1},{(at % 3 + 1) * (2.25 + at % 5):.2f}",
            ),
            "price",
            2.25,
        ),
        (
            table(
                "Beleg;Kunde;Artikel;Anzahl;Preis",
                lambda at: (
                    f"{at};K{at % 7};M{at % 5};{at % 4 + 1};{round((at % 4 + 1) * 11.6) + at % 5 * (at % 4 + 1)}"
                ),
            ),
            "Preis",
            12.0,
        ),
        (
            table(
                "order,customer,sku,qty,price", lambda at: f"{at},K{at % 7},M{at % 5},{at % 3 + 1},{2.25 + at % 5:.2f}"
            ),
            "",
            2.25,
        ),
    ],
)
def test_prices_that_grow_with_the_quantity_are_divided(text: str, column: str, price: float, tmp_path: Path) -> None:
    (path := tmp_path / "file.csv").write_text(text)
    found = read(path)
    assert {round(each.price or 0.0) for each in found.products if each.product_id == "M0"} == {round(price)}
    assert ("was divided by the quantity" in notes(found)) is bool(column)
    if column:
        taken = {
            each.price for each in read(path, Hints(columns={"price": column})).products if each.product_id == "M0"
        }
        assert max(each or 0.0 for each in taken) > 1.5 * price


@pytest.mark.parametrize(
    ("text", "layout", "columns"),
    [
        ("ID repeats", "ratings", {"product": "ID", "user": "user"}),
        ("names begin alike", "products", {"title": "TITLE", "price": "PRICE", "product": "ID"}),
        ("a person's state", "events", {"state": None}),
        ("a flag of undone lines", "purchases", {"cancelled": "Voided"}),
    ],
)
def test_names_alone_do_not_decide(text: str, layout: str, columns: dict[str, str | None], tmp_path: Path) -> None:
    (path := tmp_path / "file.csv").write_text(NAMED[text])
    found = read(path)
    names = {role: found.table.layout.names[at] for role, at in found.table.layout.columns.items()}
    assert (found.layout, {role: names.get(role) for role in columns}) == (layout, columns)


NAMED = {
    "ID repeats": table(",user,rating,ID,name", lambda at: f"{at},u{at % 6},{at % 5 + 1},{300 + at % 7},Game {at % 7}"),
    "names begin alike": table(
        "XYID;XYTITLE;XYPRICE;XYSTOCK;XYPIC1", lambda at: f"a{at};Mug {at};{at}.50;{at % 9};{at}.jpg"
    ),
    "a person's state": table(
        "time,visitor_id,visitor_type,action,sku",
        lambda at: f"2023-05-01,v{at % 6},{('new', 'returning')[at % 2]},{('view', 'purchase')[at % 3 // 2]},S{at % 7}",
    ),
    "a flag of undone lines": table(
        "order,customer,sku,qty,server,Voided",
        lambda at: f"{at},c{at % 7},S{at % 6},1,{('Lou', 'Max')[at % 2]},{('no', 'yes')[at % 9 // 8]}",
    ),
}


def test_lines_that_stand_alone_above_rows_are_refused_with_what_to_do(tmp_path: Path) -> None:
    (path := tmp_path / "file.csv").write_text(
        "".join(
            f"{film}:\n" + "".join(f"{900 + at},{at % 5 + 1},2023-05-0{at + 1}\n" for at in range(6))
            for film in range(5)
        )
    )
    with pytest.raises(UnclearLayout, match=r"lines such as '0:' and '1:' stand alone.*Expected rows of 4 fields"):
        read(path)


def test_refusals_of_orders_without_customers_propose_no_user(tmp_path: Path) -> None:
    (path := tmp_path / "file.csv").write_text(
        table("return-date,order-id,sku,asin,quantity", lambda at: f"2023-05-01,o{at // 2},S{at % 6},B{at % 6},1")
    )
    with pytest.raises(UnclearLayout, match="No column was found for the user") as raised:
        read(path)
    said = str(raised.value).replace("let each order stand for a customer of its own: --columns user=order-id", "")
    assert "user=" not in said.replace("user=NAME", "")
