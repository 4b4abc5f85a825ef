"""Choose what the rows of a file mean, and which column has which role. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from src.ingestion.column_inference import is_swapped
from src.ingestion.column_names import (
    CATALOGUE_ROLES,
    CATEGORY,
    DESCRIPTION,
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
)
from src.ingestion.layout import CLICKS, EVENTS, PAIRS, PRODUCTS, PURCHASES, RATINGS

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
        candidates = {role: at for role, at in candidates.items() if role in given or role not in (STOCK, WITHDRAWN)}
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
