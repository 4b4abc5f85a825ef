"""Look at the products of a catalogue as a whole: their prices, and how many have what. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from src.core.domain import Product
from src.ingestion.data_checks import Check, check_of

_MOST = 10_000  # products looked at
_FEW = 20  # prices from which their range says something
_FAR_APART = 10_000  # times: no shop has such prices for a twentieth of its products each
_LOW = 0.05  # half of a shop's prices are not below it
_FACTS = ("title", "category", "brand", "price", "image_url", "stock", "group_id")
_WORDS = {"image_url": "picture", "group_id": "group", "stock": "number in stock", "description": "text"}


def noun_of(fact: str) -> str:
    """Return what people call a fact of products."""
    return _WORDS.get(fact, fact)


@dataclass
class CatalogueEvidence:
    """What the first products of a file show.

    Attributes:
        ids: Of the products looked at.
        filled: Fact → products that have it.
        prices: Prices above 0.
        n_unlisted: Products that the catalogue keeps back.
    """

    ids: list[str] = field(default_factory=list)
    filled: Counter[str] = field(default_factory=Counter)
    prices: list[float] = field(default_factory=list)
    n_unlisted: int = 0

    @property
    def n_products(self) -> int:
        """Products looked at."""
        return len(self.ids)

    def add(self, products: Sequence[Product]) -> None:
        """Look at products, as long as there were few."""
        for product in products[: max(_MOST - self.n_products, 0)]:
            self.ids.append(product.product_id)
            self.filled.update(fact for fact in _FACTS if getattr(product, fact) is not None)
            self.n_unlisted += bool(product.unlisted)
            if product.price:
                self.prices.append(product.price)

    def totals(self) -> list[str]:
        """Return one line of what the products come to, by which people see a misreading; none without products."""
        if not self.n_products:
            return []
        facts = [f"{self.filled[fact]:,} with a {noun_of(fact)}" for fact in _FACTS if self.filled[fact]]
        facts += [f"{self.n_unlisted:,} not listed"] if self.n_unlisted else []
        which = f"the first {_MOST:,} products" if self.n_products == _MOST else "these products"
        prices = ""
        if self.prices:
            low, half, high = np.quantile(self.prices, (0, 0.5, 1), method="lower")
            prices = f"; prices {low:,.2f} to {high:,.2f}, half of them at most {half:,.2f}"
        return [f"{which}: {', '.join(facts) or 'nothing but their ids'}{prices}"]

    def checks(self) -> Iterator[Check]:
        """Yield the check of prices, where there are enough and it fails."""
        if len(self.prices) < _FEW:
            return
        low, half, high = np.quantile(self.prices, (0.05, 0.5, 0.95))
        if half < _LOW or high > _FAR_APART * low:
            yield check_of(
                "prices",
                False,
                f"a twentieth of them is below {low:,.2f}, half below {half:,.2f}, a twentieth above {high:,.2f}",
                f"half of them above {_LOW:g}, and less than {_FAR_APART:,} times between",
                "see whether another column has the price: --columns price=COLUMN, or none: --columns price=",
            )
