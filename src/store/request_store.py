"""What lists were asked for, kept so that they can be made again."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, delete, select, tuple_

from src.core.domain import Recommendation
from src.core.list_recipes import AskedList, DrawnPlaces, ListRecipe
from src.store.batches import PARAMETERS, batches
from src.store.database import Database
from src.store.tables import followed, requests

_WRITE_ROWS, _READ_ROWS = 500, 5_000
_PLAIN = ("request_id", "seq", "at", "user_id", "release", "placement", "experiments", "n_stored", "history")


class RequestStore:
    """Lists as they were asked for. Rows name users: PersonStore shows and erases them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, asked: Iterable[AskedList]) -> None:
        """Add lists; one that is there stays."""
        for part in batches(asked, _WRITE_ROWS):
            with self._database.write() as connection:
                statement = self._database.insert(requests).on_conflict_do_nothing()
                connection.execute(statement, [_row(each) for each in part])

    def newest_of(self, request_id: str) -> AskedList | None:
        """Return the last list of a request; None if none is kept."""
        query = select(requests).where(requests.c.request_id == request_id).order_by(requests.c.seq.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _asked(row)

    def drawn(self, since: int) -> Iterator[tuple[AskedList, list[tuple[str, str]]]]:
        """Yield the lists with places that were drawn by chance, in the order of their requests.

        Args:
            since: UTC seconds; older lists are left out.

        Yields:
            A list, and what followed it: (product_id, kind).
        """
        key = (requests.c.request_id, requests.c.seq)
        query = select(requests).where(requests.c.drawn.is_not(None), requests.c.at >= since).order_by(*key)
        page = query.limit(_READ_ROWS)
        while True:
            done: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
            with self._database.read() as connection:
                rows = connection.execute(page).all()
                for part in batches((row.request_id for row in rows), PARAMETERS):
                    columns = (followed.c.request_id, followed.c.product_id, followed.c.kind)
                    for request_id, product_id, kind in connection.execute(
                        select(*columns).where(columns[0].in_(part))
                    ):
                        done[request_id].append((product_id, kind))
            if not rows:
                return
            for row in rows:
                yield _asked(row), done[row.request_id]
            page = query.where(tuple_(*key) > tuple_(rows[-1].request_id, rows[-1].seq)).limit(_READ_ROWS)

    def delete_before(self, before: int, limit: int) -> int:
        """Delete old lists.

        Args:
            before: UTC seconds; older lists are deleted.
            limit: The maximum number of lists to delete in this transaction.

        Returns:
            The number of lists deleted.
        """
        key = tuple_(*requests.primary_key.columns)
        old = select(*requests.primary_key.columns).where(requests.c.at < before).limit(limit)
        with self._database.write() as connection:
            return connection.execute(delete(requests).where(key.in_(old))).rowcount

    def clear(self, connection: Connection) -> None:
        """Delete everything, within the transaction of `connection`."""
        connection.execute(delete(requests))


def _row(asked: AskedList) -> dict[str, Any]:
    places = [[place.product_id, place.score, place.source, place.filled_by] for place in asked.places]
    return {name: getattr(asked, name) for name in _PLAIN} | {
        "recipe": json.dumps(asked.recipe.to_json(), separators=(",", ":")),
        "places": json.dumps(places, separators=(",", ":")),
        "drawn": None if asked.drawn is None else json.dumps(asked.drawn, separators=(",", ":")),
    }


def _asked(row: Row[Any]) -> AskedList:
    recipe = ListRecipe.from_json(json.loads(row.recipe), row.user_id)
    places = tuple(Recommendation(*fields) for fields in json.loads(row.places))
    fields: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN}
    drawn = None
    if row.drawn is not None:
        pool, share, propensities, *among = json.loads(row.drawn)
        drawn = DrawnPlaces(tuple(pool), share, tuple(propensities), *among)
    return AskedList(**fields, recipe=recipe, places=places, drawn=drawn)
