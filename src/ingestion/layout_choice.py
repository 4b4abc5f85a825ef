"""Choose what the rows of a file mean, and which column has which role. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from src.core.errors import UnclearLayout
from src.ingestion.column_inference import is_swapped
from src.ingestion.column_names import (
    CATALOGUE_ROLES,
    CATEGORY,
    DESCRIPTION,
    GROUP,
    INVOICE,
    KIND,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    STOCK,
    TIME,
    TITLE,
    USER,
    VALUE,
    WITHDRAWN,
    describes_product,
    is_number,
    position_of,
)
from src.ingestion.csv_rows import CsvRows
from src.ingestion.layout import CLICKS, EVENTS, GENRE_NAMES, GENRES, PAIRS, PRODUCTS, PURCHASES, RATINGS, Hints
from src.ingestion.parsing import EPOCH_FROM

UNUSED_ROLES = {
    RATINGS: {KIND, PURCHASED, QUANTITY, INVOICE},
    PURCHASES: {KIND, PURCHASED, VALUE},
    EVENTS: {PURCHASED},
    CLICKS: {KIND, VALUE, QUANTITY},
    PAIRS: {KIND, PURCHASED, VALUE, QUANTITY},
    PRODUCTS: {USER, VALUE, TIME, KIND, PURCHASED, INVOICE, QUANTITY},
}
"""Layout → roles whose columns it ignores."""

_USUAL_ORDER = {
    RATINGS: (USER, PRODUCT, VALUE, TIME),
    PAIRS: (USER, PRODUCT, TIME),
    PRODUCTS: (PRODUCT, TITLE, CATEGORY),
}
"""Layout → roles of the columns of a file without a header."""


FIRST_GENRE = 5
"""Position of the first genre in MovieLens' u.item."""


def choose_layout(roles: Mapping[str, object]) -> str | None:
    """Return the layout of rows that have columns of these roles; None if it is not clear."""
    if PRODUCT not in roles:
        return None
    if USER not in roles:
        # Orders without a recognised customer must not pass for a catalogue: all of them would be lost.
        has_orders = {INVOICE, KIND} & roles.keys() or (TIME in roles and {QUANTITY, VALUE} & roles.keys())
        return PRODUCTS if any(role in roles for role in CATALOGUE_ROLES) and not has_orders else None
    if KIND in roles:
        return EVENTS
    if VALUE in roles:
        return RATINGS
    if PURCHASED in roles:
        return CLICKS
    return PURCHASES if QUANTITY in roles or INVOICE in roles else PAIRS


class ColumnChoice(NamedTuple):
    """Role → position of its column, and notes on columns that could have been chosen instead."""

    columns: dict[str, int]
    notes: list[str]


def choose_columns(
    layout: str, candidates: Mapping[str, Sequence[int]], names: Sequence[str], given: Mapping[str, int]
) -> ColumnChoice:
    """Choose the column of each role in a file with a header.

    Args:
        layout: Name of the layout.
        candidates: Role → positions of possible columns, best first.
        names: Names of the columns.
        given: Role → position, as options give it.

    Returns:
        The columns that the layout uses, and notes for people.
    """
    candidates = dict(candidates)
    notes = []
    if layout in (PURCHASES, EVENTS, CLICKS, PAIRS) and TITLE not in candidates and DESCRIPTION in candidates:
        candidates[TITLE] = candidates.pop(DESCRIPTION)  # the description of an invoice's line is a title
    if layout == PRODUCTS and STOCK not in candidates and QUANTITY in candidates:
        candidates[STOCK] = candidates[QUANTITY]
    if layout != PRODUCTS:  # "archived" or "stock" beside an event describe the row, not the product
        candidates = {
            role: at for role, at in candidates.items() if role in given or role not in (STOCK, WITHDRAWN, GROUP)
        }
    if layout == RATINGS:
        candidates = {
            role: at
            for role, at in candidates.items()
            if role in given or role not in CATALOGUE_ROLES or describes_product(names[at[0]])
        }
        if QUANTITY in candidates or INVOICE in candidates:
            notes.append("each row was taken for a rating; if it is a purchase: --layout purchases")
    columns = {role: at[0] for role, at in candidates.items() if role not in UNUSED_ROLES[layout]}
    for role, positions in candidates.items():
        others = [names[at] for at in positions[1:] if at not in columns.values()]
        if role in (USER, PRODUCT, VALUE, TIME) and role in columns and others:
            notes.append(
                f"{names[positions[0]]!r} was taken for the {role}; to take another: --columns {role}={others[0]}"
            )
    return ColumnChoice(columns, notes)


