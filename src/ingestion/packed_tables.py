"""Turn tables inside other formats into lines of text: workbooks, HTML saved as a workbook, XML feeds of products.

Every reader works on a stream, and what it unpacks is bounded: a small file must not fill the memory.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, time
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import IO, Any

from typing_extensions import override

from src.core.errors import UnusableFile
from src.ingestion.column_words import role_by_words

_ZIP_MAGIC = b"PK\x03\x04"
_WORKBOOK_PART = "xl/workbook.xml"
_LINES_IN_BLOCK = 5_000
_MOST_TITLES = 5
_FIRST_ROWS = 20  # of a sheet, which are searched for names of columns
_MOST_CELLS = 10_000  # of a row
_LONGEST_CELL = 100_000
_MOST_FIELDS = 500  # of an element of a feed
_ITEM_TAG_NAMES = """
    item entry product offer artikel produkt produit producto row shopitem
    order transaction sale invoice bestellung auftrag rechnung beleg commande pedido ordine record event review
"""
_ITEM_TAGS = frozenset(_ITEM_TAG_NAMES.split())


def zip_member(path: Path) -> str | None:
    """Return the name of the table in a zip archive of one file; None for a workbook.

    Raises:
        UnusableFile: The archive is damaged, holds no file or several, or one with a password.
    """
    files = _files_of(path)
    if files is None:
        return None
    if len(files) != 1 or files[0].flag_bits & 1:
        what = "it needs a password" if len(files) == 1 else f"it holds {len(files)} files"
        names = f", such as {path}/{files[0].filename}" if len(files) > 1 else ""
        raise UnusableFile(
            f"{path}: it is a zip archive, and {what}. Expected one table in it; unpack it, and load its files by "
            f"their names{names}."
        )
    return files[0].filename


def tables_in(path: Path) -> list[Path]:
    """Return the files in a zip archive of several, each as the archive's path and its name in it; else the path."""
    with suppress(OSError, UnusableFile), open(path, "rb") as file:
        if is_zip(file.read(len(_ZIP_MAGIC))) and (files := _files_of(path)) and len(files) > 1:
            return [path / info.filename for info in files]
    return [path]


def archive_of(path: Path) -> tuple[Path, str | None]:
    """Return the file on disk that a path leads to, and the name of the table in it where it is an archive's."""
    if not path.is_file():
        for parent in path.parents:
            if parent.is_file():
                member = path.relative_to(parent).as_posix()
                known = {each.relative_to(parent).as_posix() for each in tables_in(parent) if each != parent}
                return (parent, member) if member in known else (path, None)
    return path, None


