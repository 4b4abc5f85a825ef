"""Take back what a load of a file stored: its events, and products that nothing else names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, or_, select

from src.core.domain import EventKind
from src.store.apply_returns import without_returns
from src.store.batches import PARAMETERS, batches
from src.store.change_marks import EVENTS, PRODUCTS, note_change
from src.store.database import Database
from src.store.reading import count_by_product, user_pages
from src.store.tables import SENT_MARKS, events, products

_MOVED = (EventKind.PURCHASE.value, EventKind.RETURN.value)
_FACTS = ("title", "description", "category", "brand", "price", "image_url", "stock", "group_id")


class LoadedPlaces(NamedTuple):
    """The places of a load's n events in the order of arrival: after `first`, in microseconds."""

    first: int
    n: int


class TakenBack(NamedTuple):
    """Events that were deleted, and the products that they were on."""

    n_events: int
    product_ids: frozenset[str]


def take_back_events(database: Database, loads: Sequence[LoadedPlaces]) -> TakenBack:
    """Delete the events that loads of files stored and nothing replaced since, in short transactions.

    Events that were sent meanwhile stay: their dedupe keys tell them apart, and the times of ratings, which have none.

    Args:
        database: Where they are.
        loads: The loads; empty for none.

    Returns:
        What was deleted.
    """
    if not loads:
        return TakenBack(0, frozenset())
    n_events, product_ids = 0, set[str]()
    loaded = or_(*map(_is_of, loads))
    columns = (events.c.user_id, events.c.product_id, events.c.kind)
    for page in user_pages(database):
        mine = and_(events.c.user_id.between(page[0], page[-1]), loaded)
        with database.write() as connection:
            rows = connection.execute(select(*columns).where(mine)).all()
            if not rows:
                continue
            connection.execute(delete(events).where(mine))
            without_returns(connection, {(row.user_id, row.product_id) for row in rows if row.kind in _MOVED})
            note_change(database, connection, EVENTS)
        n_events += len(rows)
        product_ids.update(row.product_id for row in rows)
    return TakenBack(n_events, frozenset(product_ids))


def _is_of(load: LoadedPlaces) -> ColumnElement[bool]:
    rating = and_(events.c.dedupe_key == "", or_(events.c.at.is_(None), events.c.at <= load.first // 1_000_000))
    from_file = and_(events.c.dedupe_key != "", *(~events.c.dedupe_key.like(f"{mark}%") for mark in SENT_MARKS))
    return and_(events.c.arrival_seq.between(load.first, load.first + load.n), or_(rating, from_file))


def forget_products(database: Database, product_ids: Collection[str], *, described: bool) -> int:
    """Delete those of these products that no event names, and that nobody withdrew or hid.

    Args:
        database: Where they are.
        product_ids: The products.
        described: Whether products that have a title or another fact are deleted, too.

    Returns:
        How many were deleted.
    """
    if not product_ids:
        return 0
    named = count_by_product(database, list(EventKind), None)
    bare = [] if described else [products.c[name].is_(None) for name in _FACTS]
    n_deleted = 0
    with database.write() as connection:
        for part in batches(_without(product_ids, named), PARAMETERS):
            chosen = products.c.product_id.in_(part)
            free = and_(chosen, products.c.withdrawn.is_(None), products.c.unlisted.is_(None), *bare)
            n_deleted += connection.execute(delete(products).where(free)).rowcount
        if n_deleted:
            note_change(database, connection, PRODUCTS)
    return n_deleted


def _without(product_ids: Iterable[str], named: Collection[str]) -> list[str]:
    return sorted(id_ for id_ in product_ids if id_ not in named)
