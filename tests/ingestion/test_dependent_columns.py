"""Which column is which, told by what depends on what: titles on products, orders on customers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from src.core.errors import UnclearLayout
from src.ingestion.given_words import parse_words
from src.ingestion.layout import Hints
from tests.ingestion.reading import Reading, notes, read, table


def _at(at: int) -> str:
    return f"2023-03-{at % 27 + 1:02} 10:00"


SOLD_BY = table(
    "docnum;clientcode;RepName;itemcode;Labelling;amount sold;when",
    lambda at: f"D{at // 3};K{at // 3 % 7};Rep {'AB'[at // 3 % 2]};P-{at % 8}X;Red lamp {at % 8};1;{_at(at // 3)}",
)
LINES = table(
    "Document No.,Line No.,Customer No.,Posting Date,No.,Description,Quantity",
    lambda at: f"D{at // 3},{at % 3 + 1}0000,K{at // 3 % 7},{_at(at // 3)},L-{at % 8},Red lamp {at % 8},2",
)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (SOLD_BY, {"product": "itemcode", "title": "Labelling", "user": "clientcode"}),
        (LINES, {"product": "No.", "title": "Description", "user": "Customer No."}),
        (
            table(
                "member,day,name,year,rating",
                lambda at: (
                    f"m{at % 5},{_at(at)},{('Dust', 'Low Tide', 'Kite', 'Rain')[at % 4]},{1980 + at % 4},{at % 5 + 1}"
                ),
            ),
            {"user": "member", "product": "name"},
        ),
        (
            table(
                "listener,utc,artist,album,track",
                lambda at: f"u{at % 5},{_at(at)},Band {at % 6},LP {at % 6},Song {at % 9}",
            ),
            {"user": "listener", "product": "track"},
        ),
        (
            table(
                "orderkey,buyer_id,sku,qty,paid_at",
                lambda at: f"order-{at // 2},b{at // 2 % 7},S{at % 8},1,{_at(at // 2)}",
            ),
            {"user": "buyer_id", "product": "sku", "kind": None},
        ),
    ],
    ids=["seller", "line numbers", "years", "artists", "numbered orders"],
)
def test_columns_are_told_by_what_depends_on_them(text: str, columns: dict[str, str | None], tmp_path: Path) -> None:
    (path := tmp_path / "file.csv").write_text(text)
    layout = read(path).table.layout
    names = {role: layout.names[at] for role, at in layout.columns.items()}
    assert {role: names.get(role) for role in columns} == columns


BROWSED = table(
    "visitor_id,time,action,sku,tool_name,li_name",
    lambda at: (
        f"v{at % 7},{_at(at)},"
        + (f"view,,{'Fox' if at % 5 else 'Owl'}," if at % 3 else f"purchase,S-{at % 5},Fox,Red lamp {at % 5}")
    ),
)


def _titles(found: Reading) -> set[str]:
    return {each.title for each in found.products if each.title}


def test_what_is_the_same_for_all_products_is_no_title(tmp_path: Path) -> None:
    (path := tmp_path / "log.csv").write_text(BROWSED)
    assert _titles(read(path)) == {f"Red lamp {at}" for at in range(5)}
    path.write_text("\n".join(line.rpartition(",")[0] for line in BROWSED.splitlines()))
    found = read(path)
    assert not _titles(found)
    assert "'tool_name' ('Fox', 'Owl') tells no products apart, and was not taken for the title; if it does:" in notes(
        found
    )
    assert _titles(read(path, Hints(columns={"title": "tool_name"}))) == {"Fox"}


def test_what_is_the_same_in_a_whole_catalogue_is_no_title(tmp_path: Path) -> None:
    (path := tmp_path / "articles.csv").write_text(
        table("sku,price,tool name,wording", lambda at: f"A-{at},9.5,Fox,Red lamp {at}")
    )
    assert _titles(read(path)) == {f"Red lamp {at}" for at in range(40)}


def test_variants_of_one_thing_keep_its_plain_title(tmp_path: Path) -> None:
    (path := tmp_path / "sold.csv").write_text(
        table("customer_id,sku,title,qty,date", lambda at: f"c{at % 7},S-{at % 9},Red lamp,1,{_at(at)}")
    )
    assert _titles(read(path)) == {"Red lamp"}


@pytest.mark.parametrize("year", [lambda at: 1990 + at % 9, lambda at: 1990 + at % 4], ids=["one film", "two films"])
def test_the_year_behind_a_title_is_no_id(year: Callable[[int], int], tmp_path: Path) -> None:
    (path := tmp_path / "diary.csv").write_text(
        table(
            "member;film;seen;points",
            lambda at: f"m{at % 5};Low Tide {'abcdefghi'[at % 9]} ({year(at % 9)});{_at(at)};4",
        )
    )
    assert {event[1] for event in read(path).events} == {f"Low Tide {'abcdefghi'[at]} ({year(at)})" for at in range(9)}


def test_numbers_behind_titles_are_ids_where_some_are_no_years_or_cells_have_several(tmp_path: Path) -> None:
    (path := tmp_path / "sold.csv").write_text(
        table("customer;item;date", lambda at: f"c{at % 7};Red lamp ({1990 + at % 9 * 50});{_at(at)}")
    )
    assert {event[1] for event in read(path).events} == {str(1990 + at * 50) for at in range(9)}
    path.write_text(
        table(
            "customer;items;date",
            lambda at: f"c{at % 7};Red lamp ({1990 + at % 9}), Blue mat ({2001 + at % 5});{_at(at)}",
        )
    )
    assert len({event[1] for event in read(path).events}) == 9 + 5


def test_what_numbers_lines_does_not_fill_gaps_of_products(tmp_path: Path) -> None:
    (path := tmp_path / "lines.csv").write_text(LINES + "D99,10000,K1,2023-03-02 10:00,,Confirmed by phone,0\n")
    assert not {"10000", "20000", "30000"} & {event[1] for event in read(path).events}


def test_fields_of_the_author_of_a_review_are_no_products(tmp_path: Path) -> None:
    (path := tmp_path / "reviews.jsonl").write_text(
        "\n".join(
            json.dumps(
                {
                    "appid": str(3000 + at % 6),
                    "author": {"steamid": str(765000 + at % 9), "num_games_owned": 20 + at % 15},
                    "voted_up": at % 4 > 0,
                    "created": 1_650_000_000 + at * 5000,
                }
            )
            for at in range(40)
        )
    )
    assert {event[1] for event in read(path).events} == {str(3000 + at) for at in range(6)}


def test_a_second_id_of_products_is_no_user_and_orders_may_stand_for_them(tmp_path: Path) -> None:
    (path := tmp_path / "sales.csv").write_text(
        table(
            "Order ID,Product Title,FSN,SKU,Quantity,Order Date",
            lambda at: f"OD{at // 4},Lamp {at // 2 % 7},KX{at // 2 % 7}Q,S-{at // 2 % 7},1,{_at(at)}",
        )
    )
    with pytest.raises(UnclearLayout, match="stand for a customer of its own: --columns 'user=Order ID'"):
        read(path)
    assert len(read(path, Hints(columns={"user": "Order ID"})).events) == 40


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("bookingkey,ref,thing,sum rate,qty,day", lambda at: f"{900 + at // 3},r{at},T-{at % 7},9.5,2,{_at(at // 3)}"),
        ("objectid,average score,year of making,day", lambda at: f"{700 + at % 9},{6 + at % 9 / 10},{1990 + at % 9},x"),
    ],
    ids=["order numbers", "averages"],
)
def test_nothing_is_proposed_that_would_load_wrongly(header: str, row: object, tmp_path: Path) -> None:
    (path := tmp_path / "file.csv").write_text(table(header, row))  # type: ignore[arg-type]
    with pytest.raises(UnclearLayout) as refused:
        read(path)
    assert "perhaps" not in str(refused.value)


def test_titles_of_several_makers_are_said_aloud(tmp_path: Path) -> None:
    (path := tmp_path / "plays.csv").write_text(
        table(
            "listener,utc,artist,track",
            lambda at: f"u{at % 5},{_at(at)},Band {at % 8 if at % 8 > 1 else at % 16},Song {at % 8}",
        )
    )
    assert "WARNING: products go by 'track'" in notes(read(path))


VARIANTS = table(
    "products_id|products_model|products_master_flag|products_master_model|title_en|active|price_gross",
    lambda at: f"{at}|T{at // 4}" + (f"|1||Shirt {at // 4}|1|19.90" if at % 4 == 0 else f"-{at}|0|T{at // 4}||1|"),
)


def test_variants_go_by_the_ids_that_name_their_parents(tmp_path: Path) -> None:
    (path := tmp_path / "products.csv").write_text(VARIANTS)
    groups = {each.product_id: each.group_id for each in read(path).products}
    assert groups["T1-5"] == groups["T1-6"] == "T1"


def test_a_category_of_many_products_is_no_group(tmp_path: Path) -> None:
    (path := tmp_path / "products.csv").write_text(
        table(
            "products_id,products_name,products_price,master_categories_id",
            lambda at: f"{at},Lamp {at},9.5,{60 + at % 3}",
        )
    )
    assert all(each.group_id is None for each in read(path).products)


def test_charges_are_told_by_their_ids_and_named_in_a_catalogue(tmp_path: Path) -> None:
    (orders := tmp_path / "orders.csv").write_text(
        "order_id,customer_id,sku,title,quantity,date\n"
        "1,a,S1,Red lamp,1,2023-03-01\n1,a,FREIGHT,With PostNord,1,2023-03-01\n2,b,S2,Blue lamp,1,2023-03-02\n"
        "2,b,DELIVERY7,Courier,1,2023-03-02\n2,b,BILLING-1,By card,1,2023-03-02\n"
    )
    assert [event[1] for event in read(orders).events] == ["S1", "S2"]
    (path := tmp_path / "articles.csv").write_text(
        table(
            "articleNumber,articleType,name,price,articleCategory",
            lambda at: f"A{at},{'SHIPPING_COST' if at == 7 else 'STORABLE'},Lamp {at},9.50,Lamps",
        )
    )
    assert "--columns state=articleType --words 'SHIPPING_COST=hidden'" in notes(read(path))
    hints = Hints(columns={"state": "articleType"}, words=parse_words("SHIPPING_COST=hidden"))
    assert [each.product_id for each in read(path, hints).products if each.unlisted] == ["A7"]


def test_codes_of_lines_are_said_aloud_with_words_that_work(tmp_path: Path) -> None:
    (path := tmp_path / "lines.csv").write_text(
        table(
            "order_id,customer_id,date,line_type,sku,title,quantity",
            lambda at: (
                f"{at // 4},c{at // 4 % 7},{_at(at)},"
                + (f"2,S{at % 7},Lamp {at % 7},1" if at % 4 else f"5,X{at % 3},Handling by hand {at % 3},1")
            ),
        )
    )
    found = read(path)
    assert "WARNING: 'line_type' has a code for each line, mostly 2" in notes(found)
    hints = Hints(columns={"line_kind": "line_type"}, words=parse_words("5=none"))
    assert len(read(path, hints).events) == 30 < len(found.events)


def test_orders_told_again_with_each_state_are_said_aloud_with_words_that_work(tmp_path: Path) -> None:
    (path := tmp_path / "changes.csv").write_text(
        table(
            "order_id,customer_id,sku,status,time",
            lambda at: f"{at // 3},c{at // 3 % 5},S{at // 3 % 7},{('created', 'paid', 'shipped')[at % 3]},{_at(at)}",
        )
    )
    found = read(path)
    assert "WARNING: 13 of 14 products of an order stand in rows of several 'status'" in notes(found)
    words = notes(found).split("only: --words ")[1].split(";")[0]
    assert len(read(path, Hints(words=parse_words(words))).events) == len(found.events) / 2


def test_lines_of_orders_that_look_like_a_catalogue_are_said_aloud(tmp_path: Path) -> None:
    orders = [
        {
            "id": 6000 + at,
            "created": _at(at),
            "lines": [
                {
                    "id": 90_000 + 3 * at + n,
                    "variationId": 10 + (at + n) % 6,
                    "title": f"Mat {(at + n) % 6}",
                    "quantity": 1,
                }
                for n in range(3)
            ],
        }
        for at in range(20)
    ]
    (path := tmp_path / "orders.json").write_text(json.dumps(orders))
    assert "WARNING: each of 'title' stands in several" in notes(read(path))


def test_purchases_that_another_column_calls_abandoned_are_carts(tmp_path: Path) -> None:
    (path := tmp_path / "visits.csv").write_text(
        table(
            "visitor_id,time,action,viewed_sku,bought_sku",
            lambda at: (
                f"v{at % 7},{_at(at)},{('pageview', 'order', 'abandonedCart')[at % 3]},"
                f"{f'S-{at % 5}' if at % 3 == 0 else ''},{f'S-{at % 5}' if at % 3 else ''}"
            ),
        )
    )
    kinds = [event[2] for event in read(path).events]
    assert (kinds.count("view"), kinds.count("purchase"), kinds.count("cart")) == (14, 13, 13)


def test_xml_whose_lines_are_attributes_is_read(tmp_path: Path) -> None:
    orders = "".join(
        f'<Order OrderNumber="{at}" CustomerNumber="{at % 5}" OrderDate="2023-03-{at + 1:02}">'
        f'<Row ArticleNumber="A{at % 6}" Quantity="2"/><Row ArticleNumber="A{at % 4}" Quantity="1"/></Order>'
        for at in range(24)
    )
    (path := tmp_path / "orders.xml").write_text(f"<?xml version='1.0'?><Orders>{orders}</Orders>")
    assert len(read(path).events) == 48
