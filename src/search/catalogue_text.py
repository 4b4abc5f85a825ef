"""The catalogue as columns: what search and encoders read of products."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from src.core.domain import FloatArray, IntArray, Product, category_names
from src.interactions.vocabulary import Vocabulary

_DESCRIPTION, _ENCODED_DESCRIPTION = 1_000, 200
"""Characters: beyond them a description tells of delivery and warranty. An encoder averages, so it gets fewer."""

_TEXTS = ("title", "description", "category", "brand")


@dataclass(frozen=True)
class CatalogueText:
    """Columns of one length n. Texts are "" where nothing is known, price (float32) is NaN, stock (int64) -1."""

    ids: list[str]
    title: list[str]
    description: list[str]
    category: list[str]
    brand: list[str]
    price: FloatArray
    stock: IntArray

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(cls, products: Iterable[Product]) -> CatalogueText:
        """In the order given."""
        columns: dict[str, list[str]] = {name: [] for name in ("ids", *_TEXTS)}
        prices, stocks = [], []
        for product in products:
            columns["ids"].append(product.product_id)
            for name in _TEXTS:
                columns[name].append((getattr(product, name) or "")[:_DESCRIPTION])
            prices.append(np.nan if product.price is None else product.price)
            stocks.append(-1 if product.stock is None else product.stock)
        return cls(**columns, price=np.array(prices, np.float32), stock=np.array(stocks, np.int64))

    def aligned(self, items: Vocabulary) -> CatalogueText:
        """One row for each item, in the order of row numbers; nothing is known of those that are not here."""
        known = [(at, idx) for at, id_ in enumerate(self.ids) if (idx := items.idx_of(id_)) is not None]
        here, there = (np.array(part, np.int64) for part in (zip(*known, strict=True) if known else ((), ())))
        price, stock = np.full(len(items), np.nan, np.float32), np.full(len(items), -1, np.int64)
        price[there], stock[there] = self.price[here], self.stock[here]
        texts = {name: _placed(getattr(self, name), here, there, len(items)) for name in _TEXTS}
        return CatalogueText(ids=items.ids_of(range(len(items))), **texts, price=price, stock=stock)

    def passages(self) -> list[str]:
        """What is encoded of each product: title, category and the beginning of the description; "" without any."""
        return [
            ". ".join(part for part in (title, " ".join(category_names(category)), text[:_ENCODED_DESCRIPTION]) if part)
            for title, category, text in zip(self.title, self.category, self.description, strict=True)
        ]


def _placed(column: Sequence[str], here: IntArray, there: IntArray, n: int) -> list[str]:
    placed = [""] * n
    for source, target in zip(here.tolist(), there.tolist(), strict=True):
        placed[target] = column[source]
    return placed
