"""Choosing a list's places out of products in their order, with no more of a category or brand than the rules allow."""

from __future__ import annotations

from collections import Counter

import numpy as np

from src.core.domain import ExclusionReason, FloatArray, IntArray, Rules
from src.interactions.item_attributes import UNKNOWN, ItemAttributes

_AT_ONCE = 1_000


def boosted(score: FloatArray, factor: FloatArray) -> FloatArray:
    """Scores as boosts make them: multiplied where they are 0 or more, divided below, so that more is never less."""
    return np.asarray(np.where(score >= 0, score * factor, score / factor))


class DiversityCaps:
    """Takes products in the order in which they are offered, while the rules have room for their category and brand."""

    def __init__(self, shelf: ItemAttributes, rules: Rules) -> None:
        self._shelf, self._rules = shelf, rules
        self._of_end: Counter[str] = Counter()
        self._of_brand: Counter[int] = Counter()
        self._full_category = np.zeros(len(shelf.categories), np.bool_)
        self._full_brand = np.zeros(len(shelf.brands), np.bool_)

    @property
    def is_strict(self) -> bool:
        """Whether it can refuse anything."""
        return self._rules.max_per_category is not None or self._rules.max_per_brand is not None

    def take(self, items: IntArray, n: int) -> IntArray:
        """int64: places among `items` of at most n products that there was room for, each counted as taken."""
        if not self.is_strict:
            return np.arange(min(n, len(items)))
        taken: list[int] = []
        for start in range(0, len(items), _AT_ONCE):
            part = items[start : start + _AT_ONCE]
            room = ~(self._full_category[self._shelf.category[part]] | self._full_brand[self._shelf.brand[part]])
            for at in np.flatnonzero(room).tolist():
                if len(taken) == n:
                    return np.array(taken, np.int64)
                if self.refusal(int(part[at])) is None:
                    taken.append(start + at)
                    self._count(int(part[at]))
        return np.array(taken, np.int64)

    def refusal(self, item: int) -> ExclusionReason | None:
        """The rule that has no room for this item any more; None while there is some."""
        if not self.is_strict:
            return None
        if self._full_category[self._shelf.category[item]]:
            return ExclusionReason.MAX_PER_CATEGORY
        return ExclusionReason.MAX_PER_BRAND if self._full_brand[self._shelf.brand[item]] else None

    def _count(self, item: int) -> None:
        category, brand = int(self._shelf.category[item]), int(self._shelf.brand[item])
        for end in self._shelf.categories.ends[category]:
            self._of_end[end] += 1
            if self._of_end[end] == self._rules.max_per_category:
                self._full_category[self._shelf.categories.ending(end)] = True
        self._of_brand[brand] += 1
        if brand != UNKNOWN and self._of_brand[brand] == self._rules.max_per_brand:
            self._full_brand[brand] = True
