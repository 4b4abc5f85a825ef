"""The catalogue of products."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, delete, exists, func, or_, select, update

from src.core.domain import CategoryCount, Product, ProductAttributes, category_names
from src.store.batches import PARAMETERS, batches
from src.store.change_marks import PRODUCTS, changed_at, note_change
from src.store.database import Database
from src.store.tables import products

SYNTHETIC = select(products.c.product_id).where(products.c.made_up)
"""Ids of the synthetic products."""
_DESCRIBED = or_(*(products.c[name].is_not(None) for name in ("title", "category", "brand", "image_url")))
_INHERITED = ("title", "description", "category", "brand", "price", "image_url")
_WRITE_ROWS, _READ_ROWS, _READ_ATTRIBUTES = 1_000, 5_000, 20_000


class ProductStore:
    """The products that are known, from the catalogue or from an event alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, rows: Iterable[Product]) -> int:
        """Add or update products. A None keeps the stored value; a real product does not become synthetic.

        Returns:
            The number of rows given.
        """
        incoming = self._database.insert(products)
        merged: dict[str, ColumnElement[Any]] = {
            column.name: func.coalesce(incoming.excluded[column.name], column)
            for column in products.columns
            if column.name not in ("product_id", "made_up")
        }
        merged["made_up"] = and_(products.c.made_up, incoming.excluded.made_up)
        statement = incoming.on_conflict_do_update(index_elements=["product_id"], set_=merged)
        added = 0
        with self._database.write() as connection:
            for part in batches(rows, _WRITE_ROWS):
                connection.execute(statement, [asdict(product) for product in part])
                added += len(part)
            if added:
                note_change(self._database, connection, PRODUCTS)
        return added

    def get(self, product_ids: Iterable[str]) -> dict[str, Product]:
        """Return the known ones among these products, by id."""
        found: dict[str, Product] = {}
        with self._database.read() as connection:
            for part in batches(dict.fromkeys(product_ids), PARAMETERS):
                for row in connection.execute(select(products).where(products.c.product_id.in_(part))):
                    found[row.product_id] = Product(**row._mapping)
        return found

    def read(self) -> Iterator[list[Product]]:
        """Yield all products, page by page, in the order of their ids."""
        # Each page is a transaction of its own, as for events: no writer waits for a whole catalogue to be read.
        query = select(products).order_by(products.c.product_id).limit(_READ_ROWS)
        page = query
        while True:
            with self._database.read() as connection:
                found = [Product(**row._mapping) for row in connection.execute(page)]
            if not found:
                return
            yield found
            page = query.where(products.c.product_id > found[-1].product_id)

    def read_attributes(self) -> Iterator[list[ProductAttributes]]:
        """Yield the attributes that rules use, page by page, in the order of ids; products without any are left out."""
        group = func.coalesce(products.c.group_id, products.c.guessed_group)
        columns = [*(products.c[name] for name in ProductAttributes._fields if name != "group"), group]
        known = or_(*(column.is_not(None) for column in columns[1:]))
        query = select(*columns).where(known).order_by(products.c.product_id).limit(_READ_ATTRIBUTES)
        page = query
        while True:
            with self._database.read() as connection:
                found = [ProductAttributes(*row) for row in connection.execute(page)]
            if not found:
                return
            yield found
            page = query.where(products.c.product_id > found[-1].product_id)

    def titled(self) -> Iterator[list[tuple[str, str, str | None, str | None, str | None]]]:
        """Yield id, title, brand, category and guessed group of the products without a given group, page by page."""
        names = ("product_id", "title", "brand", "category", "guessed_group")
        query = (
            select(*(products.c[name] for name in names))
            .where(products.c.title.is_not(None), products.c.group_id.is_(None))
            .order_by(products.c.product_id)
            .limit(_READ_ATTRIBUTES)
        )
        page = query
        while True:
            with self._database.read() as connection:
                found = [(row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(page)]
            if not found:
                return
            yield found
            page = query.where(products.c.product_id > found[-1][0])

    def set_guessed_groups(self, groups: Iterable[tuple[str, str | None]]) -> None:
        """Store the guessed groups of products; None for none. In short transactions."""
        self._set("guessed_group", groups)

    def set_groups(self, groups: Iterable[tuple[str, str]]) -> None:
        """Store the groups of products that are known already; of others nothing is stored."""
        self._set("group_id", groups)

    def _set(self, name: str, values: Iterable[tuple[str, str | None]]) -> None:
        column = products.c[name]
        statement = update(products).where(products.c.product_id == bindparam("of")).values({column: bindparam("to")})
        for part in batches(values, _WRITE_ROWS):
            with self._database.write() as connection:
                connection.execute(statement, [{"of": id_, "to": value} for id_, value in part])
                note_change(self._database, connection, PRODUCTS)

    def join_parents(self) -> None:
        """Put products whose id is the group of others into that group: the parent of variants is one of them."""
        parents = products.alias()
        children = select(products.c.group_id).where(products.c.group_id.is_not(None))
        alone = select(parents.c.product_id).where(parents.c.group_id.is_(None), parents.c.product_id.in_(children))
        with self._database.read() as connection:
            found = list(connection.execute(alone).scalars())
        self.set_groups((id_, id_) for id_ in found)

    def inherit(self) -> tuple[dict[str, int], int]:
        """Give variants what their own rows lack and the row of their parent has; one of a hidden parent is hidden.

        Returns:
            Column → how many took it, for those that some took, and how many were hidden.
        """
        parents = products.alias()
        of_parent = and_(parents.c.product_id == products.c.group_id, parents.c.product_id != products.c.product_id)
        lacking = [and_(products.c[name].is_(None), parents.c[name].is_not(None)) for name in _INHERITED]
        values = {
            name: func.coalesce(products.c[name], select(parents.c[name]).where(of_parent).scalar_subquery())
            for name in _INHERITED
        }
        shown = and_(products.c.unlisted.is_not(True), exists().where(of_parent, parents.c.unlisted.is_(True)))
        counts = select(*(func.count(case((lacks, 1))) for lacks in lacking)).join_from(products, parents, of_parent)
        with self._database.write() as connection:
            taken = {name: n for name, n in zip(_INHERITED, connection.execute(counts).one(), strict=True) if n}
            if taken:
                filled = update(products).where(exists().where(of_parent, or_(*lacking))).values(values)
                connection.execute(filled)
            n_hidden = connection.execute(update(products).where(shown).values(unlisted=True)).rowcount
            if taken or n_hidden:
                note_change(self._database, connection, PRODUCTS)
        return taken, n_hidden

    def forget_guesses(self) -> None:
        """Forget all guessed groups."""
        with self._database.write() as connection:
            statement = update(products).where(products.c.guessed_group.is_not(None)).values(guessed_group=None)
            if connection.execute(statement).rowcount:
                note_change(self._database, connection, PRODUCTS)

    def group_of(self, product: Product) -> list[str]:
        """Return the ids of the products of a product's group, itself included, without withdrawn ones; in order."""
        if product.group is None:
            return [product.product_id]
        given = products.c.group_id == product.group_id
        guessed = and_(products.c.guessed_group == product.guessed_group, products.c.group_id.is_(None))
        query = (
            select(products.c.product_id)
            .where(given if product.group_id is not None else guessed)
            .where(products.c.withdrawn.is_not(True), products.c.unlisted.is_not(True))
            .order_by(products.c.product_id)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def withdrawn(self) -> frozenset[str]:
        """Return the ids of products that must not be listed: withdrawn, or kept back by the catalogue. Quick."""
        return withdrawn_ids(self._database)

    def categories(self) -> list[CategoryCount]:
        """Count the products of each category name, without withdrawn ones; most first, then by name."""
        # Grouped by the whole text of a category: an index holds all that this reads.
        query = (
            select(products.c.category, func.count())
            .where(
                products.c.category.is_not(None), products.c.withdrawn.is_not(True), products.c.unlisted.is_not(True)
            )
            .group_by(products.c.category)
        )
        counts: Counter[str] = Counter()
        with self._database.read() as connection:
            for category, count in connection.execute(query):
                counts.update(dict.fromkeys(category_names(category), count))
        ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return [CategoryCount(name, count) for name, count in ranked]

    def sample_ids(self, n: int, *, described: bool) -> list[str]:
        """Return up to n ids of products that are described, or of those that are known from events alone.

        Args:
            n: The most ids.
            described: Whether they have a title, category, brand or image.

        Returns:
            Ids, in their order.
        """
        condition = _DESCRIBED if described else ~_DESCRIBED
        with self._database.read() as connection:
            query = select(products.c.product_id).where(condition).order_by(products.c.product_id).limit(n)
            return list(connection.execute(query).scalars())

    def described_among(self, product_ids: Iterable[str]) -> set[str]:
        """Return those of these products that have a title, category, brand or image."""
        found: set[str] = set()
        with self._database.read() as connection:
            for part in batches(dict.fromkeys(product_ids), PARAMETERS):
                query = select(products.c.product_id).where(products.c.product_id.in_(part), _DESCRIBED)
                found.update(connection.execute(query).scalars())
        return found

    def count_undescribed(self) -> int:
        """Count the products that events have named and no catalogue has described."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(products).where(~_DESCRIBED)).scalar_one()

    def delete(self, connection: Connection, product_ids: Iterable[str]) -> None:
        """Delete products; their events stay.

        Args:
            connection: The transaction.
            product_ids: The products.
        """
        note_change(self._database, connection, PRODUCTS)
        for part in batches(product_ids, PARAMETERS):
            connection.execute(delete(products).where(products.c.product_id.in_(part)))

    def count(self) -> int:
        """Count the products, withdrawn and synthetic ones included."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(products)).scalar_one()

    def changed_at(self) -> int | None:
        """Return when a product was last added, updated or deleted: microseconds since 1970, never the same twice.

        None if that is not known: in an empty store, or one that an early version filled. Quick.
        """
        return changed_at(self._database, PRODUCTS)

    def has_synthetic(self) -> bool:
        """Return whether any product is synthetic. Quick."""
        with self._database.read() as connection:
            return connection.execute(SYNTHETIC.limit(1)).first() is not None

    def delete_synthetic(self, connection: Connection) -> int:
        """Delete the synthetic products within the transaction of `connection`; return their number."""
        note_change(self._database, connection, PRODUCTS)
        return connection.execute(delete(products).where(products.c.made_up)).rowcount


def withdrawn_ids(database: Database) -> frozenset[str]:
    """Return the ids of products that must not be listed."""
    # Two queries, each by an index of its own: an OR would read the whole table.
    with database.read() as connection:
        return frozenset(
            product_id
            for column in (products.c.withdrawn, products.c.unlisted)
            for product_id in connection.execute(select(products.c.product_id).where(column)).scalars()
        )
