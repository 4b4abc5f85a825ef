"""Lists that were served, and what users then did with the products on them."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, select, tuple_, update

from src.core.domain import EventKind
from src.core.records import FollowUp, SearchFeedback, ServedFigures, ServedList
from src.core.shop_days import shop_day
from src.store.batches import PARAMETERS, batches
from src.store.database import Database
from src.store.search_store import normalize_query
from src.store.tables import followed, searches, served, shown

TEXT = "text"
CLICKS = (EventKind.CLICK.value, EventKind.VIEW.value)
_NO_END = 1 << 40
_WRITE_ROWS, _READ_ROWS = 1_000, 5_000
_LISTS_PER_REQUEST = 20
"""Only the newest lists of a request_id are searched: a sender may give all its requests the same one."""
_POSITION_COLUMNS = ("release", "made_for", "source", "position", "placement")
_SET_POSITION = (
    update(followed)
    .where(
        followed.c.request_id == bindparam("of_request"),
        followed.c.product_id == bindparam("of_product"),
        followed.c.kind == bindparam("of_kind"),
    )
    .values({name: bindparam(f"list_{name}") for name in ("day", "experiments", *_POSITION_COLUMNS)})
)


class ServedListStore:
    """Lists that were served, and follow-ups: what users then did with the products on them.

    Lists are counted by the days of the shop's calendar. A day that was counted stays as it is when the zone changes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, lists: Iterable[ServedList], zone: dt.tzinfo = dt.UTC) -> None:
        """Add lists, count their positions, and join the follow-ups that came before them.

        Args:
            lists: what was served.
            zone: the shop's time zone.
        """
        for part in batches(lists, _WRITE_ROWS):
            rows = [asdict(row) | {"products": json.dumps(row.products, separators=(",", ":"))} for row in part]
            with self._database.write() as connection:
                connection.execute(self._database.insert(served).on_conflict_do_nothing(), rows)
                self._count_positions(connection, part, zone)
                self._join(connection, {row.request_id for row in part}, zone)

    def _count_positions(self, connection: Connection, lists: Sequence[ServedList], zone: dt.tzinfo) -> None:
        positions = Counter(
            (shop_day(row.at, zone), row.release, row.made_for, source, position, row.placement)
            for row in lists
            for position, (_, source) in enumerate(row.products, 1)
        )
        if not positions:
            return
        incoming = self._database.insert(shown)
        statement = incoming.on_conflict_do_update(
            index_elements=["day", *_POSITION_COLUMNS], set_={"count": shown.c.count + incoming.excluded["count"]}
        )
        names = ("day", *_POSITION_COLUMNS, "count")
        # Sorted: the positions of most lists are the same rows.
        rows = [dict(zip(names, (*position, count), strict=True)) for position, count in sorted(positions.items())]
        connection.execute(statement, rows)

    def add_follow_ups(self, rows: Iterable[FollowUp], zone: dt.tzinfo = dt.UTC) -> int:
        """Add follow-ups; equal ones are stored once.

        A follow-up of a list for a text is search feedback too (SearchStore). One whose list is not stored yet waits
        for it.

        Args:
            rows: what followed.
            zone: the shop's time zone.

        Returns:
            The number of follow-ups that were joined with a list.
        """
        found = 0
        for part in batches(rows, _WRITE_ROWS):
            with self._database.write() as connection:
                connection.execute(
                    self._database.insert(followed).on_conflict_do_nothing(), [asdict(row) for row in part]
                )
                found += self._join(connection, {row.request_id for row in part}, zone)
        return found

    def _join(self, connection: Connection, request_ids: Iterable[str], zone: dt.tzinfo) -> int:
        """Join the follow-ups of these requests that have no list yet; return how many were joined.

        There is one writer at a time, so that of a list and its follow-up the later one finds the other.
        """
        n_joined = 0
        for part in batches(sorted(request_ids), PARAMETERS):
            waiting = select(followed).where(followed.c.request_id.in_(part), followed.c.position.is_(None))
            rows = connection.execute(waiting).all()
            if not rows:
                continue
            positions = _positions(connection, sorted({row.request_id for row in rows}))
            joined = [(row, positions[key]) for row in rows if (key := (row.request_id, row.product_id)) in positions]
            if not joined:
                continue
            connection.execute(_SET_POSITION, [_position_update(row, listed, zone) for row, listed in joined])
            feedback = [_feedback(row, listed.row) for row, listed in joined if listed.row.made_for == TEXT]
            if feedback:
                connection.execute(self._database.insert(searches).on_conflict_do_nothing(), feedback)
            n_joined += len(joined)
        return n_joined

    def newest(self, n: int) -> list[ServedList]:
        """Return at most n lists, newest first."""
        query = select(served).order_by(served.c.at.desc(), served.c.seq.desc()).limit(n)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return list(map(_served_list, rows))

    def read(self) -> Iterator[list[tuple[ServedList, dict[tuple[str, int], list[str]]]]]:
        """Yield pages of all lists, each with (product_id, position) → kinds of what followed, in order of requests."""
        key = (served.c.request_id, served.c.seq)
        query = select(served).order_by(*key).limit(_WRITE_ROWS)
        page = query
        while True:
            with self._database.read() as connection:
                rows = connection.execute(page).all()
                ids = sorted({row.request_id for row in rows})
                after = [
                    row
                    for part in batches(ids, PARAMETERS)
                    for row in connection.execute(select(followed).where(followed.c.request_id.in_(part)))
                ]
            if not rows:
                return
            kinds: dict[str, dict[tuple[str, int], list[str]]] = {id_: {} for id_ in ids}
            for row in sorted(after, key=lambda row: row.kind):
                kinds[row.request_id].setdefault((row.product_id, row.position), []).append(row.kind)
            yield [(_served_list(row), kinds[row.request_id]) for row in rows]
            page = query.where(tuple_(*key) > tuple_(rows[-1].request_id, rows[-1].seq))

    def figures(self, since: int = 0, before: int = _NO_END) -> list[ServedFigures]:
        """Count shown, clicked and bought positions by release, kind of list, source, position and placement.

        Args:
            since: Days since 1970 on the shop's calendar; lists of this day and later are counted.
            before: Lists of this day and later are not counted.

        Returns:
            The counts.
        """
        days = (since, before)
        columns = [shown.c[name] for name in _POSITION_COLUMNS]
        counted = (
            select(*columns, func.sum(shown.c.count).label("n")).where(_within(shown.c.day, days)).group_by(*columns)
        )
        with self._database.read() as connection:
            times: dict[Any, int] = {row[:-1]: int(row.n) for row in connection.execute(counted)}
            clicked = self._count_followed(connection, days, CLICKS)
            bought = self._count_followed(connection, days, (EventKind.PURCHASE.value,))
        return [
            ServedFigures(
                release=key[0],
                made_for=key[1],
                source=key[2],
                position=key[3],
                shown=times.get(key, 0),
                clicked=clicked.get(key, 0),
                bought=bought.get(key, 0),
                placement=key[4],
            )
            for key in sorted({*times, *clicked, *bought})
        ]

    def _count_followed(self, connection: Connection, days: tuple[int, int], kinds: Sequence[str]) -> dict[Any, int]:
        """Count the listed products with a follow-up of these kinds, by _POSITION_COLUMNS."""
        columns = [followed.c[name] for name in ("request_id", "product_id", *_POSITION_COLUMNS)]
        products = (
            select(*columns).where(_within(followed.c.day, days), followed.c.kind.in_(kinds)).distinct().subquery()
        )
        by = [products.c[name] for name in _POSITION_COLUMNS]
        counted = select(*by, func.count().label("n")).group_by(*by)
        return {row[:-1]: row.n for row in connection.execute(counted)}

    def followed(self) -> Iterator[JoinedFollowUp]:
        """Yield the follow-ups whose lists are known, in the order of their requests."""
        columns = (followed.c.product_id, followed.c.kind, followed.c.dedupe_key, followed.c.at, followed.c.made_for)
        place = (followed.c.placement, followed.c.source, followed.c.position, followed.c.experiments)
        query = select(followed.c.request_id, *columns, *place).where(followed.c.position.is_not(None))
        key = (followed.c.request_id, followed.c.product_id, followed.c.kind)
        page = query.order_by(*key).limit(_READ_ROWS)
        while True:
            with self._database.read() as connection:
                rows = connection.execute(page).all()
            if not rows:
                return
            for row in rows:
                joined = (row[1], row[2], row[3], row[4], row[5], row[6] or "", row[7], row[8], row[9] or "")
                yield JoinedFollowUp(*joined)
            page = (
                query.where(tuple_(*key) > tuple_(rows[-1][0], rows[-1][1], rows[-1][2]))
                .order_by(*key)
                .limit(_READ_ROWS)
            )

    def delete_before(self, before: int, limit: int, zone: dt.tzinfo = dt.UTC) -> int:
        """Delete old lists and follow-ups, and the counts of the days before.

        Args:
            before: UTC seconds; older rows are deleted.
            limit: The maximum number of lists, and of follow-ups, to delete in this transaction.
            zone: The shop's time zone.

        Returns:
            The number of lists and follow-ups deleted.
        """
        deleted = 0
        with self._database.write() as connection:
            for table in (served, followed):
                key = tuple_(*table.primary_key.columns)
                old = select(*table.primary_key.columns).where(table.c.at < before).limit(limit)
                deleted += connection.execute(delete(table).where(key.in_(old))).rowcount
            connection.execute(delete(shown).where(shown.c.day < shop_day(before, zone)))
        return deleted

    def clear(self, connection: Connection) -> None:
        """Delete everything, within the transaction of `connection`."""
        for table in (served, followed, shown):
            connection.execute(delete(table))


