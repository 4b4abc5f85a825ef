"""Users' actions on search results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import Connection, delete, select

from src.core.records import SearchFeedback
from src.store.batches import batches
from src.store.database import Database
from src.store.product_store import SYNTHETIC
from src.store.tables import searches

_WRITE_ROWS = 1_000


def normalize_query(text: str) -> str:
    """Lower the case of a query and collapse its blanks: texts that differ in these are one query."""
    return " ".join(text.lower().split())


class SearchStore:
    """Stores counts of users' actions on search results, without the users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Iterable[SearchFeedback]) -> None:
        """Add rows; equal ones are stored once."""
        statement = self._database.insert(searches).on_conflict_do_nothing()
        with self._database.write() as connection:
            for part in batches(rows, _WRITE_ROWS):
                connection.execute(statement, [asdict(row) for row in part])

    def newest(self, n: int) -> list[SearchFeedback]:
        """Return at most n rows, newest first."""
        columns = searches.c
        query = select(columns.query, columns.product_id, columns.kind, columns.at, columns.dedupe_key)
        query = query.order_by(columns.at.desc(), columns.query, columns.product_id).limit(n)
        with self._database.read() as connection:
            return [SearchFeedback(*row) for row in connection.execute(query)]

    def delete_synthetic(self, connection: Connection) -> None:
        """Delete the rows of synthetic products, within the transaction of `connection`."""
        connection.execute(delete(searches).where(searches.c.product_id.in_(SYNTHETIC)))
