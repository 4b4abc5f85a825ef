"""Many events at once, through the raw driver: executemany on SQLite, COPY on PostgreSQL.

One meaning on both: of events that are the same (user, product, kind, mark) the latest stays, and of equally late
ones the one that came last. An event without a time counts as the oldest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from src.domain import NO_TIME, EventBatch

_COLUMNS = "user_id, product_id, kind, value, at, mark"
_REPLACE = f"""
    ON CONFLICT (user_id, product_id, kind, mark) DO UPDATE SET value = excluded.value, at = excluded.at
    WHERE coalesce(excluded.at, {NO_TIME}) >= coalesce(events.at, {NO_TIME})
      AND (excluded.value <> events.value OR coalesce(excluded.at, {NO_TIME}) <> coalesce(events.at, {NO_TIME}))
"""
_Row = tuple[str, str, str, float, int | None, str]


def upsert_events(connection: Connection, batch: EventBatch) -> int:
    """How many events were new or replaced an older one; the rest was there already."""
    batch = _latest_of_each(batch)
    if connection.dialect.name == "sqlite":
        return _upsert_sqlite(connection, batch)
    return _upsert_postgresql(connection, batch)


def _latest_of_each(batch: EventBatch) -> EventBatch:
    """Of events that are the same the latest, in the place of the first. One statement may not touch a row twice."""
    at, marks = batch.at.tolist(), batch.mark or [""] * len(batch)
    latest: dict[tuple[str, str, str, str], int] = {}
    for position, same in enumerate(zip(batch.user_id, batch.product_id, batch.kind, marks, strict=True)):
        if at[position] >= at[latest.setdefault(same, position)]:
            latest[same] = position
    return batch if len(latest) == len(batch) else batch.take(list(latest.values()))


def _rows(batch: EventBatch) -> Iterator[_Row]:
    times = (None if at == NO_TIME else at for at in batch.at.tolist())
    marks = batch.mark or [""] * len(batch)
    return zip(batch.user_id, batch.product_id, batch.kind, batch.value.tolist(), times, marks, strict=True)


def _upsert_sqlite(connection: Connection, batch: EventBatch) -> int:
    raw: Any = connection.connection.dbapi_connection
    before = raw.total_changes
    raw.executemany(f"INSERT INTO events ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) {_REPLACE}", _rows(batch))
    return int(raw.total_changes - before)


def _upsert_postgresql(connection: Connection, batch: EventBatch) -> int:
    raw: Any = connection.connection.dbapi_connection
    with raw.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS incoming (user_id text, product_id text, kind text, "
            "value double precision, at bigint, mark text, number bigint) ON COMMIT DELETE ROWS"
        )
        cursor.execute("TRUNCATE incoming")
        with cursor.copy(f"COPY incoming ({_COLUMNS}, number) FROM STDIN") as copy:
            for number, row in enumerate(_rows(batch)):
                copy.write_row((*row, number))
        cursor.execute(f"INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM incoming ORDER BY number {_REPLACE}")
        return int(cursor.rowcount)
