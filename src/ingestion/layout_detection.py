"""Detect the layout of a file, or take it from options: the role of each column, and what a row means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from src.core.domain import EventKind
from src.core.errors import UnclearLayout, UnusableFile
from src.ingestion import csv_rows
from src.ingestion.column_inference import infer_columns, is_unknown_header
from src.ingestion.column_names import (
    CATEGORY,
    DESCRIPTION,
    KIND,
    PRICE,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    TIME,
    TITLE,
    USER,
    VALUE,
    candidates,
    is_filled,
    is_number,
    position_of,
)
from src.ingestion.csv_rows import HEADER_ROWS, CsvRows, describe_separator
from src.ingestion.input_files import InputFile
from src.ingestion.json_rows import JsonDocumentRows, JsonLinesRows
from src.ingestion.layout import (
    CLICKS,
    EVENTS,
    GENRE_NAMES,
    GENRES,
    LISTS,
    PAIRS,
    PRODUCTS,
    RATINGS,
    Hints,
    Layout,
    Table,
)
from src.ingestion.layout_choice import (
    FIRST_GENRE,
    UNUSED_ROLES,
    choose_columns,
    choose_columns_by_position,
    choose_layout,
    choose_layout_by_cells,
    find_given_columns,
    swapped_note,
)
from src.ingestion.parquet_rows import ParquetRows
from src.ingestion.parsing import DAYS_AND_MONTHS, as_texts, decimal_of, is_nothing, time_format

AnyRows: TypeAlias = CsvRows | JsonLinesRows | ParquetRows

_REQUIRED = {RATINGS: (VALUE,), EVENTS: (KIND,), CLICKS: (PURCHASED,)}
_MULTILINE_ROLES = (TITLE, DESCRIPTION, CATEGORY)
_DAY_SAMPLE_BLOCKS = 200


def open_table(path: Path, hints: Hints | None = None) -> Table:
    """Open a file and detect how it is read.

    Args:
        path: The file.
        hints: What options say about it; None for nothing.

    Returns:
        The file with its layout.

    Raises:
        UnusableFile: The file is missing, empty, cannot be read, or no line is a row.
        UnclearLayout: Its columns could not be told, or contradict the hints.
    """
    hints = hints or Hints()
    file = InputFile(path, hints.encoding)
    if file.is_parquet:
        return _table_with_names(ParquetRows(file), ParquetRows(file).field_names(), hints)
    first = next((line.strip() for block in file.line_blocks() for line in block if line.strip()), "")
    if not first:
        raise UnusableFile(
            f"{path}: the file is empty.",
            "Expected one rating, purchase, event or product a line. "
            "Give another file, or none to use what lies in data/.",
        )
    if first.startswith(("{", "[")):
        objects = JsonLinesRows(file) if JsonLinesRows(file).is_one_a_line() else JsonDocumentRows(file)
        return _table_with_names(objects, objects.field_names(), hints)
    return _open_delimited(file, first, hints)


def _open_delimited(file: InputFile, first: str, hints: Hints) -> Table:
    """Open delimited text; first: its first line with content."""
    excel_line = re.fullmatch("sep=(.)", first)  # Excel writes it to name the separator
    rows = csv_rows.detect(file, hints.separator or (excel_line and excel_line[1]))
    sample = [row for row in rows.sample() if is_filled(row)]
    if not sample:
        raise UnusableFile(
            f"{file.path}: the first line is {first[:120]!r}, and no line is a row.",
            "Expected one rating, purchase, event or product a line; mend its quotes, or give another file.",
        )
    if rows.width is None and hints.layout not in (None, LISTS):
        raise UnclearLayout(
            f"{file.path}: its lines are numbers with blanks between, of different lengths.",
            "Expected rows of one width; take --layout away, or name what stands between fields with --separator.",
        )
    if rows.width is None or hints.layout == LISTS:
        separator = rows.separator if hints.separator else " "
        return Table(file.path, replace(rows, width=None, separator=separator), _lists_layout(hints))
    for at, row in enumerate(sample[:HEADER_ROWS]):
        names = [name.strip() for name in row]
        if _is_header(names, hints, is_first=at == 0):
            names = _without_trailing_separators(names, rows.width)
            return _table_with_names(replace(rows, header=at + 1, width=len(names)), names, hints)
    return _table_without_header(rows, sample, hints)


def _is_header(names: Sequence[str], hints: Hints, *, is_first: bool) -> bool:
    """Whether a row is the header: it has a known name or one of the hints.

    Below the first row, it needs a product and another known name.
    """
    roles = candidates(names)
    if roles and not any(is_number(name) for name in names) and (is_first or (PRODUCT in roles and len(roles) > 1)):
        return True
    given = [column for column in hints.columns.values() if column and not column.isdecimal()]
    return any(position_of(column, names, 0) is not None for column in given)


def _without_trailing_separators(names: list[str], width: int) -> list[str]:
    """Return the header without empty names at its end that go beyond the width of the rows."""
    while len(names) > (width or 1) and not names[-1]:
        names = names[:-1]
    return names


def _table_with_names(rows: AnyRows, names: list[str], hints: Hints) -> Table:
    """Return the table of a file whose columns have names."""
    path = rows.file.path
    given = find_given_columns(hints, names, len(names), path)
    free = {
        role: [at for at in positions if at not in given.columns.values()]
        for role, positions in candidates(names).items()
    }
    roles = {role: positions for role, positions in free.items() if positions and role not in given.ignored}
    roles |= {role: [at] for role, at in given.columns.items()}
    inferred = infer_columns(names, _text_sample(rows, names), roles, given.ignored)
    roles |= inferred
    name = hints.layout or choose_layout(roles)
    if name is None or PRODUCT not in roles or (name != PRODUCTS and USER not in roles):
        raise UnclearLayout(
            f"{path}: its columns are {', '.join(names)[:300]}.",
            "Expected a user and a product (and a rating, a quantity, a time, a kind of event), or a product with a "
            "title, a price …; say which is which: --columns user=NAME,product=NAME,rating=NAME,time=NAME; if it is a "
            "catalogue: --layout products",
        )
    if name not in UNUSED_ROLES:
        raise UnclearLayout(
            f"{path}: its columns have names, and the layout {name} has none.",
            f"Expected one of {', '.join(UNUSED_ROLES)}; take --layout away, or name another.",
        )
    if TITLE in given.ignored and name not in (PRODUCTS, RATINGS):
        roles.pop(DESCRIPTION, None)  # it would become the title
    columns, notes = choose_columns(name, roles, names, given.columns)
    notes += [
        f"{names[positions[0]]!r} was taken for the {role} by its look; for none: --columns {role}="
        for role, positions in inferred.items()
        if role in columns
    ]
    unused = tuple(column for at, column in enumerate(names) if column and at not in columns.values())
    if isinstance(rows, CsvRows):
        layout = Layout(name, columns, tuple(names), unused)
        return _with_notations(replace(rows, single=_single_line(columns)), layout, notes, hints)
    positions = list(dict.fromkeys(columns.values()))
    rows = replace(rows, names=tuple(names[at] for at in positions))
    columns = {role: positions.index(at) for role, at in columns.items()}
    return _with_notations(rows, Layout(name, columns, rows.names, unused), notes, hints)


def _single_line(columns: dict[str, int]) -> tuple[int, ...]:
    """Return positions of the columns whose cells have no line breaks."""
    return tuple(at for role, at in columns.items() if role not in _MULTILINE_ROLES)


def _text_sample(rows: AnyRows, names: Sequence[str]) -> list[list[str]]:
    """Return the first rows with all their cells, as texts."""
    if isinstance(rows, CsvRows):
        return [row for row in rows.sample()[rows.header :] if len(row) == len(names)]
    return [as_texts(row) for row in replace(rows, names=tuple(names)).sample()]


def _table_without_header(rows: CsvRows, sample: list[list[str]], hints: Hints) -> Table:
    """Return the table of a delimited file without a header."""
    path, width = rows.file.path, rows.width or 1
    name = hints.layout or choose_layout_by_cells(rows, sample)
    given = find_given_columns(hints, (), width, path)
    if name is None and not given.columns:
        shown = rows.separator.join(sample[0])[:120]
        raise UnclearLayout(
            f"{path}: the first line is {shown!r} ({width} fields with {describe_separator(rows.separator)}).",
            "Expected a header that names user, product and rating (such as user_id,product_id,rating,timestamp), or "
            "lines of user,product,rating,unix time without one. Name the columns in the first line, or by their "
            "numbers: --columns user=1,product=2,rating=3,time=4",
        )
    name = name or choose_layout(given.columns) or PRODUCTS
    if name == GENRES:
        return _genres_table(rows, width, hints)
    if not given.columns and hints.layout is None and is_unknown_header(sample):
        raise UnclearLayout(
            f"{path}: its columns seem to be {rows.separator.join(sample[0])[:120]}, and what they mean is not known.",
            "Say it by their numbers: --columns user=1,product=2,rating=3,time=4",
        )
    columns = choose_columns_by_position(name, sample, width, given.columns, given.ignored)
    if PRODUCT not in columns or (name != PRODUCTS and USER not in columns):
        raise UnclearLayout(
            f"{path}: it has no header, so the layout {name} needs numbers of columns;",
            "expected for instance --columns user=1,product=2,rating=3",
        )
    notes = [] if given.columns or name == PRODUCTS else [swapped_note(columns)]
    return _with_notations(replace(rows, single=_single_line(columns)), Layout(name, columns), notes, hints)


def _genres_table(rows: CsvRows, width: int, hints: Hints) -> Table:
    """Return the table of MovieLens' u.item."""
    expected = FIRST_GENRE + len(GENRE_NAMES)
    if width != expected:
        raise UnclearLayout(
            f"{rows.file.path}: it has {width} fields with {describe_separator(rows.separator)}.",
            f"Expected MovieLens' {expected} with bars; take --layout away, or name another.",
        )
    return _with_notations(rows, Layout(GENRES, {PRODUCT: 0, TITLE: 1, CATEGORY: FIRST_GENRE}), [], hints)


