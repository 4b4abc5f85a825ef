"""Choose what the rows of a file mean, and which column has which role. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from src.core.errors import UnclearLayout
from src.ingestion.column_inference import is_swapped
from src.ingestion.column_names import (
    AVAILABLE,
    BRAND,
    CANCELLED,
    CATALOGUE_ROLES,
    CATEGORY,
    CLOCK,
    DESCRIPTION,
    GROUP,
    IMAGE,
    INVOICE,
    KIND,
    LANGUAGE,
    LINE_KIND,
    LISTED,
    MAIN_CATEGORY,
    NOT_SENT,
    ON_SALE,
    PART_OF,
    PRICE,
    PRODUCT,
    PURCHASED,
    QUANTITY,
    REFUNDED,
    RETURNED,
    SALE_PRICE,
    STATE,
    STOCK,
    TEST,
    TIME,
    TITLE,
    TOTAL,
    USER,
    VALUE,
    WITHDRAWN,
    columns_option,
    describes_product,
    is_number,
    number_of,
    position_of,
)
from src.ingestion.column_profile import MANY, ColumnProfile
from src.ingestion.column_words import words_of
from src.ingestion.csv_rows import CsvRows
from src.ingestion.layout import CLICKS, EVENTS, GENRE_NAMES, GENRES, PAIRS, PRODUCTS, PURCHASES, RATINGS, Hints
from src.ingestion.order_states import is_kept_back
from src.ingestion.parsing import EPOCH_FROM
from src.ingestion.role_columns import Roles

_OF_LINES = {RETURNED, NOT_SENT, PART_OF, LINE_KIND}
_OF_ORDERS = {STATE, CANCELLED, REFUNDED, TOTAL, TEST, *_OF_LINES}
UNUSED_ROLES = {
    RATINGS: {KIND, PURCHASED, QUANTITY, INVOICE, LANGUAGE, *(_OF_ORDERS - {STATE})},
    PURCHASES: {KIND, PURCHASED, VALUE, LANGUAGE},
    EVENTS: {PURCHASED, LANGUAGE, *(_OF_ORDERS - {STATE, LINE_KIND})},
    CLICKS: {KIND, VALUE, QUANTITY, LANGUAGE, *_OF_ORDERS},
    PAIRS: {KIND, PURCHASED, VALUE, QUANTITY, LANGUAGE, TOTAL, *_OF_LINES},
    PRODUCTS: {
        USER,
        VALUE,
        TIME,
        KIND,
        PURCHASED,
        INVOICE,
        QUANTITY,
        CANCELLED,
        REFUNDED,
        TOTAL,
        CLOCK,
        TEST,
        *_OF_LINES,
    },
}
"""Layout → roles whose columns it ignores."""

_USUAL_ORDER = {
    RATINGS: (USER, PRODUCT, VALUE, TIME),
    PAIRS: (USER, PRODUCT, TIME),
    PRODUCTS: (PRODUCT, TITLE, CATEGORY),
}
"""Layout → roles of the columns of a file without a header."""

_LONGEST_TITLE = 100  # characters
_LONGEST_FLAG = 5  # letters of "false"
_HIGHEST_RATING = 100
FIRST_GENRE = 5
"""Position of the first genre in MovieLens' u.item."""

# How much a column of a role speaks for a catalogue, or against one. A title may stand in any file.
_FOR_CATALOGUE = {
    TITLE: 1.0, DESCRIPTION: 1.2, CATEGORY: 0.6, BRAND: 0.6, PRICE: 0.6, IMAGE: 1.0, STOCK: 1.0, WITHDRAWN: 0.5,
    GROUP: 0.5, LISTED: 0.5, SALE_PRICE: 0.5, MAIN_CATEGORY: 0.5, AVAILABLE: 1.0,
    USER: -4.0, KIND: -4.0, INVOICE: -2.5, PURCHASED: -2.0, QUANTITY: -0.5, TIME: -1.5,
}  # fmt: skip
# The same for files of events; a role that a reading leaves unused speaks against it as much as it speaks for another.
_TELLING = {KIND: 3.0, VALUE: 2.0, PURCHASED: 2.0, QUANTITY: 1.0, INVOICE: 1.0, STATE: 0.5}
_USED_BY = {
    EVENTS: {KIND, VALUE, QUANTITY, INVOICE},
    RATINGS: {VALUE},
    CLICKS: {PURCHASED},
    PURCHASES: {QUANTITY, INVOICE, STATE},
    PAIRS: {STATE},
}
_NEEDED = {EVENTS: {KIND}, RATINGS: {VALUE}, CLICKS: {PURCHASED}, PURCHASES: {QUANTITY, INVOICE}, PAIRS: set()}
_BARE = 1.0  # what speaks against events that have neither a time nor anything else of an event
_PAIR_SCORE = 3.0  # a user and a product in one row
_OWN_TIMES = {
    "created",
    "updated",
    "modified",
    "added",
    "start",
    "launched",
    "erstellt",
    "angelegt",
    "geaendert",
    "upd",
}
_REPEATED = 0.3  # share of rows whose product stands in an earlier row: no catalogue repeats so many
NEAR = 1.0
"""Readings whose scores differ by less are named both."""


