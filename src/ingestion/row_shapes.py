"""Detect rows that must be completed or taken apart before they are read: groups and cells of several products."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from src.ingestion.block_cells import find_blocks
from src.ingestion.column_names import (
    BRAND,
    CANCELLED,
    CATEGORY,
    CLOCK,
    DESCRIPTION,
    GROUP,
    IMAGE,
    INVOICE,
    LISTED,
    MAIN_CATEGORY,
    PRICE,
    PRODUCT,
    QUANTITY,
    REFUNDED,
    STATE,
    TEST,
    TIME,
    TITLE,
    TOTAL,
    USER,
    WITHDRAWN,
)
from src.ingestion.column_reading import ColumnReading
from src.ingestion.column_words import role_by_words
from src.ingestion.layout import PAIRS, PRODUCTS, PURCHASES, Layout
from src.ingestion.line_items import Splitter, find_splitter
from src.ingestion.parsing import as_texts
from src.ingestion.reshaped_rows import FillDown, ItemColumn, ReshapedRows, find_fill_down, find_headings

_ORDER_NUMBER = re.compile(r"#?\w{0,6}-?\d+")
_COUNT = re.compile(r"\d{1,4}(\.0+)?")
_OF_ORDER = (USER, TIME, CLOCK, STATE, CANCELLED, REFUNDED, TOTAL, TEST)
_OF_GROUP = (TITLE, DESCRIPTION, CATEGORY, MAIN_CATEGORY, BRAND, LISTED, STATE, WITHDRAWN)


def reshape(
    rows: Any, layout: Layout, sample: Sequence[Sequence[str]], reading: ColumnReading, notes: list[str]
) -> tuple[Any, Layout]:
    """Return rows with one customer and one product each, and the layout that reads them.

    Args:
        rows: The reader.
        layout: How its rows are read.
        sample: First rows, as texts.
        reading: How its columns are read.
        notes: What is done is added.

    Returns:
        The reader, wrapped if anything is to be done, and the layout.
    """
    if layout.name == PRODUCTS and reading.group and GROUP not in layout.columns:
        layout = replace(layout, columns={**layout.columns, GROUP: reading.group[0]})
    if reading.day:
        layout = _with_day(layout, reading.day, len(sample[0]) if sample else 0, notes)
        sample = [as_texts(row) for row in ReshapedRows(rows, day=reading.day).reshape(sample)]
    fill = _fill_down(layout, sample)
    headings = _headings(layout, sample, notes) if fill is None else None
    if fill is not None and layout.has_events:
        unused = tuple(name for name in layout.unused if name != layout.names[fill.key])
        others = {role: at for role, at in layout.columns.items() if at != fill.key}
        layout = replace(layout, columns={INVOICE: fill.key, **others}, unused=unused)
    if fill is not None:
        cells = ", ".join(repr(layout.names[at]) for at in fill.columns)
        notes.append(
            f"{cells}: filled in the first row of each {layout.names[fill.key]!r} only, so taken for its other rows too"
        )
    items, layout = _item_column(layout, sample, notes)
    headings = _blocks(layout, sample, notes) if fill is None and headings is None and items is None else headings
    if fill is None and headings is None and items is None and not reading.day:
        return rows, layout
    return ReshapedRows(rows, fill or headings, items, day=reading.day), layout


def _with_day(layout: Layout, day: Sequence[int], width: int, notes: list[str]) -> Layout:
    """Return the layout of rows that have the day, put together, at their right."""
    parts = [layout.names[at] for at in day]
    notes.append(f"{', '.join(map(repr, parts))} were put together into the day; for no time: --columns time=")
    return replace(layout, columns={**layout.columns, TIME: width}, names=(*layout.names, "-".join(parts)))


def _headings(layout: Layout, sample: Sequence[Sequence[str]], notes: list[str]) -> FillDown | None:
    """Return the rows that name the customer of the rows below; say it."""
    if not layout.has_events or USER not in layout.columns or not sample:
        return None
    found = find_headings(sample, layout.columns[USER], layout.columns[PRODUCT])
    if found is not None:
        notes.append(f"{layout.names[found.key]!r}: in rows of its own, so taken for the rows below each")
    return found


def _blocks(layout: Layout, sample: Sequence[Sequence[str]], notes: list[str]) -> FillDown | None:
    """Return the cells of customers that stand for the rows below them; say it, or that they may."""
    if not layout.has_events or USER not in layout.columns or not sample:
        return None
    at = layout.columns[USER]
    found = find_blocks(sample, at, layout.columns[PRODUCT], layout.columns.get(TIME))
    if found is None:
        return None
    name = repr(layout.name_of(at))
    if found.is_sure:
        notes.append(
            f"{name}: filled in the first row of each block only, so taken for the rows below it too, down to the next "
            f"one or to a row of sums; if these rows have no customer, write such as 'guest' into them"
        )
        return found.fill
    notes.append(
        f"{name} is empty in {found.n_open} of the first {found.n_lines} rows, and none of its values comes again; if "
        "each stands for the rows below it, as merged cells do: fill them down in the sheet, and load the file again"
    )
    return None


def _fill_down(layout: Layout, sample: Sequence[Sequence[str]]) -> FillDown | None:
    columns = layout.columns
    if layout.name not in (PRODUCTS, PURCHASES, PAIRS) or not sample:
        return None
    roles = _OF_GROUP if layout.name == PRODUCTS else _OF_ORDER
    repeated = [at for role, at in columns.items() if role in roles and at != columns[PRODUCT]]
    repeated += [at for role, others in layout.fallbacks.items() if role in roles for at in others]
    required: tuple[int, ...] = ()
    if layout.name == PRODUCTS:
        keys = [columns[GROUP]] if GROUP in columns else []
        required = tuple(at for role, at in columns.items() if role not in (GROUP, IMAGE))
    else:
        keys = (
            [columns[INVOICE]]
            if INVOICE in columns
            else [*_first_row_keys(layout, sample), *_free_keys(layout, sample)]
        )
    line = None if layout.name == PRODUCTS else columns[PRODUCT]
    found = (find_fill_down(sample, key, tuple(dict.fromkeys(repeated)), required, line) for key in keys)
    return next(filter(None, found), None)


def _free_keys(layout: Layout, sample: Sequence[Sequence[str]]) -> list[int]:
    """Return unused columns that could be the number of an order: filled in every row, and the same in some."""
    used = {at for role, at in layout.columns.items() if role != TITLE}  # "Name" may be an order's: #1001
    found = []
    for at in range(len(sample[0])):
        cells = [row[at].strip() for row in sample]
        is_free = at not in used and (at != layout.columns.get(TITLE) or all(_ORDER_NUMBER.fullmatch(c) for c in cells))
        if is_free and all(cells) and 1 < len(set(cells)) < len(cells) and all(len(cell) <= 40 for cell in cells):
            found.append(at)
    return found


def _first_row_keys(layout: Layout, sample: Sequence[Sequence[str]]) -> list[int]:
    """Return unused columns of different ids that are filled in the rows alone in which the user is."""
    used, user = set(layout.columns.values()), layout.columns.get(USER)
    if user is None:
        return []
    filled = [row for row in sample if row[user].strip()]
    found = []
    for at in range(len(sample[0])):
        cells = [row[at].strip() for row in filled]
        is_alike = all(bool(row[at].strip()) == bool(row[user].strip()) for row in sample)
        if at not in used and is_alike and len(set(cells)) == len(cells) and all(len(cell) <= 40 for cell in cells):
            found.append(at)
    return found if len(filled) < len(sample) else []


def _item_column(layout: Layout, sample: Sequence[Sequence[str]], notes: list[str]) -> tuple[ItemColumn | None, Layout]:
    """Return the column whose cells hold several products, and the layout that reads what they are taken apart into."""
    if not layout.has_events or USER not in layout.columns or not sample:
        return None, layout
    at = layout.columns[PRODUCT]
    split = find_splitter([row[at].strip() for row in sample if row[at].strip()])
    if split is None:
        return None, layout
    width = len(sample[0])
    quantity = layout.columns.get(QUANTITY)
    quantity = _counts_beside(layout, sample, split) if quantity is None else quantity
    found = [item for row in sample for item in split(row[at].strip()) or ()]
    columns = {role: each for role, each in layout.columns.items() if role not in (TITLE, PRICE, CATEGORY)}
    columns |= {PRODUCT: width, QUANTITY: width + 1}
    columns |= {TITLE: width + 2} if any(item.title for item in found) else {}
    columns |= {PRICE: width + 3} if any(item.price for item in found) else {}
    name = layout.name_of(at)
    notes.append(f"cells of {name!r} hold several products: each became a row of its own")
    used = {quantity, *layout.columns.values()}
    if quantity is not None and layout.names:  # what was said of it before is no longer so
        notes[:] = [note for note in notes if not note.startswith(f"{layout.names[quantity]!r} ")]
    unused = tuple(each for at, each in enumerate(layout.names) if each in layout.unused and at not in used)
    names = (*layout.names, f"{name} (product)", f"{name} (quantity)", f"{name} (title)", f"{name} (price)")
    fallbacks = {role: others for role, others in layout.fallbacks.items() if role != PRODUCT}
    changed = replace(
        layout, name=PURCHASES if layout.name == "pairs" else layout.name, columns=columns,
        names=names if layout.names else (), fallbacks=fallbacks, unused=unused,
    )  # fmt: skip
    return ItemColumn(at, split, quantity), changed


def _counts_beside(layout: Layout, sample: Sequence[Sequence[str]], split: Splitter) -> int | None:
    """Return the unused column whose cells have one whole number for each product of the cell that is taken apart."""
    product, used = layout.columns[PRODUCT], set(layout.columns.values())
    rows = [(row, len(split(row[product].strip()) or ())) for row in sample if row[product].strip()]

    def fits(at: int) -> bool:
        lists = [(re.split(r"[|;,\n/ ]+", row[at].strip("[] ")), n) for row, n in rows]
        has_several = any(n > 1 for _, n in lists)
        if not has_several or not all(all(map(_COUNT.fullmatch, parts)) for parts, _ in lists):
            return False
        is_named = bool(layout.names) and (role_by_words(layout.names[at]) or ("",))[0] == QUANTITY
        return is_named or all(len(parts) == n for parts, n in lists)

    found = [at for at in range(len(sample[0])) if at not in used and fits(at)]
    return found[0] if len(found) == 1 else None
