"""The shelf: what rules ask of products, category, brand, price and stock, as columns over a release's items."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from src.dataset.interactions import Vocabulary
from src.domain import (
    CATEGORY_LIST,
    CATEGORY_PATH,
    BoolArray,
    Facts,
    FloatArray,
    IntArray,
    Rules,
    WhyNot,
    category_names,
)

BRAND, CATEGORY, PRODUCT_ID = "brand", "category", "product_id"
"""Kinds of Boost."""
UNKNOWN = 0
"""The number of a category or brand that is not known."""

Check = Callable[[IntArray], BoolArray]
"""Says of items, by row number, which of them pass."""


@dataclass(frozen=True, eq=False)
class Shelf:
    """Columns of one length n_items. price: float64, NaN unknown. stock: int64, -1 unknown. category, brand: int32
    numbers of the texts in `categories` and `brands`, which begin with the empty one of UNKNOWN.

    A category is kept as the whole text that a product has; which names are in it is asked of the few texts there are.
    """

    price: FloatArray
    stock: IntArray
    category: IntArray
    brand: IntArray
    categories: tuple[str, ...] = ("",)
    brands: tuple[str, ...] = ("",)

    @classmethod
    def empty(cls, n_items: int) -> Shelf:
        """One that knows nothing of any item."""
        unknown = np.full(n_items, UNKNOWN, np.int32)
        return cls(np.full(n_items, np.nan), np.full(n_items, -1, np.int64), unknown, unknown)

    @classmethod
    def of(cls, facts: Iterable[Facts], items: Vocabulary) -> Shelf:
        """What these facts say; those of products that are no items are left out."""
        return cls.empty(len(items)).updated(facts, items)

    def updated(self, facts: Iterable[Facts], items: Vocabulary) -> Shelf:
        """The same, with these facts instead of what was known of their products."""
        rows = list(facts)
        item = items.rows_of([row.product_id for row in rows])
        known = item >= 0
        at, rows = item[known], [row for row, is_known in zip(rows, known.tolist(), strict=True) if is_known]
        categories, brands = _Texts(self.categories), _Texts(self.brands)
        price, stock = self.price.copy(), self.stock.copy()
        price[at] = [np.nan if row.price is None else row.price for row in rows]
        stock[at] = [-1 if row.stock is None else row.stock for row in rows]
        category, brand = self.category.copy(), self.brand.copy()
        category[at] = [categories.number(row.category or "") for row in rows]
        brand[at] = [brands.number(folded(row.brand or "")) for row in rows]
        return Shelf(price, stock, category, brand, categories.texts, brands.texts)

    def differing(self, facts: Iterable[Facts], items: Vocabulary) -> list[Facts]:
        """Those that say something else than the shelf."""
        at = ((row, items.idx_of(row.product_id)) for row in facts)
        return [row for row, item in at if item is not None and not self._says(item, row)]

    def _says(self, item: int, row: Facts) -> bool:
        price, stock = float(self.price[item]), int(self.stock[item])
        texts = self.categories[self.category[item]], self.brands[self.brand[item]]
        numbers = None if np.isnan(price) else price, None if stock < 0 else stock
        return (numbers, texts) == ((row.price, row.stock), (row.category or "", folded(row.brand or "")))

    # filters

    def fitting(self, rules: Rules) -> BoolArray | None:
        """bool[n_items]: what the rules' filters leave; None where they have none."""
        every = np.arange(len(self.price))
        passed: BoolArray | None = None
        for _, check in self._checks(rules):
            passed = check(every) if passed is None else passed & check(every)
        return passed

    def refusal(self, rules: Rules, item: int) -> WhyNot | None:
        """The first filter of the rules that this item does not pass; None if it passes all."""
        asked = np.array([item])
        return next((reason for reason, check in self._checks(rules) if not check(asked)[0]), None)

    def _checks(self, rules: Rules) -> Iterator[tuple[WhyNot, Check]]:
        """Every filter of the rules: the reason it gives, and the check."""
        price, stock, category = self.price, self.stock, self.category
        if rules.categories:
            among = self._texts_with(rules.categories)
            yield WhyNot.CATEGORY, lambda items: among[category[items]]
        if rules.not_categories:
            besides = ~self._texts_with(rules.not_categories)
            yield WhyNot.CATEGORY, lambda items: besides[category[items]]
        if rules.min_price is not None:
            lowest = rules.min_price
            yield WhyNot.PRICE, lambda items: price[items] >= lowest
        if rules.max_price is not None:
            highest = rules.max_price
            yield WhyNot.PRICE, lambda items: price[items] <= highest
        if rules.in_stock:
            yield WhyNot.STOCK, lambda items: stock[items] != 0

    def _texts_with(self, names: Collection[str]) -> BoolArray:
        """bool[n_categories]: whose texts hold one of these names, in any case."""
        wanted = {folded(name) for name in names}
        return np.array([not wanted.isdisjoint(map(folded, category_names(text))) for text in self.categories])

    # boosts

    def factors(self, rules: Rules, items: Vocabulary) -> FloatArray:
        """float32[n_items]: what the boosts make of each item, 1 where none is meant."""
        factor = np.ones(len(self.price), np.float32)
        for boost in rules.boosts:
            if boost.kind == PRODUCT_ID:
                item = items.idx_of(boost.name)
                if item is not None:
                    factor[item] *= np.float32(boost.factor)
            elif boost.kind == CATEGORY:
                factor[self._texts_with([boost.name])[self.category]] *= np.float32(boost.factor)
            else:
                meant = np.array([text == folded(boost.name) != "" for text in self.brands])
                factor[meant[self.brand]] *= np.float32(boost.factor)
        return factor


def folded(name: str) -> str:
    """A name as it is compared: in any case, and with any blanks."""
    return " ".join(name.casefold().split())


def narrowest(category: str) -> frozenset[str]:
    """The last name of each of the paths that a category's text holds."""
    ends = (folded(path.split(CATEGORY_PATH)[-1]) for path in category.split(CATEGORY_LIST))
    return frozenset(end for end in ends if end)


class _Texts:
    """Numbers for texts, in the order in which they came."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self._number = {text: at for at, text in enumerate(texts)}

    def number(self, text: str) -> int:
        return self._number.setdefault(text, len(self._number))

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(self._number)