class Reading(NamedTuple):
    """A layout, and how well the columns of a file fit it."""

    layout: str
    score: float


def rank_readings(roles: Roles, profiles: Sequence[ColumnProfile]) -> list[Reading]:
    """Score every layout that the columns of a file allow.

    A column speaks for the layouts that use it and against those that do not, as far as its name and its cells fit its
    role. What a layout is scored by was set by reasoning, not by learning from files.

    Args:
        roles: The columns of each role.
        profiles: One a column; empty if nothing is known of the cells.

    Returns:
        The possible readings, best first.
    """
    if PRODUCT not in roles:
        return []
    confidence = {role: columns[0].confidence for role, columns in roles.items()}
    for role in (VALUE, KIND, PURCHASED):  # a column that is mostly empty says little about the rows
        if role in roles and roles[role][0].filled < 0.5:
            confidence[role] *= roles[role][0].filled
    found = []
    if USER in roles:
        for layout, used in _USED_BY.items():
            if not _NEEDED[layout] or any(confidence.get(role, 0.0) > 0.05 for role in _NEEDED[layout]):
                telling = (weight * confidence.get(role, 0.0) for role, weight in _TELLING.items() if role in used)
                unused = (weight * confidence.get(role, 0.0) for role, weight in _TELLING.items() if role not in used)
                bare = _BARE if layout == PAIRS and TIME not in roles else 0.0
                found.append(Reading(layout, _PAIR_SCORE + sum(telling) - sum(unused) - bare))
    if (score := _catalogue_score(roles, confidence, profiles)) > 0:
        found.append(Reading(PRODUCTS, score))
    return sorted(found, key=lambda reading: -reading.score)


def _catalogue_score(roles: Roles, confidence: Mapping[str, float], profiles: Sequence[ColumnProfile]) -> float:
    """Return how well the columns fit a catalogue; 0 or less if they do not."""
    score = sum(weight * confidence.get(role, 0.0) for role, weight in _FOR_CATALOGUE.items())
    if not any(role in roles for role in CATALOGUE_ROLES) or not profiles:
        return score
    if TIME in roles and _OWN_TIMES & set(words_of(profiles[roles[TIME][0].at].name)):
        score += 1.5  # products too have a day on which they were made
    product = profiles[roles[PRODUCT][0].at]
    if len(product.cells) >= MANY:
        if product.repeated < 0.02:
            score += 1.5
        elif product.repeated > _REPEATED and not {GROUP, LANGUAGE} & roles.keys():
            score -= 3.0
    return score


class ColumnChoice(NamedTuple):
    """Role → position of its column, and notes on columns that could have been chosen instead."""

    columns: dict[str, int]
    notes: list[str]


def choose_columns(
    layout: str, candidates: Mapping[str, Sequence[int]], profiles: Sequence[ColumnProfile], given: Mapping[str, int]
) -> ColumnChoice:
    """Choose the column of each role in a file with a header.

    Args:
        layout: Name of the layout.
        candidates: Role → positions of possible columns, best first.
        profiles: One a column.
        given: Role → position, as options give it.

    Returns:
        The columns that the layout uses, and notes for people.
    """
    names = [profile.name for profile in profiles]
    candidates = dict(candidates)
    notes = []
    is_title = DESCRIPTION in candidates and (layout != PRODUCTS or _are_short(profiles[candidates[DESCRIPTION][0]]))
    if layout != RATINGS and TITLE not in candidates and is_title and DESCRIPTION not in given:
        # The description of an invoice's line is a title, and so is that of a list of prices or stock.
        candidates[TITLE] = candidates.pop(DESCRIPTION)
    if layout == PRODUCTS:
        _settle_stock(candidates, profiles, given)
    else:  # "archived" or "stock" beside an event describe the row, not the product
        own = (STOCK, WITHDRAWN, GROUP, LISTED, AVAILABLE, SALE_PRICE, ON_SALE)
        candidates = {role: at for role, at in candidates.items() if role in given or role not in own}
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
        others = [at for at in positions[1:] if at not in columns.values()]
        others.sort(key=lambda at: profiles[at].repeated == 0.0)  # what differs in every row may number rows
        if role in (USER, PRODUCT, VALUE, TIME) and role in columns and others:
            gaps = _gaps(profiles[positions[0]])
            notes.append(
                f"{names[positions[0]]!r} was taken for the {role}{gaps}; to take another: "
                f"{columns_option({role: others[0]}, names)}"
            )
    return ColumnChoice(columns, notes)