def _files_of(path: Path) -> list[zipfile.ZipInfo] | None:
    """Return the files in a zip archive; None for a workbook. Raises UnusableFile for a damaged one."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise UnusableFile(
            f"{path}: it is a zip archive or an Excel workbook that cannot be read ({error}). Expected a whole file; "
            "fetch it again, or unpack it, and load that."
        ) from None
    if any(info.filename == _WORKBOOK_PART for info in infos):
        return None
    return [info for info in infos if not info.is_dir() and not _is_hidden(info.filename)]


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def is_zip(head: bytes) -> bool:
    """Whether the first bytes are those of a zip archive, which a workbook is too."""
    return head.startswith(_ZIP_MAGIC)


def is_html(head: bytes) -> bool:
    """Whether the first bytes are those of an HTML page, as many programs save workbooks."""
    start = head[:2_000].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if b"urn:schemas-microsoft-com:office:spreadsheet" in start:  # a workbook saved as XML
        return True
    return start.startswith((b"<html", b"<!doctype html", b"<table", b"<meta")) or (
        start.startswith(b"<") and b"<table" in start and b"<?xml" not in start[:5]
    )


def is_xml(head: bytes) -> bool:
    """Whether the first bytes are those of an XML document."""
    start = head[:200].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    return start.startswith((b"<?xml", b"<rss", b"<feed", b"<products", b"<catalog", b"<shop", b"<items", b"<offers"))


def sheet_lines(path: Path, most_bytes: float) -> Iterator[list[str]]:
    """Yield the sheets of a workbook that have one table as lines of tab-separated text, empty rows as empty lines.

    Args:
        path: The workbook.
        most_bytes: Bytes that its parts may unpack to.

    Yields:
        Blocks of lines.

    Raises:
        UnusableFile: It is damaged, or unpacks to more.
    """
    with _guarded(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > most_bytes:
            raise UnusableFile(
                f"{path}: it unpacks to more than {most_bytes:,.0f} bytes. Expected a workbook of one table; save its "
                "sheet as CSV, and load that."
            )
        (first, _), *others = _sheets(path)[0]
        rows = chain(
            first.iter_rows(values_only=True),
            *(sheet.iter_rows(values_only=True, min_row=header + 1) for sheet, header in others),
        )
        yield from _blocks(map(_line, rows))


def sheet_notes(path: Path) -> list[str]:
    """Return what is said of a workbook of several sheets, for people."""
    with _guarded(path):
        read, others = _sheets(path)
        filled = [sheet for sheet in others if any(any(row) for row in sheet.iter_rows(values_only=True, max_row=2))]
    notes = []
    if len(read) > 1:
        notes.append(f"the sheets {_titles(sheet for sheet, _ in read)} have the same columns and were read as one")
    if filled:
        notes.append(
            f"of the workbook's sheets {_titles(sheet for sheet, _ in read)} was read, and not {_titles(filled)}: if "
            "they have rows too, save them as CSV, and load those"
        )
    return notes


def _titles(sheets: Iterable[Any]) -> str:
    titles = [repr(sheet.title) for sheet in sheets]
    return ", ".join(titles[:_MOST_TITLES]) + (f" and {more} more" if (more := len(titles) - _MOST_TITLES) > 0 else "")


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    try:
        yield
    except UnusableFile:
        raise
    except Exception as error:  # a damaged workbook raises errors of many kinds
        raise UnusableFile(
            f"{path}: it is an Excel workbook that cannot be read ({type(error).__name__}). Expected a whole file; "
            "fetch it again, or save its sheet as CSV, and load that."
        ) from None


def _sheets(path: Path) -> tuple[list[tuple[Any, int]], list[Any]]:
    """Return the sheets that have one table, each with the number of its header, and the other visible ones.

    A cover sheet comes before the table: the sheet with the most names of columns in a row is read, and those with the
    same row.
    """
    # Imported here: only workbooks need it.
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    sheets = [each for each in book.worksheets if each.sheet_state == "visible"] or book.worksheets[:1]
    for each in sheets:
        each.reset_dimensions()  # what some programs write there is too small
    headers = [_header_of(sheet) for sheet in sheets] if len(sheets) > 1 else [(0, 0, "")]
    found = list(zip(sheets, headers, strict=True))
    # Of sheets with as many names, one with a single column holds remarks.
    chosen, (n_names, _, names) = max(found, key=lambda each: (each[1][0], "\t" in each[1][2]))
    alike = [(sheet, header[1]) for sheet, header in found if sheet is chosen or (n_names > 1 and header[2] == names)]
    return alike, [sheet for sheet in sheets if sheet not in [each for each, _ in alike]]


def _header_of(sheet: Any) -> tuple[int, int, str]:
    """Return how many cells of one of the first rows tell a role by their words, the row's number, and its line."""
    rows = sheet.iter_rows(values_only=True, max_row=_FIRST_ROWS)
    found = [
        (sum(isinstance(cell, str) and role_by_words(cell) is not None for cell in row), number, _line(row))
        for number, row in enumerate(rows, 1)
    ]
    return max(found, key=lambda header: header[0], default=(0, 0, ""))


