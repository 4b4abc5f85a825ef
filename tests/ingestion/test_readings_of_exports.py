"""Exports as shops have them: what columns mean is told by names and cells together, in many languages."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from reading import Reading, kinds, read, table

from src.core.domain import NO_TIME
from src.core.errors import UnusableFile
from src.ingestion.given_words import parse_words
from src.ingestion.layout import Hints, parse_columns

Write = Callable[..., Path]
KINDS = ("view", "view", "add_to_cart", "purchase", "remove_from_cart")


def left_out(found: Reading) -> int:
    return sum(row.is_left_out for row in found.rejected)


# --- Logs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "order_id,qty,product,customer,activity_type,when",
        "transaction_id,quantity,item_id,user_id,event_name,event_date",
        "rechnung,menge,artikelnr,kunde,vorgang,zeitpunkt",
    ],
)
def test_a_column_of_kinds_is_the_kind_whatever_stands_beside_it(write: Write, header: str) -> None:
    rows = table(header, lambda at: f"{at},1,P{at % 9},u{at % 7},{KINDS[at % 5]},2023-05-0{at % 9 + 1}")
    found = read(write(rows))
    assert (found.layout, kinds(found)) == ("events", {"view": 16, "cart": 8, "purchase": 8})
    assert left_out(found) == len(found.rejected) == 8


def test_the_user_of_a_log_is_found_by_its_look_and_said(write: Write) -> None:
    rows = table(
        "zeit,kennung,vorgang,artikelnr,preis",
        lambda at: f"{1_690_000_000 + at},v{at % 8}z,{KINDS[at % 5]},P{at % 9},9.5",
    )
    found = read(write(rows))
    assert (found.layout, len(set(found.users))) == ("events", 8)
    assert "'kennung' was taken for the user by its look" in " ".join(found.table.layout.notes)


def test_free_text_in_a_column_called_action_is_no_kind(write: Write) -> None:
    rows = table(
        "order_id,customer_id,sku,qty,action", lambda at: f"{at},c{at % 9},P{at % 9},2,called about delivery {at}"
    )
    assert kinds(read(write(rows))) == {"purchase": 40}


@pytest.mark.parametrize("filled", [0, 4])
def test_orders_with_a_rating_column_that_is_mostly_empty_are_purchases(write: Write, filled: int) -> None:
    rows = table(
        "order_id,customer_id,sku,qty,rating", lambda at: f"{at},c{at % 9},P{at % 9},2,{5 if at < filled else ''}"
    )
    assert kinds(read(write(rows))) == {"purchase": 40}


def test_a_log_without_a_header_is_read_by_its_cells(write: Write) -> None:
    found = read(
        write(table("7,The Elder,purchase,1.0,0", lambda at: f"{at % 5},Half Life {at % 3},{KINDS[at % 4]},{at}.5,0"))
    )
    assert found.events[0][:4] == ("7", "The Elder", "purchase", 1.0)
    counts = read(write(table("u1,p1,999", lambda at: f"u{at % 5},p{at % 7},{at * 7}")))
    assert kinds(counts) == {"purchase": 41}
    assert "column 3 has numbers such as '999' and is not used" in " ".join(counts.table.layout.notes)


def test_a_list_of_people_without_a_header_is_no_log(write: Write) -> None:
    rows = table(
        "0|24|M|technician|85711",
        lambda at: f"{at + 1}|{20 + at % 9}|{'MF'[at % 2]}|{('writer', 'artist')[at % 2]}|85{at:03}",
    )
    with pytest.raises(UnusableFile, match="--columns"):
        read(write(rows))


# --- Catalogues that look like logs, and the other way round ----------------------------------------------------------


def test_a_catalogue_with_states_times_and_quantities_is_a_catalogue(write: Write) -> None:
    found = read(
        write(
            table(
                "id,name,status,created_at,quantity,price",
                lambda at: f"{at},Mug {at},{('active', 'draft')[at % 2]},2023-05-01,{at},9.50",
            )
        )
    )
    assert (found.layout, [product.stock for product in found.products[:2]]) == ("products", [0, 1])
    assert [product.unlisted for product in found.products[:2]] == [False, True]


def test_the_sellers_of_a_marketplace_do_not_make_its_catalogue_a_log(write: Write) -> None:
    rows = table(
        "account_id,product_id,title,description,price,stock,image_url,category",
        lambda at: f"a{at % 3},{at},Mug {at},Nice,9.5,3,https://x.test/{at}.jpg,Mugs",
    )
    assert read(write(rows)).layout == "products"


# --- Orders -----------------------------------------------------------------------------------------------------------

STATES = {
    "Bestell-Nr.;Kunden-Nr.;Artikel-Nr.;Menge;Bestellstatus": ("bezahlt", "versandt", "storniert", "offen"),
    "N° commande;Client;Référence;Qté;Statut": ("Payée", "Expédiée", "Remboursée", "En attente de paiement"),
    "Pedido;Cliente;SKU;Cantidad;Estado": ("Pagado", "Enviado", "Cancelado", "Pendiente"),
    "bestelnummer;klantnummer;artikelnummer;aantal;status": ("betaald", "verzonden", "geannuleerd", "openstaand"),
    "numer_zamowienia;id_klienta;kod_produktu;ilość;status": ("opłacone", "wysłane", "anulowane", "oczekujące"),
    "id_pedido;id_cliente;codigo_produto;quantidade;situacao": ("Pago", "Enviado", "Devolvido", "Aguardando pagamento"),
    "order;customer;sku;qty;payment_status": ("paid", "completed", "voided", "on-hold"),
}


@pytest.mark.parametrize("header", STATES)
def test_orders_that_were_cancelled_or_not_paid_do_not_count(write: Write, header: str) -> None:
    found = read(write(table(header, lambda at: f"{at};k{at % 9};P{at % 9};2;{STATES[header][at % 4]}")))
    assert (kinds(found), left_out(found), len(found.rejected)) == ({"purchase": 20}, 20, 20)
    assert found.table.layout.columns.keys() >= {"user", "product", "quantity", "invoice", "state"}


def test_a_partly_refunded_order_counts_in_part(write: Write) -> None:
    text = "Name,Email,Financial Status,Total,Refunded Amount,Lineitem quantity,Lineitem sku\n"
    rows = "#1,a@x.test,partially_refunded,40.00,10.00,2,A\n#1,a@x.test,,,,1,B\n"
    rows += "#2,b@x.test,paid,9.00,9.00,1,A\n#3,c@x.test,paid,9.00,0.00,1,A\n"
    found = read(write(text + rows))
    assert [(event[0], event[1], event[3]) for event in found.events] == [
        ("a@x.test", "A", 1.5),
        ("a@x.test", "B", 0.75),
        ("c@x.test", "A", 1.0),
    ]
    assert [row.reason for row in found.rejected] == ["order was cancelled or wholly refunded"]


def test_unknown_words_of_a_state_are_said_aloud(write: Write) -> None:
    found = read(
        write(
            table(
                "ordernr;kundnr;artnr;antal;orderstatus",
                lambda at: f"{at};{at % 9};P{at % 9};1;{('talwyd', 'diddymwyd')[at % 2]}",
            )
        )
    )
    assert "'diddymwyd') seems to say what became of an order" in " ".join(found.table.layout.notes)


@pytest.mark.parametrize("key", ["{order}", "{first}"])
def test_cells_of_the_first_row_of_an_order_count_for_its_other_rows(write: Write, key: str) -> None:
    def row(at: int) -> str:
        first = at % 3 == 0
        order = key.format(order=at // 3, first=at // 3 if first else "")
        return f"{order},{f'c{at // 3 % 7},2023-05-01' if first else ','},P{at % 9},1"

    found = read(write(table("Order No,Customer,Date,SKU,Qty", row, 60)))
    assert (len(found.events), found.rejected, {event[4] for event in found.events}) == (60, [], {1_682_899_200})
    assert found.users[:4] == ["c0", "c0", "c0", "c1"]
    assert "'Customer', 'Date': filled in the first row" in " ".join(found.table.layout.notes)


ITEMS = {
    "MUG|TIN": ("items", "MUG", 1.0),
    '"MUG, TIN"': ("sku", "MUG", 1.0),
    "2x MUG; 1x TIN": ("Items", "MUG", 2.0),
    "MUG:2|TIN:1": ("products", "MUG", 2.0),
    '"Red Mug x 2 (SKU: MUG), Tea, black x 1 (SKU: TIN)"': ("line_items", "MUG", 2.0),
    '"[{""sku"": ""MUG"", ""qty"": 2}, {""sku"": ""TIN"", ""qty"": 1}]"': ("items", "MUG", 2.0),
    "product_id:MUG|quantity:2;product_id:TIN|quantity:1": ("line items", "MUG", 2.0),
}


@pytest.mark.parametrize("cell", ITEMS)
def test_several_products_in_a_cell_become_rows(write: Write, cell: str) -> None:
    name, product, quantity = ITEMS[cell]
    cells = (cell, cell.replace("TIN", "CUP"), cell.replace("MUG", "CUP"))
    found = read(write(table(f"order_id,customer_id,{name}", lambda at: f"{at},c{at % 9},{cells[at % 3]}", 20)))
    assert len(found.events) == 40
    assert found.events[0][:4] == ("c0", product, "purchase", quantity)
    assert {event[1] for event in found.events} == {"MUG", "TIN", "CUP"}


def test_a_title_with_a_comma_is_one_product(write: Write) -> None:
    rows = table("order_id,buyer,item", lambda at: f'{at},c{at % 9},"Scarf {at % 5}, hand-knitted"', 20)
    assert {event[1] for event in read(write(rows)).events} == {f"Scarf {at}, hand-knitted" for at in range(5)}


NESTED = [
    {"user": {"id": "u"}, "orders": [{"number": 1, "state": "paid", "lines": [{"article": "P", "amount": 2}]}]},
    {"id": 7, "customer": {"email": "u"}, "line_items": [{"sku": "P", "quantity": 2, "name": "Mug"}]},
]


@pytest.mark.parametrize("value", NESTED, ids=["users with orders", "orders with lines"])
@pytest.mark.parametrize("as_list", [False, True])
def test_nested_objects_become_rows(write: Write, value: object, as_list: bool) -> None:
    text = json.dumps([value] * 3, indent=1) if as_list else (json.dumps(value) + "\n") * 3
    found = read(write(text, "orders.json"))
    assert {event[:4] for event in found.events} == {("u", "P", "purchase", 2.0)}


def test_sessions_with_events_and_users_with_items_become_rows(write: Write) -> None:
    events = [
        {"aid": at % 9 + 100, "ts": 1_659_304_800_025, "type": ("clicks", "carts", "orders")[at % 3]}
        for at in range(30)
    ]
    found = read(write("".join(json.dumps({"session": at, "events": events}) + "\n" for at in range(9))))
    assert kinds(found) == {"click": 90, "cart": 90, "purchase": 90}
    lists = read(write("".join(f'{{"customer": "u{at}", "products": ["P1", "P2"]}}\n' for at in range(9))))
    assert [event[:2] for event in lists.events[:2]] == [("u0", "P1"), ("u0", "P2")]


# --- Columns with gaps, times and numbers -----------------------------------------------------------------------------


def test_a_full_column_is_taken_before_a_mostly_empty_one_and_gaps_are_filled(write: Write) -> None:
    sparse = read(
        write(
            table(
                "date,customer_id,email,sku,qty", lambda at: f"2023-05-01,{'c1' if at < 9 else ''},m@x.test,P{at % 9},1"
            )
        )
    )
    assert set(sparse.users) == {"m@x.test"}
    gaps = read(
        write(
            table(
                "user_id,user_pseudo_id,event,item_id", lambda at: f"{'' if at % 4 == 0 else f'u{at}'},d.{at},view,P1"
            )
        )
    )
    assert gaps.users[:2] == ["d.0", "u1"]
    assert (gaps.rejected, len(gaps.events)) == ([], 40)


def test_a_day_and_a_time_of_day_are_put_together(write: Write) -> None:
    for header in ("kunde,artikel,menge,datum,uhrzeit", "customer_id,product_id,quantity,date,time"):
        found = read(write(table(header, lambda at: f"k{at % 9},P{at % 9},1,2023-05-01,08:{at % 60:02}")))
        assert [event[4] for event in found.events[:2]] == [1_682_928_000, 1_682_928_060]


def test_one_odd_cell_does_not_change_the_decimal_sign(write: Write) -> None:
    for odd in ("k.A.", "n/a", "9.5.2024", "siehe Text"):
        text = f"id;title;price\n1;A;12,50\n2;B;1.500\n3;C;9,99\n4;D;{odd}\n"
        assert [product.price for product in read(write(text)).products] == [12.5, 1500.0, 9.99, None]


def test_numbers_that_could_be_read_either_way_are_said_aloud(write: Write) -> None:
    path = write("id;title;price\n1;A;1.500\n2;B;2.750\n")
    assert "--decimal comma" in " ".join(read(path).table.layout.notes)
    assert [product.price for product in read(path, Hints(decimal=",")).products] == [1500.0, 2750.0]


@pytest.mark.parametrize("unrated", ["-1", "0", ""])
def test_used_but_not_rated_is_an_event_without_a_rating(write: Write, unrated: str) -> None:
    found = read(write(table("User-ID,ISBN,Book-Rating", lambda at: f"{at % 7},{at % 9},{(unrated, '5')[at % 2]}")))
    assert kinds(found) == {"purchase": 20, "rating": 20}
    assert "used, not rated" in " ".join(found.table.layout.notes)


def test_one_rating_out_of_range_is_rejected_not_explained_away(write: Write) -> None:
    found = read(write(table("user_id,item_id,rating", lambda at: f"{at % 7},{at % 9},{0 if at == 3 else 5}", 100)))
    assert (kinds(found), len(found.rejected)) == ({"rating": 99}, 1)


# --- Catalogues -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("Published", ("true", "false")),
        ("product_online", ("1", "2")),
        ("visibility", ("Catalog, Search", "Not Visible Individually")),
        ("Status", ("active", "archived")),
        ("Active (0/1)", ("1", "0")),
        ("sichtbar", ("ja", "nein")),
        ("Estado", ("publicado", "borrador")),
    ],
)
def test_products_that_a_catalogue_keeps_back_are_not_listed(write: Write, name: str, cells: tuple[str, str]) -> None:
    found = read(write(table(f"sku;name;price;{name}", lambda at: f"S{at};Mug {at};9.5;{cells[at % 2]}")))
    assert [product.unlisted for product in found.products[:2]] == [False, True]


def test_variants_take_what_the_first_row_of_their_group_says(write: Write) -> None:
    text = (
        "Handle,Title,Vendor,Variant SKU,Variant Price,Image Src,Status\nmug,Mug,Leaf,M1,9.50,https://x.test/1.jpg,draft\n"
        "mug,,,M2,8.50,https://x.test/2.jpg,\nmug,,,,,https://x.test/3.jpg,\ntin,Tin,Leaf,T1,5.00,,active\n"
    )
    found = read(write(text))
    assert [(p.product_id, p.title, p.brand, p.price, p.group_id, p.unlisted) for p in found.products] == [
        ("M1", "Mug", "Leaf", 9.5, "mug", True),
        ("M2", "Mug", "Leaf", 8.5, "mug", True),
        ("T1", "Tin", "Leaf", 5.0, "tin", False),
    ]
    assert left_out(found) == 1


def test_prices_stock_groups_and_languages_of_a_catalogue(write: Write) -> None:
    text = (
        "sku,store_view_code,name,price,special_price,qty,is_in_stock,item_group_id\nA,,Mug,12.00,9.00,7.0000,1,G\n"
        "A,de,Tasse,,,,,\nB,,Cup,12.00,,5.0000,0,G\nC,,Tin,12.00,,0.0000,1,\n"
    )
    path = write(text)
    assert [(p.title, p.price, p.stock, p.group_id) for p in read(path).products] == [
        ("Mug", 9.0, 7, "G"), ("Cup", 12.0, 0, "G"), ("Tin", 12.0, None, None),
    ]  # fmt: skip
    german = {p.product_id: p.title for p in read(path, Hints(language="de")).products}
    assert german == {"A": "Tasse", "B": "Cup", "C": "Tin"}


def test_compound_names_are_understood_word_by_word(write: Write) -> None:
    (product,) = read(
        write(
            "catalog_product_sku,product_title,retail_price_eur,main_image_link,Brand Name,product_category_name,stock_level\nP,Mug,8.5,https://i.test/1.jpg,Acme,Kitchen,3\n"
        )
    ).products
    assert (product.title, product.price, product.image_url, product.brand, product.category, product.stock) == (
        "Mug", 8.5, "https://i.test/1.jpg", "Acme", "Kitchen", 3,
    )  # fmt: skip


def test_columns_about_something_else_have_no_role(write: Write) -> None:
    header = (
        "order_id,customer_id,product_id,shipping_price,seller_id,product_name_lenght,compare_at_price,tax,billing_city"
    )
    found = read(write(table(header, lambda at: f"{at},c{at % 9},P{at % 9},4.90,s1,40,99.00,1.9,Rome")))
    assert found.table.layout.columns.keys() == {"invoice", "user", "product"}


def test_a_sample_for_nothing_does_not_change_a_price(write: Write) -> None:
    found = read(write("order,customer,sku,price\n1,a,P,9.50\n2,b,P,0.00\n3,c,P,€0.00\n"))
    assert [product.price for product in found.products] == [None]


def test_ids_that_a_workbook_protected_are_plain_ids(write: Write) -> None:
    found = read(write('sku,title\n"=""00901""",Mug\n\'00902,Tin\n'))
    assert [product.product_id for product in found.products] == ["00901", "00902"]