def _are_short(profile: ColumnProfile) -> bool:
    """Whether the texts of a column are as short as titles."""
    return bool(profile.cells) and profile.share(lambda cell: len(cell) <= _LONGEST_TITLE) >= 0.9


def _gaps(profile: ColumnProfile) -> str:
    return f" (empty in {1 - profile.filled:.0%} of the first rows)" if profile.filled < 1 else ""


def _settle_stock(
    candidates: dict[str, Sequence[int]], profiles: Sequence[ColumnProfile], given: Mapping[str, int]
) -> None:
    """Tell the number of units in stock from a flag that says whether there are any."""
    if STOCK in candidates and STOCK not in given:
        flags = [at for at in candidates[STOCK] if profiles[at].cells and profiles[at].numbers < 0.5]
        counted = [at for at in candidates[STOCK] if at not in flags]
        if flags and (counted or QUANTITY in candidates):
            candidates[AVAILABLE] = [*candidates.get(AVAILABLE, ()), *flags]
            candidates[STOCK] = counted or candidates[QUANTITY]
    if AVAILABLE in candidates and AVAILABLE not in given:
        counted = [at for at in candidates[AVAILABLE] if not _is_flag(profiles[at]) and profiles[at].numbers >= 0.9]
        if counted and STOCK not in candidates:
            candidates[STOCK] = counted
            candidates[AVAILABLE] = [at for at in candidates[AVAILABLE] if at not in counted]
            if not candidates[AVAILABLE]:
                del candidates[AVAILABLE]
    if {AVAILABLE, STOCK} <= candidates.keys() and not {AVAILABLE, LISTED} & {
        *given,
        *(candidates.keys() - {AVAILABLE}),
    }:
        apart = [at for at in candidates[AVAILABLE] if _is_no_stock(profiles[at], profiles[candidates[STOCK][0]])]
        candidates |= {LISTED: apart} if apart else {}
        candidates[AVAILABLE] = [at for at in candidates[AVAILABLE] if at not in apart]
        if not candidates[AVAILABLE]:
            del candidates[AVAILABLE]
    if STOCK not in candidates and QUANTITY in candidates:
        candidates[STOCK] = candidates[QUANTITY]


def _is_flag(profile: ColumnProfile) -> bool:
    return set(profile.cells) <= {"0", "1", "0.0", "1.0"}


def _is_no_stock(flag: ColumnProfile, stock: ColumnProfile) -> bool:
    """Whether a column called available says yes and no, and no for products of which there are units too."""
    if "stock" in words_of(flag.name) or flag.filled < 1.0 or stock.filled < 1.0:
        return False
    meanings = {cell: is_kept_back(cell) for cell in set(flag.cells) if len(cell) <= _LONGEST_FLAG}
    if set(meanings.values()) != {True, False} or len(meanings) < flag.n_distinct:
        return False
    return any(meanings[said] and cell.strip("0.") for said, cell in zip(flag.cells, stock.cells, strict=True))


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
    others = {role: columns[role] for role in (VALUE, TIME) if role in columns and VALUE in columns}
    options = columns_option({USER: columns[PRODUCT], PRODUCT: columns[USER]} | others)
    return f"if users and products are the other way round: {options}"


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
        return RATINGS if 2 * len(timed) > len(whole) and not are_counts([row[2] for row in whole]) else None
    return None


def are_counts(texts: Sequence[str]) -> bool:
    """Return whether numbers go beyond every scale of ratings, as plays and hours do."""
    return any((number_of(text) or 0) > _HIGHEST_RATING for text in texts)


def _may_be_a_time(text: str) -> bool:
    if (number := number_of(text)) is not None:
        return number >= EPOCH_FROM
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