def _blocks(lines: Iterator[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in lines:
        block.append(line)
        if len(block) >= _LINES_IN_BLOCK:
            yield block
            block = []
    if block:
        yield block


def _line(cells: Sequence[object]) -> str:
    """Return cells as one line, separated by tabs and quoted where needed."""
    texts = [_cell_text(cell) for cell in cells[:_MOST_CELLS]]
    while texts and not texts[-1]:
        texts.pop()
    line = io.StringIO()
    csv.writer(line, delimiter="\t", lineterminator="").writerow(texts)
    return line.getvalue() if texts else ""


def _cell_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ") if cell.time() != time() else cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return " ".join(str(cell)[:_LONGEST_CELL].split())


def _html_tag(tag: str) -> str:
    """Return the tag of a table in HTML that one of a workbook saved as XML stands for."""
    plain = tag.rpartition(":")[2]
    return {"row": "tr", "cell": "td"}.get(plain, plain)


class _TableParser(HTMLParser):
    """Collects the rows of the tables of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tag = _html_tag(tag)
        if tag == "tr":
            self._end_row()
            self._row = []
        elif tag in ("td", "th") and self._row is not None:
            self._end_cell()
            index = dict(attrs).get("ss:index") or ""  # of a cell after empty ones, in a workbook as XML
            if index.isdecimal() and len(self._row) < int(index) <= _MOST_CELLS:
                self._row += [""] * (int(index) - 1 - len(self._row))
            self._cell = []
        elif tag == "br" and self._cell is not None:
            self._cell.append(" ")

    @override
    def handle_endtag(self, tag: str) -> None:
        tag = _html_tag(tag)
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self._end_row()

    @override
    def handle_data(self, data: str) -> None:
        if self._cell is not None and sum(map(len, self._cell[-4:])) < _LONGEST_CELL:
            self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is not None and self._row is not None and len(self._row) < _MOST_CELLS:
            self._row.append(" ".join("".join(self._cell).split())[:_LONGEST_CELL])
        self._cell = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._row:
            self.rows.append(self._row)
        self._row = None


def html_lines(chunks: Iterator[str]) -> Iterator[list[str]]:
    """Yield the rows of the tables of an HTML page as lines of tab-separated text."""
    parser = _TableParser()
    for chunk in chunks:
        parser.feed(chunk)
        if parser.rows:
            yield [_line(row) for row in parser.rows]
            parser.rows = []
    parser.close()
    if parser.rows:
        yield [_line(row) for row in parser.rows]


def feed_lines(binary: IO[bytes], path: Path) -> Iterator[list[str]]:
    """Yield the elements of a feed of products (RSS, Atom, or any list of equal elements) as JSON lines.

    Args:
        binary: The open file.
        path: The file, for messages.

    Yields:
        Blocks of lines, one element each; of elements that repeat inside one, a list.

    Raises:
        UnusableFile: It is no well-formed XML, or defines entities, by which a small file can grow without end.
    """
    # Imported here: only feeds need it. Entities are refused: they can make a small file grow without end.
    from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

    try:
        yield from _blocks(_elements(iterparse(binary, events=("start", "end"))))
    except UnusableFile:
        raise
    except Exception as error:  # errors of the parser and of the guard against entities have no common base
        if isinstance(error, OSError | EOFError):
            raise
        raise UnusableFile(
            f"{path}: it is XML that cannot be read ({error}). Expected a feed of products (RSS, Atom or one element a "
            "product); mend the file, or export the products as CSV, and load that."
        ) from None


def _elements(events: Iterator[tuple[str, Any]]) -> Iterator[str]:
    """Yield each element that is a product as JSON; finished ones are removed from the tree."""
    path: list[Any] = []
    row_depth: int | None = None
    for event, element in events:
        if event == "start":
            path.append(element)
            if row_depth is None and len(path) > 1 and _tag(element) in _ITEM_TAGS and _tag(path[-2]) != _tag(element):
                row_depth = len(path)
            continue
        if row_depth is not None and len(path) == row_depth and _tag(element) in _ITEM_TAGS:
            yield json.dumps(_fields(element), ensure_ascii=False)
            path[-2].remove(element)
        elif row_depth is None or len(path) < row_depth:
            element.clear()
        path.pop()


def _tag(element: Any) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _fields(element: Any) -> dict[str, object]:
    """Return name → text of an element's attributes and children; of repeated children a list."""
    found: dict[str, object] = {str(name).rpartition("}")[2]: value for name, value in element.attrib.items()}
    for child in list(element)[:_MOST_FIELDS]:
        name = str(child.tag).rpartition("}")[2]
        is_bare = not (child.text or "").strip() and "href" not in child.attrib  # all that it says are attributes
        inner = _fields(child) if len(child) or (is_bare and child.attrib) else None
        value: object = inner or " ".join((child.text or child.get("href") or "").split())[:_LONGEST_CELL]
        before = found.get(name)
        found[name] = value if before is None else [*(before if isinstance(before, list) else [before]), value]
    return found