def choose_columns_by_position(
    layout: str, sample: Sequence[Sequence[str]], width: int, given: Mapping[str, int], ignored: Sequence[str]
) -> dict[str, int]:
    """Choose the column of each role in a file without a header.

    Args:
        layout: Name of the layout.
        sample: First rows.
        width: Number of columns.
        given: Role → position, as options give it; in files of ratings the usual order completes it.
        ignored: Roles that have no column.

    Returns:
        Role → position.
    """
    if given and layout != RATINGS:
        return dict(given)
    usual = {role: at for at, role in enumerate(_USUAL_ORDER.get(layout, ())[:width])}
    columns = {role: at for role, at in usual.items() if role not in ignored and at not in given.values()} | dict(given)
    if layout == RATINGS and not given and is_swapped(sample):
        columns[USER], columns[PRODUCT] = columns[PRODUCT], columns[USER]
    return columns


def swapped_note(columns: Mapping[str, int]) -> str:
    """Return the note that says how to swap users and products."""
    options = f"user={columns[PRODUCT] + 1},product={columns[USER] + 1}"
    options += ",rating=3" if VALUE in columns else ""
    options += ",time=4" if TIME in columns and VALUE in columns else ""
    return f"if users and products are the other way round: --columns {options}"


def choose_layout_by_cells(rows: CsvRows, sample: list[list[str]]) -> str | None:
    """Choose the layout of a file without a header by its cells.

    Args:
        rows: The file.
        sample: First rows.

    Returns:
        A key of LAYOUTS; None if it is not clear.
    """
    width, whole = rows.width, [row for row in sample if len(row) == rows.width]
    if rows.separator == "|" and width == FIRST_GENRE + len(GENRE_NAMES):
        return GENRES if all(set(row[FIRST_GENRE:]) <= {"0", "1"} for row in whole) else None
    if rows.separator == "::" and width == 3 and not any(is_number(row[2]) for row in whole):
        return PRODUCTS
    # A majority of the first rows decides, so that a bad row at the top does not hide the layout.
    if width in (3, 4) and 2 * sum(is_number(row[2]) for row in whole) > len(whole):
        timed = [row for row in whole if width == 3 or not row[3].strip() or _may_be_a_time(row[3])]
        return RATINGS if 2 * len(timed) > len(whole) else None
    return None


def _may_be_a_time(text: str) -> bool:
    if is_number(text):
        return float(text.replace(",", ".")) >= EPOCH_FROM
    return re.search(r"\d", text) is not None and re.search(r"[-/.:]", text) is not None


class GivenColumns(NamedTuple):
    """Columns by the hints: role → position, and roles that have no column."""

    columns: dict[str, int]
    ignored: list[str]


def find_given_columns(hints: Hints, names: Sequence[str], width: int, path: Path) -> GivenColumns:
    """Find the columns that hints name.

    Args:
        hints: What options say about the file.
        names: Names of the columns; empty without a header.
        width: Number of columns.
        path: The file, for the message.

    Returns:
        The columns, and the roles without one.

    Raises:
        UnclearLayout: There is no such column.
    """
    columns, ignored = {}, []
    for role, column in hints.columns.items():
        if not column:
            ignored.append(role)
            continue
        at = position_of(column, names, width)
        if at is None:
            shown = ", ".join(names)[:300] or f"1 to {width}"
            raise UnclearLayout(
                f"{path}: it has no column {column!r} for the {role};", f"expected one of {shown}. Mend --columns."
            )
        columns[role] = at
    return GivenColumns(columns, ignored)
