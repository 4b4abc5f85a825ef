"""Counts, prices and numbers of rows that are no ids; clocks, dates and addresses as shops write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from src.ingestion.column_words import names_count
from src.ingestion.piece_counts import pieces_in
from tests.ingestion.reading import Reading, read

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(text: str, name: str = "file.csv") -> Path:
        (path := tmp_path / name).write_text(text)
        return path

    return write_file


def table(header: str, row: Callable[[int], str], n: int = 60) -> str:
    return "\n".join([header, *map(row, range(n))]) + "\n"


def day(at: int) -> str:
    return f"2023-0{1 + at % 9}-{1 + at % 28:02}"


def notes(found: Reading) -> str:
    return " | ".join(found.table.layout.notes)


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
    assert [pieces_in(text) for text in ("1 000,000", "12\u202f500", "3 Stk.", "2 x")] == ["1000,000", "12500", "3", "2"]
