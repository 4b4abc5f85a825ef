"""Look up category names in the category texts of products."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from src.core.domain import CATEGORY_LIST, CATEGORY_PATH, BoolArray, category_names


def folded(name: str) -> str:
    """Return the key by which names are compared: without case, and with single blanks."""
    return " ".join(name.casefold().split())


def narrowest(category: str) -> frozenset[str]:
    """Return the keys of the last name of each path in a category text."""
    ends = (folded(path.split(CATEGORY_PATH)[-1]) for path in category.split(CATEGORY_LIST))
    return frozenset(end for end in ends if end)


class CategoryIndex:
    """The distinct category texts of a catalogue, numbered by their position."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = tuple(texts)

    def __len__(self) -> int:
        return len(self.texts)

    def having(self, names: Iterable[str]) -> BoolArray:
        """Return bool[n]: which texts contain one of these names, at any level of a path."""
        found = np.zeros(len(self), np.bool_)
        for name in names:
            found[self._by_key.get(folded(name), [])] = True
        return found

    def ending(self, end: str) -> list[int]:
        """Return the numbers of the texts of which this key is a narrowest name."""
        return self._by_end[end]

    @cached_property
    def keys(self) -> list[frozenset[str]]:
        """The keys of all names in each text."""
        return [frozenset(map(folded, category_names(text))) for text in self.texts]

    @cached_property
    def ends(self) -> list[frozenset[str]]:
        """The keys of the narrowest names of each text."""
        return [narrowest(text) for text in self.texts]

    @cached_property
    def _by_key(self) -> dict[str, list[int]]:
        return _numbers_by(self.keys)

    @cached_property
    def _by_end(self) -> dict[str, list[int]]:
        return _numbers_by(self.ends)


def _numbers_by(keys: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    """Return, for every key, the numbers of the texts that have it."""
    numbers: dict[str, list[int]] = {}
    for number, keys_of_text in enumerate(keys):
        for key in keys_of_text:
            numbers.setdefault(key, []).append(number)
    return numbers
