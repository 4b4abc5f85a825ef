"""The shelf: what rules ask of products, category, brand, price and stock, as columns over a release's items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from src.core.domain import (
    CATEGORY_LIST,
    CATEGORY_PATH,
    BoolArray,
    ExclusionReason,
    FloatArray,
    IntArray,
    ProductAttributes,
    Rules,
    category_names,
)
from src.interactions.vocabulary import Vocabulary

BRAND, CATEGORY, PRODUCT_ID = "brand", "category", "product_id"
"""Kinds of Boost."""
UNKNOWN = 0
"""The number of a category or brand that is not known."""

Check = Callable[[IntArray], BoolArray]
"""Says of items, by row number, which of them pass."""


@dataclass(frozen=True, eq=False)
class ItemAttributes:
    """Columns of one length n_items. price: float64, NaN unknown. stock: int64, -1 unknown. category, brand: int32
    numbers of the texts in `categories` and of the names in `brands`, both of which begin with "", that is UNKNOWN.

    A category is kept as the whole text that a product has; which names are in it is asked of the few texts there are.
    """

    price: FloatArray
    stock: IntArray
    category: IntArray
    brand: IntArray
    categories: CategoryIndex
    brands: Mapping[str, int]

    @classmethod
    def empty(cls, n_items: int) -> ItemAttributes:
        """One that knows nothing of any item."""
        unknown = np.full(n_items, UNKNOWN, np.int32)
        price, stock = np.full(n_items, np.nan), np.full(n_items, -1, np.int64)
        return cls(price, stock, unknown, unknown, CategoryIndex(("",)), {"": UNKNOWN})

    @classmethod
    def of(cls, pages: Iterable[Sequence[ProductAttributes]], items: Vocabulary) -> ItemAttributes:
        """What these facts say; those of products that are no items are left out."""
        draft, find = _Draft(cls.empty(len(items))), items.finder()
        for rows in pages:
            draft.write(rows, find([row.product_id for row in rows]))
        return draft.shelf()

    def updated(self, facts: Iterable[ProductAttributes], items: Vocabulary) -> ItemAttributes:
        """The same, with these few facts instead of what was known of their products."""
        draft, rows = _Draft(self), list(facts)
        draft.write(rows, items.rows_of([row.product_id for row in rows]))
        return draft.shelf()

    def differing(self, facts: Iterable[ProductAttributes], items: Vocabulary) -> list[ProductAttributes]:
        """Those that say something else than the shelf."""
        at = ((row, items.idx_of(row.product_id)) for row in facts)
        return [row for row, item in at if item is not None and not self._says(item, row)]

    def _says(self, item: int, row: ProductAttributes) -> bool:
        price, stock = float(self.price[item]), int(self.stock[item])
        if (None if np.isnan(price) else price, None if stock < 0 else stock) != (row.price, row.stock):
            return False
        if self.brands.get(folded(row.brand or "")) != int(self.brand[item]):
            return False
        return self.categories.texts[int(self.category[item])] == (row.category or "")

    # filters

    def fitting(self, rules: Rules) -> BoolArray | None:
        """bool[n_items]: what the rules' filters leave; None where they have none."""
        every = np.arange(len(self.price))
        passed: BoolArray | None = None
        for _, check in self._checks(rules):
            passed = check(every) if passed is None else passed & check(every)
        return passed

    def refusal(self, rules: Rules, item: int) -> ExclusionReason | None:
        """The first filter of the rules that this item does not pass; None if it passes all."""
        asked = np.array([item])
        return next((reason for reason, check in self._checks(rules) if not check(asked)[0]), None)

    def _checks(self, rules: Rules) -> Iterator[tuple[ExclusionReason, Check]]:
        """Every filter of the rules: the reason it gives, and the check."""
        price, stock, category = self.price, self.stock, self.category
        if rules.categories:
            among = self.categories.having(rules.categories)
            yield ExclusionReason.CATEGORY, lambda items: among[category[items]]
        if rules.not_categories:
            besides = ~self.categories.having(rules.not_categories)
            yield ExclusionReason.CATEGORY, lambda items: besides[category[items]]
        if rules.min_price is not None:
            lowest = rules.min_price
            yield ExclusionReason.PRICE, lambda items: price[items] >= lowest
        if rules.max_price is not None:
            highest = rules.max_price
            yield ExclusionReason.PRICE, lambda items: price[items] <= highest
        if rules.in_stock:
            yield ExclusionReason.STOCK, lambda items: stock[items] != 0

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
                factor[self.categories.having([boost.name])[self.category]] *= np.float32(boost.factor)
            elif brand := self.brands.get(folded(boost.name), UNKNOWN):
                factor[self.brand == brand] *= np.float32(boost.factor)
        return factor