# --- Advice -----------------------------------------------------------------------------------------------------------


def test_what_a_note_on_an_unused_column_proposes_works(write: Write) -> None:
    rows = table(
        "order,customer,sku,qty,shipping_status",
        lambda at: f"{at},c{at % 9},P{at % 9},1,{('shipped', 'returned')[at % 2]}",
    )
    path = write(rows)
    assert "--columns state=shipping_status" in " ".join(read(path).table.layout.notes)
    assert kinds(read(path, Hints(columns=parse_columns("state=shipping_status")))) == {"purchase": 20}


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"-- MySQL dump 10.13\nCREATE TABLE `orders` (`id` int);\nINSERT INTO `orders` VALUES (1);\n", "a dump of"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook of Excel before 2007"),
    ],
)  # fmt: skip
def test_other_formats_are_named_as_what_they_are(write: Write, content: bytes, what: str) -> None:
    with pytest.raises(UnusableFile, match=what):
        read(write(content))


# --- Found by the cells of other columns ------------------------------------------------------------------------------


def test_year_month_and_day_apart_become_the_time(write: Write) -> None:
    rows = table(
        "kunde,artikelnr,menge,jahr,monat,tag", lambda at: f"k{at % 7},A{at % 9},1,2023,{at % 9 + 1},{at % 27 + 1}"
    )
    found = read(write(rows))
    day = dt.datetime(2023, 2, 2, tzinfo=dt.UTC).timestamp()
    assert (found.layout, found.events[1][4], len(found.events)) == ("purchases", int(day), 40)
    assert "'jahr', 'monat', 'tag' were put together into the day" in " ".join(found.table.layout.notes)
    assert {event[4] for event in read(write(rows), Hints(columns={"time": ""})).events} == {NO_TIME}


