"""Rows that hold several events, and objects inside cells or below other lines: each becomes a row of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from reading import kinds, notes, read, table

from src.core.errors import UnusableFile
from src.ingestion.layout import Hints, parse_columns

Write = Callable[..., Path]


# --- Numbered columns -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "order,customer,date,product_1,qty_1,product_2,qty_2",
        "Bestellnr,Kunde,Datum,Artikel 1,Menge 1,Artikel 2,Menge 2",
        "order_id,email,created_at,items[0].sku,items[0].quantity,items[1].sku,items[1].quantity",
    ],
)
def test_numbered_columns_of_products_become_rows(write: Write, header: str) -> None:
    rows = table(
        header, lambda at: f"{at},c{at % 7},2023-05-0{at % 9 + 1},A-{at % 5},2,{'' if at % 2 else f'B-{at % 3}'},3"
    )
    found = read(write(rows))
    assert found.layout == "purchases"
    assert [event[1:4:2] for event in found.events[:3]] == [("A-0", 2.0), ("B-0", 3.0), ("A-1", 2.0)]
    assert "each number became a row of its own" in notes(found)


def test_numbered_ids_alone_become_rows_and_numbered_ratings_stay_a_matrix(write: Write) -> None:
    lists = read(
        write(table("customer,item_1,item_2,item_3", lambda at: f"c{at},{400 + at % 9},{400 + at % 7},{401 + at % 5}"))
    )
    assert kinds(lists) == {"purchase": 120}
    assert lists.events[1][:2] == ("c0", "400")
    marks = read(
        write(table("user,item1,item2,item3,item4", lambda at: f"u{at},{1 + at % 5},{1 + at % 4},,{5 - at % 3}"))
    )
    assert kinds(marks) == {"rating": 120}


def test_one_numbered_column_is_read_alone_on_demand(write: Write) -> None:
    path = write(table("customer,sku_1,sku_2", lambda at: f"c{at % 9},A{at % 5},A{at % 6}"))
    assert {event[1] for event in read(path, Hints(columns=parse_columns("product=sku_1"))).events} == {
        f"A{n}" for n in range(5)
    }


# --- Columns of acts --------------------------------------------------------------------------------------------------


def test_columns_of_products_that_name_their_act_become_events(write: Write) -> None:
    rows = table(
        "visitor,time,viewed_sku,purchased_sku",
        lambda at: f"v{at % 9},2023-05-01 10:{at:02d},P-{at % 7},{f'P-{at % 5}' if at % 4 == 0 else ''}",
    )
    found = read(write(rows))
    assert kinds(found) == {"view": 40, "purchase": 10}
    assert "'viewed_sku' a view, 'purchased_sku' a purchase" in notes(found)


def test_two_ids_of_one_product_are_no_acts(write: Write) -> None:
    rows = table("customer,sku,last_viewed_product_id,qty", lambda at: f"c{at % 9},A-{at % 7},7{at % 8:03d},2")
    assert kinds(read(write(rows))) == {"purchase": 40}


# --- Objects ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_values_of_objects_in_cells_are_read_as_columns(write: Write, name: str) -> None:
    def properties(at: int) -> str:
        return json.dumps({"product_id": f"P{at % 7}", "price": 9.5}) if at % 3 else "{}"

    rows = [
        (f"u{at % 8}", ("view_item", "purchase", "session_start")[at % 3 - 1], 1_690_000_000 + at, properties(at))
        for at in range(60)
    ]
    if name.endswith("csv"):
        quoted = (f'{user},{kind},{time},"{inner.replace(chr(34), 2 * chr(34))}"' for user, kind, time, inner in rows)
        text = "\n".join(["user_id,event_type,event_time,event_properties", *quoted]) + "\n"
    else:
        text = "".join(
            json.dumps({"user_id": u, "event_type": k, "event_time": t, "event_properties": p}) + "\n"
            for u, k, t, p in rows
        )
    found = read(write(text, name))
    assert kinds(found) == {"view": 20, "purchase": 20}
    assert "hold JSON objects" in notes(found)


def test_lines_that_name_their_parent_are_its_children(write: Write) -> None:
    lines = []
    for at in range(20):
        order = f"gid://shop/Order/{at}"
        state = "VOIDED" if at % 4 == 0 else "PAID"
        lines.append(
            {
                "id": order,
                "createdAt": "2023-05-01T10:00:00Z",
                "email": f"a{at % 6}@x.example",
                "displayFinancialStatus": state,
            }
        )
        lines += [
            {"id": f"gid://shop/LineItem/{at}{n}", "sku": f"S-{n}", "quantity": 2, "__parentId": order}
            for n in range(2)
        ]
    lines.append({"id": "gid://shop/LineItem/999", "sku": "S-1", "quantity": 1, "__parentId": "gid://shop/Order/404"})
    found = read(write("".join(f"{json.dumps(line)}\n" for line in lines), "bulk.jsonl"))
    assert kinds(found) == {"purchase": 30}
    assert found.events[0][:4] == ("a1@x.example", "S-0", "purchase", 2.0)
    assert [(row.line, row.is_left_out) for row in found.rejected][-1] == (61, False)


def test_variants_below_their_product_take_its_title(write: Write) -> None:
    lines = []
    for at in range(12):
        product = f"gid://shop/Product/{at}"
        lines.append({"id": product, "title": f"Shirt {at}", "status": "DRAFT" if at == 3 else "ACTIVE"})
        lines += [
            {"id": f"gid://shop/ProductVariant/{at}{n}", "sku": f"S-{at}-{n}", "price": "9.50", "__parentId": product}
            for n in range(2)
        ]
    found = read(write("".join(f"{json.dumps(line)}\n" for line in lines), "bulk.jsonl"))
    assert (found.layout, len(found.products)) == ("products", 24)
    assert (found.products[0].title, found.products[0].price) == ("Shirt 0", 9.5)
    assert {product.product_id for product in found.products if product.unlisted} == {"S-3-0", "S-3-1"}


# --- Archives ---------------------------------------------------------------------------------------------------------


def test_a_table_in_an_archive_is_named_by_the_archive_and_its_own_name(write: Write) -> None:
    import io
    import zipfile

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("shop/a.csv", table("user_id,item_id,rating", lambda at: f"u{at % 5},p{at},4"))
        archive.writestr("shop/b.csv", "id,title\n1,Mug\n")
    path = write(packed.getvalue(), "both.zip")
    assert kinds(read(path / "shop" / "a.csv")) == {"rating": 40}
    with pytest.raises(UnusableFile, match="no such file"):
        read(path / "shop" / "c.csv")
