"""The store on SQL: one code for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from src.core.domain import (
    NO_TIME,
    CategoryCount,
    Event,
    EventBatch,
    EventKind,
    Product,
    ProductAttributes,
    ProductCount,
)
from src.core.records import StoreSummary
from src.store.apply_returns import apply_returns
from src.store.batches import PARAMETERS, batches
from src.store.bulk import numbered, upsert_events
from src.store.catalogue import SqlCatalogue
from src.store.change_marks import EVENTS, PRODUCTS, changed_at, note_change
from src.store.database import Database
from src.store.journal import SqlJournal
from src.store.reading import NET, NET_VALUE, count_by_product, count_events, event_pages, users_from
from src.store.searches import SqlSearches
from src.store.served import SqlServed
from src.store.tables import event_ids, events, products, searches

# Every list asks for a history, so what can be made once is.
_KIND_OF = {kind.value: kind for kind in EventKind}
_HISTORY = (
    select(events.c.product_id, events.c.kind, NET_VALUE, events.c.at)
    .where(events.c.user_id == bindparam("user_id"), NET)
    .order_by(func.coalesce(events.c.at, NO_TIME), events.c.number)
)


class SqlStore:
    """See the Store protocol for what every method promises."""

    def __init__(self, url: str, *, loading: bool = False) -> None:
        self._database = Database(url, loading=loading)
        self._catalogue = SqlCatalogue(self._database)
        self._last_number = 0
        # Of a load, which meets the same ones again and again: to ask for them each time takes a fifth of its time.
        self._loading, self._known_products = loading, set[str]()
        self.journal = SqlJournal(self._database)
        self.searches = SqlSearches(self._database)
        self.served = SqlServed(self._database)

    def add_events(self, batch: EventBatch, event_ids_: Sequence[str | None] = ()) -> int:
        with self._database.write() as connection:
            if any(event_ids_):
                batch = batch.take(self._not_received(connection, batch, event_ids_))
            if not len(batch):
                return 0
            # Only now, as the one who writes: numbers grow in the order in which batches are stored.
            batch = numbered(batch, self._last_number)
            self._last_number = max(self._last_number, int(batch.number.max()))  # type: ignore[union-attr]
            products = set(batch.product_id) - self._known_products
            stored = upsert_events(connection, batch, products)
            apply_returns(connection, batch)
            if stored:
                note_change(self._database, connection, EVENTS)
        if self._loading:
            self._known_products |= products
        return stored

    def changed_at(self) -> int | None:
        return changed_at(self._database, EVENTS)

    def _not_received(self, connection: Connection, batch: EventBatch, ids: Sequence[str | None]) -> list[int]:
        """Positions of events without an id, or with one that is here for the first time; which it then is no more."""
        known: set[str] = set()
        for part in batches(dict.fromkeys(event_id for event_id in ids if event_id is not None), PARAMETERS):
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

    def history(self, user_id: str) -> list[Event]:
        with self._database.read() as connection:
            return [
                Event(user_id, product_id, _KIND_OF[kind], value, at)
                for product_id, kind, value, at in connection.execute(_HISTORY, {"user_id": user_id})
            ]

    def users(self, prefix: str, n: int) -> list[str]:
        return users_from(self._database, prefix, n)

    def read_events(self, *, as_recorded: bool = False) -> Iterator[EventBatch]:
        return event_pages(self._database, as_recorded=as_recorded)

    def popular(self, kinds: Sequence[EventKind], since: int | None, n: int) -> list[ProductCount]:
        counts = count_by_product(self._database, kinds, since)
        for product_id in self.withdrawn():
            counts.pop(product_id, None)
        ranked = nsmallest(n, counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return [ProductCount(product_id, count) for product_id, count in ranked]

    def add_products(self, rows: Iterable[Product]) -> int:
        return self._catalogue.add(rows)

    def products(self, product_ids: Iterable[str]) -> dict[str, Product]:
        return self._catalogue.get(product_ids)

    def read_products(self) -> Iterator[list[Product]]:
        return self._catalogue.pages()

    def read_facts(self) -> Iterator[list[ProductAttributes]]:
        return self._catalogue.facts()

    def products_changed_at(self) -> int | None:
        return changed_at(self._database, PRODUCTS)

    def withdrawn(self) -> frozenset[str]:
        return self._catalogue.withdrawn()

    def categories(self) -> list[CategoryCount]:
        return self._catalogue.categories()

    def summary(self) -> StoreSummary:
        counted = count_events(self._database)
        n_products, made_up = self._catalogue.counted()
        n_ratings, total = counted.kinds.get(EventKind.RATING.value, (0, 0.0))
        return StoreSummary(
            n_events=sum(count for count, _ in counted.kinds.values()),
            n_ratings=n_ratings,
            n_users=counted.n_users,
            n_products=n_products,
            avg_rating=total / n_ratings if n_ratings else None,
            newest_at=counted.newest_at,
            made_up=made_up,
            by_kind={kind: count for kind, (count, _) in sorted(counted.kinds.items())},
        )

    def drop_made_up(self) -> int:
        made_up = select(products.c.product_id).where(products.c.made_up)
        with self._database.write() as connection:
            if connection.execute(made_up.limit(1)).first() is None:
                return 0  # as almost always: no reason to look through all events with the store locked
            connection.execute(delete(events).where(events.c.product_id.in_(made_up)))
            connection.execute(delete(event_ids).where(event_ids.c.product_id.in_(made_up)))
            connection.execute(delete(searches).where(searches.c.product_id.in_(made_up)))
            self.served.clear(connection)  # those were lists of the made-up shop
            self._known_products.clear()
            note_change(self._database, connection, EVENTS)
            note_change(self._database, connection, PRODUCTS)
            return connection.execute(delete(products).where(products.c.made_up)).rowcount
