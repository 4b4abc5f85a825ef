"""Counts, prices and numbers of rows that are no ids; clocks, dates and addresses as shops write them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from src.core.errors import UnclearLayout
from src.ingestion.column_profile import ColumnProfile
from src.ingestion.column_words import names_count, role_by_words
from src.ingestion.event_kind_names import likely_kind
from src.ingestion.parsing import clock_seconds, time_format
from src.ingestion.piece_counts import pieces_in
from src.ingestion.written_clocks import with_plain_clock
from tests.ingestion import reading
from tests.ingestion.reading import notes, read

Write = Callable[[str], Path]
table = partial(reading.table, n=60)


def day(at: int) -> str:
    return f"2023-0{1 + at % 9}-{1 + at % 28:02}"


def test_a_document_for_each_line_does_not_hide_the_customer_above_it(write: Write) -> None:
    lines, document = ["client;day;invoice;sku;pieces"], 0
    for shop in range(6):
        for line in range(3 + shop % 3):
            document += 1
            lines.append(f"{'' if line else f'Shop {shop}'};2023-0{line + 1}-{10 + shop};D{document};S{document % 7};2")
        lines.append(f"Sum of Shop {shop};;;;6")
    found = read(write("\n".join(lines) + "\n"))
    assert found.users[:4] == ["Shop 0"] * 3 + ["Shop 1"]
    assert len(found.users) == document
    assert "filled in the first row of each 'invoice'" not in notes(found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("numberOfFollowers", True), ("n_plays", True), ("Anzahl Kunden", True), ("nb_clients", True), ("views", False),
        ("listener_count", True), ("followers", True), ("customer number", False), ("Nº de socio", False),
        ("N° client", False), ("Numéro de client", False), ("número de clientes", True), ("owner.id", False),
    ],
)  # fmt: skip
def test_names_of_counts(name: str, expected: bool) -> None:
    assert names_count(name) is expected


def test_the_owner_of_a_list_is_its_user_and_not_the_number_of_who_follows_it(write: Write) -> None:
    def shelf(at: int) -> str:
        books = [f'{{"book":{{"isbn":"B{(at * 3 + n) % 11:03}","title":"T {(at * 3 + n) % 11}"}}}}' for n in range(4)]
        return (
            f'{{"name":"Shelf {at}","owner":{{"id":"rd_{at % 7}"}},"subscribers":{10 + at % 9},'
            f'"books":[{",".join(books)}],"addedDate":"{day(at)}"}}'
        )

    found = read(write(f'{{"shelves":[{",".join(map(shelf, range(20)))}]}}', "shelves.json"))
    assert set(found.users) == {f"rd_{at}" for at in range(7)}


def test_blanks_between_thousands_belong_to_the_pieces() -> None:
    texts = ["1 000,000", "12\u202f500", "3 Stk.", "2 x"]
    assert list(map(pieces_in, texts)) == ["1000,000", "12500", "3", "2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("17/03/2025 9h05", "17/03/2025 09:05"), ("17/03/2025 à 11 h 50", "17/03/2025 11:50"),
        ("17.03.2025, 11.50 Uhr", "17.03.2025 11:50"), ("17.03.2025 kl. 11.50", "17.03.2025 11:50"),
        ("2025-03-17 klo 9.05", "2025-03-17 09:05"), ("17/03/2025 às 14h", "17/03/2025 14:00"),
        ("17-03-2025 a las 9:05 h", "17-03-2025 09:05"), ("17/03/2025 11h50m30s", "17/03/2025 11:50:30"),
        ("17/03/2025", "17/03/2025"), ("17/03/2025 11", "17/03/2025 11"), ("1.500 kg", "1.500 kg"),
    ],
)  # fmt: skip
def test_clocks_after_a_day(text: str, expected: str) -> None:
    assert with_plain_clock(text) == expected


def test_a_column_of_days_with_written_clocks_is_read() -> None:
    for texts in (["17/03/2025 9h05"], ["17.03.2025 kl. 9.05"], ["2025-03-17 9.05 Uhr"]):
        assert time_format(texts)[0].seconds(texts)[0].tolist() == [1_742_202_300]


def test_clocks_alone_have_words_or_signs_that_prices_lack() -> None:
    assert clock_seconds(["kl. 11.50", "11 h 50", "9h", "9:05 pm"])[0].tolist() == [42_600, 42_600, 32_400, 75_900]
    assert ColumnProfile("x", ("kl. 11.50", "11 h 50", "11.50 Uhr"), 3).clocks == 1.0
    assert ColumnProfile("x", ("11.50", "v1.50", "5 h", "A 9"), 4).clocks == 0.0


def test_each_of_two_notations_of_days_is_read_by_itself() -> None:
    european, iso = ["17/03/2025 09:05", "05/04/2025 10:00"], ["2025-03-17 09:05", "2025-04-05 10:00"]
    for texts in (european * 2 + iso, iso * 2 + european):
        seconds, is_time = time_format(texts)[0].seconds(texts)
        assert is_time.all()
        assert len(set(seconds.tolist())) == 2
    assert time_format(european)[0].seconds(iso)[1].all()  # the first rows need not show both


def test_addresses_of_mail_in_capitals_and_small_letters_are_one_user(write: Write) -> None:
    def row(at: int) -> str:
        name = f"ann{at % 7}@shop.example"
        return f"{name.upper() if at % 3 else name};P{at % 11};{at % 5 + 1};{day(at)}"

    found = read(write(table("E-Mail;sku;rating;date", row)))
    assert set(found.users) == {f"ann{at}@shop.example" for at in range(7)}
    assert "'ann0@shop.example' and 'ANN0@SHOP.EXAMPLE' are 'ann0@shop.example'" in notes(found)


def test_addresses_of_mail_with_one_spelling_each_stay_as_they_are(write: Write) -> None:
    found = read(
        write(table("E-Mail;sku;rating;date", lambda at: f"Ann{at % 7}@X.eu;P{at % 11};{at % 5 + 1};{day(at)}"))
    )
    assert set(found.users) == {f"Ann{at}@X.eu" for at in range(7)}
    assert "small letters" not in notes(found)


def test_what_may_be_swapped_is_shown_where_other_days_are_clear(write: Write) -> None:
    days = ["2025-03-17", "2025-04-05", "05/04/2025"]
    found = read(write(table("user;sku;rating;date", lambda at: f"u{at % 7};P{at % 11};{at % 5 + 1};{days[at % 3]}")))
    assert "dates such as '05/04/2025' were read day first" in notes(found)


def test_prices_of_titles_are_no_products_and_the_number_of_each_piece_is(write: Write) -> None:
    def row(at: int) -> str:
        title = at * 3 % 7
        return f"{at:05};B{at % 9};Lamp {'abcdefg'[title]};{title + 1}9,50;{day(at)}"

    found = read(write(table("Nr;Kunde;Bezeichnung;Listenpreis;Datum", row)))
    assert found.table.layout.name_of(found.table.layout.columns["product"]) != "Listenpreis"
    assert ColumnProfile("x", ("12,60", "9,50\u00a0€", "1.189,00 zł"), 3).prices == 1.0
    assert ColumnProfile("x", ("1000.170", "REF-9", "A9.50x", "12"), 4).prices == 0.0


def test_a_data_frame_has_its_index_and_its_n(write: Write) -> None:
    sizes = ["1.0", "2.0", "6.0"]
    rows = table(",cust,prod,n,ts", lambda at: f"{at},{900 + at % 7}.0,{50 + at % 11}.0,{sizes[at % 3]},{day(at)}")
    found = read(write(rows))
    assert {event[3] for event in found.events} == {1.0, 2.0, 6.0}
    assert "column 1" not in found.table.describe() + notes(found)


@pytest.mark.parametrize(
    "name", ["DNI", "PESEL", "RUT", "CURP", "N.º contribuinte", "henkilötunnus", "Documento de identidad"]
)
def test_numbers_that_states_give_persons_tell_users(name: str) -> None:
    assert (role_by_words(name) or ("",))[0] == "user"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Umtausch (Eingang)", "return"), ("Exchange - new", "purchase"), ("Échange entrée", "return"),
        ("Troca (saída)", "purchase"), ("Umtausch", "none"),
    ],
)  # fmt: skip
def test_each_half_of_an_exchange_is_offered_as_what_it_is(name: str, kind: str) -> None:
    assert likely_kind(name) == kind


def test_names_right_below_names_are_taken_out_by_the_advised_command(write: Write, tmp_path: Path) -> None:
    def row(at: int) -> str:
        return f"T{at:03},Tin {at},{at}.50,{at % 3}"

    path = write(
        table("Seller SKU,Product Name,Standard Price,Quantity\nitem_sku,item_name,standard_price,quantity", row)
    )
    with pytest.raises(UnclearLayout) as refused:
        read(path)
    command = re.search(r"tail -n \+2 file.csv > file-2.csv", str(refused.value))
    assert command is not None
    subprocess.run(command[0], shell=True, cwd=tmp_path, check=True)
    assert len(read(tmp_path / "file-2.csv").products) == 60
