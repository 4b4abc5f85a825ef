"""Tell which of the first rows count, so that notes speak of no rows that are left out anyway. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from src.core.domain import EventKind
from src.ingestion.column_names import KIND, PRODUCT, USER
from src.ingestion.event_rules import EventRules
from src.ingestion.event_validation import validate_ids
from src.ingestion.first_rows import FirstRows
from src.ingestion.given_words import Words
from src.ingestion.layout import EVENTS, Layout
from src.ingestion.order_validation import leave_out_orders
from src.ingestion.parsing import as_texts, is_nothing
from src.ingestion.row_rejections import RowRejections

_RULES = EventRules(rating_min=0.0, rating_max=0.0, now=0)  # of orders only the pending ones depend on rules


def counted_rows(
    layout: str,
    columns: Mapping[str, int],
    fallbacks: Mapping[str, Sequence[int]],
    first: FirstRows,
    kind: EventKind | None,
    words: Words,
) -> FirstRows:
    """Return the first rows of a file of events without those that are rejected or left out.

    Args:
        layout: Name of the layout.
        columns: Role → position; rows of events have users and products.
        fallbacks: Role → positions whose cells are taken where that of the role is empty.
        first: The first rows of the file.
        kind: Kind of the events where options give it.
        words: What options say that words mean.

    Returns:
        The rows that count by their ids, states, titles and sorts, with the profiles of all rows.
    """
    if not {USER, PRODUCT} <= columns.keys() or (layout == EVENTS and KIND not in columns):
        return first
    read = Layout(layout, dict(columns), tuple(first.names), kind=kind or EventKind.PURCHASE, words=words)
    rejections = RowRejections(len(first.rows))
    cells: dict[str, Sequence[object]] = {role: [row[at] for row in first.rows] for role, at in columns.items()}
    for role in (USER, PRODUCT):
        among = (columns[role], *fallbacks.get(role, ()))
        cells[role] = [next((row[at] for at in among if not is_nothing(row[at].strip())), "") for row in first.rows]
        validate_ids(cells[role], role, rejections)
    leave_out_orders({role: as_texts(column) for role, column in cells.items()}, cells, read, _RULES, rejections)
    return replace(first, rows=[first.rows[at] for at in np.flatnonzero(rejections.good).tolist()])