def test_day_parts_that_are_impossible_are_rejected_row_by_row(write: Write) -> None:
    rows = table(
        "user_id,item_id,qty,year,month,day",
        lambda at: f"u{at % 7},P{at % 9},1,2023,2,{31 if at == 3 else at % 28 + 1}",
    )
    found = read(write(rows))
    assert [reason for _, reason in found.reasons] == ["time is not readable"]


def test_a_clock_without_signs_stands_beside_its_day(write: Write) -> None:
    rows = table(
        "saledate,saletime,customer,sku,qty",
        lambda at: f"202301{at % 20 + 10},{at % 12 + 8}{at % 60:02d},c{at % 7},S-{at % 9},1",
    )
    first = dt.datetime(2023, 1, 10, 8, 0, tzinfo=dt.UTC).timestamp()
    assert read(write(rows)).events[0][4] == int(first)


def test_codes_are_preferred_to_the_titles_beside_them(write: Write) -> None:
    rows = table("Besteldatum;Klant;Product;Nr;Aantal", lambda at: f"1-2-2023;k{at % 7};Red cup {at % 9};N-{at % 9};2")
    found = read(write(rows))
    assert found.events[1][1] == "N-1"
    assert found.products[1].title == "Red cup 1"


def test_orders_are_filled_down_where_only_first_rows_have_their_number(write: Write) -> None:
    rows = table(
        "Pièce;Le;Tiers;Article;Qté",
        lambda at: f"{f'F{at}' if at % 2 == 0 else ''};{'03/02/2023' if at % 2 == 0 else ''};"
        f"{f'T{at % 14}' if at % 2 == 0 else ''};A{at % 9};1",
    )  # fmt: skip
    found = read(write(rows), Hints(columns={"user": "Tiers", "time": "Le"}))
    assert (len(found.events), found.events[1][0]) == (40, "T0")


