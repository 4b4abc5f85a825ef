"""The catalogue as columns of texts, for the search index and encoders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from src.core.domain import BoolArray, FloatArray, IntArray, Product, ProductAttributes
from src.interactions.item_attributes import ItemAttributes
from src.interactions.vocabulary import Vocabulary

_DESCRIPTION = 1_000
"""Characters. Later parts of descriptions are about delivery and warranty."""

_TEXTS = ("title", "description", "category", "brand")


@dataclass(frozen=True)
class CatalogueText:
    """Columns of length n, "" where nothing is known.

    Attributes:
        ids: of the products.
        title: titles.
        description: beginnings of descriptions.
        category: as in Product.
        brand: brands.
        price: float64, NaN where unknown.
        stock: int64, -1 where unknown.
        group: ids of the groups, given or guessed.
    """

    ids: list[str]
    title: list[str]
    description: list[str]
    category: list[str]
    brand: list[str]
    price: FloatArray
    stock: IntArray
    group: list[str]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, products: Iterable[Product]) -> CatalogueText:
        """Return the columns of products, in the order given."""
        columns: dict[str, list[str]] = {name: [] for name in ("ids", "group", *_TEXTS)}
        prices, stocks = [], []
        for product in products:
            columns["ids"].append(product.product_id)
            columns["group"].append(product.group or "")
            for name in _TEXTS:
                columns[name].append((getattr(product, name) or "")[:_DESCRIPTION])
            prices.append(np.nan if product.price is None else product.price)
            stocks.append(-1 if product.stock is None else product.stock)
        return cls(**columns, price=np.array(prices, np.float64), stock=np.array(stocks, np.int64))

    def aligned(self, items: Vocabulary) -> CatalogueText:
        """Return one row for each item; all empty for items that are not in this catalogue."""
        known = [(at, idx) for at, id_ in enumerate(self.ids) if (idx := items.idx_of(id_)) is not None]
        here, there = (np.array(part, np.int64) for part in (zip(*known, strict=True) if known else ((), ())))
        price, stock = np.full(len(items), np.nan), np.full(len(items), -1, np.int64)
        price[there], stock[there] = self.price[here], self.stock[here]
        texts = {name: _placed(getattr(self, name), here, there, len(items)) for name in (*_TEXTS, "group")}
        return CatalogueText(ids=items.ids_of(range(len(items))), **texts, price=price, stock=stock)

    def attributes(self) -> ItemAttributes:
        """Return the attributes that filters use, one row for each row."""
        columns = (self.ids, self.category, self.brand, self.price.tolist(), self.stock.tolist(), self.group)
        return ItemAttributes.of_rows([ProductAttributes(*row) for row in zip(*columns, strict=True)])

    def has_text(self) -> BoolArray:
        """Return bool[n]: which products have a title, a category or a description."""
        rows = zip(self.title, self.category, self.description, strict=True)
        return np.array([any(part.strip() for part in row) for row in rows], np.bool_)


def _placed(column: Sequence[str], here: IntArray, there: IntArray, n: int) -> list[str]:
    """Return n texts with column[here[i]] at there[i], and "" elsewhere."""
    placed = [""] * n
    for source, target in zip(here.tolist(), there.tolist(), strict=True):
        placed[target] = column[source]
    return placed