def _lists_layout(hints: Hints) -> Layout:
    kind = hints.kind or EventKind.PURCHASE
    return Layout(LISTS, {USER: 0, PRODUCT: 1}, kind=kind, notes=tuple(_kind_notes(hints, kind)))


def _kind_notes(hints: Hints, kind: EventKind) -> list[str]:
    return [] if hints.kind else [f"each was taken for a {kind.value}; if it is another kind of event: --kind view"]


def _with_notations(rows: AnyRows, layout: Layout, notes: list[str], hints: Hints) -> Table:
    """Return the table, with the notation of times and numbers detected from the first rows."""
    for role in _REQUIRED.get(layout.name, ()):
        if role not in layout.columns:
            raise UnclearLayout(
                f"{rows.file.path}: the layout {layout.name} needs a column for {role}, and none was found.",
                f"Name it: --columns {role}=COLUMN, or choose another layout.",
            )
    sample = [row for row in rows.sample() if not isinstance(rows, CsvRows) or len(row) == rows.width]
    sample = sample[rows.header :] if isinstance(rows, CsvRows) else sample
    texts = {role: as_texts([row[at] for row in sample]) for role, at in layout.columns.items()}
    kind = hints.kind or EventKind.PURCHASE
    if layout.name == PAIRS:
        notes += _kind_notes(hints, kind)
    decimal = decimal_of([text for role in (VALUE, QUANTITY, PRICE) for text in texts.get(role, [])])
    # Countries with a decimal comma write days before months.
    is_european = decimal == "," or (isinstance(rows, CsvRows) and rows.separator == ";")
    time, is_ambiguous = time_format(texts.get(TIME, []), hints.day_first, is_european)
    if is_ambiguous and (day_first := _day_first(rows, layout.columns[TIME])) is not None:
        time, is_ambiguous = time_format(texts[TIME], day_first)
    notes += time.notes(texts.get(TIME, []))
    if is_ambiguous:
        read = "day" if time.patterns[0].startswith("%d") else "month"
        other = "month" if read == "day" else "day"
        notes.append(f"dates such as {texts[TIME][0]!r} were read {read} first; the other way: --dates {other}-first")
    return Table(rows.file.path, rows, replace(layout, time=time, decimal=decimal, kind=kind, notes=tuple(notes)))


def _day_first(rows: AnyRows, column: int) -> bool | None:
    """Return whether days are written before months, by the first day above the 12th; None if there is none."""
    with suppress(UnusableFile):  # of a damaged file the readable part is loaded
        for _, block in zip(range(_DAY_SAMPLE_BLOCKS), rows.blocks(), strict=False):
            texts = [text for text in set(as_texts([row[column] for row in block.rows])) if not is_nothing(text)]
            time, is_ambiguous = time_format(texts)
            # A block may hold times in another notation, or mistakes only.
            if not is_ambiguous and time.patterns[0] in DAYS_AND_MONTHS and time.seconds(texts)[1].any():
                return time.patterns[0].startswith("%d")
    return None
