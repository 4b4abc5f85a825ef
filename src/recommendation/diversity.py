"""Cap the number of items of one category or brand on a list."""

from __future__ import annotations

from collections import Counter

import numpy as np

from src.core.domain import ExclusionReason, IntArray, Rules
from src.interactions.item_attributes import UNKNOWN, ItemAttributes

_AT_ONCE = 1_000


class DiversityCaps:
    """Takes items in the order in which they are offered, as long as the caps allow.

    Attributes:
        watched_refusal: the cap that refused the watched item when it was offered; None if none did.
    """

    def __init__(self, attributes: ItemAttributes, rules: Rules, watched: int | None = None) -> None:
        self._attributes, self._rules, self._watched = attributes, rules, watched
        self._of_end: Counter[str] = Counter()
        self._of_brand: Counter[int] = Counter()
        n_categories, n_brands = (len(attributes.categories), len(attributes.brands)) if rules.has_caps else (0, 0)
        self._full_category, self._full_brand = np.zeros(n_categories, np.bool_), np.zeros(n_brands, np.bool_)
        self.watched_refusal: ExclusionReason | None = None

    def take(self, items: IntArray, n: int) -> IntArray:
        """Take items, each of which counts towards the caps from now on.

        Args:
            items: int64[m], row numbers in the order of the offer.
            n: highest number of items to take.

        Returns:
            int64[≤ n], positions in `items`, ascending.
        """
        taken = self._take(items, n) if self._rules.has_caps else np.arange(min(n, len(items)))
        n_offered = (int(taken[-1]) if len(taken) else 0) if len(taken) == n else len(items)
        if self._watched is not None and self._watched in items[:n_offered]:
            self.watched_refusal = self._refusal(self._watched)
        return taken

    def _take(self, items: IntArray, n: int) -> IntArray:
        taken: list[int] = []
        for start in range(0, len(items), _AT_ONCE):
            part = items[start : start + _AT_ONCE]
            room = ~(
                self._full_category[self._attributes.category[part]] | self._full_brand[self._attributes.brand[part]]
            )
            for at in np.flatnonzero(room).tolist():
                if len(taken) == n:
                    return np.array(taken, np.int64)
                if self._refusal(int(part[at])) is None:
                    taken.append(start + at)
                    self._count(int(part[at]))
        return np.array(taken, np.int64)

    def _refusal(self, item: int) -> ExclusionReason | None:
        """Return the cap that an item would exceed; None if it may be taken."""
        if not self._rules.has_caps:
            return None
        if self._full_category[self._attributes.category[item]]:
            return ExclusionReason.MAX_PER_CATEGORY
        return ExclusionReason.MAX_PER_BRAND if self._full_brand[self._attributes.brand[item]] else None

    def _count(self, item: int) -> None:
        """Count a taken item, and mark the categories and brands that have reached their caps."""
        category, brand = int(self._attributes.category[item]), int(self._attributes.brand[item])
        for end in self._attributes.categories.ends[category]:
            self._of_end[end] += 1
            if self._of_end[end] == self._rules.max_per_category:
                self._full_category[self._attributes.categories.ending(end)] = True
        self._of_brand[brand] += 1
        if brand != UNKNOWN and self._of_brand[brand] == self._rules.max_per_brand:
            self._full_brand[brand] = True
