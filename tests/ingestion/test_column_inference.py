"""Columns with unusual names: inferred with a note, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.core.errors import UnusableFile
from src.ingestion.layout_detection import open_table
from tests.ingestion.reading import read


def written(tmp_path: Path, text: str, name: str = "file.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("user_id,item_id,type,timestamp\nu,p,view,1500000000\nu,p,clicks,1500000001\n", ["view", "click"]),
        ("user_id,item_id,event_name\nu,p,view_item\nu,p,purchase\n", ["view", "purchase"]),
        ("User-ID;ISBN;Book-Rating\n1;x;5\n2;y;3\n", ["rating", "rating"]),
        ("customer_id,sku,review_rating\n1,x,5\n2,y,3\n", ["rating", "rating"]),
        ("Customer ID,Product ID,Units Sold,Order Date\n1,x,2,2020-01-01\n1,x,-1,2020-01-02\n", ["purchase", "return"]),
    ],
)
def test_names_that_say_more_than_they_must_are_understood(tmp_path: Path, text: str, kinds: list[str]) -> None:
    found = read(written(tmp_path, text))
    assert [event[2] for event in found.events] == kinds
    assert any("by its look" in note for note in found.table.layout.notes)


def test_a_date_beside_a_rating_is_its_time(tmp_path: Path) -> None:
    found = read(written(tmp_path, "user_id,product_id,rating,Date Added\nu,p,3,2020-01-01\nu,p,4,2019-01-01\n"))
    assert [event[4] for event in found.events] == [1577836800, 1546300800]


def test_unused_columns_are_reported(tmp_path: Path) -> None:
    table = open_table(written(tmp_path, "user_id,product_id,rating,colour,mood\nu,p,3,red,good\n"))
    assert table.describe().endswith("not used: colour, mood")


@pytest.mark.parametrize(
    "text",
    [
        "OrderID,ProductID,Quantity,UnitPrice,OrderDate\n1,a,2,3.5,2023-01-01\n2,b,1,2.5,2023-01-01\n",
        "Order ID,Ship To,Product ID,Product Name,Quantity,Order Date\n1,A,x,X,2,2023-01-01\n",
    ],
)
def test_orders_without_a_known_user_are_refused_not_guessed(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnusableFile, match="columns") as raised:
        open_table(written(tmp_path, text))
    assert "--columns" in str(raised.value)


@pytest.mark.parametrize(
    "above", ["# an export\n", "Sales report 2023,,,\n,,,\n", "sep=,\n"], ids=["comment", "report", "excel"]
)
def test_a_header_further_down_is_found_and_what_is_above_is_counted(tmp_path: Path, above: str) -> None:
    rows = "sku,customer,qty,date\ns1,c1,2,2023-01-31\ns2,c2,1,2023-02-01\n"
    found = read(written(tmp_path, above + rows))
    assert [event[:4] for event in found.events] == [("c1", "s1", "purchase", 2.0), ("c2", "s2", "purchase", 1.0)]
    assert [reason for _, reason in found.reasons] == ["above the header"]
    assert found.n_rows == 3


def test_a_header_in_the_middle_is_no_row(tmp_path: Path) -> None:
    found = read(written(tmp_path, "user_id,product_id,rating\nu,p,3\nuser_id,product_id,rating\nv,p,4\n"))
    assert found.users == ["u", "v"]
    assert found.reasons == [(3, "the header again")]


def test_products_before_users_without_a_header_are_detected_by_their_form(tmp_path: Path) -> None:
    rows = "0000013714,ACNGUPJ3A3TM9,5.0,1406073600\nB00004RFFQ,A2SUAM1J3GNN3B,4.0,1406073601\n"
    found = read(written(tmp_path, rows))
    assert found.users == ["ACNGUPJ3A3TM9", "A2SUAM1J3GNN3B"]
    assert "user=1,product=2" in " ".join(found.table.layout.notes)


def test_two_torn_quotes_never_make_one_row_of_two(tmp_path: Path) -> None:
    text = "user_id,product_id,rating,summary,timestamp\n" + (
        'u1,p1,5,"Great,1500000000\nu2,p2,1,bad",1510000000\nu3,p3,3,ok,1520000000\n'
    )
    found = read(written(tmp_path, text))
    assert [(event[0], event[4]) for event in found.events] == [
        ("u1", 1500000000),
        ("u2", 1510000000),
        ("u3", 1520000000),
    ]


def test_an_order_that_is_archived_does_not_withdraw_its_product(tmp_path: Path) -> None:
    text = "order_id,customer_id,sku,quantity,order_date,archived,title\n1,c,s,1,2023-01-31,1,Cup\n"
    (product,) = read(written(tmp_path, text)).products
    assert product.title == "Cup"
    assert product.withdrawn is None


def test_days_come_first_where_numbers_have_decimal_commas(tmp_path: Path) -> None:
    rows = "1;a;2;3,50;05/03/2023\n1;b;1;1.299,00;06/03/2023\n1;c;1;1.299;07/03/2023\n"
    text = f"client;référence;quantité;prix;date\n{rows}"
    found = read(written(tmp_path, text))
    assert [event[4] for event in found.events] == [1677974400, 1678060800, 1678147200]
    assert [product.price for product in found.products] == [3.5, 1299.0, 1299.0]
    assert any("--dates month-first" in note for note in found.table.layout.notes)


def test_days_written_as_one_number_are_detected_even_with_a_broken_one(tmp_path: Path) -> None:
    rows = "u0,p,3,20180617\nu1,p,3,20180618\nu2,p,3,00000000\n"
    found = read(written(tmp_path, f"user_id,product_id,rating,date\n{rows}"))
    assert [event[4] for event in found.events] == [1529193600, 1529280000]
    assert found.reasons == [(4, "time is not readable")]


def test_days_of_a_workbook_are_detected_and_reported(tmp_path: Path) -> None:
    found = read(written(tmp_path, "user_id,product_id,rating,date\nu0,p,3,43000\nu1,p,3,43000.5\n"))
    assert [event[4] for event in found.events] == [1506038400, 1506081600]
    assert any("Excel" in note for note in found.table.layout.notes)


def test_times_of_1970_are_pointed_out(tmp_path: Path) -> None:
    table = open_table(written(tmp_path, "user_id,product_id,rating,year\nu,p,3,2019\n", "x.csv"))
    assert TIME_ROLE not in table.layout.columns
    table = open_table(written(tmp_path, "user_id,product_id,rating,time\nu,p,3,2019\nv,p,3,2018\n", "y.csv"))
    assert any("1973" in note for note in table.layout.notes)


def test_thousands_are_distinguished_from_decimals(tmp_path: Path) -> None:
    text = 'user_id,sku,quantity\nu,a,2\nu,b,"1,000"\n'
    assert [event[3] for event in read(written(tmp_path, text)).events] == [2.0, 1000.0]


def test_a_field_that_comes_late_is_found(tmp_path: Path) -> None:
    rows = "".join(f'{{"id": "p{at}", "title": "t"}}\n' for at in range(300))
    found = read(written(tmp_path, rows + '{"id": "p999", "title": "t", "withdrawn": true, "price": 5}\n', "p.jsonl"))
    assert found.products[-1].withdrawn is True
    assert found.products[-1].price == 5


def test_names_of_columns_decide_the_separator(tmp_path: Path) -> None:
    text = "user_id,item_id,rating,timestamp,tags\nu,p,3,1500000000,a|b|c|d|e|f\nv,p,3,1500000000,a|b|c|d|e|f\n"
    assert read(written(tmp_path, text)).users == ["u", "v"]


TIME_ROLE = "time"
