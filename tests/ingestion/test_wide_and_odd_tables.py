"""Matrices, flags of kinds, ranks, votes, cents, discounts, lists without a quantity for each, logs of two shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from reading import kinds, notes, read, table

from src.core.errors import UnusableFile
from src.ingestion.layout import Hints, parse_columns
from src.ingestion.rating_scales import parse_scale

Write = Callable[..., Path]


@pytest.mark.parametrize("header", ["kunde;Rote Tasse;Lampe;Stuhl;Vase", "user_id;11;12;13;14", "member;a1;b2;c3;d4"])
def test_each_column_of_a_matrix_is_a_product(write: Write, header: str) -> None:
    rows = table(header, lambda at: f"k{at};{at % 5 + 1};;{(at + 2) % 5 + 1};0", n=12)
    found = read(write(rows))
    assert (found.layout, kinds(found)) == ("ratings", {"rating": 24})
    assert found.events[1][:4] == ("k0", header.split(";")[3], "rating", 3.0)
    assert "4 columns from" in notes(found)


def test_a_matrix_of_counts_holds_purchases(write: Write) -> None:
    found = read(write(table("customer,Mug,Lamp,Chair,Vase", lambda at: f"c{at},{at % 3},0,14,{at % 4 * 6}", n=12)))
    assert kinds(found) == {"purchase": 8 + 12 + 9}
    assert found.events[0][:4] == ("c0", "Chair", "purchase", 14.0)


@pytest.mark.parametrize(
    "header",
    [
        "product_id,width_cm,bulk,shine,grip",
        "customer,recency,frequency,loyalty,spread",
        "movie_id,Action,Drama,War,Noir",
        "review_id,stars,useful,funny,cool",
    ],
)
def test_other_tables_of_numbers_are_no_matrices(write: Write, header: str) -> None:
    with pytest.raises(UnusableFile):
        assert read(write(table(header, lambda at: f"x{at},{at % 5 + 1},{at % 4 + 1},{at % 3 + 1},1"))).events == []


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("true", "false"), ("yes", "")])
def test_columns_that_are_called_like_kinds_count_them(write: Write, yes: str, no: str) -> None:
    flag = {True: yes, False: no}
    rows = table(
        "client,sku,viewed,added to basket,purchased,day",
        lambda at: f"c{at % 7},P{at % 9},{flag[at % 4 != 3]},{flag[at % 4 == 1]},{flag[at % 8 == 1]},2023-05-01",
    )
    found = read(write(rows))
    assert kinds(found) == {"view": 30, "cart": 10, "purchase": 5}
    assert len(found.rejected) == 10
    assert all(row.is_left_out for row in found.rejected)


def test_ranks_and_grades_of_which_1_is_the_best_are_turned_round(write: Write) -> None:
    ranked = read(write(table("voter,film,ranking", lambda at: f"v{at // 5},F{at % 11},{at % 5 + 1}")))
    assert [event[3] for event in ranked.events[:5]] == [5, 4, 3, 2, 1]
    assert "'ranking' was read so that 1 is the best and 5 the worst" in notes(ranked)
    path = write(table("Kunde;Artikel;Note (1 = sehr gut)", lambda at: f"k{at % 7};A{at % 9};{at % 6 + 1}"))
    assert [round(event[3], 1) for event in read(path).events[:6]] == [5, 4.2, 3.4, 2.6, 1.8, 1]
    assert read(path, Hints(scale=parse_scale("1-6"))).events[0][3] == 1.0
    assert parse_scale("6-1")[:2] == (6.0, 1.0)


def test_votes_for_and_against_are_ratings(write: Write) -> None:
    found = read(write(table("member,clip,verdict", lambda at: f"m{at % 7},c{at % 9},{at % 3 - 1}")))
    assert [event[2:4] for event in found.events[:3]] == [("rating", 1.0), ("rating", 3.0), ("rating", 5.0)]


def test_prices_in_cents_are_divided_where_their_name_tells(write: Write) -> None:
    rows = table(
        "order,customer,sku,name,qty,{}", lambda at: f"{at},c{at % 7},P{at % 9},Mug {at % 9},1,{1999 + at % 9}"
    )
    found = read(write(rows.format("price_cents")))
    assert found.products[0].price == 19.99
    assert "'price_cents' is in cents and was divided by 100" in notes(found)
    unnamed = write(rows.format("price"))
    assert (read(unnamed).products[0].price, "if they are cents: --cents" in notes(read(unnamed))) == (1999, True)
    assert read(unnamed, Hints(cents=True)).products[0].price == 19.99


def test_lines_that_pay_money_back_are_discounts_or_returns(write: Write) -> None:
    rows = table("order,customer,sku,name,qty,price", lambda at: f"{at},c{at % 7},P{at % 9},Mug,1,9.50")
    found = read(write(f"{rows}41,c1,SAVE5,Spring action,1,-5.00\n42,c1,P1,Mug,1,-9.50\n"))
    assert kinds(found) == {"purchase": 40, "return": 1}
    assert found.reasons == [(42, "shipping, tip, discount, deposit or fee: no product")]


def test_a_list_without_a_quantity_for_each_product_is_counted(write: Write) -> None:
    rows = table(
        "order;customer;skus;quantities", lambda at: f"{at};c{at % 7};A{at % 5},B{at % 3};{2 if at % 4 else '3,1'}"
    )
    path = write(rows)
    table_ = read(path)
    assert [event[3] for event in table_.events[:4]] == [3.0, 1.0, 1.0, 1.0]
    assert "'quantities'" not in notes(table_)


def test_counts_of_a_list_and_times_of_day_are_no_products(write: Write) -> None:
    rows = table(
        "pedido;cliente;hora;fecha;articulos;cant.",
        lambda at: f"{at};c{at % 7};{at % 24:02}:15;03/05/2023;['A{at % 5}'];1",
    )
    assert set(read(write(rows)).events[0][:2]) == {"c0", "A0"}


def test_a_log_of_single_products_and_orders_of_several_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    line = {"sku": "B1", "quantity": 3}
    log = [
        {"name": "view", "user": f"u{at % 5}", "at": "2023-05-01", "data": {"sku": f"A{at % 7}"}}
        if at % 4
        else {"name": "purchase", "user": f"u{at % 5}", "at": "2023-05-02", "data": {"lines": [line, {"sku": "C1"}]}}
        for at in range(40)
    ]
    path.write_text("\n".join(map(json.dumps, log)))
    found = read(path)
    assert kinds(found) == {"view": 30, "purchase": 20}
    assert {event[1]: event[3] for event in found.events if event[2] == "purchase"} == {"B1": 3.0, "C1": 1.0}


def test_nested_ids_are_found_where_no_flat_name_tells_a_product(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = [
        {"action": "click", "client_id": f"c{at % 5}", "search_id": f"q{at // 2}", "thing": {"thing_id": f"T{at % 7}"}}
        for at in range(40)
    ]
    path.write_text("\n".join(map(json.dumps, log)))
    assert read(path).events[0][:3] == ("c0", "T0", "click")


def test_a_list_of_ones_own_books_has_no_users(write: Write) -> None:
    path = write(table("Book Id,Title,Author,My Rating", lambda at: f"{at},Book {at},Writer {at % 3},{at % 6}"))
    found = read(path)
    assert found.layout == "products"
    assert "'My Rating' ('0', '1', '2') has ratings, and no column says who gave them" in notes(found)


def test_an_empty_column_of_customers_makes_no_events_of_a_catalogue(write: Write) -> None:
    path = write(table("sku,title,price,customer name", lambda at: f"S{at},Mug {at},9.50,"))
    assert read(path).layout == "products"


def test_prices_with_taxes_come_before_those_without(write: Write) -> None:
    path = write(table("sku,title,price (excl. VAT),price (incl. VAT)", lambda at: f"S{at},Mug {at},10.00,11.90"))
    assert read(path).products[0].price == 11.90
    given = Hints(columns=parse_columns("price=price (excl. VAT)"))
    assert read(path, given).products[0].price == 10.0


def test_a_code_of_each_title_is_the_product(write: Write) -> None:
    rows = table("order,customer,product,model,qty", lambda at: f"{at},c{at % 7},Red Mug {at % 9},MU-{at % 9},1")
    assert read(write(rows)).events[0][:2] == ("c0", "MU-0")


def test_codes_in_brackets_before_titles_are_the_products(write: Write) -> None:
    found = read(write(table("order,customer,item,qty", lambda at: f"{at},c{at % 7},[M-{at % 9}] Red Mug {at % 9},2")))
    assert found.events[0][:4] == ("c0", "M-0", "purchase", 2.0)
    assert found.products[0].title == "Red Mug 0"


def test_numbered_products_are_those_of_a_matrix(write: Write) -> None:
    found = read(write(table("reader,joke1,joke2,joke3,joke4", lambda at: f"r{at},{at % 5 + 1},{at % 3 + 1},4,2", n=8)))
    assert (kinds(found), found.events[1][1]) == ({"rating": 32}, "joke2")


def test_the_number_of_a_manufacturer_is_no_brand_and_codes_of_all_shops_come_second(write: Write) -> None:
    header = "EAN|Herstellerartikelnummer|Artikelnummer im Shop|Hersteller|Produktname|Preis"
    product = read(write(table(header, lambda at: f"4{at:012}|MPN{at}|S{at}|Acme|Tasse {at}|9,50"))).products[0]
    assert (product.product_id, product.brand) == ("S0", "Acme")


@pytest.mark.parametrize("cells", ["★★★★★ ★★★☆☆ ★☆☆☆☆", "100% 50% 0%", "5/5 3/5 1/5"])
def test_ratings_may_be_signs_or_shares(write: Write, cells: str) -> None:
    ratings = cells.split()
    found = read(write(table("reviewer,sku,rating", lambda at: f"u{at % 7},S{at % 9},{ratings[at % 3]}")))
    assert [event[3] for event in found.events[:2]] == [5.0, 3.0]


def test_a_minus_may_stand_at_the_end(write: Write) -> None:
    rows = table("order;customer;sku;menge", lambda at: f"{at};c{at % 7};S{at % 9};2,000{'-' if at % 10 == 9 else ''}")
    assert kinds(read(write(rows))) == {"purchase": 36, "return": 4}


def test_the_zone_of_a_time_may_stand_before_its_year(write: Write) -> None:
    path = write(table("user,sku,date", lambda at: f"u{at % 7},S{at % 9},Tue Apr 03 18:00:{at % 60:02} +0200 2012"))
    assert read(path).events[0][4] == 1_333_468_800


def test_a_workbook_saved_as_xml_is_a_table(write: Write) -> None:
    def row(*cells: str) -> str:
        return "<Row>" + "".join(f'<Cell><Data ss:Type="String">{cell}</Data></Cell>' for cell in cells) + "</Row>"

    rows = [
        row("order", "customer", "sku", "qty"),
        *(row(str(at), f"c{at % 7}", f"S{at % 9}", "2") for at in range(30)),
    ]
    last = '<Row><Cell><Data>30</Data></Cell><Cell ss:Index="3"><Data>S1</Data></Cell></Row>'
    name = "urn:schemas-microsoft-com:office:spreadsheet"
    head = f'<?xml version="1.0"?><Workbook xmlns="{name}" xmlns:ss="{name}"><Worksheet ss:Name="a"><Table>'
    found = read(write(head + "".join(rows) + last + "</Table></Worksheet></Workbook>"))
    assert (len(found.events), found.events[0][:4]) == (30, ("c0", "S0", "purchase", 2.0))


@pytest.mark.parametrize("answers", [("1", "4", "5"), ("gut", "sehr gut", "schlecht")])
def test_the_questions_of_a_survey_on_several_products_are_ratings_of_them(
    write: Write, answers: tuple[str, ...]
) -> None:
    def row(at: int) -> str:
        cells = [answers[(at + n) % 3] if (at + n) % 4 else "" for n in range(3)]
        return f"2022-03-0{1 + at % 9} 10:00:00,c{at}@x.org,{','.join(cells)},{'nice' if at % 5 else ''}"

    names = ",".join(f"How do you like [{product}]" for product in ("Red Mug", "Tea", "Honey"))
    found = read(write(table(f"Timestamp,Email,{names},Comments", row)))
    assert found.layout == "ratings"
    assert {event[1] for event in found.events} == {"Red Mug", "Tea", "Honey"}
    assert len(found.events) == 90