def test_rows_of_totals_do_not_hide_the_code_of_products(write: Write) -> None:
    rows = table(
        "Pedido,Cliente,Cód,Unid.", lambda at: f"{at // 2},c{at // 2 % 7},{f'K{at % 9}' if at % 3 else ''},{at % 3 + 1}"
    )
    assert read(write(rows)).table.layout.columns["product"] == 2


def test_anonymous_rows_of_a_log_take_the_only_other_id(write: Write) -> None:
    rows = table(
        "ts,user_id,zz,event,item_id",
        lambda at: f"{1_690_000_000 + at},{f'u{at}' if at % 5 == 0 else ''},b{at % 8},{KINDS[at % 5]},P{at % 9}",
    )
    found = read(write(rows))
    assert {found.events[0][0], found.events[1][0]} == {"u0", "b1"}


def test_products_are_kept_back_by_words_under_an_unknown_name(write: Write) -> None:
    rows = table("sku,title,price,xyz", lambda at: f"S{at},Cup {at},5,{('online', 'hidden')[at % 2]}")
    found = read(write(rows))
    assert [product.unlisted for product in found.products[:2]] == [False, True]


def test_numbers_that_may_be_ratings_are_said_aloud_and_the_advice_works(write: Write) -> None:
    rows = table("user_id,item_id,xyz", lambda at: f"u{at},P{at % 9},{at % 5 + 1}")
    path = write(rows)
    assert "--layout ratings --columns rating=xyz" in " ".join(read(path).table.layout.notes)
    found = read(path, Hints(layout="ratings", columns=parse_columns("rating=xyz")))
    assert kinds(found) == {"rating": 40}


