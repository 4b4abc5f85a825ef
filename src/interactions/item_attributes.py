"""Attributes of a release's items that lists depend on: category, brand, price, stock, and the group of variants."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from src.core.domain import BoolArray, ExclusionReason, FloatArray, IntArray, ProductAttributes, ProductFilter, Rules
from src.core.mapped_arrays import mapped, save_arrays
from src.interactions.category_index import CategoryIndex, folded
from src.interactions.item_groups import ItemGroups
from src.interactions.vocabulary import Vocabulary

BRAND, CATEGORY, PRODUCT_ID = "brand", "category", "product_id"
"""Kinds of Boost."""
UNKNOWN = 0
"""Number of a category, brand or group that is not known."""
_ARRAYS = ("price", "stock", "category", "brand", "group")

Check = Callable[[IntArray], BoolArray]
"""Tells which of the given row numbers pass."""


@dataclass(frozen=True, eq=False)
class ItemAttributes:
    """Columns of length n_items. An unknown price passes no bound; an unknown stock counts as in stock.

    A category is the whole text of a product, because there are few distinct texts to search for names.

    Attributes:
        price: float64, NaN where unknown; float32 out of a search index that an older version saved.
        stock: int64, -1 where unknown.
        category: int32, numbers of the texts in `categories`.
        brand: int32, numbers in `brands`.
        categories: texts, of which the first is "", that is UNKNOWN.
        brands: folded name → number; "" is UNKNOWN.
        group: int32, numbers in `group_names`.
        group_names: id of a group → number; "" is UNKNOWN.
    """

    price: FloatArray
    stock: IntArray
    category: IntArray
    brand: IntArray
    categories: CategoryIndex
    brands: Mapping[str, int]
    group: IntArray
    group_names: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.price)

    @classmethod
    def empty(cls, n_items: int) -> ItemAttributes:
        """Return attributes that are all unknown."""
        unknown = np.full(n_items, UNKNOWN, np.int32)
        price, stock = np.full(n_items, np.nan), np.full(n_items, -1, np.int64)
        return cls(price, stock, unknown, unknown, CategoryIndex(("",)), {"": UNKNOWN}, unknown, {"": UNKNOWN})

    @classmethod
    def of(cls, pages: Iterable[Sequence[ProductAttributes]], items: Vocabulary) -> ItemAttributes:
        """Collect the attributes of items.

        Args:
            pages: attributes of products; those of products that are no items are left out.
            items: ids of the rows.

        Returns:
            One row for each item; all unknown for an item that no page has.
        """
        draft, find = _Draft(cls.empty(len(items))), None
        for rows in pages:
            find = find or items.finder()  # its table is of no use where no product has attributes
            draft.write(rows, find([row.product_id for row in rows]))
        return draft.attributes()

    @classmethod
    def of_rows(cls, rows: Sequence[ProductAttributes]) -> ItemAttributes:
        """Return attributes of which rows[i] is row i."""
        draft = _Draft(cls.empty(len(rows)))
        draft.write(rows, np.arange(len(rows)))
        return draft.attributes()

    def updated(self, rows: Iterable[ProductAttributes], items: Vocabulary) -> ItemAttributes:
        """Replace the attributes of a few products.

        Args:
            rows: the new attributes.
            items: ids of this object's rows.

        Returns:
            A changed copy.
        """
        draft, rows = _Draft(self), list(rows)
        draft.write(rows, items.rows_of([row.product_id for row in rows]))
        return draft.attributes()

    def differing(self, rows: Iterable[ProductAttributes], items: Vocabulary) -> list[ProductAttributes]:
        """Select the attributes that differ from those held here.

        Args:
            rows: attributes of products; products that are no items are ignored.
            items: ids of this object's rows.

        Returns:
            The differing rows, in their order.
        """
        numbered = ((row, items.idx_of(row.product_id)) for row in rows)
        return [row for row, item in numbered if item is not None and not self._equals(item, row)]

    def _equals(self, item: int, row: ProductAttributes) -> bool:
        price, stock = float(self.price[item]), int(self.stock[item])
        if (None if np.isnan(price) else price, None if stock < 0 else stock) != (row.price, row.stock):
            return False
        if self.brands.get(folded(row.brand or "")) != int(self.brand[item]):
            return False
        if self.group_names.get(row.group or "") != int(self.group[item]):
            return False
        return self.categories.texts[int(self.category[item])] == (row.category or "")

    @cached_property
    def groups(self) -> ItemGroups | None:
        """Which items are variants of one thing; None if no two are."""
        return ItemGroups.of(self.group, self.stock)

    def of_group(self, group: str) -> frozenset[int]:
        """Return the row numbers of the items of a group."""
        number = self.group_names.get(group, UNKNOWN)
        return frozenset() if number == UNKNOWN else frozenset(np.flatnonzero(self.group == number).tolist())

    def without_stock(self) -> ItemAttributes:
        """Return a copy in which every stock is unknown: what is sold out now says nothing about lists of the past."""
        return replace(self, stock=np.full(len(self), -1, np.int64))

    def fitting(self, wanted: ProductFilter) -> BoolArray | None:
        """Return bool[n_items], the items that pass the filter; None if it filters nothing."""
        rows = np.arange(len(self))
        passed: BoolArray | None = None
        for _, check in self._checks(wanted):
            passed = check(rows) if passed is None else passed & check(rows)
        return passed

    def refusal(self, wanted: ProductFilter, item: int) -> ExclusionReason | None:
        """Find out why a filter leaves an item out.

        Args:
            wanted: the filter.
            item: row number.

        Returns:
            The reason of the first check that fails; None if the item passes.
        """
        row = np.array([item])
        return next((reason for reason, check in self._checks(wanted) if not check(row)[0]), None)

    def _checks(self, wanted: ProductFilter) -> Iterator[tuple[ExclusionReason, Check]]:
        """Yield every check of a filter, with the reason that it gives."""
        price, stock, category = self.price, self.stock, self.category
        if wanted.categories:
            included = self.categories.having(wanted.categories)
            yield ExclusionReason.CATEGORY, lambda items: included[category[items]]
        if wanted.not_categories:
            not_excluded = ~self.categories.having(wanted.not_categories)
            yield ExclusionReason.CATEGORY, lambda items: not_excluded[category[items]]
        if wanted.brands:
            chosen = np.array(sorted({self.brands.get(folded(name), -1) for name in wanted.brands}))
            yield ExclusionReason.BRAND, lambda items: np.isin(self.brand[items], chosen)
        if unwanted := {self.brands.get(folded(name), UNKNOWN) for name in wanted.not_brands} - {UNKNOWN}:
            numbers, brand = np.array(sorted(unwanted)), self.brand
            yield ExclusionReason.BRAND, lambda items: ~np.isin(brand[items], numbers)
        if wanted.min_price is not None:
            lowest = wanted.min_price
            yield ExclusionReason.PRICE, lambda items: price[items] >= lowest
        if wanted.max_price is not None:
            highest = wanted.max_price
            yield ExclusionReason.PRICE, lambda items: price[items] <= highest
        if wanted.in_stock:
            yield ExclusionReason.STOCK, lambda items: stock[items] != 0

    def factors(self, rules: Rules, items: Vocabulary) -> FloatArray:
        """Multiply the boosts of each item.

        Args:
            rules: with boosts of categories, brands or products.
            items: ids of this object's rows.

        Returns:
            float32[n_items], 1 where no boost applies.
        """
        factor = np.ones(len(self), np.float32)
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

    def save(self, folder: Path) -> None:
        """Write the columns and their names into the folder, which is made."""
        save_arrays(self, _ARRAYS, folder)
        names = {"categories": self.categories.texts, "brands": list(self.brands), "groups": list(self.group_names)}
        (folder / "names.json").write_text(json.dumps(names), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ItemAttributes:
        """Map what `save` wrote."""
        names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
        has_groups = "groups" in names  # older versions knew none
        arrays = {name: mapped(folder / f"{name}.npy") for name in _ARRAYS if has_groups or name != "group"}
        brands, groups = (_numbered(names.get(each, [""])) for each in ("brands", "groups"))
        group = arrays.pop("group", None)
        group = np.full(len(arrays["price"]), UNKNOWN, np.int32) if group is None else group
        return cls(
            categories=CategoryIndex(names["categories"]), brands=brands, group=group, group_names=groups, **arrays
        )


class _Draft:
    """A copy of item attributes that can be written to."""

    def __init__(self, base: ItemAttributes) -> None:
        self._price, self._stock = base.price.copy(), base.stock.copy()
        self._category, self._brand, self._group = base.category.copy(), base.brand.copy(), base.group.copy()
        self._base_categories, self._brands = base.categories, dict(base.brands)
        self._groups = dict(base.group_names)
        self._categories = {text: number for number, text in enumerate(base.categories.texts)}
        self._folded: dict[str, str] = {}

    def write(self, rows: Sequence[ProductAttributes], items: IntArray) -> None:
        """Write the attributes of rows[i] to the item items[i], unless it is -1."""
        known = items >= 0
        at, rows = items[known], [row for row, is_known in zip(rows, known.tolist(), strict=True) if is_known]
        self._price[at] = [np.nan if row.price is None else row.price for row in rows]
        self._stock[at] = [-1 if row.stock is None else row.stock for row in rows]
        self._category[at] = [_number(self._categories, row.category or "") for row in rows]
        self._brand[at] = [_number(self._brands, self._fold(row.brand or "")) for row in rows]
        self._group[at] = [_number(self._groups, row.group or "") for row in rows]

    def _fold(self, brand: str) -> str:
        key = self._folded.get(brand)
        return self._folded.setdefault(brand, folded(brand)) if key is None else key

    def attributes(self) -> ItemAttributes:
        # Without a new text the index is shared, so that its caches need not be computed again.
        has_new = len(self._categories) != len(self._base_categories)
        categories = CategoryIndex(tuple(self._categories)) if has_new else self._base_categories
        return ItemAttributes(
            self._price,
            self._stock,
            self._category,
            self._brand,
            categories,
            self._brands,
            self._group,
            self._groups,
        )


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def _number(numbers: dict[str, int], name: str) -> int:
    """Return the number of a name; a new name gets the next one."""
    return numbers.setdefault(name, len(numbers))
