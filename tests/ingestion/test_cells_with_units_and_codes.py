"""Cells with units, groups of digits and quotes, codes beside names, and headers in many languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reading import kinds, notes, read, table

from src.core.errors import UnclearLayout
from src.ingestion.column_names import role_of_name
from src.ingestion.line_items import find_splitter
from src.ingestion.piece_counts import pieces_in

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("cell", "pieces"),
    [("2x", "2"), ("x 3", "3"), ("4 Stk.", "4"), ("1,000 EA", "1,000"), ("Qty: 5", "5"), ("-2 pcs", "-2"),
     ("350 g", "1"), ("1,5 l", "1"), ("two", "two"), ("3 of 4", "3 of 4"), ("7 dwarfs", "7 dwarfs")],
)  # fmt: skip
def test_a_quantity_is_read_with_its_unit(cell: str, pieces: str) -> None:
    assert pieces_in(cell) == pieces


def test_weights_count_as_one_piece_and_are_said(write: Write) -> None:
    amounts = ("250 g", "2 szt.", "1,5 kg", "4 szt.")
    rows = table("zamowienie;klient;towar;ilosc", lambda at: f"{at};k{at % 9};T{at % 7};{amounts[at % 4]}")
    found = read(write(rows))
    assert {event[3] for event in found.events} == {1.0, 2.0, 4.0}
    assert "'ilosc' has measures such as '250 g'" in notes(found)


def test_a_matrix_with_blanks_between_thousands_is_one_and_its_sums_are_no_user(write: Write) -> None:
    def row(at: int) -> str:
        cells = [str((at * 7 + column) % 5 * 12 or "") for column in range(6)]
        cells[at % 6] = "1\u202f200"
        return ";".join([f"K{at}" if at < 39 else "SUMMA", *cells, "99"])

    names = ("Lampe", "Bord", "Stol", "Teppe", "Krus", "Fat")
    found = read(write(table(f"kundenr;{';'.join(names)};Total", row)))
    assert {event[1] for event in found.events} == set(names)
    assert max(event[3] for event in found.events) == 1200.0
    assert "SUMMA" not in found.users


def test_codes_are_taken_before_names_where_rows_of_sums_have_names_only(write: Write) -> None:
    def row(at: int) -> str:
        if at % 4 == 3:
            return f"R{at // 4};;;Sum of receipt;;"
        return f"R{at // 4};2023-05-01;c{at // 4 % 5};{'ABCDE'[at % 5]} lamp;L{at % 5}0;1"

    found = read(write(table("receipt;date;customer card;item;item code;qty", row)))
    assert {event[1] for event in found.events} == {f"L{at}0" for at in range(5)}
    assert found.products[0].title is not None


def test_ids_of_variants_are_taken_before_those_of_their_parents(write: Write) -> None:
    rows = table(
        "order_id,customer,product_id,sku,name,qty",
        lambda at: (
            f"{at},c{at % 9},{900 + at % 8 % 3 if at % 8 < 6 else 950 + at % 8},V{at % 8},Mug of sort {at % 8},1"
        ),
        n=80,
    )
    found = read(write(rows))
    assert {event[1] for event in found.events} == {f"V{at}" for at in range(8)}


def test_quotes_behind_backslashes_stay_in_the_text(write: Write) -> None:
    rows = table(
        "sku,name,price",
        lambda at: f'"S{at}","The \\"best\\" mug no {at}, red","1.50"' if at % 9 == 0 else f'"S{at}","Mug","1.50"',
    )
    found = read(write(rows))
    assert found.products[0].title == 'The "best" mug no 0, red'


def test_telephone_numbers_stand_for_customers_and_commas_in_titles_do_not_end_them(write: Write) -> None:
    dishes = ("1x Fish & chips, 2x Cola 0,5l", "1x Soup", "3x Cola 0,5l, 1x Pie")
    rows = table(
        "code;day;mobile;dishes", lambda at: f"Q{at};2023-05-0{at % 9 + 1};07700 9001{at % 7:02d};{dishes[at % 3]}"
    )
    found = read(write(rows))
    assert {event[1] for event in found.events} == {"Fish & chips", "Cola 0,5l", "Soup", "Pie"}
    assert len(set(found.users)) == 7
    assert "'mobile' was taken for the user by its look" in notes(found)


def test_counted_codes_of_digits_are_taken_apart_as_before() -> None:
    split = find_splitter(["123:2,456:1", "789:1", "456:3,123:1"])
    assert split is not None
    assert [(item.product, item.quantity) for item in split("123:2,456:1") or ()] == [("123", "2"), ("456", "1")]


def test_a_grouped_report_is_refused_as_one(write: Write) -> None:
    lines = "".join(f"Shop {at};;5\nInvoice {at} of 01.05.2023;;5\nLamp;A{at};5\n" for at in range(9))
    with pytest.raises(UnclearLayout, match=r"'Customer / Document / Item' has customers.*a grouped report"):
        read(write(f"Sales\n\nCustomer / Document / Item;Item no;Qty\n{lines}"))


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (("고객명", "주문자", "顧客番号", "pelanggan", "买家会员名", "Заказчик", "Код клиента",
          "Αγοραστής", "Cari Kodu", "Odběratel", "Vevőkód", "Nume client", "Låntagare"), "user"),
        (("상품코드", "품번", "SKU番号", "kode_barang", "款号", "Номенклатура", "Κωδικός είδους",
          "Stok Kodu", "Číslo zboží", "Cikkszám", "Cod produs", "Titelnr"), "product"),
        (("주문일자", "결제일", "受注日", "tgl_transaksi", "付款时间", "Дата продажи", "Ημερομηνία", "Sipariş Tarihi",
          "Vytvořeno", "Rendelés dátuma", "Data comenzii"), "time"),
        (("개수", "個数", "banyak", "销量", "Кол-во", "Τεμάχια", "Adet", "Počet", "Darabszám", "Bucăți"), "quantity"),
        (("전표번호", "伝票番号", "no_faktur", "单号", "Номер чека", "Παραστατικό", "İşlem No",
          "Číslo dokladu", "Bizonylatszám", "Număr comandă"), "invoice"),
        (("단가", "定価", "harga_satuan", "单价", "Стоимость", "Τιμή", "Birim Fiyat", "Cena za kus",
          "Egységár", "Preț"),
         "price"),
        (("주문상태", "状態", "status_pesanan", "订单状态", "Состояние", "Κατάσταση", "Statü", "Stav",
          "Állapot", "Stare"),
         "state"),
    ],
)  # fmt: skip
def test_usual_headers_of_many_languages_are_understood(names: tuple[str, ...], role: str) -> None:
    assert {name: role_of_name(name) for name in names} == dict.fromkeys(names, role)


def test_purchases_of_such_a_file_are_read(write: Write) -> None:
    rows = table(
        "受注日\t伝票番号\t得意先コード\t品番\t数量",
        lambda at: f"2023/05/0{at % 9 + 1}\tD{at}\tT{at % 9}\tH{at % 7}\t{at % 3 + 1}個",
    )
    assert kinds(read(write(rows))) == {"purchase": 40}
