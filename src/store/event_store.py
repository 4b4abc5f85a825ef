"""Events of users on products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)

from src.core.domain import NO_TIME, Event, EventBatch, EventKind, ProductCount
from src.store.apply_returns import apply_returns, never_bought
from src.store.batches import PARAMETERS, batches
from src.store.bulk import insert_products, upsert_events, with_arrival_seq
from src.store.change_marks import EVENTS, changed_at, note_change
from src.store.database import Database
from src.store.kept_reads import KeptConnections, KeptRead, SettledRead
from src.store.product_store import SYNTHETIC, withdrawn_ids
from src.store.reading import (
    NET,
    NET_VALUE,
    EventCounts,
    count_by_product,
    count_events,
    event_pages,
    returned_by_product,
    user_ids_with_prefix,
)
from src.store.tables import changes, events
from src.store.tables import event_ids as received_ids

# Built once: a history is read for every list.
_KIND_OF = {kind.value: kind for kind in EventKind}
_HISTORY = (
    select(events.c.product_id, events.c.kind, NET_VALUE, events.c.at)
    .where(events.c.user_id == bindparam("user_id"), NET)
    .order_by(func.coalesce(events.c.at, NO_TIME), events.c.arrival_seq)
)

_FIELD, _EVENT = "\x1f", "\x1e"
"""Separators that no id contains, as ids have no control characters."""
_DONE = select(
    func.aggregate_strings(events.c.product_id + literal_column(f"'{_FIELD}'") + events.c.kind, _EVENT)
).where(events.c.user_id == bindparam("user_id"), NET)
_MARK = select(changes.c.at).where(changes.c.what == EVENTS)


class EventStore:
    """Events of users on products.

    Reads are net of returns (src/store/returns.py): they give no return and no purchase that was returned whole, and
    lower the value of purchases that were returned in part.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        kept = KeptConnections(database)
        self._history, self._done = KeptRead(kept, _HISTORY), KeptRead(kept, _DONE)
        self._mark = SettledRead(kept, _MARK)
        self._last_seq = 0

    def add_products(self, product_ids: Sequence[str]) -> None:
        """Add products that have no attributes, unless they are stored already; sorted ones are added fastest."""
        with self._database.write() as connection:
            insert_products(connection, product_ids)

    def add(self, batch: EventBatch, event_ids: Sequence[str | None] = (), *, products_are_stored: bool = False) -> int:
        """Add events durably, all or none, and their products.

        There is one rating per user and product: the latest. Other events are equal if user, product, kind and
        dedupe_key are. A batch sorted by these four is added fastest.

        Args:
            batch: The events.
            event_ids: One per event, or empty. An event whose id was received before is ignored.
            products_are_stored: Whether `add_products` has added those of the batch: a load meets the same products
                again and again, on pages that every transaction would write anew.

        Returns:
            The number of events that are new or replaced an older one.
        """
        with self._database.write() as connection:
            if any(event_ids):
                batch = batch.take(self._not_received(connection, batch, event_ids))
            if not len(batch):
                return 0
            # Inside the transaction, so that numbers grow in the order in which batches are stored.
            batch = with_arrival_seq(batch, self._last_seq)
            self._last_seq = max(self._last_seq, int(batch.arrival_seq.max()))  # type: ignore[union-attr]
            stored = upsert_events(connection, batch)
            if not products_are_stored:
                insert_products(connection, sorted(set(batch.product_id)))
            apply_returns(connection, batch)
            if stored:
                note_change(self._database, connection, EVENTS)
        return stored

    def _not_received(self, connection: Connection, batch: EventBatch, ids: Sequence[str | None]) -> list[int]:
        """Return the positions of events whose event_id is None or new; record the new ids as received."""
        known: set[str] = set()
        for part in batches(dict.fromkeys(event_id for event_id in ids if event_id is not None), PARAMETERS):
            query = select(received_ids.c.event_id).where(received_ids.c.event_id.in_(part))
            known.update(connection.execute(query).scalars())
        positions, received = [], []
        for position, event_id in enumerate(ids):
            if event_id in known:
                continue
            positions.append(position)
            if event_id is not None:
                known.add(event_id)
                received.append({"event_id": event_id, "product_id": batch.product_id[position]})
        if received:  # no conflict is possible: there is one writer at a time
            connection.execute(insert(received_ids), received)
        return positions

    def history(self, user_id: str) -> list[Event]:
        """Return the user's events, oldest first; empty for an unknown user."""
        return [
            Event(user_id, product_id, _KIND_OF[kind], value, at)
            for product_id, kind, value, at in self._history.rows(user_id=user_id)
        ]

    def earliest(self, user_id: str, n: int) -> list[Event]:
        """Return the n events of a user that arrived first, as `history` does.

        Args:
            user_id: The user.
            n: How many.

        Returns:
            Fewer if there are not so many; oldest first, by their times.
        """
        query = _HISTORY.add_columns(events.c.arrival_seq)
        with self._database.read() as connection:
            rows = connection.execute(query, {"user_id": user_id}).all()
        arrived = sorted(range(len(rows)), key=lambda at: rows[at][4])[:n]
        return [Event(user_id, rows[at][0], _KIND_OF[rows[at][1]], rows[at][2], rows[at][3]) for at in sorted(arrived)]

    def done(self, user_id: str) -> str | None:
        """Return what `done_in` says of the user's history, read in a third of the time that `history` takes.

        None for an unknown user, and on PostgreSQL, where the way to the server and back is what takes time.
        """
        if self._database.file is None:
            return None
        done: str | None = self._done.rows(user_id=user_id)[0][0]
        return done

    def mark(self) -> int | None:
        """Return what `changed_at` does, read on the connection that this thread keeps.

        None on PostgreSQL, where a history is read in the same time.
        """
        if self._database.file is None:
            return None
        rows = self._mark.rows()
        return int(rows[0][0]) if rows else None

    def settled_mark(self) -> int | None:
        """Return what `mark` does if that is known without asking the database, else None."""
        rows = self._mark.settled()
        return int(rows[0][0]) if rows else None

    @staticmethod
    def is_of(done: str, history: Iterable[Event]) -> bool:
        """Tell whether a text that `done` returned is of a history: of the same products and kinds, as often.

        Args:
            done: the text.
            history: of the same user, in any order.

        Returns:
            False if events were added or removed between the two readings.
        """
        told = sorted(f"{event.product_id}{_FIELD}{event.kind.value}" for event in history)
        return sorted(done.split(_EVENT)) == told

    def user_ids(self, prefix: str, n: int) -> list[str]:
        """Return users with an event, by the beginning of their id. Quick for any number of users and events.

        Args:
            prefix: The beginning; "" matches every id.
            n: The maximum number of ids.

        Returns:
            The first n matching ids in their order.
        """
        return user_ids_with_prefix(self._database, prefix, n)

    def read(self, *, as_recorded: bool = False) -> Iterator[EventBatch]:
        """Yield all events stored before the call, and possibly some that are stored meanwhile, in batches.

        They come in the order of user, product, kind and dedupe_key; their arrival_seq is set.

        Args:
            as_recorded: Give returns too, and purchases with their whole value.
        """
        return event_pages(self._database, as_recorded=as_recorded)

    def never_bought(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return those of these users and products of which no purchase is stored."""
        found = []
        with self._database.read() as connection:
            for part in batches(dict.fromkeys(pairs), PARAMETERS):
                found += never_bought(connection, part)
        return found

    def is_empty(self) -> bool:
        """Return whether there is no event, not even a return."""
        return next(self.read(as_recorded=True), None) is None

    def popular(self, kinds: Sequence[EventKind], since: int | None, n: int) -> list[ProductCount]:
        """Return the products with the most events; exact unless events are added meanwhile.

        Args:
            kinds: The kinds of events that count. RETURN counts returns; purchases that were returned whole do not
                count.
            since: The time of the oldest event that counts, in UTC seconds; None for all.
            n: The maximum number of products.

        Returns:
            At most n products, without withdrawn ones; most events first, then by id.
        """
        counts = count_by_product(self._database, kinds, since)
        for product_id in withdrawn_ids(self._database):
            counts.pop(product_id, None)
        ranked = nsmallest(n, counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return [ProductCount(product_id, count) for product_id, count in ranked]

    def returned(self, since: int) -> Mapping[str, float]:
        """Return product → quantity returned of its purchases since a time, in UTC seconds."""
        return returned_by_product(self._database, since)

    def count(self) -> EventCounts:
        """Count events as they were recorded, returns included."""
        return count_events(self._database)

    def changed_at(self) -> int | None:
        """Return when an event was last added, replaced or deleted: microseconds since 1970, never the same twice.

        None if that is not known: in an empty store, or one that an early version filled. Quick.
        """
        return changed_at(self._database, EVENTS)

    def rename_products(self, connection: Connection, new_ids: Mapping[str, str]) -> None:
        """Give the products of events other ids (id → new id); an event stored under the new id already is deleted."""
        renames = Table("renames", MetaData(), Column("old", Text, primary_key=True), Column("new", Text))
        connection.execute(text("CREATE TEMPORARY TABLE renames (old TEXT PRIMARY KEY, new TEXT NOT NULL)"))
        connection.execute(insert(renames), [{"old": old, "new": new} for old, new in new_ids.items()])
        olds = select(renames.c.old)
        new = select(renames.c.new).where(renames.c.old == events.c.product_id).correlate(events).scalar_subquery()
        same = events.alias()
        is_there = select(same.c.user_id).where(
            same.c.user_id == events.c.user_id,
            same.c.product_id == new,
            same.c.kind == events.c.kind,
            same.c.dedupe_key == events.c.dedupe_key,
        )
        of_old = events.c.product_id.in_(olds)
        connection.execute(update(events).where(of_old, ~is_there.exists()).values(product_id=new))
        connection.execute(delete(events).where(of_old))
        connection.execute(text("DROP TABLE renames"))
        note_change(self._database, connection, EVENTS)

    def delete_synthetic(self, connection: Connection) -> None:
        """Delete the events on synthetic products, within the transaction of `connection`."""
        for table in (events, received_ids):
            connection.execute(delete(table).where(table.c.product_id.in_(SYNTHETIC)))
        note_change(self._database, connection, EVENTS)
