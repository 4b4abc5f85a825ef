"""All events, page by page along their key: read, and counted.

Every page is a short transaction of its own. Under SQLite's rollback journal a writer's commit waits for whoever
reads, and everybody else then waits for the writer. What is stored meanwhile is seen in part.
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
_LAST_CHARACTER = "\U0010ffff"
"""No character is above it, and no id holds it."""

KEY = (events.c.user_id, events.c.product_id, events.c.kind, events.c.mark)
NOT_TAKEN_BACK = or_(events.c.taken_back == 0, events.c.taken_back < events.c.value)
NET = and_(events.c.kind != EventKind.RETURN.value, NOT_TAKEN_BACK)
"""What is left when returns are set against purchases; with NET_VALUE."""
NET_VALUE = (events.c.value - events.c.taken_back).label("value")


def event_pages(database: Database, *, as_recorded: bool) -> Iterator[EventBatch]:
    """Batches of up to READ_ROWS events in the order of their key, with numbers; net of returns, or as recorded."""
    shown = events.c.value if as_recorded else NET_VALUE
    query = select(*KEY, shown, events.c.at, events.c.number).order_by(*KEY).limit(READ_ROWS)
    query = query if as_recorded else query.where(NET)
    page = query
    while True:
        with database.read() as connection:
            rows = connection.execute(page).fetchall()
        if not rows:
            return
        users, items, kinds, marks, values, times, numbers = zip(*rows, strict=True)
        at = np.array([NO_TIME if time is None else time for time in times], dtype=np.int64)
        value, number = np.array(values, dtype=np.float64), np.array(numbers, dtype=np.int64)
        yield EventBatch(list(users), list(items), list(kinds), value, at, list(marks), number)
        page = query.where(tuple_(*KEY) > tuple_(*rows[-1][: len(KEY)]))


def _user_pages(database: Database, *queries: Select[Any]) -> Iterator[list[Sequence[Row[Any]]]]:
    """The rows of every query over one page of some COUNT_ROWS events, until all were on one; no user is on two."""
    after, ended = None, False
    while not ended:
        rest: list[ColumnElement[bool]] = [] if after is None else [events.c.user_id > after]
        border = select(events.c.user_id).where(*rest).order_by(*KEY).offset(COUNT_ROWS - 1).limit(1)
        with database.read() as connection:
            after = connection.execute(border).scalar()
            ended = after is None
            page = rest if ended else [*rest, events.c.user_id <= after]
            found = [connection.execute(query.where(*page)).all() for query in queries]
        yield found


@dataclass
class Counts:
    """Sums over all events. kinds: kind → (events, sum of their values). newest_at: UTC seconds, None without times."""

    kinds: dict[str, tuple[int, float]] = field(default_factory=dict)
    n_users: int = 0
    newest_at: int | None = None


def count_events(database: Database) -> Counts:
    """Every event that is stored, returns and what they take back included."""
    users = select(func.count(distinct(events.c.user_id)))
    by_kind = select(events.c.kind, func.count(), func.sum(events.c.value), func.max(events.c.at))
    counts = Counts()
    for [[n_users]], kinds in _user_pages(database, users, by_kind.group_by(events.c.kind)):
        counts.n_users += n_users
        for kind, count, total, newest in kinds:
            known = counts.kinds.get(kind, (0, 0.0))
            counts.kinds[kind] = (known[0] + count, known[1] + total)
            counts.newest_at = max((at for at in (counts.newest_at, newest) if at is not None), default=None)
    return counts


def count_by_product(database: Database, kinds: Sequence[EventKind], since: int | None) -> Counter[str]:
    """How many events of these kinds, since a time in UTC seconds, each product has; not those that are taken back."""
    wanted = and_(events.c.kind.in_([kind.value for kind in kinds]), NOT_TAKEN_BACK)
    if since is not None:
        wanted = and_(wanted, events.c.at >= since)
    counts: Counter[str] = Counter()
    # One text a page: a row for every product of every page would take three times as long. No id has a line's end.
    ids = select(func.aggregate_strings(events.c.product_id, "\n")).where(wanted)
    for [[[text]]] in _user_pages(database, ids):
        if text is not None:
            counts.update(text.split("\n"))
    return counts


def users_from(database: Database, prefix: str, n: int) -> list[str]:
    """At most n user ids that begin with a text, in their order: one seek along the key for each, in one query, so that
    somebody with a million events costs no more than somebody with one.
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