class CategoryIndex:
    """The texts of categories, each with its number, which is its place, and what is asked of them."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)

    def __len__(self) -> int:
        return len(self.texts)

    def having(self, names: Iterable[str]) -> BoolArray:
        """bool[n]: which texts hold one of these names, wide or narrow, in any case."""
        found = np.zeros(len(self), np.bool_)
        for name in names:
            found[self._by_name.get(folded(name), [])] = True
        return found

    def ending(self, end: str) -> list[int]:
        """The numbers of the texts of which this is a narrowest name."""
        return self._by_end[end]

    @cached_property
    def ends(self) -> list[frozenset[str]]:
        """The narrowest names of each text."""
        return [narrowest(text) for text in self.texts]

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        return _numbers_by([map(folded, category_names(text)) for text in self.texts])

    @cached_property
    def _by_end(self) -> dict[str, list[int]]:
        return _numbers_by(self.ends)


def _numbers_by(names: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """Every name, and the numbers of those that have it."""
    found: dict[str, list[int]] = {}
    for number, its in enumerate(names):
        for name in its:
            found.setdefault(name, []).append(number)
    return found


def folded(name: str) -> str:
    """A name as it is compared: in any case, and with any blanks."""
    return " ".join(name.casefold().split())


def narrowest(category: str) -> frozenset[str]:
    """The last name of each of the paths that a category's text holds."""
    ends = (folded(path.split(CATEGORY_PATH)[-1]) for path in category.split(CATEGORY_LIST))
    return frozenset(end for end in ends if end)


class _Draft:
    """A copy of a shelf that is being written to."""

    def __init__(self, shelf: ItemAttributes) -> None:
        self._price, self._stock = shelf.price.copy(), shelf.stock.copy()
        self._category, self._brand = shelf.category.copy(), shelf.brand.copy()
        self._known, self._brands = shelf.categories, dict(shelf.brands)
        self._categories = {text: at for at, text in enumerate(shelf.categories.texts)}
        self._folded: dict[str, str] = {}

    def write(self, rows: Sequence[ProductAttributes], items: IntArray) -> None:
        """Of rows[i] the item is items[i], -1 for none."""
        known = items >= 0
        at, rows = items[known], [row for row, is_known in zip(rows, known.tolist(), strict=True) if is_known]
        self._price[at] = [np.nan if row.price is None else row.price for row in rows]
        self._stock[at] = [-1 if row.stock is None else row.stock for row in rows]
        self._category[at] = [_number(self._categories, row.category or "") for row in rows]
        self._brand[at] = [_number(self._brands, self._fold(row.brand or "")) for row in rows]

    def _fold(self, brand: str) -> str:
        found = self._folded.get(brand)
        return self._folded.setdefault(brand, folded(brand)) if found is None else found

    def shelf(self) -> ItemAttributes:
        # The same object where no text is new: what it knows of them was worked out once.
        is_known = len(self._categories) == len(self._known)
        categories = self._known if is_known else CategoryIndex(tuple(self._categories))
        return ItemAttributes(self._price, self._stock, self._category, self._brand, categories, self._brands)


def _number(numbers: dict[str, int], text: str) -> int:
    return numbers.setdefault(text, len(numbers))
