"""The shelf: what rules ask of products, category, brand, price and stock, as columns over a release's items."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
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
    def of(cls, pages: Iterable[Sequence[Facts]], items: Vocabulary) -> Shelf:
        """What these facts say; those of products that are no items are left out."""
        draft, find = _Draft(cls.empty(len(items))), items.finder()
        for rows in pages:
            draft.write(rows, find([row.product_id for row in rows]))
        return draft.shelf()

    def updated(self, facts: Iterable[Facts], items: Vocabulary) -> Shelf:
        """The same, with these few facts instead of what was known of their products."""
        draft, rows = _Draft(self), list(facts)
        draft.write(rows, items.rows_of([row.product_id for row in rows]))
        return draft.shelf()

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


class _Draft:
    """A copy of a shelf that is being written to."""

    def __init__(self, shelf: Shelf) -> None:
        self._price, self._stock = shelf.price.copy(), shelf.stock.copy()
        self._category, self._brand = shelf.category.copy(), shelf.brand.copy()
        self._categories = {text: at for at, text in enumerate(shelf.categories)}
        self._brands = {text: at for at, text in enumerate(shelf.brands)}

    def write(self, rows: Sequence[Facts], items: IntArray) -> None:
        """Of rows[i] the item is items[i], -1 for none."""
        for row, item in zip(rows, items.tolist(), strict=True):
            if item >= 0:
                self._price[item] = np.nan if row.price is None else row.price
                self._stock[item] = -1 if row.stock is None else row.stock
                self._category[item] = _number(self._categories, row.category or "")
                self._brand[item] = _number(self._brands, folded(row.brand or ""))

    def shelf(self) -> Shelf:
        texts = tuple(self._categories), tuple(self._brands)
        return Shelf(self._price, self._stock, self._category, self._brand, *texts)


def _number(numbers: dict[str, int], text: str) -> int:
    return numbers.setdefault(text, len(numbers))
