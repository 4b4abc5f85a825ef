"""Update the returned quantity of purchases in the transaction that adds purchases or returns."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text, update

from src.core.domain import EventBatch, EventKind
from src.store.returns import Movement, returned_quantities
from src.store.tables import events

# The pairs are one parameter, as there may be 50,000. 'return' is a literal, so that its partial index is used.
_PAIRS = {
    "sqlite": "(SELECT json_extract(value, '$[0]') AS u, json_extract(value, '$[1]') AS p FROM json_each(:pairs))",
    "postgresql": "(SELECT value->>0 AS u, value->>1 AS p FROM json_array_elements(CAST(:pairs AS json)))",
}
_MOVEMENTS = """
    SELECT user_id, product_id, kind, mark, value, at, taken_back FROM {pairs} AS pair
    JOIN events ON user_id = u AND product_id = p AND kind IN ('purchase', 'return')
    WHERE EXISTS (SELECT 1 FROM events AS back WHERE back.kind = 'return' AND back.user_id = u AND back.product_id = p)
    ORDER BY user_id, product_id
"""
_NEVER_BOUGHT = """
    SELECT u, p FROM {pairs} AS pair WHERE NOT EXISTS (
        SELECT 1 FROM events WHERE user_id = u AND product_id = p AND kind = 'purchase'
    )
"""
_OF_PAIR = update(events).where(
    events.c.user_id == bindparam("of_user"),
    events.c.product_id == bindparam("of_product"),
    events.c.kind == EventKind.PURCHASE.value,
)
_UPDATE = _OF_PAIR.where(events.c.dedupe_key == bindparam("of_dedupe_key")).values(
    returned_quantity=bindparam("returned")
)
_RESET = _OF_PAIR.where(events.c.returned_quantity != 0).values(returned_quantity=0)


def apply_returns(connection: Connection, batch: EventBatch) -> None:
    """Recompute the returned quantity of the purchases of every user and product in a batch, in its write transaction.

    It is computed from all events of the pair, so that the result does not depend on the order in which files are
    loaded, nor on how often.
    """
    if not {EventKind.PURCHASE, EventKind.RETURN} & set(batch.kind):
        return
    pairs = {
        (user, product)
        for user, product, kind in zip(batch.user_id, batch.product_id, batch.kind, strict=True)
        if kind in (EventKind.PURCHASE, EventKind.RETURN)
    }
    _apply(connection, pairs)


def without_returns(connection: Connection, pairs: Collection[tuple[str, str]]) -> None:
    """Recompute the returned quantity of the purchases of these users and products after events of theirs were deleted.

    Args:
        connection: A connection inside the write transaction that deleted them.
        pairs: Users and products; empty for none.
    """
    if pairs:
        connection.execute(_RESET, [{"of_user": user, "of_product": product} for user, product in sorted(pairs)])
        _apply(connection, pairs)


def _apply(connection: Connection, pairs: Collection[tuple[str, str]]) -> None:
    if connection.execute(text("SELECT 1 FROM events WHERE kind = 'return' LIMIT 1")).first() is None:
        return
    query = text(_MOVEMENTS.format(pairs=_PAIRS[connection.dialect.name]))
    changes = list(_changes(connection.execute(query, {"pairs": json.dumps(sorted(pairs))}).all()))
    if changes:
        connection.execute(_UPDATE, changes)


def never_bought(connection: Connection, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those of these users and products of which no purchase is stored, in any order."""
    query = text(_NEVER_BOUGHT.format(pairs=_PAIRS[connection.dialect.name]))
    rows = connection.execute(query, {"pairs": json.dumps(sorted(pairs))}).all()
    return [(user, product) for user, product in rows]


def _changes(movements: Iterable[Row[Any]]) -> Iterator[dict[str, object]]:
    """Yield the parameters of an update for every purchase whose returned quantity has changed."""
    for (user, product), rows in groupby(movements, key=lambda row: (row.user_id, row.product_id)):
        purchases, returns, stored = [], [], {}
        for row in rows:
            movement = Movement(row.mark, row.value, row.at)
            if row.kind == EventKind.RETURN:
                returns.append(movement)
            else:
                purchases.append(movement)
                stored[row.mark] = row.taken_back
        for dedupe_key, returned in returned_quantities(purchases, returns).items():
            if returned != stored[dedupe_key]:
                yield {"of_user": user, "of_product": product, "of_dedupe_key": dedupe_key, "returned": returned}
