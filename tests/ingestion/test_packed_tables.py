"""Workbooks, HTML saved as workbooks, feeds and archives of one file are read, and are bounded."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook
from reading import read

from src.core.errors import UnclearLayout, UnusableFile
from src.ingestion import input_files

Write = Callable[..., Path]
HEADER = ("Bestellnummer", "Kundennummer", "Artikelnummer", "Menge", "Datum")


def workbook(rows: list[tuple[object, ...]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def archive(files: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return sink.getvalue()


def test_a_workbook_is_read_with_its_dates_ids_and_the_lines_of_its_rows(write: Write) -> None:
    day = datetime.datetime(2023, 5, 1, 8, 0)
    rows = [("Export of May",), (), HEADER, (1, 17.0, "00901", 2, day), (2, None, "00902", 1, day)]
    found = read(write(workbook(rows), "orders.xlsx"))
    assert found.events == [("17", "00901", "purchase", 2.0, 1_682_928_000)]
    assert found.reasons == [(1, "above the header"), (5, "sale without a customer (at the till, or by a guest)")]


def test_html_that_is_called_a_workbook_is_read(write: Write) -> None:
    cells = "".join(f"<th>{name}</th>" for name in HEADER)
    text = (
        f"<html><body><table><tr>{cells}</tr><tr><td>1<td>7<td>A &amp; B<td>2<td>2023-05-01</tr></table></body></html>"
    )
    assert read(write(text, "orders.xls")).events == [("7", "A & B", "purchase", 2.0, 1_682_899_200)]


ITEM = "<g:id>T{0}</g:id><title>Tee {0}</title><g:price>12,00 EUR</g:price><g:item_group_id>T</g:item_group_id>"
FEEDS = {
    "rss": (
        '<?xml version="1.0"?><rss xmlns:g="urn:g"><channel><title>Shop</title>',
        "<item>{}</item>",
        "</channel></rss>",
    ),
    "atom": ('<feed xmlns="urn:atom" xmlns:g="urn:g"><title>Shop</title>', "<entry>{}</entry>", "</feed>"),
    "own": ('<?xml version="1.0"?>\n<products xmlns:g="urn:g">', "\n<product>{}</product>", "</products>"),
}


@pytest.mark.parametrize("feed", FEEDS)
def test_feeds_of_products_are_read(write: Write, feed: str) -> None:
    start, item, end = FEEDS[feed]
    found = read(write(start + "".join(item.format(ITEM.format(at)) for at in range(3)) + end, "feed.xml"))
    assert [(p.product_id, p.title, p.price, p.group_id) for p in found.products] == [
        (f"T{at}", f"Tee {at}", 12.0, "T") for at in range(3)
    ]


def test_a_feed_that_defines_entities_is_refused(write: Write) -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    bomb += "<products><product>&b;</product></products>"
    with pytest.raises(UnusableFile, match="XML that cannot be read"):
        read(write(bomb, "feed.xml"))


def test_the_only_file_of_an_archive_is_read_and_several_are_refused(write: Write) -> None:
    text = "user_id,item_id,rating\nu,p,5\n"
    found = read(write(archive({"ratings.csv": text, "__MACOSX/._ratings.csv": "x"}), "ratings.zip"))
    assert found.events == [("u", "p", "rating", 5.0, -1)]
    with pytest.raises(UnusableFile, match="it holds 2 files"):
        read(write(archive({"a.csv": text, "b.csv": text}), "both.zip"))
    with pytest.raises(UnusableFile, match="cannot be read"):
        read(write(archive({"a.csv": text})[:40], "torn.zip"))


def test_an_archive_and_a_workbook_that_unpack_to_too_much_are_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_files, "MAX_UNPACKED", 100_000)
    with pytest.raises(UnusableFile, match="it unpacks to more than"):
        read(write(archive({"a.csv": "user_id,item_id,rating\n" + "u,p,5\n" * 100_000}), "bomb.zip"))
    monkeypatch.setattr(input_files, "_MOST_SHEET_BYTES", 1_000)
    with pytest.raises(UnusableFile, match="save its sheet as CSV"):
        read(write(workbook([HEADER, (1, 2, 3, 4, 5)]), "bomb.xlsx"))


def test_sheets_with_the_same_columns_are_one_table_and_others_are_named(write: Write) -> None:
    book = Workbook()
    for title, header in (("Jan", HEADER), ("Feb", HEADER), ("Notes", ("é what", "who"))):
        sheet = book.active if title == "Jan" else book.create_sheet()
        assert sheet is not None
        sheet.title = title
        sheet.append(["report of", title])
        sheet.append(header)
        for at in range(9):
            sheet.append([f"{title}{at}", f"c{at}", f"S{at}", 1, "2023-05-01"])
    file = io.BytesIO()
    book.save(file)
    found = read(write(file.getvalue(), "year.xlsx"))
    assert len(found.events) == 18
    said = " ".join(found.table.layout.notes)
    assert "the sheets 'Jan', 'Feb' have the same columns and were read as one" in said
    assert "sheets 'Jan', 'Feb' was read, and not 'Notes'" in said
    assert "letters were read" not in said


REMARKS = [("How to fill in this list",), ("Needed: product id, title, price",), ("As of 03/2026",)]
TURNED = [("Article", "K1", "K2"), ("Title", "Cup", "Pan"), ("Brand", "Ox", "Ox"), ("Price", 3.5, 20)]


@pytest.mark.parametrize(
    ("sheets", "said"),
    [
        ({"Help": REMARKS}, "the first line is 'How to fill in this list'"),
        ({"Help": REMARKS, "Data": [("thing", "much"), ("a", 1)]}, "sheets 'Help' was read, and not 'Data'"),
        ({"Help": REMARKS, "Data": TURNED}, "'Data' was read, and not 'Help'.*'Title', 'Brand', 'Price'.*turn rows"),
        (
            {"Help": [("product", "title"), ("One product in each row, please.", "x")], "Data": [("a",), (1,)]},
            "sheets 'Help' was read, and not 'Data'.*--layout products",
        ),
        ({"Help": [("product", "title"), ("03/2026", "as of")]}, "'03/2026', which looks like remarks"),
    ],
)
def test_a_sheet_of_remarks_is_no_catalogue(
    write: Write, sheets: dict[str, list[tuple[object, ...]]], said: str
) -> None:
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(file := io.BytesIO())
    with pytest.raises(UnclearLayout, match=said):
        read(write(file.getvalue(), "list.xlsx"))
