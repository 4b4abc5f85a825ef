"""Many events at once, through the raw driver: executemany on SQLite, COPY on PostgreSQL.

One meaning on both: of events that are the same (user, product, kind, mark) the latest stays, and of equally late
ones the one that came last. An event without a time counts as the oldest. Whatever replaces an event takes its place
in the order of arrival.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Set
from dataclasses import replace
from itertools import islice
from operator import lt
from typing import Any

import numpy as np
from sqlalchemy import Connection

from src.core.domain import NO_TIME, EventBatch

_COLUMNS = "user_id, product_id, kind, mark, value, at, number"
_REPLACE = f"""
    ON CONFLICT (user_id, product_id, kind, mark) DO UPDATE SET value = excluded.value, at = excluded.at
    WHERE coalesce(excluded.at, {NO_TIME}) >= coalesce(events.at, {NO_TIME})
      AND excluded.mark NOT LIKE 'id:%'
      AND (excluded.value <> events.value OR coalesce(excluded.at, {NO_TIME}) <> coalesce(events.at, {NO_TIME}))
"""
_Row = tuple[str, str, str, str, float, int | None, int]


def numbered(batch: EventBatch, after: int) -> EventBatch:
    """The batch with numbers: its own, or those of events that come now, all above `after`."""
    if batch.number is not None:
        return batch
    first = max(time.time_ns() // 1_000, after + 1)
    return replace(batch, number=np.arange(first, first + len(batch), dtype=np.int64))


def upsert_events(connection: Connection, batch: EventBatch, products: Set[str]) -> int:
    """How many events were new or replaced an older one; the rest was there already. `products` are known then.

    The batch must be numbered. One sorted by (user, product, kind, mark) goes fastest, as it touches every page once.
    """
    batch = _latest_of_each(batch)
    if connection.dialect.name == "sqlite":
        return _upsert_sqlite(connection, batch, products)
    return _upsert_postgresql(connection, batch, products)


def _latest_of_each(batch: EventBatch) -> EventBatch:
    """Of events that are the same the latest, in the place of the first. One statement may not touch a row twice."""
    keys = list(_keys(batch))
    if all(map(lt, keys, islice(keys, 1, None))) or len(set(keys)) == len(keys):
        return batch
    assert batch.number is not None
    when = list(zip(batch.at.tolist(), batch.number.tolist(), strict=True))
    latest: dict[tuple[str, str, str, str], int] = {}
    place: dict[tuple[str, str, str, str], int] = {}
    for position, same in enumerate(keys):
        number = when[position][1]
        if when[position] >= when[latest.setdefault(same, position)]:
            latest[same] = position
        place[same] = min(number, place.get(same, number))
    return replace(batch.take(list(latest.values())), number=np.array(list(place.values()), dtype=np.int64))


def _keys(batch: EventBatch) -> Iterator[tuple[str, str, str, str]]:
    return zip(batch.user_id, batch.product_id, batch.kind, batch.mark or [""] * len(batch), strict=True)


def _rows(batch: EventBatch) -> Iterator[_Row]:
    assert batch.number is not None
    times = (None if at == NO_TIME else at for at in batch.at.tolist())
    marks = batch.mark or [""] * len(batch)
    columns = (batch.user_id, batch.product_id, batch.kind, marks, batch.value.tolist(), times, batch.number.tolist())
    return zip(*columns, strict=True)


def _upsert_sqlite(connection: Connection, batch: EventBatch, products: Set[str]) -> int:
    raw: Any = connection.connection.dbapi_connection
    before = raw.total_changes
    raw.executemany(f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) {_REPLACE}", _rows(batch))
    stored = raw.total_changes - before
    # Sorted, so that neighbours are met on one page: half the time.
    new = ((product_id,) for product_id in sorted(products))
    raw.executemany("INSERT INTO products (product_id) VALUES (?) ON CONFLICT DO NOTHING", new)
    return int(stored)


def _upsert_postgresql(connection: Connection, batch: EventBatch, products: Set[str]) -> int:
    raw: Any = connection.connection.dbapi_connection
    with raw.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS incoming (user_id text, product_id text, kind text, mark text, "
            "value double precision, at bigint, number bigint) ON COMMIT DELETE ROWS"
        )
        cursor.execute("TRUNCATE incoming")
        with cursor.copy(f"COPY incoming ({_COLUMNS}) FROM STDIN") as copy:
            for row in _rows(batch):
                copy.write_row(row)
        cursor.execute(f"INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM incoming {_REPLACE}")
        stored = int(cursor.rowcount)
        cursor.execute(
            "INSERT INTO products (product_id) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", [sorted(products)]
        )
        return stored
