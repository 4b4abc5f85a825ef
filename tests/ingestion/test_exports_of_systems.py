"""Exports of shop systems: lists side by side, several states, returned pieces, carts that were left, XML orders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from reading import kinds, notes, read, table

from src.core.domain import EventKind
from src.ingestion.column_words import role_by_words
from src.ingestion.event_kind_names import kind_of
from src.ingestion.layout import Hints, parse_columns
from src.ingestion.order_states import OrderState, order_state

Write = Callable[..., Path]


def test_lists_side_by_side_in_json_belong_together(tmp_path: Path) -> None:
    path = tmp_path / "baskets.jsonl"
    orders = [{"user": f"u{at % 5}", "basket": at, "skus": [f"A{at % 7}", "B1"], "qtys": [3, 2]} for at in range(30)]
    path.write_text("\n".join(map(json.dumps, orders)))
    assert [(event[1], event[3]) for event in read(path).events[:2]] == [("A0", 3.0), ("B1", 2.0)]


def test_quantities_beside_a_cell_of_products_are_found_by_their_number(write: Write) -> None:
    rows = table("order;customer;skus;xyz", lambda at: f"{at};c{at % 7};A{at % 5},B{at % 3};4,{at % 2 + 1}")
    found = read(write(rows))
    assert [(event[1], event[3]) for event in found.events[:2]] == [("A0", 4.0), ("B0", 1.0)]


def test_items_with_words_for_their_quantities(write: Write) -> None:
    rows = table("order;customer;items", lambda at: f"{at};c{at % 7};Mug [M-{at % 9}] - Menge: 2 + Tea [T-1] Menge: 1")
    found = read(write(rows))
    assert [(event[1], event[3]) for event in found.events[:2]] == [("M-0", 2.0), ("T-1", 1.0)]


def test_orders_that_wait_for_their_parcel_are_paid() -> None:
    waiting = ("awaiting fulfillment", "Wartet auf Versand", "en attente d'expédition")
    assert [order_state(text) for text in waiting] == [OrderState.DONE] * 3
    assert order_state("awaiting payment") is order_state("not shipped") is OrderState.PENDING


def test_a_second_state_of_a_long_name_counts_too(write: Write) -> None:
    rows = table(
        "order_id;customer_id;sku;qty;state;parcel.xyz.abc.status",
        lambda at: f"{at};c{at % 7};S{at % 5};1;completed;{('shipped', 'returned')[at % 2]}",
    )
    assert kinds(read(write(rows))) == {"purchase": 20}


def test_a_payment_that_has_words_of_states_is_a_state(write: Write) -> None:
    rows = table(
        "order;customer_id;sku;qty;Zahlung",
        lambda at: f"{at};c{at % 7};S{at % 5};1;{('bezahlt', 'erstattet')[at % 2]}",
    )
    assert kinds(read(write(rows))) == {"purchase": 20}


def test_pieces_that_were_sold_and_returned(write: Write) -> None:
    rows = table(
        "order_id,customer_id,sku,shipped,returned",
        lambda at: f"{at},c{at % 7},S{at % 5},{at % 3 + 2},{at % 3 + 2 if at % 4 == 0 else 0}",
    )
    found = read(write(rows))
    assert len(found.events) == 30
    assert found.events[0][3] == 3.0


def test_flags_of_delivery_are_no_quantities(write: Write) -> None:
    rows = table("order_id,customer_id,sku,shipped", lambda at: f"{at},c{at % 7},S{at % 5},{at % 2}")
    assert {event[3] for event in read(write(rows)).events} == {1.0}


@pytest.mark.parametrize("name", ["Abandoned on", "abgebrochen_am"])
def test_carts_that_were_left_are_no_purchases_and_the_advice_works(write: Write, name: str) -> None:
    path = write(
        table(f"cart_id,email,sku,qty,{name}", lambda at: f"{at},a{at % 7}@x.org,S{at % 5},1,2023-02-0{at % 9 + 1}")
    )
    found = read(path)
    assert kinds(found) == {"cart": 40}
    assert "--kind purchase" in notes(found)
    assert kinds(read(path, Hints(kind=EventKind.PURCHASE))) == {"purchase": 40}


def test_the_name_of_a_time_tells_the_kind(write: Write) -> None:
    rows = table("client,article,clicked_at", lambda at: f"k{at % 7},S{at % 5},2023-02-0{at % 9 + 1}")
    assert kinds(read(write(rows))) == {"click": 40}


def test_kinds_of_words_that_say_little_elsewhere() -> None:
    assert kind_of("item_detail") == "view"
    assert kind_of("checkout complete") == "purchase"
    assert kind_of("page") == ""


def test_kinds_in_a_log_of_other_words_are_not_dropped(write: Write) -> None:
    rows = table(
        "time,event_label_name,visitor_id,sku",
        lambda at: f"{1_690_000_000 + at},{('abc', 'def', 'add_to_cart')[at % 3]},v{at % 7},S{at % 5}",
    )
    found = read(write(rows))
    assert kinds(found) == {"cart": 13}
    assert len(found.rejected) == 27


def test_columns_named_after_stock_hold_what_their_last_word_says() -> None:
    assert (role_by_words("Stock Article Description") or ("",))[0] == "description"
    assert (role_by_words("Lager Marke") or ("",))[0] == "brand"
    assert (role_by_words("Stock Qty") or ("",))[0] == "stock"
    assert (role_by_words("Position Artikel") or ("",))[0] == "product"


def test_short_descriptions_of_a_list_of_stock_are_its_titles(write: Write) -> None:
    found = read(write(table("Part No,Description,Cost Price,Free Stock", lambda at: f"S{at},Blue Cup {at},3.5,{at}")))
    assert found.products[1].title == "Blue Cup 1"


def test_the_title_of_a_catalogue_is_found_by_its_look(write: Write) -> None:
    found = read(write(table("ArtNr;xyz;Preis;Bestand", lambda at: f"S{at};Blaue Tasse {at};3,50;{at}")))
    assert found.products[1].title == "Blaue Tasse 1"


def test_codes_are_preferred_to_names_of_products(write: Write) -> None:
    found = read(write(table("Artikel;EAN;Preis;Bestand", lambda at: f"Tasse {at};40063810{at:05};3,50;{at}")))
    assert (found.products[1].product_id, found.products[1].title) == ("4006381000001", "Tasse 1")
    rows = table("Bon,Kundenkarte,Artikel,EAN", lambda at: f"{at},k{at % 7},Tasse {at % 5},40063810{at % 5:05}")
    assert read(write(rows)).events[1][1] == "4006381000001"


def test_products_that_are_not_available_although_there_are_units_are_kept_back(write: Write) -> None:
    rows = table(
        "sku,name,price,stock,article_available", lambda at: f"S{at},Cup {at},5,{at + 1},{('no', 'yes')[at % 2]}"
    )
    assert [product.unlisted for product in read(write(rows)).products[:2]] == [True, False]


def test_a_flag_says_which_products_are_on_sale(write: Write) -> None:
    path = write(table("sku,name,price,sale_price,Is Sale", lambda at: f"S{at},Cup {at},5,4,{('no', 'yes')[at % 2]}"))
    assert [product.price for product in read(path).products[:2]] == [5.0, 4.0]
    assert [product.price for product in read(path, Hints(columns=parse_columns("on_sale="))).products[:2]] == [
        4.0,
        4.0,
    ]


def test_another_id_of_each_product_is_said_and_the_advice_works(write: Write) -> None:
    path = write(
        table("order,customer,sku,qty,Article Xyz ID", lambda at: f"{at},c{at % 7},S-{at % 5},1,{70_000 + at % 5}")
    )
    assert "--columns 'product=Article Xyz ID'" in notes(read(path))
    assert read(path, Hints(columns=parse_columns("product=Article Xyz ID"))).events[0][1] == "70000"


def test_orders_in_xml_have_one_line_or_several(tmp_path: Path) -> None:
    def order(at: int) -> str:
        lines = "".join(f"<Row><Article>S{line}</Article><Quantity>2</Quantity></Row>" for line in range(at % 3 + 1))
        return (
            f"<Invoice><Number>{at}</Number><Buyer><Mail>a{at % 5}@x.org</Mail></Buyer><Rows>{lines}</Rows></Invoice>"
        )

    path = tmp_path / "invoices.xml"
    path.write_text(f"<?xml version='1.0'?><Invoices>{''.join(map(order, range(30)))}</Invoices>")
    found = read(path)
    assert [(event[1], event[3]) for event in found.events[:3]] == [("S0", 2.0), ("S0", 2.0), ("S1", 2.0)]
    assert len(found.events) == 60


def test_a_few_known_kinds_among_unknown_words_are_said_and_the_advice_works(write: Write) -> None:
    path = write(
        table(
            "order,customer,sku,qty,xyz",
            lambda at: f"{at},c{at % 7},S-{at % 5},1,{('abc', 'def', 'ghi', 'basket add')[at % 4]}",
        )
    )
    assert "--layout events --columns kind=xyz" in notes(read(path))
    assert kinds(read(path, Hints(layout="events", columns=parse_columns("kind=xyz")))) == {"cart": 10}


def test_words_of_a_catalogue_of_which_some_are_unknown_are_said_aloud(write: Write) -> None:
    path = write(table("sku,title,price,abc", lambda at: f"S{at},Cup {at},5,{('live', 'retired', 'qwe')[at % 3]}"))
    assert "--columns listed=abc" in notes(read(path))
    found = read(path, Hints(columns=parse_columns("listed=abc")))
    assert [product.unlisted for product in found.products[:2]] == [False, True]


def test_variants_of_a_product_with_an_id_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "products.jsonl"
    products = [
        {"sku": f"M{at}", "title": f"Cup {at}", "price": 4, "variations": [{"sku": f"M{at}-{c}"} for c in "ab"]}
        for at in range(20)
    ]
    path.write_text("\n".join(map(json.dumps, products)))
    found = read(path).products[:2]
    assert [(each.product_id, each.title, each.group_id) for each in found] == [
        ("M0-a", "Cup 0", "M0"),
        ("M0-b", "Cup 0", "M0"),
    ]


def test_saved_articles_are_no_purchases(write: Write) -> None:
    rows = table("Kunde;Artikel;Gemerkt_am", lambda at: f"k{at % 7};S{at % 5};0{at % 9 + 1}.02.2023")
    assert kinds(read(write(rows))) == {"cart": 40}


def test_states_beside_kinds_decide_which_purchases_count(write: Write) -> None:
    path = write(
        table(
            "order,customer,sku,qty,event,Result",
            lambda at: f"{at},c{at % 7},S-{at % 5},1,{('sale', 'refund')[at % 2]},{('ok', 'declined')[at % 4 // 2]}",
        )
    )
    assert kinds(read(path)) == {"purchase": 10, "return": 20}
    assert kinds(read(path, Hints(columns=parse_columns("state=")))) == {"purchase": 20, "return": 20}
