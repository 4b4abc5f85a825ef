"""Lists that were answered, and what people then did to the products on them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, func, select, tuple_, update

from src.core.domain import DAY, EventKind
from src.core.records import FollowUp, SearchFeedback, ServedFigures, ServedList
from src.store.batches import PARAMETERS, batches
from src.store.database import Database
from src.store.searches import one_query
from src.store.tables import followed, searches, served, shown

TEXT = "text"
CLICKS = (EventKind.CLICK.value, EventKind.VIEW.value)
_WRITTEN_AT_ONCE = 1_000
_LISTS_OF_A_REQUEST = 20
"""Of one request_id only the newest so many are looked at: a sender may give all its requests the same one."""
_PLACE = ("release", "made_for", "source", "position")
_FIND = (
    update(followed)
    .where(
        followed.c.request_id == bindparam("of_request"),
        followed.c.product_id == bindparam("of_product"),
        followed.c.kind == bindparam("of_kind"),
    )
    .values({name: bindparam(f"its_{name}") for name in ("day", *_PLACE)})
)


class SqlServed:
    """See the Served protocol for what every method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, lists: Iterable[ServedList]) -> None:
        for part in batches(lists, _WRITTEN_AT_ONCE):
            rows = [asdict(each) | {"products": json.dumps(each.products, separators=(",", ":"))} for each in part]
            with self._database.write() as connection:
                connection.execute(self._database.insert(served).on_conflict_do_nothing(), rows)
                self._count(connection, part)
                self._join(connection, {each.request_id for each in part})

    def _count(self, connection: Connection, lists: Sequence[ServedList]) -> None:
        places = Counter(
            (each.at // DAY, each.release, each.made_for, source, position)
            for each in lists
            for position, (_, source) in enumerate(each.products, 1)
        )
        if not places:
            return
        incoming = self._database.insert(shown)
        added = incoming.on_conflict_do_update(
            index_elements=["day", *_PLACE], set_={"count": shown.c.count + incoming.excluded["count"]}
        )
        names = ("day", *_PLACE, "count")
        # In one order, as everybody's places are much the same.
        rows = [dict(zip(names, (*place, count), strict=True)) for place, count in sorted(places.items())]
        connection.execute(added, rows)

    def follow(self, rows: Iterable[FollowUp]) -> int:
        found = 0
        for part in batches(rows, _WRITTEN_AT_ONCE):
            with self._database.write() as connection:
                connection.execute(
                    self._database.insert(followed).on_conflict_do_nothing(), [asdict(each) for each in part]
                )
                found += self._join(connection, {each.request_id for each in part})
        return found

    def _join(self, connection: Connection, request_ids: Iterable[str]) -> int:
        """Find the lists of what followed these requests and has none yet. Whoever writes takes turns, so that of a
        list and what followed it the one that is stored later sees the other.
        """
        found = 0
        for part in batches(sorted(request_ids), PARAMETERS):
            waiting = select(followed).where(followed.c.request_id.in_(part), followed.c.position.is_(None))
            rows = connection.execute(waiting).all()
            if not rows:
                continue
            places = _places(connection, sorted({row.request_id for row in rows}))
            joined = [(row, places[key]) for row in rows if (key := (row.request_id, row.product_id)) in places]
            if not joined:
                continue
            connection.execute(_FIND, [_update(row, *place) for row, place in joined])
            followed_a_text = [_searched(row, place[0]) for row, place in joined if place[0].made_for == TEXT]
            if followed_a_text:
                connection.execute(self._database.insert(searches).on_conflict_do_nothing(), followed_a_text)
            found += len(joined)
        return found

    def newest(self, n: int) -> list[ServedList]:
        query = select(served).order_by(served.c.at.desc(), served.c.number.desc()).limit(n)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [ServedList(**{**row._mapping, "products": _products(row)}) for row in rows]

    def figures(self, since: int) -> list[ServedFigures]:
        day = since // DAY
        place = [shown.c[name] for name in _PLACE]
        counted = select(*place, func.sum(shown.c.count).label("n")).where(shown.c.day >= day).group_by(*place)
        with self._database.read() as connection:
            times: dict[Any, int] = {row[:-1]: int(row.n) for row in connection.execute(counted)}
            clicked = self._followed(connection, day, CLICKS)
            bought = self._followed(connection, day, (EventKind.PURCHASE.value,))
        return [
            ServedFigures(key[0], key[1], key[2], key[3], times.get(key, 0), clicked.get(key, 0), bought.get(key, 0))
            for key in sorted({*times, *clicked, *bought})
        ]

    def _followed(self, connection: Connection, day: int, kinds: Sequence[str]) -> dict[Any, int]:
        columns = [followed.c[name] for name in ("request_id", "product_id", *_PLACE)]
        places = select(*columns).where(followed.c.day >= day, followed.c.kind.in_(kinds)).distinct().subquery()
        place = [places.c[name] for name in _PLACE]
        counted = select(*place, func.count().label("n")).group_by(*place)
        return {row[:-1]: row.n for row in connection.execute(counted)}

    def forget(self, before: int, most: int) -> int:
        removed = 0
        with self._database.write() as connection:
            for table in (served, followed):
                key = tuple_(*table.primary_key.columns)
                old = select(*table.primary_key.columns).where(table.c.at < before).limit(most)
                removed += connection.execute(delete(table).where(key.in_(old))).rowcount
            connection.execute(delete(shown).where(shown.c.day < before // DAY))
        return removed

    def clear(self, connection: Connection) -> None:
        """Remove everything, within somebody's transaction."""
        for table in (served, followed, shown):
            connection.execute(delete(table))


def _products(row: Row[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((product_id, source) for product_id, source in json.loads(row.products))


def _places(connection: Connection, request_ids: Sequence[str]) -> dict[tuple[str, str], tuple[Row[Any], str, int]]:
    """(request_id, product_id) → (the newest list of the request that has the product, its source, its position)."""
    newest = func.row_number().over(partition_by=served.c.request_id, order_by=served.c.number.desc())
    numbered = select(served, newest.label("age")).where(served.c.request_id.in_(request_ids)).subquery()
    query = select(numbered).where(and_(numbered.c.age <= _LISTS_OF_A_REQUEST)).order_by(numbered.c.number)
    places: dict[tuple[str, str], tuple[Row[Any], str, int]] = {}
    for row in connection.execute(query):
        for position, (product_id, source) in enumerate(_products(row), 1):
            places[row.request_id, product_id] = (row, source, position)
    return places


def _update(row: Row[Any], its: Row[Any], source: str, position: int) -> dict[str, object]:
    return {
        "of_request": row.request_id,
        "of_product": row.product_id,
        "of_kind": row.kind,
        "its_day": its.at // DAY,
        "its_release": its.release,
        "its_made_for": its.made_for,
        "its_source": source,
        "its_position": position,
    }


def _searched(row: Row[Any], its: Row[Any]) -> dict[str, object]:
    return asdict(SearchFeedback(one_query(its.asked or ""), row.product_id, row.kind, row.at, row.mark))
