"""Open a file as rows of cells, with the names of its columns where it has any."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from src.core.errors import UnusableFile
from src.ingestion import csv_rows
from src.ingestion.child_lines import ChildLinesRows, NestedChildRows, has_child_lines
from src.ingestion.column_inference import is_unknown_header
from src.ingestion.column_names import (
    DESCRIPTION,
    PRICE,
    PRODUCT,
    TITLE,
    USER,
    candidates,
    is_filled,
    is_number,
    position_of,
)
from src.ingestion.column_profile import looks_like_time
from src.ingestion.column_words import role_by_words
from src.ingestion.csv_rows import HEADER_ROWS, CsvRows
from src.ingestion.input_files import InputFile
from src.ingestion.json_rows import JsonDocumentRows, JsonLinesRows
from src.ingestion.layout import LISTS, Hints
from src.ingestion.line_items import is_map_of_quantities
from src.ingestion.nested_json import NestedJsonDocumentRows, NestedJsonRows, plan_of
from src.ingestion.parquet_rows import ParquetRows
from src.ingestion.parsing import as_texts
from src.ingestion.second_headers import joined_names

_FEWEST_NAMES = 3  # of a header that only its place tells

FlatRows: TypeAlias = CsvRows | JsonLinesRows | ParquetRows


@dataclass(frozen=True)
class OpenedRows:
    """A file as rows.

    Attributes:
        rows: The reader.
        names: Names of the columns; None without a header.
        sample: First rows below the header, as texts.
        nested: Which columns hold JSON objects or lists; empty for none.
    """

    rows: FlatRows
    names: list[str] | None
    sample: list[list[str]]
    nested: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class NamedRows:
    """A file whose columns have names; attributes as those of OpenedRows."""

    rows: FlatRows
    names: list[str]
    sample: list[list[str]]
    nested: list[bool] = field(default_factory=list)


def named_rows(path: Path, hints: Hints) -> NamedRows | None:
    """Open a file whose columns have names.

    Args:
        path: The file.
        hints: What options say about it.

    Returns:
        Its rows with all columns; None if it has no header.

    Raises:
        UnusableFile: The file is missing, empty or cannot be read.
    """
    opened = open_rows(path, hints)
    if opened.names is None:
        return None
    rows = opened.rows if isinstance(opened.rows, CsvRows) else replace(opened.rows, names=tuple(opened.names))
    return NamedRows(rows, opened.names, opened.sample, opened.nested)


def open_rows(path: Path, hints: Hints) -> OpenedRows:
    """Open a file.

    Args:
        path: The file.
        hints: What options say about it.

    Returns:
        Its rows.

    Raises:
        UnusableFile: The file is missing, empty, cannot be read, or no line is a row.
    """
    file = InputFile(path, hints.encoding)
    if file.is_parquet:
        return _with_names(ParquetRows(file), ParquetRows(file).field_names())
    first = next((line.strip() for block in file.line_blocks() for line in block if line.strip()), "")
    if not first:
        raise UnusableFile(
            f"{path}: the file is empty.",
            "Expected one rating, purchase, event or product a line. "
            "Give another file, or none to use what lies in data/.",
        )
    if first.startswith(("{", "[")) and file.format != "sheet":
        is_one_a_line = JsonLinesRows(file).is_one_a_line()
        flat, nested = (JsonLinesRows, NestedJsonRows) if is_one_a_line else (JsonDocumentRows, NestedJsonDocumentRows)
        if is_one_a_line and has_child_lines(JsonLinesRows(file)):
            flat, nested = ChildLinesRows, NestedChildRows
        objects = flat(file)
        if plan := plan_of(objects):
            objects = nested(file, plan=plan)
        return _with_names(objects, objects.field_names())
    return _open_delimited(file, first, hints)


def _open_delimited(file: InputFile, first: str, hints: Hints) -> OpenedRows:
    """Open delimited text; first: its first line with content."""
    excel_line = re.fullmatch("sep=(.)", first)  # Excel writes it to name the separator
    rows = csv_rows.detect(file, hints.separator or (excel_line and excel_line[1]))
    sample = [row for row in rows.sample() if is_filled(row)]
    if not sample:
        raise UnusableFile(
            f"{file.path}: the first line is {first[:120]!r}, and no line is a row.",
            "Expected one rating, purchase, event or product a line; mend its quotes, or give another file.",
        )
    if rows.width is not None and hints.layout != LISTS:
        headers = []
        for at, row in enumerate(sample[:HEADER_ROWS]):
            names = [name.strip() for name in row]
            least = 4 if at else 1 if is_unknown_header(sample) else 2
            if not at and is_unknown_header(sample) and not _is_header(names, hints, least, is_first=True):
                names = _without_common_beginning(names)
            if _is_header(names, hints, least, is_first=at == 0) or _is_below_comments(sample, at, rows.width):
                headers.append((len(candidates(names)), -at, names))
        if headers:  # a line that describes the columns may stand above their names
            _, before, names = max(headers)
            names = _without_trailing_separators(names, rows.width)
            if joined := joined_names(names, [rows.padded(row, len(names)) for row in sample[1 - before :]]):
                names, before = joined, before - 1
            return _with_names(replace(rows, header=1 - before, width=len(names)), names)
    return OpenedRows(rows, None, sample)


def _with_names(rows: FlatRows, names: list[str]) -> OpenedRows:
    sample, nested = _text_sample(rows, names)
    return OpenedRows(rows, names, sample, nested)


def _is_header(names: Sequence[str], hints: Hints, least: int, *, is_first: bool) -> bool:
    """Whether a row is the header: it has a known name or one of the hints.

    Below the first row, it needs a product and another known name.

    Args:
        names: The cells of the row.
        hints: What options say.
        least: Roles that words must tell.
        is_first: Whether no row stands above it.
    """
    roles = candidates(names)
    if any(map(_is_told, names)):
        roles = roles if is_first and USER in candidates(names[:1]) and len(set(names)) == len(names) > 2 else {}
    elif _is_worded_header(names, least):
        return True
    if roles and (is_first or (PRODUCT in roles and len(roles) > 1)):
        return True
    given = [column for column in hints.columns.values() if column and not column.isdecimal()]
    return any(position_of(column, names, 0) is not None for column in given)


def _is_below_comments(sample: Sequence[Sequence[str]], at: int, width: int) -> bool:
    """Whether only lines of one filled field stand above a row of words, and numbers or times in several rows below it.

    Args:
        sample: First rows that are filled.
        at: Of the row in question.
        width: Fields of a whole row.
    """
    names, below = sample[at], [row for row in sample[at + 1 :] if len(row) == width]
    if not at or width < _FEWEST_NAMES or len(names) != width or any(_n_filled(row) > 1 for row in sample[:at]):
        return False
    is_worded = len(set(names)) == width and all(name.strip() and not _is_told(name) for name in names)
    columns = zip(*below, strict=True)
    return is_worded and any(sum(map(_is_told, cells)) > len(below) / 2 for cells in columns)


def _n_filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _is_told(cell: str) -> bool:
    """Whether a cell is a number or a time, as names of columns are not."""
    return is_number(cell) or looks_like_time(cell)


def _without_common_beginning(names: list[str]) -> list[str]:
    """Return names without the letters that all begin with, which say nothing: "XXTITLE", "XXPRICE"."""
    n = next((n for n, letters in enumerate(zip(*map(str.lower, names), strict=False)) if len(set(letters)) > 1), 0)
    return (
        [name[n:].strip(" _.-") for name in names] if len(names) > 2 and n > 1 and n < min(map(len, names)) else names
    )


def _is_worded_header(names: Sequence[str], least: int) -> bool:
    """Whether the words of enough names tell different roles, of several one that of a product or user.

    Args:
        names: The cells of the row.
        least: Roles that are enough.
    """
    roles = {found[0] for name in names if (found := role_by_words(name)) and found[1] >= 0.4}
    is_telling = bool({PRODUCT, USER, TITLE} & roles) or {DESCRIPTION, PRICE} <= roles
    return len(roles) >= least and (least == 1 or is_telling)


def _without_trailing_separators(names: list[str], width: int) -> list[str]:
    """Return the header without empty names at its end that go beyond the width of the rows."""
    while len(names) > (width or 1) and not names[-1]:
        names = names[:-1]
    return names


def _text_sample(rows: FlatRows, names: Sequence[str]) -> tuple[list[list[str]], list[bool]]:
    """Return the first rows with all their cells as texts, and which columns hold JSON objects or lists."""
    if isinstance(rows, CsvRows):
        sample = [rows.padded(row, len(names)) for row in rows.sample()[rows.header :]]
        return [row for row in sample if len(row) == len(names)], [False] * len(names)
    cells = replace(rows, names=tuple(names)).sample()
    nested = [
        2 * sum(isinstance(row[at], dict | list) for row in cells) > sum(row[at] is not None for row in cells)
        for at in range(len(names))
    ]
    return [[_cell_text(cell) for cell in row] for row in cells], nested


def _cell_text(cell: object) -> str:
    """Return a cell as text; of an object or a list that is not empty only what it is, but of maps of products all."""
    if isinstance(cell, dict) and is_map_of_quantities(cell):
        return json.dumps(cell)
    if isinstance(cell, dict | list) and cell:
        return "{…}" if isinstance(cell, dict) else "[…]"
    return as_texts([cell])[0]
