"""Validate whole blocks of a plain delimited file in columns. What is not plain goes row by row, as everywhere else.

A row is plain if it has the right number of fields, and cells that can mean one thing only: printable ASCII ids,
numbers in digits, readable times, all within their ranges. The result is the same as that of `validate_rows`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from src.core.domain import NO_TIME, BoolArray, EventKind, FloatArray, IntArray
from src.core.ids import MAX_ID_LENGTH
from src.ingestion.column_names import PRODUCT, TIME, USER, VALUE
from src.ingestion.csv_rows import CsvRows, PlainText
from src.ingestion.event_columns import ColumnBlock, EventColumns, as_columns, keys_of
from src.ingestion.event_rules import EventRules
from src.ingestion.event_validation import EMPTY_IDS
from src.ingestion.layout import RATINGS, Layout, Table
from src.ingestion.nobody import NOBODY
from src.ingestion.parsing import EPOCH, as_texts, parse_numbers
from src.ingestion.rating_scales import differs
from src.ingestion.raw_rows import RawBlock
from src.ingestion.row_validation import validate_rows

_ROLES = frozenset({USER, PRODUCT, VALUE, TIME})
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?", re.ASCII)
_EPOCH_DIGITS = 10  # of seconds; longer numbers are milliseconds and smaller parts
_SPACE, _TILDE = 0x20, 0x7E  # the printable characters of ASCII
_NOBODY = pa.array([text.encode() for text in sorted(NOBODY)], pa.binary())
_LONGEST_EMPTY_ID = max(map(len, EMPTY_IDS))


def has_plain_rows(table: Table, rules: EventRules) -> bool:
    """Whether rows of the table may be plain: ratings without facts about products, in delimited text.

    Args:
        table: The file, and what its cells mean.
        rules: The shop's scale of ratings, to which those of the file may have to be converted.

    Returns:
        False where any cell has to be converted.
    """
    rows, layout = table.rows, table.layout
    if not isinstance(rows, CsvRows) or not rows.file.is_text:
        return False
    if layout.name != RATINGS or not layout.columns.keys() <= _ROLES:
        return False
    if (
        layout.fallbacks
        or layout.unrated
        or layout.nobody
        or layout.mails
        or layout.ids is not None
        or differs(layout.scale, rules)
    ):
        return False
    return layout.decimal == "." and len(rows.separator) == 1 and rows.separator != " " and (rows.width or 1) > 1


def parts_of(table: Table, rules: EventRules) -> Iterator[PlainText | RawBlock]:
    """Return the blocks of a table, as undivided texts where its rows may be plain.

    Args:
        table: The file, and what its cells mean.
        rules: The shop's scale of ratings.

    Returns:
        The blocks in the order of the file.
    """
    if has_plain_rows(table, rules):
        return cast("CsvRows", table.rows).plain_texts_and_blocks()
    return table.rows.blocks()


def validated_columns(part: PlainText | RawBlock, *, table: Table, rules: EventRules) -> ColumnBlock:
    """Validate a part of a table.

    Args:
        part: One of `parts_of(table)`.
        table: The file, and what its cells mean.
        rules: The ranges of ratings, values and times.

    Returns:
        The result of `validate_rows`, with its events by key, time and place.
    """
    if isinstance(part, PlainText):
        return validate_plain(part, table, rules).in_order()
    return as_columns(validate_rows(part, table.layout, rules)).in_order()


def validate_plain(text: PlainText, table: Table, rules: EventRules) -> ColumnBlock:
    """Validate all rows of a block.

    Args:
        text: Lines without quotes.
        table: Their file, which has plain rows, and what the cells mean.
        rules: The ranges of ratings and times.

    Returns:
        Events, counts and rejected rows of the block, as `validate_rows` gives them for the same lines.
    """
    rows, layout = cast("CsvRows", table.rows), table.layout
    ends = np.flatnonzero(np.frombuffer(text.data, np.uint8) == ord("\n"))
    whole = _whole_lines(text.data, ends, rows)
    events, is_plain = _events(_cells(_lines(text.data, ends, whole), rows, layout), layout, rules)
    plain, events = whole[is_plain], events.take(np.flatnonzero(is_plain))
    odd = np.setdiff1d(np.arange(len(ends)), plain, assume_unique=True)
    raw = rows.rows_of([(text.first + at, _line(text.data, ends, at)) for at in odd.tolist()])
    rest = as_columns(validate_rows(raw, layout, rules))
    nulls = Counter({TIME: int((events.at == NO_TIME).sum())} if TIME in layout.columns else {})
    nulls.update(rest.nulls)
    rejected = {row.line for row in rest.rejected}
    kept = np.array([line - text.first for line in raw.lines if line not in rejected], np.int64)
    merged = _merged(events, plain, rest.events, kept)
    by_kind = Counter({EventKind.RATING.value: len(plain)}) + rest.by_kind
    return ColumnBlock(len(plain) + rest.n_rows, merged, [], rest.rejected, rest.mended, nulls, {}, by_kind)


def _whole_lines(data: bytes, ends: IntArray, rows: CsvRows) -> IntArray:
    """Return the numbers of the lines, from 0, that have the right number of separators."""
    separators = np.flatnonzero(np.frombuffer(data, np.uint8) == ord(rows.separator))
    n, each = len(ends), cast("int", rows.width) - 1
    if len(separators) == n * each:
        by_line = separators.reshape(n, each)
        if (by_line[:, -1] < ends).all() and (by_line[1:, 0] > ends[:-1]).all():
            return np.arange(n)
    return np.flatnonzero(np.diff(np.searchsorted(separators, ends), prepend=0) == each)


def _lines(data: bytes, ends: IntArray, chosen: IntArray) -> bytes:
    """Return some of the lines, with their ends."""
    if len(chosen) == len(ends):
        return data
    begins = np.append(0, ends[:-1] + 1)
    pairs = zip(begins[chosen].tolist(), ends[chosen].tolist(), strict=True)
    return b"".join(data[begin : end + 1] for begin, end in pairs)


def _line(data: bytes, ends: IntArray, at: int) -> str:
    """Return one line, without its end."""
    line = data[ends[at - 1] + 1 if at else 0 : ends[at]]
    return line.decode("utf-8", "surrogateescape").removesuffix("\r")


def _cells(data: bytes, rows: CsvRows, layout: Layout) -> dict[str, Any]:
    """Return role → pyarrow binary[n], the cells of n whole lines."""
    names = [str(at) for at in range(cast("int", rows.width))]
    used = {role: names[at] for role, at in layout.columns.items()}
    if not data:
        return dict.fromkeys(used, pa.array([], pa.binary()))
    table = csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
        csv.ParseOptions(delimiter=rows.separator, quote_char=False),
        csv.ConvertOptions(
            column_types=dict.fromkeys(used.values(), pa.binary()), include_columns=sorted(set(used.values()))
        ),
    ).combine_chunks()
    return {role: table.column(name).chunk(0) for role, name in used.items()}


def _events(cells: dict[str, Any], layout: Layout, rules: EventRules) -> tuple[EventColumns, BoolArray]:
    """Return the events of n rows, and bool[n]: whether each row is plain. Events of other rows mean nothing."""
    n = len(cells[USER])
    odd = _is_odd_id(cells[USER]) | _is_odd_id(cells[PRODUCT])
    if layout.names:
        header = layout.names[layout.columns[PRODUCT]].encode("utf-8", "surrogateescape")
        odd |= pc.equal(cells[PRODUCT], header).to_numpy(zero_copy_only=False)
    value, is_number = _numbers(cells[VALUE])
    at, is_time = _times(cells[TIME], layout) if TIME in cells else (np.full(n, NO_TIME), np.ones(n, np.bool_))
    odd |= ~is_number | ~is_time
    for _, where in rules.check(np.ones(n, np.bool_), value, at, at != NO_TIME):
        odd |= where
    kind, mark = pa.scalar(EventKind.RATING.value.encode()), pa.scalar(b"")
    key = keys_of(cells[USER], cells[PRODUCT], kind, mark)
    return EventColumns(key, value, at, np.zeros(n, np.bool_), np.arange(n)), ~odd


def _bytes_of(column: Any) -> tuple[IntArray, IntArray]:
    """Return uint8, the bytes of all cells end to end, and int32[n + 1], where each cell begins in them."""
    _, offsets, data = column.buffers()
    offsets = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data if data is not None else b"", np.uint8)[: offsets[-1]], offsets


def _is_odd_id(column: Any) -> BoolArray:
    """Return bool[n], whether cleaning might change or reject each id."""
    if not len(column):
        return np.zeros(0, np.bool_)
    data, offsets = _bytes_of(column)
    length = np.diff(offsets)
    odd: BoolArray = (length == 0) | (length > MAX_ID_LENGTH)
    padded = np.concatenate([data, np.zeros(2, np.uint8)])  # so that the places of empty cells exist
    last, one_before = padded[offsets[1:] - 1], padded[offsets[1:] - 2]
    first = padded[offsets[:-1]]
    odd |= (
        (first == _SPACE)
        | (first == ord("'"))
        | (first == ord("#"))
        | (last == _SPACE)
        | ((last == ord("0")) & (one_before == ord(".")))
    )
    if data.size and (data.min() < _SPACE or data.max() > _TILDE):
        odd[np.searchsorted(offsets, np.flatnonzero((data < _SPACE) | (data > _TILDE)), side="right") - 1] = True
    odd |= pc.is_in(column, value_set=_NOBODY).to_numpy(zero_copy_only=False)
    short = np.flatnonzero(length <= _LONGEST_EMPTY_ID)
    if len(short):
        odd[short] |= np.array(
            [cell.decode("latin-1") in EMPTY_IDS for cell in column.take(pa.array(short)).to_pylist()]
        )
    return odd


def _distinct(column: Any) -> tuple[list[str], IntArray]:
    """Return the distinct cells as texts, and int[n], the place of each cell among them."""
    coded = column.dictionary_encode()
    cells = coded.dictionary.to_pylist()
    return as_texts([cell.decode("utf-8", "surrogateescape") for cell in cells]), coded.indices.to_numpy()


def _numbers(column: Any) -> tuple[FloatArray, BoolArray]:
    """Return float64[n], and bool[n]: whether each cell is a number in digits."""
    texts, place = _distinct(column)
    is_number = np.array([_NUMBER.fullmatch(text) is not None for text in texts], np.bool_)
    value, _ = parse_numbers([text if fits else "0" for text, fits in zip(texts, is_number, strict=True)])
    return value[place], is_number[place]


def _times(column: Any, layout: Layout) -> tuple[IntArray, BoolArray]:
    """Return int64[n], UTC seconds, NO_TIME where empty; and bool[n]: whether each cell is a time or empty."""
    if layout.time.patterns[0] == EPOCH and len(column):
        data, offsets = _bytes_of(column)
        length = np.diff(offsets)
        is_digits = data.size and data.min() >= ord("0") and data.max() <= ord("9")
        if is_digits and length.min() > 0 and length.max() <= _EPOCH_DIGITS:
            return column.cast(pa.string()).cast(pa.int64()).to_numpy(), np.ones(len(column), np.bool_)
    texts, place = _distinct(column)
    at, is_time = layout.time.seconds(texts)
    return at[place], is_time[place]


def _merged(events: EventColumns, lines: IntArray, others: EventColumns, other_lines: IntArray) -> EventColumns:
    """Return the events of two parts of a block, with their places in the order of their lines."""
    if not len(others):
        return replace(events, place=np.arange(len(events)))
    place = np.empty(len(lines) + len(other_lines), np.int64)
    place[np.argsort(np.concatenate([lines, other_lines]))] = np.arange(len(place))
    return EventColumns(
        pa.concat_arrays([events.key, others.key]),
        np.concatenate([events.value, others.value]),
        np.concatenate([events.at, others.at]),
        np.concatenate([events.counted, others.counted]),
        place,
    )
