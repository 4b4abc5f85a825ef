"""Validate the rows of a file: each becomes events and products, or a rejected row with its reason. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from src.core.domain import NO_TIME, BoolArray, EventBatch, IntArray, Product, no_events
from src.core.ids import clean_id, has_bad_characters, is_too_long
from src.ingestion.column_names import (
    CANCELLED,
    CATALOGUE_ROLES,
    CATEGORY,
    KIND,
    LANGUAGE,
    LISTED,
    PRICE,
    PRODUCT,
    QUANTITY,
    STATE,
    USER,
    VARIANTS,
)
from src.ingestion.event_rules import EventRules
from src.ingestion.event_validation import (
    ValidatedEvents,
    dedupe_keys,
    leave_out_no_acts,
    validate_events,
    validate_ids,
)
from src.ingestion.layout import EVENTS, GENRES, LISTS, Layout, genres_of
from src.ingestion.order_validation import says_cancelled
from src.ingestion.parsing import as_texts, is_nothing
from src.ingestion.prices import in_units, per_piece
from src.ingestion.product_cleaning import clean_product, variants_of
from src.ingestion.raw_rows import RawBlock
from src.ingestion.rejections import RejectedRow, RejectionCode
from src.ingestion.row_rejections import RowRejections
from src.ingestion.voided_lines import without_void_words
from src.ingestion.word_account import Word, count_words

_NO_FIELD = ("image", "main_category", "group", "listed", "sale_price", "on_sale", "available", "variants")
_PRODUCT_FIELDS = {role: role for role in CATALOGUE_ROLES if role not in _NO_FIELD} | {
    "image": "image_url",
    "group": "group_id",
}


@dataclass(frozen=True)
class ValidatedBlock:
    """The result of validating a block of rows.

    Attributes:
        n_rows: Rows in the block, good and rejected ones.
        events: Events of the good rows, in the order of the file.
        counted: bool[len(events)], whether equal events are told apart by counting them.
        products: Products of the good rows.
        rejected: Rows that cannot be used, in the order of the file.
        mended: What was repaired or left out of products → times.
        nulls: Column → good rows in which it is empty.
        renamed: Id of a product in the file → the one that an option gives it.
        undone: What was bought in orders that were cancelled or refunded, as returns.
        parent: Id of a product → the one whose row names it as a variant.
        words: Words that decide what a row counts for → rows.
    """

    n_rows: int
    events: EventBatch
    counted: BoolArray
    products: list[Product]
    rejected: list[RejectedRow]
    mended: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)
    renamed: dict[str, str] = field(default_factory=dict)
    undone: EventBatch = field(default_factory=no_events)
    parent: dict[str, str] = field(default_factory=dict)
    words: Counter[Word] = field(default_factory=Counter)

    @property
    def by_kind(self) -> Counter[str]:
        """Kind → events."""
        return Counter(self.events.kind)


def validate_rows(block: RawBlock, layout: Layout, rules: EventRules) -> ValidatedBlock:
    """Validate every row of a block; a bad row is rejected with the first reason found.

    Ids are stripped of surrounding blanks. An id read as `17850.0` is `17850`, as numeric columns write it.
    An empty time is NO_TIME; an unreadable one rejects the row.

    Args:
        block: Rows as the file has them.
        layout: What the cells of a row mean.
        rules: The ranges of ratings, values and times.

    Returns:
        Events, products and rejected rows of the block.
    """
    if layout.name == LISTS:
        return _validate_lists(block, layout)
    cells = _cells_of(block, layout)
    rejections = RowRejections(len(block.rows))
    if not layout.has_events and LANGUAGE in cells:
        _leave_out_other_languages(cells, layout, rejections)
    if layout.name == EVENTS:
        leave_out_no_acts(as_texts(cells[KIND]), layout.words, rejections)
    products = validate_ids(cells[PRODUCT], "product id", rejections)
    renamed = layout.ids.apply(products) if layout.ids else {}
    products = [renamed.get(text, text) for text in products] if renamed else products
    if layout.names:  # concatenated files have the header between their rows
        header = layout.names[layout.columns[PRODUCT]]
        if header in products:
            rejections.add_where(products, header.__eq__, RejectionCode.REPEATED_HEADER)
    validated = ValidatedEvents(no_events(), np.zeros(0, bool))
    if layout.has_events:
        products = without_void_words(products)
        validated = validate_events(cells, products, layout, rules, rejections)
    mended = Counter(block.mended)
    rows = _catalogue_rows(cells, products, np.flatnonzero(rejections.good), validated.is_return, layout)
    catalogue = [clean_product(values, mended, layout.decimal) for values in rows]
    return ValidatedBlock(
        len(block.rows) + len(block.broken),
        validated.events,
        validated.counted,
        catalogue,
        rejections.rejected_rows(block),
        mended,
        validated.nulls if layout.has_events else _empty_fields(catalogue, cells),
        renamed,
        validated.undone,
        {id_: str(values[PRODUCT]) for values in rows for id_ in variants_of(values.get(VARIANTS))},
        count_words(cells, layout),
    )


def _cells_of(block: RawBlock, layout: Layout) -> dict[str, Sequence[object]]:
    """Return role → one cell a row, gaps filled from the columns beside."""
    columns = list(zip(*block.rows, strict=True))
    n = len(block.rows)
    cells: dict[str, Sequence[object]] = {role: columns[at] if n else () for role, at in layout.columns.items()}
    for role, others in layout.fallbacks.items():
        beside = [columns[at] for at in others] if n else []
        # Each of several columns may keep a product back; of ids and times the first filled one counts.
        if role == LISTED:
            cells[role] = list(zip(cells[role], *beside, strict=True))
        elif role == CANCELLED:
            cells[role] = [
                next(filter(says_cancelled, texts), texts[0])
                for texts in zip(*(as_texts(column) for column in (cells[role], *beside)), strict=True)
            ]
        elif role == STATE:
            cells[role] = layout.words.decisive_states([as_texts(column) for column in (cells[role], *beside)])
        else:
            nothing = {USER: layout.nobody, PRODUCT: layout.no_ids}.get(role, frozenset())
            cells[role] = _filled(cells[role], beside, nothing)
    if layout.name == GENRES:
        cells[CATEGORY] = [genres_of(row[layout.columns[CATEGORY] :]) for row in block.rows]
    return cells


def _filled(cells: Sequence[object], others: Sequence[Sequence[object]], nothing: frozenset[str]) -> Sequence[object]:
    """Return the cells, the empty ones filled from other columns.

    Args:
        cells: n cells.
        others: Columns of n cells, the first filled one of which is taken.
        nothing: Cells that stand for none, which are filled too.
    """
    if nothing:
        cells = [None if text in nothing else cell for cell, text in zip(cells, as_texts(cells), strict=True)]
    for column in others:
        cells = [
            other if cell is None or (isinstance(cell, str) and is_nothing(cell.strip())) else cell
            for cell, other in zip(cells, column, strict=True)
        ]
    return cells


def _leave_out_other_languages(cells: dict[str, Sequence[object]], layout: Layout, rejections: RowRejections) -> None:
    languages = [text.lower() for text in as_texts(cells[LANGUAGE])]
    wanted = layout.language or ""
    for other in sorted(set(languages) - {wanted, ""}):
        rejections.add_where(languages, other.__eq__, RejectionCode.OTHER_LANGUAGE, other[:20])


def _is_zero(cell: object) -> bool:
    return cell is not None and re.fullmatch(r"\D{0,5}0+([.,]0*)?\D{0,5}", str(cell)) is not None


def _empty_fields(catalogue: list[Product], cells: dict[str, Sequence[object]]) -> Counter[str]:
    """Return column → products without a value in it."""
    fields = {role: name for role, name in _PRODUCT_FIELDS.items() if role in cells}
    return Counter(
        {role: sum(getattr(product, name) is None for product in catalogue) for role, name in fields.items()}
    )


def _catalogue_rows(
    cells: dict[str, Sequence[object]],
    products: list[str],
    good: IntArray,
    is_return: BoolArray | None,
    layout: Layout,
) -> list[dict[str, object]]:
    """Return the attributes of products as role → cell: every row of a catalogue, or each product's last sale."""
    roles = CATALOGUE_ROLES if layout.has_events else (*CATALOGUE_ROLES, STATE)
    columns = {role: cells[role] for role in roles if role in cells}
    columns |= {role: list(map(in_units, columns[role])) for role in layout.cents if role in columns}
    if layout.of_lines and PRICE in columns:
        columns[PRICE] = list(map(per_piece, columns[PRICE], cells[QUANTITY]))
    if layout.words.given and not layout.has_events:
        columns |= {role: layout.words.shown(columns[role]) for role in (LISTED, STATE) if role in columns}
    if not columns:
        return [{PRODUCT: products[row]} for row in good.tolist()] if not layout.has_events else []
    rows = good.tolist()
    if layout.has_events:
        sold = good if is_return is None else good[~is_return[good]]
        rows = list({products[row]: row for row in sold.tolist()}.values())
    found = [{PRODUCT: products[row], **{role: column[row] for role, column in columns.items()}} for row in rows]
    if layout.has_events and PRICE in columns:  # a present, or a sample, does not change what the product costs
        found = [{**values, PRICE: None} if _is_zero(values[PRICE]) else values for values in found]
    return found


