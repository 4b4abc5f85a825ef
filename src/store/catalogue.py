"""What is known of products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from sqlalchemy import and_, func, or_, select

from src.core.domain import CategoryCount, Product, ProductAttributes, category_names
from src.store.batches import PARAMETERS, batches
from src.store.change_marks import PRODUCTS, note_change
from src.store.database import Database
from src.store.tables import products

_WRITTEN_AT_ONCE, _READ_AT_ONCE, _FACTS_AT_ONCE = 1_000, 5_000, 20_000


class SqlCatalogue:
    """The part of the Store protocol that is about products alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Iterable[Product]) -> int:
        # What a row does not mention (None) keeps its old value.
        incoming = self._database.insert(products)
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
            for part in batches(rows, _WRITTEN_AT_ONCE):
                connection.execute(statement, [asdict(product) for product in part])
                added += len(part)
            if added:
                note_change(self._database, connection, PRODUCTS)
        return added

    def get(self, product_ids: Iterable[str]) -> dict[str, Product]:
        found: dict[str, Product] = {}
        with self._database.read() as connection:
            for part in batches(dict.fromkeys(product_ids), PARAMETERS):
                for row in connection.execute(select(products).where(products.c.product_id.in_(part))):
                    found[row.product_id] = Product(**row._mapping)
        return found

    def pages(self) -> Iterator[list[Product]]:
        # Each page a transaction of its own, as of events: no writer waits for a whole catalogue to be read.
        query = select(products).order_by(products.c.product_id).limit(_READ_AT_ONCE)
        page = query
        while True:
            with self._database.read() as connection:
                found = [Product(**row._mapping) for row in connection.execute(page)]
            if not found:
                return
            yield found
            page = query.where(products.c.product_id > found[-1].product_id)

    def facts(self) -> Iterator[list[ProductAttributes]]:
        columns = [products.c[name] for name in ProductAttributes._fields]
        known = or_(*(column.is_not(None) for column in columns[1:]))
        query = select(*columns).where(known).order_by(products.c.product_id).limit(_FACTS_AT_ONCE)
        page = query
        while True:
            with self._database.read() as connection:
                found = [ProductAttributes(*row) for row in connection.execute(page)]
            if not found:
                return
            yield found
            page = query.where(products.c.product_id > found[-1].product_id)

    def withdrawn(self) -> frozenset[str]:
        with self._database.read() as connection:
            return frozenset(connection.execute(select(products.c.product_id).where(products.c.withdrawn)).scalars())

    def categories(self) -> list[CategoryCount]:
        # By the whole text of a category first: its index holds all that is asked for.
        query = (
            select(products.c.category, func.count())
            .where(products.c.category.is_not(None), products.c.withdrawn.is_not(True))
            .group_by(products.c.category)
        )
        counts: Counter[str] = Counter()
        with self._database.read() as connection:
            for category, count in connection.execute(query):
                counts.update(dict.fromkeys(category_names(category), count))
        ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return [CategoryCount(name, count) for name, count in ranked]

    def counted(self) -> tuple[int, bool]:
        """(how many products there are, whether any of them is made up)."""
        with self._database.read() as connection:
            n = connection.execute(select(func.count()).select_from(products)).scalar_one()
            made_up = connection.execute(select(products.c.product_id).where(products.c.made_up).limit(1)).first()
        return n, made_up is not None
