"""The store on SQL: one code for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Connection, Executable, Select, and_, delete, distinct, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from src.domain import (
    NO_TIME,
    Event,
    EventBatch,
    EventKind,
    Product,
    ProductCount,
    Run,
    RunStatus,
    StoreSummary,
)
from src.store.bulk import upsert_events
from src.store.database import Database
from src.store.tables import event_ids, events, products, runs

READ_ROWS = 100_000
_PARAMETERS = 500  # of one statement; SQLite allows 999 in old builds


class SqlStore:
    """See the Store protocol for what every method promises."""

    def __init__(self, url: str, *, loading: bool = False) -> None:
        self._database = Database(url, loading=loading)

    def add_events(self, batch: EventBatch, event_ids_: Sequence[str | None] = ()) -> int:
        with self._database.write() as connection:
            if any(event_ids_):
                batch = batch.take(self._not_received(connection, batch, event_ids_))
            return upsert_events(connection, batch) if len(batch) else 0

    def _not_received(self, connection: Connection, batch: EventBatch, ids: Sequence[str | None]) -> list[int]:
        """Positions of events without an id, or with one that is here for the first time; which it then is no more."""
        known: set[str] = set()
        for part in _batches(dict.fromkeys(event_id for event_id in ids if event_id is not None), _PARAMETERS):
            known.update(
                connection.execute(select(event_ids.c.event_id).where(event_ids.c.event_id.in_(part))).scalars()
            )
        fresh, received = [], []
        for position, event_id in enumerate(ids):
            if event_id in known:
                continue
            fresh.append(position)
            if event_id is not None:
                known.add(event_id)
                received.append({"event_id": event_id, "product_id": batch.product_id[position]})
        if received:  # no other writer can have come in between: there is one at a time
            connection.execute(insert(event_ids), received)
        return fresh

    def add_products(self, rows: Iterable[Product]) -> int:
        # What a row does not mention (None) keeps its old value.
        incoming = self._insert(products)
        keep = {
            column.name: func.coalesce(incoming.excluded[column.name], column)
            for column in products.columns
            if column.name not in ("product_id", "made_up")
        }
        statement = incoming.on_conflict_do_update(
            index_elements=["product_id"], set_={**keep, "made_up": and_(products.c.made_up, incoming.excluded.made_up)}
        )
        added = 0
        with self._database.write() as connection:
            for part in _batches(rows, 1_000):
                connection.execute(statement, [asdict(product) for product in part])
                added += len(part)
        return added

    def history(self, user_id: str) -> list[Event]:
        query = (
            select(events.c.product_id, events.c.kind, events.c.value, events.c.at)
            .where(events.c.user_id == user_id)
            .order_by(func.coalesce(events.c.at, NO_TIME), events.c.id)
        )
        with self._database.read() as connection:
            return [
                Event(user_id, row.product_id, EventKind(row.kind), row.value, row.at)
                for row in connection.execute(query)
            ]

    def read_events(self) -> Iterator[EventBatch]:
        # Page by page, each a short transaction of its own: a long read would keep SQLite's writers out.
        with self._database.read() as connection:
            last = connection.execute(select(func.max(events.c.id))).scalar() or 0
        after = 0
        while after < last:
            query = (
                select(events).where(events.c.id > after, events.c.id <= last).order_by(events.c.id).limit(READ_ROWS)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).fetchall()
            if not rows:
                return
            after = rows[-1].id
            _, users, items, kinds, values, times, marks = zip(*rows, strict=True)
            at = np.array([NO_TIME if time is None else time for time in times], dtype=np.int64)
            yield EventBatch(list(users), list(items), list(kinds), np.array(values, dtype=np.float64), at, list(marks))

    def popular(self, kinds: Sequence[EventKind], since: int | None, n: int) -> list[ProductCount]:
        count = func.count().label("count")
        query: Select[Any] = (
            select(events.c.product_id, count)
            .where(events.c.kind.in_([kind.value for kind in kinds]))
            .group_by(events.c.product_id)
            .order_by(count.desc(), events.c.product_id)
            .limit(n)
        )
        if since is not None:
            query = query.where(events.c.at >= since)
        with self._database.read() as connection:
            return [ProductCount(row.product_id, row[1]) for row in connection.execute(query)]

    def products(self, product_ids: Iterable[str]) -> dict[str, Product]:
        found: dict[str, Product] = {}
        with self._database.read() as connection:
            for part in _batches(dict.fromkeys(product_ids), _PARAMETERS):
                for row in connection.execute(select(products).where(products.c.product_id.in_(part))):
                    found[row.product_id] = Product(**row._mapping)
        return found

    def summary(self) -> StoreSummary:
        by_kind = select(events.c.kind, func.count(), func.avg(events.c.value)).group_by(events.c.kind)
        everywhere = select(events.c.product_id).union(select(products.c.product_id)).subquery()
        with self._database.read() as connection:
            kinds = {row[0]: (row[1], row[2]) for row in connection.execute(by_kind)}
            users = select(distinct(events.c.user_id)).subquery()  # read off the index, without sorting
            n_users = connection.execute(select(func.count()).select_from(users)).scalar_one()
            n_products = connection.execute(select(func.count()).select_from(everywhere)).scalar_one()
            newest = connection.execute(select(func.max(events.c.at))).scalar()
            made_up = connection.execute(select(products.c.product_id).where(products.c.made_up).limit(1)).first()
        n_ratings, avg_rating = kinds.get(EventKind.RATING.value, (0, None))
        return StoreSummary(
            n_events=sum(count for count, _ in kinds.values()),
            n_ratings=n_ratings,
            n_users=n_users,
            n_products=n_products,
            avg_rating=avg_rating,
            newest_at=newest,
            made_up=made_up is not None,
            by_kind={kind: count for kind, (count, _) in sorted(kinds.items())},
        )

    def drop_made_up(self) -> int:
        made_up = select(products.c.product_id).where(products.c.made_up)
        with self._database.write() as connection:
            if connection.execute(made_up.limit(1)).first() is None:
                return 0  # as almost always: no reason to look through all events with the store locked
            connection.execute(delete(events).where(events.c.product_id.in_(made_up)))
            connection.execute(delete(event_ids).where(event_ids.c.product_id.in_(made_up)))
            return connection.execute(delete(products).where(products.c.made_up)).rowcount

    def save_run(self, run: Run) -> bool:
        row = asdict(replace(run, status=RunStatus(run.status)))
        with self._database.write() as connection:
            if connection.execute(update(runs).where(runs.c.run_id == run.run_id).values(**row)).rowcount:
                return True
            # The only conflict left is another run with the same due moment.
            statement = self._insert(runs).values(**row).on_conflict_do_nothing()
            return _inserts(connection, statement)

    def runs(self, n: int) -> list[Run]:
        query = select(runs).order_by(runs.c.started_at.desc(), runs.c.run_id.desc()).limit(n)
        with self._database.read() as connection:
            found = [Run(**row._mapping) for row in connection.execute(query)]
        return [replace(run, status=RunStatus(run.status)) for run in found]

    @property
    def _insert(self) -> Callable[..., Any]:
        """INSERT … ON CONFLICT, which both databases have and spell alike."""
        return sqlite.insert if self._database.is_sqlite else postgresql.insert


def _inserts(connection: Connection, statement: Executable) -> bool:
    """Run INSERT … ON CONFLICT DO NOTHING of one row; whether the row was added."""
    # Only when asked does SQLAlchemy keep the count of an INSERT on PostgreSQL.
    done = connection.execute(statement, execution_options={"preserve_rowcount": True})
    return done.rowcount == 1


T = TypeVar("T")


def _batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    source = iter(things)
    while batch := list(islice(source, size)):
        yield batch