def _validate_lists(block: RawBlock, layout: Layout) -> ValidatedBlock:
    """Validate rows of a user and all their products: one event for each pair."""
    users, products = [], []
    rejections = RowRejections(len(block.rows))
    rows = [as_texts(row) for row in block.rows]
    joined = [" ".join(row) for row in rows]
    rejections.add_where(rows, lambda row: len(row) < 2, RejectionCode.USER_WITHOUT_PRODUCTS)
    rejections.add_where(joined, has_bad_characters, RejectionCode.BAD_CHARACTERS, "an id")
    rejections.add_where(rows, lambda row: any(map(is_too_long, row)), RejectionCode.ID_TOO_LONG, "an id")
    rejections.add_where(rows, lambda row: not all(row), RejectionCode.EMPTY_ID, "id")
    for at in np.flatnonzero(rejections.good).tolist():
        row = [clean_id(cell) for cell in rows[at]]
        users += [row[0]] * (len(row) - 1)
        products += row[1:]
    n = len(users)
    batch = EventBatch(users, products, [layout.kind.value] * n, np.ones(n), np.full(n, NO_TIME, np.int64))
    marks, counted = dedupe_keys({}, batch)
    rejected = rejections.rejected_rows(block)
    return ValidatedBlock(len(block.rows) + len(block.broken), replace(batch, dedupe_key=marks), counted, [], rejected)