def test_units_stand_beside_the_quantities_of_items(write: Write) -> None:
    rows = table("order;customer;items", lambda at: f"{at};c{at % 7};A-{at % 9} (2 ks), B-{at % 5} (1 ks)")
    found = read(write(rows))
    assert [(event[1], event[3]) for event in found.events[:2]] == [("A-0", 2.0), ("B-0", 1.0)]


def test_variants_without_a_title_take_that_of_their_product(tmp_path: Path) -> None:
    path = tmp_path / "products.json"
    path.write_text(
        json.dumps([{"id": at, "title": f"Cup {at}", "skus": [{"sku": f"S{at}", "price": 5.0}]} for at in range(9)])
    )
    assert [product.title for product in read(path).products[:2]] == ["Cup 0", "Cup 1"]
    assert read(path).products[0].group_id == "0"


def test_unknown_words_of_a_log_are_said_aloud_and_the_advice_works(write: Write) -> None:
    path = write(
        table(
            "user_id,item_id,time,abc", lambda at: f"u{at % 7},P{at % 9},{1_690_000_000 + at},{('qwe', 'rty')[at % 2]}"
        )
    )
    notes = " ".join(read(path).table.layout.notes)
    assert "--layout events --columns kind=abc --words 'qwe=view,rty=purchase'" in notes
    hints = Hints(layout="events", columns=parse_columns("kind=abc"), words=parse_words("qwe=view,rty=purchase"))
    assert kinds(read(path, hints)) == {"view": 20, "purchase": 20}


def test_flags_of_a_catalogue_under_an_unknown_name_are_said_aloud_and_the_advice_works(write: Write) -> None:
    path = write(table("sku,title,price,abc", lambda at: f"S{at},Cup {at},5,{('yes', 'no')[at % 2]}"))
    found = read(path)
    assert not any(product.unlisted for product in found.products)
    assert "--columns listed=abc" in " ".join(found.table.layout.notes)
    found = read(path, Hints(columns=parse_columns("listed=abc")))
    assert [product.unlisted for product in found.products[:2]] == [False, True]


def test_the_name_of_events_is_never_a_user(write: Write) -> None:
    rows = table("action_name,sku,time", lambda at: f"abc.def{at % 5},P{at % 9},{1_690_000_000 + at}")
    with pytest.raises(UnusableFile):
        read(write(rows))


def test_a_catalogue_may_have_descriptions_for_titles(write: Write) -> None:
    found = read(write(table("Codice;Descrizione;Prezzo;Giacenza", lambda at: f"C{at};Tazza {at};4,50;{at}")))
    assert (found.layout, len(found.products), found.products[1].price) == ("products", 40, 4.5)
