"""Purchases and the returns that take them back, kept in step within the transaction that changes either."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text, update

from src.core.domain import EventBatch, EventKind
from src.store.returns import Movement, taken_back
from src.store.tables import events

# The pairs go in as one parameter: there may be 50,000 of them. 'return' is written out, or its index is of no use.
_PAIRS = {
    "sqlite": "(SELECT json_extract(value, '$[0]') AS u, json_extract(value, '$[1]') AS p FROM json_each(:pairs))",
    "postgresql": "(SELECT value->>0 AS u, value->>1 AS p FROM json_array_elements(CAST(:pairs AS json)))",
}
_MOVED = """
    SELECT user_id, product_id, kind, mark, value, at, taken_back FROM {pairs} AS pair
    JOIN events ON user_id = u AND product_id = p AND kind IN ('purchase', 'return')
    WHERE EXISTS (SELECT 1 FROM events AS back WHERE back.kind = 'return' AND back.user_id = u AND back.product_id = p)
    ORDER BY user_id, product_id
"""
_SET = (
    update(events)
    .where(
        events.c.user_id == bindparam("of_user"),
        events.c.product_id == bindparam("of_product"),
        events.c.kind == EventKind.PURCHASE.value,
        events.c.mark == bindparam("of_mark"),
    )
    .values(taken_back=bindparam("taken"))
)


def apply_returns(connection: Connection, batch: EventBatch) -> None:
    """Say anew, for every user and product of the batch, how much of each of their purchases is taken back.

    The batch must be stored already. All is worked out from scratch, so that neither the order of files matters nor
    how often one is loaded.
    """
    if not {EventKind.PURCHASE, EventKind.RETURN} & set(batch.kind):
        return
    pairs = {
        (user, product)
        for user, product, kind in zip(batch.user_id, batch.product_id, batch.kind, strict=True)
        if kind in (EventKind.PURCHASE, EventKind.RETURN)
    }
    if connection.execute(text("SELECT 1 FROM events WHERE kind = 'return' LIMIT 1")).first() is None:
        return
    query = text(_MOVED.format(pairs=_PAIRS[connection.dialect.name]))
    changes = list(_changes(connection.execute(query, {"pairs": json.dumps(sorted(pairs))}).all()))
    if changes:
        connection.execute(_SET, changes)


def _changes(moved: Iterable[Row[Any]]) -> Iterator[dict[str, object]]:
    """Purchases of which another part is taken back than the store says."""
    for (user, product), rows in groupby(moved, key=lambda row: (row.user_id, row.product_id)):
        purchases, returns, known = [], [], {}
        for row in rows:
            movement = Movement(row.mark, row.value, row.at)
            if row.kind == EventKind.RETURN:
                returns.append(movement)
            else:
                purchases.append(movement)
                known[row.mark] = row.taken_back
        for mark, taken in taken_back(purchases, returns).items():
            if taken != known[mark]:
                yield {"of_user": user, "of_product": product, "of_mark": mark, "taken": taken}