class JoinedFollowUp(NamedTuple):
    """A follow-up and where its list had the product; the event is found by product, kind and dedupe_key.

    experiments: the arms that the list was made for, as its answer named them; "" for none.
    """

    product_id: str
    kind: str
    dedupe_key: str
    at: int
    made_for: str
    placement: str
    source: str
    position: int
    experiments: str


class _Listed(NamedTuple):
    """A product on a served list: the row of the list, the product's source, and its position from 1."""

    row: Row[Any]
    source: str
    position: int


def _within(column: Any, days: tuple[int, int]) -> Any:
    return (column >= days[0]) & (column < days[1])


def _served_list(row: Row[Any]) -> ServedList:
    names = ("request_id", "seq", "at", "release", "made_for", "subject", "placement", "experiments")
    return ServedList(products=_products(row), **{name: getattr(row, name) for name in names})


def _products(row: Row[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((product_id, source) for product_id, source in json.loads(row.products))


def _positions(connection: Connection, request_ids: Sequence[str]) -> dict[tuple[str, str], _Listed]:
    """Return (request_id, product_id) → where the newest list of the request with that product has it."""
    newest = func.row_number().over(partition_by=served.c.request_id, order_by=served.c.seq.desc())
    ranked = select(served, newest.label("age")).where(served.c.request_id.in_(request_ids)).subquery()
    query = select(ranked).where(ranked.c.age <= _LISTS_PER_REQUEST).order_by(ranked.c.seq)
    positions: dict[tuple[str, str], _Listed] = {}
    for row in connection.execute(query):
        for position, (product_id, source) in enumerate(_products(row), 1):
            positions[row.request_id, product_id] = _Listed(row, source, position)
    return positions


def _position_update(row: Row[Any], listed: _Listed, zone: dt.tzinfo) -> dict[str, object]:
    return {
        "of_request": row.request_id,
        "of_product": row.product_id,
        "of_kind": row.kind,
        "list_day": shop_day(listed.row.at, zone),
        "list_release": listed.row.release,
        "list_made_for": listed.row.made_for,
        "list_source": listed.source,
        "list_position": listed.position,
        "list_placement": listed.row.placement,
        "list_experiments": listed.row.experiments,
    }


def _feedback(row: Row[Any], served_list: Row[Any]) -> dict[str, object]:
    query = normalize_query(served_list.subject or "")
    return asdict(SearchFeedback(query, row.product_id, row.kind, row.at, row.dedupe_key))
