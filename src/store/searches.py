"""What people did with products that a search had shown them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import select

from src.core.records import SearchFeedback
from src.store.batches import batches
from src.store.database import Database
from src.store.tables import searches

_WRITTEN_AT_ONCE = 1_000


def one_query(text: str) -> str:
    """Texts that differ in case and blanks are one query."""
    return " ".join(text.lower().split())


class SqlSearches:
    """See the Searches protocol for what every method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Iterable[SearchFeedback]) -> None:
        statement = self._database.insert(searches).on_conflict_do_nothing()
        with self._database.write() as connection:
            for part in batches(rows, _WRITTEN_AT_ONCE):
                connection.execute(statement, [asdict(row) for row in part])

    def newest(self, n: int) -> list[SearchFeedback]:
        query = select(searches).order_by(searches.c.at.desc(), searches.c.query, searches.c.product_id).limit(n)
        with self._database.read() as connection:
            return [SearchFeedback(**row._mapping) for row in connection.execute(query)]
