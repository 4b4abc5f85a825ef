"""Read and count all events, page by page in the order of their key.

Each page is a short transaction of its own: with SQLite's rollback journal a commit waits for readers, and everything
else waits for the commit. A reader sees some of the events that are stored meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Row, Select, and_, distinct, func, literal, or_, select, tuple_

from src.core.domain import NO_TIME, EventBatch, EventKind
from src.store.database import Database
from src.store.tables import events

READ_ROWS = 20_000
COUNT_ROWS = 200_000
_PAGE_USERS = 5_000
_LAST_CHARACTER = "\U0010ffff"
"""The highest character; no id contains it."""

KEY = (events.c.user_id, events.c.product_id, events.c.kind, events.c.dedupe_key)
NOT_RETURNED = or_(events.c.returned_quantity == 0, events.c.returned_quantity < events.c.value)
NET = and_(events.c.kind != EventKind.RETURN.value, NOT_RETURNED)
"""Events net of returns: no returns, no purchases that were returned whole. Their value is NET_VALUE."""
NET_VALUE = (events.c.value - events.c.returned_quantity).label("value")


def event_pages(database: Database, *, as_recorded: bool) -> Iterator[EventBatch]:
    """Yield all events in the order of their key, with arrival_seq, in batches.

    Args:
        as_recorded: Give returns too, and purchases with their whole value; else events net of returns.

    Yields:
        Batches of at most READ_ROWS events.
    """
    value_column = events.c.value if as_recorded else NET_VALUE
    query = select(*KEY, value_column, events.c.at, events.c.arrival_seq).order_by(*KEY).limit(READ_ROWS)
    query = query if as_recorded else query.where(NET)
    page = query
    while True:
        with database.read() as connection:
            rows = connection.execute(page).fetchall()
        if not rows:
            return
        users, items, kinds, dedupe_keys, values, times, arrival = zip(*rows, strict=True)
        at = np.array([NO_TIME if time is None else time for time in times], dtype=np.int64)
        value, arrival_seq = np.array(values, dtype=np.float64), np.array(arrival, dtype=np.int64)
        yield EventBatch(list(users), list(items), list(kinds), value, at, list(dedupe_keys), arrival_seq)
        page = query.where(tuple_(*KEY) > tuple_(*rows[-1][: len(KEY)]))


def user_pages(database: Database) -> Iterator[list[str]]:
    """Yield the ids of users with an event, in their order, in lists of at most _PAGE_USERS."""
    after = ""
    while True:
        later = select(events.c.user_id).where(events.c.user_id > after)
        with database.read() as connection:
            found = list(connection.execute(later.distinct().order_by(events.c.user_id).limit(_PAGE_USERS)).scalars())
        if not found:
            return
        yield found
        after = found[-1]


def _event_pages_by_user(database: Database, *queries: Select[Any]) -> Iterator[list[Sequence[Row[Any]]]]:
    """Yield the rows of every query for one page of about COUNT_ROWS events after another; no user is on two pages."""
    after, ended = None, False
    while not ended:
        rest: list[ColumnElement[bool]] = [] if after is None else [events.c.user_id > after]
        last_user = select(events.c.user_id).where(*rest).order_by(*KEY).offset(COUNT_ROWS - 1).limit(1)
        with database.read() as connection:
            after = connection.execute(last_user).scalar()
            ended = after is None
            page = rest if ended else [*rest, events.c.user_id <= after]
            found = [connection.execute(query.where(*page)).all() for query in queries]
        yield found


@dataclass
class EventCounts:
    """Sums over all events.

    Attributes:
        kinds: Kind → (number of events, sum of their values).
        n_users: The number of users with an event.
        newest_at: The time of the newest event in UTC seconds; None if no event has a time.
    """

    kinds: dict[str, tuple[int, float]] = field(default_factory=dict)
    n_users: int = 0
    newest_at: int | None = None


def count_events(database: Database) -> EventCounts:
    """Count events as they were recorded: returns, and what they take back, included."""
    users = select(func.count(distinct(events.c.user_id)))
    by_kind = select(events.c.kind, func.count(), func.sum(events.c.value), func.max(events.c.at))
    counts = EventCounts()
    for [[n_users]], kinds in _event_pages_by_user(database, users, by_kind.group_by(events.c.kind)):
        counts.n_users += n_users
        for kind, count, total, newest in kinds:
            known = counts.kinds.get(kind, (0, 0.0))
            counts.kinds[kind] = (known[0] + count, known[1] + total)
            counts.newest_at = max((at for at in (counts.newest_at, newest) if at is not None), default=None)
    return counts


def count_by_product(database: Database, kinds: Sequence[EventKind], since: int | None) -> Counter[str]:
    """Count the events of each product; purchases that were returned whole do not count.

    Args:
        kinds: The kinds of events that count.
        since: The time of the oldest event that counts, in UTC seconds; None for all.

    Returns:
        product_id → number of events; products without one are left out.
    """
    counted = and_(events.c.kind.in_([kind.value for kind in kinds]), NOT_RETURNED)
    if since is not None:
        counted = and_(counted, events.c.at >= since)
    counts: Counter[str] = Counter()
    # One text per page: a row per product and page takes three times as long. No id contains a line break.
    ids = select(func.aggregate_strings(events.c.product_id, "\n")).where(counted)
    for [[[text]]] in _event_pages_by_user(database, ids):
        if text is not None:
            counts.update(text.split("\n"))
    return counts


def returned_by_product(database: Database, since: int) -> Counter[str]:
    """Sum what was returned of the purchases of each product since a time in UTC seconds.

    Returns:
        product_id → returned quantity; products of which nothing was returned are left out.
    """
    has_returns = select(literal(1)).where(events.c.kind == EventKind.RETURN.value).limit(1)
    with database.read() as connection:
        if connection.execute(has_returns).first() is None:
            return Counter()
    counted = and_(events.c.kind == EventKind.PURCHASE.value, events.c.returned_quantity > 0, events.c.at >= since)
    query = select(events.c.product_id, func.sum(events.c.returned_quantity)).where(counted)
    returned: Counter[str] = Counter()
    for [rows] in _event_pages_by_user(database, query.group_by(events.c.product_id)):
        for product_id, quantity in rows:
            returned[product_id] += quantity
    return returned


def user_ids_with_prefix(database: Database, prefix: str, n: int) -> list[str]:
    """Return the first users whose ids begin with a text, in the order of their ids.

    One query does one seek along the key per user, whatever the number of their events.

    Args:
        prefix: The beginning; "" matches every id.
        n: The maximum number of ids.

    Returns:
        At most n ids.
    """
    before_end = events.c.user_id < prefix + _LAST_CHARACTER
    first = select(func.min(events.c.user_id).label("user_id"), literal(1).label("place"))
    found = first.where(events.c.user_id >= prefix, before_end).cte(recursive=True)
    following = select(func.min(events.c.user_id)).where(events.c.user_id > found.c.user_id, before_end)
    step = select(following.scalar_subquery(), found.c.place + 1)
    found = found.union_all(step.where(found.c.user_id.is_not(None), found.c.place < n))
    query = select(found.c.user_id).where(found.c.user_id.is_not(None)).order_by(found.c.place).limit(n)
    with database.read() as connection:
        return list(connection.execute(query).scalars())
